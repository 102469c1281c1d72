//! Every way in which a request is not answered by user code, and what the client is told: one match.

use std::time::Duration;

use optml_codec::{CodecError, Kind};
use optml_contract::serving::ErrorDetail;

use crate::{
    call::{MemoryCause, Refusal},
    http::{ErrorBody, ErrorType, Fault, ResponseFault},
};

#[cfg(test)]
mod tests;

/// Why a request has no answer of user code's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Not HTTP, or not as we take it.
    Http(Fault),
    /// The head did not come in time.
    SlowHead { limit: Duration },
    /// The body did not come in time.
    SlowBody { limit: Duration },
    /// The client stopped sending in the middle of a body.
    ShortBody,
    /// Nothing is served there.
    NoRoute,
    /// Not with this method.
    Method { allow: &'static str },
    /// More than may be sent.
    TooLarge {
        /// What the client announced; `None`: more came than may.
        n_bytes: Option<u64>,
        limit_bytes: u64,
    },
    /// Bodies fill the memory that they may, and this one has grown beyond what it announced.
    NoRoom,
    /// A compressed body.
    ContentEncoding,
    /// A body that can't be read, or an answer that can't be written.
    Codec(CodecError),
    /// Nobody answered.
    Refused(Refusal),
    /// User code's answer is not HTTP.
    Answer(ResponseFault),
    /// Our own fault.
    Internal(&'static str),
}

/// Whom a failure concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// The client: nobody here has to act.
    Client,
    /// The load, or the moment.
    Moment,
    /// User code, or us.
    Server,
}

impl Problem {
    /// What the client is told.
    pub(crate) fn body(&self, detail: ErrorDetail) -> ErrorBody<'static> {
        let of = |kind: ErrorType, text: String| ErrorBody::new(kind, text);
        match self {
            Self::Http(fault) => {
                let hint = fault.hint().map(|hint| format!(" ({hint})"));
                of(
                    fault.error_type(),
                    format!("{fault}{}", hint.unwrap_or_default()),
                )
            }
            Self::SlowHead { limit } => of(
                ErrorType::RequestTimeout,
                format!(
                    "the request's head did not arrive within {} s",
                    seconds(*limit)
                ),
            ),
            Self::SlowBody { limit } => of(
                ErrorType::RequestTimeout,
                format!(
                    "no more of the request's body arrived for {} s",
                    seconds(*limit)
                ),
            ),
            Self::ShortBody => of(
                ErrorType::BadRequest,
                "the connection ended inside the request's body".to_owned(),
            ),
            Self::NoRoute => of(
                ErrorType::ResourceNotFound,
                "no such resource: there are /ping, /invocations and /execution-parameters"
                    .to_owned(),
            ),
            Self::Method { allow } => of(
                ErrorType::MethodNotAllowed,
                format!("the method is not allowed here: use {allow}"),
            ),
            Self::TooLarge {
                n_bytes,
                limit_bytes,
            } => of(
                ErrorType::PayloadTooLarge,
                too_large(*n_bytes, *limit_bytes),
            ),
            Self::NoRoom => of(
                ErrorType::ServiceUnavailable,
                "too many bytes of requests are in memory".to_owned(),
            ),
            Self::ContentEncoding => of(
                ErrorType::UnsupportedMediaType,
                "compressed bodies are not accepted: send it without Content-Encoding".to_owned(),
            ),
            Self::Codec(error) => codec(error),
            Self::Refused(refusal) => refused(refusal, detail),
            Self::Answer(fault) => of(
                ErrorType::InternalServer,
                format!("the model's answer can't be sent: {fault}"),
            ),
            Self::Internal(what) => of(ErrorType::InternalServer, (*what).to_owned()),
        }
    }

    /// Further header fields of the answer.
    pub(crate) fn fields(&self) -> Option<(&'static [u8], &'static [u8])> {
        match self {
            Self::Method { allow } => Some((b"allow", allow.as_bytes())),
            Self::NoRoom
            | Self::Refused(
                Refusal::QueueFull { .. }
                | Refusal::QueueTimeout { .. }
                | Refusal::NotReady { .. }
                | Refusal::Draining,
            ) => Some((b"retry-after", b"1")),
            Self::Http(_)
            | Self::SlowHead { .. }
            | Self::SlowBody { .. }
            | Self::ShortBody
            | Self::NoRoute
            | Self::TooLarge { .. }
            | Self::ContentEncoding
            | Self::Codec(_)
            | Self::Refused(_)
            | Self::Answer(_)
            | Self::Internal(_) => None,
        }
    }

    /// Whether the bytes that follow on this connection can still be understood.
    pub(crate) fn ends_connection(&self) -> bool {
        match self {
            Self::Http(_)
            | Self::SlowHead { .. }
            | Self::SlowBody { .. }
            | Self::ShortBody
            | Self::NoRoom
            | Self::TooLarge { .. } => true,
            Self::NoRoute
            | Self::Method { .. }
            | Self::ContentEncoding
            | Self::Codec(_)
            | Self::Refused(_)
            | Self::Answer(_)
            | Self::Internal(_) => false,
        }
    }

    /// Whom it concerns.
    pub(crate) fn blame(&self) -> Blame {
        match self {
            Self::Http(_)
            | Self::SlowHead { .. }
            | Self::SlowBody { .. }
            | Self::ShortBody
            | Self::NoRoute
            | Self::Method { .. }
            | Self::TooLarge { .. }
            | Self::ContentEncoding
            | Self::Refused(Refusal::Cancelled) => Blame::Client,
            Self::Codec(error) => match error.kind() {
                Kind::BadBody | Kind::NotAcceptable | Kind::UnsupportedMediaType => Blame::Client,
                Kind::BadResult => Blame::Server,
            },
            Self::Refused(Refusal::Raised(failure)) if failure.status < 500 => Blame::Client,
            Self::NoRoom
            | Self::Refused(
                Refusal::QueueFull { .. }
                | Refusal::QueueTimeout { .. }
                | Refusal::NotReady { .. }
                | Refusal::Draining,
            ) => Blame::Moment,
            Self::Refused(Refusal::Deadline | Refusal::Died { .. } | Refusal::Raised(_))
            | Self::Answer(_)
            | Self::Internal(_) => Blame::Server,
        }
    }

    /// The word for a counter of refused requests; `None`: it was refused by user code, or by no one.
    pub(crate) fn rejection(&self) -> Option<&'static str> {
        match self {
            Self::NoRoom | Self::Refused(Refusal::QueueFull { .. }) => Some("full"),
            Self::TooLarge { .. } => Some("too_large"),
            Self::Refused(Refusal::QueueTimeout { .. } | Refusal::Deadline)
            | Self::SlowHead { .. }
            | Self::SlowBody { .. } => Some("timeout"),
            Self::Http(_) | Self::ShortBody => Some("malformed"),
            Self::Refused(Refusal::NotReady { .. } | Refusal::Draining) => Some("not_ready"),
            Self::NoRoute
            | Self::Method { .. }
            | Self::ContentEncoding
            | Self::Codec(_)
            | Self::Refused(Refusal::Died { .. } | Refusal::Raised(_) | Refusal::Cancelled)
            | Self::Answer(_)
            | Self::Internal(_) => None,
        }
    }

    /// What only the log gets: a traceback.
    pub(crate) fn detail(&self) -> Option<&str> {
        match self {
            Self::Refused(Refusal::Raised(failure)) if !failure.detail.is_empty() => {
                Some(&failure.detail)
            }
            _ => None,
        }
    }
}

fn refused(refusal: &Refusal, detail: ErrorDetail) -> ErrorBody<'static> {
    let of = |kind: ErrorType, text: String| ErrorBody::new(kind, text);
    match refusal {
        Refusal::QueueFull { waiting } => of(
            ErrorType::ServiceUnavailable,
            format!("all workers are busy, and {waiting} requests wait already"),
        ),
        Refusal::QueueTimeout { waited } => of(
            ErrorType::ServiceUnavailable,
            format!("no worker was free within {} s", seconds(*waited)),
        ),
        Refusal::NotReady { state } => of(
            ErrorType::ModelNotReady,
            format!("the model is not ready: {state}"),
        ),
        Refusal::Draining => of(
            ErrorType::ModelShuttingDown,
            "the server is about to end".to_owned(),
        ),
        Refusal::Deadline => of(
            ErrorType::GatewayTimeout,
            "the model took too long".to_owned(),
        ),
        Refusal::Died {
            how,
            memory: MemoryCause::Other,
        } => of(
            ErrorType::BadGateway,
            format!("the worker ended while it ran this request: {how}"),
        ),
        Refusal::Died {
            memory: MemoryCause::OutOfMemory,
            ..
        } => of(
            ErrorType::InsufficientStorage,
            "the worker ran out of memory".to_owned(),
        ),
        Refusal::Raised(failure) => {
            let message = match detail {
                ErrorDetail::None => String::new(),
                ErrorDetail::Message => failure.message.clone(),
                ErrorDetail::Traceback if failure.detail.is_empty() => failure.message.clone(),
                ErrorDetail::Traceback => failure.detail.clone(),
            };
            ErrorBody::exception(failure.status, failure.kind.clone(), message)
        }
        Refusal::Cancelled => of(
            ErrorType::InternalServer,
            "the request was given up before it was answered".to_owned(),
        ),
    }
}

fn codec(error: &CodecError) -> ErrorBody<'static> {
    let kind = match error.kind() {
        Kind::BadBody => ErrorType::BadRequest,
        Kind::NotAcceptable => ErrorType::NotAcceptable,
        Kind::UnsupportedMediaType => ErrorType::UnsupportedMediaType,
        Kind::BadResult => ErrorType::InternalServer,
    };
    let hint = error.hint().map(|hint| format!(" ({hint})"));
    ErrorBody::new(kind, format!("{error}{}", hint.unwrap_or_default()))
}

fn too_large(n_bytes: Option<u64>, limit_bytes: u64) -> String {
    match n_bytes {
        Some(n_bytes) => {
            format!("the body has {n_bytes} bytes, and at most {limit_bytes} are accepted")
        }
        None => {
            format!("the body has more than {limit_bytes} bytes, which is as many as are accepted")
        }
    }
}

/// With a fraction only where there is one.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}
