//! Every way in which a request can be refused before anybody looks at its path.

use thiserror::Error;

pub use super::octets::Excerpt;
use super::{error::ErrorType, framing, head::MAX_METHOD_BYTES};

/// A request that is not what HTTP/1.1 allows, or is more than is accepted.
///
/// After it nothing on the connection can be trusted: where this request ends is not known. It is answered, and closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Fault {
    /// A line feed that no carriage return stands before.
    #[error("a bare line feed at byte {at} of the request head, and lines end with CR LF")]
    BareLineFeed {
        /// Its offset.
        at: usize,
    },
    /// A carriage return that no line feed follows.
    #[error("a bare carriage return at byte {at} of the request head, and lines end with CR LF")]
    BareCarriageReturn {
        /// Its offset.
        at: usize,
    },
    /// A control character inside a line.
    #[error("the control byte 0x{byte:02x} at byte {at} of the request head")]
    ControlByte {
        /// What is there.
        byte: u8,
        /// Its offset.
        at: usize,
    },
    /// A head without end.
    #[error("a request head of more than {limit_bytes} bytes")]
    HeadTooLong {
        /// What is accepted.
        limit_bytes: usize,
    },
    /// More header fields than are accepted.
    #[error("more than {limit} header fields")]
    TooManyFields {
        /// What is accepted.
        limit: usize,
    },
    /// A first line that has not three parts.
    #[error(
        "the request line `{found}`, which is not a method, a target and `HTTP/1.1` with one blank between them"
    )]
    RequestLine {
        /// How it begins.
        found: Excerpt,
    },
    /// A method with bytes that no name has, or without end.
    #[error("the method `{found}`, which is not a token of at most {MAX_METHOD_BYTES} bytes")]
    Method {
        /// How it begins.
        found: Excerpt,
    },
    /// A version of HTTP that is not spoken here.
    #[error("the version `{found}`, and only HTTP/1.0 and HTTP/1.1 are spoken")]
    Version {
        /// What it says.
        found: Excerpt,
    },
    /// A target longer than accepted.
    #[error("a request target of more than {limit_bytes} bytes")]
    TargetTooLong {
        /// What is accepted.
        limit_bytes: usize,
    },
    /// A byte that must be percent-encoded in a target.
    #[error("the byte 0x{byte:02x} at byte {at} of the request target")]
    TargetByte {
        /// What is there.
        byte: u8,
        /// Its offset in the target.
        at: usize,
    },
    /// A target that names nothing here.
    #[error(
        "the request target `{found}`, and only `/path`, `http://host/path` and `OPTIONS *` are accepted"
    )]
    TargetForm {
        /// How it begins.
        found: Excerpt,
    },
    /// A `CONNECT`, which is for proxies.
    #[error("the method `CONNECT`, and this is not a proxy")]
    Connect,
    /// A field that goes on in the next line.
    #[error("a header line that begins with a blank, and folded fields are not accepted")]
    FoldedField,
    /// A line without a colon.
    #[error("the header line `{found}` without a colon")]
    FieldWithoutColon {
        /// How it begins.
        found: Excerpt,
    },
    /// A blank between the name of a field and its colon.
    #[error("a blank before the colon of the header line `{found}`")]
    BlankBeforeColon {
        /// How it begins.
        found: Excerpt,
    },
    /// A name with bytes that no name has.
    #[error("a header line whose name is not a token: `{found}`")]
    FieldName {
        /// How the line begins.
        found: Excerpt,
    },
    /// A field that decides something, twice.
    #[error("more than one `{name}`")]
    Repeated {
        /// The field.
        name: &'static str,
    },
    /// HTTP/1.1 without a host.
    #[error("no `host`, which HTTP/1.1 requires")]
    HostMissing,
    /// A host that is none.
    #[error("the host `{found}`, which is not a name or address with or without a port")]
    Host {
        /// How it begins.
        found: Excerpt,
    },
    /// A length that is not a number, or a larger one than any body has.
    #[error("the content-length `{found}`, which is not a decimal number up to 2^63 - 1")]
    ContentLength {
        /// How it begins.
        found: Excerpt,
    },
    /// A coding that is not understood.
    #[error("the transfer-encoding `{found}`, and only `chunked` is accepted")]
    TransferEncoding {
        /// How it begins.
        found: Excerpt,
    },
    /// Chunks in a version that has none.
    #[error("a transfer-encoding in HTTP/1.0, which has none")]
    TransferEncodingInHttp10,
    /// Two framings of one body.
    #[error("a content-length beside a transfer-encoding")]
    TwoFramings,
    /// An expectation that can't be met.
    #[error("the expectation `{found}`, and only `100-continue` is met")]
    Expectation {
        /// How it begins.
        found: Excerpt,
    },
    /// A byte that has no place in the lines between chunks.
    #[error("`{}` in a chunked body, where {expected} was expected", .found.escape_ascii())]
    ChunkByte {
        /// What is there.
        found: u8,
        /// What could have been there.
        expected: &'static str,
    },
    /// A chunk larger than any body.
    #[error("a chunk size of more than 16 digits, or above 2^63 - 1")]
    ChunkTooLarge,
    /// Extensions without end, of one chunk.
    #[error(
        "a chunk extension of more than {} bytes",
        framing::MAX_EXTENSION_BYTES
    )]
    ChunkExtensionTooLong,
    /// Extensions that outweigh the body.
    #[error(
        "chunk extensions of more than {} bytes beyond the length of the body so far",
        framing::EXTENSION_ALLOWANCE_BYTES
    )]
    ChunkExtensionsOutweighBody,
    /// Trailers without end.
    #[error("trailer fields of more than {} bytes", framing::MAX_TRAILER_BYTES)]
    TrailersTooLong,
    /// A field that would change the meaning of the request after the fact.
    #[error("the trailer field `{name}`, which may only stand in the head")]
    ForbiddenTrailer {
        /// Its name.
        name: Excerpt,
    },
}

impl Fault {
    /// What the client is told.
    pub const fn error_type(&self) -> ErrorType {
        match self {
            Self::HeadTooLong { .. } | Self::TooManyFields { .. } => {
                ErrorType::RequestHeaderFieldsTooLarge
            }
            Self::TargetTooLong { .. } => ErrorType::UriTooLong,
            Self::Version { .. } => ErrorType::HttpVersionNotSupported,
            Self::Expectation { .. } => ErrorType::ExpectationFailed,
            Self::BareLineFeed { .. }
            | Self::BareCarriageReturn { .. }
            | Self::ControlByte { .. }
            | Self::RequestLine { .. }
            | Self::Method { .. }
            | Self::TargetByte { .. }
            | Self::TargetForm { .. }
            | Self::Connect
            | Self::FoldedField
            | Self::FieldWithoutColon { .. }
            | Self::BlankBeforeColon { .. }
            | Self::FieldName { .. }
            | Self::Repeated { .. }
            | Self::HostMissing
            | Self::Host { .. }
            | Self::ContentLength { .. }
            | Self::TransferEncoding { .. }
            | Self::TransferEncodingInHttp10
            | Self::TwoFramings
            | Self::ChunkByte { .. }
            | Self::ChunkTooLarge
            | Self::ChunkExtensionTooLong
            | Self::ChunkExtensionsOutweighBody
            | Self::TrailersTooLong
            | Self::ForbiddenTrailer { .. } => ErrorType::BadRequest,
        }
    }

    /// The status of the answer: 400, 414, 417, 431 or 505.
    pub const fn status(&self) -> u16 {
        self.error_type().status()
    }

    /// What the author of a client may want to look at.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::ControlByte { byte: 0x16, at: 0 } => {
                Some("does the client speak TLS? this port speaks plain HTTP")
            }
            Self::Version { .. } => Some("HTTP/2 without TLS must be switched off in the client"),
            _ => None,
        }
    }
}
