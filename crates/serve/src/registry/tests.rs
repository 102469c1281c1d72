use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use proptest::prelude::*;

use super::*;

fn is_done(future: impl Future<Output = ()>) -> bool {
    pin!(future).poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
}

fn resting(registry: &Registry) -> Place {
    let mut place = registry.enter().unwrap();
    place.rest();
    place
}

#[test]
fn when_all_are_busy_one_more_is_refused() {
    let registry = Registry::new(2);
    let _first = registry.enter().unwrap();
    let second = registry.enter().unwrap();
    assert!(registry.enter().is_none());
    assert_eq!(registry.len(), 2);
    drop(second);
    assert!(registry.enter().is_some());
}

#[test]
fn the_one_that_is_idle_longest_makes_room() {
    let registry = Registry::new(3);
    let mut first = resting(&registry);
    let second = resting(&registry);
    let third = resting(&registry);
    // It was used since: now it is the youngest.
    first.work();
    first.rest();
    let _fourth = registry.enter().unwrap();
    assert!(is_done(second.evicted()));
    assert!(!is_done(first.evicted()) && !is_done(third.evicted()));
    // The one that has to go is still there, and counts no more.
    assert_eq!(registry.len(), 4);
    let _fifth = registry.enter().unwrap();
    assert!(is_done(third.evicted()) && !is_done(first.evicted()));
    drop(second);
    let _sixth = registry.enter().unwrap();
    assert!(is_done(first.evicted()));
    assert!(registry.enter().is_none());
}

#[test]
fn one_that_got_a_request_in_the_same_moment_stays() {
    let registry = Registry::new(1);
    let mut first = resting(&registry);
    let second = registry.enter().unwrap();
    first.work();
    // One too many, until one of them ends: neither is idle.
    assert_eq!(registry.len(), 2);
    assert!(registry.enter().is_none());
    drop(first);
    assert!(registry.enter().is_none());
    drop(second);
    assert!(registry.enter().is_some());
}

#[test]
fn without_places_nobody_enters() {
    assert!(Registry::new(0).enter().is_none());
}

#[tokio::test]
async fn who_waits_until_all_have_left_is_told() {
    let registry = Registry::new(9);
    registry.empty().await;
    let places: Vec<Place> = (0..3).map(|_| resting(&registry)).collect();
    let leave = async {
        for place in places {
            tokio::task::yield_now().await;
            drop(place);
        }
    };
    tokio::join!(registry.empty(), leave);
    assert_eq!(registry.len(), 0);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Enter,
    Rest(usize),
    Work(usize),
    Leave(usize),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Enter),
        2 => (0..8_usize).prop_map(Step::Rest),
        1 => (0..8_usize).prop_map(Step::Work),
        1 => (0..8_usize).prop_map(Step::Leave),
    ]
}

/// A place, and what the test knows of it.
struct Known {
    place: Place,
    /// When it became idle.
    idle_since: Option<usize>,
    is_evicted: bool,
}

proptest! {
    #[test]
    fn the_longest_idle_goes_and_nothing_is_left_at_the_end(
        max in 0..4_usize,
        steps in prop::collection::vec(any_step(), 0..60),
    ) {
        let registry = Registry::new(max);
        let mut known: Vec<Known> = Vec::new();
        for (now, step) in steps.into_iter().enumerate() {
            let place_of = |number: usize| number % known.len().max(1);
            match step {
                Step::Enter => {
                    let n_staying = known.iter().filter(|known| !known.is_evicted).count();
                    let has_room = n_staying < max;
                    let idle = known.iter_mut().filter(|known| !known.is_evicted);
                    let longest = idle
                        .filter(|known| known.idle_since.is_some())
                        .min_by_key(|known| known.idle_since);
                    let entered = registry.enter();
                    prop_assert_eq!(entered.is_some(), has_room || longest.is_some());
                    if let (false, Some(longest)) = (has_room, longest) {
                        prop_assert!(is_done(longest.place.evicted()), "another one was told");
                        longest.is_evicted = true;
                    }
                    known.extend(entered.map(|place| Known {
                        place,
                        idle_since: None,
                        is_evicted: false,
                    }));
                }
                Step::Rest(number) => {
                    let number = place_of(number);
                    if let Some(known) = known.get_mut(number).filter(|known| known.idle_since.is_none()) {
                        known.place.rest();
                        known.idle_since = Some(now);
                    }
                }
                Step::Work(number) => {
                    let number = place_of(number);
                    if let Some(known) = known.get_mut(number) {
                        known.place.work();
                        (known.idle_since, known.is_evicted) = (None, false);
                    }
                }
                Step::Leave(number) => {
                    let number = place_of(number);
                    if number < known.len() {
                        known.swap_remove(number);
                    }
                }
            }
            prop_assert_eq!(registry.len(), known.len());
            prop_assert!(known.iter().all(|known| !is_done(known.place.evicted())));
        }
        drop(known);
        let state = registry.shared.state.borrow();
        prop_assert_eq!((state.n, state.idle.len(), state.evicted.len()), (0, 0, 0));
    }
}
