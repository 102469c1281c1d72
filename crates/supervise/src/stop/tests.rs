use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Act, Grace, Second, Stop, Wish};
use crate::StopSignal;

const GRACE: Duration = Duration::from_secs(110);

#[test]
fn asks_then_kills_at_the_deadline() {
    let start = Instant::now();
    let mut stop = Stop::Running;
    assert_eq!(stop.tick(start), Act::Wait);
    assert_eq!(stop.request(GRACE, Second::Kill, start), Act::Ask);
    assert_eq!(stop.tick(start + Duration::from_secs(109)), Act::Wait);
    assert_eq!(stop.deadline(), Some(start + GRACE));
    assert_eq!(stop.tick(start + GRACE), Act::Kill);
    assert_eq!(stop.tick(start + GRACE * 2), Act::Wait, "kills once");
}

#[test]
fn a_second_request_skips_the_grace() {
    let start = Instant::now();
    let mut stop = Stop::Running;
    assert_eq!(stop.request(GRACE, Second::Kill, start), Act::Ask);
    assert_eq!(stop.request(GRACE, Second::Kill, start), Act::Kill);
    assert_eq!(stop.request(GRACE, Second::Kill, start), Act::Wait);
    assert_eq!(stop.deadline(), None);
}

#[test]
fn a_supervisor_below_hears_every_request() {
    let start = Instant::now();
    let mut stop = Stop::Running;
    for _ in 0..3 {
        assert_eq!(stop.request(GRACE, Second::PassOn, start), Act::Ask);
    }
    assert_eq!(stop.tick(start + GRACE), Act::Kill);
}

#[test]
fn a_grace_can_be_shortened_and_not_lengthened() {
    let start = Instant::now();
    let seconds = Duration::from_secs;
    let mut stop = Stop::Running;
    assert_eq!(stop.request_within(seconds(10), start), Act::Ask);
    assert_eq!(stop.request_within(seconds(20), start), Act::Wait);
    assert_eq!(stop.deadline(), Some(start + seconds(10)));
    assert_eq!(
        stop.request_within(seconds(2), start + seconds(1)),
        Act::Wait
    );
    assert_eq!(stop.deadline(), Some(start + seconds(3)));
    assert_eq!(stop.tick(start + seconds(3)), Act::Kill);
    assert_eq!(stop.request_within(seconds(0), start), Act::Wait);
}

#[test]
fn no_grace_is_too_long_for_the_clock() {
    let mut stop = Stop::Running;
    assert_eq!(stop.request_within(Duration::MAX, Instant::now()), Act::Ask);
    assert!(stop.deadline().is_some());
}

fn any_wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        Just(Wish::Kill),
        Just(Wish::AsSignal(StopSignal::Int)),
        (0_u64..200).prop_map(|grace| Wish::Within(Duration::from_secs(grace))),
    ]
}

proptest! {
    /// Whoever wishes what: the group is killed exactly once, at most one grace after the last wish, and asked at most
    /// once, before that.
    #[test]
    fn every_wish_ends_dead(wishes in prop::collection::vec((any_wish(), 0_u64..200), 1..50)) {
        let grace = Grace { stop: GRACE, leftovers: GRACE, second: Second::Kill };
        let (mut stop, mut now, mut acts) = (Stop::Running, Instant::now(), Vec::new());
        for (wish, seconds) in wishes {
            now += Duration::from_secs(seconds);
            acts.push(stop.tick(now));
            acts.push(stop.wish(wish, grace, now));
        }
        acts.push(stop.tick(now + Duration::from_secs(200)));
        let acts: Vec<_> = acts.into_iter().filter(|act| *act != Act::Wait).collect();
        prop_assert!(acts == [Act::Ask, Act::Kill] || acts == [Act::Kill], "{acts:?}");
        prop_assert_eq!(stop, Stop::Killed);
    }

    /// Whatever happens in whatever order: after one request and the grace, it has been killed exactly once, and asked
    /// exactly once before that.
    #[test]
    fn always_ends_dead(events in prop::collection::vec((any::<bool>(), 0_u64..200), 1..50)) {
        let start = Instant::now();
        let (mut stop, mut now, mut acts) = (Stop::Running, start, Vec::new());
        for (request, seconds) in events {
            now += Duration::from_secs(seconds);
            acts.push(if request { stop.request(GRACE, Second::Kill, now) } else { stop.tick(now) });
        }
        acts.push(stop.request(GRACE, Second::Kill, now));
        acts.push(stop.tick(now + GRACE));
        let acts: Vec<_> = acts.into_iter().filter(|act| *act != Act::Wait).collect();
        prop_assert_eq!(acts, vec![Act::Ask, Act::Kill]);
        prop_assert_eq!(stop, Stop::Killed);
    }
}
