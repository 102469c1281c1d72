use std::time::{Duration, Instant};

use optml_contract::failure::{Ended, Failure, Phase};

use super::{Act, Bounds, Course};
use crate::{
    failing::message,
    link::message::{Member, Terms},
};

const BOUNDS: Bounds = Bounds {
    join: Duration::from_mins(15),
    settle: Duration::from_secs(1),
    after_failure: Duration::from_secs(30),
    after_stop: Duration::from_secs(110),
    last_words: Duration::from_secs(10),
};

const START: Act = Act::Start {
    share_a_name: false,
};

fn stop_within(seconds: u64, gently: bool) -> Act {
    Act::Stop {
        grace: Duration::from_secs(seconds),
        gently,
    }
}

fn terms(n_hosts: u32) -> Terms {
    Terms {
        n_hosts,
        launcher: "native".to_owned(),
        processes_per_host: 1,
        version: "1".to_owned(),
    }
}

fn member(rank: u32, n_hosts: u32) -> Member {
    Member {
        rank,
        host: format!("algo-{}", rank + 1),
        node_name: format!("ip-10-0-0-{rank}"),
        terms: terms(n_hosts),
    }
}

/// A job that runs on all its hosts.
fn running(n_hosts: u32, now: Instant) -> Course {
    let mut course = Course::new(terms(n_hosts), &[], BOUNDS, now);
    for rank in 0..n_hosts {
        course.join(&member(rank, n_hosts), now).unwrap();
    }
    let acts: Vec<_> = (0..n_hosts)
        .filter_map(|rank| course.ready(rank, None))
        .collect();
    assert_eq!(acts, [START]);
    course
}

fn failure(text: &str) -> Box<Failure> {
    let mut failure = Failure::new(Phase::Script);
    failure.exception = Some(message(text.to_owned()));
    failure.ended = Some(Ended::Exited { code: 1 });
    Box::new(failure)
}

fn text(act: Option<Act>) -> String {
    match act {
        Some(Act::Over(Err(failure))) => failure.exception.unwrap().headline(),
        other => panic!("it is over for a reason: {other:?}"),
    }
}

fn after(now: Instant, seconds: u64) -> Instant {
    now + Duration::from_secs(seconds)
}

#[test]
fn nothing_begins_before_all_are_ready() {
    let now = Instant::now();
    let mut course = Course::new(terms(2), &["a".to_owned(), "b".to_owned()], BOUNDS, now);
    assert_eq!(course.missing(), ["a", "b"]);
    course.join(&member(0, 2), now).unwrap();
    assert_eq!(course.ready(0, None), None);
    assert_eq!(course.missing(), ["b"]);
    course.join(&member(1, 2), now).unwrap();
    // However long it installs: it is there.
    assert_eq!(course.tick(after(now, 10_000)), None);
    assert_eq!(course.ready(1, None), Some(START));
}

#[test]
fn a_good_end_is_that_of_all() {
    let now = Instant::now();
    let mut course = running(3, now);
    assert_eq!(course.deadline(), None);
    assert_eq!(course.ended(2, None, now), None);
    assert_eq!(course.ended(0, None, now), None);
    assert_eq!(course.ended(1, None, now), Some(Act::Over(Ok(()))));
}

#[test]
fn a_failure_is_of_the_host_that_tells_of_it() {
    let now = Instant::now();
    let mut course = running(2, now);
    course.failing(1, failure("no memory"), now);
    course.ended(1, None, now);
    let Some(Act::Over(Err(told))) = course.ended(0, None, now) else {
        panic!("it is over");
    };
    assert_eq!(told.host.as_deref(), Some("algo-2"));
    let mut course = running(2, now);
    let mut of_another = failure("no memory");
    of_another.host = Some("algo-9".to_owned());
    course.failing(1, of_another, now);
    course.ended(1, None, now);
    let Some(Act::Over(Err(told))) = course.ended(0, None, now) else {
        panic!("it is over");
    };
    assert_eq!(told.host.as_deref(), Some("algo-9"));
}

#[test]
fn a_failure_settles_then_stops_then_is_over() {
    let now = Instant::now();
    let mut course = running(2, now);
    course.failing(1, failure("one"), now);
    assert_eq!(course.tick(now), None);
    course.failing(0, failure("zero"), now);
    let stop = after(now, 1);
    assert_eq!(course.deadline(), Some(stop));
    assert_eq!(course.tick(stop), Some(stop_within(30, false)));
    assert_eq!(course.ended(1, Some(failure("late")), stop), None);
    assert_eq!(text(course.ended(0, None, stop)), "zero");
    assert!(course.is_over());
}

#[test]
fn a_host_that_does_not_end_is_not_waited_for() {
    let now = Instant::now();
    let mut course = running(2, now);
    course.failing(1, failure("one"), now);
    course.tick(after(now, 1));
    course.ended(1, None, after(now, 2));
    assert_eq!(course.tick(after(now, 40)), None);
    assert_eq!(text(course.tick(after(now, 41))), "one");
}

#[test]
fn a_host_that_is_stopped_leaves_the_others_their_grace() {
    let now = Instant::now();
    let mut course = running(2, now);
    let mut stopped = failure("SIGTERM");
    stopped.ended = Some(Ended::Stopped {
        signal: 15,
        code: 143,
        killed: false,
    });
    course.ended(1, Some(stopped), now);
    assert_eq!(course.tick(after(now, 1)), Some(stop_within(110, true)));
}

#[test]
fn a_lost_host_is_a_failure_unless_it_had_ended() {
    let now = Instant::now();
    let mut course = running(2, now);
    course.ended(1, None, now);
    assert_eq!(course.lost(1, "it closed the connection", now), None);
    assert_eq!(course.ended(0, None, now), Some(Act::Over(Ok(()))));
    let mut course = running(2, now);
    assert_eq!(course.lost(1, "it closed the connection", now), None);
    assert_eq!(
        text(course.ended(0, None, now)),
        "host `algo-2` is gone: it closed the connection"
    );
}

#[test]
fn a_failure_before_the_beginning_ends_it() {
    let now = Instant::now();
    let mut course = Course::new(terms(3), &[], BOUNDS, now);
    course.join(&member(0, 3), now).unwrap();
    course.join(&member(1, 3), now).unwrap();
    course.ended(1, Some(failure("no such package")), now);
    assert!(matches!(course.tick(after(now, 1)), Some(Act::Stop { .. })));
    assert_eq!(course.ready(0, None), None);
    assert_eq!(course.ended(0, None, now), None);
    // The third never came.
    assert_eq!(text(course.tick(after(now, 41))), "no such package");
}

#[test]
fn late_and_wrong_hosts_are_refused() {
    let now = Instant::now();
    let mut course = running(2, now);
    let late = course.join(&member(1, 2), now).unwrap_err();
    assert_eq!(late, "the job has begun without it");
    let mut course = Course::new(terms(2), &[], BOUNDS, now);
    let wrong = course.join(&member(2, 3), now).unwrap_err();
    assert_eq!(wrong, "hosts: `3` there, `2` on the first host");
    let wrong = course
        .join(
            &Member {
                rank: 9,
                ..member(0, 2)
            },
            now,
        )
        .unwrap_err();
    assert_eq!(wrong, "there is no rank 9");
}

#[test]
fn a_host_that_disagrees_is_not_waited_for() {
    let now = Instant::now();
    let mut course = Course::new(terms(2), &[], BOUNDS, now);
    course.join(&member(0, 2), now).unwrap();
    let mut other = member(1, 2);
    other.terms.processes_per_host = 4;
    let reason = "processes a host: `4` there, `1` on the first host";
    assert_eq!(course.join(&other, now).unwrap_err(), reason);
    assert!(course.missing().is_empty());
    assert!(matches!(course.tick(after(now, 1)), Some(Act::Stop { .. })));
    let expected = format!("host `algo-2` takes the job for another: {reason}");
    assert_eq!(text(course.ended(0, None, now)), expected);
}

#[test]
fn machines_of_one_name_are_noticed() {
    let now = Instant::now();
    let mut course = Course::new(terms(2), &[], BOUNDS, now);
    for rank in 0..2 {
        let mut member = member(rank, 2);
        member.node_name = "aws".to_owned();
        course.join(&member, now).unwrap();
    }
    course.ready(0, None);
    assert_eq!(
        course.ready(1, None),
        Some(Act::Start { share_a_name: true })
    );
}

#[test]
fn the_first_host_hears_when_all_others_serve() {
    let mut course = running(3, Instant::now());
    assert_eq!(course.serving(2), None);
    assert_eq!(course.serving(1), Some(Act::AllServe));
}

#[test]
fn who_serves_is_done_with_the_first_host_and_missed_before() {
    let now = Instant::now();
    let mut course = running(3, now);
    course.serving(1);
    course.serving(2);
    assert_eq!(course.ended(0, None, now), Some(Act::Over(Ok(()))));
    let mut course = running(3, now);
    course.serving(1);
    course.serving(2);
    course.lost(2, "it closed the connection", now);
    assert_eq!(course.tick(after(now, 1)), Some(stop_within(30, false)));
    assert_eq!(
        text(course.ended(0, None, now)),
        "host `algo-3` is gone: it closed the connection"
    );
}

#[test]
fn a_stop_of_one_host_is_a_stop_of_all_and_no_failure() {
    let now = Instant::now();
    let mut course = running(2, now);
    course.stopping(now);
    assert_eq!(course.tick(after(now, 1)), Some(stop_within(110, true)));
    course.ended(0, None, now);
    assert_eq!(course.ended(1, None, now), Some(Act::Over(Ok(()))));
}
