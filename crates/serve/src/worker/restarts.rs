//! When a worker that ended is started again, and when it is given up. Pure: time is handed in.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

#[cfg(test)]
mod tests;

/// The history of all workers of a model.
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    /// Crashes since anything was last served, in their order.
    crashes: VecDeque<Instant>,
    n_in_a_row: u32,
    n_failed_loads: u32,
}

/// What is to be done about a worker that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Start another one, after this long.
    Restart(Duration),
    /// It would end the same way again.
    GiveUp,
}

impl Restarts {
    /// A worker has answered a call: whatever went wrong before is over.
    pub(crate) fn served(&mut self) {
        self.crashes.clear();
        self.n_in_a_row = 0;
    }

    /// A worker was loaded.
    pub(crate) fn loaded(&mut self) {
        self.n_failed_loads = 0;
    }

    /// A worker has crashed: at once the first time, then 0.5 s, 1 s, 2 s and so on up to 30 s; never after five crashes
    /// within a minute that served nothing.
    pub(crate) fn crashed(&mut self, now: Instant) -> Next {
        self.crashes.push_back(now);
        while self
            .crashes
            .front()
            .is_some_and(|first| now.duration_since(*first) > WINDOW)
        {
            self.crashes.pop_front();
        }
        if self.crashes.len() >= MAX_CRASHES {
            return Next::GiveUp;
        }
        self.n_in_a_row += 1;
        let delay = match self.n_in_a_row {
            0 | 1 => Duration::ZERO,
            n => FIRST_DELAY
                .saturating_mul(1 << (n - 2).min(16))
                .min(MAX_DELAY),
        };
        Next::Restart(delay)
    }

    /// Loading failed for want of a file or a connection, which may be there the next time: 1 s, 2 s, 4 s, then no more.
    pub(crate) fn load_failed(&mut self) -> Next {
        self.n_failed_loads += 1;
        match self.n_failed_loads {
            n @ 1..=MAX_LOADS => Next::Restart(Duration::from_secs(1 << (n - 1))),
            _ => Next::GiveUp,
        }
    }
}

const WINDOW: Duration = Duration::from_mins(1);
const MAX_CRASHES: usize = 5;
const FIRST_DELAY: Duration = Duration::from_millis(500);
const MAX_DELAY: Duration = Duration::from_secs(30);
const MAX_LOADS: u32 = 3;
