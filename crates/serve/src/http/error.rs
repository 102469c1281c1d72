//! What clients see of a failure: a status, and one line of JSON.

use std::borrow::Cow;

/// Every `type` that an error of ours can have. An exception of the user's code has its own name instead.
///
/// The names that the multi-model server knows too are spelled as there: programs compare them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorType {
    /// 400: the request, or the body that a default function of ours decodes, is malformed.
    BadRequest,
    /// 404: nothing is served under this path.
    ResourceNotFound,
    /// 405: the path is known, and not with this method.
    MethodNotAllowed,
    /// 406: no type that the client accepts can be made.
    NotAcceptable,
    /// 408: the request did not arrive in time.
    RequestTimeout,
    /// 413: the body is larger than accepted.
    PayloadTooLarge,
    /// 414: the target is longer than accepted.
    UriTooLong,
    /// 415: the body's type can't be read.
    UnsupportedMediaType,
    /// 417: an expectation other than `100-continue`.
    ExpectationFailed,
    /// 431: the head is larger than accepted.
    RequestHeaderFieldsTooLarge,
    /// 500: our own fault.
    InternalServer,
    /// 500: the user's code failed, and has not said how.
    Model,
    /// 502: the worker died with the request.
    BadGateway,
    /// 503: the queue is full.
    ServiceUnavailable,
    /// 503: the model is still being loaded, or can't be.
    ModelNotReady,
    /// 503: the server ends, and takes no more requests.
    ModelShuttingDown,
    /// 504: the worker did not answer in time.
    GatewayTimeout,
    /// 505: neither HTTP/1.0 nor HTTP/1.1.
    HttpVersionNotSupported,
    /// 507: memory ran out.
    InsufficientStorage,
}

impl ErrorType {
    /// All of them, by status.
    pub const ALL: [Self; 19] = [
        Self::BadRequest,
        Self::ResourceNotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::RequestTimeout,
        Self::PayloadTooLarge,
        Self::UriTooLong,
        Self::UnsupportedMediaType,
        Self::ExpectationFailed,
        Self::RequestHeaderFieldsTooLarge,
        Self::InternalServer,
        Self::Model,
        Self::BadGateway,
        Self::ServiceUnavailable,
        Self::ModelNotReady,
        Self::ModelShuttingDown,
        Self::GatewayTimeout,
        Self::HttpVersionNotSupported,
        Self::InsufficientStorage,
    ];

    /// The status that goes with it.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::ResourceNotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::NotAcceptable => 406,
            Self::RequestTimeout => 408,
            Self::PayloadTooLarge => 413,
            Self::UriTooLong => 414,
            Self::UnsupportedMediaType => 415,
            Self::ExpectationFailed => 417,
            Self::RequestHeaderFieldsTooLarge => 431,
            Self::InternalServer | Self::Model => 500,
            Self::BadGateway => 502,
            Self::ServiceUnavailable | Self::ModelNotReady | Self::ModelShuttingDown => 503,
            Self::GatewayTimeout => 504,
            Self::HttpVersionNotSupported => 505,
            Self::InsufficientStorage => 507,
        }
    }

    /// The name in the JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BadRequestException",
            Self::ResourceNotFound => "ResourceNotFoundException",
            Self::MethodNotAllowed => "MethodNotAllowedException",
            Self::NotAcceptable => "NotAcceptableException",
            Self::RequestTimeout => "RequestTimeoutException",
            Self::PayloadTooLarge => "PayloadTooLargeException",
            Self::UriTooLong => "UriTooLongException",
            Self::UnsupportedMediaType => "UnsupportedMediaTypeException",
            Self::ExpectationFailed => "ExpectationFailedException",
            Self::RequestHeaderFieldsTooLarge => "RequestHeaderFieldsTooLargeException",
            Self::InternalServer => "InternalServerException",
            Self::Model => "ModelException",
            Self::BadGateway => "BadGatewayException",
            Self::ServiceUnavailable => "ServiceUnavailableException",
            Self::ModelNotReady => "ModelNotReadyException",
            Self::ModelShuttingDown => "ModelShuttingDownException",
            Self::GatewayTimeout => "GatewayTimeoutException",
            Self::HttpVersionNotSupported => "HttpVersionNotSupportedException",
            Self::InsufficientStorage => "InsufficientStorageException",
        }
    }
}

/// A failure, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorBody<'a> {
    /// The status.
    pub code: u16,
    /// An [`ErrorType`], or the name of the user's exception.
    pub kind: Cow<'a, str>,
    /// For people.
    pub message: Cow<'a, str>,
}

impl<'a> ErrorBody<'a> {
    /// An error of ours, with its own status.
    pub fn new(kind: ErrorType, message: impl Into<Cow<'a, str>>) -> Self {
        Self {
            code: kind.status(),
            kind: Cow::Borrowed(kind.as_str()),
            message: message.into(),
        }
    }

    /// An exception of the user's code: its name, or [`ErrorType::Model`] where it has none.
    pub fn exception(
        code: u16,
        name: impl Into<Cow<'a, str>>,
        message: impl Into<Cow<'a, str>>,
    ) -> Self {
        let name = name.into();
        Self {
            code,
            kind: if name.is_empty() {
                Cow::Borrowed(ErrorType::Model.as_str())
            } else {
                name
            },
            message: message.into(),
        }
    }

    /// The line that is sent.
    pub fn to_json(&self, request_id: &str) -> Vec<u8> {
        error_json(self.code, &self.kind, &self.message, request_id)
    }
}

/// The body of an error.
///
/// **Shape**: `{"code": 404, "type": "…", "message": "…", "request_id": "…"}` and a line feed, UTF-8, on one line.
///
/// **Source**: the first three keys are those of the multi-model server.
pub fn error_json(code: u16, kind: &str, message: &str, request_id: &str) -> Vec<u8> {
    let text_bytes = kind.len() + message.len() + request_id.len();
    let mut out = Vec::with_capacity(text_bytes + 64);
    out.extend_from_slice(b"{\"code\": ");
    out.extend_from_slice(code.to_string().as_bytes());
    for (key, text) in [
        ("type", kind),
        ("message", message),
        ("request_id", request_id),
    ] {
        out.extend_from_slice(b", \"");
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\": ");
        put_text(&mut out, text);
    }
    out.extend_from_slice(b"}\n");
    out
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            // Terminals and logs that get the line must not be steered by it either.
            0..b' ' | 0x7f => {
                let digits = [byte >> 4, byte & 15].map(|digit| HEX_DIGITS[usize::from(digit)]);
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&digits);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

const HEX_DIGITS: [u8; 16] = *b"0123456789abcdef";

#[cfg(test)]
mod tests;
