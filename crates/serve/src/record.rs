//! What is remembered of one request: for the log and the metrics.

use std::time::Duration;

use optml_contract::serving::{AccessLog, ErrorDetail};
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::{
    connection::{Peer, Route},
    http::{ErrorBody, Method},
    metrics::Ended,
    problem::{Blame, Problem},
    site::Site,
};

/// One request, until it is answered.
#[derive(Debug)]
pub(crate) struct Record {
    route: Route,
    started: Instant,
    id: String,
    is_own_id: bool,
    pub(crate) status: u16,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    /// User code's time.
    pub(crate) took: Duration,
    failure: Option<Failed>,
}

#[derive(Debug)]
struct Failed {
    kind: String,
    message: String,
    detail: String,
    blame: Blame,
    rejection: Option<&'static str>,
}

impl Record {
    /// A request that has just begun.
    pub(crate) fn new(site: &Site, route: Route, started: Instant) -> Self {
        site.metrics.request_began();
        Self {
            route,
            started,
            id: site.request_ids.next(),
            is_own_id: true,
            status: 0,
            request_bytes: 0,
            response_bytes: 0,
            took: Duration::ZERO,
            failure: None,
        }
    }

    /// Takes over the name that the client gave it, when it is one.
    pub(crate) fn adopt_id(&mut self, given: Option<&[u8]>) {
        /// Longer ones make no good names.
        const MAX_BYTES: usize = 128;
        let text = given.and_then(|given| std::str::from_utf8(given).ok());
        let good = text.filter(|text| {
            (1..=MAX_BYTES).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_graphic())
        });
        if let Some(id) = good {
            id.clone_into(&mut self.id);
            self.is_own_id = false;
        }
    }

    /// Its name in answers and in the log.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Whether the client gave it none.
    pub(crate) fn is_own_id(&self) -> bool {
        self.is_own_id
    }

    /// It was refused, or its answer was broken off.
    pub(crate) fn refused(&mut self, problem: &Problem, body: &ErrorBody<'_>) {
        self.failure = Some(Failed {
            kind: body.kind.clone().into_owned(),
            // For the log the whole message, whatever the client is shown.
            message: problem.body(ErrorDetail::Message).message.into_owned(),
            detail: problem.detail().unwrap_or_default().to_owned(),
            blame: problem.blame(),
            rejection: problem.rejection(),
        });
    }

    /// It is answered, or will never be: metrics, and a line in the log.
    pub(crate) fn finish(&self, site: &Site, peer: &Peer, method: Method) {
        let elapsed = self.started.elapsed();
        site.metrics.request_ended(&Ended {
            route: self.route.name(),
            method: method_name(method),
            status: self.status,
            elapsed,
            took: self.took,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            rejection: self.failure.as_ref().and_then(|failure| failure.rejection),
        });
        let is_failure = self.failure.is_some() || self.status >= 400;
        let wanted = match site.access_log {
            AccessLog::Off => false,
            AccessLog::Errors => is_failure,
            AccessLog::All => true,
        };
        // A ping that says what the log has said already is no news.
        if wanted && self.route != Route::Ping {
            self.write_line(peer, elapsed);
        }
    }

    fn write_line(&self, peer: &Peer, elapsed: Duration) {
        let (request, route, status) = (self.id.as_str(), self.route.name(), self.status);
        let ms = elapsed.as_secs_f64() * 1000.0;
        let client = &*peer.address;
        match &self.failure {
            None => info!(request, route, status, ms, client, "answered"),
            Some(failed) => {
                let kind = failed.kind.as_str();
                let mut text = failed.message.clone();
                if !failed.detail.is_empty() {
                    text = format!("{text}\n{}", failed.detail);
                }
                match failed.blame {
                    Blame::Client => info!(request, route, status, kind, ms, client, "{text}"),
                    Blame::Moment => warn!(request, route, status, kind, ms, client, "{text}"),
                    Blame::Server => error!(request, route, status, kind, ms, client, "{text}"),
                }
            }
        }
    }
}

const fn method_name(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Options => "OPTIONS",
        Method::Other => "_OTHER",
    }
}
