//! Who owns every child of this process: the way to ask its thread, and to be told.

use std::{
    fmt,
    io::{self, Write},
    os::unix::net::UnixStream,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Sender},
    },
    thread,
    time::Duration,
};

use rustix::process::Signal;
use tracing::warn;

use crate::{
    command::Command,
    console::Console,
    ended::Exit,
    exec_error::{SpawnError, SpawnErrorKind},
    pump::{Format, Output, Pump},
    signals::{Signals, StopSignal},
    stop::{Grace, StopPolicy, Wish},
    sys,
};

mod child;
mod ending;
mod reaper;
mod starting;
#[cfg(test)]
pub(crate) mod tests;

use self::{child::ChildId, reaper::Reaper};
pub use self::{
    child::{Child, ChildEvent, ChildRef, ProcessSignal},
    starting::replace_process,
};

/// The supervisor could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// The signal handlers.
    #[error("install the signal handlers")]
    Signals(#[source] io::Error),
    /// The thread.
    #[error("start the supervisor's thread")]
    Thread(#[source] io::Error),
}

/// Owns every child of this process. Make one, first thing, before any child and any other thread exists.
///
/// Listeners are called on the supervisor's thread. They must neither block nor panic: nothing is supervised while one
/// runs. They may call everything here that does not wait ([`Supervisor::watch`], the methods of a [`ChildRef`]).
#[derive(Debug)]
pub struct Supervisor {
    requests: Arc<Requests>,
    stops: Arc<Mutex<Stops>>,
    n_watched: AtomicU64,
}

impl Supervisor {
    /// Installs the signal handlers, becomes the reaper of all descendants, and starts the thread.
    ///
    /// `grace` is for children that are stopped without a grace of their own; `policy` says whether a stop signal to
    /// this process stops them.
    ///
    /// # Errors
    ///
    /// When the kernel refuses a handler or a thread.
    pub fn start(grace: Grace, policy: StopPolicy) -> Result<Self, SupervisorError> {
        sys::unblock_all_signals().map_err(SupervisorError::Signals)?;
        let (signals, waker) = Signals::install().map_err(SupervisorError::Signals)?;
        // As PID 1 orphans come to us anyway; elsewhere they would go to the machine's init and be lost.
        if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
            warn!(%error, "orphans can't be adopted: only process groups will be ended");
        }
        let (sender, inbox) = mpsc::channel();
        let stops = Arc::new(Mutex::new(Stops::default()));
        let reaper = Reaper::new(grace, policy, signals, inbox, Arc::clone(&stops));
        thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn(move || reaper.run())
            .map_err(SupervisorError::Thread)?;
        Ok(Self {
            requests: Arc::new(Requests { sender, waker }),
            stops,
            n_watched: AtomicU64::new(0),
        })
    }

    /// Starts a child in a process group of its own, and waits until it runs. Not to be called by a listener.
    ///
    /// # Errors
    ///
    /// With the reason; [`SpawnErrorKind::Stopping`] once a stop signal has come that is passed on.
    pub fn spawn(&self, command: Command) -> Result<Child, SpawnError> {
        let (sender, events) = mpsc::channel();
        let child = self.watch(command, move |event| {
            // Whoever asked is gone: then its child is stopped with the rest, and its end is in the log.
            let _ = sender.send(event);
        });
        Child::started(child, events)
    }

    /// Starts a child in a process group of its own, without waiting: all that becomes of it is told to `listener`.
    ///
    /// It hears either [`ChildEvent::Failed`], or the other three once each, in their order; then it is dropped.
    pub fn watch(
        &self,
        command: Command,
        listener: impl FnMut(ChildEvent) + Send + 'static,
    ) -> ChildRef {
        let id = ChildId(self.n_watched.fetch_add(1, Ordering::Relaxed));
        self.requests.send(Request::Watch {
            id,
            command: Box::new(command),
            listener: Box::new(listener),
        });
        ChildRef::new(id, Arc::clone(&self.requests))
    }

    /// Starts `command` (whose `output` is replaced), passes its output on to `console`, and waits for its end.
    ///
    /// # Errors
    ///
    /// When it can't be started.
    pub fn run(
        &self,
        mut command: Command,
        console: &Console,
        format: &Format,
    ) -> Result<(Exit, Output), SpawnError> {
        // How long to wait for the end of a stream when all processes that we know of are gone.
        const PATIENCE: Duration = Duration::from_secs(2);
        let program = command.program.clone();
        let (pump, ends) = Pump::start(console, format).map_err(|error| SpawnError {
            program,
            kind: SpawnErrorKind::Os(error),
        })?;
        command.output = Some(ends);
        let exit = self.spawn(command)?.wait();
        Ok((exit, pump.finish(PATIENCE)))
    }

    /// Stops a child as a stop signal would: asks its group, then kills it when the grace is over.
    pub fn stop(&self, child: &Child) {
        child.as_ref().request(Wish::AsSignal(StopSignal::Term));
    }

    /// Stops every child as [`ChildRef::stop`] does, and spawns nothing any more
    /// ([`SpawnErrorKind::StoppingAll`]). Called again with a shorter grace it shortens what is left of the first.
    ///
    /// Before this process ends somebody has to wait until they are gone, see [`Supervisor::on_none_left`].
    pub fn stop_all(&self, grace: Duration) {
        self.requests.send(Request::StopAll(grace));
    }

    /// What can do [`Supervisor::stop_all`] from another thread.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.requests))
    }

    /// Calls `listener` as soon as there is no child any more, nor anything that one left behind.
    ///
    /// It is of use after [`Supervisor::stop_all`]; before that the next child may start at once.
    pub fn on_none_left(&self, listener: impl FnOnce() + Send + 'static) {
        self.requests.send(Request::OnNoneLeft(Box::new(listener)));
    }

    /// The first stop signal that this process has been sent, if any.
    pub fn stopping(&self) -> Option<StopSignal> {
        lock(&self.stops).first
    }

    /// Calls `listener` when the first stop signal comes; at once, and on this thread, when it has come.
    pub fn on_stop(&self, listener: impl FnOnce(StopSignal) + Send + 'static) {
        let mut stops = lock(&self.stops);
        match stops.first {
            Some(signal) => {
                drop(stops);
                listener(signal);
            }
            None => stops.listeners.push(Box::new(listener)),
        }
    }

    /// Calls `listener` for every stop signal, the first and later ones. Those that came before count as one, which it
    /// hears at once. Signals of one kind that come together count as one, as in the kernel.
    pub fn on_each_stop(&self, listener: impl FnMut(StopSignal) + Send + 'static) {
        self.requests.send(Request::OnEachStop(Box::new(listener)));
    }
}

/// Stops every child of a supervisor.
#[derive(Debug, Clone)]
pub struct Stopper(Arc<Requests>);

impl Stopper {
    /// As [`Supervisor::stop_all`].
    pub fn stop_all(&self, grace: Duration) {
        self.0.send(Request::StopAll(grace));
    }
}

/// The first stop signal that came, and who wants to hear of it.
#[derive(Default)]
struct Stops {
    first: Option<StopSignal>,
    listeners: Vec<Box<dyn FnOnce(StopSignal) + Send>>,
}

impl fmt::Debug for Stops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stops")
            .field("first", &self.first)
            .field("n_listeners", &self.listeners.len())
            .finish()
    }
}

fn lock(stops: &Mutex<Stops>) -> MutexGuard<'_, Stops> {
    // Nothing that holds this lock can panic half-way.
    stops.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the thread is asked to do.
enum Request {
    Watch {
        id: ChildId,
        command: Box<Command>,
        listener: Box<dyn FnMut(ChildEvent) + Send>,
    },
    Signal(ChildId, Signal),
    Stop(ChildId, Wish),
    StopAll(Duration),
    OnEachStop(Box<dyn FnMut(StopSignal) + Send>),
    OnNoneLeft(Box<dyn FnOnce() + Send>),
}

/// The way to the thread.
#[derive(Debug)]
struct Requests {
    sender: Sender<Request>,
    waker: UnixStream,
}

impl Requests {
    /// Never waits.
    fn send(&self, request: Request) {
        self.sender
            .send(request)
            .expect("the supervisor's thread lives as long as the process");
        // A full pipe is as good: the thread is about to look anyway.
        let _ = (&self.waker).write(&[0]);
    }
}
