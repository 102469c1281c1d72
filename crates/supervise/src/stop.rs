//! The order of events when a child is to end: signal, grace, kill. Pure: time is handed in.

use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// How long a group may take to end after it was asked, before it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    /// From the stop signal to SIGKILL.
    pub stop: Duration,
    /// The same for what a child leaves behind when it ends by itself.
    pub leftovers: Duration,
    /// What a second stop signal does.
    pub second: Second,
}

/// What a second stop signal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Second {
    /// It skips what is left of the grace.
    Kill,
    /// It is passed on: the child is a supervisor itself, and knows what to do.
    PassOn,
}

/// Where one child stands on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nobody asked it to end.
    Running,
    /// It was asked; at the deadline it is killed.
    Asked { deadline: Instant },
    /// SIGKILL was sent. There is nothing more to do but to wait.
    Killed,
}

/// What to do to the group now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Nothing.
    Wait,
    /// Send the stop signal.
    Ask,
    /// Send SIGKILL.
    Kill,
}

impl Stop {
    /// Somebody wants it to end.
    pub(crate) fn request(&mut self, grace: Duration, second: Second, now: Instant) -> Act {
        match self {
            Self::Running => {
                *self = Self::Asked {
                    deadline: now + grace,
                };
                Act::Ask
            }
            Self::Asked { .. } if second == Second::PassOn => Act::Ask,
            Self::Asked { .. } => {
                *self = Self::Killed;
                Act::Kill
            }
            Self::Killed => Act::Wait,
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Instant) -> Act {
        match self {
            Self::Asked { deadline } if *deadline <= now => {
                *self = Self::Killed;
                Act::Kill
            }
            _ => Act::Wait,
        }
    }

    /// When [`Stop::tick`] has something to do next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Asked { deadline } => Some(*deadline),
            Self::Running | Self::Killed => None,
        }
    }
}
