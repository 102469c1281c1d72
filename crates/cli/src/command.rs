//! The commands, and what they have in common: errors become a message and an exit code here, and nowhere else.

mod env;
mod exec;
mod local;
mod serve;
mod train;

use std::{ffi::OsString, io::Write};

use optml::session::{ChildKind, with_session};
use optml_contract::{
    Layout, Source,
    exit::Code,
    source::Process,
    vars::{self, Variable},
};

use crate::arguments::{self, Action, Invocation};

/// Reads the words, does what they say, and returns the exit code.
pub(crate) fn run(words: &[OsString], environment: Process) -> u8 {
    let invocation = match Invocation::parse(words) {
        Ok(invocation) => invocation,
        Err(error) => return usage(&error, words),
    };
    let environment = absolute(environment.with(invocation.overlay), &[BASE_DIR]);
    let environment = match invocation.action {
        Action::Serve { .. } => absolute(environment, SERVE_PATHS),
        _ => environment,
    };
    match invocation.action {
        Action::Bare if is_container(&environment) => training(environment, None),
        Action::Bare => {
            // Nobody reads it: nothing to be done.
            let _ = std::io::stdout().write_all(arguments::help().as_bytes());
            Code::SUCCESS
        }
        Action::Train { command } => training(environment, command.as_deref()),
        Action::Serve {
            command,
            called_serve,
        } => with_session(environment, ChildKind::Worker, |session| {
            let words = serve::Words {
                command,
                called_serve,
            };
            serve::run(session, &words)
        }),
        Action::Exec { command } => with_session(environment, ChildKind::Program, |session| {
            exec::run(session, &command)
        }),
        Action::Env { format } => with_session(environment, ChildKind::Program, |session| {
            env::run(session, format)
        }),
        Action::LocalTrain(words) => with_session(environment, ChildKind::Ourselves, |session| {
            local::run(session, &words)
        }),
        Action::SshSession { environment: file } => {
            let asked = environment.var("SSH_ORIGINAL_COMMAND").unwrap_or_default();
            let reason = optml_train::ssh::session(&file, asked);
            say(&format!("error: {reason}\n"));
            Code::INTERNAL
        }
        Action::LocalHub => local::hub(&environment),
        Action::LocalHost(words) => local::host(&environment, &words),
    }
}

fn training(environment: Process, command: Option<&[OsString]>) -> u8 {
    let (environment, problem) = train::with_project_file(environment);
    with_session(environment, ChildKind::Program, |session| {
        session.option_problems.extend(problem);
        Ok(train::run(session, command))
    })
}

/// Relative paths count from where we are, and the script or the worker will be somewhere else.
fn absolute(environment: Process, variables: &[Variable]) -> Process {
    let found: Vec<(OsString, OsString)> = variables
        .iter()
        .filter_map(|variable| {
            let path = environment.var(variable.name)?;
            let path = std::path::absolute(path).ok()?;
            Some((variable.name.into(), path.into()))
        })
        .collect();
    environment.with(found)
}

const BASE_DIR: Variable = vars::SAGEMAKER_BASE_DIR;

/// The paths that `serve` is told.
const SERVE_PATHS: &[Variable] = &[
    vars::OPTML_MODEL_DIR,
    vars::OPTML_HANDLER,
    vars::OPTML_HTTP_SOCKET,
];

/// The platform has put a job here. (The newest local mode of its SDK gives no word at all.)
fn is_container(environment: &Process) -> bool {
    Layout::locate(environment).is_ok_and(|layout| environment.exists(&layout.resources_file()))
}

fn usage(error: &clap::Error, words: &[OsString]) -> u8 {
    // Help goes to standard output, errors to standard error; a closed one is no reason to fail.
    let _ = error.print();
    if let Some(hint) = arguments::hint(error, words) {
        say(&format!("hint: {hint}\n"));
    }
    if error.use_stderr() {
        Code::USAGE
    } else {
        Code::SUCCESS
    }
}

fn say(text: &str) {
    // A closed standard error must not end us.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
