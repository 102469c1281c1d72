use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Act, Second, Stop};

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

proptest! {
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
