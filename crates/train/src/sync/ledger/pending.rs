//! A file that needs something, and what that is.

use std::time::Instant;

use crate::sync::snapshot::Fingerprint;

#[derive(Debug)]
pub(super) struct Pending {
    pub(super) stage: Stage,
    /// Its place among the timed ones.
    pub(super) due: Option<Due>,
    /// Zero while it isn't known.
    pub(super) n_bytes: u64,
    /// Failures in a row.
    pub(super) n_failures: u32,
    /// How often in a row it was not what it had been.
    pub(super) n_changes: u32,
    /// What the last failure said.
    pub(super) reason: Option<String>,
    pub(super) last_try: LastTry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Left alone for a moment, and never longer than until `latest`.
    Settling {
        latest: Instant,
    },
    /// Somebody has it open for writing.
    Held,
    /// Failed, and tried again later.
    Retrying,
    /// Failed in a way that time does not heal.
    Refused,
    Ready(Fingerprint),
    Uploading {
        fingerprint: Fingerprint,
        mentioned: Mentioned,
    },
}

pub(super) type Due = (Instant, u64);

/// Whether somebody mentioned a file while it was uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mentioned {
    Not,
    Since,
}

/// Whether a file has had the try that it gets at the end, come what may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastTry {
    Ahead,
    Begun,
}

impl Pending {
    /// Nothing is known of it yet; a zero size is not known either.
    pub(super) fn new(n_bytes: u64) -> Self {
        Self {
            stage: Stage::Held,
            due: None,
            n_bytes,
            n_failures: 0,
            n_changes: 0,
            reason: None,
            last_try: LastTry::Ahead,
        }
    }

    pub(super) fn why_missing(&self) -> String {
        if let Some(reason) = &self.reason {
            return reason.clone();
        }
        let reason = match self.stage {
            Stage::Held => "a process has it open for writing",
            _ if self.n_changes >= OFTEN => "it was changed again and again",
            Stage::Uploading { .. } => "the time was up while it was uploaded",
            Stage::Settling { .. } | Stage::Retrying | Stage::Refused | Stage::Ready(_) => {
                TIME_WAS_UP
            }
        };
        reason.to_owned()
    }
}

/// A file of the last moment is found changed once or twice, without being restless.
const OFTEN: u32 = 3;
pub(super) const TIME_WAS_UP: &str = "the time was up";
