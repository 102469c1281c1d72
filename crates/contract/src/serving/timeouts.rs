//! How long everything may take.

use std::time::Duration;

use super::{
    given::Given,
    reader::{Reader, seconds},
};
use crate::vars;

/// How long everything may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// A request, from its head to its answer.
    pub request: RequestTimeout,
    /// The head of a request.
    pub head: Given<Duration>,
    /// A body of which nothing comes.
    pub body_idle: Given<Duration>,
    /// A connection without a request; zero: closed after each answer.
    pub keep_alive: Given<Duration>,
    /// An answer that comes in parts.
    pub stream: StreamTimeouts,
    /// The loading of a model, with its warm-up.
    pub load: Given<Duration>,
    /// From the stop signal until requests are given up.
    pub drain: Given<Duration>,
    /// From SIGTERM to SIGKILL for a worker.
    pub kill_grace: Given<Duration>,
}

/// How long a request may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestTimeout {
    /// What counts whatever the request says.
    pub fixed: Option<Given<Duration>>,
    /// What counts when the request says nothing either.
    pub fallback: Given<Duration>,
}

/// How long an answer that comes in parts may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamTimeouts {
    /// To the first part.
    pub first: Given<Duration>,
    /// Between two parts.
    pub idle: Given<Duration>,
    /// All of it.
    pub total: Given<Duration>,
}

/// What a request of a transform job may take.
const BATCH_REQUEST: Duration = Duration::from_hours(1);

/// What a request may take when nobody says.
const DEFAULT_REQUEST: Duration = Duration::from_mins(1);

/// The platform kills a container so long after its stop signal.
const PLATFORM_STOP: Duration = Duration::from_secs(30);

impl RequestTimeout {
    /// How long a request may take whose head asks for this.
    pub fn of(&self, asked: Option<Duration>) -> Duration {
        match &self.fixed {
            Some(fixed) => fixed.value,
            None => asked.unwrap_or(self.fallback.value),
        }
    }

    fn read(reader: &mut Reader<'_>, batch: &Given<bool>) -> Self {
        let fixed = reader.number(&[seconds(vars::OPTML_TIMEOUT_S, 1)]);
        let fallback = reader.number(&[
            seconds(vars::SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS, 1).like_unset(&[0]),
            seconds(vars::SAGEMAKER_MODEL_SERVER_TIMEOUT, 1).like_unset(&[0]),
            seconds(vars::SAGEMAKER_TS_RESPONSE_TIMEOUT, 1),
            // The model server writes "not set" as -1.
            seconds(vars::MMS_DEFAULT_RESPONSE_TIMEOUT_SECONDS, 1).like_unset(&[-1, 0]),
            seconds(vars::TS_DEFAULT_RESPONSE_TIMEOUT, 1),
        ]);
        let fixed = fixed.map(|given| given.map(Duration::from_secs));
        let fallback = fallback.map(|given| given.map(Duration::from_secs));
        let overruled_by = match &fixed {
            Some(fixed) => Some(fixed.origin.clone()),
            None => batch.value.then(|| batch.origin.clone()),
        };
        if let (Some(loser), Some(winner)) = (&fallback, overruled_by) {
            let note = format!("{} is not used: {winner} counts", loser.origin);
            reader.notes.push(note);
        }
        let fallback = if batch.value {
            Given::new(BATCH_REQUEST, batch.origin.clone())
        } else {
            fallback.unwrap_or_else(|| Given::default(DEFAULT_REQUEST))
        };
        Self { fixed, fallback }
    }
}

impl Timeouts {
    pub(super) fn read(reader: &mut Reader<'_>, batch: &Given<bool>) -> Self {
        let timeouts = Self {
            request: RequestTimeout::read(reader, batch),
            head: reader.seconds(vars::OPTML_HEADER_TIMEOUT_S, 1, 10),
            body_idle: reader.seconds(vars::OPTML_BODY_TIMEOUT_S, 1, 30),
            keep_alive: reader.seconds(vars::OPTML_KEEP_ALIVE_S, 0, 75),
            stream: StreamTimeouts {
                first: reader.seconds(vars::OPTML_STREAM_FIRST_S, 1, 60),
                idle: reader.seconds(vars::OPTML_STREAM_IDLE_S, 1, 60),
                total: reader.seconds(vars::OPTML_STREAM_S, 1, 480),
            },
            load: reader.seconds(vars::OPTML_LOAD_TIMEOUT_S, 1, 3600),
            drain: reader.seconds(vars::OPTML_DRAIN_S, 0, 25),
            kill_grace: reader.seconds(vars::OPTML_KILL_GRACE_S, 0, 2),
        };
        let stop = timeouts.drain.value + timeouts.kill_grace.value;
        if stop >= PLATFORM_STOP {
            reader.notes.push(format!(
                "stopping may take {} s, and the platform kills a container {} s after its stop signal",
                stop.as_secs(),
                PLATFORM_STOP.as_secs(),
            ));
        }
        timeouts
    }
}
