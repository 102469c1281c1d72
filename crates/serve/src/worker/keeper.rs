//! Sees to it that one worker is there.

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use optml_supervise::resident_bytes;
use optml_wire::{
    Decoder,
    control::{Capabilities, Recovery},
};
use tokio::{sync::mpsc, time::sleep};
use tracing::{error, info, warn};

use crate::{
    admission::{Ability, LookAhead},
    arena::{Arena, ResponseRange},
    health::Phase,
    pool::Mailbox,
    worker::{
        conversation::Conversation,
        crew::{Crew, LoadFailure},
        exchange::{Exchange, Sockets},
        handshake::{Handshake, LoadError, Profile},
        launch::Prepared,
        outbound::Outbound,
        process::Process,
        restarts::Next,
    },
};

/// Sees to it that one worker is there.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) number: u16,
    pub(crate) crew: Rc<Crew>,
}

/// A worker that takes calls, and the task that talks to it.
#[derive(Debug)]
struct Live {
    mailbox: Rc<Mailbox>,
    pid: i32,
    /// It takes no more calls.
    is_spent: bool,
    events: mpsc::Receiver<LiveEvent>,
}

/// What becomes of a worker.
#[derive(Debug)]
pub(super) enum LiveEvent {
    /// It is to be replaced.
    Replace(Why),
    /// It is gone.
    Ended { was_asked: bool, how: String },
}

/// Why a worker is to be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It has answered as many calls as it may.
    Calls,
    /// It said that it can't go on, and takes no more calls.
    Spent,
}

impl Why {
    const fn text(self) -> &'static str {
        match self {
            Self::Calls => "the number of its calls",
            Self::Spent => "user code ran out of memory, or tried to end the process",
        }
    }
}

impl Keeper {
    /// Keeps the worker until the server ends, or can't go on.
    pub(crate) async fn keep(self) {
        self.crew.n_wanted.set(self.crew.n_wanted.get() + 1);
        let mut current: Option<Live> = None;
        loop {
            // One that takes no more calls is no help when its successor can't be loaded.
            let has_other = current.as_ref().is_some_and(|live| !live.is_spent);
            match self.start(has_other).await {
                Some(fresh) => {
                    if let Some(old) = current.replace(fresh) {
                        // Its own task sees to the rest.
                        old.mailbox.retire();
                    }
                }
                None if has_other => {}
                None => {
                    if let Some(mut live) = current {
                        end(&mut live).await;
                    }
                    return;
                }
            }
            if !self.watch(&mut current).await {
                return;
            }
        }
    }

    /// Waits until another worker has to be started. `false`: none, the server ends.
    async fn watch(&self, current: &mut Option<Live>) -> bool {
        while let Some(live) = current {
            tokio::select! {
                event = live.events.recv() => match event {
                    Some(LiveEvent::Replace(why)) => {
                        info!(worker = self.number, why = why.text(), "replacing a worker");
                        live.is_spent = why == Why::Spent;
                        return true;
                    }
                    Some(LiveEvent::Ended { was_asked, how }) => {
                        *current = None;
                        self.crew.pids.borrow_mut().remove(&self.number);
                        return self.after_end(was_asked, &how).await;
                    }
                    None => *current = None,
                },
                () = self.crew.reload.notified() => {
                    info!(worker = self.number, "the code has changed: replacing a worker");
                    return true;
                }
                () = self.is_worn(live.pid) => {
                    info!(worker = self.number, why = "its memory", "replacing a worker");
                    return true;
                }
                () = self.crew.stopping.wait() => {
                    end(live).await;
                    return false;
                }
            }
        }
        true
    }

    /// What follows the end of a worker. `false`: nothing, the server ends.
    async fn after_end(&self, was_asked: bool, how: &str) -> bool {
        let crew = &self.crew;
        if crew.pool.n_open() == 0 {
            crew.health
                .set_phase(Phase::Recovering, &format!("the last worker ended: {how}"));
        }
        if was_asked {
            return true;
        }
        crew.n_restarts.set(crew.n_restarts.get() + 1);
        let next = crew.restarts.borrow_mut().crashed(Instant::now());
        match next {
            Next::Restart(delay) => {
                warn!(
                    worker = self.number,
                    how,
                    delay_s = delay.as_secs_f64(),
                    "a worker ended: starting another one"
                );
                tokio::select! {
                    () = sleep(delay) => true,
                    () = crew.stopping.wait() => false,
                }
            }
            Next::GiveUp => {
                crew.fail(LoadFailure {
                    message: format!("workers end again and again, the last one so: {how}"),
                    detail: String::new(),
                });
                false
            }
        }
    }

    /// Starts and loads a worker. `None`: there will be none any more.
    ///
    /// `has_other`: one is there, which goes on when this one can't be loaded.
    async fn start(&self, has_other: bool) -> Option<Live> {
        loop {
            let started = Instant::now();
            let loaded = tokio::select! {
                loaded = self.load() => loaded,
                () = self.crew.stopping.wait() => return None,
            };
            let failed = match loaded {
                Ok(live) => {
                    let took = started.elapsed();
                    self.crew.last_load.set(Some(took));
                    let took_s = took.as_secs_f64();
                    info!(worker = self.number, pid = live.pid, took_s, "worker ready");
                    return Some(live);
                }
                Err(LoadError::Stopping) => return None,
                Err(failed) => failed,
            };
            if has_other {
                error!(
                    worker = self.number,
                    "the new worker can't be loaded, the old one goes on: {failed}{}",
                    detail(&failed)
                );
                return None;
            }
            let next = match &failed {
                LoadError::Failed {
                    recovery: Recovery::Possible,
                    ..
                } => self.crew.restarts.borrow_mut().load_failed(),
                LoadError::Died { .. } => self.crew.restarts.borrow_mut().crashed(Instant::now()),
                LoadError::Failed { .. }
                | LoadError::Spawn(_)
                | LoadError::Prepare(_)
                | LoadError::NoHello { .. }
                | LoadError::Timeout { .. }
                | LoadError::Version { .. }
                | LoadError::Broken(_)
                | LoadError::Stopping => Next::GiveUp,
            };
            match next {
                Next::Restart(delay) => {
                    warn!(
                        worker = self.number,
                        delay_s = delay.as_secs_f64(),
                        "loading failed, trying again: {failed}{}",
                        detail(&failed)
                    );
                    sleep(delay).await;
                }
                Next::GiveUp => {
                    self.crew.fail(LoadFailure {
                        message: failed.to_string(),
                        detail: detail(&failed).trim_start().to_owned(),
                    });
                    return None;
                }
            }
        }
    }

    async fn load(&self) -> Result<Live, LoadError> {
        let crew = &self.crew;
        let arena = crew.arena.as_ref();
        let Prepared {
            command,
            mut sockets,
        } = crew
            .launch
            .prepare(self.number, arena)
            .map_err(LoadError::Prepare)?;
        let range = arena.and_then(Arena::response_range);
        let mailbox = Rc::new(Mailbox::default());
        let outbound = Outbound::new(Rc::clone(&mailbox));
        let mut control_in = Decoder::new();
        let mut process =
            Process::start(&crew.supervisor, &crew.console, command).map_err(LoadError::Prepare)?;
        let handshake = Handshake {
            number: self.number,
            sockets: &mut sockets,
            control_in: &mut control_in,
            outbound: &outbound,
            process: &mut process,
            health: &crew.health,
            load_limit: crew.limits.load,
        };
        let profile = handshake
            .perform(|outbound| {
                crew.launch
                    .load(self.number, arena, range.as_ref(), outbound)
            })
            .await;
        let profile = match profile {
            Ok(profile) => profile,
            Err(error) => {
                process.end(crew.limits.kill_grace).await;
                return Err(error);
            }
        };
        crew.restarts.borrow_mut().loaded();
        crew.profile.replace(Some(profile));
        let live = self.open(
            profile,
            process,
            (sockets, control_in),
            (mailbox, outbound, range),
        );
        crew.loaded.notify_waiters();
        Ok(live)
    }

    /// Opens the seat, and starts the task that talks to the worker.
    fn open(
        &self,
        profile: Profile,
        process: Process,
        (sockets, control_in): (Sockets, Decoder),
        (mailbox, outbound, range): (Rc<Mailbox>, Rc<Outbound>, Option<Rc<ResponseRange>>),
    ) -> Live {
        let crew = &self.crew;
        let can = |capability| profile.capabilities.contains(capability);
        let ability = Ability {
            concurrency: usize::try_from(profile.concurrency).unwrap_or(usize::MAX),
            look_ahead: if can(Capabilities::LOOK_AHEAD) {
                LookAhead::Possible
            } else {
                LookAhead::Impossible
            },
        };
        let mut data_in = Decoder::new();
        if let Some(arena) = crew.arena.as_ref().filter(|_| can(Capabilities::ARENA)) {
            data_in.set_arena(arena.layout());
        }
        mailbox.can_cancel.set(can(Capabilities::ASYNC));
        let seat = crew.pool.open(ability, Rc::clone(&mailbox));
        let exchange = Exchange {
            pool: Rc::clone(&crew.pool),
            seat,
            mailbox: Rc::clone(&mailbox),
            outbound,
            sockets,
            data_in,
            control_in,
            range,
            can_cancel: can(Capabilities::ASYNC),
            patience: crew.limits.kill_grace,
            stream_idle: crew.limits.stream_idle,
            flights: Vec::new(),
            uploads: Vec::new(),
            lent: Vec::new(),
            n_sent: 0,
            overdue: None,
            is_draining: false,
            left_bytes_unread: false,
            last_took: Duration::MAX,
            gathering: None,
        };
        let pid = process.pid();
        crew.pids.borrow_mut().insert(self.number, pid);
        let (tell, events) = mpsc::channel(4);
        let task = Conversation {
            number: self.number,
            crew: Rc::clone(crew),
            process,
            tell,
        };
        tokio::task::spawn_local(task.run(exchange));
        Live {
            mailbox,
            pid,
            is_spent: false,
            events,
        }
    }

    /// Waits until the worker has more memory than it may.
    async fn is_worn(&self, pid: i32) {
        /// Reading `/proc` costs some microseconds.
        const PERIOD: Duration = Duration::from_secs(1);
        let Some(limit) = self.crew.limits.rss_bytes else {
            return std::future::pending().await;
        };
        loop {
            sleep(PERIOD).await;
            if resident_bytes(pid).is_some_and(|bytes| bytes > limit) {
                return;
            }
        }
    }
}

/// The traceback, on lines of its own.
fn detail(error: &LoadError) -> String {
    match error {
        LoadError::Failed { failure, .. } if !failure.detail.is_empty() => {
            format!("\n{}", failure.detail.trim_end())
        }
        _ => String::new(),
    }
}

/// The server ends: so does the worker.
async fn end(live: &mut Live) {
    live.mailbox.retire();
    while let Some(event) = live.events.recv().await {
        if matches!(event, LiveEvent::Ended { .. }) {
            return;
        }
    }
}
