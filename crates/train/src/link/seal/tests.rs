use proptest::prelude::*;

use super::{Greeting, MAX_FRAME_BYTES, Opener, SealError, Sealer, Secret, Side};

/// Both ends of a connection.
fn pair(first: &Secret, member: &Secret) -> ((Sealer, Opener), (Sealer, Opener)) {
    let greetings = (Greeting::fresh().unwrap(), Greeting::fresh().unwrap());
    (
        first.keys(Side::First, greetings.0, greetings.1),
        member.keys(Side::Member, greetings.0, greetings.1),
    )
}

fn job(name: &str) -> Secret {
    Secret::new("", name)
}

#[test]
fn what_one_side_seals_the_other_opens() {
    let (mut first, mut member) = pair(&job("a"), &job("a"));
    let mut wire = Vec::new();
    for payload in [&b"one"[..], b"", b"three"] {
        first.0.seal(payload, &mut wire);
    }
    assert_eq!(member.1.open(&mut wire).unwrap().unwrap(), b"one");
    assert_eq!(member.1.open(&mut wire).unwrap().unwrap(), b"");
    assert_eq!(member.1.open(&mut wire).unwrap().unwrap(), b"three");
    assert_eq!(member.1.open(&mut wire), Ok(None));
    member.0.seal(b"back", &mut wire);
    assert_eq!(first.1.open(&mut wire).unwrap().unwrap(), b"back");
}

#[test]
fn nobody_else_can_speak() {
    let others = [Secret::new("", "b"), Secret::new("x", "a")];
    for other in &others {
        let (mut first, mut member) = pair(&job("a"), other);
        let mut wire = Vec::new();
        member.0.seal(b"join", &mut wire);
        assert_eq!(first.1.open(&mut wire), Err(SealError::Forged));
    }
}

#[test]
fn a_frame_is_not_taken_twice_nor_back_nor_on_another_connection() {
    let (mut first, mut member) = pair(&job("a"), &job("a"));
    let (mut other, _) = pair(&job("a"), &job("a"));
    let mut frame = Vec::new();
    member.0.seal(b"over", &mut frame);
    assert_eq!(other.1.open(&mut frame.clone()), Err(SealError::Forged));
    assert_eq!(member.1.open(&mut frame.clone()), Err(SealError::Forged));
    assert!(first.1.open(&mut frame.clone()).unwrap().is_some());
    assert_eq!(first.1.open(&mut frame), Err(SealError::Forged));
}

#[test]
fn a_greeting_may_come_in_pieces() {
    let greeting = Greeting::fresh().unwrap();
    let bytes = greeting.to_bytes();
    for n in 0..bytes.len() {
        assert_eq!(Greeting::take(&mut bytes[..n].to_vec()), Ok(None));
    }
    let mut received = [&bytes[..], b"more"].concat();
    assert_eq!(Greeting::take(&mut received), Ok(Some(greeting)));
    assert_eq!(received, b"more");
    let mut http = b"GET / HTTP/1.1\r\n".to_vec();
    assert_eq!(Greeting::take(&mut http), Err(SealError::Stranger));
}

#[test]
fn an_announced_length_is_not_believed() {
    let (mut first, _) = pair(&job("a"), &job("a"));
    let mut wire = u32::MAX.to_le_bytes().to_vec();
    assert!(matches!(
        first.1.open(&mut wire),
        Err(SealError::TooLong(n)) if n > MAX_FRAME_BYTES
    ));
}

proptest! {
    #[test]
    fn one_changed_bit_is_noticed(payload in proptest::collection::vec(any::<u8>(), 0..200), bit in any::<prop::sample::Index>()) {
        let (mut first, mut member) = pair(&job("a"), &job("a"));
        let mut wire = Vec::new();
        member.0.seal(&payload, &mut wire);
        let bit = bit.index(wire.len() * 8);
        wire[bit / 8] ^= 1 << (bit % 8);
        // A changed length may ask for more than there is.
        prop_assert!(!matches!(first.1.open(&mut wire), Ok(Some(_))));
    }
}
