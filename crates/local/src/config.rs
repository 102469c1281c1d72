//! The project file: `optml.toml`, or `[tool.optml]` in `pyproject.toml`.
//!
//! The file is ours, so an unknown key is an error. Relative paths are relative to the file.

use std::{collections::BTreeMap, fs, io, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};
use optml_contract::{
    Origin,
    serving::FileSetting,
    vars::{self, Variable},
};
use serde::Deserialize;
use toml::Spanned;

/// What a project file says.
///
/// **Shape**
/// ```toml
/// [train]
/// entry_point = "train.py"
/// python = "python3.12"
/// hyperparameters = { lr = 0.1 }
/// stop = { grace = "110s" }
///
/// [train.channels.training]
/// path = "data/training"
/// content_type = "text/csv"
///
/// [serve]
/// handler = "inference.py"
/// model_dir = "model"
/// port = 8080
/// workers = 2
/// slots = 1
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectFile {
    /// The file.
    pub path: Utf8PathBuf,
    /// The script to run. Unset: found by its name.
    pub entry_point: Option<String>,
    /// The interpreter for Python scripts. Unset: `python3` or `python` on `PATH`.
    pub python: Option<String>,
    /// The hyperparameters, each with its line in the file.
    pub hyperparameters: BTreeMap<String, FileValue>,
    /// The channels.
    pub channels: BTreeMap<String, FileChannel>,
    /// How long a stopped script may go on. Unset: what `train` has as its default.
    pub stop_grace: Option<Duration>,
    /// What `serve` is told, as the variables that say the same.
    pub serve: Vec<FileSetting>,
}

/// A hyperparameter as it stands in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct FileValue {
    /// The value.
    pub value: toml::Value,
    /// Its line, counted from 1.
    pub line: usize,
}

/// A channel of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChannel {
    /// Its folder or file, made absolute by the file's own folder.
    pub path: Utf8PathBuf,
    /// The media type that `inputdataconfig.json` names.
    pub content_type: Option<String>,
}

/// What is wrong with a project file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("read `{path}`: {source}")]
    Read {
        /// The file.
        path: Utf8PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not TOML, or has an unknown key or a value of the wrong type.
    #[error("`{path}` line {line}: {reason}: `{text}`")]
    Content {
        /// The file.
        path: Utf8PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
        /// The line itself.
        text: String,
    },
    /// Two files would configure one project.
    #[error("both `{first}` and `[tool.optml]` of `{second}` configure the project")]
    Both {
        /// `optml.toml`.
        first: Utf8PathBuf,
        /// `pyproject.toml`.
        second: Utf8PathBuf,
    },
}

impl ProjectFile {
    /// Reads the project file of a folder, if it has one.
    ///
    /// # Errors
    /// The file cannot be read or does not say what it may, or there are two.
    pub fn load(folder: &Utf8Path) -> Result<Option<Self>, ConfigError> {
        let own = folder.join("optml.toml");
        let shared = folder.join("pyproject.toml");
        let from_own = match read(&own)? {
            Some(text) => Some(Self::parse(&own, &text)?),
            None => None,
        };
        let from_shared = match read(&shared)? {
            Some(text) => Self::parse_pyproject(&shared, &text)?,
            None => None,
        };
        match (from_own, from_shared) {
            (Some(_), Some(_)) => Err(ConfigError::Both {
                first: own,
                second: shared,
            }),
            (found, None) | (None, found) => Ok(found),
        }
    }

    /// Reads the text of an `optml.toml`.
    ///
    /// # Errors
    /// [`ConfigError::Content`].
    pub fn parse(path: &Utf8Path, text: &str) -> Result<Self, ConfigError> {
        let tables =
            toml::from_str::<Tables>(text).map_err(|error| content_error(path, text, &error))?;
        Ok(Self::resolve(path, text, "", tables))
    }

    /// Reads the `[tool.optml]` of a `pyproject.toml`, if it has one.
    fn parse_pyproject(path: &Utf8Path, text: &str) -> Result<Option<Self>, ConfigError> {
        let pyproject =
            toml::from_str::<Pyproject>(text).map_err(|error| content_error(path, text, &error))?;
        Ok(pyproject
            .tool
            .optml
            .map(|tables| Self::resolve(path, text, "/tool/optml", tables)))
    }

    /// `pointer`: where the tables are in the file.
    fn resolve(path: &Utf8Path, text: &str, pointer: &str, tables: Tables) -> Self {
        let folder = path.parent().unwrap_or(Utf8Path::new(""));
        let train = tables.train;
        let serve = tables.serve.settings(path, pointer);
        Self {
            serve,
            path: path.to_owned(),
            entry_point: train.entry_point,
            // A bare name is looked up on PATH, as a shell would.
            python: train.python.map(|name| {
                if name.contains('/') {
                    folder.join(name).into_string()
                } else {
                    name
                }
            }),
            hyperparameters: train
                .hyperparameters
                .into_iter()
                .map(|(key, value)| {
                    let line = line_of(text, value.span().start);
                    (
                        key,
                        FileValue {
                            value: value.into_inner(),
                            line,
                        },
                    )
                })
                .collect(),
            channels: train
                .channels
                .into_iter()
                .map(|(name, table)| {
                    let channel = FileChannel {
                        path: folder.join(table.path),
                        content_type: table.content_type,
                    };
                    (name, channel)
                })
                .collect(),
            stop_grace: train.stop.and_then(|stop| stop.grace).map(|grace| grace.0),
        }
    }
}

impl ConfigError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Content { reason, .. } if reason.contains("unknown field") => {
                Some("the keys are listed in docs/local.md".to_owned())
            }
            Self::Both { .. } => Some("keep one of them".to_owned()),
            Self::Read { .. } | Self::Content { .. } => None,
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Tables {
    #[serde(default)]
    train: TrainTable,
    #[serde(default)]
    serve: ServeTable,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ServeTable {
    handler: Option<String>,
    model_dir: Option<String>,
    port: Option<u64>,
    workers: Option<u64>,
    slots: Option<u64>,
}

impl ServeTable {
    /// Whether a number is in its range is for the reader of the variable to say.
    fn settings(self, path: &Utf8Path, pointer: &str) -> Vec<FileSetting> {
        let folder = path.parent().unwrap_or(Utf8Path::new(""));
        let in_folder = |name: String| folder.join(name).into_string();
        let number = |number: u64| number.to_string();
        let said: [(&str, Variable, Option<String>); 5] = [
            ("handler", vars::OPTML_HANDLER, self.handler.map(in_folder)),
            (
                "model_dir",
                vars::OPTML_MODEL_DIR,
                self.model_dir.map(in_folder),
            ),
            ("port", vars::OPTML_PORT, self.port.map(number)),
            ("workers", vars::OPTML_WORKERS, self.workers.map(number)),
            ("slots", vars::OPTML_SLOTS, self.slots.map(number)),
        ];
        said.into_iter()
            .filter_map(|(key, variable, value)| {
                Some(FileSetting {
                    variable,
                    value: value?,
                    origin: Origin::File {
                        path: path.to_owned(),
                        pointer: format!("{pointer}/serve/{key}"),
                    },
                })
            })
            .collect()
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct TrainTable {
    entry_point: Option<String>,
    python: Option<String>,
    #[serde(default)]
    hyperparameters: BTreeMap<String, Spanned<toml::Value>>,
    #[serde(default)]
    channels: BTreeMap<String, ChannelTable>,
    stop: Option<StopTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelTable {
    path: String,
    content_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StopTable {
    grace: Option<Grace>,
}

/// `90s` or `2m`: whole seconds or minutes.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Grace(Duration);

/// The other tables are other tools'.
#[derive(Deserialize)]
struct Pyproject {
    #[serde(default)]
    tool: Tool,
}

#[derive(Deserialize, Default)]
struct Tool {
    optml: Option<Tables>,
}

impl TryFrom<String> for Grace {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        const REASON: &str =
            "expected whole seconds such as `90s` or minutes such as `2m`, at most a day";
        let (digits, seconds_each) = match (text.strip_suffix('s'), text.strip_suffix('m')) {
            (Some(digits), _) => (digits, 1),
            (None, Some(digits)) => (digits, 60),
            (None, None) => return Err(REASON),
        };
        let seconds = digits
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(seconds_each))
            .ok_or(REASON)?;
        if seconds > 24 * 60 * 60 {
            return Err(REASON);
        }
        Ok(Self(Duration::from_secs(seconds)))
    }
}

fn read(path: &Utf8Path) -> Result<Option<String>, ConfigError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ConfigError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

fn content_error(path: &Utf8Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let line = line_of(text, error.span().map_or(0, |span| span.start));
    ConfigError::Content {
        path: path.to_owned(),
        line,
        reason: error.message().to_owned(),
        text: text
            .lines()
            .nth(line - 1)
            .unwrap_or_default()
            .trim()
            .to_owned(),
    }
}

/// The line of a byte, counted from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}

#[cfg(test)]
mod tests;
