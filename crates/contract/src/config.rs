//! Where a value came from, and what can be wrong with it.
//!
//! Loading never stops at the first mistake: each is a [`ConfigError`], and the caller gets all of them.

use std::{ffi::OsStr, fmt, io};

use camino::{Utf8Path, Utf8PathBuf};

use crate::{
    cluster::ClusterProblem,
    json::{Json, JsonError, Object},
    serving::ServingProblem,
    source::{MAX_FILE_BYTES, Source},
    text::{Text, TextError},
};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A place in a JSON file.
    File {
        /// The file.
        path: Utf8PathBuf,
        /// A JSON pointer (RFC 6901), empty for the whole file.
        pointer: String,
    },
    /// A variable of our own environment.
    Variable(String),
    /// Something measured on this machine: what, and how.
    Probe(String),
    /// Nothing said otherwise.
    Default,
    /// Made from other values: which.
    Derived(String),
}

/// Something that the contract does not allow: where, and what.
#[derive(Debug, thiserror::Error)]
#[error("{} {origin}: {kind}", kind.verb())]
pub struct ConfigError {
    /// The file and key, or the variable.
    pub origin: Origin,
    /// What is wrong there.
    pub kind: ConfigErrorKind,
}

/// What is wrong with a value.
#[derive(Debug, thiserror::Error)]
pub enum ConfigErrorKind {
    /// There is no such file.
    #[error("no such file")]
    NoFile,
    /// The file is larger than [`MAX_FILE_BYTES`].
    #[error("larger than {} MiB", MAX_FILE_BYTES >> 20)]
    TooLarge,
    /// The file cannot be read.
    #[error("{0}")]
    Unreadable(#[source] io::Error),
    /// The text is not JSON.
    #[error("not JSON: {0}")]
    NotJson(#[source] JsonError),
    /// A key that must be there is not.
    #[error("the key is missing")]
    MissingKey,
    /// A value of another type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A list that must name someone is empty.
    #[error("the list is empty")]
    Empty,
    /// A host that the list of hosts does not have.
    #[error("`{host}` is not among the hosts")]
    NotAHost {
        /// The host.
        host: Text,
    },
    /// A host that is in the list twice.
    #[error("`{host}` is there more than once")]
    Repeated {
        /// The host.
        host: Text,
    },
    /// A channel name that is a path out of the data directory.
    #[error("the channel name leads out of `{directory}`")]
    Escapes {
        /// The directory that holds the channels.
        directory: Utf8PathBuf,
    },
    /// Not a whole number.
    #[error("`{value}` is not a whole number")]
    NotInt {
        /// What was given.
        value: Text,
    },
    /// A number outside its range.
    #[error("`{value}` is not between {min} and {max}")]
    OutOfRange {
        /// What was given.
        value: Text,
        /// The least that is allowed.
        min: u64,
        /// The most that is allowed.
        max: u64,
    },
    /// Neither a yes nor a no.
    #[error("`{value}` is neither true nor false")]
    NotBool {
        /// What was given.
        value: Text,
    },
    /// None of the words that mean something.
    #[error("`{value}` is not one of {}", quoted(allowed))]
    NotOneOf {
        /// What was given.
        value: Text,
        /// The words.
        allowed: Vec<&'static str>,
    },
    /// Not `LOW-HIGH`.
    #[error("`{value}` is not a range of ports")]
    NotPortRange {
        /// What was given.
        value: Text,
    },
    /// Text that must be UTF-8 and is not.
    #[error("not UTF-8")]
    NotUtf8,
    /// An environment variable cannot have such a name.
    #[error("the variable name `{name}` would hold `=`")]
    NameHoldsEquals {
        /// The name that it would have.
        name: Text,
    },
    /// The name or the value cannot be handed to a process.
    #[error("cannot be handed to a process: {0}")]
    NotEncodable(#[source] TextError),
    /// Something that only `serve` minds.
    #[error(transparent)]
    Serving(ServingProblem),
    /// Something about the hosts of a job.
    #[error(transparent)]
    Cluster(ClusterProblem),
}

impl Origin {
    /// A key at the top of a JSON file.
    pub fn key(path: &Utf8Path, key: &str) -> Self {
        Self::within(path, "", &key.into())
    }

    /// A key below a place in a JSON file.
    pub(crate) fn within(path: &Utf8Path, pointer: &str, key: &Text) -> Self {
        let mut pointer = pointer.to_owned();
        pointer.reserve(1 + key.as_bytes().len());
        pointer.push('/');
        for character in key.to_string().chars() {
            match character {
                '~' => pointer.push_str("~0"),
                '/' => pointer.push_str("~1"),
                other => pointer.push(other),
            }
        }
        Self::File {
            path: path.to_owned(),
            pointer,
        }
    }

    /// A JSON file as a whole.
    pub fn file(path: &Utf8Path) -> Self {
        Self::File {
            path: path.to_owned(),
            pointer: String::new(),
        }
    }

    /// A variable.
    pub fn variable(name: &str) -> Self {
        Self::Variable(name.to_owned())
    }

    /// An error here.
    pub(crate) fn error(self, kind: ConfigErrorKind) -> ConfigError {
        ConfigError { origin: self, kind }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, pointer } if pointer.is_empty() => write!(f, "`{path}`"),
            // A key may hold anything; the message stays on one line.
            Self::File { path, pointer } => write!(f, "`{path}` at `{}`", on_one_line(pointer)),
            Self::Variable(name) => write!(f, "variable `{name}`"),
            Self::Probe(how) | Self::Derived(how) => f.write_str(how),
            Self::Default => f.write_str("default"),
        }
    }
}

impl ConfigError {
    /// What to do about it, where that can be said.
    pub fn hint(&self) -> Option<String> {
        let hint = match &self.kind {
            ConfigErrorKind::NoFile => {
                "the platform writes this file before it starts the container; `optml local train` makes one"
            }
            ConfigErrorKind::NotJson(_) => "the file must hold one JSON object in UTF-8",
            ConfigErrorKind::WrongType {
                expected: "a string",
                found: "a number" | "a boolean",
            } => "a value that looks like JSON is read as JSON: put the text in double quotes",
            ConfigErrorKind::NotInt { .. } if self.is_log_level() => {
                "levels are numbers: 10 debug, 20 info, 30 warning, 40 error"
            }
            ConfigErrorKind::NotBool { .. } => "use `true` or `false`",
            ConfigErrorKind::NotPortRange { .. } => "write `LOW-HIGH`, for example `1111-2222`",
            ConfigErrorKind::NameHoldsEquals { .. } => {
                "rename it: an environment variable cannot hold `=` in its name"
            }
            ConfigErrorKind::Escapes { .. } => {
                "a channel is a directory below it: no `..`, no leading `/`"
            }
            ConfigErrorKind::Serving(problem) => return problem.hint(),
            ConfigErrorKind::Cluster(problem) => return problem.hint(),
            _ => return None,
        };
        Some(hint.to_owned())
    }

    fn is_log_level(&self) -> bool {
        matches!(&self.origin, Origin::Variable(name) if name.contains("LOG_LEVEL"))
    }
}

impl ConfigErrorKind {
    fn verb(&self) -> &'static str {
        match self {
            Self::NameHoldsEquals { .. } | Self::NotEncodable(_) => "export",
            _ => "read",
        }
    }

    pub(crate) fn wrong_type(expected: &'static str, found: &Json) -> Self {
        Self::WrongType {
            expected,
            found: found.type_name(),
        }
    }
}

/// Reads a file that must hold one JSON object.
pub(crate) fn load_object(source: &dyn Source, path: &Utf8Path) -> Result<Object, ConfigError> {
    let kind = match source.read(path) {
        Ok(contents) => match Json::parse(&contents) {
            Ok(Json::Object(object)) => return Ok(object),
            Ok(other) => ConfigErrorKind::wrong_type("an object", &other),
            Err(err) => ConfigErrorKind::NotJson(err),
        },
        Err(err) => match err.kind() {
            io::ErrorKind::NotFound => ConfigErrorKind::NoFile,
            io::ErrorKind::FileTooLarge => ConfigErrorKind::TooLarge,
            _ => ConfigErrorKind::Unreadable(err),
        },
    };
    Err(Origin::file(path).error(kind))
}

/// Takes typed values out of an object and notes what is wrong with them.
#[derive(Debug)]
pub(crate) struct Keys<'a> {
    pub(crate) path: &'a Utf8Path,
    pub(crate) pointer: String,
    pub(crate) object: &'a Object,
    pub(crate) problems: &'a mut Vec<ConfigError>,
}

impl<'a> Keys<'a> {
    /// The value of a key that must be there.
    pub(crate) fn required(&mut self, key: &str) -> Option<&'a Json> {
        let value = self.object.get(key);
        if value.is_none() {
            self.problem(key, ConfigErrorKind::MissingKey);
        }
        value
    }

    /// The text of a key that must be there; empty with a problem noted if it is not.
    pub(crate) fn text(&mut self, key: &str) -> Text {
        let value = self.required(key);
        value
            .and_then(|value| self.as_text(key, value))
            .unwrap_or_default()
    }

    /// The text of a key that may be absent.
    pub(crate) fn text_or(&mut self, key: &str, default: &str) -> Text {
        match self.object.get(key) {
            None => default.into(),
            Some(value) => self.as_text(key, value).unwrap_or_default(),
        }
    }

    /// The texts of a key that must be there.
    pub(crate) fn texts(&mut self, key: &str) -> Vec<Text> {
        let Some(value) = self.required(key) else {
            return Vec::new();
        };
        let Some(values) = value.as_array() else {
            self.problem(
                key,
                ConfigErrorKind::wrong_type("an array of strings", value),
            );
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(values.len());
        for (i, value) in values.iter().enumerate() {
            texts.extend(self.as_text(&format!("{key}/{i}"), value));
        }
        texts
    }

    /// Notes a problem at a key, or at a pointer below it.
    pub(crate) fn problem(&mut self, key: &str, kind: ConfigErrorKind) {
        let origin = Origin::File {
            path: self.path.to_owned(),
            pointer: format!("{}/{key}", self.pointer),
        };
        self.problems.push(origin.error(kind));
    }

    fn as_text(&mut self, key: &str, value: &Json) -> Option<Text> {
        let text = value.as_text().cloned();
        if text.is_none() {
            self.problem(key, ConfigErrorKind::wrong_type("a string", value));
        }
        text
    }
}

fn quoted(words: &[&str]) -> String {
    words
        .iter()
        .map(|word| format!("`{word}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn on_one_line(text: &str) -> String {
    let escape = |c: char| {
        if c.is_control() {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escape).collect()
}

/// A whole number as Python's `int()` reads it: blanks around it, a sign, single `_` between digits.
pub(crate) fn parse_int(value: &OsStr) -> Result<i64, ConfigErrorKind> {
    let not_int = || ConfigErrorKind::NotInt {
        value: Text::from_os(value),
    };
    let trimmed = value.to_str().ok_or(ConfigErrorKind::NotUtf8)?.trim();
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    let well_formed = digits
        .split('_')
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if !well_formed {
        return Err(not_int());
    }
    trimmed.replace('_', "").parse().map_err(|_| not_int())
}

#[cfg(test)]
mod tests;
