//! `optml exec -- COMMAND`: any command, supervised. Where the platform has put a job, the command sees its environment.

use std::ffi::OsString;

use optml::session::{Failed, Session, misconfigured};
use optml_contract::{
    Layout, Source,
    exit::{self, Code},
};
use optml_supervise::{Command, Stdin, command::find_program};
use optml_train::{run::format_of_lines, scratch::Scratch};

use super::is_container;

pub(super) fn run(session: &mut Session, words: &[OsString]) -> Result<u8, Failed> {
    session.refuse_bad_options()?;
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
