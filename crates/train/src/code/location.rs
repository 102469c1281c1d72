//! Where code may come from.

use std::fmt;

use camino::Utf8PathBuf;

use super::CodeError;
use crate::store::{Scheme, StoreUrl, without_secrets};

/// Where the user's code is: a directory, an archive or a single file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeLocation {
    /// On this machine.
    Local(Utf8PathBuf),
    /// In a store, or on a web server.
    Stored(StoreUrl),
}

impl CodeLocation {
    /// Takes a path, a `file://` URL, or the address of a store.
    ///
    /// # Errors
    /// Any other URL. What it names need not exist.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let Some((scheme, rest)) = split_scheme(text) else {
            return match text {
                "" => Err(CodeError::Empty),
                path => Ok(Self::Local(path.into())),
            };
        };
        let location = || without_secrets(text);
        match scheme.to_ascii_lowercase().as_str() {
            "file" => match local_path(rest) {
                Some(path) => Ok(Self::Local(path)),
                None => Err(CodeError::FileUrl(location())),
            },
            _ if Scheme::of(text).is_some() => Ok(Self::Stored(StoreUrl::parse(text)?)),
            scheme => Err(CodeError::Scheme {
                location: location(),
                scheme: scheme.to_owned(),
            }),
        }
    }
}

impl fmt::Display for CodeLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.fmt(f),
            Self::Stored(url) => url.fmt(f),
        }
    }
}

/// `s3` and `bucket/key` of `s3://bucket/key`.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some((scheme, rest))
}

/// The path of a `file://` URL, its `%20` undone.
fn local_path(rest: &str) -> Option<Utf8PathBuf> {
    let (host, path) = rest.split_at(rest.find('/')?);
    if !matches!(host, "" | "localhost") {
        return None;
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        decoded.push(u8::try_from(value).ok()?);
    }
    if decoded.contains(&b'\0') {
        return None;
    }
    String::from_utf8(decoded).ok().map(Utf8PathBuf::from)
}
