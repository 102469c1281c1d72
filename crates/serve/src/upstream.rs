//! Another server as the model: a program that listens by itself, and gets each request as it came.
//!
//! # Theory of operation
//!
//! One task lives as long as the server ([`Upstream::keep`]). It starts the program, asks its health path until that says 200,
//! and opens a seat; from then on calls come to a [`desk`], which has each of them forwarded ([`forward`]) over a connection
//! of its own ([`link`]). The program is asked for its health from time to time ([`pulse`]): while it is sick its seat is
//! closed, and calls wait. When the process ends, its calls are refused, and another one is started, as [`restarts`] says.
//!
//! Who owns what: a [`Target`] is all that calls know of one process. The process belongs to the supervisor; connections
//! belong to the task of their call, and are closed when it is aborted, whether the client left or its time was over.
//!
//! [`restarts`]: crate::worker::restarts

mod desk;
mod forward;
mod head;
mod link;
mod place;
mod plan;
mod pulse;
mod target;
mod wire;

use std::{
    cell::{Cell, RefCell},
    ffi::OsString,
    io,
    num::NonZeroUsize,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use optml_contract::serving::{HttpProgram, ServeOptions};
use optml_supervise::{ChildEvent, Console, Ended, SpawnError, SpawnErrorKind, Supervisor};
use tokio::{
    task::spawn_local,
    time::{self, sleep, timeout, timeout_at},
};
use tracing::{info, warn};

pub(crate) use self::plan::Plan;
use self::{
    desk::Desk,
    place::PlaceError,
    plan::Limits,
    pulse::{Condition, Pulse, Sign},
    target::Target,
};
use crate::{
    health::{Health, Phase},
    plan::PlanError,
    pool::Pool,
    server::ServeError,
    worker::{
        process::Process,
        restarts::{Next, Restarts},
    },
};

#[cfg(test)]
mod tests;

/// The program, and the calls that go to it.
#[derive(Debug)]
pub(crate) struct Upstream {
    plan: Plan,
    pool: Rc<Pool>,
    health: Rc<Health>,
    supervisor: Arc<Supervisor>,
    console: Console,
    restarts: Rc<RefCell<Restarts>>,
    started: Instant,
    was_ready: Cell<bool>,
}

/// What the options say. Where a port or a socket is left to us, one is chosen at each start.
///
/// # Errors
/// When there is no such program.
pub(crate) fn plan(
    program: &HttpProgram,
    options: &ServeOptions,
    environment: Vec<(OsString, OsString)>,
) -> Result<Plan, PlanError> {
    let slots = options
        .slots
        .value
        .and_then(|n| NonZeroUsize::new(n as usize));
    let limits = Limits {
        load: options.timeouts.load.value,
        kill_grace: options.timeouts.kill_grace.value,
        ping_period: options.ping.period.value,
        concurrency: slots.unwrap_or(DEFAULT_CONCURRENCY),
    };
    Plan::try_new(program, environment, limits)
}

/// Why the program does not take calls.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Place(#[from] PlaceError),
    #[error("prepare the program: {0}")]
    Prepare(#[source] io::Error),
    #[error("start the program: {0}")]
    Spawn(#[source] SpawnError),
    #[error("the program ended ({ended}) before it was ready")]
    Died { ended: Ended },
    #[error(
        "the program was not ready within {} s: GET {path} at {place}, {}",
        .limit.as_secs(),
        .last.as_ref().map_or_else(|| "which was never asked".to_owned(), ToString::to_string)
    )]
    Timeout {
        limit: Duration,
        path: String,
        place: String,
        last: Option<Sign>,
    },
    #[error("the server is about to end")]
    Stopping,
}

impl Upstream {
    pub(crate) fn new(
        plan: Plan,
        pool: Rc<Pool>,
        health: Rc<Health>,
        supervisor: Arc<Supervisor>,
        console: Console,
    ) -> Rc<Self> {
        Rc::new(Self {
            plan,
            pool,
            health,
            supervisor,
            console,
            restarts: Rc::default(),
            started: Instant::now(),
            was_ready: Cell::new(false),
        })
    }

    /// Starts it, and again when it ends. Returns when it can't be kept.
    ///
    /// # Cancel safety
    /// The program goes on when nobody waits here any more: calls that were accepted are still answered.
    pub(crate) async fn keep(self: &Rc<Self>) -> ServeError {
        let task = spawn_local(Rc::clone(self).restart_forever());
        task.await.unwrap_or_else(|_| ServeError::Load {
            message: "the program is no longer watched".to_owned(),
            detail: String::new(),
        })
    }

    async fn restart_forever(self: Rc<Self>) -> ServeError {
        self.health
            .set_phase(Phase::Loading, "the program is being started");
        loop {
            let how = match Box::pin(self.run()).await {
                Ok(how) => format!("the program ended: {how}"),
                Err(StartError::Stopping) => return std::future::pending().await,
                Err(error @ StartError::Died { .. }) => error.to_string(),
                Err(StartError::Place(PlaceError::Port(error))) => {
                    return ServeError::Plan(PlanError::NoPort(error));
                }
                Err(error) => return load_error(error.to_string()),
            };
            if self.is_over() {
                return std::future::pending().await;
            }
            let next = self.restarts.borrow_mut().crashed(Instant::now());
            match next {
                Next::Restart(delay) => {
                    let delay_s = delay.as_secs_f64();
                    warn!(delay_s, "{how}: starting it again");
                    sleep(delay).await;
                }
                Next::GiveUp => {
                    return load_error(format!(
                        "the program ends again and again, the last time so: {how}"
                    ));
                }
            }
        }
    }

    /// Runs one process from its start to its end; says how it ended.
    async fn run(&self) -> Result<String, StartError> {
        let (command, place) = self.plan.launch()?;
        let mut process = Process::start(&self.supervisor, &self.console, command)
            .map_err(StartError::Prepare)?;
        let target = Target::new(&self.plan, place, Rc::clone(&self.restarts));
        let ready = self.wait_ready(&mut process, &target).await;
        let result = match ready {
            Ok(()) => Ok(self.serve(&mut process, &target).await),
            Err(error) => {
                process.end(self.plan.limits.kill_grace).await;
                Err(error)
            }
        };
        // What it left behind may hold its port, and has something to say.
        let _ = timeout(LEFTOVERS, process.gone()).await;
        result
    }

    /// Asks for its health until that is good.
    async fn wait_ready(&self, process: &mut Process, target: &Target) -> Result<(), StartError> {
        let started = time::Instant::now();
        let limit = self.plan.limits.load;
        let deadline = started + limit;
        let mut progress = started + FIRST_PROGRESS;
        let mut pause = FIRST_POLL;
        let mut last = None;
        loop {
            let asked = async {
                sleep(pause).await;
                pulse::ask(&target.place, &self.plan.health).await
            };
            let sign = tokio::select! {
                biased;
                event = process.event() => match event {
                    Some(ChildEvent::Started { .. }) => continue,
                    event => return Err(not_started(event)),
                },
                sign = timeout_at(deadline, asked) => sign,
            };
            match sign {
                Ok(Sign::Well) => break,
                Ok(sign) => last = Some(sign),
                Err(_elapsed) => {
                    return Err(StartError::Timeout {
                        limit,
                        path: self.plan.health.clone(),
                        place: target.place.to_string(),
                        last,
                    });
                }
            }
            pause = (pause * 3 / 2).min(MAX_POLL);
            if time::Instant::now() >= progress
                && let Some(sign) = &last
            {
                let for_s = started.elapsed().as_secs();
                info!(
                    for_s,
                    "still waiting for GET {} at {}: {sign}", self.plan.health, target.place
                );
                progress =
                    time::Instant::now() + started.elapsed().clamp(FIRST_PROGRESS, MAX_PROGRESS);
            }
        }
        let took_s = started.elapsed().as_secs_f64();
        info!(
            pid = process.pid(),
            took_s, "the program is ready at {}", target.place
        );
        Ok(())
    }

    /// Gives it calls as long as it is well, until it ends; says how it ended.
    async fn serve(&self, process: &mut Process, target: &Rc<Target>) -> String {
        let concurrency = self.plan.limits.concurrency.get();
        let mut desk = Some(Desk::open(&self.pool, target, concurrency));
        if !self.was_ready.replace(true) {
            info!(
                after_s = self.started.elapsed().as_secs_f64(),
                "ready: /ping is 200"
            );
        }
        let mut pulse = Pulse::default();
        let ended = loop {
            let sign = tokio::select! {
                biased;
                event = process.event() => match event {
                    Some(ChildEvent::Started { .. }) => continue,
                    Some(ChildEvent::Died { ended, .. }) => break Some(ended),
                    Some(ChildEvent::Gone(_) | ChildEvent::Failed(_)) | None => break None,
                },
                sign = self.next_sign(target, desk.is_some()) => sign,
            };
            if target.has_answered.take() {
                pulse.answered();
            }
            match (pulse.note(&sign), &desk) {
                (Condition::Sick, Some(_)) => {
                    warn!(
                        "GET {} at {}: {sign}; the program gets no calls",
                        self.plan.health, target.place
                    );
                    self.health.set_phase(
                        Phase::Recovering,
                        &format!("the program's health check fails: {sign}"),
                    );
                    desk.take().into_iter().for_each(Desk::close);
                }
                (Condition::Well, None) => {
                    info!("the program is well again");
                    desk = Some(Desk::open(&self.pool, target, concurrency));
                }
                (Condition::Unsure, _) | (Condition::Sick, None) | (Condition::Well, Some(_)) => {}
            }
        };
        let how = ended.map_or_else(
            || "its end was not seen".to_owned(),
            |ended| ended.to_string(),
        );
        self.health
            .set_phase(Phase::Recovering, &format!("the program ended: {how}"));
        target.fate.seal(ended);
        desk.into_iter().for_each(Desk::close);
        how
    }

    /// Asks for its health when it is time to, or when a call has met nobody.
    async fn next_sign(&self, target: &Target, takes_calls: bool) -> Sign {
        let period = self.plan.limits.ping_period;
        let pause = if takes_calls {
            period
        } else {
            period.min(MAX_POLL)
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = target.suspicion.notified(), if takes_calls => {}
        }
        pulse::ask(&target.place, &self.plan.health).await
    }

    /// Whether the server ends, and nothing is left to do for the program.
    fn is_over(&self) -> bool {
        self.health.is_draining() && self.pool.n_waiting() == 0 && self.pool.n_sent() == 0
    }
}

/// What it means that this happened before the program was ready.
fn not_started(event: Option<ChildEvent>) -> StartError {
    match event {
        Some(ChildEvent::Failed(error)) => match error.kind {
            SpawnErrorKind::Stopping(_) | SpawnErrorKind::StoppingAll => StartError::Stopping,
            _ => StartError::Spawn(error),
        },
        Some(ChildEvent::Died { ended, .. }) => StartError::Died { ended },
        Some(ChildEvent::Started { .. } | ChildEvent::Gone(_)) | None => StartError::Stopping,
    }
}

fn load_error(message: String) -> ServeError {
    ServeError::Load {
        message,
        detail: String::new(),
    }
}

/// Calls at once when nobody says: as many as the other kinds of worker that do not block.
const DEFAULT_CONCURRENCY: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not zero");
/// A small program listens within a few hundred milliseconds.
const FIRST_POLL: Duration = Duration::from_millis(100);
const MAX_POLL: Duration = Duration::from_secs(1);
/// A wait of more than two seconds is said.
const FIRST_PROGRESS: Duration = Duration::from_secs(2);
const MAX_PROGRESS: Duration = Duration::from_mins(1);
/// From the end of the program to that of what it left behind, and of its output.
const LEFTOVERS: Duration = Duration::from_secs(10);
