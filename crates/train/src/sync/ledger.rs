//! What is known of every file: which are to be uploaded, which are being uploaded, and which need nothing more.
//!
//! Pure: it sees no file and no clock. Names and fingerprints come from a look at the folder, times and random numbers
//! from the caller.
//!
//! A file that somebody mentions *settles* until it was left alone for a moment, and is then *due*: the caller looks at
//! it once more and either releases it, with the fingerprint it has now, or holds it back while somebody writes it.
//! Released files are taken in the order of their release, each by one uploader at a time. A failure puts a file aside
//! until its next try.
//!
//! Only files that need something are kept by name, and at most a set number of them: the rest is turned away, and the
//! folder has to be [looked through](Ledger::owes_look) again. A file that needs nothing more is two hashes.

mod closed;
mod pending;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use closed::Closed;
use pending::{Due, LastTry, Mentioned, Pending, Stage};

use super::{Missing, Retry, snapshot::Fingerprint};

/// A file's name, from the root of the folder, with `/` between its parts.
pub(super) type Name = Arc<str>;

/// How long things take, and how many may wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    pub(super) settle: Duration,
    pub(super) first_retry: Duration,
    pub(super) last_retry: Duration,
    pub(super) max_queued: usize,
}

/// A file to upload, as it was when it was released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) name: Name,
    pub(super) fingerprint: Fingerprint,
}

/// How an upload ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Stored,
    /// The file is not what it was any more.
    Changed,
    /// There is no such file any more.
    Gone,
    Failed {
        reason: String,
        retry: Retry,
    },
    GivenUp,
}

/// What is left to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) n_files: u64,
    pub(super) n_bytes: u64,
}

#[derive(Debug)]
pub(super) struct Ledger {
    policy: Policy,
    pending: BTreeMap<Name, Pending>,
    /// The pending files that wait for a time. The second number keeps two of the same time apart.
    timed: BTreeMap<Due, Name>,
    n_timed: u64,
    ready: VecDeque<Name>,
    closed: Closed,
    /// Files that found no room since the folder was last looked through.
    n_turned_away: u64,
    mode: Mode,
    lost: Vec<Missing>,
    n_more_lost: u64,
    stored: Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Running,
    Finishing,
}

impl Ledger {
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            policy,
            pending: BTreeMap::new(),
            timed: BTreeMap::new(),
            n_timed: 0,
            ready: VecDeque::new(),
            closed: Closed::default(),
            n_turned_away: 0,
            mode: Mode::Running,
            lost: Vec::new(),
            n_more_lost: 0,
            stored: Left::default(),
        }
    }

    /// The destination has this file already.
    pub(super) fn close(&mut self, name: &str, fingerprint: &Fingerprint) {
        self.closed.insert(name, fingerprint);
    }

    /// Whether this file, as it is, needs nothing more.
    pub(super) fn is_closed(&self, name: &str, fingerprint: &Fingerprint) -> bool {
        self.closed.contains(name, fingerprint)
    }

    /// Something happened to this file.
    pub(super) fn mentioned(&mut self, name: &str, now: Instant) {
        let Some((name, pending)) = self.pending.get_key_value(name) else {
            self.insert(name, 0, now);
            return;
        };
        let name = Arc::clone(name);
        match pending.stage {
            Stage::Settling { latest } => {
                let earliest = pending.due.map_or(now, |(due, _)| due);
                let until = (now + self.alone()).min(latest).max(earliest);
                self.wait(&name, Stage::Settling { latest }, until);
            }
            Stage::Held | Stage::Refused => self.settle(&name, now),
            Stage::Uploading { fingerprint, .. } => {
                let stage = Stage::Uploading {
                    fingerprint,
                    mentioned: Mentioned::Since,
                };
                self.stage(&name, stage);
            }
            // Both are looked at again before anything is sent.
            Stage::Ready(_) | Stage::Retrying => {}
        }
    }

    /// A look through the folder met this file.
    pub(super) fn found(&mut self, name: &str, fingerprint: &Fingerprint, now: Instant) {
        match self.pending.get_mut(name) {
            None if self.closed.contains(name, fingerprint) => {}
            None => self.insert(name, fingerprint.n_bytes, now),
            Some(pending) => match &mut pending.stage {
                Stage::Uploading {
                    fingerprint: sent,
                    mentioned,
                } => {
                    if sent != fingerprint {
                        *mentioned = Mentioned::Since;
                    }
                }
                Stage::Ready(_)
                | Stage::Settling { .. }
                | Stage::Held
                | Stage::Retrying
                | Stage::Refused => pending.n_bytes = fingerprint.n_bytes,
            },
        }
    }

    /// The files that are to be looked at now, the longest due first. Each must be released, held, settled once more,
    /// forgotten or failed: it stays due until then.
    pub(super) fn due(&self, now: Instant) -> Vec<Name> {
        let until = (now, u64::MAX);
        self.timed.range(..=until).map(|(_, n)| n.clone()).collect()
    }

    /// When the next file is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.timed.first_key_value().map(|((due, _), _)| *due)
    }

    /// A due file may be uploaded if it is what it was then.
    pub(super) fn release(&mut self, name: &Name, fingerprint: &Fingerprint) {
        if self.is_due(name) {
            self.stage(name, Stage::Ready(*fingerprint));
            self.ready.push_back(Arc::clone(name));
        }
    }

    /// A due file is being written: look at it again then, or when it is mentioned.
    pub(super) fn hold(&mut self, name: &Name, until: Instant) {
        if self.is_due(name) {
            self.wait(name, Stage::Held, until);
        }
    }

    /// A due file changed in this very moment.
    pub(super) fn settle_again(&mut self, name: &Name, now: Instant) {
        if self.is_due(name) {
            self.changed(name, now);
        }
    }

    /// A due file is not there any more, or needs nothing.
    pub(super) fn forget(&mut self, name: &Name) {
        if self.is_due(name) {
            self.remove(name);
        }
    }

    /// A due file cannot be looked at.
    pub(super) fn failed(&mut self, name: &Name, reason: String, when: (Instant, u16)) {
        if self.is_due(name) {
            self.retry(name, reason, when);
        }
    }

    /// The next file to upload. Nobody else gets it before [`Ledger::end`].
    pub(super) fn take(&mut self) -> Option<Job> {
        let name = self.ready.pop_front()?;
        let mode = self.mode;
        let pending = self.pending.get_mut(&name)?;
        let Stage::Ready(fingerprint) = pending.stage else {
            return None;
        };
        if mode == Mode::Finishing {
            pending.last_try = LastTry::Begun;
        }
        pending.n_bytes = fingerprint.n_bytes;
        pending.stage = Stage::Uploading {
            fingerprint,
            mentioned: Mentioned::Not,
        };
        Some(Job { name, fingerprint })
    }

    /// An upload ended at some time; the number is a random one.
    pub(super) fn end(&mut self, job: &Job, outcome: Outcome, when: (Instant, u16)) {
        let name = &job.name;
        let Some(pending) = self.pending.get_mut(name) else {
            return;
        };
        let Stage::Uploading { mentioned, .. } = pending.stage else {
            return;
        };
        match outcome {
            Outcome::Stored => {
                (pending.n_failures, pending.n_changes) = (0, 0);
                pending.reason = None;
                self.closed.insert(name, &job.fingerprint);
                self.stored.n_files += 1;
                self.stored.n_bytes += job.fingerprint.n_bytes;
                self.let_go(name, mentioned, when.0);
            }
            Outcome::Gone => self.let_go(name, mentioned, when.0),
            Outcome::Changed => self.changed(name, when.0),
            Outcome::Failed {
                reason,
                retry: Retry::Later,
            } => self.retry(name, reason, when),
            Outcome::Failed {
                reason,
                retry: Retry::Never,
            } => self.refused(job, reason, when.0),
            Outcome::GivenUp => self.refused(job, pending::TIME_WAS_UP.to_owned(), when.0),
        }
    }

    /// A look through the whole folder begins. Returns how many files found no room since the one before.
    pub(super) fn begin_look(&mut self) -> u64 {
        std::mem::take(&mut self.n_turned_away)
    }

    /// Whether files were turned away and there is room for them now.
    pub(super) fn owes_look(&self) -> bool {
        self.n_turned_away > 0 && self.pending.len() <= self.policy.max_queued / 2
    }

    /// From now on everything that failed is tried at once, and what is refused then is lost.
    pub(super) fn finish(&mut self, now: Instant) {
        self.mode = Mode::Finishing;
        let waiting = self.pending.iter().filter(|(_, pending)| {
            !matches!(pending.stage, Stage::Ready(_) | Stage::Uploading { .. })
        });
        let names: Vec<Name> = waiting.map(|(name, _)| Arc::clone(name)).collect();
        for name in names {
            self.wait(&name, Stage::Settling { latest: now }, now);
            if let Some(pending) = self.pending.get_mut(&name) {
                (pending.n_failures, pending.n_changes) = (0, 0);
            }
        }
    }

    /// Whether no file needs anything.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.n_turned_away == 0
    }

    pub(super) fn left(&self) -> Left {
        Left {
            n_files: self.pending.len() as u64,
            n_bytes: self.pending.values().map(|pending| pending.n_bytes).sum(),
        }
    }

    /// What was stored; a file that was stored twice counts twice.
    pub(super) fn stored(&self) -> Left {
        self.stored
    }

    /// Every file that is not stored as it is now, and the number of others whose names were not kept.
    pub(super) fn missing(&self) -> (Vec<Missing>, u64) {
        let pending = self.pending.iter().map(|(name, pending)| Missing {
            name: name.to_string(),
            reason: pending.why_missing(),
        });
        let mut missing: Vec<_> = self.lost.iter().cloned().chain(pending).collect();
        missing.sort();
        (missing, self.n_more_lost + self.n_turned_away)
    }

    fn insert(&mut self, name: &str, n_bytes: u64, now: Instant) {
        if self.pending.len() >= self.policy.max_queued {
            self.n_turned_away += 1;
            return;
        }
        let name = Name::from(name);
        self.pending
            .insert(Arc::clone(&name), Pending::new(n_bytes));
        self.settle(&name, now);
    }

    fn settle(&mut self, name: &Name, now: Instant) {
        let alone = self.alone();
        let latest = now + SETTLE_MAX.max(alone);
        self.wait(name, Stage::Settling { latest }, now + alone);
    }

    /// How long a file is left alone. At the end those who wrote are gone, and somebody waits.
    fn alone(&self) -> Duration {
        match self.mode {
            Mode::Running => self.policy.settle,
            Mode::Finishing => self.policy.settle.min(FINISHING_SETTLE),
        }
    }

    /// It was not what it had been: each time in a row it is left alone for longer, so that a file which never holds
    /// still is not sent over and over again.
    fn changed(&mut self, name: &Name, now: Instant) {
        let longest = match self.mode {
            Mode::Running => CHANGING_MAX,
            Mode::Finishing => FINISHING_CHANGING_MAX,
        };
        let alone = self.alone();
        let Some(pending) = self.pending.get_mut(name) else {
            return;
        };
        let pause = doubled(alone, pending.n_changes, longest);
        pending.n_changes = pending.n_changes.saturating_add(1);
        let until = now + pause;
        self.wait(name, Stage::Settling { latest: until }, until);
    }

    fn retry(&mut self, name: &Name, reason: String, (now, random): (Instant, u16)) {
        let longest = match self.mode {
            Mode::Running => self.policy.last_retry,
            Mode::Finishing => self.policy.last_retry.min(FINISHING_RETRY_MAX),
        };
        let Some(pending) = self.pending.get_mut(name) else {
            return;
        };
        let pause = doubled(self.policy.first_retry, pending.n_failures, longest);
        pending.n_failures = pending.n_failures.saturating_add(1);
        pending.reason = Some(reason);
        // Between a half and the whole of it: uploads that failed together are not tried together.
        let pause = pause.mul_f64(0.5 + f64::from(random) / 131_072.0);
        self.wait(name, Stage::Retrying, now + pause);
    }

    fn refused(&mut self, job: &Job, reason: String, now: Instant) {
        let Some(pending) = self.pending.get_mut(&job.name) else {
            return;
        };
        let (stage, last_try) = (pending.stage, pending.last_try);
        pending.reason = Some(reason);
        let changed =
            matches!(stage, Stage::Uploading { mentioned, .. } if mentioned == Mentioned::Since);
        match self.mode {
            _ if changed => self.settle(&job.name, now),
            Mode::Running => self.stage(&job.name, Stage::Refused),
            Mode::Finishing if last_try == LastTry::Ahead => self.settle(&job.name, now),
            Mode::Finishing => self.lose(job),
        }
    }

    /// It had its last try. Its name is kept as long as there is room for names; it is not met again.
    fn lose(&mut self, job: &Job) {
        let Some(pending) = self.remove(&job.name) else {
            return;
        };
        self.closed.insert(&job.name, &job.fingerprint);
        if self.lost.len() < self.policy.max_queued {
            self.lost.push(Missing {
                name: job.name.to_string(),
                reason: pending.why_missing(),
            });
        } else {
            self.n_more_lost += 1;
        }
    }

    fn let_go(&mut self, name: &Name, mentioned: Mentioned, now: Instant) {
        match mentioned {
            Mentioned::Not => {
                self.remove(name);
            }
            Mentioned::Since => self.settle(name, now),
        }
    }

    fn is_due(&self, name: &str) -> bool {
        let pending = self.pending.get(name);
        pending.is_some_and(|pending| pending.due.is_some())
    }

    fn remove(&mut self, name: &Name) -> Option<Pending> {
        let pending = self.pending.remove(name)?;
        if let Some(due) = pending.due {
            self.timed.remove(&due);
        }
        Some(pending)
    }

    /// A stage that ends at some time.
    fn wait(&mut self, name: &Name, stage: Stage, until: Instant) {
        self.stage(name, stage);
        if let Some(pending) = self.pending.get_mut(name) {
            self.n_timed += 1;
            let due = (until, self.n_timed);
            pending.due = Some(due);
            self.timed.insert(due, Arc::clone(name));
        }
    }

    fn stage(&mut self, name: &Name, stage: Stage) {
        if let Some(pending) = self.pending.get_mut(name) {
            pending.stage = stage;
            if let Some(due) = pending.due.take() {
                self.timed.remove(&due);
            }
        }
    }
}

/// `first`, doubled `n` times, and never longer than `longest`.
fn doubled(first: Duration, n: u32, longest: Duration) -> Duration {
    let factor = 1_u32.checked_shl(n).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(longest)
}

/// A file that is mentioned all the time is looked at after this long.
const SETTLE_MAX: Duration = Duration::from_secs(2);
/// Longer than the kernel's time stamps are coarse: then a look tells whether a file still changes.
const FINISHING_SETTLE: Duration = Duration::from_millis(25);
/// The longest pause of a file that never holds still.
const CHANGING_MAX: Duration = Duration::from_secs(30);
/// The same at the end: time is short, and whoever changed it is most likely gone.
const FINISHING_CHANGING_MAX: Duration = Duration::from_secs(1);
/// The longest pause after a failure at the end.
const FINISHING_RETRY_MAX: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests;
