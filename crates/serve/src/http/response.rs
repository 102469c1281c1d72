//! The head of a response, and the framing of its body.

use std::num::NonZeroU64;

use thiserror::Error;

use super::{
    date::HttpDate,
    fault::Excerpt,
    head::{Persistence, Version},
    octets::{is_control, is_token},
};

/// What stands in a response head beside the fields of whoever answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseStart {
    /// 100 to 999.
    pub status: u16,
    /// That of the request. The response always says HTTP/1.1, and to an older client what it would not assume.
    pub version: Version,
    /// How the client finds the end of the body.
    pub length: BodyLength,
    /// What becomes of the connection.
    pub persistence: Persistence,
    /// Now.
    pub date: HttpDate,
}

/// How the client finds the end of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// That many bytes follow; or would, if the request were not `HEAD` and the status not 304.
    Known(u64),
    /// Chunks: [`put_chunk_head`], then the bytes, then [`CHUNK_END`]; at the end [`LAST_CHUNK`]. Never in HTTP/1.0.
    Chunked,
    /// All that comes until the connection is closed. It says so, whatever the persistence.
    UntilClose,
    /// Nothing is said, because nothing follows: `HEAD` to something of unknown length, 204, 304.
    None,
}

impl BodyLength {
    /// For a body whose length is not known when its head is sent.
    pub const fn of_stream(version: Version) -> Self {
        match version {
            Version::Http10 => Self::UntilClose,
            Version::Http11 => Self::Chunked,
        }
    }
}

/// A response that must not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ResponseFault {
    /// A status that HTTP can't spell.
    #[error("a response with status {status}")]
    Status {
        /// What it is.
        status: u16,
    },
    /// A name with bytes that no name has.
    #[error("a response header whose name is not a token: `{name}`")]
    FieldName {
        /// How it begins.
        name: Excerpt,
    },
    /// A value that would break the line.
    #[error("the byte 0x{byte:02x} in the value of the response header `{name}`")]
    FieldValue {
        /// Its name.
        name: Excerpt,
        /// What is in it.
        byte: u8,
    },
    /// A field that is not the application's to set.
    #[error("the response header `{name}`, which only the server sets")]
    FramingField {
        /// Its name.
        name: Excerpt,
    },
}

/// Appends a whole response head, blank line included.
///
/// The names and values are written as they are; a `date` among them replaces ours. For 1xx and 204, which never have a body,
/// no length is written.
///
/// # Errors
/// A [`ResponseFault`]; `out` is then as it was.
pub fn put_head<'f>(
    out: &mut Vec<u8>,
    start: &ResponseStart,
    fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
) -> Result<(), ResponseFault> {
    let length_before = out.len();
    let put = try_put_head(out, start, fields);
    if put.is_err() {
        out.truncate(length_before);
    }
    put
}

/// Appends the line before a chunk of that many bytes. A chunk of none would be the last: see [`LAST_CHUNK`].
pub fn put_chunk_head(out: &mut Vec<u8>, n_bytes: NonZeroU64) {
    let n_digits = 16 - n_bytes.leading_zeros() / 4;
    for i in (0..n_digits).rev() {
        let digit = (n_bytes.get() >> (4 * i)) & 15;
        out.push(HEX_DIGITS[usize::try_from(digit).unwrap_or_default()]);
    }
    out.extend_from_slice(b"\r\n");
}

/// Whether a field says how the message is framed or what becomes of the connection, and so is not the application's.
///
/// Applications set some of them in good faith: the caller can leave those out before [`put_head`] refuses them.
pub fn is_framing_field(name: &[u8]) -> bool {
    match name.len() {
        2 => name.eq_ignore_ascii_case(b"te"),
        7 => name.eq_ignore_ascii_case(b"trailer") || name.eq_ignore_ascii_case(b"upgrade"),
        10 if name.eq_ignore_ascii_case(b"connection") => true,
        10 if name.eq_ignore_ascii_case(b"keep-alive") => true,
        14 if name.eq_ignore_ascii_case(b"content-length") => true,
        17 if name.eq_ignore_ascii_case(b"transfer-encoding") => true,
        _ => {
            let prefix = name.get(..PROXY_PREFIX.len()).unwrap_or_default();
            prefix.eq_ignore_ascii_case(PROXY_PREFIX)
        }
    }
}

/// What a status is called; by its class, where it has no name of its own.
pub const fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400..=499 => client_error_phrase(status),
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ if status < 200 => "Informational",
        _ if status < 300 => "Success",
        _ if status < 400 => "Redirection",
        _ if status < 600 => "Server Error",
        _ => "Unknown",
    }
}

/// A chunk's bytes end with it.
pub const CHUNK_END: &[u8] = b"\r\n";

/// A chunked body ends with it.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The interim response that tells a client to send its body.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

const fn client_error_phrase(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        _ => "Client Error",
    }
}

fn try_put_head<'f>(
    out: &mut Vec<u8>,
    start: &ResponseStart,
    fields: impl IntoIterator<Item = (&'f [u8], &'f [u8])>,
) -> Result<(), ResponseFault> {
    let status = start.status;
    if !(100..=999).contains(&status) {
        return Err(ResponseFault::Status { status });
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    put_number(out, status.into());
    out.push(b' ');
    out.extend_from_slice(reason_phrase(status).as_bytes());
    out.extend_from_slice(b"\r\n");
    let mut date = Some(start.date);
    for (name, value) in fields {
        check_field(name, value)?;
        put_field(out, name, value);
        if name.eq_ignore_ascii_case(b"date") {
            date = None;
        }
    }
    if let Some(date) = date {
        put_field(out, b"date", date.as_bytes());
    }
    put_length(out, start);
    put_connection(out, start);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

fn check_field(name: &[u8], value: &[u8]) -> Result<(), ResponseFault> {
    let excerpt = || Excerpt::of(name);
    if !is_token(name) {
        return Err(ResponseFault::FieldName { name: excerpt() });
    }
    if is_framing_field(name) {
        return Err(ResponseFault::FramingField { name: excerpt() });
    }
    match value.iter().find(|byte| is_control(**byte)) {
        Some(byte) => Err(ResponseFault::FieldValue {
            name: excerpt(),
            byte: *byte,
        }),
        None => Ok(()),
    }
}

fn put_length(out: &mut Vec<u8>, start: &ResponseStart) {
    if start.status < 200 || start.status == 204 {
        return;
    }
    match start.length {
        BodyLength::Known(n_bytes) => {
            out.extend_from_slice(b"content-length: ");
            put_number(out, n_bytes);
            out.extend_from_slice(b"\r\n");
        }
        BodyLength::Chunked => put_field(out, b"transfer-encoding", b"chunked"),
        BodyLength::UntilClose | BodyLength::None => {}
    }
}

/// Says what the client would not assume of its version.
fn put_connection(out: &mut Vec<u8>, start: &ResponseStart) {
    let persistence = match start.length {
        BodyLength::UntilClose => Persistence::Close,
        BodyLength::Known(_) | BodyLength::Chunked | BodyLength::None => start.persistence,
    };
    match (persistence, start.version) {
        (Persistence::Close, _) => put_field(out, b"connection", b"close"),
        (Persistence::KeepAlive, Version::Http10) => put_field(out, b"connection", b"keep-alive"),
        (Persistence::KeepAlive, Version::Http11) => {}
    }
}

fn put_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn put_number(out: &mut Vec<u8>, number: u64) {
    use std::io::Write as _;
    let _ = write!(out, "{number}"); // A Vec takes everything.
}

const HEX_DIGITS: [u8; 16] = *b"0123456789abcdef";

const PROXY_PREFIX: &[u8] = b"proxy-";

#[cfg(test)]
mod tests;
