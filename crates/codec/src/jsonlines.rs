//! JSON lines: one value a line. Batch transform splits and joins bodies this way.
//!
//! A body is a list of values, of any kind: Python makes its own objects of them. Here are the lines, for whoever reads
//! numbers only, and the writer, which gives each row of an array its line.

use crate::{
    array::Array,
    error::{CodecError, DecodeError, EncodeError},
    json,
};

/// One line that isn't blank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// From 1; blank lines count.
    pub number: usize,
    /// Without the line feed and blanks around it.
    pub text: &'a [u8],
}

/// The lines of a body that aren't blank. Ended by a line feed, with or without a carriage return before it.
pub fn lines(body: &[u8]) -> impl Iterator<Item = Line<'_>> {
    body.split(|&byte| byte == b'\n')
        .zip(1..)
        .map(|(text, number)| Line {
            number,
            text: text.trim_ascii(),
        })
        .filter(|line| !line.text.is_empty())
}

impl Line<'_> {
    /// Decodes the line as a JSON body, with its own number in what is wrong with it.
    ///
    /// # Errors
    /// Those of [`json::decode`].
    pub fn decode(&self) -> Result<Array<'static>, DecodeError> {
        json::decode(self.text).map_err(|err| match err {
            DecodeError::Faulty(CodecError::MalformedJson { column, fault, .. }) => {
                CodecError::MalformedJson {
                    line: self.number,
                    column,
                    fault,
                }
                .into()
            }
            other => other,
        })
    }
}

/// Appends a line of compact JSON for each row: `[1.0,2.0]`. A vector has a number a line, a scalar is one line.
///
/// **Units and limits**: as [`json::encode`].
///
/// # Errors
/// [`EncodeError::Unencodable`] for [`crate::Dtype::Named`] types.
pub fn encode(array: &Array<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let write = json::writer_of(array.dtype()).ok_or_else(|| EncodeError::Unencodable {
        dtype: array.dtype().to_string(),
    })?;
    array.check_empty_lists("application/jsonlines")?;
    out.reserve(2 * array.as_bytes().len() + 2);
    let writer = json::Writer {
        separator: json::Separator::Compact,
        write,
    };
    let (n_lines, row) = match array.shape() {
        [] => (1, &[][..]),
        [n_rows, row @ ..] => (*n_rows, row),
    };
    let stride = array.as_bytes().len().checked_div(n_lines).unwrap_or(0);
    for i in 0..n_lines {
        let bytes = array
            .as_bytes()
            .get(i * stride..(i + 1) * stride)
            .unwrap_or_default();
        writer.lists(row, bytes, out);
        out.push(b'\n');
    }
    Ok(())
}

#[cfg(test)]
mod tests;
