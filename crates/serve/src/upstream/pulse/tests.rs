use super::{Condition, Pulse, Sign};

fn silent() -> Sign {
    Sign::Silent {
        why: "nothing within 2 s".to_owned(),
    }
}

#[track_caller]
fn check(signs: &[Sign], expected: &[Condition]) {
    let mut pulse = Pulse::default();
    let found: Vec<Condition> = signs.iter().map(|sign| pulse.note(sign)).collect();
    assert_eq!(found, expected);
}

#[test]
fn what_it_says_counts_at_once() {
    let refused = Sign::Unreachable {
        why: "Connection refused".to_owned(),
    };
    check(
        &[Sign::Well, Sign::Says { status: 503 }, Sign::Well, refused],
        &[
            Condition::Well,
            Condition::Sick,
            Condition::Well,
            Condition::Sick,
        ],
    );
}

#[test]
fn silence_counts_when_it_lasts() {
    use Condition::{Sick, Unsure, Well};
    check(
        &[silent(), silent(), silent(), silent(), Sign::Well, silent()],
        &[Unsure, Unsure, Sick, Sick, Well, Unsure],
    );
}

#[test]
fn an_answer_to_a_call_ends_the_silence() {
    let mut pulse = Pulse::default();
    for _ in 0..10 {
        assert_eq!(pulse.note(&silent()), Condition::Unsure);
        assert_eq!(pulse.note(&silent()), Condition::Unsure);
        pulse.answered();
    }
}
