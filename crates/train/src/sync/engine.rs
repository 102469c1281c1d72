//! What the threads share, the uploaders, and the end.
//!
//! Lock order: there is one lock, and nobody holds it while files or the destination are touched.

use std::{
    hash::{BuildHasher as _, RandomState},
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{EventfdFlags, eventfd},
    io::Errno,
};
use tracing::{debug, info, warn};

use super::{
    Destination, LastLook, Missing, Put, PutError, Report, Retry, Settings, Snapshot,
    complaints::Complaints,
    folder::{self, Kind},
    ledger::{Job, Ledger, Outcome, Policy},
};

pub(super) struct Engine {
    /// Free of links.
    pub(super) root: PathBuf,
    pub(super) settings: Settings,
    destination: Arc<dyn Destination>,
    state: Mutex<State>,
    /// There is something to upload, or nothing ever again.
    work: Condvar,
    /// Something ended.
    progress: Condvar,
    /// Wakes the scout.
    wake: OwnedFd,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) ledger: Ledger,
    pub(super) phase: Phase,
    pub(super) last_look: LastLook,
    /// What was met in the last look and can have no name at the destination, or cannot be read.
    pub(super) unsendable: Vec<Missing>,
    /// And so many more, whose names were not kept.
    pub(super) n_more_unsendable: u64,
    pub(super) complaints: Complaints,
    n_threads: usize,
    scout: Life,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Running,
    Finishing,
    /// The time is up: what is left is only named, until then.
    Naming {
        until: Instant,
    },
    Over,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Alive,
    Ended,
}

/// How the last flush ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flushed {
    Whole,
    TimeUp,
}

/// A thread that is counted for as long as it lives, whatever ends it.
pub(super) struct Thread {
    engine: Arc<Engine>,
    role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Scout,
    Uploader,
}

impl Engine {
    pub(super) fn new(
        root: PathBuf,
        destination: Arc<dyn Destination>,
        settings: Settings,
    ) -> io::Result<Self> {
        let policy = Policy {
            settle: settings.settle,
            first_retry: settings.first_retry,
            last_retry: settings.last_retry,
            max_queued: settings.max_queued.max(1),
        };
        Ok(Self {
            root,
            settings,
            destination,
            state: Mutex::new(State {
                ledger: Ledger::new(policy),
                phase: Phase::Running,
                last_look: LastLook::CutShort,
                unsendable: Vec::new(),
                n_more_unsendable: 0,
                complaints: Complaints::default(),
                n_threads: 0,
                scout: Life::Alive,
            }),
            work: Condvar::new(),
            progress: Condvar::new(),
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        })
    }

    /// The destination has these files as they are now.
    pub(super) fn know(&self, names: &[String]) {
        for name in names {
            if let Kind::File(fingerprint) = folder::look(&self.root.join(name)) {
                self.lock().ledger.close(name, &fingerprint);
            }
        }
    }

    pub(super) fn start_uploaders(engine: &Arc<Self>) -> io::Result<()> {
        for n in 0..engine.settings.n_uploads.max(1) {
            let started = Thread::start(engine, Role::Uploader, |thread| thread.engine.upload());
            match started {
                Ok(()) => {}
                Err(err) if n == 0 => return Err(err),
                Err(err) => {
                    debug!(n_uploads = n, %err, "fewer uploads at a time: no more threads");
                    break;
                }
            }
        }
        Ok(())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // The ledger does not panic, and is all that is ever half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Files were released.
    pub(super) fn announce_work(&self) {
        self.work.notify_all();
    }

    /// The scout has come to the end of something.
    pub(super) fn announce_progress(&self) {
        self.progress.notify_all();
    }

    pub(super) fn wake(&self) {
        // It fails only when it has not been heard for 2^64 times.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// Readable when the scout is to wake.
    pub(super) fn alarm(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    pub(super) fn quiet_alarm(&self) {
        // Nothing to read: nobody called.
        let _ = rustix::io::read(&self.wake, &mut [0; 8]);
    }

    /// An uploader's life.
    fn upload(&self) {
        while let Some(job) = self.next_job() {
            let outcome = self.attempt(&job);
            self.ended(&job, outcome);
        }
    }

    fn next_job(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if !state.phase.uploads() {
                return None;
            }
            if let Some(job) = state.ledger.take() {
                return Some(job);
            }
            let woken = self.work.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn attempt(&self, job: &Job) -> Outcome {
        let snapshot = match Snapshot::open(&self.root.join(&*job.name)) {
            Ok(snapshot) => snapshot,
            Err(err) if is_no_file(&err) => return Outcome::Gone,
            Err(err) => {
                return Outcome::Failed {
                    reason: format!("it cannot be read: {err}"),
                    retry: Retry::Later,
                };
            }
        };
        if snapshot.fingerprint() != job.fingerprint {
            return Outcome::Changed;
        }
        let put = catch_unwind(AssertUnwindSafe(|| {
            self.destination.put(&job.name, &snapshot)
        }));
        match put {
            Ok(Ok(Put::Stored)) => Outcome::Stored,
            Ok(Ok(Put::Changed)) => Outcome::Changed,
            Ok(Err(PutError::GivenUp)) => Outcome::GivenUp,
            Ok(Err(PutError::Failed { reason, retry })) => Outcome::Failed { reason, retry },
            Err(_panic) => Outcome::Failed {
                reason: "a fault of our own ended the upload".to_owned(),
                retry: Retry::Later,
            },
        }
    }

    fn ended(&self, job: &Job, outcome: Outcome) {
        let now = Instant::now();
        let reason = match &outcome {
            Outcome::Failed { reason, .. } => Some(reason.clone()),
            Outcome::Stored | Outcome::Changed | Outcome::Gone | Outcome::GivenUp => None,
        };
        let mut state = self.lock();
        let before = state.ledger.next_due();
        state.ledger.end(job, outcome, (now, random()));
        let next = state.ledger.next_due();
        let is_sooner = next.is_some_and(|next| before.is_none_or(|before| next < before));
        let is_scout_wanted = is_sooner || state.ledger.owes_look();
        let said = reason.and_then(|reason| Some((reason, state.complaints.failed(now)?)));
        drop(state);
        self.progress.notify_all();
        if let Some((reason, n_more)) = said {
            self.complain(&job.name, &reason, n_more);
        }
        if is_scout_wanted {
            self.wake();
        }
    }

    pub(super) fn complain(&self, name: &str, reason: &str, n_more: u64) {
        let what = self.settings.what;
        warn!(file = name, n_more, "{what}: an upload failed: {reason}");
    }

    /// The last look and what is left, until the deadline.
    pub(super) fn flush(&self, deadline: &dyn Fn() -> Instant) -> Flushed {
        let mut next_line = Instant::now() + FIRST_LINE;
        {
            let mut state = self.lock();
            state.ledger.finish(Instant::now());
            state.phase = Phase::Finishing;
        }
        self.wake();
        loop {
            // It is the caller's: it may take a lock of its own.
            let limit = deadline();
            let state = self.lock();
            let now = Instant::now();
            if state.is_flushed() {
                return Flushed::Whole;
            }
            if now >= limit || state.scout == Life::Ended {
                return Flushed::TimeUp;
            }
            if now >= next_line {
                next_line = now + LINE_EVERY;
                let (what, left) = (self.settings.what, state.ledger.left());
                let left_s = (limit - now).as_secs();
                info!(
                    n_files = left.n_files,
                    n_bytes = left.n_bytes,
                    left_s,
                    "{what}: uploading what is left"
                );
            }
            let pause = (limit - now).min(next_line - now).min(DEADLINE_EVERY);
            // Woken or not: everything is looked at again.
            drop(self.progress.wait_timeout(state, pause));
        }
    }

    /// Ends all threads. One that does not come back is left behind.
    pub(super) fn stop(&self, flushed: Flushed) {
        let now = Instant::now();
        self.lock().phase = match flushed {
            Flushed::Whole => Phase::Over,
            Flushed::TimeUp => Phase::Naming {
                until: now + NAMING,
            },
        };
        self.work.notify_all();
        self.wake();
        if flushed == Flushed::TimeUp {
            self.destination.give_up();
        }
        let mut state = self.lock();
        let limit = now + PATIENCE;
        while state.n_threads > 0 {
            let Some(left) = limit.checked_duration_since(Instant::now()) else {
                break;
            };
            let waited = self.progress.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.phase = Phase::Over;
    }

    pub(super) fn report(&self) -> Report {
        let state = self.lock();
        let stored = state.ledger.stored();
        let (mut missing, n_more_missing) = state.ledger.missing();
        missing.extend(state.unsendable.iter().cloned());
        missing.sort();
        Report {
            what: self.settings.what,
            n_files: stored.n_files,
            n_bytes: stored.n_bytes,
            missing,
            n_more_missing: n_more_missing + state.n_more_unsendable,
            last_look: state.last_look,
        }
    }

    /// Stops where it is, unless it has ended.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        if state.phase == Phase::Over {
            return;
        }
        state.phase = Phase::Over;
        let n_files = state.ledger.left().n_files;
        drop(state);
        self.work.notify_all();
        self.wake();
        self.destination.give_up();
        let what = self.settings.what;
        warn!(
            n_files,
            "{what}: uploading stops before the end: files may be missing"
        );
    }
}

impl State {
    fn is_flushed(&self) -> bool {
        self.last_look == LastLook::Whole && self.ledger.is_idle()
    }
}

impl Phase {
    fn uploads(self) -> bool {
        matches!(self, Self::Running | Self::Finishing)
    }
}

impl Thread {
    pub(super) fn start(
        engine: &Arc<Engine>,
        role: Role,
        life: impl FnOnce(&Self) + Send + 'static,
    ) -> io::Result<()> {
        engine.lock().n_threads += 1;
        let thread = Self {
            engine: Arc::clone(engine),
            role,
        };
        let name = match role {
            Role::Scout => "sync-scout",
            Role::Uploader => "sync-upload",
        };
        // A closure that is never run is dropped, and the thread with it.
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || life(&thread))?;
        Ok(())
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        let mut state = self.engine.lock();
        state.n_threads -= 1;
        if self.role == Role::Scout {
            state.scout = Life::Ended;
        }
        drop(state);
        self.engine.progress.notify_all();
    }
}

/// Whether an error says that there is nothing to upload: the file is gone, or something else has its name.
fn is_no_file(err: &io::Error) -> bool {
    folder::is_gone(err)
        || err.kind() == io::ErrorKind::InvalidInput
        || Errno::from_io_error(err) == Some(Errno::LOOP)
}

/// Random enough to keep uploads apart.
pub(super) fn random() -> u16 {
    let bits = RandomState::new().hash_one(0_u8) >> 48;
    u16::try_from(bits).unwrap_or(u16::MAX)
}

/// Longer silence looks like a hang.
const FIRST_LINE: Duration = Duration::from_secs(2);
const LINE_EVERY: Duration = Duration::from_secs(5);
/// How often the deadline is asked for.
const DEADLINE_EVERY: Duration = Duration::from_millis(100);
/// How long it may take to name what is left.
const NAMING: Duration = Duration::from_secs(1);
/// How long threads are waited for.
const PATIENCE: Duration = Duration::from_millis(1500);
