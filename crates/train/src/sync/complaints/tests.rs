use std::time::{Duration, Instant};

use super::Complaints;

#[test]
fn one_failure_in_ten_seconds_is_said_and_the_others_are_counted() {
    let (mut complaints, start) = (Complaints::default(), Instant::now());
    let at = |s| start + Duration::from_secs(s);
    assert_eq!(complaints.overdue(at(0)), None);
    assert_eq!(complaints.failed(at(0)), Some(0));
    assert_eq!(complaints.next(), None);
    assert_eq!(complaints.failed(at(1)), None);
    assert_eq!(complaints.failed(at(9)), None);
    assert_eq!(complaints.next(), Some(at(10)));
    assert_eq!(complaints.failed(at(10)), Some(2));
    assert_eq!(complaints.failed(at(11)), None);
    assert_eq!(complaints.overdue(at(19)), None);
    // Nothing else fails: what was kept back is said all the same.
    assert_eq!(complaints.overdue(at(20)), Some(1));
    assert_eq!(complaints.overdue(at(40)), None);
    assert_eq!(complaints.failed(at(41)), Some(0));
}
