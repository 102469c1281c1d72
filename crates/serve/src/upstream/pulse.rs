//! Whether the program is well: what it is asked, and what its answers come to.

use std::{io, time::Duration};

use hyper::{StatusCode, body::Incoming};
use tokio::time::timeout;

use super::{
    forward::next_piece,
    head,
    link::{Link, LinkError, Upload},
    place::Place,
};

#[cfg(test)]
mod tests;

/// How the program answered when it was asked for its health.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Sign {
    #[error("it is well")]
    Well,
    /// It says itself that it is not.
    #[error("it says {status}")]
    Says { status: u16 },
    /// Nobody listens.
    #[error("no connection: {why}")]
    Unreachable { why: String },
    /// It has taken the connection, or could still take it, and says nothing.
    #[error("no answer: {why}")]
    Silent { why: String },
}

/// What is to be thought of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    /// It can have calls.
    Well,
    /// It may only be busy: nothing changes.
    Unsure,
    /// It gets none.
    Sick,
}

/// What its last signs come to. Pure: the answers are handed in.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    n_silent_in_a_row: u32,
}

impl Pulse {
    /// What follows from one more sign.
    pub(super) fn note(&mut self, sign: &Sign) -> Condition {
        match sign {
            Sign::Well => {
                self.n_silent_in_a_row = 0;
                Condition::Well
            }
            Sign::Says { .. } | Sign::Unreachable { .. } => Condition::Sick,
            Sign::Silent { .. } => {
                self.n_silent_in_a_row += 1;
                if self.n_silent_in_a_row < MAX_SILENT {
                    Condition::Unsure
                } else {
                    Condition::Sick
                }
            }
        }
    }

    /// It has answered a call: silence before that was work.
    pub(super) fn answered(&mut self) {
        self.n_silent_in_a_row = 0;
    }
}

/// Asks it, over a connection for this question alone.
pub(super) async fn ask(place: &Place, path: &str) -> Sign {
    let Ok(sign) = timeout(LIMIT, ask_patiently(place, path)).await else {
        let why = format!("nothing within {} s", LIMIT.as_secs());
        return Sign::Silent { why };
    };
    sign
}

async fn ask_patiently(place: &Place, path: &str) -> Sign {
    let silent = |why: &dyn std::fmt::Display| Sign::Silent {
        why: why.to_string(),
    };
    let request = match head::health_request(path, &place.host(), Upload::empty()) {
        Ok(request) => request,
        Err(error) => return silent(&error),
    };
    let mut link = match Link::open(place).await {
        Ok(link) => link,
        Err(LinkError::Connect(error)) if is_nobody(&error) => {
            return Sign::Unreachable {
                why: error.to_string(),
            };
        }
        Err(error) => return silent(&error),
    };
    let response = match link.send(request).await {
        Ok(response) => response,
        Err(error) => return silent(error.error()),
    };
    let status = response.status();
    read_off(response.into_body()).await;
    match status {
        StatusCode::OK => Sign::Well,
        other => Sign::Says {
            status: other.as_u16(),
        },
    }
}

/// A program that still writes when its connection is closed would complain in its log, every few seconds.
async fn read_off(mut body: Incoming) {
    let mut n_bytes = 0;
    while let Some(Ok(piece)) = next_piece(&mut body).await {
        n_bytes += piece.len();
        if n_bytes > MAX_BODY_BYTES {
            return;
        }
    }
}

/// Whether nobody listens there.
fn is_nobody(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
    )
}

/// The platform waits for an answer to `/ping` as long.
const LIMIT: Duration = Duration::from_secs(2);
/// Nobody needs more to say that it is well.
const MAX_BODY_BYTES: usize = 64 << 10;
/// A server that answers nothing else while it computes is late once or twice; one that hangs is late each time.
const MAX_SILENT: u32 = 3;
