//! `optml._native`: the environment of a container and its codecs, for Python.
//!
//! Names and conversions, no rules: what a file or a variable means is `optml_contract`'s business, what a body means is
//! `optml_codec`'s. Nothing here reads the process environment, starts a process or imports numpy: the typed Python around it
//! (`python/optml`) passes in the variables, what a machine has been asked, and the bytes of arrays.
//!
//! Reading order: `value` is the way between Python's values and ours, `problem` how our errors become exceptions.
//! `environ` gives the variables to `training`, `serving`, `machine` and `layout`; `mapping` spells any mapping;
//! `arrays` and `records` are the codecs, `failure` the texts of a report.
//!
//! The limited API (CPython 3.9) has no buffers: arrays cross as their type, their shape and their bytes.

#![expect(
    clippy::needless_pass_by_value,
    reason = "what Python calls gets its arguments by value"
)]

mod arrays;
mod environ;
mod failure;
mod layout;
mod machine;
mod mapping;
mod problem;
mod records;
mod serving;
mod training;
mod value;

/// The extension module.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use crate::{
        arrays::{
            decode_csv, decode_json, decode_plain_csv, encode_csv, encode_json, npy_header,
            preview_npy,
        },
        failure::{is_secret_name, plain_text, redact, redact_words, signal_name, signal_text},
        layout::Layout,
        machine::{num_cpus, num_gpus, num_neurons},
        mapping::{to_cmd_args, to_env_vars},
        records::{read_dense, read_records, write_dense, write_record, write_sparse},
        serving::serving_env,
        training::{Training, read_hyperparameters, read_input_data_config, read_resource_config},
    };

    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        use pyo3::types::PyModuleMethods as _;

        module.add(
            "FAILURE_LIMIT_BYTES",
            optml_contract::failure::TEXT_LIMIT_BYTES,
        )?;
        module.add("VERSION", env!("CARGO_PKG_VERSION"))
    }
}
