//! The head of a request: from the bytes of a connection to what it asks, and how its body is framed.
//!
//! [`HeadParser`] finds the lines and refuses what is malformed (`parser`, `request_line`); when the blank line has come, the
//! fields that decide something are read together (`meaning`). A [`RequestHead`] then says where in the buffer everything
//! is: it borrows nothing, so that it can live beside the buffer, and it is reused for the next request.

mod meaning;
mod parser;
mod request_line;

use std::ops::Range;

pub use self::parser::{HeadLimits, HeadParser, Progress};
pub(super) use self::request_line::MAX_METHOD_BYTES;

/// What a request head says. The bytes are in the buffer that it was parsed from, which each look at them needs again.
///
/// With another buffer, or one whose beginning has been taken away, names and values are wrong or empty; nothing panics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestHead {
    method: Method,
    method_span: Span,
    path: Span,
    query: Option<Span>,
    version: Version,
    framing: BodyFraming,
    persistence: Persistence,
    expectation: Expectation,
    n_bytes: usize,
    fields: Vec<FieldSpan>,
}

/// What is to be done. Names of methods are case-sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// `GET`
    #[default]
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
    /// Any other token: see [`RequestHead::method_bytes`].
    Other,
}

/// The version that the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
}

/// How the end of the body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodyFraming {
    /// There is none: the next request follows the head.
    #[default]
    Empty,
    /// That many bytes, at most 2^63 - 1; 0 where a client says so.
    Length(u64),
    /// Chunks: see [`super::framing`].
    Chunked,
}

/// What becomes of the connection after the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Persistence {
    /// It takes another request.
    #[default]
    KeepAlive,
    /// It is closed.
    Close,
}

/// What a client waits for before it sends the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expectation {
    /// Nothing.
    #[default]
    None,
    /// [`super::response::CONTINUE`], or a refusal. Only where a body is announced, and never in HTTP/1.0.
    Continue,
}

impl RequestHead {
    /// The method, where it is one of the usual.
    pub const fn method(&self) -> Method {
        self.method
    }

    /// The method as it was sent.
    pub fn method_bytes<'b>(&self, buf: &'b [u8]) -> &'b [u8] {
        self.method_span.of(buf)
    }

    /// The path as it was sent, percent-encoded, and not normalised. Of `http://host/path` only the path.
    ///
    /// Begins with `/`, but for the `*` of `OPTIONS *`.
    pub fn path<'b>(&self, buf: &'b [u8]) -> &'b [u8] {
        match self.path.of(buf) {
            b"" => b"/", // `http://host` and `http://host?query`
            path => path,
        }
    }

    /// What follows the first `?` of the target.
    ///
    /// **Unset**: there is no `?`. **Empty**: nothing follows it.
    pub fn query<'b>(&self, buf: &'b [u8]) -> Option<&'b [u8]> {
        self.query.map(|span| span.of(buf))
    }

    /// The version.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// How the body is framed.
    pub const fn framing(&self) -> BodyFraming {
        self.framing
    }

    /// What the client wants to become of the connection.
    pub const fn persistence(&self) -> Persistence {
        self.persistence
    }

    /// What the client waits for.
    pub const fn expectation(&self) -> Expectation {
        self.expectation
    }

    /// The length of the whole head, with its blank line and an empty line before it: the body begins there.
    pub const fn n_bytes(&self) -> usize {
        self.n_bytes
    }

    /// How many fields there are.
    pub const fn n_fields(&self) -> usize {
        self.fields.len()
    }

    /// Names and values of the fields in their order; names as they were sent, values without the blanks around them.
    pub fn fields<'h, 'b>(
        &'h self,
        buf: &'b [u8],
    ) -> impl Iterator<Item = (&'b [u8], &'b [u8])> + use<'h, 'b> {
        self.fields
            .iter()
            .map(|field| (field.name.of(buf), field.value.of(buf)))
    }

    /// The values of all fields of this name, in any case.
    pub fn values<'h, 'b>(
        &'h self,
        buf: &'b [u8],
        name: &'h [u8],
    ) -> impl Iterator<Item = &'b [u8]> + use<'h, 'b> {
        self.fields(buf)
            .filter_map(move |(found, value)| found.eq_ignore_ascii_case(name).then_some(value))
    }

    /// The value of the first field of this name, in any case.
    pub fn field<'b>(&self, buf: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
        self.values(buf, name).next()
    }

    /// Forgets everything but the memory.
    fn clear(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = Self {
            fields,
            ..Self::default()
        };
    }
}

/// Where something is in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    fn of(self, buf: &[u8]) -> &[u8] {
        buf.get(self.start..self.end).unwrap_or_default()
    }
}

impl From<Range<usize>> for Span {
    fn from(range: Range<usize>) -> Self {
        Self {
            start: range.start,
            end: range.end,
        }
    }
}

/// Where a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FieldSpan {
    name: Span,
    value: Span,
}

#[cfg(test)]
mod tests;
