use proptest::prelude::*;

use super::*;

/// Crashes at these seconds after the start.
#[track_caller]
fn check_crashes(seconds: &[u64], expected: &[Option<u64>]) {
    let start = Instant::now();
    let mut restarts = Restarts::default();
    let outcomes: Vec<Option<u64>> = seconds
        .iter()
        .map(|&second| restarts.crashed(start + Duration::from_secs(second)))
        .map(delay_ms)
        .collect();
    assert_eq!(outcomes, expected);
}

/// `None`: no more.
fn delay_ms(next: Next) -> Option<u64> {
    match next {
        Next::Restart(delay) => Some(u64::try_from(delay.as_millis()).unwrap()),
        Next::GiveUp => None,
    }
}

#[test]
fn five_crashes_within_a_minute_are_enough() {
    let delays = [Some(0), Some(500), Some(1000), Some(2000), None];
    check_crashes(&[0, 0, 0, 0, 0], &delays);
    check_crashes(&[0, 15, 30, 45, 60], &delays);
    // It stays so.
    check_crashes(
        &[0, 1, 2, 3, 4, 5],
        &[Some(0), Some(500), Some(1000), Some(2000), None, None],
    );
}

#[test]
fn the_minute_moves_along() {
    check_crashes(
        &[0, 15, 30, 45, 61, 76, 91, 92],
        &[
            Some(0),
            Some(500),
            Some(1000),
            Some(2000),
            Some(4000),
            Some(8000),
            Some(16_000),
            None,
        ],
    );
}

#[test]
fn the_delay_doubles_up_to_half_a_minute() {
    let seconds: Vec<u64> = (0..100).map(|n| n * 20).collect();
    let mut expected = [0, 500, 1000, 2000, 4000, 8000, 16_000].map(Some).to_vec();
    expected.resize(100, Some(30_000));
    check_crashes(&seconds, &expected);
}

#[test]
fn an_answer_makes_up_for_all_crashes() {
    let now = Instant::now();
    let mut restarts = Restarts::default();
    for _ in 0..3 {
        for expected in [0, 500, 1000, 2000] {
            assert_eq!(delay_ms(restarts.crashed(now)), Some(expected));
        }
        restarts.served();
    }
    // A model that was loaded and then served nothing has not proved anything.
    for _ in 0..4 {
        restarts.loaded();
        assert_ne!(restarts.crashed(now), Next::GiveUp);
    }
    assert_eq!(restarts.crashed(now), Next::GiveUp);
}

#[test]
fn loading_is_tried_four_times_in_all() {
    let mut restarts = Restarts::default();
    let seconds = [Some(1000), Some(2000), Some(4000), None, None];
    for expected in seconds {
        assert_eq!(delay_ms(restarts.load_failed()), expected);
    }
    restarts.loaded();
    assert_eq!(delay_ms(restarts.load_failed()), Some(1000));
}

#[test]
fn crashes_and_failed_loads_are_counted_apart() {
    let now = Instant::now();
    let mut restarts = Restarts::default();
    for expected in [0, 500, 1000] {
        assert_eq!(delay_ms(restarts.crashed(now)), Some(expected));
    }
    assert_eq!(delay_ms(restarts.load_failed()), Some(1000));
    restarts.served();
    assert_eq!(delay_ms(restarts.load_failed()), Some(2000));
}

proptest! {
    /// Given up exactly when this crash and the four before it, with nothing served between, are at most a minute apart.
    #[test]
    fn the_fifth_crash_of_a_minute_decides(gaps in prop::collection::vec((0..40_000_u64, prop::bool::weighted(0.1)), 1..40)) {
        let mut now = Instant::now();
        let mut restarts = Restarts::default();
        let mut crashes: Vec<Instant> = Vec::new();
        let mut longest = Duration::ZERO;
        for (gap_ms, served) in gaps {
            now += Duration::from_millis(gap_ms);
            if served {
                restarts.served();
                crashes.clear();
                longest = Duration::ZERO;
            }
            crashes.push(now);
            let fifth = crashes.len().checked_sub(5).map(|place| crashes[place]);
            let is_over = fifth.is_some_and(|fifth| now - fifth <= Duration::from_mins(1));
            match restarts.crashed(now) {
                Next::GiveUp => prop_assert!(is_over),
                Next::Restart(delay) => {
                    prop_assert!(!is_over);
                    prop_assert!(longest <= delay && delay <= Duration::from_secs(30));
                    longest = delay;
                }
            }
        }
    }
}
