//! Each frame, byte for byte, both ways. Written by hand from docs/worker-protocol.md.

use std::{num::NonZeroU64, time::Duration};

use super::{feed, hex, with_arena};
use crate::{
    Array, Body, ControlToFront, ControlToWorker, DataToFront, DataToWorker, Dtype, Message,
    PairBuf, Pairs, RequestId, SlotIndex, SlotSpan,
    control::{Capabilities, Functions, Hello, Load, Loaded, Phase, Recovery, setting},
    data::{BodyEnd, Failure, Fitness, HttpVersion, Request, ResponseHead, Start},
};

/// A macro: a function can't be generic over the type that the decoder borrows.
macro_rules! check {
    ($message:expr, $as:ident, $hex:expr) => {{
        let message: $as<'_> = $message;
        let expected = hex($hex);
        let mut encoded = Vec::new();
        message.encode(&mut encoded).unwrap();
        assert_eq!(encoded, expected, "encoded as {encoded:02x?}");
        let mut decoder = with_arena();
        feed(&mut decoder, &expected);
        assert_eq!(decoder.next(), Ok(Some(message)));
        assert_eq!(decoder.next::<$as<'_>>(), Ok(None));
        assert_eq!(decoder.finish(), Ok(()));
    }};
}

fn id(number: u64) -> RequestId {
    RequestId::new(number)
}

fn pairs(list: &[(&str, &str)]) -> PairBuf {
    let mut pairs = PairBuf::new();
    for (name, value) in list {
        pairs.push(name.as_bytes(), value.as_bytes()).unwrap();
    }
    pairs
}

fn bare_request() -> Request<'static> {
    Request {
        id: id(1),
        start: Start::Implied,
        deadline_ns: None,
        method: b"GET",
        path: b"/ping",
        query: b"",
        version: HttpVersion { major: 1, minor: 0 },
        peer: b"",
        peer_port: 0,
        content_type: b"",
        accept: b"",
        headers: Pairs::default(),
        array: None,
        body: Body::Inline(b""),
    }
}

fn bare_response() -> ResponseHead<'static> {
    ResponseHead {
        id: id(1),
        status: 200,
        took: Duration::ZERO,
        fitness: Fitness::Fit,
        headers: Pairs::default(),
        array: None,
        body: Body::Inline(b""),
    }
}

#[test]
fn hello() {
    let hello = Hello {
        min_version: 1,
        max_version: 2,
        runtime: "cpython",
        runtime_version: "3.8",
    };
    check!(
        ControlToFront::Hello(hello),
        ControlToFront,
        "4f5054 01 01 00 0000 1200000000000000
         0100 0200 0700 0300 63707974686f6e 332e38"
    );
}

#[test]
fn load() {
    let settings = pairs(&[("kind", "wsgi"), ("x", "")]);
    let load = Load {
        version: 1,
        worker: 3,
        arena: Some(super::arena()),
        concurrency: Some(16),
        settings: settings.as_pairs(),
    };
    check!(
        ControlToWorker::Load(load),
        ControlToWorker,
        "4f5054 01 02 00 0000 2300000000000000
         0100 0300 0200 0100 00100000 10000000 0200
         0400 0400 6b696e64 77736769
         0100 0000 78"
    );
    assert_eq!(load.settings.value(setting::KIND), Some(&b"wsgi"[..]));
    assert_eq!(load.settings.value(b"x"), Some(&b""[..]));
    assert_eq!(load.settings.value(setting::ENTRY), None);
}

#[test]
fn load_without_arena() {
    let load = Load {
        version: 1,
        worker: 0,
        arena: None,
        concurrency: None,
        settings: Pairs::default(),
    };
    check!(
        ControlToWorker::Load(load),
        ControlToWorker,
        "4f5054 01 02 00 0000 1200000000000000
         0100 0000 0000 0000 00000000 00000000 0000"
    );
}

#[test]
fn loading() {
    for (phase, code) in [
        (Phase::Import, "01"),
        (Phase::Model, "02"),
        (Phase::WarmUp, "03"),
    ] {
        check!(
            ControlToFront::Loading(phase),
            ControlToFront,
            &format!("4f5054 01 03 00 0000 0100000000000000 {code}")
        );
    }
}

#[test]
fn loaded() {
    let loaded = Loaded {
        concurrency: 1,
        capabilities: Capabilities::ARENA | Capabilities::ARRAYS | Capabilities::LOOK_AHEAD,
        functions: Functions::MODEL | Functions::PREDICT | Functions::SHUTDOWN,
    };
    check!(
        ControlToFront::Loaded(loaded),
        ControlToFront,
        "4f5054 01 04 00 0000 0c00000000000000
         01000000 13000000 05020000"
    );
    assert!(loaded.capabilities.contains(Capabilities::ARENA));
    assert!(!loaded.capabilities.contains(Capabilities::ASYNC));
    assert!(loaded.functions.contains(Functions::PREDICT));
    assert!(
        !loaded
            .functions
            .contains(Functions::INPUT | Functions::PREDICT)
    );
}

#[test]
fn load_fail() {
    let failure = Failure {
        status: 507,
        kind: "MemoryError",
        message: "no",
        detail: "at \u{e9}",
    };
    check!(
        ControlToFront::LoadFail {
            phase: Phase::Model,
            recovery: Recovery::Possible,
            failure,
        },
        ControlToFront,
        "4f5054 01 05 00 0000 2000000000000000
         02 01 fb01 0b00 02000000 05000000
         4d656d6f72794572726f72 6e6f 617420c3a9"
    );
}

#[test]
fn ping_and_pong() {
    check!(
        ControlToWorker::Ping(7),
        ControlToWorker,
        "4f5054 01 06 00 0000 0800000000000000 0700000000000000"
    );
    check!(
        ControlToFront::Pong(7),
        ControlToFront,
        "4f5054 01 07 00 0000 0800000000000000 0700000000000000"
    );
}

#[test]
fn drain_and_bye() {
    check!(
        ControlToWorker::Drain { last: id(300) },
        ControlToWorker,
        "4f5054 01 08 00 0000 0800000000000000 2c01000000000000"
    );
    check!(
        ControlToWorker::Bye,
        ControlToWorker,
        "4f5054 01 09 00 0000 0000000000000000"
    );
    check!(
        ControlToFront::Bye,
        ControlToFront,
        "4f5054 01 09 00 0000 0000000000000000"
    );
}

#[test]
fn cancel() {
    check!(
        ControlToWorker::Cancel(id(0x0102_0304_0506_0708)),
        ControlToWorker,
        "4f5054 01 0a 00 0000 0800000000000000 0807060504030201"
    );
}

#[test]
fn credit() {
    let bytes = "4f5054 01 0b 00 0000 0c00000000000000 0200000000000000 00001000";
    let (id, n_bytes) = (id(2), 1 << 20);
    check!(
        ControlToWorker::Credit { id, n_bytes },
        ControlToWorker,
        bytes
    );
    check!(
        ControlToFront::Credit { id, n_bytes },
        ControlToFront,
        bytes
    );
}

#[test]
fn stats() {
    let stats = pairs(&[("served", "12.5")]);
    check!(
        ControlToFront::Stats(stats.as_pairs()),
        ControlToFront,
        "4f5054 01 80 00 0000 1000000000000000
         0100 0600 0400 736572766564 31322e35"
    );
}

#[test]
fn request_with_everything() {
    let headers = pairs(&[("Host", "a"), ("X", ""), ("X", "\u{1}")]);
    let request = Request {
        id: id(9),
        start: Start::Announced,
        deadline_ns: NonZeroU64::new(1_000_000_000),
        method: b"POST",
        path: b"/invocations",
        query: b"a=1",
        version: HttpVersion { major: 1, minor: 1 },
        peer: b"::1",
        peer_port: 4660,
        content_type: b"text/csv",
        accept: b"*/*",
        headers: headers.as_pairs(),
        array: None,
        body: Body::Inline(b"1,2"),
    };
    check!(
        DataToWorker::Request(request),
        DataToWorker,
        "4f5054 01 10 08 0000 6800000000000000
         0900000000000000 00ca9a3b00000000 0300000000000000 00000000 65000000
         0c00 0300 0800 0300 0300 3412 04 03 01 01
         504f5354 2f696e766f636174696f6e73 613d31 3a3a31 746578742f637376 2a2f2a
         0400 0100 486f7374 61  0100 0000 58  0100 0100 58 01
         312c32"
    );
}

#[test]
fn request_in_a_slot() {
    let dimensions = [2_u64, 3].map(u64::to_le_bytes);
    let request = Request {
        array: Some(Array {
            dtype: Dtype::F64,
            dimensions: &dimensions,
        }),
        body: Body::Slot(SlotSpan {
            slot: SlotIndex::new(1),
            offset_bytes: 128,
            n_bytes: 48,
        }),
        ..bare_request()
    };
    check!(
        DataToWorker::Request(request),
        DataToWorker,
        "4f5054 01 10 05 0100 5000000000000000
         0100000000000000 0000000000000000 3000000000000000 80000000 50000000
         0500 0000 0000 0000 0000 0000 03 00 01 00
         0c 02 000000000000 0200000000000000 0300000000000000
         474554 2f70696e67"
    );
}

#[test]
fn request_in_chunks() {
    let request = Request {
        body: Body::Chunks {
            declared_bytes: None,
        },
        ..bare_request()
    };
    check!(
        DataToWorker::Request(request),
        DataToWorker,
        "4f5054 01 10 02 0000 3800000000000000
         0100000000000000 0000000000000000 ffffffffffffffff 00000000 38000000
         0500 0000 0000 0000 0000 0000 03 00 01 00
         474554 2f70696e67"
    );
    check!(
        DataToWorker::Chunk {
            id: id(1),
            bytes: b"ab"
        },
        DataToWorker,
        "4f5054 01 11 00 0000 0a00000000000000 0100000000000000 6162"
    );
    check!(
        DataToWorker::End {
            id: id(1),
            body: BodyEnd::Complete
        },
        DataToWorker,
        "4f5054 01 12 00 0000 0800000000000000 0100000000000000"
    );
    check!(
        DataToWorker::End {
            id: id(1),
            body: BodyEnd::Broken
        },
        DataToWorker,
        "4f5054 01 12 10 0000 0800000000000000 0100000000000000"
    );
}

#[test]
fn response_with_everything() {
    let headers = pairs(&[("a", "b"), ("a", "c")]);
    let response = ResponseHead {
        status: 404,
        took: Duration::from_micros(1500),
        fitness: Fitness::Spent,
        headers: headers.as_pairs(),
        body: Body::Inline(b"hi"),
        ..bare_response()
    };
    check!(
        DataToFront::Head(response),
        DataToFront,
        "4f5054 01 20 20 0000 2e00000000000000
         0100000000000000 0200000000000000 00000000 2c000000 dc050000 9401 0200
         0100 0100 61 62  0100 0100 61 63
         6869"
    );
}

#[test]
fn response_that_is_one_number() {
    let response = ResponseHead {
        array: Some(Array {
            dtype: Dtype::I16,
            dimensions: &[],
        }),
        body: Body::Inline(&[1, 2]),
        ..bare_response()
    };
    check!(
        DataToFront::Head(response),
        DataToFront,
        "4f5054 01 20 04 0000 2a00000000000000
         0100000000000000 0200000000000000 00000000 28000000 00000000 c800 0000
         03 00 000000000000
         0102"
    );
}

#[test]
fn response_in_a_slot() {
    let response = ResponseHead {
        body: Body::Slot(SlotSpan {
            slot: SlotIndex::new(2),
            offset_bytes: 0,
            n_bytes: 4096,
        }),
        ..bare_response()
    };
    check!(
        DataToFront::Head(response),
        DataToFront,
        "4f5054 01 20 01 0200 2000000000000000
         0100000000000000 0010000000000000 00000000 20000000 00000000 c800 0000"
    );
}

#[test]
fn response_in_chunks() {
    let response = ResponseHead {
        body: Body::Chunks {
            declared_bytes: Some(5),
        },
        ..bare_response()
    };
    check!(
        DataToFront::Head(response),
        DataToFront,
        "4f5054 01 20 02 0000 2000000000000000
         0100000000000000 0500000000000000 00000000 20000000 00000000 c800 0000"
    );
    check!(
        DataToFront::Chunk {
            id: id(1),
            bytes: b""
        },
        DataToFront,
        "4f5054 01 21 00 0000 0800000000000000 0100000000000000"
    );
    check!(
        DataToFront::End {
            id: id(1),
            fitness: Fitness::Fit
        },
        DataToFront,
        "4f5054 01 22 00 0000 0800000000000000 0100000000000000"
    );
}

#[test]
fn error() {
    let failure = Failure {
        status: 500,
        kind: "E",
        message: "",
        detail: "",
    };
    check!(
        DataToFront::Error {
            id: id(5),
            failure,
            fitness: Fitness::Spent
        },
        DataToFront,
        "4f5054 01 23 20 0000 1500000000000000
         0500000000000000 f401 0100 00000000 00000000 45"
    );
}

#[test]
fn started() {
    check!(
        DataToFront::Started(id(3)),
        DataToFront,
        "4f5054 01 24 00 0000 0800000000000000 0300000000000000"
    );
}

#[test]
fn slots_given_back() {
    check!(
        DataToWorker::SlotFree(SlotIndex::new(2)),
        DataToWorker,
        "4f5054 01 30 00 0200 0000000000000000"
    );
    check!(
        DataToFront::SlotFree(SlotIndex::new(1)),
        DataToFront,
        "4f5054 01 30 00 0100 0000000000000000"
    );
    check!(
        DataToFront::SlotHeld(SlotIndex::new(0)),
        DataToFront,
        "4f5054 01 31 00 0000 0000000000000000"
    );
}
