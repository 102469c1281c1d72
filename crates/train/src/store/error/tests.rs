use std::fmt::Write as _;

use super::*;

fn all() -> Vec<StoreFault> {
    let text = str::to_owned;
    vec![
        StoreFault::NotFound {
            code: Some(text("NoSuchBucket")),
            message: Some(text("The specified bucket does not exist")),
        },
        StoreFault::NotFound {
            code: None,
            message: None,
        },
        StoreFault::Denied {
            code: text("AccessDenied"),
            message: Some(text("Access Denied")),
        },
        StoreFault::NoCredentials(text("the container's endpoint gave none: it has none")),
        StoreFault::Expired {
            code: text("ExpiredToken"),
        },
        StoreFault::Clock {
            ahead_s: Some(-3_725),
        },
        StoreFault::Region {
            region: text("eu-west-1"),
        },
        StoreFault::Region { region: text("?") },
        StoreFault::Unavailable {
            status: 503,
            code: Some(text("SlowDown")),
            n_tries: 9,
        },
        StoreFault::Unavailable {
            status: 502,
            code: None,
            n_tries: 1,
        },
        StoreFault::Refused {
            status: 400,
            code: text("InvalidArgument"),
            message: None,
        },
        StoreFault::Connection(text("no answer came in time: operation timed out")),
        StoreFault::Changed,
        StoreFault::Length {
            expected_bytes: 10,
            got_bytes: 9,
        },
        StoreFault::Checksum {
            algorithm: "MD5",
            expected: text("00ff"),
            got: text("0100"),
        },
        StoreFault::Key(text("Path \"a//b\" contained empty path segment")),
        StoreFault::TooMany { max: 100_000 },
        StoreFault::Local(io::ErrorKind::StorageFull.into()),
        StoreFault::Local(io::ErrorKind::PermissionDenied.into()),
        StoreFault::Protocol(text("the answer makes no sense: no ETag")),
        StoreFault::Stopped,
    ]
}

#[test]
fn every_fault_has_a_text_and_most_have_a_remedy() {
    let mut shown = String::new();
    for fault in all() {
        let error = StoreError {
            action: "read",
            place: "s3://bucket/key".to_owned(),
            fault,
        };
        let hint = error.hint().unwrap_or_else(|| "-".to_owned());
        writeln!(
            shown,
            "{error}\n  hint: {hint}\n  later: {:?}",
            error.later()
        )
        .unwrap();
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn a_clock_is_told_in_words() {
    for (ahead_s, expected) in [
        (Some(3_600), "1 h 0 min ahead"),
        (Some(-3_725), "1 h 2 min behind"),
        (Some(961), "16 min 1 s ahead"),
        (Some(-59), "0 min 59 s behind"),
        (Some(i64::MIN), "2562047788015215 h 30 min behind"),
        (None, "wrong"),
    ] {
        assert_eq!(Skew(ahead_s).to_string(), expected);
    }
}
