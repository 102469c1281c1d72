//! A Python `str`: text in which single surrogates survive.
//!
//! JSON may hold `"\ud83d"`, and an environment variable may hold bytes that are not UTF-8. Python keeps both in a
//! `str`, the reference passes both on, and a Rust `String` can hold neither. The bytes here are UTF-8, extended so
//! that a surrogate is written as the three bytes that its number would have; order of bytes is order of code points.

use std::{
    ffi::{OsStr, OsString},
    fmt::{self, Write as _},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
};

/// Text as Python has it: a sequence of code points, surrogates included.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Vec<u8>);

/// Why a text cannot be handed to the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The text holds U+0000, which ends a C string.
    #[error("it holds a NUL character")]
    Nul,
    /// The text holds a surrogate that stands for no byte.
    #[error("it holds the single surrogate U+{0:04X}, which has no encoding")]
    Surrogate(u32),
}

impl Text {
    /// The empty text.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes an operating system string as Python does: a byte that is not UTF-8 becomes U+DC80 to U+DCFF.
    pub fn from_os(os: &OsStr) -> Self {
        let mut text = Self::new();
        for chunk in os.as_bytes().utf8_chunks() {
            text.push_str(chunk.valid());
            for &byte in chunk.invalid() {
                text.push(0xDC00 + u32::from(byte));
            }
        }
        text
    }

    /// Encodes for the operating system; U+DC80 to U+DCFF become the bytes that they stand for.
    ///
    /// # Errors
    /// A NUL, or any other surrogate.
    pub fn to_os(&self) -> Result<OsString, TextError> {
        self.clone().into_os()
    }

    /// As [`Text::to_os`], without a copy where the text has no surrogate.
    ///
    /// # Errors
    /// As [`Text::to_os`].
    pub fn into_os(self) -> Result<OsString, TextError> {
        if self.0.contains(&0) {
            return Err(TextError::Nul);
        }
        if self.as_str().is_some() {
            return Ok(OsString::from_vec(self.0));
        }
        let mut bytes = Vec::with_capacity(self.0.len());
        for (code_point, encoded) in self.encoded() {
            match code_point {
                0xDC80..=0xDCFF => bytes.push(code_point.to_le_bytes()[0]),
                0xD800..=0xDFFF => return Err(TextError::Surrogate(code_point)),
                _ => bytes.extend_from_slice(encoded),
            }
        }
        Ok(OsString::from_vec(bytes))
    }

    /// The text as a Rust string, unless it holds a surrogate.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The bytes: UTF-8, and three bytes for each surrogate.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True for the text without a character.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The code points, in order.
    pub fn code_points(&self) -> impl Iterator<Item = u32> + '_ {
        self.encoded().map(|(code_point, _)| code_point)
    }

    /// Upper case as Python's `str.upper`: each code point by itself, some of them become several.
    #[must_use]
    pub fn to_upper(&self) -> Self {
        if self.0.is_ascii() {
            return Self(self.0.to_ascii_uppercase());
        }
        let mut upper = Self(Vec::with_capacity(self.0.len()));
        for (code_point, encoded) in self.encoded() {
            match char::from_u32(code_point) {
                Some(character) => character
                    .to_uppercase()
                    .for_each(|c| upper.push(u32::from(c))),
                None => upper.0.extend_from_slice(encoded),
            }
        }
        upper
    }

    /// The empty text, with room for some bytes.
    pub(crate) fn with_capacity(n_bytes: usize) -> Self {
        Self(Vec::with_capacity(n_bytes))
    }

    /// Appends a code point, which may be a surrogate.
    pub(crate) fn push(&mut self, code_point: u32) {
        if let Some(character) = char::from_u32(code_point) {
            self.0
                .extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            let [_, _, high, low] = code_point.to_be_bytes();
            self.0.extend_from_slice(&[
                0xE0 | high >> 4,
                0x80 | (high & 0x0F) << 2 | low >> 6,
                0x80 | low & 0x3F,
            ]);
        }
    }

    /// Appends a string.
    pub(crate) fn push_str(&mut self, string: &str) {
        self.0.extend_from_slice(string.as_bytes());
    }

    /// Appends another text.
    pub(crate) fn push_text(&mut self, text: &Self) {
        self.0.extend_from_slice(&text.0);
    }

    /// Appends bytes that were cut from another text at ASCII characters.
    pub(crate) fn push_encoded(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The code points, each with its bytes.
    fn encoded(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            let (&first, _) = rest.split_first()?;
            let (mask, length) = match first {
                0..0x80 => (0x7F, 1),
                0x80..0xE0 => (0x1F, 2),
                0xE0..0xF0 => (0x0F, 3),
                0xF0.. => (0x07, 4),
            };
            let (encoded, tail) = rest.split_at(length);
            rest = tail;
            let continuation = encoded[1..].iter();
            let code_point = continuation.fold(u32::from(first & mask), |sum, &byte| {
                sum << 6 | u32::from(byte & 0x3F)
            });
            Some((code_point, encoded))
        })
    }
}

/// Of code points, which may be surrogates.
impl FromIterator<u32> for Text {
    fn from_iter<I: IntoIterator<Item = u32>>(code_points: I) -> Self {
        let mut text = Self::new();
        for code_point in code_points {
            text.push(code_point);
        }
        text
    }
}

impl From<&str> for Text {
    fn from(string: &str) -> Self {
        Self(string.as_bytes().to_vec())
    }
}

impl From<String> for Text {
    fn from(string: String) -> Self {
        Self(string.into_bytes())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

/// For people: a surrogate shows as U+FFFD.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_str() {
            Some(string) => f.pad(string),
            None => self
                .code_points()
                .try_for_each(|c| f.write_char(char::from_u32(c).unwrap_or('\u{FFFD}'))),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", crate::python::repr_text(self))
    }
}

#[cfg(test)]
mod tests;
