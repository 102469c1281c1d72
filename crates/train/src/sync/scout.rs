//! Looks at the folder: hears events, walks, and releases files that hold still.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::{debug, warn};

use super::{
    LastLook, Missing, Notice,
    engine::{Engine, Phase, Role, Thread, random},
    folder::{self, Entry, Kind},
    ledger::Name,
    said::Said,
    snapshot::Fingerprint,
    watch::{Heard, Watches},
    writers::Writers,
};

pub(super) struct Scout {
    engine: Arc<Engine>,
    watches: Option<Watches>,
    coverage: Coverage,
    machines: Machines,
    writers: Writers,
    /// Directories that are new and were not walked yet.
    new_folders: Vec<String>,
    next_rescan: Instant,
    /// No rescan before this, so that looking is never most of what we do.
    earliest_rescan: Instant,
    /// Something was not heard, or this is the end.
    debt: Debt,
    ending: Ending,
    /// `/proc` is not asked before this.
    next_release: Instant,
    said: Said,
}

/// Whether the kernel tells all that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coverage {
    Whole,
    Partial,
}

/// Whose processes can write in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Machines {
    Ours,
    Several,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Debt {
    Nothing,
    Rescan,
}

/// Whether the last look was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Ahead,
    Begun,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Walked {
    Whole,
    CutShort,
}

/// A due file that was looked at.
enum Looked {
    Candidate(Fingerprint),
    Fresh,
    Nothing,
    Failed(String),
}

impl Scout {
    pub(super) fn start(engine: &Arc<Engine>) -> io::Result<()> {
        let now = Instant::now();
        let mut scout = Self {
            engine: Arc::clone(engine),
            watches: None,
            coverage: Coverage::Whole,
            machines: Machines::Ours,
            writers: Writers::of(&engine.root),
            new_folders: Vec::new(),
            next_rescan: now,
            earliest_rescan: now,
            debt: Debt::Rescan,
            ending: Ending::Ahead,
            next_release: now,
            said: Said::about(engine.settings.what),
        };
        Thread::start(engine, Role::Scout, move |_| scout.run())
    }

    fn run(&mut self) {
        self.open_watches();
        while self.goes_on() {
            if self.is_rescan_due() {
                self.rescan();
            }
            while let Some(folder) = self.new_folders.pop() {
                self.walk(folder);
            }
            self.release();
            self.say_overdue();
            self.wait();
            self.hear();
        }
    }

    /// Whether there is anything left to do for this thread. Notices that the end has begun.
    fn goes_on(&mut self) -> bool {
        let state = self.engine.lock();
        let (phase, last_look) = (state.phase, state.last_look);
        drop(state);
        if phase != Phase::Running && self.ending == Ending::Ahead {
            (self.ending, self.debt) = (Ending::Begun, Debt::Rescan);
            // Somebody waits now.
            self.next_release = Instant::now();
        }
        match phase {
            Phase::Running | Phase::Finishing => true,
            Phase::Naming { until } => last_look == LastLook::CutShort && Instant::now() < until,
            Phase::Over => false,
        }
    }

    fn is_rescan_due(&self) -> bool {
        let now = Instant::now();
        let state = self.engine.lock();
        let is_owed = self.debt == Debt::Rescan || state.ledger.owes_look();
        match state.phase {
            Phase::Running => now >= self.next_rescan || (is_owed && now >= self.earliest_rescan),
            Phase::Finishing | Phase::Naming { .. } | Phase::Over => is_owed,
        }
    }

    /// Looks through the whole folder.
    fn rescan(&mut self) {
        let begun = Instant::now();
        let ending = self.ending;
        self.debt = Debt::Nothing;
        self.coverage = Coverage::Whole;
        self.new_folders.clear();
        let mut state = self.engine.lock();
        // Until this look is through, nobody can say that nothing is left.
        state.last_look = LastLook::CutShort;
        let n_turned_away = state.ledger.begin_look();
        state.unsendable.clear();
        state.n_more_unsendable = 0;
        drop(state);
        if n_turned_away > 0 {
            let what = self.what();
            debug!(
                n_turned_away,
                "{what}: files that found no room are looked for"
            );
        }
        let walked = self.walk(String::new());
        if walked == Walked::Whole && ending == Ending::Begun && self.debt == Debt::Nothing {
            self.engine.lock().last_look = LastLook::Whole;
            self.engine.announce_progress();
        }
        let now = Instant::now();
        let took = now - begun;
        self.next_rescan = now + self.rescan_every();
        self.earliest_rescan = now + REST.max(took * 4);
        debug!(?took, "{}: looked through", self.what());
    }

    fn rescan_every(&self) -> Duration {
        let every = self.engine.settings.rescan;
        let watches = self.watches.as_ref();
        let is_watching = watches.is_some_and(|watches| watches.is_watching(""));
        match (self.coverage, self.machines) {
            (Coverage::Whole, Machines::Ours) if is_watching => every,
            (Coverage::Whole | Coverage::Partial, Machines::Ours | Machines::Several) => {
                every.min(UNWATCHED_RESCAN)
            }
        }
    }

    /// Reads a directory and all below it, each watched before it is read.
    fn walk(&mut self, top: String) -> Walked {
        let ending = self.ending;
        let mut unread = vec![top];
        while let Some(folder) = unread.pop() {
            // The last look sees everything that this one would.
            if !self.goes_on() || self.ending != ending {
                return Walked::CutShort;
            }
            self.watch(&folder);
            if self.read(&folder, &mut unread) == Walked::CutShort {
                return Walked::CutShort;
            }
            self.hear();
            self.release();
        }
        Walked::Whole
    }

    fn read(&mut self, folder: &str, unread: &mut Vec<String>) -> Walked {
        let engine = Arc::clone(&self.engine);
        let entries = match folder::entries(&engine.root, folder) {
            Ok(entries) => entries,
            Err(err) if folder::is_gone(&err) => {
                if folder.is_empty() {
                    self.root_is_gone();
                }
                return Walked::Whole;
            }
            Err(err) => {
                self.unreadable(folder, &err);
                return Walked::Whole;
            }
        };
        for (n, entry) in (1_u64..).zip(entries) {
            match entry {
                Ok(Entry::Named(name, Kind::Folder)) => unread.push(name),
                Ok(Entry::Named(name, kind)) => self.met(name, &kind),
                Ok(Entry::Unnameable(shown)) => self.unsendable(shown, NOT_UTF_8.to_owned()),
                Err(err) => self.unreadable(folder, &err),
            }
            if n % MET_AT_A_TIME == 0 {
                if !self.goes_on() {
                    return Walked::CutShort;
                }
                self.hear();
                self.release();
            }
        }
        Walked::Whole
    }

    /// A walk met something that is no directory.
    fn met(&mut self, name: String, kind: &Kind) {
        match kind {
            Kind::File(fingerprint) => {
                let mut state = self.engine.lock();
                state.ledger.found(&name, fingerprint, Instant::now());
            }
            Kind::Link => self.said.link(&name),
            Kind::Special => self.said.special(&name),
            Kind::Folder | Kind::Gone => {}
            Kind::Unreadable(err) => {
                self.unsendable(name, format!("it cannot be looked at: {err}"));
            }
        }
    }

    /// Looks at what is due, and lets go what holds still and nobody writes.
    fn release(&mut self) {
        let begun = Instant::now();
        if begun < self.next_release {
            return;
        }
        let state = self.engine.lock();
        let due = match state.phase {
            Phase::Running | Phase::Finishing => state.ledger.due(begun),
            Phase::Naming { .. } | Phase::Over => Vec::new(),
        };
        let (hold, pause) = match state.phase {
            Phase::Running => (self.rescan_every(), RELEASE_EVERY),
            Phase::Finishing | Phase::Naming { .. } | Phase::Over => {
                (RELEASE_EVERY, LAST_RELEASES_EVERY)
            }
        };
        drop(state);
        if due.is_empty() {
            return;
        }
        let looked: Vec<(Name, Looked)> = due
            .into_iter()
            .map(|name| {
                let looked = self.look(&name);
                (name, looked)
            })
            .collect();
        // After the looks: whoever opens a file later changes what the looks saw, or nothing.
        let written = self.writers.look();
        let now = Instant::now();
        let mut state = self.engine.lock();
        let ledger = &mut state.ledger;
        for (name, looked) in looked {
            match looked {
                Looked::Candidate(fingerprint) if ledger.is_closed(&name, &fingerprint) => {
                    ledger.forget(&name);
                }
                Looked::Candidate(_) if written.contains(&*name) => ledger.hold(&name, now + hold),
                Looked::Candidate(fingerprint) => ledger.release(&name, &fingerprint),
                Looked::Fresh => ledger.settle_again(&name, now),
                Looked::Nothing => ledger.forget(&name),
                Looked::Failed(reason) => ledger.failed(&name, reason, (now, random())),
            }
        }
        drop(state);
        self.engine.announce_work();
        self.engine.announce_progress();
        self.next_release = now + pause.max((now - begun) * 10);
    }

    fn look(&mut self, name: &str) -> Looked {
        match folder::look(&self.engine.root.join(name)) {
            Kind::File(fingerprint) if fingerprint.is_fresh(SystemTime::now()) => Looked::Fresh,
            // Who empties a file to write it has no descriptor yet that `/proc` could show. At the end nobody does.
            Kind::File(fingerprint)
                if self.ending == Ending::Ahead && fingerprint.is_just_empty(SystemTime::now()) =>
            {
                Looked::Fresh
            }
            Kind::File(fingerprint) => Looked::Candidate(fingerprint),
            Kind::Folder | Kind::Gone => Looked::Nothing,
            Kind::Unreadable(err) => Looked::Failed(format!("it cannot be looked at: {err}")),
            Kind::Link => {
                self.said.link(name);
                Looked::Nothing
            }
            Kind::Special => {
                self.said.special(name);
                Looked::Nothing
            }
        }
    }

    fn hear(&mut self) {
        let Some(watches) = &mut self.watches else {
            return;
        };
        let heard = watches.read();
        let now = Instant::now();
        for what in heard {
            match what {
                Heard::File(name) => self.engine.lock().ledger.mentioned(&name, now),
                Heard::Folder(name) => self.new_folders.push(name),
                // The next walk meets it, and keeps its name.
                Heard::Unnameable(shown) => self.said.unsendable(&shown, NOT_UTF_8),
                Heard::RootGone => {
                    self.forget_watches();
                    self.debt = Debt::Rescan;
                }
                Heard::Lost => {
                    debug!("{}: too much happened at once to be told", self.what());
                    self.debt = Debt::Rescan;
                    self.engine.lock().last_look = LastLook::CutShort;
                }
            }
        }
    }

    /// Waits for an event, an alarm, or the time of something.
    fn wait(&self) {
        let left = self.next_wake().saturating_duration_since(Instant::now());
        // A millisecond more, so that nothing is a little too early.
        let timeout = Timespec::try_from(left + Duration::from_millis(1)).ok();
        let mut fds = vec![PollFd::from_borrowed_fd(self.engine.alarm(), PollFlags::IN)];
        if let Some(watches) = &self.watches {
            fds.push(PollFd::new(watches, PollFlags::IN));
        }
        // Interrupted is as good as woken.
        let _ = poll(&mut fds, timeout.as_ref());
        self.engine.quiet_alarm();
    }

    fn next_wake(&self) -> Instant {
        let now = Instant::now();
        let state = self.engine.lock();
        let is_owed = self.debt == Debt::Rescan || state.ledger.owes_look();
        let rescan = match state.phase {
            Phase::Running if is_owed => self.earliest_rescan.min(self.next_rescan),
            Phase::Running => self.next_rescan,
            Phase::Finishing if is_owed => now,
            Phase::Finishing => now + LONGEST_WAIT,
            Phase::Naming { .. } | Phase::Over => now,
        };
        let due = state.ledger.next_due();
        let release = due.map(|due| due.max(self.next_release));
        let wakes = [Some(rescan), release, state.complaints.next()];
        wakes.into_iter().flatten().min().unwrap_or(now)
    }

    fn open_watches(&mut self) {
        if self.engine.settings.notice == Notice::Rescans {
            return;
        }
        match Watches::new(&self.engine.root) {
            Ok(watches) => self.watches = Some(watches),
            Err(err) => self.said.unwatched(&err, UNWATCHED_RESCAN),
        }
        let remote = rustix::fs::statfs(&self.engine.root).is_ok_and(|fs| is_remote(fs.f_type));
        if remote {
            self.machines = Machines::Several;
            self.said.remote(UNWATCHED_RESCAN);
        }
    }

    fn watch(&mut self, folder: &str) {
        let Some(watches) = &mut self.watches else {
            return;
        };
        match watches.add(folder) {
            Ok(()) => {}
            Err(err) if folder::is_gone(&err) => {}
            Err(err) => {
                self.coverage = Coverage::Partial;
                self.said.unwatched(&err, UNWATCHED_RESCAN);
            }
        }
    }

    fn forget_watches(&mut self) {
        if let Some(watches) = &mut self.watches {
            watches.remove("");
        }
    }

    fn root_is_gone(&mut self) {
        self.forget_watches();
        self.said.root_is_gone(&self.engine.root);
    }

    fn say_overdue(&self) {
        let n_more = self.engine.lock().complaints.overdue(Instant::now());
        if let Some(n_more) = n_more {
            warn!(n_more, "{}: more uploads failed", self.what());
        }
    }

    fn unreadable(&mut self, folder: &str, err: &io::Error) {
        let shown = match folder {
            "" => ".",
            folder => folder,
        };
        self.unsendable(format!("{shown}/"), format!("it cannot be read: {err}"));
    }

    /// A walk met something that can't be uploaded as long as it is what it is.
    fn unsendable(&mut self, name: String, reason: String) {
        self.said.unsendable(&name, &reason);
        let mut state = self.engine.lock();
        if state.unsendable.len() < UNSENDABLE_MAX {
            state.unsendable.push(Missing { name, reason });
        } else {
            state.n_more_unsendable += 1;
        }
    }

    fn what(&self) -> &'static str {
        self.engine.settings.what
    }
}

/// File systems on which other machines can write: NFS, SMB, Ceph, Lustre, GPFS, AFS, 9P.
fn is_remote(magic: impl TryInto<u64>) -> bool {
    let magic = magic.try_into().unwrap_or(0);
    matches!(
        magic,
        0x6969
            | 0x517B
            | 0xFE53_4D42
            | 0xFF53_4D42
            | 0x00C3_6400
            | 0x0BD0_0BD0
            | 0x4750_4653
            | 0x5346_414F
            | 0x0102_1997
    )
}

const NOT_UTF_8: &str = "its name is not UTF-8";
/// How often the folder is looked through where the kernel does not tell all that happens.
const UNWATCHED_RESCAN: Duration = Duration::from_secs(5);
/// The shortest time between two looks through the folder.
const REST: Duration = Duration::from_millis(200);
/// `/proc` is asked once a second at most.
const RELEASE_EVERY: Duration = Duration::from_secs(1);
/// At the end somebody waits for it.
const LAST_RELEASES_EVERY: Duration = Duration::from_millis(50);
/// As good as for ever: an alarm wakes.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// So many entries of one directory are met before anything else is done.
const MET_AT_A_TIME: u64 = 1024;
/// So many names that can't be uploaded are kept.
const UNSENDABLE_MAX: usize = 10_000;

#[cfg(test)]
mod tests;
