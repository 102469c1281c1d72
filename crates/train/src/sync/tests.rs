//! Real folders, real files and real writers. Only the destination is in memory: what it does is scripted, because a
//! real one does not fail when it is told to.

mod appearing;
mod ending;
mod failing;
pub(in crate::sync) mod log;
mod odd;
mod restless;

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use super::{Destination, Notice, Put, PutError, Report, Retry, Settings, Snapshot, Sync};

/// Long enough for a machine that is busy with other things.
const LONG: Duration = Duration::from_mins(1);

/// What the destination does with one upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Store,
    Fail,
    Refuse,
    Panic,
    /// Read, and then wait for [`Store::release`].
    Hold,
    /// Wait for ever, whatever happens.
    Hang,
}

type Script = Box<dyn Fn(&str, usize) -> Act + Send + std::marker::Sync>;

/// Keeps objects in memory.
struct Store {
    /// What to do with the `n`th upload of a name, counted from 1.
    script: Script,
    state: Mutex<StoreState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct StoreState {
    objects: BTreeMap<String, Vec<u8>>,
    /// Every upload that began, by name.
    begun: BTreeMap<String, usize>,
    running: BTreeMap<String, usize>,
    n_stored: usize,
    n_changed: usize,
    released: bool,
    given_up: bool,
}

impl Store {
    fn new(script: impl Fn(&str, usize) -> Act + Send + std::marker::Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            script: Box::new(script),
            state: Mutex::default(),
            changed: Condvar::new(),
        })
    }

    fn faultless() -> Arc<Self> {
        Self::new(|_, _| Act::Store)
    }

    #[track_caller]
    fn wait_for(&self, what: &str, condition: impl Fn(&StoreState) -> bool) {
        let state = self.state.lock().unwrap();
        let (state, timeout) = self
            .changed
            .wait_timeout_while(state, LONG, |state| !condition(state))
            .unwrap();
        let begun = state.begun.clone();
        // A failed test must leave the lock whole for the threads that end with it.
        drop(state);
        assert!(!timeout.timed_out(), "no {what}: {begun:?}");
    }

    #[track_caller]
    fn wait_for_object(&self, name: &str, content: &[u8]) {
        self.wait_for(name, |state| {
            state.objects.get(name).is_some_and(|have| have == content)
        });
    }

    fn object(&self, name: &str) -> Option<Vec<u8>> {
        self.state.lock().unwrap().objects.get(name).cloned()
    }

    fn n_begun(&self, name: &str) -> usize {
        let begun = &self.state.lock().unwrap().begun;
        begun.get(name).copied().unwrap_or_default()
    }

    fn release(&self) {
        self.state.lock().unwrap().released = true;
        self.changed.notify_all();
    }

    fn is_given_up(&self) -> bool {
        self.state.lock().unwrap().given_up
    }

    fn begin(&self, name: &str) -> Act {
        let mut state = self.state.lock().unwrap();
        let n = state.begun.entry(name.to_owned()).or_default();
        *n += 1;
        let act = (self.script)(name, *n);
        let running = state.running.entry(name.to_owned()).or_default();
        *running += 1;
        assert_eq!(*running, 1, "two uploads of `{name}` at once");
        drop(state);
        self.changed.notify_all();
        act
    }

    fn act(&self, act: Act, name: &str, snapshot: &Snapshot) -> Result<Put, PutError> {
        let failed = |retry| PutError::Failed {
            reason: format!("no luck with {name}"),
            retry,
        };
        let mut content = vec![0; usize::try_from(snapshot.n_bytes()).unwrap()];
        let is_read = snapshot.read_exact_at(&mut content, 0).is_ok();
        let state = self.state.lock().unwrap();
        let mut state = match act {
            Act::Store => state,
            Act::Fail => return Err(failed(Retry::Later)),
            Act::Refuse => return Err(failed(Retry::Never)),
            Act::Panic => {
                drop(state);
                panic!("a panic of the destination");
            }
            Act::Hold => {
                let waiting = |state: &mut StoreState| !state.released && !state.given_up;
                self.changed.wait_while(state, waiting).unwrap()
            }
            Act::Hang => self.changed.wait_while(state, |_| true).unwrap(),
        };
        if state.given_up {
            return Err(PutError::GivenUp);
        }
        if !is_read || !snapshot.is_unchanged() {
            state.n_changed += 1;
            return Ok(Put::Changed);
        }
        state.objects.insert(name.to_owned(), content);
        state.n_stored += 1;
        Ok(Put::Stored)
    }
}

impl Destination for Store {
    fn put(&self, name: &str, snapshot: &Snapshot) -> Result<Put, PutError> {
        /// An upload that counts as running until it ends, also by a panic.
        struct Running<'a>(&'a Store, &'a str);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                let mut state = self.0.state.lock().unwrap();
                *state.running.get_mut(self.1).unwrap() -= 1;
                drop(state);
                self.0.changed.notify_all();
            }
        }
        let act = self.begin(name);
        let _running = Running(self, name);
        self.act(act, name, snapshot)
    }

    fn give_up(&self) {
        self.state.lock().unwrap().given_up = true;
        self.changed.notify_all();
    }
}

/// A folder in memory where there is one.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        tempfile::tempdir_in(memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    }
}

fn settings() -> Settings {
    Settings {
        what: "test files",
        settle: Duration::from_millis(30),
        first_retry: Duration::from_millis(50),
        last_retry: Duration::from_millis(400),
        ..Settings::default()
    }
}

/// Looks through the folder all the time, and hears nothing.
fn deaf() -> Settings {
    Settings {
        rescan: Duration::from_millis(300),
        notice: Notice::Rescans,
        ..settings()
    }
}

#[track_caller]
fn start(root: &Path, store: &Arc<Store>, settings: Settings) -> Sync {
    Sync::start(root, Arc::clone(store) as _, settings, &[]).unwrap()
}

fn finish(sync: Sync) -> Report {
    finish_within(sync, LONG)
}

fn finish_within(sync: Sync, time: Duration) -> Report {
    let deadline = Instant::now() + time;
    sync.finish(&|| deadline)
}

#[track_caller]
fn check_whole(report: &Report) {
    assert!(report.is_whole(), "{report:?}");
}

fn missing(report: &Report) -> Vec<(&str, &str)> {
    let missing = report.missing.iter();
    missing
        .map(|missing| (missing.name.as_str(), missing.reason.as_str()))
        .collect()
}

fn write(root: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = fs::File::create(&path).unwrap();
    file.write_all(content.as_ref()).unwrap();
    path
}
