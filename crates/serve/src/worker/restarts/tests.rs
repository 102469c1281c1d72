use super::*;

#[test]
fn the_first_crash_costs_no_time() {
    assert_eq!(Restarts::default().crashed(Instant::now()), Next::Restart(Duration::ZERO));
}
