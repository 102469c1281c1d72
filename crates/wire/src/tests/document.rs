//! The example in docs/worker-protocol.md is what the encoder writes, and its tables are what the decoder knows.

use std::{num::NonZeroU64, time::Duration};

use super::hex;
use crate::{
    ARENA_FD_VAR, ArenaLayout, Array, Body, CONTROL_FD_VAR, ControlToFront, ControlToWorker,
    DATA_FD_VAR, DataToFront, DataToWorker, Dtype, Message, PairBuf, RequestId, SlotIndex,
    SlotSpan,
    control::{Capabilities, Functions, Hello, Load, Loaded, Phase, setting},
    data::{Fitness, HttpVersion, Request, ResponseHead, Start},
    kind::{Kind, Lane},
};

const DOCUMENT: &str = include_str!("../../../../docs/worker-protocol.md");

/// The fenced blocks of hexadecimal digits, in their order.
fn examples() -> Vec<Vec<u8>> {
    DOCUMENT
        .split("```hex\n")
        .skip(1)
        .map(|block| hex(block.split("```").next().unwrap()))
        .collect()
}

fn encoded<'a>(message: &impl Message<'a>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).unwrap();
    bytes
}

fn settings() -> PairBuf {
    let mut settings = PairBuf::new();
    settings.push(setting::KIND, b"functions").unwrap();
    settings.push(setting::MODEL_DIR, b"/opt/ml/model").unwrap();
    settings
}

fn headers(list: &[(&[u8], &[u8])]) -> PairBuf {
    let mut headers = PairBuf::new();
    for (name, value) in list {
        headers.push(name, value).unwrap();
    }
    headers
}

#[test]
fn a_short_life() {
    let settings = settings();
    let both = headers(&[(b"content-type", b"text/csv"), (b"x-id", b"7")]);
    let one = headers(&[(b"x-id", b"7")]);
    let answer_headers = headers(&[(b"content-type", b"application/json")]);
    let (first, second) = (RequestId::new(1), RequestId::new(2));
    let first_request = Request {
        id: first,
        start: Start::Implied,
        deadline_ns: NonZeroU64::new(60_000_000_000),
        method: b"POST",
        path: b"/invocations",
        query: b"v=2",
        version: HttpVersion { major: 1, minor: 1 },
        peer: b"127.0.0.1",
        peer_port: 40_000,
        content_type: b"text/csv",
        accept: b"application/json",
        headers: both.as_pairs(),
        array: None,
        body: Body::Inline(b"1,2"),
    };
    let two_by_three = [2_u64, 3].map(u64::to_le_bytes);
    let second_request = Request {
        id: second,
        start: Start::Announced,
        query: b"",
        content_type: b"application/x-npy",
        headers: one.as_pairs(),
        array: Some(Array {
            dtype: Dtype::F64,
            dimensions: &two_by_three,
        }),
        body: Body::Slot(SlotSpan {
            slot: SlotIndex::new(0),
            offset_bytes: 128,
            n_bytes: 48,
        }),
        ..first_request
    };
    let first_response = ResponseHead {
        id: first,
        status: 200,
        took: Duration::from_micros(250),
        fitness: Fitness::Fit,
        headers: answer_headers.as_pairs(),
        array: None,
        body: Body::Inline(b"[3.0]\n"),
    };
    let single = [1_u64.to_le_bytes()];
    let element = 1.5_f64.to_le_bytes();
    let second_response = ResponseHead {
        id: second,
        took: Duration::ZERO,
        headers: crate::Pairs::default(),
        array: Some(Array {
            dtype: Dtype::F64,
            dimensions: &single,
        }),
        body: Body::Inline(&element),
        ..first_response
    };
    let life = [
        encoded(&ControlToFront::Hello(Hello {
            min_version: 1,
            max_version: 1,
            runtime: "cpython",
            runtime_version: "3.12.4",
        })),
        encoded(&ControlToWorker::Load(Load {
            version: 1,
            worker: 0,
            arena: Some(ArenaLayout::try_new(2, 2, 8 << 20).unwrap()),
            concurrency: Some(1),
            settings: settings.as_pairs(),
        })),
        encoded(&ControlToFront::Loading(Phase::Model)),
        encoded(&ControlToFront::Loaded(Loaded {
            concurrency: 1,
            capabilities: Capabilities::ARENA | Capabilities::ARRAYS | Capabilities::LOOK_AHEAD,
            functions: Functions::MODEL | Functions::PREDICT,
        })),
        encoded(&DataToWorker::Request(first_request)),
        encoded(&DataToFront::Head(first_response)),
        encoded(&DataToWorker::Request(second_request)),
        encoded(&DataToFront::Started(second)),
        encoded(&DataToFront::Head(second_response)),
        encoded(&DataToFront::SlotFree(SlotIndex::new(0))),
        encoded(&ControlToWorker::Drain { last: second }),
        encoded(&ControlToFront::Bye),
    ];
    assert_eq!(examples(), life);
}

#[test]
fn the_table_of_kinds() {
    for number in 0..=u8::MAX {
        let row_start = format!("| 0x{number:02x} | ");
        let row = DOCUMENT.lines().find(|line| {
            line.starts_with(&row_start) && (line.contains(" control ") || line.contains(" data "))
        });
        let Some(kind) = Kind::from_number(number) else {
            assert_eq!(row, None);
            continue;
        };
        assert_eq!(kind.number(), number);
        assert_eq!(row, Some(&*row_of(kind)));
    }
}

fn row_of(kind: Kind) -> String {
    let lanes = [
        (Lane::DataToWorker, "front", "data"),
        (Lane::DataToFront, "worker", "data"),
        (Lane::ControlToWorker, "front", "control"),
        (Lane::ControlToFront, "worker", "control"),
    ];
    let mut travels = lanes.iter().filter(|(lane, ..)| kind.travels(*lane));
    let (_, sender, socket) = travels.next().unwrap();
    let sender = travels.next().map_or(*sender, |_| "both");
    let n_bytes = kind.max_payload_bytes();
    let rest = match n_bytes % 1024 {
        0 => String::new(),
        rest => format!(" + {rest}"),
    };
    let limit = format!("{} KiB{rest}", n_bytes / 1024);
    let number = kind.number();
    format!("| 0x{number:02x} | {kind} | {sender} | {socket} | {limit} |")
}

#[test]
fn variables_and_settings() {
    for name in [DATA_FD_VAR, CONTROL_FD_VAR, ARENA_FD_VAR] {
        assert!(DOCUMENT.contains(&format!("| `{name}` |")), "{name}");
    }
    for name in [
        setting::KIND,
        setting::MODEL_DIR,
        setting::CODE_DIR,
        setting::ENTRY,
        setting::MODEL_NAME,
        setting::GPU_ID,
        setting::SERVER_PORT,
    ] {
        let name = str::from_utf8(name).unwrap();
        assert!(DOCUMENT.contains(&format!("| `{name}` |")), "{name}");
    }
}
