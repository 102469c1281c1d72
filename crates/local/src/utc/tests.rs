use std::time::{Duration, UNIX_EPOCH};

use super::compact;

#[track_caller]
fn check(seconds: u64, expected: &str) {
    assert_eq!(compact(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
}

#[test]
fn times_are_those_of_the_calendar() {
    check(0, "19700101T000000Z");
    check(951_782_399, "20000228T235959Z");
    check(951_782_400, "20000229T000000Z");
    check(951_868_800, "20000301T000000Z");
    check(1_709_251_199, "20240229T235959Z");
    check(1_798_761_599, "20261231T235959Z");
    check(1_798_761_600, "20270101T000000Z");
    check(4_107_542_400, "21000301T000000Z");
}

#[test]
fn a_clock_before_1970_reads_as_1970() {
    assert_eq!(
        compact(UNIX_EPOCH - Duration::from_secs(1)),
        "19700101T000000Z"
    );
}
