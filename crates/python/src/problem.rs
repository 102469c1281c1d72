//! Our errors as Python's exceptions, which `optml.errors` declares: each message and each hint is the binary's.

use optml_codec::{CodecError, Kind};
use optml_contract::{ConfigError, layout::ChannelNameError};
use pyo3::prelude::*;

mod exceptions {
    use pyo3::import_exception;

    import_exception!(optml.errors, ConfigError);
    import_exception!(optml.errors, CodecError);
}

/// The exception for all problems of one loading.
pub(crate) fn config_error(problems: &[ConfigError]) -> PyErr {
    let problems: Vec<_> = problems
        .iter()
        .map(|problem| (problem.to_string(), problem.hint()))
        .collect();
    exceptions::ConfigError::new_err((problems,))
}

/// The exception for a name that leads out of the data directory.
pub(crate) fn channel_error(problem: &ChannelNameError) -> PyErr {
    let hint: Option<String> = None;
    exceptions::ConfigError::new_err((vec![(problem.to_string(), hint)],))
}

/// The exception for a body that can't be read, or a value that can't be written.
pub(crate) fn codec_error(err: &CodecError) -> PyErr {
    let kind = match err.kind() {
        Kind::BadBody => "BadBody",
        Kind::NotAcceptable => "NotAcceptable",
        Kind::UnsupportedMediaType => "UnsupportedMediaType",
        Kind::BadResult => "BadResult",
    };
    exceptions::CodecError::new_err((err.to_string(), kind, err.hint()))
}
