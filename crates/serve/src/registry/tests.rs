use super::*;

#[test]
fn when_all_are_busy_one_more_is_refused() {
    let registry = Registry::new(1);
    let place = registry.enter();
    assert!(place.is_some());
    assert!(registry.enter().is_none());
}
