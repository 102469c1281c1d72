//! Exit codes: what the platform, a scheduler or a shell learns from the end of our process.
//!
//! After the script started, the code is the script's own, or 128 + n when signal n ended it. Before that, and for
//! every other command, it is one of the constants of [`Code`]. Nothing here ends a process: `main` returns the code.

/// The codes that are ours.
///
/// They don't avoid the codes of a script: the failure report says who gave the code.
#[derive(Debug)]
pub enum Code {}

impl Code {
    /// It worked.
    pub const SUCCESS: u8 = 0;
    /// A failure that has no code of its own: a host that never came, a script that can't be started.
    pub const FAILURE: u8 = 1;
    /// The command line is wrong.
    pub const USAGE: u8 = 2;
    /// A configuration file or a variable is wrong, or something that the platform promises is not there.
    pub const CONFIGURATION: u8 = 3;
    /// The code could not be fetched or unpacked, the requirements could not be installed, or the checkpoints not be restored.
    pub const INSTALL: u8 = 4;
    /// The port could not be bound.
    pub const BIND: u8 = 20;
    /// A fault of ours.
    ///
    /// **Source** `EX_SOFTWARE` of `sysexits.h`.
    pub const INTERNAL: u8 = 70;
}

/// The code that stands for a process ended by signal `n`: 128 + n, as shells report it.
///
/// A number that is no signal's gives 255, never 0.
pub const fn of_signal(n: u8) -> u8 {
    SIGNAL_BASE.saturating_add(n)
}

/// Who decides the code of a failed `train`: the outcome, or the reference's habit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExitStyle {
    /// The script's own code, 128 + n for a signal, else one of [`Code`].
    #[default]
    Native,
    /// 1 for every failure.
    ///
    /// The reference also lets an `errno` through when it fails itself (2, 7, 254). That is not imitated: those codes
    /// say nothing reliable, and some of its failures end with 0.
    Reference,
}

impl ExitStyle {
    /// The code of a *failure* whose own code is `native`: never 0.
    pub const fn of_failure(self, native: u8) -> u8 {
        match (self, native) {
            (Self::Reference, _) | (Self::Native, Code::SUCCESS) => Code::FAILURE,
            (Self::Native, _) => native,
        }
    }
}

/// Every code with its meaning, as `--help` and the documentation show them.
pub const TABLE: &[(&str, &str)] = &[
    ("0", "success"),
    ("n", "the script's own exit code, once it has started"),
    (
        "128+n",
        "the script was ended by signal n (137: killed, 143: terminated)",
    ),
    ("1", "any other failure"),
    ("2", "usage: the command line is wrong"),
    (
        "3",
        "configuration: a file or variable is wrong, or the platform's promise is broken",
    ),
    (
        "4",
        "fetch or install: the code, its requirements, or checkpoints",
    ),
    ("20", "the port could not be bound"),
    ("70", "a fault of optml itself"),
];

const SIGNAL_BASE: u8 = 128;

#[cfg(test)]
mod tests;
