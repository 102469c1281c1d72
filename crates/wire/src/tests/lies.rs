//! Each way in which a frame can lie, and what is said of it.

use std::time::Duration;

use super::{arena, feed, hex, with_arena};
use crate::{
    ArenaLayout, Array, Body, ControlToFront, ControlToWorker, DataToFront, DataToWorker, Decoder,
    Dtype, Fault, Message, PairBuf, Pairs, RequestId, SlotIndex, SlotSpan,
    control::{Capabilities, Functions, Loaded},
    data::{Failure, Fitness, ResponseHead},
    kind::{Kind, Lane},
    limits::{
        MAX_CHUNK_BYTES, MAX_HEAD_BYTES, MAX_INLINE_BYTES, MAX_PAIRS, MAX_PAYLOAD_BYTES,
        MAX_TEXT_PAYLOAD_BYTES,
    },
};

#[track_caller]
fn check(mut decoder: Decoder, lane: Lane, frame: &[u8], expected: Fault) {
    feed(&mut decoder, frame);
    let found = match lane {
        Lane::DataToWorker => decoder.next::<DataToWorker<'_>>().map(|_| ()),
        Lane::DataToFront => decoder.next::<DataToFront<'_>>().map(|_| ()),
        Lane::ControlToWorker => decoder.next::<ControlToWorker<'_>>().map(|_| ()),
        Lane::ControlToFront => decoder.next::<ControlToFront<'_>>().map(|_| ()),
    };
    assert_eq!(found, Err(expected));
    assert_eq!(decoder.finish(), Err(expected));
    // Messages are fragments of a sentence, and complete without their source.
    let text = expected.to_string();
    assert!(!text.ends_with('.') && !text.is_empty(), "{text}");
}

#[track_caller]
fn check_hex(lane: Lane, frame: &str, expected: Fault) {
    check(with_arena(), lane, &hex(frame), expected);
}

/// A frame around a payload, of any kind and flags.
fn frame(kind: Kind, flags: u8, slot: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = hex("4f5054 01");
    frame.extend([kind.number(), flags]);
    frame.extend(slot.to_le_bytes());
    frame.extend((payload.len() as u64).to_le_bytes());
    frame.extend(payload);
    frame
}

/// The fixed part of a `RESP_HEAD` with status 200, and nothing else.
fn response(n_bytes: u64, offset_bytes: u32, head_bytes: u32, n_headers: u16) -> Vec<u8> {
    let mut payload = hex("0100000000000000");
    payload.extend(n_bytes.to_le_bytes());
    payload.extend(offset_bytes.to_le_bytes());
    payload.extend(head_bytes.to_le_bytes());
    payload.extend(hex("00000000 c800"));
    payload.extend(n_headers.to_le_bytes());
    payload
}

fn bare_response() -> ResponseHead<'static> {
    ResponseHead {
        id: RequestId::new(1),
        status: 200,
        took: Duration::ZERO,
        fitness: Fitness::Fit,
        headers: Pairs::default(),
        array: None,
        body: Body::Inline(b""),
    }
}

const FRONT: Lane = Lane::DataToFront;

#[test]
fn headers_that_lie() {
    let fault = Fault::Magic { found: *b"OPS" };
    check_hex(FRONT, "4f5053 01 24 00 0000 0800000000000000", fault);
    let fault = Fault::Version { found: 2 };
    check_hex(FRONT, "4f5054 02 24 00 0000 0800000000000000", fault);
    for number in [0x00, 0x0c, 0x40, 0x5f, 0x7f] {
        let frame = format!("4f5054 01 {number:02x} 00 0000 0000000000000000");
        check_hex(FRONT, &frame, Fault::UnknownKind { number });
    }
    let payload_bytes = MAX_PAYLOAD_BYTES as u64 + 1;
    let number = 0xfe;
    let fault = Fault::UnknownTooLong {
        number,
        payload_bytes,
    };
    check_hex(FRONT, "4f5054 01 fe 00 0000 0100080000000000", fault);
    let (kind, lane) = (Kind::Req, FRONT);
    let fault = Fault::WrongLane { kind, lane };
    check_hex(FRONT, "4f5054 01 10 00 0000 ffffffffffffffff", fault);
}

#[test]
fn a_length_past_the_limit_is_refused_before_the_payload() {
    for (kind, lane, max_bytes) in [
        (Kind::Req, Lane::DataToWorker, MAX_PAYLOAD_BYTES),
        (Kind::ReqChunk, Lane::DataToWorker, MAX_CHUNK_BYTES + 8),
        (Kind::ReqEnd, Lane::DataToWorker, 4096),
        (Kind::RespHead, Lane::DataToFront, MAX_PAYLOAD_BYTES),
        (Kind::RespChunk, Lane::DataToFront, MAX_CHUNK_BYTES + 8),
        (Kind::Error, Lane::DataToFront, MAX_TEXT_PAYLOAD_BYTES),
        (Kind::SlotHeld, Lane::DataToFront, 4096),
        (Kind::Load, Lane::ControlToWorker, MAX_TEXT_PAYLOAD_BYTES),
        (Kind::Cancel, Lane::ControlToWorker, 4096),
        (Kind::Hello, Lane::ControlToFront, 4096),
        (Kind::Stats, Lane::ControlToFront, MAX_TEXT_PAYLOAD_BYTES),
    ] {
        for payload_bytes in [max_bytes as u64 + 1, 1 << 32, u64::MAX] {
            let mut header = frame(kind, 0, 0, &[]);
            header[8..].copy_from_slice(&payload_bytes.to_le_bytes());
            let fault = Fault::TooLong {
                kind,
                payload_bytes,
            };
            check(with_arena(), lane, &header, fault);
        }
    }
}

#[test]
fn flags_and_slots_where_there_are_none() {
    let kind = Kind::Started;
    let flags = 0x01;
    let fault = Fault::UnknownFlags { kind, flags };
    check(with_arena(), FRONT, &frame(kind, flags, 0, &[0; 8]), fault);
    let slot = SlotIndex::new(1);
    let fault = Fault::UnexpectedSlot { kind, slot };
    check(with_arena(), FRONT, &frame(kind, 0, 1, &[0; 8]), fault);

    // The request's own flag on a response, and the other way round.
    let (kind, flags) = (Kind::RespHead, 0x08);
    let fault = Fault::UnknownFlags { kind, flags };
    check(with_arena(), FRONT, &frame(kind, flags, 0, &[]), fault);
    let (kind, flags) = (Kind::Req, 0x20);
    let fault = Fault::UnknownFlags { kind, flags };
    let bytes = frame(kind, flags, 0, &[]);
    check(with_arena(), Lane::DataToWorker, &bytes, fault);

    let kind = Kind::RespHead;
    let fault = Fault::UnexpectedSlot { kind, slot };
    let bytes = frame(kind, 0, 1, &response(0, 0, 32, 0));
    check(with_arena(), FRONT, &bytes, fault);
}

#[test]
fn bodies_that_lie() {
    let kind = Kind::RespHead;
    let bytes = frame(kind, 3, 0, &response(0, 0, 32, 0));
    check(with_arena(), FRONT, &bytes, Fault::BodyForm { kind });

    for declared_bytes in [0, 2, u64::MAX] {
        let mut payload = response(declared_bytes, 0, 32, 0);
        payload.push(b'x');
        let fault = Fault::InlineLength {
            kind,
            declared_bytes,
            actual_bytes: 1,
        };
        check(with_arena(), FRONT, &frame(kind, 0, 0, &payload), fault);
    }

    for flags in [1, 2] {
        let mut payload = response(1, 0, 32, 0);
        payload.push(b'x');
        let fault = Fault::BytesAfterHead { kind, n_bytes: 1 };
        let bytes = frame(kind, flags, 2 * u16::from(flags == 1), &payload);
        check(with_arena(), FRONT, &bytes, fault);
    }

    for flags in [0, 2] {
        let fault = Fault::OffsetWithoutSlot {
            kind,
            offset_bytes: 4,
        };
        let bytes = frame(kind, flags, 0, &response(0, 4, 32, 0));
        check(with_arena(), FRONT, &bytes, fault);
    }
}

#[test]
fn heads_that_lie() {
    let kind = Kind::RespHead;
    for (head_bytes, payload_bytes) in [(0, 32), (31, 32), (33, 32), (u32::MAX, 32)] {
        let fault = Fault::HeadLength {
            kind,
            head_bytes,
            payload_bytes,
        };
        let bytes = frame(kind, 0, 0, &response(0, 0, head_bytes, 0));
        check(with_arena(), FRONT, &bytes, fault);
    }
    let part = "headers";
    let fault = Fault::PartOverruns { kind, part };
    // A pair is missing, its name is longer than the head, its value is.
    for pairs in ["", "01", "0100 00", "0200 0000 61", "0100 0200 61 62"] {
        let pairs = hex(pairs);
        let head_bytes = 32 + u32::try_from(pairs.len()).unwrap();
        let mut payload = response(1, 0, head_bytes, 1);
        payload.extend(pairs);
        // The body must not be taken for a part of the head.
        payload.push(b'x');
        check(with_arena(), FRONT, &frame(kind, 0, 0, &payload), fault);
    }
    let n_pairs = MAX_PAIRS + 1;
    let fault = Fault::TooManyPairs { n_pairs };
    let bytes = frame(kind, 0, 0, &response(0, 0, 32, n_pairs));
    check(with_arena(), FRONT, &bytes, fault);
}

#[test]
fn a_head_past_its_limit() {
    let n_bytes = MAX_HEAD_BYTES + 1;
    let head_bytes = u32::try_from(n_bytes).unwrap();
    let mut payload = response(0, 0, head_bytes, 0);
    payload.resize(n_bytes, 0);
    let bytes = frame(Kind::RespHead, 0, 0, &payload);
    let mut decoder = Decoder::new();
    let fault = Fault::HeadLength {
        kind: Kind::RespHead,
        head_bytes,
        payload_bytes: n_bytes,
    };
    assert_eq!(in_pieces(&mut decoder, &bytes), Err(fault));
}

#[test]
fn an_inline_body_past_its_limit() {
    let n_bytes = MAX_INLINE_BYTES + 1;
    let mut payload = response(n_bytes as u64, 0, 32, 0);
    payload.resize(32 + n_bytes, 0);
    let mut decoder = Decoder::new();
    assert_eq!(
        in_pieces(&mut decoder, &frame(Kind::RespHead, 0, 0, &payload)),
        Err(Fault::InlineTooLong { n_bytes })
    );
}

fn in_pieces(decoder: &mut Decoder, mut bytes: &[u8]) -> Result<(), Fault> {
    while !bytes.is_empty() {
        decoder.next::<DataToFront<'_>>()?;
        let n_bytes = decoder.space().len().min(bytes.len());
        feed(decoder, &bytes[..n_bytes]);
        bytes = &bytes[n_bytes..];
    }
    decoder.next::<DataToFront<'_>>().map(|_| ())
}

#[test]
fn each_length_of_a_request() {
    let request = hex(
        "0900000000000000 0000000000000000 0300000000000000 00000000 5a000000
         0c00 0300 0800 0300 0100 3412 04 03 01 01
         504f5354 2f696e766f636174696f6e73 613d31 3a3a31 746578742f637376 2a2f2a
         0400 0100 486f7374 61
         312c32",
    );
    let lane = Lane::DataToWorker;
    let kind = Kind::Req;
    let mut decoder = with_arena();
    feed(&mut decoder, &frame(kind, 0, 0, &request));
    assert!(decoder.next::<DataToWorker<'_>>().unwrap().is_some());
    for (at, n_bytes, part) in [
        (32, 2, "path"),
        (34, 2, "query"),
        (36, 2, "content_type"),
        (38, 2, "accept"),
        (44, 1, "method"),
        (45, 1, "peer"),
    ] {
        let mut lie = request.clone();
        lie[at..at + n_bytes].fill(0xff);
        let fault = Fault::PartOverruns { kind, part };
        check(with_arena(), lane, &frame(kind, 0, 0, &lie), fault);
    }
    // One more, and one less, of each length that the whole hangs on.
    for (at, number) in [(16, 2), (16, 4), (28, 0x59), (28, 0x5b), (40, 2)] {
        let mut lie = request.clone();
        lie[at] = number;
        let mut decoder = with_arena();
        feed(&mut decoder, &frame(kind, 0, 0, &lie));
        assert!(
            decoder.next::<DataToWorker<'_>>().is_err(),
            "{at}: {number}"
        );
    }
}

#[test]
fn arenas_and_slots_that_lie() {
    let head = |n_bytes, offset_bytes| response(n_bytes, offset_bytes, 32, 0);
    let kind = Kind::RespHead;
    let slot = SlotIndex::new(2);
    let bytes = frame(kind, 1, 2, &head(1, 0));
    check(Decoder::new(), FRONT, &bytes, Fault::NoArena { slot });

    for number in [0, 1, 3, u16::MAX] {
        let slot = SlotIndex::new(number);
        let (lane, fault) = (FRONT, |kind, lane| Fault::WrongSlot { kind, lane, slot });
        let bytes = frame(kind, 1, number, &head(1, 0));
        check(with_arena(), lane, &bytes, fault(kind, lane));
    }
    for (n_bytes, offset_bytes) in [
        (4097, 0),
        (4096, 1),
        (1, 4096),
        (0, 4097),
        (1, u32::MAX),
        (u64::MAX, 0),
        (u64::MAX, u32::MAX),
    ] {
        let fault = Fault::OutsideSlot {
            slot,
            offset_bytes,
            n_bytes,
            slot_bytes: 4096,
        };
        let bytes = frame(kind, 1, 2, &head(n_bytes, offset_bytes));
        check(with_arena(), FRONT, &bytes, fault);
    }

    // Slots are given back by the side that does not own them.
    for (kind, lane, number) in [
        (Kind::SlotFree, Lane::DataToFront, 2),
        (Kind::SlotHeld, Lane::DataToFront, 2),
        (Kind::SlotFree, Lane::DataToWorker, 1),
        (Kind::SlotFree, Lane::DataToWorker, 3),
    ] {
        let slot = SlotIndex::new(number);
        let fault = Fault::WrongSlot { kind, lane, slot };
        check(with_arena(), lane, &frame(kind, 0, number, &[]), fault);
        let fault = Fault::NoArena { slot };
        check(Decoder::new(), lane, &frame(kind, 0, number, &[]), fault);
    }
}

#[test]
fn geometries() {
    for (request_slots, response_slots, slot_bytes) in [
        (0, 0, 4096),
        (1, 1, 0),
        (1, 1, 4095),
        (u16::MAX, 1, 4096),
        (1, 0, 2048),
    ] {
        let fault = Fault::ArenaGeometry {
            request_slots,
            response_slots,
            slot_bytes,
        };
        let made = ArenaLayout::try_new(request_slots, response_slots, slot_bytes);
        assert_eq!(made, Err(fault));
        let mut payload = hex("0100 0000");
        payload.extend(request_slots.to_le_bytes());
        payload.extend(response_slots.to_le_bytes());
        payload.extend(slot_bytes.to_le_bytes());
        payload.extend(hex("00000000 0000"));
        let bytes = frame(Kind::Load, 0, 0, &payload);
        check(Decoder::new(), Lane::ControlToWorker, &bytes, fault);
    }
    let largest = ArenaLayout::try_new(u16::MAX - 1, 1, 0xffff_f000).unwrap();
    assert_eq!(largest.n_bytes(), 65_535 * 0xffff_f000);
    assert_eq!(arena().n_bytes(), 3 * 4096);
    assert_eq!(arena().start_of(SlotIndex::new(2)), 8192);
}

#[test]
fn arrays_that_lie() {
    let kind = Kind::RespHead;
    let array = |n_bytes: u64, array: &str, body: &[u8]| {
        let array = hex(array);
        let mut payload = response(n_bytes, 0, 32 + u32::try_from(array.len()).unwrap(), 0);
        payload.extend(array);
        payload.extend(body);
        payload
    };
    for code in [0, 13, 255] {
        let payload = array(0, &format!("{code:02x} 00 000000000000"), &[]);
        let bytes = frame(kind, 4, 0, &payload);
        check(with_arena(), FRONT, &bytes, Fault::ArrayType { code });
    }
    let payload = array(0, "01 21 000000000000", &[]);
    let n_dimensions = 33;
    let fault = Fault::TooManyDimensions { n_dimensions };
    check(with_arena(), FRONT, &frame(kind, 4, 0, &payload), fault);

    let part = "array";
    let payload = array(0, "01 01 000000000000 00000000000000", &[]);
    let fault = Fault::PartOverruns { kind, part };
    check(with_arena(), FRONT, &frame(kind, 4, 0, &payload), fault);

    for (shape, body) in [
        // 3 u16 in 7 bytes, 2^63 u16 (2^64 bytes) in none, 2^62 times 2^62 bytes in none.
        ("07 01 000000000000 0300000000000000", &[0; 7][..]),
        ("07 01 000000000000 0000000000000080", &[]),
        ("06 02 000000000000 0000000000000040 0000000000000040", &[]),
    ] {
        let body_bytes = body.len() as u64;
        let payload = array(body_bytes, shape, body);
        let fault = Fault::ArraySize { body_bytes };
        check(with_arena(), FRONT, &frame(kind, 4, 0, &payload), fault);
    }

    // In chunks the length must be known; 2^64 - 1 bytes are not a length, though a shape can make as much.
    let payload = array(u64::MAX, "06 01 000000000000 ffffffffffffffff", &[]);
    let body_bytes = u64::MAX;
    let fault = Fault::ArraySize { body_bytes };
    check(with_arena(), FRONT, &frame(kind, 6, 0, &payload), fault);
}

#[test]
fn an_empty_array_has_no_bytes_whatever_its_other_dimensions() {
    for dimensions in [[0, u64::MAX, u64::MAX], [u64::MAX, u64::MAX, 0]] {
        let dimensions = dimensions.map(u64::to_le_bytes);
        let array = Array {
            dtype: Dtype::F64,
            dimensions: &dimensions,
        };
        assert_eq!(array.n_bytes(), Some(0));
        assert_eq!(array.shape().len(), 3);
    }
}

#[test]
fn statuses() {
    for status in [0_u16, 101, 199, 600, u16::MAX] {
        let mut payload = response(0, 0, 32, 0);
        payload[28..30].copy_from_slice(&status.to_le_bytes());
        let kind = Kind::RespHead;
        let fault = Fault::Status { kind, status };
        check(with_arena(), FRONT, &frame(kind, 0, 0, &payload), fault);
        let head = ResponseHead {
            status,
            ..bare_response()
        };
        assert_eq!(DataToFront::Head(head).encode(&mut Vec::new()), Err(fault));
    }
    for status in [200_u16, 399, 600] {
        let mut payload = vec![0; 20];
        payload[8..10].copy_from_slice(&status.to_le_bytes());
        let kind = Kind::Error;
        let fault = Fault::Status { kind, status };
        check(with_arena(), FRONT, &frame(kind, 0, 0, &payload), fault);
    }
}

#[test]
fn texts_that_lie() {
    let kind = Kind::Error;
    let with = |lengths: &str, texts: &[u8]| {
        let mut payload = hex(&format!("0100000000000000 f401 {lengths}"));
        payload.extend(texts);
        frame(kind, 0, 0, &payload)
    };
    for (part, lengths) in [
        ("type", "0200 00000000 00000000"),
        ("message", "0000 02000000 00000000"),
        ("message", "0100 ffffffff 00000000"),
        ("detail", "0000 00000000 ffffffff"),
    ] {
        let fault = Fault::PartOverruns { kind, part };
        check(with_arena(), FRONT, &with(lengths, b"x"), fault);
    }
    for (part, lengths) in [
        ("type", "0100 00000000 00000000"),
        ("message", "0000 01000000 00000000"),
        ("detail", "0000 00000000 01000000"),
    ] {
        let fault = Fault::NotUtf8 { kind, part };
        check(with_arena(), FRONT, &with(lengths, b"\xff"), fault);
    }
    let lane = Lane::ControlToFront;
    let kind = Kind::Hello;
    let part = "runtime_version";
    let bytes = frame(kind, 0, 0, &hex("0100 0100 0000 0200 61"));
    let fault = Fault::PartOverruns { kind, part };
    check(with_arena(), lane, &bytes, fault);
}

#[test]
fn numbers_that_stand_for_nothing() {
    let lane = Lane::ControlToFront;
    for code in [0, 4] {
        let kind = Kind::Loading;
        let part = "phase";
        let fault = Fault::UnknownCode { kind, part, code };
        check(Decoder::new(), lane, &frame(kind, 0, 0, &[code]), fault);
    }
    let (kind, part, code) = (Kind::LoadFail, "recovery", 2);
    let fault = Fault::UnknownCode { kind, part, code };
    check(Decoder::new(), lane, &frame(kind, 0, 0, &[1, code]), fault);
    let bytes = frame(Kind::Loaded, 0, 0, &[0; 12]);
    check(Decoder::new(), lane, &bytes, Fault::NoConcurrency);
}

/// The least that each kind needs: one byte less is too short.
#[test]
fn fixed_parts_cut_at_each_byte() {
    for (kind, lane, fixed_bytes) in [
        (Kind::Hello, Lane::ControlToFront, 8),
        (Kind::Load, Lane::ControlToWorker, 18),
        (Kind::Loading, Lane::ControlToFront, 1),
        (Kind::Loaded, Lane::ControlToFront, 12),
        (Kind::Ping, Lane::ControlToWorker, 8),
        (Kind::Pong, Lane::ControlToFront, 8),
        (Kind::Drain, Lane::ControlToWorker, 8),
        (Kind::Cancel, Lane::ControlToWorker, 8),
        (Kind::Credit, Lane::ControlToWorker, 12),
        (Kind::Credit, Lane::ControlToFront, 12),
        (Kind::Stats, Lane::ControlToFront, 2),
        (Kind::Req, Lane::DataToWorker, 48),
        (Kind::ReqChunk, Lane::DataToWorker, 8),
        (Kind::ReqEnd, Lane::DataToWorker, 8),
        (Kind::RespHead, Lane::DataToFront, 32),
        (Kind::RespChunk, Lane::DataToFront, 8),
        (Kind::RespEnd, Lane::DataToFront, 8),
        (Kind::Error, Lane::DataToFront, 20),
        (Kind::Started, Lane::DataToFront, 8),
    ] {
        // A status where one is asked for, a phase, a concurrency.
        let mut payload = match kind {
            Kind::RespHead => response(0, 0, 32, 0),
            Kind::Error => hex("0100000000000000 f401"),
            _ => vec![1],
        };
        payload.resize(fixed_bytes, 0);
        for n_bytes in 0..fixed_bytes {
            let bytes = frame(kind, 0, 0, &payload[..n_bytes]);
            check(with_arena(), lane, &bytes, Fault::TooShort { kind });
        }
    }
}

#[test]
fn an_encoder_says_nothing_that_is_refused() {
    let long = vec![b'x'; MAX_PAYLOAD_BYTES + 1];
    let text = String::from_utf8(long.clone()).unwrap();
    let id = RequestId::new(1);
    let kind = Kind::RespHead;
    let n_bytes = MAX_INLINE_BYTES + 1;
    let failure = Failure {
        status: 500,
        kind: "",
        message: "",
        detail: &text[..MAX_TEXT_PAYLOAD_BYTES],
    };
    let dimensions = [[0; 8]; 33];
    for (message, fault) in [
        (
            DataToFront::Chunk {
                id,
                bytes: &long[..=MAX_CHUNK_BYTES],
            },
            Fault::TooLong {
                kind: Kind::RespChunk,
                payload_bytes: MAX_CHUNK_BYTES as u64 + 9,
            },
        ),
        (
            DataToFront::Head(ResponseHead {
                body: Body::Inline(&long[..n_bytes]),
                ..bare_response()
            }),
            Fault::InlineTooLong { n_bytes },
        ),
        (
            DataToFront::Head(ResponseHead {
                array: Some(Array {
                    dtype: Dtype::Bool,
                    dimensions: &dimensions[..1],
                }),
                body: Body::Inline(b"x"),
                ..bare_response()
            }),
            Fault::ArraySize { body_bytes: 1 },
        ),
        (
            DataToFront::Head(ResponseHead {
                array: Some(Array {
                    dtype: Dtype::Bool,
                    dimensions: &dimensions,
                }),
                ..bare_response()
            }),
            Fault::TooManyDimensions { n_dimensions: 33 },
        ),
        (
            DataToFront::Error {
                id,
                failure,
                fitness: Fitness::Fit,
            },
            Fault::TooLong {
                kind: Kind::Error,
                payload_bytes: MAX_TEXT_PAYLOAD_BYTES as u64 + 20,
            },
        ),
        (
            DataToFront::Error {
                id,
                failure: Failure {
                    kind: &text[..65_536],
                    ..failure
                },
                fitness: Fitness::Fit,
            },
            Fault::PartTooLong {
                kind: Kind::Error,
                part: "type",
                n_bytes: 65_536,
                max_bytes: 65_535,
            },
        ),
    ] {
        let mut out = b"before".to_vec();
        assert_eq!(message.encode(&mut out), Err(fault));
        assert_eq!(out, b"before", "{kind}");
    }
    let loaded = Loaded {
        concurrency: 0,
        capabilities: Capabilities::default(),
        functions: Functions::default(),
    };
    let encoded = ControlToFront::Loaded(loaded).encode(&mut Vec::new());
    assert_eq!(encoded, Err(Fault::NoConcurrency));
}

#[test]
fn pairs_past_their_limits() {
    let long = vec![b'x'; 65_536];
    let mut pairs = PairBuf::new();
    let fault = Fault::PairTooLong {
        name_bytes: 1,
        value_bytes: 65_536,
    };
    assert_eq!(pairs.push(b"a", &long), Err(fault));
    assert!(pairs.push(&long, b"a").is_err());
    assert!(pairs.as_pairs().is_empty());
    for _ in 0..3 {
        pairs.push(b"", &long[..65_535]).unwrap();
    }
    assert!(
        pairs.push(&long[..65_535], b"xx").is_err(),
        "more than a head"
    );
    pairs.clear();
    for _ in 0..MAX_PAIRS {
        pairs.push(b"a", b"b").unwrap();
    }
    let n_pairs = MAX_PAIRS + 1;
    assert_eq!(pairs.push(b"a", b"b"), Err(Fault::TooManyPairs { n_pairs }));
    assert_eq!(pairs.as_pairs().len(), usize::from(MAX_PAIRS));
}

#[test]
fn the_largest_of_everything_fits() {
    let body = vec![0; MAX_INLINE_BYTES];
    let mut headers = PairBuf::new();
    for _ in 0..3 {
        headers.push(b"name", &vec![b'x'; 60_000]).unwrap();
    }
    let head = DataToFront::Head(ResponseHead {
        headers: headers.as_pairs(),
        body: Body::Inline(&body),
        ..bare_response()
    });
    let mut bytes = Vec::new();
    head.encode(&mut bytes).unwrap();
    let mut decoder = Decoder::new();
    assert_eq!(in_pieces_message(&mut decoder, &bytes), Ok(Some(head)));
    let span = SlotSpan {
        slot: SlotIndex::new(2),
        offset_bytes: 4096,
        n_bytes: 0,
    };
    let head = DataToFront::Head(ResponseHead {
        body: Body::Slot(span),
        ..bare_response()
    });
    bytes.clear();
    head.encode(&mut bytes).unwrap();
    let mut decoder = with_arena();
    assert_eq!(in_pieces_message(&mut decoder, &bytes), Ok(Some(head)));
}

fn in_pieces_message<'a>(
    decoder: &'a mut Decoder,
    mut bytes: &[u8],
) -> Result<Option<DataToFront<'a>>, Fault> {
    while !bytes.is_empty() {
        assert_eq!(decoder.next::<DataToFront<'_>>(), Ok(None));
        let n_bytes = decoder.space().len().min(bytes.len());
        feed(decoder, &bytes[..n_bytes]);
        bytes = &bytes[n_bytes..];
    }
    decoder.next()
}
