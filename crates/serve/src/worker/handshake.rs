//! From a fresh process to a loaded model: `HELLO`, `LOAD`, `LOADING`, `LOADED`.

use std::{fmt, future::poll_fn, task::Poll, time::Duration};

use optml_supervise::{ChildEvent, Ended, SpawnError};
use optml_wire::{
    ControlToFront, Decoder, Fault,
    control::{Capabilities, Functions, Loaded, Phase, Recovery},
    limits::VERSION,
};
use tokio::time::{Instant, timeout_at};
use tracing::{debug, info};

use crate::{
    call::Failure,
    health::{self, Health},
    worker::{
        exchange::{Sockets, poll_fill},
        outbound::{Outbound, Way},
        process::Process,
    },
};

/// Why a worker is not loaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("start the worker: {0}")]
    Spawn(#[source] SpawnError),
    #[error("prepare the worker: {0}")]
    Prepare(#[source] std::io::Error),
    #[error("the worker said nothing within {} s of its start", .limit.as_secs())]
    NoHello { limit: Duration },
    #[error("the worker ended ({ended}) {}", .phase.map_or("before it said anything", during))]
    Died { ended: Ended, phase: Option<Phase> },
    #[error("loading took longer than {} s", .limit.as_secs())]
    Timeout { limit: Duration },
    #[error(
        "the worker speaks versions {min} to {max} of the protocol, and version {VERSION} is needed"
    )]
    Version { min: u16, max: u16 },
    #[error("the worker broke the protocol: {0}")]
    Broken(#[source] Fault),
    #[error("{}: {}", during(*.phase), said(.failure))]
    Failed {
        phase: Phase,
        recovery: Recovery,
        failure: Failure,
    },
    #[error("the server is about to end")]
    Stopping,
}

/// A worker that takes calls, as it described itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) concurrency: u32,
    pub(crate) capabilities: Capabilities,
    pub(crate) functions: Functions,
}

/// What a handshake needs of a worker.
pub(crate) struct Handshake<'a> {
    pub(crate) number: u16,
    pub(crate) sockets: &'a mut Sockets,
    pub(crate) control_in: &'a mut Decoder,
    pub(crate) outbound: &'a Outbound,
    pub(crate) process: &'a mut Process,
    pub(crate) health: &'a Health,
    pub(crate) load_limit: Duration,
}

impl Handshake<'_> {
    /// Waits for `HELLO`, sends what `load` adds, and waits until the model is loaded.
    pub(crate) async fn perform(
        mut self,
        load: impl FnOnce(&Outbound) -> Result<(), Fault>,
    ) -> Result<Profile, LoadError> {
        let started = Instant::now();
        self.hello(started).await?;
        load(self.outbound).map_err(LoadError::Broken)?;
        let mut phase = None;
        let deadline = started + self.load_limit;
        let mut progress = started + FIRST_PROGRESS;
        loop {
            let step = timeout_at(progress.min(deadline), self.next(phase)).await;
            match step {
                Ok(Ok(Step::Phase(next))) => {
                    phase = Some(next);
                    self.health.set_phase(as_health(next), "");
                    debug!(worker = self.number, "{}", during(next));
                }
                Ok(Ok(Step::Loaded(loaded))) => {
                    return Ok(Profile {
                        concurrency: loaded.concurrency,
                        capabilities: loaded.capabilities,
                        functions: loaded.functions,
                    });
                }
                Ok(Ok(Step::Hello)) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) if Instant::now() >= deadline => {
                    return Err(LoadError::Timeout {
                        limit: self.load_limit,
                    });
                }
                Err(_) => {
                    let for_s = started.elapsed().as_secs();
                    let doing = phase.map_or("waiting for the worker", waiting_for);
                    info!(worker = self.number, for_s, "still {doing}");
                    progress =
                        Instant::now() + started.elapsed().clamp(FIRST_PROGRESS, MAX_PROGRESS);
                }
            }
        }
    }

    async fn hello(&mut self, started: Instant) -> Result<(), LoadError> {
        let limit = HELLO_LIMIT.min(self.load_limit);
        match timeout_at(started + limit, self.next(None)).await {
            Ok(Ok(Step::Hello)) => Ok(()),
            Ok(Ok(Step::Phase(_) | Step::Loaded(_))) | Err(_) => Err(LoadError::NoHello { limit }),
            Ok(Err(error)) => Err(error),
        }
    }

    /// The next thing that the worker says, or its end.
    async fn next(&mut self, phase: Option<Phase>) -> Result<Step, LoadError> {
        loop {
            if let Some(step) = self.take()? {
                return Ok(step);
            }
            let Self {
                sockets,
                control_in,
                outbound,
                process,
                ..
            } = self;
            let heard = poll_fn(|cx| {
                if outbound
                    .poll_flush(Way::Control, &mut sockets.control, cx)
                    .is_err()
                {
                    return Poll::Ready(false);
                }
                match poll_fill(&mut sockets.control, control_in, cx) {
                    Ok(true) => Poll::Ready(true),
                    Ok(false) => Poll::Pending,
                    Err(_) => Poll::Ready(false),
                }
            });
            tokio::select! {
                biased;
                is_open = heard => if !is_open {
                    return Err(ended(process, phase).await);
                },
                event = process.event() => match event {
                    Some(ChildEvent::Failed(error)) => return Err(LoadError::Spawn(error)),
                    Some(ChildEvent::Died { ended, .. }) => return Err(LoadError::Died { ended, phase }),
                    Some(ChildEvent::Started { .. }) => {}
                    Some(ChildEvent::Gone(_)) | None => return Err(LoadError::Stopping),
                },
            }
        }
    }

    fn take(&mut self) -> Result<Option<Step>, LoadError> {
        let Some(message) = self
            .control_in
            .next::<ControlToFront<'_>>()
            .map_err(LoadError::Broken)?
        else {
            return Ok(None);
        };
        Ok(match message {
            ControlToFront::Hello(hello) => {
                let (min, max) = (hello.min_version, hello.max_version);
                if !(min..=max).contains(&VERSION.into()) {
                    return Err(LoadError::Version { min, max });
                }
                debug!(
                    worker = self.number,
                    runtime = hello.runtime,
                    version = hello.runtime_version,
                    "worker started"
                );
                Some(Step::Hello)
            }
            ControlToFront::Loading(phase) => Some(Step::Phase(phase)),
            ControlToFront::Loaded(loaded) => Some(Step::Loaded(loaded)),
            ControlToFront::LoadFail {
                phase,
                recovery,
                failure,
            } => {
                return Err(LoadError::Failed {
                    phase,
                    recovery,
                    failure: Failure::from_wire(&failure),
                });
            }
            ControlToFront::Pong(_)
            | ControlToFront::Credit { .. }
            | ControlToFront::Stats(_)
            | ControlToFront::Bye => None,
        })
    }
}

enum Step {
    Hello,
    Phase(Phase),
    Loaded(Loaded),
}

/// An exception by its name; what the worker itself has to say without one.
fn said(failure: &Failure) -> String {
    if failure.kind == OWN_KIND {
        failure.message.clone()
    } else {
        failure.to_string()
    }
}

/// The type of failures that no user code raised.
const OWN_KIND: &str = "LoadError";

/// The sockets are closed: the process has ended, and its end is about to be known.
async fn ended(process: &mut Process, phase: Option<Phase>) -> LoadError {
    while let Some(event) = process.event().await {
        match event {
            ChildEvent::Died { ended, .. } => return LoadError::Died { ended, phase },
            ChildEvent::Failed(error) => return LoadError::Spawn(error),
            ChildEvent::Started { .. } | ChildEvent::Gone(_) => {}
        }
    }
    LoadError::Stopping
}

const fn as_health(phase: Phase) -> health::Phase {
    match phase {
        Phase::Import | Phase::Model => health::Phase::Loading,
        Phase::WarmUp => health::Phase::Warming,
    }
}

const fn during(phase: Phase) -> &'static str {
    match phase {
        Phase::Import => "while user code was imported",
        Phase::Model => "while the model was loaded",
        Phase::WarmUp => "during warm-up",
    }
}

const fn waiting_for(phase: Phase) -> &'static str {
    match phase {
        Phase::Import => "importing user code",
        Phase::Model => "loading the model",
        Phase::WarmUp => "warming up",
    }
}

impl fmt::Debug for Handshake<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// An interpreter on a slow, cold disk takes seconds.
const HELLO_LIMIT: Duration = Duration::from_secs(20);
/// A wait of more than two seconds is said.
const FIRST_PROGRESS: Duration = Duration::from_secs(2);
const MAX_PROGRESS: Duration = Duration::from_mins(1);
