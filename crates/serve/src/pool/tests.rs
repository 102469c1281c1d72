use optml_contract::serving::PingCompat;

use super::*;

#[test]
fn nothing_waits_or_runs_at_first() {
    let pool = Pool::new(1, None, Health::new(PingCompat::Strict));
    assert_eq!((pool.n_waiting(), pool.n_sent(), pool.n_open()), (0, 0, 0));
}
