//! Arbitrary messages in arbitrary pieces, and arbitrary bytes.

use std::{num::NonZeroU64, time::Duration};

use proptest::{collection::vec, prelude::*, sample::Index};

use super::{arena, feed, with_arena};
use crate::{
    Array, Body, ControlToFront, ControlToWorker, DataToFront, DataToWorker, Dtype, Message,
    PairBuf, Pairs, RequestId, SlotIndex, SlotSpan,
    control::{Capabilities, Functions, Hello, Load, Loaded, Phase, Recovery},
    data::{BodyEnd, Failure, Fitness, HttpVersion, Request, ResponseHead, Start},
    fuzzing,
    limits::MAX_FRAME_BYTES,
};

// Messages borrow, and a strategy must own what it makes: the tests leak it. They are short.

fn bytes(max_bytes: usize) -> impl Strategy<Value = &'static [u8]> {
    vec(any::<u8>(), 0..=max_bytes).prop_map(|bytes| &*bytes.leak())
}

fn text() -> impl Strategy<Value = &'static str> {
    ".{0,40}".prop_map(|text| &*text.leak())
}

fn pairs() -> impl Strategy<Value = Pairs<'static>> {
    vec((bytes(20), bytes(100)), 0..12).prop_map(|list| {
        let mut pairs = PairBuf::new();
        for (name, value) in list {
            pairs.push(name, value).unwrap();
        }
        Box::leak(Box::new(pairs)).as_pairs()
    })
}

fn id() -> impl Strategy<Value = RequestId> {
    any::<u64>().prop_map(RequestId::new)
}

fn fitness() -> impl Strategy<Value = Fitness> {
    prop_oneof![Just(Fitness::Fit), Just(Fitness::Spent)]
}

fn failure() -> impl Strategy<Value = Failure<'static>> {
    (400..=599_u16, text(), text(), text()).prop_map(|(status, kind, message, detail)| Failure {
        status,
        kind,
        message,
        detail,
    })
}

/// Any body, and an array where its shape makes it.
fn body(slots: &[u16]) -> impl Strategy<Value = (Body<'static>, Option<Array<'static>>)> {
    let slots = slots.to_vec();
    let n_bytes = prop_oneof![0..200_u64, 0..4096_u64];
    let length = prop_oneof![
        n_bytes.clone().prop_map(|n_bytes| (n_bytes, None)),
        (1..=12_u8, vec(0..6_u64, 0..4)).prop_map(|(code, shape)| {
            let dimensions: Vec<_> = shape.iter().map(|n| n.to_le_bytes()).collect();
            let array = Array {
                dtype: Dtype::from_code(code).unwrap(),
                dimensions: dimensions.leak(),
            };
            (array.n_bytes().unwrap(), Some(array))
        })
    ];
    let form = prop_oneof![Just(0), Just(1), Just(2), Just(3)];
    (length, form, any::<Index>(), any::<u8>()).prop_map(
        move |((n_bytes, array), form, index, fill)| match form {
            0 => {
                let bytes = vec![fill; usize::try_from(n_bytes).unwrap()];
                (Body::Inline(bytes.leak()), array)
            }
            1 => {
                let room = 4096 - u32::try_from(n_bytes).unwrap();
                let span = SlotSpan {
                    slot: SlotIndex::new(*index.get(&slots)),
                    offset_bytes: room.min(fill.into()),
                    n_bytes,
                };
                (Body::Slot(span), array)
            }
            2 => {
                let declared_bytes = Some(n_bytes);
                (Body::Chunks { declared_bytes }, array)
            }
            _ => {
                let declared_bytes = None;
                (Body::Chunks { declared_bytes }, None)
            }
        },
    )
}

fn request() -> impl Strategy<Value = DataToWorker<'static>> {
    let numbers = (
        id(),
        any::<bool>(),
        any::<u64>(),
        any::<[u8; 2]>(),
        any::<u16>(),
    );
    let texts = (
        bytes(255),
        bytes(300),
        bytes(30),
        bytes(255),
        bytes(40),
        bytes(40),
    );
    (numbers, texts, pairs(), body(&[0, 1])).prop_map(|(numbers, texts, headers, body)| {
        let (id, ahead, deadline_ns, [major, minor], peer_port) = numbers;
        let (method, path, query, peer, content_type, accept) = texts;
        DataToWorker::Request(Request {
            id,
            start: if ahead {
                Start::Announced
            } else {
                Start::Implied
            },
            deadline_ns: NonZeroU64::new(deadline_ns),
            method,
            path,
            query,
            version: HttpVersion { major, minor },
            peer,
            peer_port,
            content_type,
            accept,
            headers,
            array: body.1,
            body: body.0,
        })
    })
}

fn data_to_worker() -> impl Strategy<Value = DataToWorker<'static>> {
    prop_oneof![
        4 => request(),
        2 => (id(), bytes(3000)).prop_map(|(id, bytes)| DataToWorker::Chunk { id, bytes }),
        1 => id().prop_map(|id| DataToWorker::End { id, body: BodyEnd::Complete }),
        1 => id().prop_map(|id| DataToWorker::End { id, body: BodyEnd::Broken }),
        1 => Just(DataToWorker::SlotFree(SlotIndex::new(2))),
    ]
}

fn response() -> impl Strategy<Value = DataToFront<'static>> {
    (
        id(),
        200..=599_u16,
        any::<u32>(),
        fitness(),
        pairs(),
        body(&[2]),
    )
        .prop_map(|(id, status, micros, fitness, headers, body)| {
            DataToFront::Head(ResponseHead {
                id,
                status,
                took: Duration::from_micros(micros.into()),
                fitness,
                headers,
                array: body.1,
                body: body.0,
            })
        })
}

fn data_to_front() -> impl Strategy<Value = DataToFront<'static>> {
    prop_oneof![
        4 => response(),
        2 => (id(), bytes(3000)).prop_map(|(id, bytes)| DataToFront::Chunk { id, bytes }),
        1 => (id(), fitness()).prop_map(|(id, fitness)| DataToFront::End { id, fitness }),
        1 => (id(), failure(), fitness()).prop_map(|(id, failure, fitness)| DataToFront::Error {
            id,
            failure,
            fitness
        }),
        1 => id().prop_map(DataToFront::Started),
        1 => (0..2_u16).prop_map(|slot| DataToFront::SlotFree(SlotIndex::new(slot))),
        1 => (0..2_u16).prop_map(|slot| DataToFront::SlotHeld(SlotIndex::new(slot))),
    ]
}

fn control_to_worker() -> impl Strategy<Value = ControlToWorker<'static>> {
    let load = (
        any::<u16>(),
        any::<u16>(),
        any::<bool>(),
        any::<u32>(),
        pairs(),
    )
        .prop_map(|(version, worker, has_arena, concurrency, settings)| {
            ControlToWorker::Load(Load {
                version,
                worker,
                arena: has_arena.then(arena),
                concurrency: (concurrency > 0).then_some(concurrency),
                settings,
            })
        });
    prop_oneof![
        load,
        any::<u64>().prop_map(ControlToWorker::Ping),
        id().prop_map(ControlToWorker::Cancel),
        (id(), any::<u32>()).prop_map(|(id, n_bytes)| ControlToWorker::Credit { id, n_bytes }),
        id().prop_map(|last| ControlToWorker::Drain { last }),
        Just(ControlToWorker::Bye),
    ]
}

fn phase() -> impl Strategy<Value = Phase> {
    prop_oneof![Just(Phase::Import), Just(Phase::Model), Just(Phase::WarmUp)]
}

fn control_to_front() -> impl Strategy<Value = ControlToFront<'static>> {
    let hello = (any::<u16>(), any::<u16>(), text(), text()).prop_map(
        |(min_version, max_version, runtime, runtime_version)| {
            ControlToFront::Hello(Hello {
                min_version,
                max_version,
                runtime,
                runtime_version,
            })
        },
    );
    let loaded = (1..=u32::MAX, any::<bool>(), any::<bool>()).prop_map(|(concurrency, a, b)| {
        ControlToFront::Loaded(Loaded {
            concurrency,
            capabilities: if a {
                Capabilities::ASYNC | Capabilities::STREAMING
            } else {
                Capabilities::default()
            },
            functions: if b {
                Functions::TRANSFORM
            } else {
                Functions::default()
            },
        })
    });
    let recovery = prop_oneof![Just(Recovery::Hopeless), Just(Recovery::Possible)];
    prop_oneof![
        hello,
        phase().prop_map(ControlToFront::Loading),
        loaded,
        (phase(), recovery, failure()).prop_map(|(phase, recovery, failure)| {
            ControlToFront::LoadFail {
                phase,
                recovery,
                failure,
            }
        }),
        any::<u64>().prop_map(ControlToFront::Pong),
        (id(), any::<u32>()).prop_map(|(id, n_bytes)| ControlToFront::Credit { id, n_bytes }),
        pairs().prop_map(ControlToFront::Stats),
        Just(ControlToFront::Bye),
    ]
}

/// All of them as one stream, cut anywhere: the same come out, in their order. A macro: the decoded type borrows.
macro_rules! round_trip {
    ($as:ident, $messages:expr, $cuts:expr) => {{
        let (messages, cuts): (Vec<$as<'static>>, Vec<usize>) = ($messages, $cuts);
        let mut stream = Vec::new();
        for message in &messages {
            message.encode(&mut stream).unwrap();
        }
        let (mut decoder, mut rest, mut n_decoded) = (with_arena(), &stream[..], 0);
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            feed(&mut decoder, piece);
            rest = after;
            while let Some(message) = decoder.next::<$as<'_>>().unwrap() {
                prop_assert_eq!(Some(&message), messages.get(n_decoded));
                n_decoded += 1;
            }
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(n_decoded, messages.len());
        prop_assert_eq!(decoder.finish(), Ok(()));
        prop_assert!(decoder.allocated_bytes() <= MAX_FRAME_BYTES);
    }};
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![1..20_usize, 1..2000_usize], 1..20)
}

proptest! {
    #[test]
    fn requests_come_through(messages in vec(data_to_worker(), 1..8), cuts in cuts()) {
        round_trip!(DataToWorker, messages, cuts);
    }

    #[test]
    fn responses_come_through(messages in vec(data_to_front(), 1..8), cuts in cuts()) {
        round_trip!(DataToFront, messages, cuts);
    }

    #[test]
    fn control_to_workers_comes_through(
        messages in vec(control_to_worker(), 1..8),
        cuts in cuts(),
    ) {
        round_trip!(ControlToWorker, messages, cuts);
    }

    #[test]
    fn control_to_the_front_comes_through(
        messages in vec(control_to_front(), 1..8),
        cuts in cuts(),
    ) {
        round_trip!(ControlToFront, messages, cuts);
    }

    /// A stream that ends early gives the messages before the cut, then nothing, and says so.
    #[test]
    fn truncated_at_each_byte(message in data_to_front()) {
        let mut stream = Vec::new();
        message.encode(&mut stream).unwrap();
        let (last, before) = stream.split_last().unwrap();
        let mut decoder = with_arena();
        for byte in before {
            feed(&mut decoder, &[*byte]);
            prop_assert_eq!(decoder.next::<DataToFront<'_>>(), Ok(None));
            prop_assert!(decoder.finish().is_err());
        }
        feed(&mut decoder, &[*last]);
        prop_assert_eq!(decoder.next(), Ok(Some(message)));
    }

    /// Bytes that are nearly frames: any byte of one replaced.
    #[test]
    fn one_wrong_byte(
        message in prop_oneof![
            data_to_worker().prop_map(|message| (4, encoded(&message))),
            data_to_front().prop_map(|message| (5, encoded(&message))),
            control_to_worker().prop_map(|message| (6, encoded(&message))),
            control_to_front().prop_map(|message| (7, encoded(&message))),
        ],
        at in any::<Index>(),
        byte in any::<u8>(),
        piece_bytes in any::<u8>(),
    ) {
        let (choice, mut stream) = message;
        let at = at.index(stream.len());
        stream[at] = byte;
        fuzzing::decode(&[&[choice, piece_bytes][..], &stream].concat());
    }

    /// A good header before arbitrary bytes, so that they get as far as each kind's own reading.
    #[test]
    fn arbitrary_payloads(
        choice in 0..8_u8,
        kind in prop_oneof![0..0x0d_u8, 0x0f..0x14_u8, 0x1f..0x26_u8, 0x2f..0x33_u8, any::<u8>()],
        flags in prop_oneof![Just(0_u8), 0..0x40_u8],
        slot in 0..5_u16,
        payload in vec(prop_oneof![Just(0_u8), any::<u8>()], 0..300),
        piece_bytes in any::<u8>(),
    ) {
        let mut input = vec![choice, piece_bytes];
        input.extend(b"OPT\x01");
        input.extend([kind, flags]);
        input.extend(slot.to_le_bytes());
        input.extend((payload.len() as u64).to_le_bytes());
        input.extend(payload);
        fuzzing::decode(&input);
    }

    #[test]
    fn arbitrary_bytes(input in vec(any::<u8>(), 0..200)) {
        fuzzing::decode(&input);
        let framed = [&input[..input.len().min(2)], b"OPT\x01", &input].concat();
        fuzzing::decode(&framed);
    }
}

fn encoded<'a>(message: &impl Message<'a>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).unwrap();
    bytes
}
