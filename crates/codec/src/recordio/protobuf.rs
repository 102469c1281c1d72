//! The message `aialgs.data.Record`, read and written by hand: five fields, four kinds of values.
//!
//! Unknown fields are skipped, numbers may be packed or not, and of a field that is there twice the last one counts, as
//! protobuf wants it.

mod wire;

use std::borrow::Cow;

use self::wire::{Field, Message, push_bytes, push_varint};
use crate::{
    array::{Array, Dtype},
    error::{EncodeError, RecordFault},
};

/// One record: named values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record<'a> {
    /// Field 1.
    pub features: Vec<(&'a str, Value<'a>)>,
    /// Field 2.
    pub label: Vec<(&'a str, Value<'a>)>,
    /// Field 3.
    pub uid: Option<&'a str>,
    /// Field 4.
    pub metadata: Option<&'a str>,
    /// Field 5.
    pub configuration: Option<&'a str>,
}

/// A value of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value<'a> {
    /// None of the kinds below.
    #[default]
    Empty,
    /// Fields 2, 3 and 7: numbers.
    Tensor(Tensor<'a>),
    /// Field 9: raw bytes, such as images.
    Bytes {
        /// Field 1.
        values: Vec<&'a [u8]>,
        /// Field 2.
        content_type: Option<&'a str>,
    },
}

/// A vector of float32, float64 or int32, dense or sparse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor<'a> {
    values: Array<'a>,
    keys: Vec<u64>,
    shape: Vec<u64>,
}

impl<'a> Record<'a> {
    /// Most features of a record, and most labels: two bytes of a payload are enough for one of them.
    pub const MAX_NAMED: usize = 1 << 16;

    /// Reads a payload.
    ///
    /// **Units and limits**: float values are views if they are in one piece. The rest takes at most 8 bytes a byte of
    /// the payload; there are at most [`Record::MAX_NAMED`] features, and as many labels.
    ///
    /// # Errors
    /// [`RecordFault::Protobuf`].
    pub fn decode(payload: &'a [u8]) -> Result<Self, RecordFault> {
        let mut record = Self::default();
        let mut message = Message::new(payload, 0);
        while let Some((number, field)) = message.next()? {
            match number {
                1 => insert(&mut record.features, &field)?,
                2 => insert(&mut record.label, &field)?,
                3 => record.uid = Some(field.text()?),
                4 => record.metadata = Some(field.text()?),
                5 => record.configuration = Some(field.text()?),
                _ => {}
            }
        }
        Ok(record)
    }

    /// Appends the payload: fields by their numbers, numbers packed.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for (number, map) in [(1, &self.features), (2, &self.label)] {
            for (name, value) in map {
                let (mut entry, mut inner) = (Vec::new(), Vec::new());
                push_bytes(1, name.as_bytes(), &mut entry);
                value.encode(&mut inner);
                push_bytes(2, &inner, &mut entry);
                push_bytes(number, &entry, out);
            }
        }
        for (number, text) in [(3, self.uid), (4, self.metadata), (5, self.configuration)] {
            if let Some(text) = text {
                push_bytes(number, text.as_bytes(), out);
            }
        }
    }

    /// The feature of that name; of several the last, as in a protobuf map.
    pub fn feature(&self, name: &str) -> Option<&Value<'a>> {
        last(&self.features, name)
    }

    /// The label of that name; of several the last.
    pub fn label(&self, name: &str) -> Option<&Value<'a>> {
        last(&self.label, name)
    }
}

impl<'a> Tensor<'a> {
    /// All values, in order.
    ///
    /// # Errors
    /// [`EncodeError::Unencodable`] for other types than float32, float64 and int32.
    pub fn dense(values: Array<'a>) -> Result<Self, EncodeError> {
        Self::sparse(values, Vec::new(), Vec::new())
    }

    /// The values that aren't zero, the place of each, and the lengths of the axes.
    ///
    /// # Errors
    /// As [`Tensor::dense`].
    pub fn sparse(values: Array<'a>, keys: Vec<u64>, shape: Vec<u64>) -> Result<Self, EncodeError> {
        match values.dtype() {
            Dtype::Float32 | Dtype::Float64 | Dtype::Int32 => Ok(Self {
                values,
                keys,
                shape,
            }),
            other => Err(EncodeError::Unencodable {
                dtype: other.to_string(),
            }),
        }
    }

    /// The values, as a vector.
    pub fn values(&self) -> &Array<'a> {
        &self.values
    }

    /// The place of each value; none for a dense tensor.
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// The lengths of the axes, if they are said.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// True if there are values that aren't written: those between the keys.
    pub fn is_sparse(&self) -> bool {
        !self.keys.is_empty() || (self.values.n_items() == 0 && !self.shape.is_empty())
    }

    fn decode(dtype: Dtype, field: &Field<'a>) -> Result<Self, RecordFault> {
        let mut values = Cow::Borrowed(&[][..]);
        let (mut keys, mut shape) = (Vec::new(), Vec::new());
        let mut message = field.message()?;
        while let Some((number, field)) = message.next()? {
            match number {
                1 => push_values(&dtype, &field, &mut values)?,
                2 => field.varints(|key| keys.push(key))?,
                3 => field.varints(|length| shape.push(length))?,
                _ => {}
            }
        }
        let length = values.len() / dtype.item_bytes();
        let values = Array::try_new(dtype, vec![length], values)
            .map_err(|_| field.fault("half a number"))?;
        Ok(Self {
            values,
            keys,
            shape,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let bytes = self.values.as_bytes();
        let mut packed = Vec::new();
        if *self.values.dtype() == Dtype::Int32 {
            for item in bytes.as_chunks().0 {
                // Negative numbers are extended to 64 bits: that is protobuf's `int32`.
                push_varint(
                    i64::from(i32::from_le_bytes(*item)).cast_unsigned(),
                    &mut packed,
                );
            }
        } else {
            packed.extend_from_slice(bytes);
        }
        if !packed.is_empty() {
            push_bytes(1, &packed, out);
        }
        for (number, integers) in [(2, &self.keys), (3, &self.shape)] {
            if !integers.is_empty() {
                packed.clear();
                for &integer in integers {
                    push_varint(integer, &mut packed);
                }
                push_bytes(number, &packed, out);
            }
        }
    }
}

impl<'a> Value<'a> {
    fn decode(field: &Field<'a>) -> Result<Self, RecordFault> {
        let mut value = Self::Empty;
        let mut message = field.message()?;
        while let Some((number, field)) = message.next()? {
            value = match number {
                2 => Self::Tensor(Tensor::decode(Dtype::Float32, &field)?),
                3 => Self::Tensor(Tensor::decode(Dtype::Float64, &field)?),
                7 => Self::Tensor(Tensor::decode(Dtype::Int32, &field)?),
                9 => Self::decode_bytes(&field)?,
                _ => value,
            };
        }
        Ok(value)
    }

    fn decode_bytes(field: &Field<'a>) -> Result<Self, RecordFault> {
        let (mut values, mut content_type) = (Vec::new(), None);
        let mut message = field.message()?;
        while let Some((number, field)) = message.next()? {
            match number {
                1 => values.push(field.bytes()?),
                2 => content_type = Some(field.text()?),
                _ => {}
            }
        }
        Ok(Self::Bytes {
            values,
            content_type,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let mut inner = Vec::new();
        let number = match self {
            Self::Empty => return,
            Self::Tensor(tensor) => {
                tensor.encode(&mut inner);
                match tensor.values.dtype() {
                    Dtype::Float32 => 2,
                    Dtype::Float64 => 3,
                    _ => 7,
                }
            }
            Self::Bytes {
                values,
                content_type,
            } => {
                for value in values {
                    push_bytes(1, value, &mut inner);
                }
                if let Some(content_type) = content_type {
                    push_bytes(2, content_type.as_bytes(), &mut inner);
                }
                9
            }
        };
        push_bytes(number, &inner, out);
    }
}

fn last<'r, 'a>(map: &'r [(&'a str, Value<'a>)], name: &str) -> Option<&'r Value<'a>> {
    map.iter()
        .rev()
        .find(|(other, _)| *other == name)
        .map(|(_, value)| value)
}

fn insert<'a>(map: &mut Vec<(&'a str, Value<'a>)>, field: &Field<'a>) -> Result<(), RecordFault> {
    if map.len() == Record::MAX_NAMED {
        return Err(field.fault("more than 65,536 named values"));
    }
    map.push(named_value(field)?);
    Ok(())
}

/// An entry of a protobuf map: a message of a name and a value.
fn named_value<'a>(field: &Field<'a>) -> Result<(&'a str, Value<'a>), RecordFault> {
    let (mut name, mut value) = ("", Value::Empty);
    let mut message = field.message()?;
    while let Some((number, field)) = message.next()? {
        match number {
            1 => name = field.text()?,
            2 => value = Value::decode(&field)?,
            _ => {}
        }
    }
    Ok((name, value))
}

fn push_values<'a>(
    dtype: &Dtype,
    field: &Field<'a>,
    values: &mut Cow<'a, [u8]>,
) -> Result<(), RecordFault> {
    if *dtype == Dtype::Int32 {
        let values = values.to_mut();
        return field.varints(|value| {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "protobuf's int32 is the low half"
            )]
            values.extend_from_slice(&(value as u32).to_le_bytes());
        });
    }
    let bytes = field.fixed(dtype.item_bytes())?;
    if values.is_empty() {
        *values = Cow::Borrowed(bytes);
    } else {
        values.to_mut().extend_from_slice(bytes);
    }
    Ok(())
}
