use proptest::{collection::vec, prelude::*, sample::select};

use super::{ChunkDecoder, ChunkStep};
use crate::http::{Fault, fault::Excerpt};

/// The body, and how many of the bytes were its; `None` when more must come.
type Decoded = Result<Option<(Vec<u8>, usize)>, Fault>;

/// Decodes bytes that come in pieces of this size.
fn decode_in(piece_bytes: usize, bytes: &[u8]) -> Decoded {
    let mut decoder = ChunkDecoder::new();
    let mut body = Vec::new();
    let mut consumed = 0;
    for piece in bytes.chunks(piece_bytes) {
        let mut rest = piece;
        loop {
            let step = decoder.next(rest)?;
            assert!(step.consumed() <= rest.len());
            consumed += step.consumed();
            match &step {
                ChunkStep::Data { range } => {
                    assert!(!range.is_empty());
                    body.extend(&rest[range.clone()]);
                }
                ChunkStep::NeedMore { consumed } => {
                    assert_eq!(*consumed, rest.len());
                    break;
                }
                ChunkStep::Done { .. } => {
                    assert_eq!(decoder.body_bytes(), body.len() as u64);
                    return Ok(Some((body, consumed)));
                }
            }
            rest = &rest[step.consumed()..];
        }
    }
    Ok(None)
}

fn decode(bytes: &[u8]) -> Decoded {
    decode_in(bytes.len().max(1), bytes)
}

#[track_caller]
fn check(bytes: &[u8], body: &[u8]) {
    let with_more = [bytes, b"GET / HTTP/1.1\r\n\r\n"].concat();
    let expected = Ok(Some((body.to_vec(), bytes.len())));
    for piece_bytes in [1, 2, 3, 7, with_more.len()] {
        assert_eq!(decode_in(piece_bytes, &with_more), expected);
    }
    for cut in 0..bytes.len() {
        assert_eq!(decode(&bytes[..cut]), Ok(None), "cut at {cut}");
    }
}

#[track_caller]
fn check_refused(bytes: &[u8], expected: &Fault) {
    for piece_bytes in [1, 2, 3, bytes.len()] {
        assert_eq!(decode_in(piece_bytes, bytes).as_ref(), Err(expected));
    }
    assert_eq!(expected.status(), 400);
    let text = expected.to_string();
    assert!(
        text.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        "{text}"
    );
}

/// Refused for a byte that is not what could stand there.
#[track_caller]
fn check_byte(bytes: &[u8], found: u8) {
    for piece_bytes in [1, bytes.len()] {
        match decode_in(piece_bytes, bytes) {
            Err(Fault::ChunkByte { found: byte, .. }) => assert_eq!(byte, found),
            other => panic!("{other:?} for {}", bytes.escape_ascii()),
        }
    }
}

#[test]
fn bodies() {
    check(b"0\r\n\r\n", b"");
    check(b"5\r\nhello\r\n0\r\n\r\n", b"hello");
    check(b"1\r\na\r\n2\r\nbc\r\n00\r\n\r\n", b"abc");
    check(
        b"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
        b"01234567890123456789",
    );
    check(
        b"0000000000000003\r\n\r\n\0\r\n0000000000000000\r\n\r\n",
        b"\r\n\0",
    );
    check(
        b"1;\r\na\r\n1;name=\"v;\\\"\t\x80\xff\" ; b\r\nb\r\n0;x\r\n\r\n",
        b"ab",
    );
    check(
        b"1\r\na\r\n0\r\nX-Checksum: 1\r\nempty:\r\nb: \t\xff \r\n\r\n",
        b"a",
    );
    // Names that only begin like forbidden ones, or are longer than all of them.
    let long = "h".repeat(300);
    check(
        format!("0\r\nhosts: a\r\nhos: a\r\n{long}: a\r\n\r\n").as_bytes(),
        b"",
    );
}

#[test]
fn chunk_sizes() {
    for bytes in [
        &b"0x5\r\nhello\r\n"[..],
        b"+5\r\n",
        b"-5\r\n",
        b" 5\r\n",
        b"5 \r\n",
        b"5\t;a\r\n",
        b"\r\n0\r\n\r\n",
        b";a\r\n",
        b"g\r\n",
        b"5_0\r\n",
        b"5,5\r\n",
        b"\xb5\r\n",
        b"5\0\r\n",
        b"5h\r\n",
    ] {
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit());
        check_byte(bytes, bytes[digits.count()]);
    }
    for size in [
        "8000000000000000",
        "ffffffffffffffff",
        "10000000000000000",
        "00000000000000000",
        "00000000000000005",
        "fffffffffffffffff",
    ] {
        check_refused(format!("{size}\r\n").as_bytes(), &Fault::ChunkTooLarge);
    }
    let mut decoder = ChunkDecoder::new();
    let largest = b"7fffffffffffffff\r\n";
    assert_eq!(
        decoder.next(largest),
        Ok(ChunkStep::NeedMore { consumed: 18 })
    );
    assert_eq!(decoder.data_left(), i64::MAX.unsigned_abs());
}

#[test]
fn lines_end_with_cr_lf() {
    check_byte(b"5\nhello", b'\n');
    check_byte(b"5\rhello", b'h');
    check_byte(b"5;a\nhello", b'\n');
    check_byte(b"5;a\rb\r\nhello", b'b');
    check_byte(b"5\r\r\nhello", b'\r');
    check_byte(b"5\r\nhello5\r\n", b'5');
    check_byte(b"5\r\nhello\n5\r\n", b'\n');
    check_byte(b"5\r\nhello\r5\r\n", b'5');
    check_byte(b"5\r\nhello!\r\n", b'!');
    check_byte(b"0\r\n\n", b'\n');
    check_byte(b"0\r\n\rG", b'G');
    check_byte(b"0\n\n", b'\n');
    check_byte(b"0\r\na: b\n\r\n", b'\n');
    check_byte(b"0\r\na: b\rc: d\r\n\r\n", b'c');
}

#[test]
fn extensions_are_bounded() {
    let extended = |n_bytes: usize| format!("1;{}\r\na\r\n0\r\n\r\n", "e".repeat(n_bytes));
    assert!(decode(extended(4096).as_bytes()).is_ok());
    check_refused(extended(4097).as_bytes(), &Fault::ChunkExtensionTooLong);
    check_refused(extended(65_536).as_bytes(), &Fault::ChunkExtensionTooLong);
    // Sixteen of the largest, and then only as much as there is body.
    let mut bytes = extended(4096).replace("0\r\n\r\n", "").repeat(16);
    bytes += "1;12345678901234567";
    check_refused(bytes.as_bytes(), &Fault::ChunkExtensionsOutweighBody);
    let signed = format!(
        "1000;chunk-signature={}\r\n{}\r\n",
        "f".repeat(64),
        "x".repeat(4096)
    );
    let body = signed.repeat(2000) + "0\r\n\r\n";
    assert_eq!(decode(body.as_bytes()).unwrap().unwrap().0.len(), 8_192_000);
    for byte in (0..=127_u8).filter(|byte| byte.is_ascii_control() && !b"\t\r".contains(byte)) {
        check_byte(&[b"1;a", &[byte][..], b"b\r\na"].concat(), byte);
    }
}

#[test]
fn trailers_are_checked() {
    for name in [
        "Content-Length",
        "transfer-encoding",
        "Host",
        "Content-Type",
        "Content-Encoding",
        "Connection",
        "Expect",
        "Authorization",
        "Trailer",
        "TE",
        "Upgrade",
    ] {
        let bytes = format!("1\r\na\r\n0\r\nok: 1\r\n{name}: 1\r\n\r\n");
        let name = Excerpt::of(name.as_bytes());
        check_refused(bytes.as_bytes(), &Fault::ForbiddenTrailer { name });
    }
    check_refused(b"0\r\na: b\r\n c\r\n\r\n", &Fault::FoldedField);
    check_refused(b"0\r\n\ta: b\r\n\r\n", &Fault::FoldedField);
    check_byte(b"0\r\na : b\r\n\r\n", b' ');
    check_byte(b"0\r\n: b\r\n\r\n", b':');
    check_byte(b"0\r\na\r\n\r\n", b'\r');
    check_byte(b"0\r\n(a): b\r\n\r\n", b'(');
    check_byte(b"0\r\na: \0\r\n\r\n", 0);
    check_byte(b"0\r\nGET / HTTP/1.1\r\n\r\n", b' ');
    // Eight KiB with the last line; one more is refused.
    let trailers = |n_bytes: usize| format!("0\r\na:{}\r\n\r\n", "b".repeat(n_bytes - 6));
    assert!(decode(trailers(8192).as_bytes()).unwrap().is_some());
    check_refused(trailers(8193).as_bytes(), &Fault::TrailersTooLong);
    let many = format!("0\r\n{}", "a:b\r\n".repeat(100_000));
    check_refused(many.as_bytes(), &Fault::TrailersTooLong);
}

/// The bytes of a chunk go from the socket to where they are wanted.
#[test]
fn bytes_may_go_another_way() {
    let mut decoder = ChunkDecoder::new();
    assert_eq!(decoder.data_left(), 0);
    assert_eq!(
        decoder.next(b"a\r\n01"),
        Ok(ChunkStep::Data { range: 3..5 })
    );
    assert_eq!((decoder.data_left(), decoder.body_bytes()), (8, 2));
    decoder.advance(0);
    decoder.advance(5);
    assert_eq!((decoder.data_left(), decoder.body_bytes()), (3, 7));
    assert_eq!(decoder.next(b""), Ok(ChunkStep::NeedMore { consumed: 0 }));
    assert_eq!(
        decoder.next(b"789\r\n0\r\n\r\n!"),
        Ok(ChunkStep::Data { range: 0..3 })
    );
    assert_eq!(
        decoder.next(b"\r\n0\r\n\r\n!"),
        Ok(ChunkStep::Done { consumed: 7 })
    );
    assert_eq!(decoder.next(b"!"), Ok(ChunkStep::Done { consumed: 0 }));
    // More than there was to come is no more than that, and between chunks there is none.
    let mut decoder = ChunkDecoder::default();
    decoder.advance(9);
    assert_eq!(
        decoder.next(b"2\r\n"),
        Ok(ChunkStep::NeedMore { consumed: 3 })
    );
    decoder.advance(3);
    assert_eq!((decoder.data_left(), decoder.body_bytes()), (0, 2));
    assert_eq!(
        decoder.next(b"\r\n0\r\n\r\n"),
        Ok(ChunkStep::Done { consumed: 7 })
    );
}

#[test]
fn a_fault_stays() {
    let mut decoder = ChunkDecoder::new();
    let fault = decoder.next(b"x").unwrap_err();
    assert_eq!(decoder.next(b"0\r\n\r\n"), Err(fault));
    assert_eq!(decoder.next(b""), Err(fault));
}

/// Were what came before looked at again with each chunk, this would not end.
#[test]
fn many_small_chunks_cost_linear_time() {
    let ones = [b"1\r\na\r\n".repeat(1_000_000), b"0\r\n\r\n".to_vec()].concat();
    assert_eq!(decode(&ones).unwrap().unwrap().0.len(), 1_000_000);
    let sixes = [b"6\r\nabcdef\r\n".repeat(500_000), b"0\r\n\r\n".to_vec()].concat();
    assert_eq!(decode_in(4096, &sixes).unwrap().unwrap().0.len(), 3_000_000);
}

/// A body framed with sizes, extensions and trailers of any allowed kind.
fn framed() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let chunk = (vec(any::<u8>(), 1..40), 0..4_usize, "(;[ -~\t]{0,8})?");
    let trailers = vec("[a-c]{1,3}:[ -~\t]{0,6}\r\n", 0..3);
    (vec(chunk, 0..8), trailers).prop_map(|(chunks, trailers)| {
        let mut bytes = Vec::new();
        for (data, n_zeros, extension) in &chunks {
            let zeros = "0".repeat(*n_zeros);
            bytes.extend(format!("{zeros}{:X}{extension}\r\n", data.len()).bytes());
            bytes.extend(data);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"0\r\n");
        bytes.extend(trailers.concat().bytes());
        bytes.extend(b"\r\n");
        let body = chunks.into_iter().flat_map(|(data, ..)| data).collect();
        (bytes, body)
    })
}

/// Another decoder of the size line reads no other size in what is accepted here.
fn check_other_parser(bytes: &[u8]) {
    let mut decoder = ChunkDecoder::new();
    let line_bytes = bytes
        .windows(2)
        .position(|two| two == b"\r\n")
        .map(|at| at + 2);
    let Some(line) = line_bytes.map(|n_bytes| &bytes[..n_bytes]) else {
        return;
    };
    if let Ok(ChunkStep::NeedMore { consumed }) = decoder.next(line) {
        let other = httparse::parse_chunk_size(line);
        assert_eq!(
            other,
            Ok(httparse::Status::Complete((consumed, decoder.data_left())))
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_was_framed_comes_back((bytes, body) in framed(), piece_bytes in 1..50_usize) {
        let with_more = [&bytes[..], b"\r\n0\r\n"].concat();
        prop_assert_eq!(decode_in(piece_bytes, &with_more), Ok(Some((body, bytes.len()))));
        check_other_parser(&bytes);
    }

    #[test]
    fn any_bytes_in_any_pieces(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..100),
            vec(select(&b"0123aF;\r\n\r\n\r\n: \t"[..]), 0..100),
        ],
        piece_bytes in 1..20_usize,
    ) {
        prop_assert_eq!(decode_in(piece_bytes, &bytes), decode(&bytes));
        check_other_parser(&bytes);
    }

    #[test]
    fn one_wrong_byte(
        (mut bytes, _) in framed(),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), select(&b"\r\n;0f"[..])],
        piece_bytes in 1..20_usize,
    ) {
        let at = at.index(bytes.len());
        bytes[at] = byte;
        prop_assert_eq!(decode_in(piece_bytes, &bytes), decode(&bytes));
    }
}
