//! Decides which failures are worth a line of their own, so that a destination that is down does not flood the log.

use std::time::{Duration, Instant};

/// The first failure is said, and then one every 10 s, with the number of those between.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    quiet_until: Option<Instant>,
    n_unsaid: u64,
}

impl Complaints {
    /// Something failed. If that is to be said: how many others were not.
    pub(super) fn failed(&mut self, now: Instant) -> Option<u64> {
        if self.quiet_until.is_some_and(|until| now < until) {
            self.n_unsaid += 1;
            return None;
        }
        self.quiet_until = Some(now + PAUSE);
        Some(std::mem::take(&mut self.n_unsaid))
    }

    /// The number of failures that were not said and are not to be kept back any longer.
    pub(super) fn overdue(&mut self, now: Instant) -> Option<u64> {
        if self.next().is_none_or(|next| now < next) {
            return None;
        }
        self.failed(now)
    }

    /// When [`Complaints::overdue`] has something.
    pub(super) fn next(&self) -> Option<Instant> {
        self.quiet_until.filter(|_| self.n_unsaid > 0)
    }
}

const PAUSE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
