//! The directory tree that the platform makes and reads: every path below `/opt/ml`.
//!
//! A [`Layout`] only knows names. Nothing is made until [`Layout::create`] is called.

use std::{fs, io};

use camino::{Utf8Path, Utf8PathBuf};

use crate::{
    config::{ConfigError, ConfigErrorKind, Origin},
    source::Source,
    vars,
};

/// Where the tree begins, unless `SAGEMAKER_BASE_DIR` says otherwise.
pub const BASE_DIR: &str = "/opt/ml";

/// The paths of one job.
///
/// **Source**: the SageMaker developer guide; the variable is that of sagemaker-training 5.1.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    base: Utf8PathBuf,
}

/// A directory that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("make directory `{path}`: {source}")]
pub struct CreateError {
    /// The directory.
    pub path: Utf8PathBuf,
    /// Why.
    pub source: io::Error,
}

/// A name that leads out of the directory that it should be in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the channel name `{name}` leads out of `{directory}`")]
pub struct ChannelNameError {
    /// The name.
    pub name: String,
    /// The directory that holds the channels.
    pub directory: Utf8PathBuf,
}

impl Layout {
    /// The tree that `SAGEMAKER_BASE_DIR` names; unset or empty: [`BASE_DIR`].
    ///
    /// # Errors
    /// The variable is not UTF-8: the paths end up in JSON.
    pub fn locate(source: &dyn Source) -> Result<Self, ConfigError> {
        let name = vars::SAGEMAKER_BASE_DIR.name;
        match source.var(name) {
            Some(base) if !base.is_empty() => match base.to_str() {
                Some(base) => Ok(Self::at(base)),
                None => Err(Origin::variable(name).error(ConfigErrorKind::NotUtf8)),
            },
            _ => Ok(Self::at(BASE_DIR)),
        }
    }

    /// The tree that begins at a directory.
    pub fn at(base: impl Into<Utf8PathBuf>) -> Self {
        Self { base: base.into() }
    }

    /// Makes the directories that a job needs: `model`, `input/config`, `input/data`, `output/data`, `code`.
    ///
    /// # Errors
    /// The first directory that could not be made.
    pub fn create(&self) -> Result<(), CreateError> {
        for path in [
            self.model(),
            self.config(),
            self.data(),
            self.output_data(),
            self.code(),
        ] {
            fs::create_dir_all(&path).map_err(|source| CreateError { path, source })?;
        }
        Ok(())
    }

    /// Where the tree begins.
    pub fn base(&self) -> &Utf8Path {
        &self.base
    }

    /// What the platform gives: configuration and data.
    pub fn input(&self) -> Utf8PathBuf {
        self.base.join("input")
    }

    /// The three configuration files.
    pub fn config(&self) -> Utf8PathBuf {
        self.base.join("input/config")
    }

    /// The job's hyperparameters.
    pub fn hyperparameters_file(&self) -> Utf8PathBuf {
        self.base.join("input/config/hyperparameters.json")
    }

    /// The hosts of the job.
    pub fn resources_file(&self) -> Utf8PathBuf {
        self.base.join("input/config/resourceconfig.json")
    }

    /// The data channels of the job.
    pub fn channels_file(&self) -> Utf8PathBuf {
        self.base.join("input/config/inputdataconfig.json")
    }

    /// One directory for each channel.
    pub fn data(&self) -> Utf8PathBuf {
        self.base.join("input/data")
    }

    /// The directory of a channel.
    ///
    /// # Errors
    /// The name is absolute or holds `..`.
    pub fn channel(&self, name: &str) -> Result<Utf8PathBuf, ChannelNameError> {
        if stays_below(name.as_bytes()) {
            Ok(self.data().join(name))
        } else {
            Err(ChannelNameError {
                name: name.to_owned(),
                directory: self.data(),
            })
        }
    }

    /// What becomes `model.tar.gz`.
    pub fn model(&self) -> Utf8PathBuf {
        self.base.join("model")
    }

    /// The user's code.
    pub fn code(&self) -> Utf8PathBuf {
        self.base.join("code")
    }

    /// What a job leaves beside its model.
    pub fn output(&self) -> Utf8PathBuf {
        self.base.join("output")
    }

    /// What becomes `output.tar.gz`.
    pub fn output_data(&self) -> Utf8PathBuf {
        self.base.join("output/data")
    }

    /// What is copied away while the job runs.
    pub fn intermediate(&self) -> Utf8PathBuf {
        self.base.join("output/intermediate")
    }

    /// Why the job failed; the platform shows its first 1,024 bytes.
    pub fn failure(&self) -> Utf8PathBuf {
        self.base.join("output/failure")
    }

    /// The full failure report.
    pub fn failure_json(&self) -> Utf8PathBuf {
        self.base.join("output/failure.json")
    }

    /// An empty file that says that the job succeeded.
    pub fn success(&self) -> Utf8PathBuf {
        self.base.join("output/success")
    }

    /// What survives an interruption.
    pub fn checkpoints(&self) -> Utf8PathBuf {
        self.base.join("checkpoints")
    }
}

/// True if a name, joined to a directory, stays below it.
pub(crate) fn stays_below(name: &[u8]) -> bool {
    !name.starts_with(b"/") && name.split(|&byte| byte == b'/').all(|part| part != b"..")
}

#[cfg(test)]
mod tests;
