//! The values of `--channel` and `--set`.

use std::str::FromStr;

use camino::Utf8PathBuf;

/// `--channel NAME=PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelFlag {
    /// The channel.
    pub name: String,
    /// Its folder or file, as written.
    pub path: Utf8PathBuf,
}

/// `--set KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetFlag {
    /// The hyperparameter.
    pub key: String,
    /// Its text, as written: the platform decodes it as JSON if it is JSON.
    pub value: String,
}

/// A word that is not a name, `=` and a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// There is no `=`.
    #[error("read `{0}` as NAME=VALUE: there is no `=`")]
    NoEquals(String),
    /// Nothing stands before the `=`.
    #[error("read `{0}` as NAME=VALUE: there is no name before the `=`")]
    NoName(String),
    /// Nothing stands after the `=`, where a path must.
    #[error("read `{0}` as NAME=PATH: there is no path after the `=`")]
    NoPath(String),
}

impl FromStr for ChannelFlag {
    type Err = FlagError;

    fn from_str(text: &str) -> Result<Self, FlagError> {
        let (name, path) = split(text)?;
        if path.is_empty() {
            return Err(FlagError::NoPath(text.to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            path: path.into(),
        })
    }
}

impl FromStr for SetFlag {
    type Err = FlagError;

    fn from_str(text: &str) -> Result<Self, FlagError> {
        let (key, value) = split(text)?;
        Ok(Self {
            key: key.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// Splits at the first `=`: a value may hold more of them.
fn split(text: &str) -> Result<(&str, &str), FlagError> {
    match text.split_once('=') {
        None => Err(FlagError::NoEquals(text.to_owned())),
        Some(("", _)) => Err(FlagError::NoName(text.to_owned())),
        Some(parts) => Ok(parts),
    }
}
