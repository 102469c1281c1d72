//! What all connections share: where calls go, what is accepted, and how long anything may take.

use std::{
    cell::{Cell, RefCell},
    fmt,
    rc::Rc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use optml_contract::serving::{AccessLog, ErrorDetail};
use optml_wire::control::Capabilities;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{
    arena::Arena,
    health::Health,
    http::{HeadLimits, HttpDate},
    latch::Latch,
    metrics::Metrics,
    pool::Pool,
    registry::Registry,
    transcode::CodecPolicy,
    worker::handshake::Profile,
};

/// Bounds on requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) head: HeadLimits,
    /// The largest body.
    pub(crate) body_bytes: u64,
    /// Bodies from this size on go through shared memory.
    pub(crate) slot_from_bytes: u64,
    pub(crate) head_time: Duration,
    /// Without a byte of a body, in or out.
    pub(crate) body_idle: Duration,
    pub(crate) keep_alive: Duration,
    /// To the first piece of an answer that comes in pieces.
    pub(crate) stream_first: Duration,
    pub(crate) stream_idle: Duration,
    pub(crate) stream_total: Duration,
}

/// How long one request may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestTime {
    /// What the operator said: a header of the request changes nothing.
    pub(crate) fixed: Option<Duration>,
    /// When nobody says anything.
    pub(crate) fallback: Duration,
}

/// What runs the model, as far as requests are shaped by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    /// User functions: bodies are decoded and negotiated for them.
    Functions,
    /// An application, another server, or a native model: requests go through as they are.
    Whole,
}

/// What all connections share.
pub(crate) struct Site {
    pub(crate) pool: Rc<Pool>,
    pub(crate) health: Rc<Health>,
    pub(crate) arena: Option<Arena>,
    pub(crate) backend: Backend,
    pub(crate) profile: Rc<RefCell<Option<Profile>>>,
    pub(crate) bounds: Bounds,
    pub(crate) request_time: RequestTime,
    pub(crate) codecs: Rc<CodecPolicy>,
    pub(crate) error_detail: ErrorDetail,
    pub(crate) access_log: AccessLog,
    pub(crate) execution: ExecutionParameters,
    /// Whether [`Backend::Whole`] is asked for them.
    pub(crate) asks_execution_parameters: bool,
    pub(crate) metrics: Metrics,
    pub(crate) registry: Registry,
    pub(crate) budget: Budget,
    pub(crate) clock: Clock,
    pub(crate) request_ids: RequestIds,
    /// Connections are to end: idle ones at once, busy ones after their answer.
    pub(crate) closing: Latch,
}

impl Site {
    /// Where bodies can go straight to the workers, when these have said that they see it.
    pub(crate) fn shared_memory(&self) -> Option<&Arena> {
        let is_mapped = self
            .profile
            .borrow()
            .is_some_and(|profile| profile.capabilities.contains(Capabilities::ARENA));
        self.arena.as_ref().filter(|_| is_mapped)
    }
}

/// What `/execution-parameters` says when user code doesn't.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExecutionParameters {
    pub(crate) n_concurrent: u32,
    pub(crate) payload_mib: u64,
}

impl ExecutionParameters {
    /// **Shape**: `{"MaxConcurrentTransforms": 2, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6}`.
    ///
    /// **Units and limits**: the product of the two numbers is at most 100, as the platform demands.
    pub(crate) fn to_json(self) -> String {
        const PRODUCT: u64 = 100;
        let n_concurrent = u64::from(self.n_concurrent).clamp(1, PRODUCT);
        let payload_mib = self.payload_mib.clamp(1, PRODUCT / n_concurrent);
        format!(
            "{{\"MaxConcurrentTransforms\": {n_concurrent}, \"BatchStrategy\": \"MULTI_RECORD\", \"MaxPayloadInMB\": {payload_mib}}}"
        )
    }
}

/// Bytes of bodies that may be in memory at once. Beyond them sockets are not read.
#[derive(Debug)]
pub(crate) struct Budget {
    free: std::sync::Arc<Semaphore>,
    n_units: u32,
}

/// A part of the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct BudgetShare {
    permit: Option<OwnedSemaphorePermit>,
    n_bytes: u64,
}

impl BudgetShare {
    /// Takes more, if there is more now.
    #[must_use = "`false`: there is not"]
    pub(crate) fn grow(&mut self, budget: &Budget, n_bytes: u64) -> bool {
        if n_bytes <= self.n_bytes.max(FREE_BYTES) {
            return true;
        }
        let more = (n_bytes - self.n_bytes)
            .max(STEP_BYTES)
            .div_ceil(UNIT_BYTES);
        let free = std::sync::Arc::clone(&budget.free);
        let taken = u32::try_from(more)
            .ok()
            .and_then(|more| free.try_acquire_many_owned(more).ok());
        let Some(taken) = taken else { return false };
        self.n_bytes += more * UNIT_BYTES;
        match &mut self.permit {
            Some(permit) => permit.merge(taken),
            None => self.permit = Some(taken),
        }
        true
    }
}

impl Budget {
    /// So many bytes in all.
    pub(crate) fn new(n_bytes: u64) -> Self {
        let n_units = u32::try_from(n_bytes / UNIT_BYTES)
            .unwrap_or(u32::MAX)
            .clamp(1, u32::try_from(Semaphore::MAX_PERMITS).unwrap_or(u32::MAX));
        Self {
            free: std::sync::Arc::new(Semaphore::new(n_units as usize)),
            n_units,
        }
    }

    /// Waits for room for a body. One that is larger than everything gets everything.
    pub(crate) async fn share(&self, n_bytes: u64) -> BudgetShare {
        if n_bytes < FREE_BYTES {
            // The number of connections bounds these.
            return BudgetShare {
                permit: None,
                n_bytes,
            };
        }
        let n_units = u32::try_from(n_bytes.div_ceil(UNIT_BYTES))
            .unwrap_or(u32::MAX)
            .min(self.n_units);
        let permit = std::sync::Arc::clone(&self.free)
            .acquire_many_owned(n_units)
            .await;
        BudgetShare {
            permit: Some(permit.expect("the budget is never closed")),
            n_bytes,
        }
    }
}

const UNIT_BYTES: u64 = 4096;
/// A share that grows takes so much at once.
const STEP_BYTES: u64 = 1 << 20;
/// Bodies that fit a connection's own buffer.
const FREE_BYTES: u64 = 64 << 10;

/// The date of response heads, made anew once a second.
#[derive(Debug)]
pub(crate) struct Clock {
    date: Cell<HttpDate>,
    made: Cell<Option<Instant>>,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self {
            date: Cell::new(HttpDate::from_unix_seconds(0)),
            made: Cell::new(None),
        }
    }

    /// Now, at most a second old.
    pub(crate) fn date(&self) -> HttpDate {
        let now = Instant::now();
        let is_old = self
            .made
            .get()
            .is_none_or(|made| now.duration_since(made) >= Duration::from_secs(1));
        if is_old {
            let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
            self.date.set(HttpDate::from_unix_seconds(
                since_1970.map_or(0, |time| time.as_secs()),
            ));
            self.made.set(Some(now));
        }
        self.date.get()
    }
}

/// Names for requests: unlike those of other servers and of earlier starts.
#[derive(Debug)]
pub(crate) struct RequestIds {
    start: u64,
    n: Cell<u64>,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        use std::hash::{BuildHasher, RandomState};
        Self {
            // A hasher's keys are random; nothing here has to be secret.
            start: RandomState::new().hash_one(0),
            n: Cell::new(0),
        }
    }

    /// A new one.
    pub(crate) fn next(&self) -> String {
        self.n.set(self.n.get() + 1);
        format!("{:016x}-{:x}", self.start, self.n.get())
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site")
            .field("backend", &self.backend)
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}
