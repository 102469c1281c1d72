//! The environment of a serving container.

use optml_contract::{ServingEnv, json::Json};
use pyo3::{prelude::*, types::PyDict};

use crate::{
    environ::{Variables, layout, process},
    machine,
    problem::config_error,
    value::to_python,
};

/// Every property of the reference by name, but for the GPUs, which nobody has asked for yet.
#[pyfunction]
pub(crate) fn serving_env(
    py: Python<'_>,
    variables: Variables,
    n_cpus: u32,
) -> PyResult<Bound<'_, PyDict>> {
    let source = process(&variables);
    let layout = layout(&source)?;
    let env = ServingEnv::load(&source, &layout, &machine::asked(n_cpus, 0, 0))
        .map_err(|problems| config_error(&problems))?;
    let dict = PyDict::new(py);
    let module_name = env.module_name();
    let texts = [
        ("current_host", env.current_host.into()),
        ("default_accept", Json::from(env.default_accept)),
        ("framework_module", env.framework_module.into()),
        // Texts in the reference, which hands them to nginx.
        ("http_port", env.http_port.to_string().as_str().into()),
        ("model_dir", layout.model().as_str().into()),
        ("module_dir", env.module_dir.into()),
        ("module_name", module_name.into()),
        ("user_entry_point", env.user_entry_point.into()),
    ];
    for (name, value) in texts {
        dict.set_item(name, to_python(py, &value)?)?;
    }
    let range = env
        .safe_port_range
        .map(|range| format!("{}-{}", range.start(), range.end()));
    dict.set_item("safe_port_range", range)?;
    dict.set_item("log_level", env.log_level)?;
    dict.set_item("model_server_timeout", env.model_server_timeout.as_secs())?;
    dict.set_item("model_server_workers", env.model_server_workers)?;
    dict.set_item("num_cpus", env.machine.cpus.value)?;
    dict.set_item("use_nginx", env.use_nginx)?;
    Ok(dict)
}
