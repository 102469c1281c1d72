//! The signals of this process, as values: which arrived since the last look.

use std::{
    io::{self, Read},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::net::UnixStream,
    },
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::process::Signal;
use signal_hook::{
    consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH},
    flag, low_level,
};

/// A request to end, as it reached this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM: the platform stops the job, or reclaims the machine.
    Term,
    /// SIGINT: a person pressed Ctrl-C.
    Int,
}

impl StopSignal {
    /// The number of the signal: 15 or 2.
    pub fn number(self) -> u8 {
        match self {
            Self::Term => 15,
            Self::Int => 2,
        }
    }

    /// The name of the signal, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Term => "SIGTERM",
            Self::Int => "SIGINT",
        }
    }

    pub(crate) fn to_signal(self) -> Signal {
        match self {
            Self::Term => Signal::TERM,
            Self::Int => Signal::INT,
        }
    }
}

/// What a signal means to the supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// End: stop the children.
    Stop(StopSignal),
    /// Pass it to the children; nothing else changes.
    Forward(Signal, &'static str),
    /// Something has ended.
    ChildEnded,
}

const TABLE: [(i32, Meaning); 8] = [
    (SIGTERM, Meaning::Stop(StopSignal::Term)),
    (SIGINT, Meaning::Stop(StopSignal::Int)),
    (SIGHUP, Meaning::Forward(Signal::HUP, "SIGHUP")),
    (SIGQUIT, Meaning::Forward(Signal::QUIT, "SIGQUIT")),
    (SIGUSR1, Meaning::Forward(Signal::USR1, "SIGUSR1")),
    (SIGUSR2, Meaning::Forward(Signal::USR2, "SIGUSR2")),
    (SIGWINCH, Meaning::Forward(Signal::WINCH, "SIGWINCH")),
    (SIGCHLD, Meaning::ChildEnded),
];

/// The handlers, installed; and the descriptor that becomes readable when there is something to look at.
#[derive(Debug)]
pub(crate) struct Signals {
    wake: UnixStream,
    arrived: Vec<(Arc<AtomicBool>, Meaning)>,
}

impl Signals {
    /// Installs the handlers. The second value wakes whoever polls [`Signals::as_fd`] when written to.
    pub(crate) fn install() -> io::Result<(Self, UnixStream)> {
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        let mut arrived = Vec::with_capacity(TABLE.len());
        for (number, meaning) in TABLE {
            let flag = Arc::new(AtomicBool::new(false));
            // The flag first: whoever is woken finds it set.
            flag::register(number, Arc::clone(&flag))?;
            low_level::pipe::register(number, waker.try_clone()?)?;
            arrived.push((flag, meaning));
        }
        Ok((Self { wake, arrived }, waker))
    }

    /// What arrived since the last call, stop signals first. Several of one kind count as one, as in the kernel.
    pub(crate) fn take(&mut self) -> Vec<Meaning> {
        let mut scrap = [0; 256];
        // Empty it completely: a storm of signals must not keep the descriptor readable.
        while matches!(self.wake.read(&mut scrap), Ok(n) if n > 0) {}
        self.arrived
            .iter()
            .filter(|(flag, _)| flag.swap(false, Ordering::AcqRel))
            .map(|(_, meaning)| *meaning)
            .collect()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
