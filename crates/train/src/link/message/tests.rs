use std::time::Duration;

use optml_contract::failure::{Ended, Exception, Failure, Phase};
use proptest::prelude::*;

use super::{Member, Message, SshServer, TOLD_TAIL_BYTES, Terms};

fn failure() -> Box<Failure> {
    let mut failure = Failure::new(Phase::Script);
    failure.exception = Some(Exception {
        type_name: "ValueError".to_owned(),
        message: "lr is \"9\"\nand that is too much".to_owned(),
        place: None,
    });
    failure.ended = Some(Ended::Exited { code: 3 });
    failure.rank = Some(5);
    Box::new(failure)
}

#[test]
fn every_message_arrives_as_it_was_sent() {
    let member = Member {
        rank: 1,
        host: "algo-2".to_owned(),
        node_name: "ip-10-0-0-2".to_owned(),
        terms: Terms {
            n_hosts: 3,
            launcher: "mpirun".to_owned(),
            processes_per_host: 8,
            version: "0.1.0".to_owned(),
        },
    };
    let ssh = SshServer {
        port: 40_001,
        host_key: "ecdsa-sha2-nistp256 AAAA".to_owned(),
    };
    for message in [
        Message::Join(member),
        Message::Ready(None),
        Message::Ready(Some(ssh)),
        Message::Failing(failure()),
        Message::Ended(None),
        Message::Ended(Some(failure())),
        Message::Serving,
        Message::Start {
            key: None,
            share_a_name: true,
        },
        Message::Start {
            key: Some("ecdsa-sha2-nistp256 AAAA".to_owned()),
            share_a_name: false,
        },
        Message::Stopping,
        Message::Stop {
            grace: Duration::from_secs(30),
            gently: true,
        },
        Message::Over(Ok(())),
        Message::Over(Err(failure())),
        Message::Refused("another launcher".to_owned()),
        Message::Beat,
    ] {
        assert_eq!(Message::from_bytes(&message.to_bytes()), Some(message));
    }
}

#[test]
fn a_failure_is_told_with_its_last_words_only() {
    let mut long = failure();
    long.stderr_tail = [vec![b'x'; 60_000], b"the end".to_vec()].concat();
    let bytes = Message::Failing(long).to_bytes();
    assert!(bytes.len() < 2 * TOLD_TAIL_BYTES, "{}", bytes.len());
    let Some(Message::Failing(told)) = Message::from_bytes(&bytes) else {
        panic!("it is a failure");
    };
    assert!(told.stderr_tail.ends_with(b"the end"));
}

#[test]
fn a_key_is_one_line() {
    let bytes = br#"{"ready": {"port": 1, "host_key": "a\nevil"}}"#;
    assert_eq!(Message::from_bytes(bytes), None);
}

proptest! {
    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,80}") {
        let _ = Message::from_bytes(&bytes);
        let _ = Message::from_bytes(format!("{{\"join\": {text}}}").as_bytes());
    }
}
