//! What Python's `csv` writer makes of an array.

use crate::{
    array::{Array, Dtype},
    digits::{push_float, push_float32},
    error::{CodecError, EncodeError},
    json,
};

/// Appends a line for each row; a vector is a column, a scalar one cell.
///
/// **Units and limits**: at most 25 characters an item; rows without cells at most [`Array::MAX_EMPTY_LISTS`].
///
/// **Source**: sagemaker-containers 2.8.6 with numpy 2.4. A scalar, which fails there, and more than two axes, which it
/// writes as text in brackets, are ours.
///
/// # Errors
/// [`CodecError::TooManyAxes`] for more than two. [`EncodeError::Unencodable`] for [`Dtype::Named`] types.
pub fn encode(array: &Array<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let n_columns = match *array.shape() {
        [] | [_] => 1,
        [_, n_columns] => n_columns,
        _ => {
            return Err(CodecError::TooManyAxes {
                n_axes: array.shape().len(),
                content_type: CONTENT_TYPE,
                limit: 2,
            }
            .into());
        }
    };
    let write = writer_of(array.dtype()).ok_or_else(|| EncodeError::Unencodable {
        dtype: array.dtype().to_string(),
    })?;
    array.check_empty_lists(CONTENT_TYPE)?;
    if n_columns == 0 {
        let n_rows = array.shape().first().copied().unwrap_or(0);
        out.extend(std::iter::repeat_n(b'\n', n_rows));
        return Ok(());
    }
    out.reserve(2 * array.as_bytes().len() + 2);
    let item_bytes = array.dtype().item_bytes();
    for row in array.as_bytes().chunks_exact(n_columns * item_bytes) {
        for (i, item) in row.chunks_exact(item_bytes).enumerate() {
            if i > 0 {
                out.push(b',');
            }
            write(item, out);
        }
        out.push(b'\n');
    }
    Ok(())
}

/// As in JSON, but for the spellings of truth values, float32 and what isn't finite.
fn writer_of(dtype: &Dtype) -> Option<json::WriteItem> {
    Some(match dtype {
        Dtype::Bool => {
            |item, out| out.extend_from_slice(if item == [0] { b"False" } else { b"True" })
        }
        Dtype::Float32 => |item, out| {
            let value = f32::from_le_bytes(json::exact(item));
            if value.is_finite() {
                push_float32(value, out);
            } else {
                push_non_finite(value.into(), out);
            }
        },
        Dtype::Float64 => |item, out| {
            let value = f64::from_le_bytes(json::exact(item));
            if value.is_finite() {
                push_float(value, out);
            } else {
                push_non_finite(value, out);
            }
        },
        other => return json::writer_of(other),
    })
}

fn push_non_finite(value: f64, out: &mut Vec<u8>) {
    out.extend_from_slice(if value.is_nan() {
        b"nan"
    } else if value > 0.0 {
        b"inf"
    } else {
        b"-inf"
    });
}

const CONTENT_TYPE: &str = "text/csv";
