//! The variables of the process, as Python hands them over: `os.environb.items()`.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

use optml_contract::{Layout, Process};
use pyo3::{prelude::*, pybacked::PyBackedBytes};

use crate::problem::config_error;

/// Names and values.
pub(crate) type Variables = Vec<(PyBackedBytes, PyBackedBytes)>;

/// Those variables, and the real file system.
pub(crate) fn process(variables: &Variables) -> Process {
    let os = |bytes: &PyBackedBytes| OsStr::from_bytes(bytes).to_owned();
    Process::new(variables.iter().map(|(name, value)| (os(name), os(value))))
}

/// The tree that they name.
pub(crate) fn layout(process: &Process) -> PyResult<Layout> {
    Layout::locate(process).map_err(|problem| config_error(&[problem]))
}
