//! Our own settings, `OPTML_*`: how to run, not what to run.

use std::{num::NonZeroU16, ops::RangeInclusive, str::FromStr, time::Duration};

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
    /// Who starts the processes of the job; `None`: what the job's hyperparameters ask for.
    pub launcher: Option<Launcher>,
    /// How many processes each host is to have; `None`: as the job or the machine says.
    pub processes_per_host: Option<NonZeroU16>,
    /// Words for `torchrun`, before the script.
    pub torchrun_options: Option<String>,
    /// The port of the first host on which the hosts of a job find each other.
    pub control_port: NonZeroU16,
    /// What the hosts of a job know and nobody else does.
    pub cluster_secret: Option<String>,
    /// How long the processes of a host may print nothing before the job is taken to hang; `None`: for ever.
    pub silence_limit: Option<Duration>,
}

/// Who starts the processes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Launcher {
    /// One process a host, which starts whatever else it needs.
    Plain,
    /// One process for each accelerator, started by us, with torch's variables.
    Native,
    /// `torchrun`.
    Torchrun,
    /// Open MPI.
    Mpirun,
    /// SageMaker's data parallel library.
    Smddp,
    /// `torch_xla.distributed.xla_spawn`.
    Xla,
    /// TensorFlow's parameter servers, one a host beside the worker.
    TensorflowServers,
    /// TensorFlow's multi-worker strategies.
    TensorflowWorkers,
    /// `MXNet`'s parameter servers.
    Mxnet,
}

impl Launcher {
    /// Every one, with the word that chooses it.
    pub const WORDS: [(&str, Self); 9] = [
        ("none", Self::Plain),
        ("native", Self::Native),
        ("torchrun", Self::Torchrun),
        ("mpirun", Self::Mpirun),
        ("smddp", Self::Smddp),
        ("xla", Self::Xla),
        ("tensorflow-ps", Self::TensorflowServers),
        ("tensorflow", Self::TensorflowWorkers),
        ("mxnet", Self::Mxnet),
    ];

    /// The word that chooses it.
    pub fn word(self) -> &'static str {
        let mut all = Self::WORDS.iter();
        all.find_map(|(word, launcher)| (*launcher == self).then_some(*word))
            .expect("every launcher has a word")
    }
}

/// Beside the ports of torch (7777), TensorFlow (2222, 8890), `MXNet` (8000) and the platform's library (7592).
const CONTROL_PORT: NonZeroU16 = NonZeroU16::new(7779).expect("the port is not 0");

/// The words of `OPTML_LAUNCHER`: the first leaves it to the job.
const LAUNCHERS: [(&str, Option<Launcher>); 10] = {
    let mut words = [("auto", None); 10];
    let mut i = 0;
    while i < Launcher::WORDS.len() {
        words[i + 1] = (Launcher::WORDS[i].0, Some(Launcher::WORDS[i].1));
        i += 1;
    }
    words
};

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
            launcher: None,
            processes_per_host: None,
            torchrun_options: None,
            control_port: CONTROL_PORT,
            cluster_secret: None,
            silence_limit: None,
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
            launcher: read.word(&vars::OPTML_LAUNCHER, &LAUNCHERS),
            processes_per_host: read.number(&vars::OPTML_PROCESSES_PER_HOST),
            torchrun_options: read.text(&vars::OPTML_TORCHRUN_OPTIONS),
            control_port: read
                .number(&vars::OPTML_CONTROL_PORT)
                .unwrap_or(default.control_port),
            cluster_secret: read.text(&vars::OPTML_CLUSTER_SECRET),
            silence_limit: Some(read.seconds(&vars::OPTML_SILENCE_LIMIT_S, Duration::ZERO))
                .filter(|limit| !limit.is_zero()),
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

    /// A port, or a number of processes.
    fn number(&mut self, variable: &vars::Variable) -> Option<NonZeroU16> {
        let value = self.whole(variable, 1..=u64::from(u16::MAX))?;
        NonZeroU16::new(u16::try_from(value).ok()?)
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
