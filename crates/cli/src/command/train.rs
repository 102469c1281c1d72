//! `optml train`.

use std::ffi::OsString;

use optml_train::Job;

use crate::session::Session;

pub(super) fn run(session: &mut Session, command: Option<&[OsString]>) -> u8 {
    Job {
        source: &session.source,
        options: &session.options,
        option_problems: std::mem::take(&mut session.option_problems),
        command,
        supervisor: &session.supervisor,
        console: &session.console,
    }
    .run()
}
