use super::*;

#[test]
fn a_body_that_is_too_long_gets_no_slot() {
    let arena = Arena::create(Dimensions { n_request_slots: 1, n_ranges: 1, slot_bytes: 4096 }).unwrap();
    assert!(arena.request_slot(4097).is_none());
}
