//! NPY bodies: one array, as `np.save` writes it. Nothing is ever unpickled.
//!
//! Decoding is a view of the body. The header is a Python literal; only the literals that `np.save` writes are read.

mod header;

use std::{borrow::Cow, ops::Range};

use self::header::Header;
use crate::{
    array::{self, Array, Dtype},
    error::{CodecError, DecodeError, EncodeError, NpyFault, Undecodable},
};

/// The longest header that is read; numpy's own are under 200 bytes but for structures.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;

/// Decodes a file of format version 1.0, 2.0 or 3.0. Bytes after the data are ignored, as numpy does.
///
/// **Units and limits**: copies nothing, but for Fortran order with two axes or more: then as many bytes as the data.
///
/// **Source**: the NPY format document of numpy 2.4.
///
/// # Errors
/// [`CodecError::ObjectArray`], [`CodecError::MalformedNpy`]; [`Undecodable::Dtype`] for types that only numpy knows.
pub fn decode(body: &[u8]) -> Result<Array<'_>, DecodeError> {
    let file = File::parse(body)?;
    let data = body.get(file.data.clone()).unwrap_or_default();
    file.into_array(Cow::Borrowed(data))
}

/// What a file's beginning says of the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The type of the items.
    pub dtype: Dtype,
    /// The length of each axis.
    pub shape: Vec<usize>,
    /// Where in the file the items are, in C order.
    pub data: Range<usize>,
}

/// Reads the header of a file of `n_bytes` bytes, of which only the beginning is at hand: at least [`MAX_HEADER_BYTES`] and
/// what stands before them, or all of it.
///
/// `None`: its items are in Fortran order, and only [`decode`] puts them right.
///
/// # Errors
/// As [`decode`].
pub fn preview(beginning: &[u8], n_bytes: usize) -> Result<Option<Preview>, DecodeError> {
    let file = File::parse_beginning(beginning, n_bytes)?;
    if !file.is_in_c_order() {
        return Ok(None);
    }
    Ok(Some(Preview {
        dtype: file.dtype,
        shape: file.header.shape,
        data: file.data,
    }))
}

/// As [`decode`], but keeps the body: for one that was decompressed.
pub(crate) fn decode_owned(mut body: Vec<u8>) -> Result<Array<'static>, DecodeError> {
    let file = File::parse(&body)?;
    body.truncate(file.data.end);
    body.drain(..file.data.start);
    file.into_array(Cow::Owned(body))
}

/// Appends the array as a file of format version 1.0.
///
/// # Errors
/// None for any array there can be today; the type leaves room for names that need a later version.
pub fn encode(array: &Array<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    out.reserve(USUAL_HEADER_BYTES + array.as_bytes().len());
    encode_header(array.dtype(), array.shape(), out)?;
    out.extend_from_slice(array.as_bytes());
    Ok(())
}

/// Appends what stands before the items, for those who write them themselves.
///
/// # Errors
/// As [`encode`].
pub fn encode_header(dtype: &Dtype, shape: &[usize], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let header = header::text(dtype.name(), shape);
    let length = u16::try_from(header.len()).map_err(|_| CodecError::TooLarge {
        content_type: "application/x-npy",
        limit: u16::MAX.into(),
    })?;
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[1, 0]);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(header.as_bytes());
    Ok(())
}

const MAGIC: &[u8] = b"\x93NUMPY";
/// Magic, version, and the header's length as version 1.0 has it.
const PREFIX_BYTES: usize = 10;
/// With up to three axes.
const USUAL_HEADER_BYTES: usize = 128;

struct File {
    dtype: Dtype,
    header: Header,
    data: Range<usize>,
}

impl File {
    fn parse(body: &[u8]) -> Result<Self, DecodeError> {
        Self::parse_beginning(body, body.len())
    }

    fn parse_beginning(beginning: &[u8], n_bytes: usize) -> Result<Self, DecodeError> {
        let (text, start) = header_text(beginning)?;
        let header = Header::parse(text)?;
        let name = header.dtype.as_deref().ok_or(Undecodable::Dtype)?;
        let dtype = Dtype::parse(name).ok_or(Undecodable::Dtype)?;
        let expected = array::n_bytes(&dtype, &header.shape).map_err(NpyFault::Shape)?;
        let actual = n_bytes.saturating_sub(start);
        if actual < expected {
            return Err(NpyFault::Short { expected, actual }.into());
        }
        Ok(Self {
            dtype,
            header,
            data: start..start + expected,
        })
    }

    fn is_in_c_order(&self) -> bool {
        !self.header.fortran_order || self.header.shape.len() < 2
    }

    fn into_array(self, data: Cow<'_, [u8]>) -> Result<Array<'_>, DecodeError> {
        let needs_reordering = !self.is_in_c_order();
        let shape = self.header.shape;
        let data = if needs_reordering && !data.is_empty() {
            Cow::Owned(to_c_order(&data, &shape, self.dtype.item_bytes()))
        } else {
            data
        };
        Ok(Array::try_new(self.dtype, shape, data).map_err(NpyFault::Shape)?)
    }
}

/// The header's text, and where the data begins.
fn header_text(body: &[u8]) -> Result<(&[u8], usize), NpyFault> {
    let rest = body.strip_prefix(MAGIC).ok_or(NpyFault::Magic)?;
    let (&[major, minor], rest) = rest.split_first_chunk().ok_or(NpyFault::Header)?;
    let (n_bytes, rest) = match (major, minor) {
        (1, 0) => {
            let (length, rest) = rest.split_first_chunk().ok_or(NpyFault::Header)?;
            (u32::from(u16::from_le_bytes(*length)), rest)
        }
        (2 | 3, 0) => {
            let (length, rest) = rest.split_first_chunk().ok_or(NpyFault::Header)?;
            (u32::from_le_bytes(*length), rest)
        }
        _ => return Err(NpyFault::Version { major, minor }),
    };
    let length = usize::try_from(n_bytes)
        .ok()
        .filter(|&length| length <= MAX_HEADER_BYTES)
        .ok_or(NpyFault::LongHeader {
            n_bytes: n_bytes.into(),
            limit: MAX_HEADER_BYTES,
        })?;
    let text = rest.get(..length).ok_or(NpyFault::Header)?;
    Ok((text, body.len() - rest.len() + length))
}

/// Moves the items from first-axis-fastest to last-axis-fastest.
fn to_c_order(data: &[u8], shape: &[usize], item_bytes: usize) -> Vec<u8> {
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = item_bytes;
    for length in shape {
        strides.push(stride);
        stride *= length;
    }
    let mut out = Vec::with_capacity(data.len());
    let mut index = vec![0; shape.len()];
    let mut offset = 0;
    while out.len() < data.len() {
        out.extend_from_slice(&data[offset..offset + item_bytes]);
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            offset += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            offset -= strides[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    out
}

impl From<NpyFault> for DecodeError {
    fn from(fault: NpyFault) -> Self {
        CodecError::MalformedNpy(fault).into()
    }
}

#[cfg(test)]
mod tests;
