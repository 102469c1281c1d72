use super::*;

const PHASES: [(Phase, &str); 6] = [
    (Phase::Starting, "starting"),
    (Phase::Installing, "installing"),
    (Phase::Loading, "loading"),
    (Phase::Warming, "warming"),
    (Phase::Recovering, "recovering"),
    (Phase::Failed, "failed"),
];

fn strict() -> Rc<Health> {
    Health::new(PingCompat::Strict)
}

#[track_caller]
fn check(health: &Health, state: &str, status: u16) {
    assert_eq!((health.state(), health.ping_status()), (state, status));
}

#[test]
fn without_a_seat_the_phase_is_the_state() {
    check(&strict(), "starting", 503);
    for (phase, state) in PHASES {
        let health = strict();
        health.set_phase(phase, "because");
        check(&health, state, 503);
        assert!(!health.is_ready());
        assert_eq!(&*health.reason(), "because");
    }
}

#[test]
fn one_seat_is_enough_whatever_is_being_done_beside_it() {
    for (phase, _) in PHASES {
        let health = strict();
        health.set_phase(phase, "");
        health.set_n_ready(1);
        let expected = if phase == Phase::Failed {
            ("failed", 503)
        } else {
            ("ready", 200)
        };
        check(&health, expected.0, expected.1);
        assert_eq!(health.is_ready(), expected.1 == 200);
        health.set_n_ready(0);
        assert_eq!(health.ping_status(), 503);
    }
}

#[test]
fn fewer_seats_than_there_should_be_still_answer() {
    let health = strict();
    health.set_n_wanted(3);
    health.set_n_ready(2);
    check(&health, "degraded", 200);
    health.set_n_ready(3);
    check(&health, "ready", 200);
}

#[test]
fn a_failure_is_final() {
    let health = strict();
    health.set_phase(Phase::Failed, "the first cause");
    health.set_phase(Phase::Loading, "another try");
    health.set_n_ready(1);
    check(&health, "failed", 503);
    assert_eq!(&*health.reason(), "the first cause");
}

#[test]
fn before_the_end_it_is_not_ready_whatever_else_is_so() {
    for (phase, _) in PHASES {
        let health = strict();
        health.set_phase(phase, "");
        health.set_n_ready(1);
        health.start_draining();
        check(&health, "draining", 503);
        assert!(health.is_draining() && !health.is_ready());
        assert_eq!(health.refusal_of_calls(), Err(Refusal::Draining));
    }
}

#[test]
fn the_users_own_check_decides_about_ping_and_not_about_calls() {
    let health = strict();
    health.set_n_ready(1);
    health.set_phase(Phase::Loading, "the second worker");
    health.set_own_check(Some("no disk"));
    check(&health, "unhealthy", 503);
    assert!(health.is_ready());
    assert_eq!(&*health.reason(), "no disk");
    assert_eq!(health.own_check().as_deref(), Some("no disk"));
    health.set_own_check(None);
    check(&health, "ready", 200);
    assert_eq!(
        (&*health.reason(), health.own_check()),
        ("the second worker", None)
    );
}

#[test]
fn the_lenient_rule_says_200_from_the_start() {
    let health = Health::new(PingCompat::Lenient);
    check(&health, "starting", 200);
    health.set_phase(Phase::Failed, "");
    check(&health, "failed", 200);
    assert!(!health.is_ready());
}

#[test]
fn calls_wait_only_for_a_seat_that_is_to_come_back() {
    for (phase, state) in PHASES {
        let health = strict();
        health.set_phase(phase, "");
        let expected = if phase == Phase::Recovering {
            Ok(())
        } else {
            Err(Refusal::NotReady { state })
        };
        assert_eq!(health.refusal_of_calls(), expected);
    }
}

#[test]
fn once_ready_it_recovers_whatever_is_being_done() {
    let health = strict();
    health.set_phase(Phase::Loading, "");
    health.set_n_ready(1);
    health.set_n_ready(0);
    check(&health, "recovering", 503);
    health.set_phase(Phase::Recovering, "the last worker ended");
    health.set_phase(Phase::Warming, "");
    check(&health, "recovering", 503);
    assert_eq!(health.refusal_of_calls(), Ok(()));
    assert_eq!(&*health.reason(), "the last worker ended");
    health.set_phase(Phase::Failed, "again and again");
    check(&health, "failed", 503);
}
