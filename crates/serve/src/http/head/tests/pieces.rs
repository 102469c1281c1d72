//! A head is the same, however its bytes come.

use super::{GOOD, parse, parse_slowly};
use crate::http::{Fault, HeadLimits, HeadParser, Progress, RequestHead};

#[test]
fn in_two_pieces_cut_anywhere() {
    for request in GOOD {
        let bytes = [request.as_bytes(), b"BODY\r\n\r\n\0"].concat();
        let whole = parse(&bytes).unwrap().unwrap();
        assert_eq!(whole.n_bytes(), request.len());
        for cut in 0..=bytes.len() {
            let mut parser = HeadParser::new(HeadLimits::default());
            let mut head = RequestHead::default();
            let first = parser.parse(&bytes[..cut], &mut head).unwrap();
            assert_eq!(first == Progress::Complete, cut >= request.len());
            if first == Progress::Incomplete {
                assert_eq!(parser.parse(&bytes, &mut head), Ok(Progress::Complete));
            }
            assert_eq!(head, whole, "cut at {cut} of {request:?}");
        }
    }
}

#[test]
fn byte_by_byte() {
    for request in GOOD {
        let bytes = request.as_bytes();
        assert_eq!(parse_slowly(HeadLimits::default(), bytes), parse(bytes));
        assert!(parse(&bytes[..bytes.len() - 1]).unwrap().is_none());
    }
}

/// A megabyte, one byte at a time. Were each byte looked at anew with each that comes, this would be half a million million
/// looks, and would not end.
#[test]
fn a_slow_client_costs_linear_time() {
    let limits = HeadLimits {
        head_bytes: 1 << 20,
        target_bytes: 1 << 20,
        ..HeadLimits::default()
    };
    for begin in ["GET / HTTP/1.0\r\na:", "GET /"] {
        let bytes = format!("{begin}{}", "a".repeat(1 << 20));
        let limit_bytes = 1 << 20;
        assert_eq!(
            parse_slowly(limits, bytes.as_bytes()),
            Err(Fault::HeadTooLong { limit_bytes })
        );
    }
}

/// An idle connection is one that no request has begun on.
#[test]
fn a_request_begins_with_its_first_line() {
    for (bytes, expected) in [
        (&b""[..], false),
        (b"\r", false),
        (b"\r\n", false),
        (b"\r\nG", true),
        (b"G", true),
        (b"GET / HTTP/1.0\r\n", true),
        (b"GET / HTTP/1.0\r\n\r\n", false),
    ] {
        let mut parser = HeadParser::new(HeadLimits::default());
        let _ = parser.parse(bytes, &mut RequestHead::default()).unwrap();
        assert_eq!(parser.has_begun(), expected, "{}", bytes.escape_ascii());
    }
}
