use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::{Closed, Job, Ledger, Left, Missing, Name, Outcome, Policy};
use crate::sync::{Retry, snapshot::Fingerprint};

const SETTLE: Duration = Duration::from_millis(100);
const FIRST_RETRY: Duration = Duration::from_secs(2);
const LAST_RETRY: Duration = Duration::from_mins(5);

fn ledger(max_queued: usize) -> Ledger {
    Ledger::new(Policy {
        settle: SETTLE,
        first_retry: FIRST_RETRY,
        last_retry: LAST_RETRY,
        max_queued,
    })
}

/// A file's `n`th content, of `n` bytes.
fn print(n: u64) -> Fingerprint {
    Fingerprint {
        n_bytes: n,
        ..Fingerprint::default()
    }
}

fn names(due: &[Name]) -> Vec<&str> {
    due.iter().map(|name| &**name).collect()
}

fn failed(retry: Retry) -> Outcome {
    Outcome::Failed {
        reason: "no luck".to_owned(),
        retry,
    }
}

/// Releases what is due, as its first content, and takes the first.
#[track_caller]
fn take(ledger: &mut Ledger, now: Instant) -> Job {
    for name in ledger.due(now) {
        ledger.release(&name, &print(1));
    }
    ledger.take().unwrap()
}

#[test]
fn a_file_is_due_when_it_was_left_alone() {
    let (mut ledger, start) = (ledger(10), Instant::now());
    let at = |ms| start + Duration::from_millis(ms);
    ledger.mentioned("a", at(0));
    ledger.found("b", &print(1), at(30));
    ledger.mentioned("a", at(60));
    assert_eq!(ledger.next_due(), Some(at(130)));
    assert_eq!(names(&ledger.due(at(129))), [""; 0]);
    assert_eq!(names(&ledger.due(at(130))), ["b"]);
    assert_eq!(names(&ledger.due(at(160))), ["b", "a"]);
    // It stays due until it is dealt with.
    assert_eq!(names(&ledger.due(at(160))), ["b", "a"]);
}

#[test]
fn a_file_that_is_never_left_alone_is_due_after_two_seconds() {
    let (mut ledger, start) = (ledger(10), Instant::now());
    for ms in (0..5000).step_by(50) {
        ledger.mentioned("a", start + Duration::from_millis(ms));
    }
    assert_eq!(ledger.next_due(), Some(start + Duration::from_secs(2)));
}

#[test]
fn files_are_taken_in_the_order_of_their_release_and_once() {
    let (mut ledger, now) = (ledger(10), Instant::now());
    for name in ["b", "a", "c"] {
        ledger.mentioned(name, now);
    }
    let taken: Vec<_> = ["b", "a", "c"]
        .map(|_| take(&mut ledger, now + SETTLE))
        .into();
    let order: Vec<_> = taken.iter().map(|job| &*job.name).collect();
    assert_eq!(order, ["b", "a", "c"]);
    assert_eq!(ledger.take(), None);
    assert!(!ledger.is_idle());
    for job in &taken {
        ledger.end(job, Outcome::Stored, (now, 0));
    }
    assert!(ledger.is_idle());
    let expected = Left {
        n_files: 3,
        n_bytes: 3,
    };
    assert_eq!(ledger.stored(), expected);
    // The end of an upload that nobody began changes nothing.
    ledger.end(&taken[0], failed(Retry::Later), (now, 0));
    assert!(ledger.is_idle());
}

#[test]
fn a_stored_file_needs_nothing_until_it_changes() {
    let (mut ledger, now) = (ledger(10), Instant::now());
    ledger.close("a", &print(1));
    ledger.found("a", &print(1), now);
    assert!(ledger.is_idle() && ledger.is_closed("a", &print(1)));
    ledger.found("a", &print(2), now);
    assert!(!ledger.is_idle() && !ledger.is_closed("a", &print(2)));
    assert!(!ledger.is_closed("b", &print(1)));
}

#[test]
fn a_change_during_an_upload_makes_it_settle_after_it() {
    let (mut ledger, now) = (ledger(10), Instant::now());
    for outcome in [Outcome::Stored, Outcome::Gone, failed(Retry::Never)] {
        ledger.mentioned("a", now);
        let job = take(&mut ledger, now + SETTLE);
        // The same file as the one that is sent.
        ledger.found("a", &job.fingerprint, now);
        assert_eq!(ledger.next_due(), None);
        ledger.found("a", &print(2), now);
        ledger.mentioned("a", now);
        assert_eq!(ledger.next_due(), None);
        ledger.end(&job, outcome, (now, 0));
        assert_eq!(ledger.next_due(), Some(now + SETTLE));
        ledger.forget(&job.name);
        assert!(ledger.is_idle());
    }
}

#[test]
fn failures_back_off() {
    let (mut ledger, mut now) = (ledger(10), Instant::now());
    ledger.mentioned("a", now);
    now += SETTLE;
    for (n, expected_s) in [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
        .into_iter()
        .enumerate()
    {
        let job = take(&mut ledger, now);
        // The random number moves it between a half and the whole of the pause.
        let random = if n % 2 == 0 { u16::MAX } else { 0 };
        ledger.end(&job, failed(Retry::Later), (now, random));
        let pause = ledger.next_due().unwrap() - now;
        let expected = Duration::from_secs(expected_s);
        let expected = if n % 2 == 0 { expected } else { expected / 2 };
        assert!(
            pause <= expected && pause * 1001 >= expected * 1000,
            "{n}: {pause:?}"
        );
        // News of it change nothing: the destination is what fails.
        ledger.mentioned("a", now);
        assert_eq!(ledger.next_due(), Some(now + pause));
        now += pause;
    }
    let job = take(&mut ledger, now);
    ledger.end(&job, Outcome::Stored, (now, 0));
    ledger.mentioned("a", now);
    now += SETTLE;
    let job = take(&mut ledger, now);
    ledger.end(&job, failed(Retry::Later), (now, u16::MAX));
    assert!(ledger.next_due().unwrap() <= now + FIRST_RETRY);
}

#[test]
fn a_file_that_changes_under_every_upload_is_left_alone_for_longer_each_time() {
    let (mut ledger, mut now) = (ledger(10), Instant::now());
    ledger.mentioned("a", now);
    now += SETTLE;
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let job = take(&mut ledger, now);
        ledger.end(&job, Outcome::Changed, (now, 0));
        // News of it do not make it sooner.
        ledger.mentioned("a", now);
        let pause = ledger.next_due().unwrap() - now;
        pauses.push(pause.as_millis());
        now += pause;
    }
    let expected = [
        100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000,
    ];
    assert_eq!(pauses, expected);
    let (missing, _) = ledger.missing();
    assert_eq!(missing[0].reason, "it was changed again and again");
}

#[test]
fn a_held_file_is_looked_at_when_it_is_mentioned() {
    let (mut ledger, now) = (ledger(10), Instant::now());
    ledger.mentioned("a", now);
    let hour = Duration::from_hours(1);
    ledger.hold(&"a".into(), now + hour);
    assert_eq!(ledger.next_due(), Some(now + hour));
    assert_eq!(
        ledger.missing().0[0].reason,
        "a process has it open for writing"
    );
    ledger.mentioned("a", now);
    assert_eq!(ledger.next_due(), Some(now + SETTLE));
}

#[test]
fn what_finds_no_room_is_owed_a_look() {
    let (mut ledger, now) = (ledger(4), Instant::now());
    for n in 0..6 {
        ledger.mentioned(&n.to_string(), now);
    }
    assert_eq!(ledger.left().n_files, 4);
    assert_eq!(ledger.missing().1, 2);
    assert!(!ledger.owes_look());
    for _ in 0..2 {
        let job = take(&mut ledger, now + SETTLE);
        ledger.end(&job, Outcome::Stored, (now, 0));
    }
    assert!(ledger.owes_look());
    ledger.begin_look();
    for n in 0..6 {
        ledger.found(&n.to_string(), &print(1), now);
    }
    assert_eq!(ledger.left().n_files, 4);
    assert_eq!(ledger.missing().1, 0);
    assert!(!ledger.owes_look() && !ledger.is_idle());
}

#[test]
fn nothing_is_left_while_something_was_turned_away() {
    let (mut ledger, now) = (ledger(1), Instant::now());
    ledger.mentioned("a", now);
    ledger.mentioned("b", now);
    let job = take(&mut ledger, now + SETTLE);
    ledger.end(&job, Outcome::Stored, (now, 0));
    assert!(!ledger.is_idle());
}

#[test]
fn a_refused_file_has_one_more_try_at_the_end() {
    let (mut ledger, now) = (ledger(1), Instant::now());
    ledger.mentioned("a", now);
    let first = take(&mut ledger, now + SETTLE);
    ledger.end(&first, failed(Retry::Never), (now, 0));
    assert_eq!(ledger.next_due(), None);
    ledger.finish(now);
    let last = take(&mut ledger, now);
    ledger.end(&last, failed(Retry::Never), (now, 0));
    let lost = Missing {
        name: "a".to_owned(),
        reason: "no luck".to_owned(),
    };
    assert!(ledger.is_idle());
    assert_eq!(ledger.missing(), (vec![lost.clone()], 0));
    // It is not met again, and takes no room: but there is no room for a second name either.
    ledger.found("a", &print(1), now);
    assert!(ledger.is_idle());
    ledger.found("b", &print(1), now);
    let other = take(&mut ledger, now + SETTLE);
    ledger.end(&other, Outcome::GivenUp, (now, 0));
    assert_eq!(ledger.missing(), (vec![lost], 1));
}

#[test]
fn an_upload_that_runs_when_the_end_begins_still_has_its_last_try() {
    let (mut ledger, now) = (ledger(1), Instant::now());
    ledger.mentioned("a", now);
    let first = take(&mut ledger, now + SETTLE);
    ledger.finish(now);
    ledger.end(&first, failed(Retry::Never), (now, 0));
    let last = take(&mut ledger, now + SETTLE);
    ledger.end(&last, Outcome::Stored, (now, 0));
    assert_eq!(ledger.missing(), (vec![], 0));
}

#[test]
fn at_the_end_nothing_waits_for_long() {
    let (mut ledger, now) = (ledger(10), Instant::now());
    for name in ["failed", "held", "settling"] {
        ledger.mentioned(name, now);
    }
    let job = take(&mut ledger, now + SETTLE);
    assert_eq!(&*job.name, "failed");
    ledger.end(&job, failed(Retry::Later), (now, u16::MAX));
    ledger.finish(now);
    assert_eq!(names(&ledger.due(now)), ["failed"]);
    for _ in 0..20 {
        let when = ledger.next_due().unwrap();
        let due = ledger.due(when);
        let name = due.iter().find(|name| &***name == "failed").unwrap();
        ledger.failed(name, "no luck".to_owned(), (when, u16::MAX));
        assert!(ledger.next_due().unwrap() <= when + Duration::from_secs(15));
    }
}

#[test]
fn a_file_that_needs_nothing_is_16_bytes() {
    fn entry_bytes<K, V>(_: &std::collections::HashMap<K, V>) -> usize {
        size_of::<(K, V)>()
    }
    assert_eq!(entry_bytes(&Closed::default().entries), 16);
}

/// What can happen to a folder and to uploads.
#[derive(Debug, Clone)]
enum Step {
    /// A file is written, and the kernel says so or not.
    Write {
        file: usize,
        told: bool,
    },
    Remove {
        file: usize,
    },
    /// Somebody looks through the folder.
    Look,
    Pass {
        ms: u64,
    },
    /// What is due is released, held, or found to be fresh.
    Release {
        choice: u8,
    },
    Take,
    /// The `nth` running upload ends.
    End {
        nth: usize,
        how: How,
    },
    Finish,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Well,
    Later,
    Never,
    GivenUp,
}

fn step() -> impl Strategy<Value = Step> {
    let file = || 0..N_FILES;
    let how = prop_oneof![
        4 => Just(How::Well),
        1 => Just(How::Later),
        1 => Just(How::Never),
        1 => Just(How::GivenUp),
    ];
    prop_oneof![
        6 => (file(), any::<bool>()).prop_map(|(file, told)| Step::Write { file, told }),
        1 => file().prop_map(|file| Step::Remove { file }),
        2 => Just(Step::Look),
        4 => (0_u64..3000).prop_map(|ms| Step::Pass { ms }),
        4 => any::<u8>().prop_map(|choice| Step::Release { choice }),
        6 => Just(Step::Take),
        6 => (0_usize..4, how).prop_map(|(nth, how)| Step::End { nth, how }),
        1 => Just(Step::Finish),
    ]
}

const N_FILES: usize = 6;

/// A folder, a destination, and the ledger between them.
struct World {
    ledger: Ledger,
    now: Instant,
    /// Which content each file has, if it is there.
    files: BTreeMap<String, u64>,
    stored: BTreeMap<String, u64>,
    running: Vec<Job>,
    n_writes: u64,
    max_queued: usize,
    finishing: bool,
}

impl World {
    fn new(max_queued: usize) -> Self {
        Self {
            ledger: ledger(max_queued),
            now: Instant::now(),
            files: BTreeMap::new(),
            stored: BTreeMap::new(),
            running: Vec::new(),
            n_writes: 0,
            max_queued,
            finishing: false,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Write { file, told } => {
                self.n_writes += 1;
                self.files.insert(file.to_string(), self.n_writes);
                if *told {
                    self.ledger.mentioned(&file.to_string(), self.now);
                }
            }
            Step::Remove { file } => {
                self.files.remove(&file.to_string());
            }
            Step::Look => self.look(),
            Step::Pass { ms } => self.now += Duration::from_millis(*ms),
            Step::Release { choice } => self.release(*choice),
            Step::Take => self.take(),
            Step::End { nth, how } => self.end(*nth, *how),
            Step::Finish => {
                self.finishing = true;
                self.ledger.finish(self.now);
            }
        }
        assert!(self.ledger.left().n_files <= self.max_queued as u64);
        let n_timed = self.ledger.timed.len();
        let pending = self.ledger.pending.values();
        assert_eq!(
            pending.filter(|pending| pending.due.is_some()).count(),
            n_timed
        );
    }

    fn look(&mut self) {
        self.ledger.begin_look();
        for (name, content) in &self.files {
            self.ledger.found(name, &print(*content), self.now);
        }
    }

    fn release(&mut self, choice: u8) {
        for (n, name) in self.ledger.due(self.now).iter().enumerate() {
            let Some(content) = self.files.get(&**name) else {
                self.ledger.forget(name);
                continue;
            };
            let fingerprint = print(*content);
            match choice >> (2 * (n % 4)) & 0b11 {
                _ if self.ledger.is_closed(name, &fingerprint) => self.ledger.forget(name),
                0 => self.ledger.hold(name, self.now + Duration::from_secs(5)),
                1 => self.ledger.settle_again(name, self.now),
                _ => self.ledger.release(name, &fingerprint),
            }
        }
    }

    fn take(&mut self) {
        let Some(job) = self.ledger.take() else {
            return;
        };
        let is_running = self.running.iter().any(|other| other.name == job.name);
        assert!(!is_running, "two uploads of `{}` at once", job.name);
        self.running.push(job);
    }

    fn end(&mut self, nth: usize, how: How) {
        if nth >= self.running.len() {
            return;
        }
        let job = self.running.remove(nth);
        let content = self.files.get(&*job.name).copied();
        let outcome = match how {
            // At the end this would be a loss, which is said.
            How::Never if !self.finishing => failed(Retry::Never),
            How::GivenUp if !self.finishing => Outcome::GivenUp,
            How::Later => failed(Retry::Later),
            _ if content.is_none() => Outcome::Gone,
            _ if content != Some(job.fingerprint.n_bytes) => Outcome::Changed,
            _ => {
                self.stored
                    .insert(job.name.to_string(), job.fingerprint.n_bytes);
                Outcome::Stored
            }
        };
        self.ledger.end(&job, outcome, (self.now, 0));
    }

    /// The last look, and then everything goes well.
    fn settle(&mut self) {
        self.finishing = true;
        self.ledger.finish(self.now);
        self.look();
        for _ in 0..1000 {
            if self.ledger.is_idle() && self.running.is_empty() {
                return;
            }
            if self.ledger.owes_look() {
                self.look();
            }
            self.now = self.ledger.next_due().unwrap_or(self.now).max(self.now);
            self.release(u8::MAX);
            self.take();
            self.end(0, How::Well);
        }
        panic!("it never ends: {:?}", self.ledger);
    }
}

proptest! {
    #[test]
    fn no_change_is_ever_lost(
        max_queued in 1_usize..10,
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let mut world = World::new(max_queued);
        for step in &steps {
            world.step(step);
        }
        world.settle();
        prop_assert_eq!(world.ledger.missing(), (vec![], 0));
        for (name, content) in &world.files {
            prop_assert_eq!(world.stored.get(name), Some(content), "{}", name);
        }
    }
}
