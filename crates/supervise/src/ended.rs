//! How a child ended: one variant for every way.

use std::{fmt, process::ExitStatus, time::Duration};

use crate::signals::StopSignal;

const SIGKILL: u8 = 9;

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Exited {
        /// 0 to 255.
        code: u8,
    },
    /// By a signal.
    Signaled {
        /// The number of the signal.
        signal: u8,
        /// The kernel wrote a core file, where the machine's settings ask for one.
        core_dumped: bool,
    },
    /// By the kernel, because the container's memory ran out: the control group counted a kill while the child ran, and
    /// the child died of SIGKILL or reported 137 (a shell whose own child was killed).
    OutOfMemory {
        /// How many processes the kernel killed for memory while the child ran.
        n_kills: u64,
    },
}

impl Ended {
    pub(crate) fn new(status: ExitStatus, n_memory_kills: u64) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let sigkill = i32::from(SIGKILL);
        let killed = status.signal() == Some(sigkill) || status.code() == Some(128 + sigkill);
        if killed && n_memory_kills > 0 {
            return Self::OutOfMemory {
                n_kills: n_memory_kills,
            };
        }
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited {
                code: u8::try_from(code & 0xff).expect("masked to eight bits"),
            },
            (None, signal) => Self::Signaled {
                signal: u8::try_from(signal.unwrap_or(0)).unwrap_or(u8::MAX),
                core_dumped: status.core_dumped(),
            },
        }
    }

    /// As a shell reports it: its code, or 128 + n for signal n.
    pub fn exit_code(&self) -> u8 {
        const BASE: u8 = 128;
        match self {
            Self::Exited { code } => *code,
            Self::Signaled { signal, .. } => BASE.saturating_add(*signal),
            Self::OutOfMemory { .. } => BASE + SIGKILL,
        }
    }

    /// Whether it ended as it should: code 0.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Exited { code: 0 })
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited { code } => write!(f, "exit code {code}"),
            Self::Signaled { signal, .. } => write!(f, "signal {signal}"),
            Self::OutOfMemory { .. } => f.write_str("out of memory"),
        }
    }
}

/// What was done to end a child that was to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopRecord {
    /// What asked for it.
    pub signal: StopSignal,
    /// From the request to the end.
    pub took: Duration,
    /// The grace was over, or skipped, and SIGKILL was sent.
    pub killed: bool,
}

/// Processes that a child left behind when it ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// How many were found.
    pub n_found: usize,
    /// How many of them had to be killed.
    pub n_killed: usize,
    /// How many are still there: they don't die of SIGKILL (stuck in the kernel).
    pub n_stuck: usize,
    /// The names of the first few, for a message.
    pub names: Vec<String>,
}

/// Everything about the end of a child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// How it ended.
    pub ended: Ended,
    /// From its start to its end, without what it left behind.
    pub took: Duration,
    /// The largest resident set of the child and of the descendants it waited for, in bytes.
    pub peak_rss_bytes: u64,
    /// Set when a stop was asked for before it ended.
    pub stop: Option<StopRecord>,
    /// What it left behind.
    pub leftovers: Leftovers,
}
