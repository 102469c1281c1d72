mod sequences;

use std::time::{Duration, Instant};

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
    let changes: [fn(&mut Ledger, Instant); 2] = [
        |ledger, now| ledger.found("a", &print(2), now),
        |ledger, now| ledger.mentioned("a", now),
    ];
    let outcomes = [Outcome::Stored, Outcome::Gone, failed(Retry::Never)];
    for (outcome, change) in outcomes
        .iter()
        .flat_map(|o| changes.map(|c| (o.clone(), c)))
    {
        ledger.mentioned("a", now);
        let job = take(&mut ledger, now + SETTLE);
        change(&mut ledger, now);
        // A look that still saw the file that is sent takes nothing back.
        ledger.found("a", &job.fingerprint, now);
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
