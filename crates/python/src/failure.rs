//! The texts of a failure report: what is hidden in them, and how the end of a process is called.

use optml_contract::failure;
use pyo3::prelude::*;

/// The text without the values of what looks like a secret: `token=…`, passwords in addresses.
#[pyfunction]
pub(crate) fn redact(text: &str) -> String {
    failure::redact(text)
}

/// The words of a command, the same: also a value that follows `--token`.
#[pyfunction]
pub(crate) fn redact_words(words: Vec<String>) -> Vec<String> {
    failure::redact_words(&words)
}

/// Whether a variable or a key of that name holds a secret.
#[pyfunction]
pub(crate) fn is_secret_name(name: &str) -> bool {
    failure::is_secret_name(name)
}

/// What a terminal would show of some output: no escape sequences, of a progress bar its last state.
#[pyfunction]
pub(crate) fn plain_text(output: &[u8]) -> String {
    failure::plain_text(output)
}

/// `SIGKILL` for 9; None for a signal without a name.
#[pyfunction]
pub(crate) fn signal_name(number: u8) -> Option<&'static str> {
    failure::signal_name(number)
}

/// `SIGKILL (signal 9)` for 9.
#[pyfunction]
pub(crate) fn signal_text(number: u8) -> String {
    failure::signal_text(number)
}
