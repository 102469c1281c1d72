//! From what a client says to what a person can use.
//!
//! `object_store` keeps the type of its retry error to itself, so the facts of a failed answer are taken from its text:
//! `… after N retries … - Server returned non-2xx status code: 403 Forbidden: <Error><Code>…`.

use std::error::Error;

use object_store::client::{HttpError, HttpErrorKind};

use super::{credentials::CredentialError, error::StoreFault, url::on_one_line, web_client::Seen};

/// What an answer says about a failure.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) status: Option<u16>,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) region: Option<String>,
    pub(super) n_retries: u32,
}

/// What a failure of `object_store` means.
pub(super) fn fault_of(error: &object_store::Error, seen: &Seen) -> StoreFault {
    let mut transport = None;
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(err) = cause {
        if let Some(credentials) = err.downcast_ref::<CredentialError>() {
            return StoreFault::NoCredentials(credentials.to_string());
        }
        transport = err.downcast_ref::<HttpError>().or(transport);
        cause = err.source();
    }
    if let Some(error) = transport {
        return StoreFault::Connection(transport_text(error));
    }
    let mut answered = Answered::read(&error.to_string());
    if matches!(error, object_store::Error::NotFound { .. }) {
        answered.status.get_or_insert(404);
    }
    match error {
        object_store::Error::Precondition { .. } => StoreFault::Changed,
        _ => answered.fault(seen).unwrap_or_else(|| own_fault(error)),
    }
}

/// What is wrong with a key.
pub(super) fn key_fault(error: &object_store::path::Error) -> StoreFault {
    StoreFault::Key(on_one_line(&innermost(error).to_string()))
}

/// What a failure of the client below means. Its address may be secret.
pub(super) fn connection_text(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = if error.is_timeout() {
        "no answer came in time".to_owned()
    } else if error.is_connect() {
        "no connection can be made".to_owned()
    } else {
        "the connection failed".to_owned()
    };
    push_innermost(&mut text, &error);
    text
}

impl Answered {
    pub(super) fn read(text: &str) -> Self {
        let after = |mark: &str| text.split_once(mark).map(|(_, rest)| rest);
        let number = |rest: &str| -> Option<u32> {
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            rest[..end].parse().ok()
        };
        let status = after("status code: ").and_then(number);
        // A redirect without a place to go to is told without its status.
        let is_redirect = text.contains("redirect without LOCATION");
        Self {
            status: status
                .and_then(|status| u16::try_from(status).ok())
                .or(is_redirect.then_some(301)),
            code: element(text, "Code"),
            message: element(text, "Message"),
            region: element(text, "Region"),
            n_retries: after(", after ").and_then(number).unwrap_or(0),
        }
    }

    /// `None`: there was no answer with a status.
    pub(super) fn fault(self, seen: &Seen) -> Option<StoreFault> {
        let code = self.code.as_deref().unwrap_or_default();
        let message = self.message.clone();
        // Some errors come as a success whose body says otherwise.
        let status = self.status.or_else(|| self.code.is_some().then_some(200))?;
        let named = |default: &str| match code {
            "" => default.to_owned(),
            code => code.to_owned(),
        };
        Some(match (status, code) {
            (
                _,
                "ExpiredToken"
                | "TokenRefreshRequired"
                | "RequestExpired"
                | "ExpiredTokenException",
            ) => StoreFault::Expired {
                code: code.to_owned(),
            },
            (_, "RequestTimeTooSkewed") => StoreFault::Clock {
                ahead_s: seen.ahead_s,
            },
            (300..=399, _)
            | (
                _,
                "PermanentRedirect"
                | "TemporaryRedirect"
                | "AuthorizationHeaderMalformed"
                | "IllegalLocationConstraintException",
            ) => StoreFault::Region {
                region: self
                    .region
                    .or_else(|| seen.region.clone())
                    .unwrap_or_else(|| "?".to_owned()),
            },
            (412, _) => StoreFault::Changed,
            (404, _) => StoreFault::NotFound {
                code: self.code,
                message,
            },
            (401 | 403, _) => StoreFault::Denied {
                code: named("the store does not say why"),
                message,
            },
            (429 | 500..=599, _) | (200, "InternalError" | "SlowDown") => StoreFault::Unavailable {
                status,
                code: self.code,
                n_tries: self.n_retries + 1,
            },
            _ => StoreFault::Refused {
                status,
                code: named("the store does not say why"),
                message,
            },
        })
    }
}

/// What the client itself objects to.
fn own_fault(error: &object_store::Error) -> StoreFault {
    match error {
        object_store::Error::InvalidPath { source } => key_fault(source),
        other => {
            let mut text = String::from("the answer makes no sense");
            push_innermost(&mut text, other);
            StoreFault::Protocol(text)
        }
    }
}

fn transport_text(error: &HttpError) -> String {
    let mut text = match error.kind() {
        HttpErrorKind::Connect => "no connection can be made",
        HttpErrorKind::Timeout => "no answer came in time",
        HttpErrorKind::Decode => "the answer can't be read",
        _ => "the connection broke",
    }
    .to_owned();
    push_innermost(&mut text, error);
    text
}

/// The cause that has no cause says most.
fn push_innermost(text: &mut String, error: &(dyn Error + 'static)) {
    text.push_str(": ");
    text.push_str(&innermost(error).to_string());
}

fn innermost<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost
}

/// The first line of the first `<name>` of an error document; Azure adds others.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (content, _) = rest.split_once(&format!("</{name}>"))?;
    let line = content.trim().lines().next()?;
    Some(line.chars().take(MAX_TEXT_CHARS).collect())
}

const MAX_TEXT_CHARS: usize = 300;

#[cfg(test)]
mod tests;
