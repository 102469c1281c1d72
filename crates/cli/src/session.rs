//! What every command needs of this process: its environment, options, console and supervisor; and how a command that
//! failed becomes a message and an exit code.

use std::{ffi::OsString, fmt::Display, io::Write, sync::Arc, time::Duration};

use anyhow::Context;
use optml_contract::{
    ConfigError, Source,
    exit::Code,
    options::{LogFormat, Options},
    source::Process,
};
use optml_supervise::{Console, Grace, Second, StopPolicy, Supervisor};
use tracing::{error, warn};

use crate::log;

/// How long what a script leaves behind may take to end before it is killed.
const LEFTOVERS: Duration = Duration::from_secs(2);
/// How long the last of our output may take, when nothing reads it.
const LAST_OUTPUT: Duration = Duration::from_secs(5);

/// Longer than any grace that can be set: a supervisor below ends by itself.
const NEVER: Duration = Duration::from_hours(48);

/// What a session is going to supervise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildKind {
    /// A script, an installer, any command.
    Program,
    /// `optml train`, which has a grace of its own, and a report to write after it.
    Ourselves,
    /// A worker of a server, which ends when its requests are answered, and not when a stop signal comes.
    Worker,
}

/// The process, set up.
#[derive(Debug)]
pub struct Session {
    /// Its environment.
    pub source: Process,
    /// Our own settings; those that could not be read have their defaults.
    pub options: Options,
    /// What could not be read.
    pub option_problems: Vec<ConfigError>,
    /// Its output.
    pub console: Console,
    /// The owner of its children.
    pub supervisor: Arc<Supervisor>,
}

/// A command that failed before or beside a job: its exit code, message and remedy.
#[derive(Debug)]
pub struct Failed {
    /// One of [`Code`], or that of a signal.
    pub code: u8,
    /// The cause.
    pub message: String,
    /// The remedy.
    pub hint: Option<String>,
}

/// Sets the process up, does something, and gives the exit code. An error is said.
pub fn with_session(
    environment: Process,
    child: ChildKind,
    run: impl FnOnce(&mut Session) -> Result<u8, Failed>,
) -> u8 {
    let mut session = match Session::start(environment, child) {
        Ok(session) => session,
        Err(error) => return fail(Code::INTERNAL, &format!("{error:#}"), None),
    };
    let code = run(&mut session).unwrap_or_else(|failed| {
        session.say(&failed);
        failed.code
    });
    session.end(code)
}

impl Session {
    /// Signal handlers first: from here on nothing can end us by surprise.
    ///
    /// `child`: what is going to be supervised.
    fn start(source: Process, child: ChildKind) -> anyhow::Result<Self> {
        let (options, option_problems) = Options::read(&source);
        let grace = match child {
            ChildKind::Program => Grace {
                stop: options.stop_grace,
                leftovers: LEFTOVERS,
                second: Second::Kill,
            },
            ChildKind::Ourselves => Grace {
                stop: NEVER,
                leftovers: LEFTOVERS,
                second: Second::PassOn,
            },
            ChildKind::Worker => Grace {
                stop: LEFTOVERS,
                leftovers: LEFTOVERS,
                second: Second::Kill,
            },
        };
        let policy = match child {
            ChildKind::Program | ChildKind::Ourselves => StopPolicy::PassOn,
            ChildKind::Worker => StopPolicy::Tell,
        };
        let supervisor =
            Supervisor::start(grace, policy).context("take over signals and children")?;
        let (stdout, stderr) = Console::own_streams().context("copy our output descriptors")?;
        let console =
            Console::start(stdout, stderr, options.log_stall).context("start writing output")?;
        log::start(console.clone(), options.log_format, options.log_level);
        Ok(Self {
            source,
            options,
            option_problems,
            console,
            supervisor: Arc::new(supervisor),
        })
    }

    /// Refuses to go on with settings of ours that can't be read.
    ///
    /// # Errors
    /// Every one of them.
    pub fn refuse_bad_options(&self) -> Result<(), Failed> {
        if self.option_problems.is_empty() {
            Ok(())
        } else {
            Err(misconfigured(&self.option_problems))
        }
    }

    /// For people, unless the log is for machines.
    fn say(&self, failed: &Failed) {
        match self.options.log_format {
            LogFormat::Text => self
                .console
                .log(message(&failed.message, failed.hint.as_deref()).as_bytes()),
            LogFormat::Json => error!(hint = failed.hint, "{}", failed.message),
        }
    }

    /// The complete environment, to be handed on.
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        self.source
            .vars()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Writes what is left, and gives back the exit code.
    fn end(self, code: u8) -> u8 {
        let n_bytes = self.console.flush(LAST_OUTPUT);
        if n_bytes > 0 {
            warn!(n_bytes, "output was lost: nothing took it");
            // If this line is lost too there is nobody left to tell.
            let _ = self.console.flush(LAST_OUTPUT);
        }
        code
    }
}

/// Every problem on a line of its own, each with its remedy.
pub fn misconfigured(problems: &[ConfigError]) -> Failed {
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| match problem.hint() {
            Some(hint) if problems.len() > 1 => format!("{problem} ({hint})"),
            _ => problem.to_string(),
        })
        .collect();
    Failed {
        code: Code::CONFIGURATION,
        message: lines.join("\nerror: "),
        hint: if problems.len() == 1 {
            problems[0].hint()
        } else {
            None
        },
    }
}

/// Before there is a session.
fn fail(code: u8, error: &dyn Display, hint: Option<&str>) -> u8 {
    say_early(&message(&error.to_string(), hint));
    code
}

fn message(error: &str, hint: Option<&str>) -> String {
    let hint = hint
        .map(|hint| format!("hint: {hint}\n"))
        .unwrap_or_default();
    format!("error: {error}\n{hint}")
}

fn say_early(text: &str) {
    // A closed standard error must not end us.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
