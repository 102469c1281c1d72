use super::*;

#[test]
fn nothing_is_ready_at_first() {
    let health = Health::new(PingCompat::Strict);
    assert_eq!((health.state(), health.ping_status()), ("starting", 503));
}
