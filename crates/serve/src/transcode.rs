//! Bodies to arrays before user code, and arrays to bodies after it, where user code has no function of its own for that.
//!
//! Pure. What Rust can't do the way the reference does is left to the worker as it came.

use std::ops::Range;

use optml_codec::{
    Array, CodecError, DecodeError, Decoded, Dtype as CodecDtype, EncodeError, Format, MediaType,
    csv,
    format::DecodeOptions,
    json::NonFinite,
    negotiate,
    negotiate::{Choice, Mismatch, Offer},
    npy,
};
use optml_wire::{Dtype, limits::MAX_DIMENSIONS};

use crate::{call::ArrayForm, problem::Problem};

#[cfg(test)]
mod tests;

/// What the operator chose.
#[derive(Debug, Clone)]
pub(crate) struct CodecPolicy {
    /// The type of an answer when the client names none.
    pub(crate) default_accept: String,
    pub(crate) mismatch: Mismatch,
    pub(crate) non_finite: NonFinite,
    pub(crate) csv_shape: csv::Shape,
}

/// Elements, and what they are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Elements {
    pub(crate) form: ArrayForm,
    pub(crate) bytes: Vec<u8>,
}

/// What became of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// An array.
    Elements(Elements),
    /// It stays as it came, for the worker.
    AsItCame,
}

/// Whether a body of this type may become an array here.
pub(crate) fn is_decoded_here(format: Format) -> bool {
    match format {
        Format::Json | Format::Csv | Format::Npy | Format::Npz | Format::RecordIo => true,
        Format::JsonLines | Format::OctetStream | Format::Text => false,
    }
}

/// Decodes a body.
///
/// # Errors
/// A body that nobody can read: what the client is told.
pub(crate) fn decode(
    format: Format,
    content_type: &MediaType,
    body: &[u8],
    policy: &CodecPolicy,
) -> Result<Input, CodecError> {
    let options = DecodeOptions {
        csv_shape: policy.csv_shape,
        ..DecodeOptions::default()
    };
    match format.decode(content_type, body, options) {
        Ok(Decoded::Array(array)) => Ok(elements(array)),
        Ok(Decoded::Dataset(dataset)) => Ok(elements(dataset.features)),
        // An archive is checked here and opened there; bytes and text are what they are.
        Ok(Decoded::Arrays(_) | Decoded::Bytes(_) | Decoded::Text(_))
        | Err(DecodeError::Undecodable(_)) => Ok(Input::AsItCame),
        Err(DecodeError::Faulty(error)) => Err(error),
    }
}

fn elements(array: Array<'_>) -> Input {
    let (dtype, shape, bytes) = array.into_parts();
    match array_form(&dtype, &shape) {
        Some(form) => Input::Elements(Elements {
            form,
            bytes: bytes.into_owned(),
        }),
        None => Input::AsItCame,
    }
}

/// Chooses the type of an answer that a default function writes.
///
/// # Errors
/// What the client is told when nothing fits.
pub(crate) fn choose(accept: Option<&str>, policy: &CodecPolicy) -> Result<Choice, CodecError> {
    negotiate(
        accept,
        Offer {
            formats: &OFFERED,
            default: &policy.default_accept,
            mismatch: policy.mismatch,
        },
    )
}

/// Writes an array as the chosen type.
///
/// # Errors
/// An array that can't be written so, or one that no honest worker sends.
pub(crate) fn encode(
    form: &ArrayForm,
    bytes: &[u8],
    choice: Choice,
    policy: &CodecPolicy,
) -> Result<Vec<u8>, Problem> {
    let (dtype, shape) = parts(form)?;
    let array = Array::try_new(dtype, shape, bytes).map_err(|_| LIES)?;
    // Digits and a separator for each element; more is rare.
    let mut out = Vec::with_capacity(array.n_items() * 8 + 128);
    match choice.format.encode(&array, policy.non_finite, &mut out) {
        // Whether all were finite is said by the worker's own log, once.
        Ok(_) => Ok(out),
        Err(EncodeError::Faulty(error)) => Err(Problem::Codec(error)),
        Err(EncodeError::Unencodable { .. }) => Err(Problem::Codec(CodecError::NotAcceptable {
            accept: choice.content_type.to_owned(),
            supported: Format::list(&Format::OF_ARRAYS),
        })),
    }
}

/// What stands before the elements in an NPY file.
///
/// # Errors
/// As [`encode`].
pub(crate) fn npy_header(form: &ArrayForm) -> Result<Vec<u8>, Problem> {
    let (dtype, shape) = parts(form)?;
    let mut out = Vec::with_capacity(128);
    npy::encode_header(&dtype, &shape, &mut out).map_err(|_| LIES)?;
    Ok(out)
}

/// Finds the elements of an NPY file whose beginning is at hand: their form, and where they begin. `None`: the file is for
/// the worker, as it came.
///
/// # Errors
/// A file that nobody can read.
pub(crate) fn find_npy_elements(
    beginning: &[u8],
    n_bytes: u64,
) -> Result<Option<(ArrayForm, Range<usize>)>, CodecError> {
    let n_bytes = usize::try_from(n_bytes).unwrap_or(usize::MAX);
    let preview = match npy::preview(beginning, n_bytes) {
        Ok(Some(preview)) => preview,
        Ok(None) | Err(DecodeError::Undecodable(_)) => return Ok(None),
        Err(DecodeError::Faulty(error)) => return Err(error),
    };
    Ok(array_form(&preview.dtype, &preview.shape).map(|form| (form, preview.data)))
}

/// How much of an NPY file [`find_npy_elements`] needs at most: the longest header, and what stands before it.
pub(crate) const NPY_BEGINNING_BYTES: u64 = npy::MAX_HEADER_BYTES as u64 + 12;

const LIES: Problem = Problem::Internal("the worker answered with an array that can't be");

fn parts(form: &ArrayForm) -> Result<(CodecDtype, Vec<usize>), Problem> {
    let dtype = codec_dtype(form.dtype).ok_or(LIES)?;
    let shape = form
        .dimensions
        .iter()
        .map(|&dimension| usize::try_from(u64::from_le_bytes(dimension)))
        .collect::<Result<_, _>>()
        .map_err(|_| LIES)?;
    Ok((dtype, shape))
}

fn array_form(dtype: &CodecDtype, shape: &[usize]) -> Option<ArrayForm> {
    let dtype = wire_dtype(dtype).filter(|_| shape.len() <= MAX_DIMENSIONS)?;
    Some(ArrayForm {
        dtype,
        dimensions: shape.iter().map(|&n| (n as u64).to_le_bytes()).collect(),
    })
}

fn wire_dtype(dtype: &CodecDtype) -> Option<Dtype> {
    Some(match dtype {
        CodecDtype::Bool => Dtype::Bool,
        CodecDtype::Int8 => Dtype::I8,
        CodecDtype::Int16 => Dtype::I16,
        CodecDtype::Int32 => Dtype::I32,
        CodecDtype::Int64 => Dtype::I64,
        CodecDtype::UInt8 => Dtype::U8,
        CodecDtype::UInt16 => Dtype::U16,
        CodecDtype::UInt32 => Dtype::U32,
        CodecDtype::UInt64 => Dtype::U64,
        CodecDtype::Float32 => Dtype::F32,
        CodecDtype::Float64 => Dtype::F64,
        CodecDtype::Named(_) => return None,
    })
}

fn codec_dtype(dtype: Dtype) -> Option<CodecDtype> {
    Some(match dtype {
        Dtype::Bool => CodecDtype::Bool,
        Dtype::I8 => CodecDtype::Int8,
        Dtype::I16 => CodecDtype::Int16,
        Dtype::I32 => CodecDtype::Int32,
        Dtype::I64 => CodecDtype::Int64,
        Dtype::U8 => CodecDtype::UInt8,
        Dtype::U16 => CodecDtype::UInt16,
        Dtype::U32 => CodecDtype::UInt32,
        Dtype::U64 => CodecDtype::UInt64,
        Dtype::F32 => CodecDtype::Float32,
        Dtype::F64 => CodecDtype::Float64,
        Dtype::F16 => return None,
    })
}

/// Arrays, then what user code may give as it is.
const OFFERED: [Format; 8] = [
    Format::Json,
    Format::Csv,
    Format::Npy,
    Format::Npz,
    Format::JsonLines,
    Format::RecordIo,
    Format::OctetStream,
    Format::Text,
];
