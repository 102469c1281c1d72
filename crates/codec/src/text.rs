//! Text bodies: UTF-8, as it is.

use std::str;

use crate::error::CodecError;

/// The body as text, without a copy. A byte order mark stays.
///
/// # Errors
/// [`CodecError::NotUtf8`] with the place.
pub fn decode(body: &[u8]) -> Result<&str, CodecError> {
    str::from_utf8(body).map_err(|err| {
        let offset = err.valid_up_to();
        CodecError::NotUtf8 {
            offset,
            byte: body.get(offset).copied().unwrap_or_default(),
        }
    })
}

#[cfg(test)]
mod tests;
