//! The paths of a container, as texts.

use camino::Utf8PathBuf;
use optml_contract::layout::Layout as Paths;
use pyo3::prelude::*;

use crate::{
    environ::{Variables, layout, process},
    problem::channel_error,
};

/// Every path below a base directory. Nothing is made or looked at.
#[pyclass(subclass, frozen, eq, module = "optml._native")]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    paths: Paths,
}

#[pymethods]
impl Layout {
    /// The tree at `base`, or the one that the variables name.
    #[new]
    fn new(variables: Variables, base: Option<&str>) -> PyResult<Self> {
        let paths = match base {
            Some(base) => Paths::at(base),
            None => layout(&process(&variables))?,
        };
        Ok(Self { paths })
    }

    #[getter]
    fn base(&self) -> &str {
        self.paths.base().as_str()
    }

    #[getter]
    fn code(&self) -> String {
        text(self.paths.code())
    }

    #[getter]
    fn model(&self) -> String {
        text(self.paths.model())
    }

    #[getter]
    fn input(&self) -> String {
        text(self.paths.input())
    }

    #[getter]
    fn config(&self) -> String {
        text(self.paths.config())
    }

    #[getter]
    fn data(&self) -> String {
        text(self.paths.data())
    }

    #[getter]
    fn hyperparameters_file(&self) -> String {
        text(self.paths.hyperparameters_file())
    }

    #[getter]
    fn resources_file(&self) -> String {
        text(self.paths.resources_file())
    }

    #[getter]
    fn channels_file(&self) -> String {
        text(self.paths.channels_file())
    }

    #[getter]
    fn output(&self) -> String {
        text(self.paths.output())
    }

    #[getter]
    fn output_data(&self) -> String {
        text(self.paths.output_data())
    }

    #[getter]
    fn intermediate(&self) -> String {
        text(self.paths.intermediate())
    }

    #[getter]
    fn failure(&self) -> String {
        text(self.paths.failure())
    }

    #[getter]
    fn failure_json(&self) -> String {
        text(self.paths.failure_json())
    }

    #[getter]
    fn success(&self) -> String {
        text(self.paths.success())
    }

    #[getter]
    fn checkpoints(&self) -> String {
        text(self.paths.checkpoints())
    }

    /// The directory of a channel.
    fn channel(&self, name: &str) -> PyResult<String> {
        let directory = self
            .paths
            .channel(name)
            .map_err(|problem| channel_error(&problem))?;
        Ok(text(directory))
    }
}

fn text(path: Utf8PathBuf) -> String {
    path.into_string()
}
