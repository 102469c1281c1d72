use super::*;

#[test]
fn as_many_workers_as_are_asked_for() {
    assert_eq!(n_workers(Workers::Fixed(3), Some(1 << 40)), 3);
}
