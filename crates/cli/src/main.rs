//! The binary: `optml`, and `train` or `serve` by the name that it is called by.

mod arguments;
mod command;

use std::{env, process::ExitCode};

use optml_contract::source::Process;

fn main() -> ExitCode {
    // Before anything looks a name up, and before there is a second thread.
    optml_supervise::use_static_name_services();
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the process environment"
    )]
    let environment = Process::new(env::vars_os());
    ExitCode::from(command::run(
        &env::args_os().collect::<Vec<_>>(),
        environment,
    ))
}
