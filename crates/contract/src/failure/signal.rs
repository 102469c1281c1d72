//! Names of signals.

/// The name of signal `n`, such as `SIGSEGV`. `None`: it has none (0, real-time signals, no signal at all).
///
/// **Source** signal(7), the numbers of x86 and ARM.
pub fn signal_name(n: u8) -> Option<&'static str> {
    NAMES.get(usize::from(n).checked_sub(1)?).copied()
}

/// How a signal is called in messages: `SIGSEGV (signal 11)`.
pub fn signal_text(n: u8) -> String {
    match signal_name(n) {
        Some(name) => format!("{name} (signal {n})"),
        None => format!("signal {n}"),
    }
}

pub(super) const SIGABRT: u8 = 6;
pub(super) const SIGKILL: u8 = 9;

const NAMES: [&str; 31] = [
    "SIGHUP",
    "SIGINT",
    "SIGQUIT",
    "SIGILL",
    "SIGTRAP",
    "SIGABRT",
    "SIGBUS",
    "SIGFPE",
    "SIGKILL",
    "SIGUSR1",
    "SIGSEGV",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGTERM",
    "SIGSTKFLT",
    "SIGCHLD",
    "SIGCONT",
    "SIGSTOP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGXCPU",
    "SIGXFSZ",
    "SIGVTALRM",
    "SIGPROF",
    "SIGWINCH",
    "SIGIO",
    "SIGPWR",
    "SIGSYS",
];
