//! `Content-Type`: the type, in lower case, and its parameters.

use crate::error::{CodecError, excerpt};

/// A parsed media type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    essence: String,
    parameters: Vec<(String, String)>,
}

/// The charset of a text body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset<'a> {
    /// UTF-8 or a part of it; also if nothing is said.
    Utf8,
    /// Another one: Python may know it.
    Other(&'a str),
}

impl MediaType {
    /// What a missing or empty header means.
    ///
    /// **Source**: sagemaker-containers 2.8.6, `worker`.
    pub const DEFAULT: &'static str = "application/json";

    /// Reads a header. Nothing is an error: a type that no one knows is refused where a decoder is looked for.
    ///
    /// **Unset / empty**: both are [`MediaType::DEFAULT`].
    pub fn parse(header: &str) -> Self {
        let (essence, mut rest) = header.split_once(';').unwrap_or((header, ""));
        let essence = essence.trim().to_ascii_lowercase();
        let mut parameters = Vec::new();
        while !rest.is_empty() {
            let (parameter, after) = split_parameter(rest);
            rest = after;
            if let Some((name, value)) = parameter.split_once('=') {
                parameters.push((name.trim().to_ascii_lowercase(), unquoted(value.trim())));
            }
        }
        Self {
            essence: if essence.is_empty() {
                Self::DEFAULT.to_owned()
            } else {
                essence
            },
            parameters,
        }
    }

    /// Reads all headers of that name there are.
    ///
    /// # Errors
    /// [`CodecError::RepeatedContentType`] for more than one.
    pub fn of_headers<'h>(headers: impl IntoIterator<Item = &'h str>) -> Result<Self, CodecError> {
        let mut headers = headers.into_iter();
        let header = headers.next().unwrap_or_default();
        match headers.next() {
            None => Ok(Self::parse(header)),
            Some(_) => Err(CodecError::RepeatedContentType),
        }
    }

    /// `type/subtype`, in lower case.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// The value of a parameter, by its name in lower case; of several the first.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    /// Names and values, names in lower case, in order.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// The charset; ASCII counts as UTF-8, of which it is a part.
    pub fn charset(&self) -> Charset<'_> {
        match self.parameter("charset") {
            None => Charset::Utf8,
            Some(name)
                if ["utf-8", "utf8", "us-ascii", "ascii", ""]
                    .iter()
                    .any(|known| name.eq_ignore_ascii_case(known)) =>
            {
                Charset::Utf8
            }
            Some(name) => Charset::Other(name),
        }
    }

    /// The error for a type that no one can decode.
    pub fn unsupported(&self, supported: &str) -> CodecError {
        CodecError::UnsupportedContentType {
            content_type: excerpt(&self.essence),
            supported: supported.to_owned(),
        }
    }
}

/// Up to the next semicolon that isn't within quotes, and what is behind it.
fn split_parameter(rest: &str) -> (&str, &str) {
    let mut quoted = false;
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ';' if !quoted => return (&rest[..at], &rest[at + 1..]),
            _ => {}
        }
    }
    (rest, "")
}

fn unquoted(value: &str) -> String {
    let Some(inside) = value.strip_prefix('"') else {
        return value.to_owned();
    };
    let mut plain = String::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => break,
            '\\' => plain.extend(characters.next()),
            c => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests;
