//! The environment of a training job, loaded once and asked as often as one likes.

use optml_contract::{
    ConfigError, Facts, TrainingEnv,
    channels::Channels,
    hyperparameters::Hyperparameters,
    json::{Json, Object},
    resources::Resources,
    training::Given,
};
use pyo3::{
    prelude::*,
    types::{PyDict, PyList},
};

use crate::{
    environ::{Variables, layout, process},
    machine,
    problem::config_error,
    value::{object_of, object_to_python, text_to_python, to_python},
};

/// A loaded environment. Processors and their kin count as 0 until `set_machine`.
#[pyclass(module = "optml._native")]
#[derive(Debug)]
pub(crate) struct Training {
    env: TrainingEnv,
}

#[pymethods]
impl Training {
    /// Reads the files and variables; what is given is not read.
    #[new]
    #[pyo3(signature = (variables, installed, *, resource_config=None, input_data_config=None, hyperparameters=None))]
    fn new(
        variables: Variables,
        installed: (bool, bool),
        resource_config: Option<&Bound<'_, PyAny>>,
        input_data_config: Option<&Bound<'_, PyAny>>,
        hyperparameters: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let given = |argument, value: Option<&Bound<'_, PyAny>>| {
            value.map(|value| object_of(argument, value)).transpose()
        };
        let given = Given {
            hyperparameters: given("hyperparameters", hyperparameters)?,
            resources: given("resource_config", resource_config)?,
            channels: given("input_data_config", input_data_config)?,
        };
        let source = process(&variables);
        let (smddprun_installed, smddpmprun_installed) = installed;
        let facts = Facts {
            machine: machine::unasked(),
            smddprun_installed,
            smddpmprun_installed,
        };
        let env = TrainingEnv::load_with(&source, &layout(&source)?, &facts, given)
            .map_err(|problems| config_error(&problems))?;
        Ok(Self { env })
    }

    /// What the machine has, now that it was asked.
    fn set_machine(&mut self, cpus: u32, gpus: u32, neurons: u32) {
        self.env.set_machine(machine::asked(cpus, gpus, neurons));
    }

    /// Every property, by name.
    fn properties<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &self.env.training_env())
    }

    /// The `SM_*` variables, in the reference's order.
    fn to_env_vars<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in self.env.to_env_vars() {
            dict.set_item(text_to_python(py, &name)?, text_to_python(py, &value)?)?;
        }
        Ok(dict)
    }

    /// The words of the script.
    fn to_cmd_args<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let words = PyList::empty(py);
        for word in self.env.to_cmd_args() {
            words.append(text_to_python(py, &word)?)?;
        }
        Ok(words)
    }

    /// What the reference sets in its own process.
    fn process_env<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in self.env.process_env() {
            dict.set_item(name, text_to_python(py, &value)?)?;
        }
        Ok(dict)
    }

    /// Where `output/intermediate` is to be copied.
    fn s3_output<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, &Json::from(self.env.s3_output().cloned()))
    }
}

/// The hyperparameters of the job, decoded, the reserved ones too.
#[pyfunction]
pub(crate) fn read_hyperparameters(
    py: Python<'_>,
    variables: Variables,
) -> PyResult<Bound<'_, PyDict>> {
    let source = process(&variables);
    let all = Hyperparameters::load(&source, &layout(&source)?);
    let object: Result<Object, _> = all.map(|all| {
        let entries = all.all().iter();
        entries
            .map(|one| (one.name.clone(), one.value.clone()))
            .collect()
    });
    to_dict(py, object)
}

/// What `resourceconfig.json` holds.
#[pyfunction]
pub(crate) fn read_resource_config(
    py: Python<'_>,
    variables: Variables,
) -> PyResult<Bound<'_, PyDict>> {
    let source = process(&variables);
    let resources = Resources::load(&source, &layout(&source)?);
    to_dict(py, resources.map(|resources| resources.object().clone()))
}

/// What `inputdataconfig.json` holds.
#[pyfunction]
pub(crate) fn read_input_data_config(
    py: Python<'_>,
    variables: Variables,
) -> PyResult<Bound<'_, PyDict>> {
    let source = process(&variables);
    let channels = Channels::load(&source, &layout(&source)?);
    to_dict(py, channels.map(|channels| channels.object().clone()))
}

fn to_dict(
    py: Python<'_>,
    object: Result<Object, Vec<ConfigError>>,
) -> PyResult<Bound<'_, PyDict>> {
    object_to_python(py, &object.map_err(|problems| config_error(&problems))?)
}
