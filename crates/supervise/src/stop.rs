//! The order of events when a child is to end: signal, grace, kill. Pure: time is handed in.

use std::time::{Duration, Instant};

use crate::signals::StopSignal;

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

/// What a stop signal to this process does to its children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopPolicy {
    /// It is passed on: every child is asked to end, and killed after the grace; nothing is spawned any more. Other
    /// signals (SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH) are passed on, too.
    PassOn,
    /// Only the listeners are told. Children are left alone and can still be spawned: whoever listens ends them in an
    /// order of its own. The other signals are ignored.
    Tell,
}

/// How somebody wants a child to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// As the supervisor's [`Grace`] says.
    AsSignal(StopSignal),
    /// Asked with SIGTERM, killed after this grace.
    Within(Duration),
    /// Killed.
    Kill,
}

impl Wish {
    /// What the child is sent first, or is taken to have been sent.
    pub(crate) fn signal(self) -> StopSignal {
        match self {
            Self::AsSignal(signal) => signal,
            Self::Within(_) | Self::Kill => StopSignal::Term,
        }
    }
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
    /// Somebody wants it to end; `grace` is for who names none.
    pub(crate) fn wish(&mut self, wish: Wish, grace: Grace, now: Instant) -> Act {
        match wish {
            Wish::AsSignal(_) => self.request(grace.stop, grace.second, now),
            Wish::Within(grace) => self.request_within(grace, now),
            Wish::Kill => self.kill(),
        }
    }

    /// Ask, then kill after `grace`; what a second request does is `second`'s to say.
    pub(crate) fn request(&mut self, grace: Duration, second: Second, now: Instant) -> Act {
        match self {
            Self::Running => self.ask(grace, now),
            Self::Asked { .. } if second == Second::PassOn => Act::Ask,
            Self::Asked { .. } | Self::Killed => self.kill(),
        }
    }

    /// Ask, then kill after `grace`; a second request can only shorten the time that is left.
    pub(crate) fn request_within(&mut self, grace: Duration, now: Instant) -> Act {
        match self {
            Self::Running => self.ask(grace, now),
            Self::Asked { deadline } => {
                *deadline = (*deadline).min(end_of(grace, now));
                Act::Wait
            }
            Self::Killed => Act::Wait,
        }
    }

    /// No more grace.
    pub(crate) fn kill(&mut self) -> Act {
        match self {
            Self::Running | Self::Asked { .. } => {
                *self = Self::Killed;
                Act::Kill
            }
            Self::Killed => Act::Wait,
        }
    }

    fn ask(&mut self, grace: Duration, now: Instant) -> Act {
        *self = Self::Asked {
            deadline: end_of(grace, now),
        };
        Act::Ask
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Instant) -> Act {
        match self {
            Self::Asked { deadline } if *deadline <= now => self.kill(),
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

/// A grace may be any length; the clock's range is not.
fn end_of(grace: Duration, now: Instant) -> Instant {
    const LONGEST: Duration = Duration::from_hours(24 * 365);
    now + grace.min(LONGEST)
}
