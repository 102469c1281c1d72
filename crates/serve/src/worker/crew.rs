//! What the keepers of a model share: what to start, where it goes, and whether to go on.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use optml_supervise::{Console, Supervisor, resident_bytes};
use tokio::sync::Notify;

use crate::{
    arena::Arena,
    call::Refusal,
    health::{Health, Phase},
    latch::Latch,
    pool::Pool,
    worker::{handshake::Profile, launch::Launch, restarts::Restarts},
};

/// Bounds on the life of a worker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// From the start to the loaded model.
    pub(crate) load: Duration,
    /// From SIGTERM to SIGKILL.
    pub(crate) kill_grace: Duration,
    /// From one item of a streamed answer to the next.
    pub(crate) stream_idle: Duration,
    /// Calls after which it is replaced.
    pub(crate) n_calls: Option<u64>,
    /// Memory beyond which it is replaced.
    pub(crate) rss_bytes: Option<u64>,
}

/// What all keepers of a model share.
#[derive(Debug)]
pub(crate) struct Crew {
    pub(crate) supervisor: Arc<Supervisor>,
    pub(crate) console: Console,
    pub(crate) launch: Launch,
    pub(crate) arena: Option<Arena>,
    pub(crate) pool: Rc<Pool>,
    pub(crate) health: Rc<Health>,
    pub(crate) limits: Limits,
    pub(crate) restarts: RefCell<Restarts>,
    /// What the workers can do: known from the first that was loaded on.
    pub(crate) profile: Rc<RefCell<Option<Profile>>>,
    /// Told when a worker is loaded.
    pub(crate) loaded: Notify,
    /// Told when the code has changed.
    pub(crate) reload: Notify,
    pub(crate) verdict: Verdict,
    /// Workers are to end.
    pub(crate) stopping: Latch,
    pub(crate) n_restarts: Cell<u64>,
    /// How many workers there should be: one for each keeper.
    pub(crate) n_wanted: Cell<usize>,
    /// How long the worker that was loaded last took to start and load.
    pub(crate) last_load: Cell<Option<Duration>>,
    /// The processes that take calls, by their worker's number.
    pub(crate) pids: RefCell<BTreeMap<u16, i32>>,
}

/// Why the server can't go on, once that is so.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    cause: RefCell<Option<Rc<LoadFailure>>>,
    passed: Notify,
}

/// A model that can't be loaded, or a worker that can't be kept.
#[derive(Debug)]
pub(crate) struct LoadFailure {
    /// One line.
    pub(crate) message: String,
    /// The traceback, where there is one.
    pub(crate) detail: String,
}

impl Verdict {
    pub(super) fn pass(&self, failure: LoadFailure) {
        // The first one counts: others follow from it, or say the same.
        self.cause
            .borrow_mut()
            .get_or_insert_with(|| Rc::new(failure));
        self.passed.notify_one();
    }

    /// Waits for it.
    pub(crate) async fn wait(&self) -> Rc<LoadFailure> {
        loop {
            if let Some(failure) = self.cause.borrow().as_ref() {
                return Rc::clone(failure);
            }
            self.passed.notified().await;
        }
    }
}

/// What a crew is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) supervisor: Arc<Supervisor>,
    pub(crate) console: Console,
    pub(crate) launch: Launch,
    pub(crate) arena: Option<Arena>,
    pub(crate) pool: Rc<Pool>,
    pub(crate) health: Rc<Health>,
    pub(crate) limits: Limits,
    pub(crate) profile: Rc<RefCell<Option<Profile>>>,
}

impl Crew {
    /// Nobody is there yet.
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts {
            supervisor,
            console,
            launch,
            arena,
            pool,
            health,
            limits,
            profile,
        } = parts;
        Self {
            supervisor,
            console,
            launch,
            arena,
            pool,
            health,
            limits,
            profile,
            restarts: RefCell::default(),
            loaded: Notify::new(),
            reload: Notify::new(),
            verdict: Verdict::default(),
            stopping: Latch::default(),
            n_restarts: Cell::new(0),
            n_wanted: Cell::new(0),
            last_load: Cell::new(None),
            pids: RefCell::default(),
        }
    }

    /// The memory of the largest worker now.
    pub(crate) fn largest_rss_bytes(&self) -> Option<u64> {
        let pids = self.pids.borrow();
        pids.values().filter_map(|&pid| resident_bytes(pid)).max()
    }

    pub(super) fn fail(&self, failure: LoadFailure) {
        self.health.set_phase(Phase::Failed, &failure.message);
        self.pool.give_up(&Refusal::NotReady {
            state: self.health.state(),
        });
        self.verdict.pass(failure);
    }
}
