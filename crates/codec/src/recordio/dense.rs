//! Rows of a dense array as records, each with one tensor `values`.

use super::{CONTENT_TYPE, Limits, Record, Tensor, Value, frame, frames};
use crate::{
    array::{Array, Dtype},
    error::{CodecError, EncodeError, ItemFault, RecordFault},
};

/// What a body of dense records holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// A row for each record: float32, float64 or int32.
    pub features: Array<'static>,
    /// A label for each record, if the first one has any.
    pub labels: Option<Array<'static>>,
}

/// Decodes the tensors `values` of all records to one array.
///
/// **Shape**: `(records, values)`; `(0, 0)` float32 for an empty body. Labels: `(records,)`.
///
/// **Units and limits**: allocates at most 4 bytes a byte of the body, beside one record at a time.
///
/// # Errors
/// [`CodecError::MalformedRecord`] with its number: also for sparse tensors, and for a record unlike the first.
pub fn decode(body: &[u8], limits: Limits) -> Result<Dataset, CodecError> {
    let (mut features, mut labels) = (Column::default(), Column::default());
    for (payload, number) in frames(body, limits).zip(1..) {
        let payload = payload?;
        let mut take = || {
            let record = Record::decode(&payload)?;
            features.push(tensor(record.feature(NAME), "features")?)?;
            if record.label.is_empty() && labels.n_rows == 0 {
                return Ok(());
            }
            if number > 1 && labels.n_rows == 0 {
                return Err(RecordFault::Differs {
                    what: "the number of labels",
                });
            }
            labels.push(tensor(record.label(NAME), "label")?)
        };
        take().map_err(|fault| CodecError::MalformedRecord {
            record: number,
            fault,
        })?;
    }
    let labels = (labels.n_rows > 0).then(|| {
        let mut shape = vec![labels.n_rows];
        shape.extend((labels.n_columns != 1).then_some(labels.n_columns));
        labels.into_array(shape)
    });
    let shape = vec![features.n_rows, features.n_columns];
    Ok(Dataset {
        features: features.into_array(shape),
        labels,
    })
}

/// Appends a record for each row; a vector is one row, a scalar one row of one value.
///
/// int64 is written as int32, as there is nothing wider.
///
/// **Source**: sagemaker-containers 2.8.6, byte for byte. int32, which it refuses, and the check of the number of labels
/// against the rows, which it makes against any axis, are ours.
///
/// # Errors
/// [`EncodeError::Unencodable`] for other types than int32, int64, float32 and float64.
/// [`CodecError::Unwritable`] for a whole number of more than 32 bits, [`CodecError::TooManyAxes`],
/// [`CodecError::Labels`].
pub fn encode(
    features: &Array<'_>,
    labels: Option<&Array<'_>>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let (n_rows, n_columns) = match *features.shape() {
        [] => (1, 1),
        [n_columns] => (1, n_columns),
        [n_rows, n_columns] => (n_rows, n_columns),
        _ => return Err(too_many_axes(features, 2)),
    };
    if let Some(labels) = labels {
        let n_labels = match *labels.shape() {
            [] => 1,
            [n_labels] => n_labels,
            _ => return Err(too_many_axes(labels, 1)),
        };
        if n_labels != n_rows {
            return Err(CodecError::Labels { n_labels, n_rows }.into());
        }
    }
    features.check_empty_lists(CONTENT_TYPE)?;
    let (mut payload, mut row_tensor, mut label_tensor) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..n_rows {
        payload.clear();
        let mut record = Record::default();
        let values = row_values(features, row, n_columns, &mut row_tensor)?;
        record.features.push((NAME, values));
        if let Some(labels) = labels {
            let values = row_values(labels, row, 1, &mut label_tensor)?;
            record.label.push((NAME, values));
        }
        record.encode(&mut payload);
        frame(&payload, out)?;
    }
    Ok(())
}

/// The one name that the reference gives features and labels.
const NAME: &str = "values";

#[derive(Default)]
struct Column {
    dtype: Option<Dtype>,
    bytes: Vec<u8>,
    n_rows: usize,
    n_columns: usize,
}

impl Column {
    fn push(&mut self, tensor: &Tensor<'_>) -> Result<(), RecordFault> {
        let values = tensor.values();
        if tensor.is_sparse() {
            return Err(RecordFault::Sparse);
        }
        if self.n_rows == 0 {
            self.n_columns = values.n_items();
        }
        if *self.dtype.get_or_insert_with(|| values.dtype().clone()) != *values.dtype() {
            return Err(RecordFault::Differs { what: "the type" });
        }
        if values.n_items() != self.n_columns {
            return Err(RecordFault::Differs {
                what: "the number of values",
            });
        }
        self.bytes.extend_from_slice(values.as_bytes());
        self.n_rows += 1;
        Ok(())
    }

    fn into_array(self, shape: Vec<usize>) -> Array<'static> {
        Array::try_new(self.dtype.unwrap_or(Dtype::Float32), shape, self.bytes)
            .expect("every row has the same type and number of values")
    }
}

fn tensor<'r, 'a>(
    value: Option<&'r Value<'a>>,
    map: &'static str,
) -> Result<&'r Tensor<'a>, RecordFault> {
    match value {
        Some(Value::Tensor(tensor)) => Ok(tensor),
        _ => Err(RecordFault::NoValues { map }),
    }
}

/// One row as a value; int64 is narrowed in `narrow`.
fn row_values<'a>(
    array: &'a Array<'_>,
    row: usize,
    n_columns: usize,
    narrow: &'a mut Vec<u8>,
) -> Result<Value<'a>, EncodeError> {
    let stride = n_columns * array.dtype().item_bytes();
    let bytes = array
        .as_bytes()
        .get(row * stride..(row + 1) * stride)
        .unwrap_or_default();
    let (dtype, bytes) = if *array.dtype() == Dtype::Int64 {
        narrow.clear();
        for (i, item) in bytes.as_chunks().0.iter().enumerate() {
            let item =
                i32::try_from(i64::from_le_bytes(*item)).map_err(|_| CodecError::Unwritable {
                    item: row * n_columns + i,
                    content_type: CONTENT_TYPE,
                    fault: ItemFault::OutsideInt32,
                })?;
            narrow.extend_from_slice(&item.to_le_bytes());
        }
        (Dtype::Int32, &narrow[..])
    } else {
        (array.dtype().clone(), bytes)
    };
    let values = Array::try_new(dtype, vec![n_columns], bytes)
        .expect("a row has as many items as there are columns");
    // The reference leaves the value out where there is nothing to write.
    if n_columns == 0 {
        return Ok(Value::Empty);
    }
    Tensor::dense(values).map(Value::Tensor)
}

fn too_many_axes(array: &Array<'_>, limit: usize) -> EncodeError {
    CodecError::TooManyAxes {
        n_axes: array.shape().len(),
        content_type: CONTENT_TYPE,
        limit,
    }
    .into()
}
