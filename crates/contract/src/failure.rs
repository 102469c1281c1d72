//! The failure report: what is known about a failed run, and the three forms in which it is told.
//!
//! [`Failure::text`] is the content of `output/failure`, [`Failure::to_json`] the file beside it,
//! [`Failure::full_text`] the last block of our log. All three are pure and redacted. This module finds nothing out and
//! writes no file: `train` gathers the facts, and decides whether the user's own report stands.

mod json;
mod plain;
mod read;
mod redact;
mod signal;
mod text;

pub use self::{
    plain::plain_text,
    redact::{is_secret_name, redact, redact_words},
    signal::{signal_name, signal_text},
    text::TEXT_LIMIT_BYTES,
};
use crate::exit::{self, Code, ExitStyle};

/// A failed run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was being done.
    pub phase: Phase,
    /// What went wrong, as far as somebody said so: the script's exception, the installer's error, our own error.
    pub exception: Option<Exception>,
    /// What led to `exception`, the nearest first.
    pub causes: Vec<Exception>,
    /// Exceptions of other ranks, lowest rank first.
    pub other_ranks: Vec<RankException>,
    /// How the process ended. `None`: the failure is ours, no process is involved.
    pub ended: Option<Ended>,
    /// What to do about it, where there is something.
    pub hint: Option<String>,
    /// The name of this host, where it is known.
    pub host: Option<String>,
    /// The rank whose exception this is, where ranks are known.
    pub rank: Option<u32>,
    /// The command that failed, word by word.
    pub command: Vec<String>,
    /// The last bytes that it wrote to stdout.
    pub stdout_tail: Vec<u8>,
    /// The last bytes that it wrote to stderr.
    pub stderr_tail: Vec<u8>,
}

/// What was being done when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reading files and variables.
    Configuration,
    /// Fetching and unpacking the code.
    CodeFetch,
    /// Installing requirements or the package.
    Install,
    /// Waiting until the names of all hosts resolve.
    HostWait,
    /// Restoring the checkpoints of an earlier run.
    Checkpoints,
    /// Starting the script.
    Start,
    /// Running it.
    Script,
    /// Keeping the hosts of a job together while it runs.
    Cluster,
    /// Ending it, and saving what it made.
    Stop,
    /// Something that can't happen: a fault of ours.
    Internal,
}

impl Phase {
    /// Every one.
    const ALL: [Self; 10] = [
        Self::Configuration,
        Self::CodeFetch,
        Self::Install,
        Self::HostWait,
        Self::Checkpoints,
        Self::Start,
        Self::Script,
        Self::Cluster,
        Self::Stop,
        Self::Internal,
    ];

    /// Its name in `failure.json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::CodeFetch => "code_fetch",
            Self::Install => "install",
            Self::HostWait => "host_wait",
            Self::Checkpoints => "checkpoints",
            Self::Start => "start",
            Self::Script => "script",
            Self::Cluster => "cluster",
            Self::Stop => "stop",
            Self::Internal => "internal",
        }
    }
}

/// An exception, or any error that has a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exception {
    /// The name of its type, with its module where that was printed; empty where there is none.
    pub type_name: String,
    /// Its message; may have several lines.
    pub message: String,
    /// Where in the user's code.
    pub place: Option<Place>,
}

/// An exception of another rank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RankException {
    /// Whose.
    pub rank: u32,
    /// Which.
    pub exception: Exception,
}

/// A place in source code.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The file: relative to the code directory when it is in there.
    pub file: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// The function.
    pub function: Option<String>,
    /// The line's text, without white space around it.
    pub source: Option<String>,
}

/// How the process that failed ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// By itself.
    Exited {
        /// Its exit code.
        code: u8,
    },
    /// By a signal that we did not send.
    Signaled {
        /// The signal's number.
        signal: u8,
        /// The kernel wrote a core file.
        core_dumped: bool,
        /// The largest resident set that it had.
        peak_rss_bytes: Option<u64>,
    },
    /// By the kernel, because memory ran out. Its exit code is that of SIGKILL.
    OutOfMemory {
        /// The container's limit.
        limit_bytes: Option<u64>,
        /// The largest resident set that it had.
        peak_rss_bytes: Option<u64>,
    },
    /// Because we were asked to stop.
    Stopped {
        /// The signal that asked us.
        signal: u8,
        /// The exit code that this gives: the script's own, 128 + n, or 137 when `killed`.
        code: u8,
        /// It was still there when the grace period ended, and we killed it.
        killed: bool,
    },
    /// It never began.
    NotStarted {
        /// Why, as a fragment: "`train.py` is not there".
        reason: String,
    },
}

impl Failure {
    /// A failure of which nothing but the phase is known yet.
    pub fn new(phase: Phase) -> Self {
        Self {
            phase,
            exception: None,
            causes: Vec::new(),
            other_ranks: Vec::new(),
            ended: None,
            hint: None,
            host: None,
            rank: None,
            command: Vec::new(),
            stdout_tail: Vec::new(),
            stderr_tail: Vec::new(),
        }
    }

    /// The exit code that tells of this failure: never 0.
    pub fn exit_code(&self, style: ExitStyle) -> u8 {
        style.of_failure(self.native_exit_code())
    }

    fn native_exit_code(&self) -> u8 {
        // A stop counts as such in every phase, also while the installer runs.
        if let Some(Ended::Stopped { code, .. }) = self.ended {
            return code;
        }
        match self.phase {
            Phase::Configuration => Code::CONFIGURATION,
            Phase::CodeFetch | Phase::Install | Phase::Checkpoints => Code::INSTALL,
            Phase::Internal => Code::INTERNAL,
            Phase::HostWait | Phase::Start | Phase::Script | Phase::Cluster | Phase::Stop => {
                match self.ended {
                    Some(Ended::Exited { code } | Ended::Stopped { code, .. }) => code,
                    Some(Ended::Signaled { signal, .. }) => exit::of_signal(signal),
                    Some(Ended::OutOfMemory { .. }) => exit::of_signal(signal::SIGKILL),
                    Some(Ended::NotStarted { .. }) | None => Code::FAILURE,
                }
            }
        }
    }
}

impl Exception {
    /// What stands for a rank that has nothing to say: it was ended because another had failed.
    pub fn ended_when_asked() -> Self {
        Self {
            message: "ended when asked to".to_owned(),
            ..Self::default()
        }
    }

    /// `Type: message`, or the one of them that there is.
    pub fn headline(&self) -> String {
        match (self.type_name.is_empty(), self.message.is_empty()) {
            (false, false) => format!("{}: {}", self.type_name, self.message),
            (false, true) => self.type_name.clone(),
            (true, _) => self.message.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
