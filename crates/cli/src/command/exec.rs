//! `optml exec -- COMMAND`: any command, supervised. Where the platform has put a job, the command sees its environment.

use std::ffi::OsString;

use optml_contract::{
    ConfigError, Layout, Source,
    exit::{self, Code},
};
use optml_supervise::{Command, Stdin, command::find_program};
use optml_train::{run::format_of_lines, scratch::Scratch};

use super::{Failed, is_container};
use crate::session::Session;

pub(super) fn run(session: &mut Session, words: &[OsString]) -> Result<u8, Failed> {
    refuse(&session.option_problems)?;
    let (name, arguments) = words
        .split_first()
        .expect("the command line asks for a command");
    let program = find_program(name, session.source.var("PATH")).ok_or_else(|| Failed {
        code: Code::FAILURE,
        message: format!("no program `{}` is on PATH", name.to_string_lossy()),
        hint: Some("check the spelling, or give its path".to_owned()),
    })?;
    let mut command = Command::new(program);
    command.arguments = arguments.to_vec();
    command.stdin = Stdin::Inherit;
    command.environment = session.environment();
    let mut host = String::new();
    // Holds the files that the environment may name, until the command has ended.
    let scratch;
    if is_container(&session.source) {
        let layout =
            Layout::locate(&session.source).map_err(|problem| misconfigured(&[problem]))?;
        let mut job = optml_train::run::load(&session.source, &layout, &session.supervisor)
            .map_err(|problems| misconfigured(&problems))?;
        scratch = Scratch::new(&session.source, &layout);
        scratch.place(&mut job.exported).map_err(|error| Failed {
            code: Code::CONFIGURATION,
            message: error.to_string(),
            hint: None,
        })?;
        host = job.env.current_host().to_string();
        command.environment = job.exported.vars;
    }
    let format = format_of_lines(session.options.log_wrap, &host);
    let (exit, _) = session
        .supervisor
        .run(command, &session.console, &format)
        .map_err(|error| Failed {
            code: session
                .supervisor
                .stopping()
                .map_or(Code::FAILURE, |signal| exit::of_signal(signal.number())),
            message: error.to_string(),
            hint: error.hint(),
        })?;
    Ok(exit.ended.exit_code())
}

pub(super) fn refuse(problems: &[ConfigError]) -> Result<(), Failed> {
    if problems.is_empty() {
        Ok(())
    } else {
        Err(misconfigured(problems))
    }
}

/// Every problem on a line of its own, each with its remedy.
pub(super) fn misconfigured(problems: &[ConfigError]) -> Failed {
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
