//! Our own settings, `OPTML_*`: how to run, not what to run.

use std::{ops::RangeInclusive, str::FromStr, time::Duration};

use camino::Utf8PathBuf;

use crate::{
    config::{ConfigError, ConfigErrorKind, Origin},
    exit::ExitStyle,
    source::Source,
    text::Text,
    vars,
};

mod local;

pub use self::local::{LocalNetwork, LocalOptions};

#[cfg(test)]
mod tests;

/// Everything that an `OPTML_*` variable decides for `train` and for every supervised program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// From the stop signal to SIGKILL.
    pub stop_grace: Duration,
    /// How long to wait, in all, until the names of all hosts resolve.
    pub host_wait: Duration,
    /// How long our own output may make no progress before lines are dropped.
    pub log_stall: Duration,
    /// The form of our own log lines.
    pub log_format: LogFormat,
    /// The least serious of our own log lines that is written.
    pub log_level: LogLevel,
    /// What is done to the lines of the script.
    pub log_wrap: LogWrap,
    /// What the exit code tells.
    pub exit_style: ExitStyle,
    /// The interpreter: a path, or a name to look up in `PATH`.
    pub python: Option<String>,
    /// A folder of wheels to install from instead of an index.
    pub wheels: Option<Utf8PathBuf>,
    /// A store that the folder of checkpoints is restored from and kept in step with.
    pub checkpoint_url: Option<String>,
    /// How long uploads may take after the script's end.
    pub upload_wait: Duration,
}

/// The form of our own log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How serious a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the usual five")]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

/// What is done to the lines of the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogWrap {
    /// Nothing.
    #[default]
    Raw,
    /// The host's name before each.
    Prefix,
    /// A JSON object around each.
    Json,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            // Ten seconds inside the platform's own 120, for the failure report and the last of the log.
            stop_grace: Duration::from_secs(110),
            host_wait: Duration::from_mins(15),
            log_stall: Duration::from_secs(30),
            log_format: LogFormat::default(),
            log_level: LogLevel::default(),
            log_wrap: LogWrap::default(),
            exit_style: ExitStyle::default(),
            python: None,
            wheels: None,
            checkpoint_url: None,
            upload_wait: Duration::from_mins(15),
        }
    }
}

impl Options {
    /// Reads every variable. A bad one keeps its default and is reported, so that the rest can still be used to say so.
    pub fn read(source: &dyn Source) -> (Self, Vec<ConfigError>) {
        let mut problems = Vec::new();
        let mut read = Reader {
            source,
            problems: &mut problems,
        };
        let default = Self::default();
        let options = Self {
            stop_grace: read.seconds(&vars::OPTML_STOP_GRACE_S, default.stop_grace),
            host_wait: read.seconds(&vars::OPTML_HOST_WAIT_S, default.host_wait),
            log_stall: read.seconds(&vars::OPTML_LOG_STALL_S, default.log_stall),
            log_format: read.word(
                &vars::OPTML_LOG_FORMAT,
                &[("text", LogFormat::Text), ("json", LogFormat::Json)],
            ),
            log_level: read.word(
                &vars::OPTML_LOG_LEVEL,
                &[
                    ("info", LogLevel::Info),
                    ("error", LogLevel::Error),
                    ("warn", LogLevel::Warn),
                    ("debug", LogLevel::Debug),
                    ("trace", LogLevel::Trace),
                ],
            ),
            log_wrap: read.word(
                &vars::OPTML_LOG_WRAP,
                &[
                    ("raw", LogWrap::Raw),
                    ("prefix", LogWrap::Prefix),
                    ("json", LogWrap::Json),
                ],
            ),
            exit_style: read.word(
                &vars::OPTML_EXIT_CODE,
                &[
                    ("native", ExitStyle::Native),
                    ("reference", ExitStyle::Reference),
                ],
            ),
            python: read.text(&vars::OPTML_PYTHON),
            wheels: read.text(&vars::OPTML_WHEELS).map(Utf8PathBuf::from),
            checkpoint_url: read.text(&vars::OPTML_CHECKPOINT_URL),
            upload_wait: read.seconds(&vars::OPTML_UPLOAD_WAIT_S, default.upload_wait),
        };
        (options, problems)
    }
}

#[derive(Debug)]
struct Reader<'a> {
    source: &'a dyn Source,
    problems: &'a mut Vec<ConfigError>,
}

impl Reader<'_> {
    /// The value, or `None` when unset, empty, or reported as no text.
    fn text(&mut self, variable: &vars::Variable) -> Option<String> {
        let value = self
            .source
            .var(variable.name)
            .filter(|value| !value.is_empty())?;
        let text = value.to_str().map(str::to_owned);
        if text.is_none() {
            self.problem(variable, ConfigErrorKind::NotUtf8);
        }
        text
    }

    /// Whole seconds, up to a day.
    fn seconds(&mut self, variable: &vars::Variable, default: Duration) -> Duration {
        self.whole(variable, 0..=86_400)
            .map_or(default, Duration::from_secs)
    }

    /// A whole number in a range; `None` when unset, empty, or reported.
    fn whole(&mut self, variable: &vars::Variable, range: RangeInclusive<u64>) -> Option<u64> {
        let text = self.text(variable)?;
        let value = Text::from(text.as_str());
        let kind = match u64::from_str(text.trim()) {
            Ok(number) if range.contains(&number) => return Some(number),
            Ok(_) => ConfigErrorKind::OutOfRange {
                value,
                min: *range.start(),
                max: *range.end(),
            },
            Err(_) => ConfigErrorKind::NotInt { value },
        };
        self.problem(variable, kind);
        None
    }

    /// One of some words; the first is the default.
    fn word<T: Copy>(
        &mut self,
        variable: &vars::Variable,
        words: &'static [(&'static str, T)],
    ) -> T {
        let default = words[0].1;
        let Some(text) = self.text(variable) else {
            return default;
        };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return *value;
        }
        let allowed = words.iter().map(|(word, _)| *word).collect();
        self.problem(
            variable,
            ConfigErrorKind::NotOneOf {
                value: Text::from(text.as_str()),
                allowed,
            },
        );
        default
    }

    fn problem(&mut self, variable: &vars::Variable, kind: ConfigErrorKind) {
        self.problems
            .push(Origin::variable(variable.name).error(kind));
    }
}
