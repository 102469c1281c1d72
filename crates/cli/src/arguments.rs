//! The command line: what a person typed, as values. Looks at nothing but the words.
//!
//! Every flag of ours stands for a variable and says which; giving the flag is setting the variable. So there is one
//! reader for both, and a child sees what we saw.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use clap::{Arg, ArgAction, ArgMatches, Command, error::ErrorKind};
use optml_contract::{
    exit,
    vars::{self, Variable},
};
use optml_local::network::host::HostWords;

#[cfg(test)]
mod tests;

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// The variables that flags stand for.
    pub(crate) overlay: Vec<(OsString, OsString)>,
    pub(crate) action: Action,
}

/// One variant a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// No word at all: a container trains, a person gets help.
    Bare,
    Train {
        command: Option<Vec<OsString>>,
    },
    Serve {
        /// A program with an HTTP server of its own.
        command: Option<Vec<OsString>>,
        /// The name that we were called by is `serve`.
        called_serve: bool,
    },
    Exec {
        command: Vec<OsString>,
    },
    Env {
        format: EnvFormat,
    },
    LocalTrain(LocalTrain),
    /// One of our own processes: becomes what Open MPI starts on this host.
    SshSession {
        /// Where the environment of the job is.
        environment: PathBuf,
    },
    /// One of our own processes: makes the network of a local run.
    LocalHub,
    /// One of our own processes: becomes a host of a local run.
    LocalHost(HostWords),
}

/// How `optml env` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EnvFormat {
    Table,
    Json,
    Shell,
}

/// The words of `optml local train`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalTrain {
    pub(crate) path: Option<String>,
    pub(crate) channels: Vec<String>,
    pub(crate) settings: Vec<String>,
    pub(crate) command: Vec<OsString>,
}

/// Flags of everything that runs something, and the variables that they stand for.
const RUN_FLAGS: &[(&str, &str, &Variable)] = &[
    ("base-dir", "DIR", &vars::SAGEMAKER_BASE_DIR),
    ("python", "PROGRAM", &vars::OPTML_PYTHON),
    ("wheels", "DIR", &vars::OPTML_WHEELS),
    ("stop-grace", "SECONDS", &vars::OPTML_STOP_GRACE_S),
    ("host-wait", "SECONDS", &vars::OPTML_HOST_WAIT_S),
    ("exit-code", "STYLE", &vars::OPTML_EXIT_CODE),
];

/// Flags of what trains.
const TRAIN_FLAGS: &[(&str, &str, &Variable)] = &[
    ("checkpoint-s3", "URL", &vars::OPTML_CHECKPOINT_URL),
    ("upload-wait", "SECONDS", &vars::OPTML_UPLOAD_WAIT_S),
    ("launcher", "LAUNCHER", &vars::OPTML_LAUNCHER),
    ("processes-per-host", "N", &vars::OPTML_PROCESSES_PER_HOST),
    ("torchrun-options", "WORDS", &vars::OPTML_TORCHRUN_OPTIONS),
    ("silence-limit", "SECONDS", &vars::OPTML_SILENCE_LIMIT_S),
];

/// Flags of `local train`.
const LOCAL_FLAGS: &[(&str, &str, &Variable)] = &[
    ("hosts", "N", &vars::OPTML_LOCAL_HOSTS),
    ("host-network", "WHERE", &vars::OPTML_LOCAL_NETWORK),
];

/// Flags of `serve`.
const SERVE_FLAGS: &[(&str, &str, &Variable)] = &[
    ("model-dir", "DIR", &vars::OPTML_MODEL_DIR),
    ("handler", "FILE", &vars::OPTML_HANDLER),
    ("kind", "KIND", &vars::OPTML_KIND),
    ("exec", "COMMAND", &vars::OPTML_EXEC),
    ("host", "ADDR", &vars::OPTML_HOST),
    ("port", "N", &vars::OPTML_PORT),
    ("metrics-port", "N", &vars::OPTML_METRICS_PORT),
    ("workers", "N", &vars::OPTML_WORKERS),
    ("slots", "N", &vars::OPTML_SLOTS),
    ("queue", "N", &vars::OPTML_QUEUE),
    ("timeout", "SECONDS", &vars::OPTML_TIMEOUT_S),
    ("max-body", "MIB", &vars::OPTML_MAX_BODY_MB),
    ("access-log", "WHICH", &vars::OPTML_ACCESS_LOG),
    ("error-detail", "DETAIL", &vars::OPTML_ERROR_DETAIL),
    ("drain", "SECONDS", &vars::OPTML_DRAIN_S),
    ("python", "PROGRAM", &vars::OPTML_PYTHON),
    ("wheels", "DIR", &vars::OPTML_WHEELS),
    ("base-dir", "DIR", &vars::SAGEMAKER_BASE_DIR),
];

/// Flags of `serve` that take no value: given, they set the variable to `on`.
const SERVE_SWITCHES: &[(&str, &Variable)] = &[("reload", &vars::OPTML_RELOAD)];

/// Flags of every command.
const LOG_FLAGS: &[(&str, &str, &Variable)] = &[
    ("log-format", "FORMAT", &vars::OPTML_LOG_FORMAT),
    ("log-level", "LEVEL", &vars::OPTML_LOG_LEVEL),
    ("log-wrap", "WRAP", &vars::OPTML_LOG_WRAP),
    ("log-stall", "SECONDS", &vars::OPTML_LOG_STALL_S),
];

impl Invocation {
    /// Reads the words, the first of which is the name that we were called by.
    ///
    /// # Errors
    ///
    /// With clap's message; help and version are such errors too, with exit code 0.
    pub(crate) fn parse(words: &[OsString]) -> Result<Self, clap::Error> {
        let called_serve = called_by(words).is_some_and(|name| name == "serve");
        let matches = command().try_get_matches_from(by_name(words.to_vec()))?;
        let Some((name, inner)) = matches.subcommand() else {
            return Ok(Self {
                overlay: overlay(&matches, LOG_FLAGS),
                action: Action::Bare,
            });
        };
        let mut found = overlay(inner, LOG_FLAGS);
        let words = |id: &str| -> Vec<OsString> {
            inner
                .get_many(id)
                .map(|all| all.cloned().collect())
                .unwrap_or_default()
        };
        let action = match name {
            "train" => Action::Train {
                command: Some(words("command")).filter(|words| !words.is_empty()),
            },
            "serve" => return Ok(Self::serving(inner, found, called_serve)),
            "exec" => Action::Exec {
                command: words("command"),
            },
            "env" => Action::Env {
                format: match inner.get_one::<String>("format").map(String::as_str) {
                    Some("json") => EnvFormat::Json,
                    Some("shell") => EnvFormat::Shell,
                    _ => EnvFormat::Table,
                },
            },
            optml_train::ssh::SESSION => Action::SshSession {
                environment: inner.get_one("environment").cloned().unwrap_or_default(),
            },
            "local" => {
                return Self::playing(inner);
            }
            other => unreachable!("clap knows no command `{other}`"),
        };
        found.extend(overlay(inner, RUN_FLAGS));
        found.extend(overlay(inner, TRAIN_FLAGS));
        Ok(Self {
            overlay: found,
            action,
        })
    }

    fn playing(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let (overlay, action) = match matches.subcommand() {
            Some(("train", train)) => {
                let flags = [LOG_FLAGS, RUN_FLAGS, TRAIN_FLAGS, LOCAL_FLAGS];
                let overlay = flags.iter().flat_map(|flags| overlay(train, flags));
                (
                    overlay.collect(),
                    Action::LocalTrain(LocalTrain::read(train)),
                )
            }
            Some(("hub", _)) => (Vec::new(), Action::LocalHub),
            Some(("host", host)) => (Vec::new(), Action::LocalHost(host_words(host))),
            _ => {
                return Err(command().error(
                    ErrorKind::MissingSubcommand,
                    "say what to play: `optml local train`",
                ));
            }
        };
        Ok(Self { overlay, action })
    }

    /// `overlay`: what the flags of every command say.
    fn serving(
        matches: &ArgMatches,
        mut overlay: Vec<(OsString, OsString)>,
        called_serve: bool,
    ) -> Self {
        overlay.extend(self::overlay(matches, SERVE_FLAGS));
        overlay.extend(switches(matches, SERVE_SWITCHES));
        let command = matches
            .get_many("command")
            .map(|words| words.cloned().collect());
        Self {
            overlay,
            action: Action::Serve {
                command,
                called_serve,
            },
        }
    }
}

impl LocalTrain {
    fn read(matches: &ArgMatches) -> Self {
        let texts = |id: &str| -> Vec<String> {
            matches
                .get_many(id)
                .map(|all| all.cloned().collect())
                .unwrap_or_default()
        };
        Self {
            path: matches.get_one("path").cloned(),
            channels: texts("channel"),
            settings: texts("set"),
            command: matches
                .get_many("command")
                .map(|all| all.cloned().collect())
                .unwrap_or_default(),
        }
    }
}

fn host_words(matches: &ArgMatches) -> HostWords {
    let path = |id: &str| matches.get_one::<PathBuf>(id).cloned().unwrap_or_default();
    HostWords {
        number: matches.get_one("number").copied().unwrap_or_default(),
        hosts_file: path("hosts-file"),
        tree: path("tree"),
        command: matches
            .get_many("command")
            .map(|all| all.cloned().collect())
            .unwrap_or_default(),
    }
}

/// The text of `optml --help`.
pub(crate) fn help() -> String {
    command().render_help().to_string()
}

/// Called as `train` or `serve` we are that command. The word itself may follow: an image that has us as its entry
/// point by that name gets it from the platform.
fn by_name(mut words: Vec<OsString>) -> Vec<OsString> {
    let name = called_by(&words).map(OsStr::to_owned);
    if let Some(name) = name.filter(|name| name == "train" || name == "serve") {
        if words.get(1) == Some(&name) {
            words.remove(1);
        }
        words[0] = "optml".into();
        words.insert(1, name);
    }
    words
}

/// The last part of the name that we were called by.
fn called_by(words: &[OsString]) -> Option<&OsStr> {
    let word = words.first()?;
    Some(std::path::Path::new(word).file_name().unwrap_or(word))
}

fn overlay(matches: &ArgMatches, flags: &[(&str, &str, &Variable)]) -> Vec<(OsString, OsString)> {
    flags
        .iter()
        .filter_map(|(flag, _, variable)| {
            let value = matches.try_get_one::<OsString>(flag).ok().flatten()?;
            Some((variable.name.into(), value.clone()))
        })
        .collect()
}

fn switches(matches: &ArgMatches, flags: &[(&str, &Variable)]) -> Vec<(OsString, OsString)> {
    flags
        .iter()
        .filter(|(flag, _)| matches.get_flag(flag))
        .map(|(_, variable)| (variable.name.into(), "on".into()))
        .collect()
}

fn command() -> Command {
    let codes: Vec<String> = exit::TABLE
        .iter()
        .map(|(code, meaning)| format!("  {code:<6} {meaning}"))
        .collect();
    Command::new("optml")
        .version(env!("CARGO_PKG_VERSION"))
        .about("The train and serve of a machine-learning container")
        .after_help(format!(
            "In a container: ENTRYPOINT [\"optml\"]; the platform adds `train` or `serve`.\n\nExit codes:\n{}",
            codes.join("\n")
        ))
        .disable_help_subcommand(true)
        .max_term_width(100)
        .args(flag_arguments(LOG_FLAGS).map(|flag| flag.hide(true)))
        .subcommands([train(), serve(), exec(), env(), local(), ssh_session()])
}

/// What `sshd` runs in place of a shell on a host where Open MPI starts processes.
fn ssh_session() -> Command {
    let environment = Arg::new("environment")
        .required(true)
        .value_parser(clap::value_parser!(PathBuf));
    Command::new(optml_train::ssh::SESSION)
        .hide(true)
        .arg(environment)
}

fn train() -> Command {
    let about = "Run the training job that /opt/ml describes";
    Command::new("train")
        .about(about)
        .long_about(format!(
            "{about}.\n\nThe entry point is named by SAGEMAKER_PROGRAM or the hyperparameter `sagemaker_program`; a command after `--` \
             runs instead of it, with the same environment."
        ))
        .args(flag_arguments(RUN_FLAGS))
        .args(flag_arguments(TRAIN_FLAGS))
        .args(flag_arguments(LOG_FLAGS))
        .arg(command_words("A command to run instead of the entry point"))
}

fn serve() -> Command {
    let about = "Serve the model that is in /opt/ml";
    let switches = SERVE_SWITCHES.iter().map(|(flag, variable)| {
        Arg::new(*flag)
            .long(*flag)
            .action(ArgAction::SetTrue)
            .help(flag_help(variable))
    });
    Command::new("serve")
        .about(about)
        .long_about(format!(
            "{about}.\n\nPython functions answer by themselves; a command after `--` is a program with an HTTP \
             server of its own, as in OPTML_HTTP: `{{port}}` or `{{socket}}` in its words is where it is to listen. Every other setting \
             is a variable: docs/variables.md."
        ))
        .args(flag_arguments(SERVE_FLAGS))
        .args(switches)
        .args(flag_arguments(LOG_FLAGS))
        .arg(command_words("A program with an HTTP server of its own"))
}

fn exec() -> Command {
    Command::new("exec")
        .about("Run any command as its supervisor: signals, orphans, exit code")
        .args(flag_arguments(RUN_FLAGS))
        .args(flag_arguments(LOG_FLAGS))
        .arg(command_words("The command").required(true))
}

fn env() -> Command {
    let about = "Show what the script would see, and where each value came from";
    Command::new("env")
        .about(about)
        .long_about(format!(
            "{about}.\n\nThe table hides values whose name or form says secret. `json` and `shell` hide nothing: their output is \
             made to be used."
        ))
        .arg(
            Arg::new("format")
                .long("format")
                .value_name("FORMAT")
                .value_parser(["table", "json", "shell"])
                .default_value("table")
                .help("table, for people; json, with the keys env_vars, cmd_args, training_env, process_env, cluster; shell, to be sourced"),
        )
        .args(flag_arguments(RUN_FLAGS))
        .args(flag_arguments(LOG_FLAGS))
}

fn local() -> Command {
    let train = Command::new("train")
        .about("Train a project on this machine as the platform would, without Docker, AWS or a network")
        .arg(Arg::new("path").value_name("DIR|FILE").help("The project's folder, or its script [default: this folder]"))
        .arg(repeated("channel", "NAME=PATH", "Data for a channel: a folder or a file"))
        .arg(repeated("set", "KEY=VALUE", "A hyperparameter"))
        .args(flag_arguments(RUN_FLAGS).filter(|flag| flag.get_id() != "base-dir"))
        .args(flag_arguments(LOCAL_FLAGS))
        .args(flag_arguments(TRAIN_FLAGS))
        .args(flag_arguments(LOG_FLAGS))
        .arg(command_words("A command to run instead of a script"));
    // Processes of a run with several hosts: what they do has to be done before there is a second thread.
    let hub = Command::new("hub").hide(true);
    let path = |name| {
        Arg::new(name)
            .long(name)
            .required(true)
            .value_parser(clap::value_parser!(PathBuf))
    };
    let number = Arg::new("number")
        .long("number")
        .required(true)
        .value_parser(clap::value_parser!(u8));
    let host = Command::new("host")
        .hide(true)
        .arg(number)
        .args(["hosts-file", "tree"].map(path))
        .arg(command_words("What the host runs").required(true));
    Command::new("local")
        .about("Play the platform on this machine")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands([train, hub, host])
}

fn repeated(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .value_name(value)
        .action(ArgAction::Append)
        .help(format!("{help}; may be given several times"))
}

fn command_words(help: &'static str) -> Arg {
    Arg::new("command")
        .last(true)
        .num_args(1..)
        .value_name("COMMAND")
        .value_parser(clap::value_parser!(OsString))
        .help(help)
}

fn flag_arguments(flags: &'static [(&str, &str, &Variable)]) -> impl Iterator<Item = Arg> {
    flags.iter().map(|(flag, value, variable)| {
        Arg::new(*flag)
            .long(*flag)
            .value_name(*value)
            .value_parser(clap::value_parser!(OsString))
            .help(flag_help(variable))
    })
}

/// The documentation of the variable, and its name.
fn flag_help(variable: &Variable) -> String {
    let default = if variable.default.is_empty() {
        String::new()
    } else {
        format!(" [default: {}]", variable.default)
    };
    format!(
        "{} [env: {}]{default}",
        variable.doc.replace('`', ""),
        variable.name
    )
}

/// A word that is no command, when it looks like one that somebody wants supervised.
pub(crate) fn hint(error: &clap::Error, words: &[OsString]) -> Option<String> {
    let word = words
        .get(1)
        .map_or(OsStr::new("COMMAND"), OsString::as_os_str)
        .to_string_lossy();
    (error.kind() == ErrorKind::InvalidSubcommand).then(|| {
        format!("to run a command of your own under supervision: `optml exec -- {word} …`")
    })
}
