//! What a good head says.

use super::{parse, parse_within};
use crate::http::{
    BodyFraming, Expectation, HeadLimits, HeadParser, Method, Persistence, Progress, RequestHead,
    Version,
};

#[track_caller]
fn good(bytes: &[u8]) -> RequestHead {
    let shown = || bytes.escape_ascii().to_string();
    match parse(bytes) {
        Ok(Some(head)) => head,
        Ok(None) => panic!("incomplete: {}", shown()),
        Err(fault) => panic!("{fault}: {}", shown()),
    }
}

/// A head of HTTP/1.1 with these lines after the host.
fn with_fields(lines: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: h\r\n{lines}\r\n").into_bytes()
}

#[track_caller]
fn check_target(line: &str, path: &str, query: Option<&str>) {
    let bytes = format!("{line} HTTP/1.1\r\nhost: h\r\n\r\n").into_bytes();
    let head = good(&bytes);
    assert_eq!(head.path(&bytes).escape_ascii().to_string(), path);
    assert_eq!(head.query(&bytes), query.map(str::as_bytes));
}

#[test]
fn a_whole_request() {
    let bytes = b"POST /invocations?x=%20 HTTP/1.1\r\nHost: a:8080\r\nContent-Type: text/csv\r\nAccept: a/b\r\n\
        ACCEPT:  c/d \t\r\nX-Empty:\r\ncontent-length: 3\r\n\r\n1,2GET";
    let head = good(bytes);
    assert_eq!(head.method(), Method::Post);
    assert_eq!(head.method_bytes(bytes), b"POST");
    assert_eq!(head.path(bytes), b"/invocations");
    assert_eq!(head.query(bytes), Some(&b"x=%20"[..]));
    assert_eq!(head.version(), Version::Http11);
    assert_eq!(head.framing(), BodyFraming::Length(3));
    assert_eq!(head.persistence(), Persistence::KeepAlive);
    assert_eq!(head.expectation(), Expectation::None);
    assert_eq!(&bytes[head.n_bytes()..], b"1,2GET");
    assert_eq!(head.n_fields(), 6);
    let fields: Vec<(&[u8], &[u8])> = head.fields(bytes).collect();
    assert_eq!(
        fields,
        [
            (&b"Host"[..], &b"a:8080"[..]),
            (b"Content-Type", b"text/csv"),
            (b"Accept", b"a/b"),
            (b"ACCEPT", b"c/d"),
            (b"X-Empty", b""),
            (b"content-length", b"3"),
        ]
    );
    let accepted: Vec<_> = head.values(bytes, b"accept").collect();
    assert_eq!(accepted, [b"a/b", b"c/d"]);
    assert_eq!(head.field(bytes, b"aCCept"), Some(&b"a/b"[..]));
    assert_eq!(head.field(bytes, b"x-empty"), Some(&b""[..]));
    assert_eq!(head.field(bytes, b"x-missing"), None);
}

#[test]
fn methods() {
    for (name, method) in [
        ("GET", Method::Get),
        ("HEAD", Method::Head),
        ("POST", Method::Post),
        ("PUT", Method::Put),
        ("DELETE", Method::Delete),
        ("OPTIONS", Method::Options),
        ("PATCH", Method::Other),
        ("get", Method::Other),
        ("A!#$%&'*+-.^_`|~9", Method::Other),
    ] {
        let bytes = format!("{name} / HTTP/1.1\r\nhost: h\r\n\r\n").into_bytes();
        let head = good(&bytes);
        assert_eq!(head.method(), method, "{name}");
        assert_eq!(head.method_bytes(&bytes), name.as_bytes());
    }
}

#[test]
fn targets() {
    check_target("GET /", "/", None);
    check_target("GET /?", "/", Some(""));
    check_target("GET /a?b?c=/d", "/a", Some("b?c=/d"));
    check_target("GET /a%2e%2e/%00/%2F", "/a%2e%2e/%00/%2F", None);
    check_target("GET /../a//b/./", "/../a//b/./", None);
    check_target("GET //host/a", "//host/a", None);
    check_target(
        "GET /!\"$&'()*+,-.:;<=>@[\\]^_`{|}~",
        "/!\\\"$&\\'()*+,-.:;<=>@[\\\\]^_`{|}~",
        None,
    );
    check_target("GET http://h/a", "/a", None);
    check_target("GET HTTP://h:1/a?b", "/a", Some("b"));
    check_target("GET http://[::1]:8080", "/", None);
    check_target("GET http://h?b", "/", Some("b"));
    check_target("GET http://h/http://i/", "/http://i/", None);
    check_target("OPTIONS *", "*", None);
    check_target("OPTIONS /*", "/*", None);
}

#[test]
fn framings() {
    for (lines, expected) in [
        ("", BodyFraming::Empty),
        ("Content-Length: 0\r\n", BodyFraming::Length(0)),
        ("CONTENT-LENGTH:007 \t\r\n", BodyFraming::Length(7)),
        (
            "content-length: 9223372036854775807\r\n",
            BodyFraming::Length(i64::MAX.unsigned_abs()),
        ),
        ("Transfer-Encoding: chunked\r\n", BodyFraming::Chunked),
        ("transfer-encoding:\tCHUNKED \r\n", BodyFraming::Chunked),
        (
            "TE: trailers\r\nUpgrade: h2c\r\nTrailer: a\r\n",
            BodyFraming::Empty,
        ),
        (
            "Content-Lengt: 5\r\nContent_Length: 6\r\nX-Content-Length: 7\r\n",
            BodyFraming::Empty,
        ),
    ] {
        assert_eq!(good(&with_fields(lines)).framing(), expected, "{lines}");
    }
    let get = b"GET / HTTP/1.0\r\nContent-Length: 4\r\n\r\n";
    assert_eq!(good(get).framing(), BodyFraming::Length(4));
}

#[test]
fn persistence_by_version_and_connection() {
    use Persistence::{Close, KeepAlive};
    for (lines, new, old) in [
        ("", KeepAlive, Close),
        ("Connection: close\r\n", Close, Close),
        ("Connection: Keep-Alive\r\n", KeepAlive, KeepAlive),
        ("Connection: foo ,\tCLOSE\r\n", Close, Close),
        ("Connection: ,,keep-alive, foo,\r\n", KeepAlive, KeepAlive),
        (
            "Connection: keep-alive\r\nConnection: close\r\n",
            Close,
            Close,
        ),
        (
            "Connection: close\r\nconnection: keep-alive\r\n",
            Close,
            Close,
        ),
        ("Connection: closed, not-keep-alive\r\n", KeepAlive, Close),
        ("Connection:\r\n", KeepAlive, Close),
        ("Keep-Alive: timeout=5\r\n", KeepAlive, Close),
    ] {
        assert_eq!(good(&with_fields(lines)).persistence(), new, "{lines}");
        let bytes = format!("GET / HTTP/1.0\r\n{lines}\r\n");
        assert_eq!(good(bytes.as_bytes()).persistence(), old, "{lines}");
    }
}

#[test]
fn a_client_waits_only_for_what_it_will_get() {
    let expect = "Expect: 100-Continue\r\n";
    for (lines, expected) in [
        ("content-length: 1\r\n", Expectation::Continue),
        ("transfer-encoding: chunked\r\n", Expectation::Continue),
        ("content-length: 0\r\n", Expectation::None),
        ("", Expectation::None),
    ] {
        let head = good(&with_fields(&format!("{expect}{lines}")));
        assert_eq!(head.expectation(), expected, "{lines}");
        let twice = good(&with_fields(&format!("{lines}{expect}{expect}")));
        assert_eq!(twice.expectation(), expected, "{lines}");
    }
    let old = format!("POST / HTTP/1.0\r\n{expect}content-length: 1\r\n\r\n");
    assert_eq!(good(old.as_bytes()).expectation(), Expectation::None);
}

#[test]
fn values_may_hold_tabulators_and_any_bytes_from_0x80_on() {
    let values: Vec<u8> = (0x20..=0xff).filter(|byte| *byte != 0x7f).collect();
    let bytes = [b"GET / HTTP/1.0\r\nx:\t.\t", &values[..], b"\r\n\r\n"].concat();
    let head = good(&bytes);
    let expected = [b".\t", &values[..]].concat();
    assert_eq!(head.field(&bytes, b"X"), Some(&expected[..]));
}

#[test]
fn limits_are_reached_before_they_are_passed() {
    let bytes = b"GET /4567 HTTP/1.0\r\na: 1\r\nb: 2\r\n\r\n";
    let limits = HeadLimits {
        head_bytes: bytes.len(),
        n_fields: 2,
        target_bytes: "/4567".len(),
    };
    assert!(parse_within(limits, bytes).unwrap().is_some());
    let with_more = [&bytes[..], b"GET"].concat();
    assert!(parse_within(limits, &with_more).unwrap().is_some());
}

/// The next request begins with nothing of the one before, and in the same memory.
#[test]
fn heads_are_reused() {
    let first = b"OPTIONS * HTTP/1.0\r\nA: 1\r\nB: 2\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\n";
    let second = b"GET /b HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut parser = HeadParser::new(HeadLimits::default());
    let mut head = RequestHead::default();
    for bytes in [&first[..], second, first, second] {
        assert_eq!(parser.parse(bytes, &mut head), Ok(Progress::Complete));
        assert_eq!(Ok(Some(head.clone())), parse(bytes));
    }
    assert!(head.fields.capacity() >= 4);
}

/// Spans are not trusted: another buffer gives other bytes, or none.
#[test]
fn another_buffer_is_no_reason_to_panic() {
    let head = good(b"POST /invocations?a HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n");
    for other in [&b""[..], b"short", &[0xff; 100]] {
        let _ = (
            head.path(other),
            head.query(other),
            head.method_bytes(other),
        );
        assert_eq!(head.fields(other).count(), 2);
    }
}
