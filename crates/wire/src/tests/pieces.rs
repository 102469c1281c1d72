//! The decoder between reads: cuts, frames to be skipped, memory, the end.

use super::{feed, hex};
use crate::{
    ControlToFront, DataToFront, DataToWorker, Decoder, Fault, Message, RequestId,
    data::BodyEnd,
    limits::{MAX_CHUNK_BYTES, MAX_FRAME_BYTES, MAX_PAYLOAD_BYTES},
};

#[test]
fn several_frames_in_one_read() {
    let mut bytes = Vec::new();
    for number in 0..100 {
        DataToFront::Started(RequestId::new(number))
            .encode(&mut bytes)
            .unwrap();
    }
    let mut decoder = Decoder::new();
    feed(&mut decoder, &bytes);
    for number in 0..100 {
        let expected = DataToFront::Started(RequestId::new(number));
        assert_eq!(decoder.next(), Ok(Some(expected)));
    }
    assert_eq!(decoder.next::<DataToFront<'_>>(), Ok(None));
}

#[test]
fn one_byte_at_a_time() {
    let mut bytes = Vec::new();
    let chunk = DataToWorker::Chunk {
        id: RequestId::new(1),
        bytes: b"some of a body",
    };
    chunk.encode(&mut bytes).unwrap();
    let mut decoder = Decoder::new();
    for (n_before, byte) in bytes.iter().enumerate() {
        assert_eq!(decoder.next::<DataToWorker<'_>>(), Ok(None));
        let expected = match n_before {
            0 => Ok(()),
            n_bytes => Err(Fault::Truncated { n_bytes }),
        };
        assert_eq!(decoder.finish(), expected);
        feed(&mut decoder, &[*byte]);
    }
    assert_eq!(decoder.next(), Ok(Some(chunk)));
    assert_eq!(decoder.finish(), Ok(()));
}

#[test]
fn what_may_be_skipped_is_skipped() {
    let mut bytes = hex("4f5054 01 ff 77 1234 0500000000000000 0102030405");
    bytes.extend(hex("4f5054 01 81 00 0000 0000000000000000"));
    bytes.extend(hex(
        "4f5054 01 07 00 0000 0800000000000000 0700000000000000",
    ));
    for piece_bytes in 1..bytes.len() {
        let mut decoder = Decoder::new();
        let mut numbers = Vec::new();
        for piece in bytes.chunks(piece_bytes) {
            feed(&mut decoder, piece);
            while let Some(message) = decoder.next::<ControlToFront<'_>>().unwrap() {
                assert_eq!(message, ControlToFront::Pong(7));
                numbers.push(7);
            }
        }
        assert_eq!(numbers, [7], "in pieces of {piece_bytes} bytes");
    }
}

#[test]
fn skipping_takes_no_memory() {
    let mut decoder = Decoder::new();
    let mut header = hex("4f5054 01 ff 00 0000");
    header.extend((MAX_PAYLOAD_BYTES as u64).to_le_bytes());
    feed(&mut decoder, &header);
    let mut n_left = MAX_PAYLOAD_BYTES;
    while n_left > 0 {
        assert_eq!(decoder.next::<DataToFront<'_>>(), Ok(None));
        assert!(decoder.finish().is_err(), "{n_left} bytes are to come");
        let n_bytes = decoder.space().len().min(n_left);
        decoder.advance(n_bytes);
        n_left -= n_bytes;
    }
    assert_eq!(decoder.next::<DataToFront<'_>>(), Ok(None));
    assert_eq!(decoder.finish(), Ok(()));
    assert!(decoder.allocated_bytes() < MAX_PAYLOAD_BYTES / 4);
}

#[test]
fn what_later_versions_add_at_the_end_is_skipped() {
    let mut decoder = Decoder::new();
    // A CREDIT-like tail after a STARTED, and 3 more bytes in the head of a response before its body.
    feed(
        &mut decoder,
        &hex("4f5054 01 24 00 0000 0c00000000000000 0300000000000000 ffffffff"),
    );
    assert_eq!(
        decoder.next(),
        Ok(Some(DataToFront::Started(RequestId::new(3))))
    );
    feed(
        &mut decoder,
        &hex("4f5054 01 20 00 0000 2500000000000000
              0100000000000000 0200000000000000 00000000 23000000 00000000 c800 0000
              ffffff 6869"),
    );
    let Ok(Some(DataToFront::Head(head))) = decoder.next() else {
        panic!("not a response");
    };
    assert_eq!(head.body, crate::Body::Inline(b"hi"));
    // Bits of sets that version 1 doesn't have.
    feed(
        &mut decoder,
        &hex("4f5054 01 04 00 0000 0c00000000000000 01000000 ff010080 00f00080"),
    );
    let Ok(Some(ControlToFront::Loaded(loaded))) = decoder.next() else {
        panic!("not LOADED");
    };
    let mut again = Vec::new();
    ControlToFront::Loaded(loaded).encode(&mut again).unwrap();
    assert_eq!(again[20..], hex("1f000000 00000000"));
}

#[test]
fn a_fault_stays() {
    let mut decoder = Decoder::new();
    feed(&mut decoder, b"Traceback (most recent call last):");
    let fault = Fault::Magic { found: *b"Tra" };
    assert_eq!(decoder.next::<DataToFront<'_>>(), Err(fault));
    feed(
        &mut decoder,
        &hex("4f5054 01 24 00 0000 0800000000000000 0300000000000000"),
    );
    assert_eq!(decoder.next::<DataToFront<'_>>(), Err(fault));
    assert_eq!(decoder.finish(), Err(fault));
    assert!(fault.hint().is_some());
}

#[test]
fn a_broken_request_body_is_told_from_a_whole_one() {
    let mut bytes = Vec::new();
    let id = RequestId::new(1);
    for body in [BodyEnd::Complete, BodyEnd::Broken] {
        DataToWorker::End { id, body }.encode(&mut bytes).unwrap();
    }
    assert_eq!(bytes[5], 0);
    assert_eq!(bytes[24 + 5], 0x10);
}

#[test]
fn memory_stays_in_bounds_with_the_largest_frames() {
    let chunk = vec![7; MAX_CHUNK_BYTES];
    let message = DataToFront::Chunk {
        id: RequestId::new(1),
        bytes: &chunk,
    };
    let mut bytes = Vec::new();
    for _ in 0..5 {
        message.encode(&mut bytes).unwrap();
    }
    let mut decoder = Decoder::new();
    assert_eq!(decoder.allocated_bytes(), 0);
    let (mut rest, mut n_messages) = (&bytes[..], 0);
    while !rest.is_empty() {
        let space = decoder.space();
        let n_bytes = space.len().min(rest.len());
        assert!(n_bytes > 0, "room for more");
        space[..n_bytes].copy_from_slice(&rest[..n_bytes]);
        decoder.advance(n_bytes);
        rest = &rest[n_bytes..];
        while let Some(decoded) = decoder.next::<DataToFront<'_>>().unwrap() {
            assert_eq!(decoded, message);
            n_messages += 1;
        }
        assert!(decoder.allocated_bytes() <= MAX_FRAME_BYTES);
    }
    assert_eq!(n_messages, 5);
    assert!(decoder.allocated_bytes() >= MAX_CHUNK_BYTES);
}

#[test]
fn a_body_need_not_be_copied_to_be_sent() {
    let bytes = vec![1; 1000];
    let message = DataToWorker::Chunk {
        id: RequestId::new(1),
        bytes: &bytes,
    };
    let (mut head, mut whole) = (Vec::new(), Vec::new());
    let body = message.encode_head(&mut head).unwrap();
    assert!(std::ptr::eq(body, &raw const bytes[..]));
    assert_eq!(head.len(), 24);
    message.encode(&mut whole).unwrap();
    head.extend_from_slice(body);
    assert_eq!(head, whole);
}
