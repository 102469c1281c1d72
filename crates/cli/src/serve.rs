//! Serving: a model of your own in Rust, behind the same HTTP side as any other.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use optml::serve::{Handler, HandlerError, Invocation, Reply};
//!
//! struct Length;
//!
//! impl Handler for Length {
//!     fn invoke(&self, invocation: &Invocation) -> Result<Reply, HandlerError> {
//!         Ok(Reply::text(format!("{}\n", invocation.body().len())))
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     optml::serve::run(Length)
//! }
//! ```

use std::{env, fmt::Write, path::PathBuf, process::ExitCode, sync::Arc};

use optml_contract::{
    Layout, Source,
    cgroup::Cgroup,
    exit::{self, Code},
    layout::BASE_DIR,
    machine::{Count, Machine},
    options::LogFormat,
    serving::{Circumstances, Inputs, Row, ServeOptions},
    source::Process,
};
pub use optml_serve::{
    BindError, Handler, HandlerError, Invocation, Model, PlanError, Prepare, PrepareError, Reply,
    ServeEnd, ServeError, Server,
};
use tracing::{error, info, warn};

use crate::session::{ChildKind, Failed, Session, misconfigured, with_session};

/// Serves a model that is part of this program until a stop signal comes; for `main` to return.
///
/// Everything that `optml serve` reads from the environment counts here too: the port, limits, timeouts, the log.
/// Call it first thing in `main`: it takes over signals and children of the process.
pub fn run(handler: impl Handler) -> ExitCode {
    optml_supervise::use_static_name_services();
    #[expect(
        clippy::disallowed_methods,
        reason = "the entry of a program whose main is this call"
    )]
    let environment = Process::new(env::vars_os());
    let code = with_session(environment, ChildKind::Worker, |session| {
        session.refuse_bad_options()?;
        let layout =
            Layout::locate(&session.source).map_err(|problem| misconfigured(&[problem]))?;
        let options = ServeOptions::load(&Inputs {
            source: &session.source,
            layout: &layout,
            machine: &machine(&session.source),
            circumstances: circumstances(&session.source, false),
            file: &[],
            command: None,
        })
        .map_err(|problems| misconfigured(&problems))?;
        serve(
            session,
            options,
            Model::Native(Box::new(handler)),
            Vec::new(),
        )
    });
    ExitCode::from(code)
}

/// Runs a server to its end, and says how that was.
///
/// `memory_events`: files that count the kernel's kills for memory, so that a worker that ran out of it can be told from one
/// that was killed.
///
/// # Errors
/// What kept it from serving.
pub fn serve(
    session: &Session,
    options: ServeOptions,
    model: Model,
    memory_events: Vec<PathBuf>,
) -> Result<u8, Failed> {
    print_table(session, &options);
    for note in &options.notes {
        warn!("{note}");
    }
    let server = Server {
        environment: session.environment(),
        memory_events,
        supervisor: Arc::clone(&session.supervisor),
        console: session.console.clone(),
        options,
        model,
    };
    match server.run() {
        Ok(ServeEnd::Drained) => Ok(Code::SUCCESS),
        Ok(ServeEnd::Cut(signal)) => Ok(exit::of_signal(signal.number())),
        Err(error) => Err(failed(&error)),
    }
}

/// What tells a container from a person at a terminal.
pub fn circumstances(source: &dyn Source, called_serve: bool) -> Circumstances {
    Circumstances {
        is_pid_1: rustix::process::getpid().is_init(),
        called_serve,
        has_opt_ml: source.exists(BASE_DIR.into()),
    }
}

/// Processors alone: a model in Rust knows by itself what else it uses.
fn machine(source: &dyn Source) -> Machine {
    let allowed = rustix::thread::sched_getaffinity(None)
        .ok()
        .map(|set| set.count());
    let quota = Cgroup::find(source).cpu_quota(source);
    Machine {
        cpus: Count::cpus(allowed.unwrap_or(1), allowed, quota.as_ref()),
        gpus: Count::new(0, "not asked for"),
        neurons: Count::new(0, "not asked for"),
    }
}

/// The effective configuration: name, value, where it came from.
fn print_table(session: &Session, options: &ServeOptions) {
    let rows = options.table();
    if session.options.log_format == LogFormat::Json {
        for row in &rows {
            info!(
                name = row.name,
                value = row.value,
                origin = row.origin,
                "setting"
            );
        }
        return;
    }
    let width = |text: fn(&Row) -> &str| {
        rows.iter()
            .map(|row| text(row).chars().count())
            .max()
            .unwrap_or(0)
    };
    let (names, values) = (width(|row| row.name), width(|row| &row.value).min(WIDEST));
    let mut table = String::new();
    for row in &rows {
        writeln!(
            table,
            "  {:names$}  {:values$}  {}",
            row.name, row.value, row.origin
        )
        .expect("a String takes all that is written to it");
    }
    session.console.log(table.as_bytes());
}

/// A longer value pushes its origin aside, and not those of all others.
const WIDEST: usize = 48;

/// One exhaustive match from the error to the exit code. The cause is the last block of the log.
fn failed(error: &ServeError) -> Failed {
    let code = match error {
        ServeError::Bind(_) => Code::BIND,
        ServeError::Plan(_) => Code::CONFIGURATION,
        ServeError::Prepare(_) => Code::INSTALL,
        ServeError::Load { .. } => Code::FAILURE,
        ServeError::Runtime(_) => Code::INTERNAL,
    };
    if !error.detail().is_empty() {
        error!("the model can't be loaded\n{}", error.detail().trim_end());
    }
    Failed {
        code,
        message: error.to_string(),
        hint: error.hint(),
    }
}
