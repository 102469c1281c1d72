//! A child as those see it who do not own it: what they may ask for, and what they are told.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{Request, Requests};
use crate::{
    ended::{Ended, Exit},
    exec_error::SpawnError,
    stop::Wish,
};

/// What becomes of a child.
#[derive(Debug)]
pub enum ChildEvent {
    /// It runs.
    Started {
        /// The process id.
        pid: i32,
    },
    /// It could not be started. Nothing follows.
    Failed(SpawnError),
    /// The child itself is gone; what it left behind may still be there, and may hold its output open.
    Died {
        /// How it ended.
        ended: Ended,
        /// The largest resident set of the child and of the descendants it waited for, in bytes.
        peak_rss_bytes: u64,
    },
    /// What it left behind is gone as well. Nothing follows.
    Gone(Exit),
}

/// A signal that may be sent to a child's own process, for what the child has agreed to do then.
///
/// Those that end a process for good are left out: see [`ChildRef::stop`] and [`ChildRef::kill`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessSignal {
    /// SIGUSR1.
    Usr1,
    /// SIGUSR2.
    Usr2,
    /// SIGINT.
    Int,
    /// SIGHUP.
    Hup,
}

impl ProcessSignal {
    fn to_signal(self) -> Signal {
        match self {
            Self::Usr1 => Signal::USR1,
            Self::Usr2 => Signal::USR2,
            Self::Int => Signal::INT,
            Self::Hup => Signal::HUP,
        }
    }
}

/// The number of a child among all that this process has asked for. Unlike a process id it is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChildId(pub(super) u64);

/// A child that was asked for with [`super::Supervisor::watch`]. Nothing here waits, and all is done in the order in
/// which it was asked for. When the child is gone, or could not be started, nothing happens: no other process that
/// has got its process id meanwhile is ever touched.
///
/// The child is stopped and reaped by its supervisor, whatever becomes of this value.
#[derive(Debug, Clone)]
pub struct ChildRef {
    id: ChildId,
    requests: Arc<Requests>,
}

impl ChildRef {
    pub(super) fn new(id: ChildId, requests: Arc<Requests>) -> Self {
        Self { id, requests }
    }

    /// Sends a signal to the child's own process, not to its group.
    pub fn signal(&self, signal: ProcessSignal) {
        self.requests
            .send(Request::Signal(self.id, signal.to_signal()));
    }

    /// Asks the child's group to end (SIGTERM), and kills it after `grace`. Called again with a shorter grace it
    /// shortens what is left of the first; it never lengthens it.
    pub fn stop(&self, grace: Duration) {
        self.request(Wish::Within(grace));
    }

    /// Kills the child's group (SIGKILL).
    pub fn kill(&self) {
        self.request(Wish::Kill);
    }

    pub(super) fn request(&self, wish: Wish) {
        self.requests.send(Request::Stop(self.id, wish));
    }
}

/// A child that was started, for who waits for its end. It is stopped and reaped by its supervisor, whatever becomes
/// of this value.
#[derive(Debug)]
#[must_use = "the child's end is only known to who waits for it"]
pub struct Child {
    pid: i32,
    handle: ChildRef,
    events: Receiver<ChildEvent>,
}

const ANSWERS: &str =
    "the supervisor's thread lives as long as the process, and answers for every child";

impl Child {
    /// Waits until it runs.
    pub(super) fn started(
        handle: ChildRef,
        events: Receiver<ChildEvent>,
    ) -> Result<Self, SpawnError> {
        loop {
            match events.recv().expect(ANSWERS) {
                ChildEvent::Started { pid } => {
                    return Ok(Self {
                        pid,
                        handle,
                        events,
                    });
                }
                ChildEvent::Failed(error) => return Err(error),
                ChildEvent::Died { .. } | ChildEvent::Gone(_) => {}
            }
        }
    }

    /// The process id.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Waits until the child, and what it left behind, have ended.
    pub fn wait(self) -> Exit {
        loop {
            if let ChildEvent::Gone(exit) = self.events.recv().expect(ANSWERS) {
                return exit;
            }
        }
    }

    /// The same for at most `limit`; `None`: it still runs.
    pub fn wait_for(&self, limit: Duration) -> Option<Exit> {
        let start = Instant::now();
        loop {
            let left = limit.saturating_sub(start.elapsed());
            match self.events.recv_timeout(left) {
                Ok(ChildEvent::Gone(exit)) => return Some(exit),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => panic!("{ANSWERS}, and only once"),
            }
        }
    }
}

impl AsRef<ChildRef> for Child {
    fn as_ref(&self) -> &ChildRef {
        &self.handle
    }
}
