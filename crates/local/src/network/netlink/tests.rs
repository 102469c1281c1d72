use std::io;

use super::{Pair, address, answer, bridge, pair, up};

/// The bytes in groups of four: a message is filled up to that.
fn words(message: &[u8]) -> Vec<String> {
    message
        .chunks(4)
        .map(|word| format!("{:08x}", u32::from_be_bytes(word.try_into().unwrap())))
        .collect()
}

/// What a program such as `ip` sends, without the numbers of message and sender. The machine is little-endian, as all that we
/// build for.
#[track_caller]
fn check(message: &[u8], expected: &str) {
    assert_eq!(
        words(message),
        expected.split_whitespace().collect::<Vec<_>>()
    );
}

#[test]
fn a_link_is_set_up() {
    check(
        &up(1),
        "20000000 10000500 00000000 00000000 00000000 01000000 01000000 01000000",
    );
}

#[test]
fn a_bridge_has_a_name_a_number_and_a_kind() {
    check(
        &bridge("hub", 1000),
        "38000000 10000506 00000000 00000000 00000000 e8030000 01000000 01000000 \
         08000300 68756200 10001200 0a000100 62726964 67650000",
    );
}

#[test]
fn a_pair_says_where_its_other_end_is() {
    let message = pair(&Pair {
        name: "algo-2",
        index: 1002,
        bridge: 1000,
        peer_name: "eth0",
        peer_index: 7,
        peer_namespace: 5,
    });
    check(
        &message,
        "6c000000 10000506 00000000 00000000 00000000 ea030000 01000000 01000000 \
         0b000300 616c676f 2d320000 08000a00 e8030000 \
         38001200 08000100 76657468 2c000200 28000100 \
         00000000 07000000 00000000 00000000 09000300 65746830 00000000 08001c00 05000000",
    );
}

#[test]
fn an_address_is_one_of_a_small_network() {
    check(
        &address(7, [10, 0, 0, 2].into()),
        "28000000 14000506 00000000 00000000 02180000 07000000 08000200 0a000002 08000100 0a000002",
    );
}

#[test]
fn an_answer_is_a_number() {
    let answered = |kind: u16, code: i32| {
        let mut bytes = [0; 36];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[16..20].copy_from_slice(&code.to_ne_bytes());
        answer(&bytes)
    };
    assert!(answered(2, 0).is_ok());
    assert_eq!(
        answered(2, -1).unwrap_err().kind(),
        io::ErrorKind::PermissionDenied
    );
    for bytes in [&[][..], &[0; 10], &[0; 20]] {
        assert_eq!(
            answer(bytes).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }
    // No error's number, from nobody that we know.
    assert!(answered(2, i32::MIN).is_err() && answered(2, 1).is_err());
}
