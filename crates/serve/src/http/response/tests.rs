use std::num::NonZeroU64;

use super::{
    BodyLength, CHUNK_END, CONTINUE, LAST_CHUNK, ResponseFault, ResponseStart, is_framing_field,
    put_chunk_head, put_head, reason_phrase,
};
use crate::http::{ChunkDecoder, ChunkStep, HttpDate, Persistence, Version, fault::Excerpt};

fn start(status: u16, length: BodyLength) -> ResponseStart {
    ResponseStart {
        status,
        version: Version::Http11,
        length,
        persistence: Persistence::KeepAlive,
        date: HttpDate::from_unix_seconds(784_111_777),
    }
}

#[track_caller]
fn check(start: &ResponseStart, fields: &[(&str, &[u8])], expected: &str) {
    let mut out = b"before".to_vec();
    put_head(&mut out, start, bytes_of(fields)).unwrap();
    let expected = format!("before{}", expected.replace('\n', "\\r\\n"));
    assert_eq!(out.escape_ascii().to_string(), expected);
}

#[track_caller]
fn check_refused(status: u16, fields: &[(&str, &[u8])], expected: ResponseFault) {
    let mut out = b"before".to_vec();
    let found = put_head(
        &mut out,
        &start(status, BodyLength::Known(1)),
        bytes_of(fields),
    );
    assert_eq!(found, Err(expected));
    assert_eq!(out, b"before");
    let text = expected.to_string();
    assert!(
        !text.ends_with('.') && !text.contains(['\r', '\n']),
        "{text}"
    );
}

fn bytes_of<'f>(fields: &'f [(&str, &[u8])]) -> impl Iterator<Item = (&'f [u8], &'f [u8])> {
    fields.iter().map(|(name, value)| (name.as_bytes(), *value))
}

#[test]
fn heads_say_how_long_the_body_is() {
    check(
        &start(200, BodyLength::Known(12)),
        &[("Content-Type", b"text/csv"), ("x-request-id", b"")],
        "HTTP/1.1 200 OK\nContent-Type: text/csv\nx-request-id: \ndate: Sun, 06 Nov 1994 08:49:37 GMT\ncontent-length: 12\n\n",
    );
    check(
        &start(200, BodyLength::Chunked),
        &[],
        "HTTP/1.1 200 OK\ndate: Sun, 06 Nov 1994 08:49:37 GMT\ntransfer-encoding: chunked\n\n",
    );
    check(
        &start(200, BodyLength::UntilClose),
        &[],
        "HTTP/1.1 200 OK\ndate: Sun, 06 Nov 1994 08:49:37 GMT\nconnection: close\n\n",
    );
    check(
        &start(304, BodyLength::Known(u64::MAX)),
        &[],
        "HTTP/1.1 304 Not Modified\ndate: Sun, 06 Nov 1994 08:49:37 GMT\ncontent-length: 18446744073709551615\n\n",
    );
    for length in [BodyLength::Known(0), BodyLength::Chunked, BodyLength::None] {
        check(
            &start(204, length),
            &[],
            "HTTP/1.1 204 No Content\ndate: Sun, 06 Nov 1994 08:49:37 GMT\n\n",
        );
    }
}

#[test]
fn heads_say_what_an_older_client_would_not_assume() {
    let mut old = ResponseStart {
        version: Version::Http10,
        ..start(503, BodyLength::Known(0))
    };
    check(
        &old,
        &[],
        "HTTP/1.1 503 Service Unavailable\ndate: Sun, 06 Nov 1994 08:49:37 GMT\ncontent-length: 0\nconnection: keep-alive\n\n",
    );
    old.persistence = Persistence::Close;
    check(
        &old,
        &[],
        "HTTP/1.1 503 Service Unavailable\ndate: Sun, 06 Nov 1994 08:49:37 GMT\ncontent-length: 0\nconnection: close\n\n",
    );
    assert_eq!(
        BodyLength::of_stream(Version::Http10),
        BodyLength::UntilClose
    );
    assert_eq!(BodyLength::of_stream(Version::Http11), BodyLength::Chunked);
}

#[test]
fn a_date_of_the_application_replaces_ours() {
    check(
        &start(599, BodyLength::None),
        &[("DATE", b"now")],
        "HTTP/1.1 599 Server Error\nDATE: now\n\n",
    );
}

#[test]
fn values_may_hold_tabulators_and_any_bytes_from_0x80_on() {
    check(
        &start(200, BodyLength::None),
        &[("X-Amzn-SageMaker-Custom-Attributes", b"a\tb \xc3\xa9 \xff")],
        "HTTP/1.1 200 OK\nX-Amzn-SageMaker-Custom-Attributes: a\\tb \\xc3\\xa9 \\xff\ndate: Sun, 06 Nov 1994 08:49:37 GMT\n\n",
    );
}

#[test]
fn fields_can_not_break_out_of_their_line() {
    let name = Excerpt::of(b"x-a");
    for byte in (0..=255_u8).filter(|byte| (*byte < 32 && *byte != b'\t') || *byte == 127) {
        let value = [b"a", &[byte][..], b"b"].concat();
        check_refused(
            200,
            &[("ok", b"1"), ("x-a", &value)],
            ResponseFault::FieldValue { name, byte },
        );
    }
    check_refused(
        200,
        &[("x-a", b"1\r\nset-cookie: a=b")],
        ResponseFault::FieldValue { name, byte: b'\r' },
    );
    for name in ["", "a b", "a:", "a\r\nb", "\u{e9}", "(a)", " a", "a\0"] {
        let found = Excerpt::of(name.as_bytes());
        check_refused(
            200,
            &[(name, b"1")],
            ResponseFault::FieldName { name: found },
        );
    }
}

#[test]
fn what_frames_the_message_is_the_servers() {
    for name in [
        "Connection",
        "KEEP-ALIVE",
        "Transfer-Encoding",
        "content-length",
        "Upgrade",
        "TE",
        "Trailer",
        "Proxy-Authenticate",
        "proxy-connection",
        "proxy-anything",
    ] {
        assert!(is_framing_field(name.as_bytes()), "{name}");
        let found = Excerpt::of(name.as_bytes());
        check_refused(
            200,
            &[(name, b"1")],
            ResponseFault::FramingField { name: found },
        );
    }
    for name in [
        "",
        "x",
        "date",
        "content-type",
        "trailers",
        "connections",
        "content-lengths",
        "proxy",
        "content-encoding",
        "x-proxy-a",
        "keep-aliv3",
        "transfer-encodinG2",
    ] {
        assert!(!is_framing_field(name.as_bytes()), "{name}");
    }
}

#[test]
fn a_status_has_three_digits() {
    for status in [0, 99, 1000, u16::MAX] {
        check_refused(status, &[], ResponseFault::Status { status });
    }
    for status in 100..=999 {
        let phrase = reason_phrase(status);
        assert!(!phrase.is_empty() && phrase.is_ascii(), "{status}");
    }
    assert_eq!(reason_phrase(424), "Failed Dependency");
    assert_eq!(reason_phrase(499), "Client Error");
    assert_eq!(reason_phrase(199), "Informational");
    assert_eq!(reason_phrase(250), "Success");
    assert_eq!(reason_phrase(399), "Redirection");
    assert_eq!(reason_phrase(700), "Unknown");
}

/// What is framed here is read by the decoder of requests.
#[test]
fn chunks_come_back() {
    for n_bytes in [1, 9, 15, 16, 17, 255, 256, 4095, 4096, 65_537] {
        let mut out = Vec::new();
        put_chunk_head(&mut out, NonZeroU64::new(n_bytes).unwrap());
        assert_eq!(out, format!("{n_bytes:x}\r\n").as_bytes());
        let head_bytes = out.len();
        let body = vec![b'x'; usize::try_from(n_bytes).unwrap()];
        out.extend(&body);
        out.extend(CHUNK_END);
        out.extend(LAST_CHUNK);
        let mut decoder = ChunkDecoder::new();
        let range = head_bytes..head_bytes + body.len();
        assert_eq!(
            decoder.next(&out),
            Ok(ChunkStep::Data {
                range: range.clone()
            })
        );
        let rest = &out[range.end..];
        assert_eq!(
            decoder.next(rest),
            Ok(ChunkStep::Done {
                consumed: rest.len()
            })
        );
    }
    let mut out = Vec::new();
    put_chunk_head(&mut out, NonZeroU64::MAX);
    assert_eq!(out, b"ffffffffffffffff\r\n");
}

#[test]
fn the_interim_response_is_a_whole_head() {
    assert_eq!(CONTINUE, b"HTTP/1.1 100 Continue\r\n\r\n");
}
