//! `json.dumps(array.tolist())`, byte for byte.

use crate::{
    array::{Array, Dtype},
    digits::{push_float, push_int, push_uint},
    error::{CodecError, EncodeError, ItemFault},
};

/// What becomes of NaN and the infinities, which JSON doesn't have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NonFinite {
    /// They are written as Python does: `NaN`, `Infinity`, `-Infinity`.
    #[default]
    Keep,
    /// The first one is an error.
    Refuse,
}

/// Whether a strict reader can read what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a reader of strict JSON stumbles over numbers that are not finite: say so once"]
pub enum Finiteness {
    /// Every number is JSON.
    AllFinite,
    /// There is a `NaN` or an infinity.
    SomeNot,
}

/// Appends the array as nested lists, with Python's default separators: `[[1.0, 2.0], [3.0, 4.0]]`.
///
/// **Units and limits**: at most 25 characters an item and two brackets a list; lists without items at most
/// [`Array::MAX_EMPTY_LISTS`].
///
/// # Errors
/// [`EncodeError::Unencodable`] for [`Dtype::Named`] types. [`CodecError::Unwritable`] as `non_finite` says; what was
/// appended until then is taken back.
pub fn encode(
    array: &Array<'_>,
    non_finite: NonFinite,
    out: &mut Vec<u8>,
) -> Result<Finiteness, EncodeError> {
    let write = writer_of(array.dtype()).ok_or_else(|| EncodeError::Unencodable {
        dtype: array.dtype().to_string(),
    })?;
    array.check_empty_lists(CONTENT_TYPE)?;
    let finiteness = finiteness(array);
    if non_finite == NonFinite::Refuse
        && let Finiteness::SomeNot = finiteness
    {
        return Err(unwritable(array).into());
    }
    out.reserve(2 * array.as_bytes().len() + 2);
    let writer = Writer {
        separator: Separator::Spaced,
        write,
    };
    writer.lists(array.shape(), array.as_bytes(), out);
    Ok(finiteness)
}

/// Writes one item from its bytes.
pub(crate) type WriteItem = fn(&[u8], &mut Vec<u8>);

/// How the items of an array are put together.
#[derive(Clone, Copy)]
pub(crate) struct Writer {
    pub(crate) separator: Separator,
    pub(crate) write: WriteItem,
}

/// What stands between two items.
#[derive(Clone, Copy)]
pub(crate) enum Separator {
    /// Python's default.
    Spaced,
    /// No blank.
    Compact,
}

impl Writer {
    /// Nested lists; as deep as the array has axes, which is bounded.
    pub(crate) fn lists(&self, shape: &[usize], bytes: &[u8], out: &mut Vec<u8>) {
        let Some((&length, inner)) = shape.split_first() else {
            (self.write)(bytes, out);
            return;
        };
        out.push(b'[');
        let stride = bytes.len().checked_div(length).unwrap_or(0);
        for i in 0..length {
            if i > 0 {
                match self.separator {
                    Separator::Spaced => out.extend_from_slice(b", "),
                    Separator::Compact => out.push(b','),
                }
            }
            let part = bytes.get(i * stride..(i + 1) * stride).unwrap_or_default();
            if inner.is_empty() {
                (self.write)(part, out);
            } else {
                self.lists(inner, part, out);
            }
        }
        out.push(b']');
    }
}

/// How an item of that type is written; nothing for those that only Python writes.
pub(crate) fn writer_of(dtype: &Dtype) -> Option<WriteItem> {
    Some(match dtype {
        Dtype::Bool => {
            |item, out| out.extend_from_slice(if item == [0] { b"false" } else { b"true" })
        }
        Dtype::Int8 => |item, out| push_int(i8::from_le_bytes(exact(item)).into(), out),
        Dtype::Int16 => |item, out| push_int(i16::from_le_bytes(exact(item)).into(), out),
        Dtype::Int32 => |item, out| push_int(i32::from_le_bytes(exact(item)).into(), out),
        Dtype::Int64 => |item, out| push_int(i64::from_le_bytes(exact(item)), out),
        Dtype::UInt8 => |item, out| push_uint(u8::from_le_bytes(exact(item)).into(), out),
        Dtype::UInt16 => |item, out| push_uint(u16::from_le_bytes(exact(item)).into(), out),
        Dtype::UInt32 => |item, out| push_uint(u32::from_le_bytes(exact(item)).into(), out),
        Dtype::UInt64 => |item, out| push_uint(u64::from_le_bytes(exact(item)), out),
        Dtype::Float32 => |item, out| push_json_float(f32::from_le_bytes(exact(item)).into(), out),
        Dtype::Float64 => |item, out| push_json_float(f64::from_le_bytes(exact(item)), out),
        Dtype::Named(_) => return None,
    })
}

fn push_json_float(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        push_float(value, out);
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else {
        out.extend_from_slice(if value > 0.0 {
            b"Infinity"
        } else {
            b"-Infinity"
        });
    }
}

pub(crate) fn exact<const N: usize>(item: &[u8]) -> [u8; N] {
    item.try_into()
        .expect("an array's bytes are a multiple of its item size")
}

/// One pass over the bytes, much cheaper than the writing.
fn finiteness(array: &Array<'_>) -> Finiteness {
    match first_non_finite(array) {
        None => Finiteness::AllFinite,
        Some(_) => Finiteness::SomeNot,
    }
}

fn first_non_finite(array: &Array<'_>) -> Option<usize> {
    match array.dtype() {
        Dtype::Float32 => array
            .as_bytes()
            .as_chunks()
            .0
            .iter()
            .position(|item| !f32::from_le_bytes(*item).is_finite()),
        Dtype::Float64 => array
            .as_bytes()
            .as_chunks()
            .0
            .iter()
            .position(|item| !f64::from_le_bytes(*item).is_finite()),
        _ => None,
    }
}

fn unwritable(array: &Array<'_>) -> CodecError {
    CodecError::Unwritable {
        item: first_non_finite(array).unwrap_or_default(),
        content_type: CONTENT_TYPE,
        fault: ItemFault::NotFinite,
    }
}

const CONTENT_TYPE: &str = "application/json";
