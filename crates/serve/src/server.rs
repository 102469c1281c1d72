//! The whole server, from its start to its end.
//!
//! # Theory of operation
//!
//! One thread, the *front*: a runtime that does all HTTP and talks to all workers, a little ahead of other threads so that
//! `/ping` is on time when the workers take all processors. It opens the port first, and answers honestly from then on; then
//! requirements are installed, then the model is loaded. The supervisor's thread owns the processes; a few more threads do what
//! would hold up the front.
//!
//! The end: `/ping` turns 503; for a second connections are still accepted, since whoever sends requests may not know yet; then
//! what was accepted is answered, until the time for that is over; then the workers end, then we do. A second stop signal
//! skips what is left.

use std::{ffi::OsString, fmt, path::PathBuf, sync::Arc};

use optml_contract::serving::ServeOptions;
use optml_supervise::{Console, StopSignal, Supervisor, raise_priority};
use tokio::{runtime, task::LocalSet};
use tracing::debug;

use crate::{front::Front, listener::BindError, native::Handler, plan::PlanError};

/// Everything that a server needs.
pub struct Server {
    /// What it is told.
    pub options: ServeOptions,
    /// The complete environment of workers.
    pub environment: Vec<(OsString, OsString)>,
    /// Files that count the kernel's kills for memory.
    pub memory_events: Vec<PathBuf>,
    /// Owner of all processes, which must leave them alone when a stop signal comes.
    pub supervisor: Arc<Supervisor>,
    /// Where workers print.
    pub console: Console,
    /// What runs the model.
    pub model: Model,
}

/// What runs the model.
pub enum Model {
    /// What the options say: Python, or a program.
    Program {
        /// The interpreter, where one is needed.
        python: Option<PathBuf>,
        /// What comes before the first worker, on a thread of its own: installing requirements.
        prepare: Option<Prepare>,
    },
    /// A model in Rust.
    Native(Box<dyn Handler>),
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Program { .. } => "Program",
            Self::Native(_) => "Native",
        })
    }
}

/// Installs what the code asks for. Gives variables for the workers.
pub type Prepare = Box<dyn FnOnce() -> Result<Vec<(OsString, OsString)>, PrepareError> + Send>;

/// Requirements could not be installed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct PrepareError {
    /// The cause, on one line.
    pub message: String,
    /// What may help.
    pub hint: Option<String>,
}

/// The server could not start, or not go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The port.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Threads or descriptors.
    #[error("start the server: {0}")]
    Runtime(#[source] std::io::Error),
    /// A path or word of the configuration that can't be handed to a worker.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Requirements.
    #[error("install what the code asks for: {0}")]
    Prepare(#[from] PrepareError),
    /// The model.
    #[error("load the model: {message}")]
    Load {
        /// The cause, on one line.
        message: String,
        /// The traceback, where there is one.
        detail: String,
    },
}

impl ServeError {
    /// What may help.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Bind(error) => error.hint(),
            Self::Prepare(error) => error.hint.clone(),
            Self::Plan(error) => error.hint(),
            Self::Runtime(_) | Self::Load { .. } => None,
        }
    }

    /// The traceback, where there is one.
    pub fn detail(&self) -> &str {
        match self {
            Self::Load { detail, .. } => detail,
            Self::Bind(_) | Self::Runtime(_) | Self::Prepare(_) | Self::Plan(_) => "",
        }
    }
}

/// How the server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServeEnd {
    /// Everything that was accepted was answered.
    Drained,
    /// A second stop signal cut it short.
    Cut(StopSignal),
}

impl Server {
    /// Serves until a stop signal comes.
    ///
    /// # Errors
    /// What kept it from serving, or from going on.
    pub fn run(self) -> Result<ServeEnd, ServeError> {
        // Requests of several megabytes, and native models, work on these.
        let n_blocking = self.options.workers.value.at_most().max(2) as usize + 2;
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(n_blocking)
            .thread_name("serve-work")
            .build()
            .map_err(ServeError::Runtime)?;
        if let Err(error) = raise_priority(FRONT_NICENESS) {
            debug!(%error, "the front has no precedence over other threads");
        }
        let tasks = LocalSet::new();
        let served = tasks.block_on(&runtime, Front::serve(self));
        // Threads that still run a model in Rust are not waited for.
        runtime.shutdown_background();
        served
    }
}

/// Ahead of workers, which compute; not ahead of the machine.
const FRONT_NICENESS: i32 = -5;

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
