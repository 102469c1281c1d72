use super::HttpDate;

#[track_caller]
fn check(seconds: u64, expected: &str) {
    let date = HttpDate::from_unix_seconds(seconds);
    assert_eq!(date.as_bytes().escape_ascii().to_string(), expected);
}

#[test]
fn dates_are_those_of_the_calendar() {
    check(0, "Thu, 01 Jan 1970 00:00:00 GMT");
    check(784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT");
    check(951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT");
    check(951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT");
    check(951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT");
    check(1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT");
    check(1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT");
    check(1_798_761_600, "Fri, 01 Jan 2027 00:00:00 GMT");
    check(4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT");
}

#[test]
fn a_year_has_four_digits() {
    check(253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT");
    check(253_402_300_800, "Fri, 31 Dec 9999 23:59:59 GMT");
    check(u64::MAX, "Fri, 31 Dec 9999 23:59:59 GMT");
}

/// Each day of 800 years follows the one before it.
#[test]
fn no_day_is_missed() {
    let lengths = |year: u64| {
        let is_leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let february = if is_leap { 29 } else { 28 };
        [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    };
    let mut days = 0;
    for year in 1970..2770 {
        for (month, n_days) in (1..).zip(lengths(year)) {
            for day in 1..=n_days {
                assert_eq!(super::calendar_date(days), (year, month, day));
                days += 1;
            }
        }
    }
}
