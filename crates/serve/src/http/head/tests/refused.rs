//! Each rule that a head can break, and what is said of it.

use super::{parse, parse_slowly, parse_within};
use crate::http::{Fault, HeadLimits, fault::Excerpt};

/// Refused at once and byte by byte, and nothing that may follow would change it.
#[track_caller]
fn check(bytes: &[u8], status: u16, expected: Fault) {
    check_within(HeadLimits::default(), bytes, status, expected);
}

#[track_caller]
fn check_within(limits: HeadLimits, bytes: &[u8], status: u16, expected: Fault) {
    let shown = Excerpt::of(bytes);
    assert_eq!(parse_within(limits, bytes), Err(expected), "{shown}");
    assert_eq!(parse_slowly(limits, bytes), Err(expected), "{shown}");
    let longer = [bytes, b"a: b\r\n\r\n"].concat();
    assert_eq!(parse_within(limits, &longer), Err(expected), "{shown}");
    assert_eq!(expected.status(), status);
    let text = expected.to_string();
    assert!(!text.ends_with('.') && text.len() < 250, "{text}");
    assert!(
        text.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        "{text}"
    );
}

/// This line of fields, in a request that is good otherwise. Each is seen as it ends, or at the end of the head.
#[track_caller]
fn check_fields(lines: &str, expected: Fault) {
    let bytes = format!("POST /invocations HTTP/1.1\r\nHost: h\r\n{lines}\r\n\r\n");
    check_latin1(&bytes, expected);
}

/// Characters are bytes, so that tables can have any.
#[track_caller]
fn check_latin1(text: &str, expected: Fault) {
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap()).collect();
    check(&bytes, 400, expected);
}

fn excerpt(text: &str) -> Excerpt {
    Excerpt::of(text.as_bytes())
}

#[test]
fn content_lengths() {
    for value in [
        "-1",
        "+5",
        "5 5",
        "5,5",
        "5, 5",
        "0x5",
        "5a",
        "5;",
        "5.0",
        "1e3",
        "",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "00000000000000000005",
        "99999999999999999999999999999999",
        "five",
        "\"5\"",
    ] {
        let found = excerpt(value);
        check_fields(
            &format!("Content-Length: {value}"),
            Fault::ContentLength { found },
        );
    }
    check_fields(
        "Content-Length: \u{b2}",
        Fault::ContentLength {
            found: Excerpt::of(b"\xb2"),
        },
    );
    for (first, second) in [("5", "5"), ("5", "6"), ("5", ""), ("", "5"), ("x", "5")] {
        let lines = format!("Content-Length: {first}\r\ncontent-length: {second}");
        let name = "content-length";
        check_fields(&lines, Fault::Repeated { name });
    }
}

#[test]
fn transfer_encodings() {
    for value in [
        "xchunked",
        "chunked, identity",
        "identity, chunked",
        "chunked,chunked",
        "chunked,",
        ",chunked",
        "identity",
        "gzip, chunked",
        "gzip",
        "",
        "chunked;a=b",
        "\"chunked\"",
        "chunke",
        "chun ked",
    ] {
        let found = excerpt(value);
        check_fields(
            &format!("Transfer-Encoding: {value}"),
            Fault::TransferEncoding { found },
        );
    }
    check_fields(
        "Transfer-Encoding: chunked\u{a0}",
        Fault::TransferEncoding {
            found: Excerpt::of(b"chunked\xa0"),
        },
    );
    let name = "transfer-encoding";
    check_fields(
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        Fault::Repeated { name },
    );
    check_fields(
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
        Fault::Repeated { name },
    );
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
        "Transfer-Encoding: identity\r\nContent-Length: x",
    ] {
        check_fields(lines, Fault::TwoFramings);
    }
    for coding in ["chunked", "identity"] {
        let bytes = format!("POST / HTTP/1.0\r\nTransfer-Encoding: {coding}\r\n\r\n");
        check(bytes.as_bytes(), 400, Fault::TransferEncodingInHttp10);
    }
}

#[test]
fn hosts() {
    check(b"GET / HTTP/1.1\r\n\r\n", 400, Fault::HostMissing);
    check(
        b"GET http://h/ HTTP/1.1\r\nX-Host: h\r\n\r\n",
        400,
        Fault::HostMissing,
    );
    let name = "host";
    for second in ["h", "i", ""] {
        check_fields(&format!("HOST: {second}"), Fault::Repeated { name });
    }
    check(
        b"GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n",
        400,
        Fault::Repeated { name },
    );
    for host in [
        "a b", "a/b", "u@h", "a?b", "a#b", "http://h", "\"h\"", "a\\b", "h\u{e9}", "<h>",
    ] {
        let latin1: Vec<u8> = host.chars().map(|c| u8::try_from(c).unwrap()).collect();
        let found = Excerpt::of(&latin1);
        check_latin1(
            &format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            Fault::Host { found },
        );
    }
}

#[test]
fn content_types_and_expectations() {
    let name = "content-type";
    check_fields(
        "Content-Type: a/b\r\ncontent-type: a/b",
        Fault::Repeated { name },
    );
    for value in [
        "200-ok",
        "",
        "100-continue, 100-continue",
        "100-continue;a",
        "100",
    ] {
        let bytes = format!("POST / HTTP/1.1\r\nHost: h\r\nExpect: {value}\r\n\r\n");
        let found = excerpt(value);
        check(bytes.as_bytes(), 417, Fault::Expectation { found });
    }
}

#[test]
fn lines_end_with_cr_lf() {
    for (bytes, at) in [
        (&b"GET / HTTP/1.1\nHost: h\n\n"[..], 14),
        (b"GET / HTTP/1.1\r\nHost: h\n\r\n", 23),
        (b"GET / HTTP/1.0\r\n\n", 16),
        (b"\nGET / HTTP/1.0\r\n\r\n", 0),
        (b"\r\n\nGET / HTTP/1.0\r\n\r\n", 2),
        (b"GET / HTTP/1.0\r\na: b\n c\r\n\r\n", 20),
        (b"GET\n/ HTTP/1.0\r\n\r\n", 3),
    ] {
        check(bytes, 400, Fault::BareLineFeed { at });
    }
    for (bytes, at) in [
        (&b"GET / HTTP/1.1\rHost: h\r\r"[..], 14),
        (b"GET / HTTP/1.0\r\na: b\rc: d\r\n\r\n", 20),
        (b"GET / HTTP/1.0\r\na: b\r\r\n\r\n", 20),
        (b"GET / HTTP/1.0\r\n\r\r\n", 16),
        (b"\rGET / HTTP/1.0\r\n\r\n", 0),
        (b"GET / HTTP/1.0\r\n\rX", 16),
        (b"GET\r/ HTTP/1.0\r\n\r\n", 3),
    ] {
        check(bytes, 400, Fault::BareCarriageReturn { at });
    }
}

#[test]
fn control_bytes() {
    let ends = [b'\t', b'\r', b'\n'];
    for byte in (0..=127_u8).filter(|byte| byte.is_ascii_control() && !ends.contains(byte)) {
        for (before, after) in [
            (&b"GET / HTTP/1.0\r\nname: va"[..], &b"lue\r\n\r\n"[..]),
            (b"GET / HTTP/1.0\r\nTransfer-Encoding: ", b"chunked\r\n\r\n"),
            (b"GET / HTTP/1.0\r\nna", b"me: value\r\n\r\n"),
            (b"GET /a", b" HTTP/1.0\r\n\r\n"),
            (b"GET", b" / HTTP/1.0\r\n\r\n"),
            (b"", b"GET / HTTP/1.0\r\n\r\n"),
            (b"GET / HTTP/1.0\r\nContent-Length: 5", b"\r\n\r\n"),
            (b"GET / HTTP/1.0\r\na:", b"\r\n\r\n"),
        ] {
            let at = before.len();
            let bytes = [before, &[byte], after].concat();
            check(&bytes, 400, Fault::ControlByte { byte, at });
        }
    }
    let tls = Fault::ControlByte { byte: 0x16, at: 0 };
    check(b"\x16\x03\x01\x02\x00\x01\x00\x01", 400, tls);
    assert!(tls.hint().is_some_and(|hint| hint.contains("TLS")));
}

#[test]
fn field_lines() {
    for line in [" folded", "\tfolded", " a: b", "  "] {
        check_fields(line, Fault::FoldedField);
        check_latin1(
            &format!("GET / HTTP/1.0\r\n{line}\r\n\r\n"),
            Fault::FoldedField,
        );
    }
    check_fields("x: a\r\n b", Fault::FoldedField);
    for line in ["Transfer-Encoding : chunked", "a : b", "a\t:b", "a  : b"] {
        let found = excerpt(line);
        check_fields(line, Fault::BlankBeforeColon { found });
    }
    for line in ["a", "no colon here", "GET / HTTP/1.1", "\""] {
        let found = excerpt(line);
        check_fields(line, Fault::FieldWithoutColon { found });
    }
    for line in [
        ": empty",
        ":",
        "a b: c",
        "a(b: c",
        "a/b: c",
        "a\"b\": c",
        "a@b: c",
        "[a]: c",
        "{a}: c",
        "a,b: c",
        "a;b: c",
        "a\\b: c",
        "a=b: c",
        "a<b: c",
        "a?b: c",
    ] {
        let found = excerpt(line);
        check_fields(line, Fault::FieldName { found });
    }
    for line in ["h\u{e9}: a", "\u{a0}a: b", "\u{ef}\u{bb}\u{bf}a: b"] {
        let latin1: Vec<u8> = line.chars().map(|c| u8::try_from(c).unwrap()).collect();
        let found = Excerpt::of(&latin1);
        check_fields(line, Fault::FieldName { found });
    }
}

#[test]
fn request_lines() {
    for line in [
        "GET",
        "GET /",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET / HTTP/1.1 x",
        "GET /a b HTTP/1.1",
        "GET / http/1.1",
        "GET / Http/1.1",
        "GET / HTTP/11",
        "GET / HTTP/1.10",
        "GET / HTTP/01.1",
        "GET / HTTP/1.",
        "GET / HTTP/1,1",
        "GET / HTTPS/1.1",
        "GET / HTTP/-1.1",
        "GET / HTTP/1.1\t",
        "GET / ",
        "GET /\tHTTP/1.1",
        "GET\t/ HTTP/1.1",
        "hello world",
        "GET / ICY/1.1",
    ] {
        let bytes = format!("{line}\r\nHost: h\r\n\r\n");
        let found = excerpt(line);
        check(bytes.as_bytes(), 400, Fault::RequestLine { found });
    }
    // At most one empty line may precede it.
    let found = excerpt("");
    check(
        b"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        400,
        Fault::RequestLine { found },
    );
}

#[test]
fn methods() {
    for method in ["G(T", "GE\"T", "G/T", "G:T", "[GET]", "", "GET,", "\tGET"] {
        let bytes = format!("{method} / HTTP/1.1\r\nHost: h\r\n\r\n");
        let found = excerpt(method);
        check(bytes.as_bytes(), 400, Fault::Method { found });
    }
    check(
        b"G\xc9T / HTTP/1.1\r\nHost: h\r\n\r\n",
        400,
        Fault::Method {
            found: Excerpt::of(b"G\xc9T"),
        },
    );
    let long = "M".repeat(65);
    let found = excerpt(&long);
    let bytes = format!("{long} / HTTP/1.1\r\nHost: h\r\n\r\n");
    check(bytes.as_bytes(), 400, Fault::Method { found });
    let endless = "M".repeat(9000);
    let found = excerpt(&endless[..8268]);
    let fault = parse(endless.as_bytes()).unwrap_err();
    assert_eq!(fault.to_string(), Fault::Method { found }.to_string());
    for line in ["CONNECT host:443 HTTP/1.1", "CONNECT / HTTP/1.1"] {
        check(
            format!("{line}\r\nHost: h\r\n\r\n").as_bytes(),
            400,
            Fault::Connect,
        );
    }
}

#[test]
fn versions() {
    for version in [
        "HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/1.9", "HTTP/3.0", "HTTP/9.9",
    ] {
        let bytes = format!("GET / {version}\r\nHost: h\r\n\r\n");
        let found = excerpt(version);
        check(bytes.as_bytes(), 505, Fault::Version { found });
    }
    let found = excerpt("HTTP/2.0");
    check(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        505,
        Fault::Version { found },
    );
}

#[test]
fn targets() {
    for target in [
        "*",
        "ping",
        "host:443",
        "https://h/",
        "ftp://h/a",
        "http:/a",
        "http://",
        "http:///a",
        "http://?a",
        "http://u@h/",
        "http://u:p@h/",
        "?a",
        "http//h/",
        "http://h\\i/",
        "mailto:a",
        ".",
        "**",
        "http://a|b/",
    ] {
        let bytes = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
        let found = excerpt(target);
        check(bytes.as_bytes(), 400, Fault::TargetForm { found });
    }
    let found = excerpt("*?a");
    check(
        b"OPTIONS *?a HTTP/1.0\r\n\r\n",
        400,
        Fault::TargetForm { found },
    );
    for (target, byte, at) in [
        (&b"/a#b"[..], b'#', 2),
        (b"/#", b'#', 1),
        (b"/a?b#", b'#', 4),
        (b"/\xc3\xa9", 0xc3, 1),
        (b"/\xc0\xae\xc0\xae/", 0xc0, 1), // Overlong dots.
        (b"/a\tb", b'\t', 2),
        (b"http://h\xe9/", 0xe9, 8),
        (b"\xff", 0xff, 0),
    ] {
        let bytes = [b"GET ", target, b" HTTP/1.1\r\nHost: h\r\n\r\n"].concat();
        check(&bytes, 400, Fault::TargetByte { byte, at });
    }
}

#[test]
fn limits() {
    let limits = HeadLimits {
        head_bytes: 200,
        n_fields: 3,
        target_bytes: 10,
    };
    let check = |bytes: &[u8], status, fault| check_within(limits, bytes, status, fault);
    check(
        b"GET /2345678901 HTTP/1.0\r\n\r\n",
        414,
        Fault::TargetTooLong { limit_bytes: 10 },
    );
    check(
        format!("GET /{}", "a".repeat(190)).as_bytes(),
        414,
        Fault::TargetTooLong { limit_bytes: 10 },
    );
    check(
        b"GET / HTTP/1.0\r\na:\r\nb:\r\nc:\r\nd:\r\n\r\n",
        431,
        Fault::TooManyFields { limit: 3 },
    );
    for (n_letters, lines) in [(180, "\r\n\r\n"), (200, ""), (183, "\r"), (500, "\r\n\r\n")] {
        let bytes = format!("GET / HTTP/1.0\r\na:{}{lines}", "b".repeat(n_letters));
        check(
            bytes.as_bytes(),
            431,
            Fault::HeadTooLong { limit_bytes: 200 },
        );
    }
}

#[test]
fn floods() {
    let fields = "a: b\r\n".repeat(100_000);
    let bytes = format!("GET / HTTP/1.0\r\n{fields}\r\n");
    assert_eq!(
        parse(bytes.as_bytes()),
        Err(Fault::TooManyFields { limit: 100 })
    );
    let megabyte = "a".repeat(1 << 20);
    let limit_bytes = 8192;
    for bytes in [
        format!("GET /{megabyte}"),
        format!("GET /{megabyte} HTTP/1.0\r\n\r\n"),
        format!("GET /{} HTTP/1.0\r\n\r\n", &megabyte[..8192]),
        format!("GET /?{megabyte}"),
    ] {
        assert_eq!(
            parse(bytes.as_bytes()),
            Err(Fault::TargetTooLong { limit_bytes })
        );
    }
    let limit_bytes = 65_536;
    for bytes in [
        format!("GET / HTTP/1.0\r\n{megabyte}"),
        format!("GET / HTTP/1.0\r\na: {megabyte}\r\n\r\n"),
        format!("GET / HTTP/1.0\r\na: {}\r\n\r\n", &megabyte[..65_536 - 22]),
    ] {
        assert_eq!(
            parse(bytes.as_bytes()),
            Err(Fault::HeadTooLong { limit_bytes })
        );
    }
}

/// What a client sent comes back short and harmless.
#[test]
fn excerpts() {
    let text = |bytes: &[u8]| Excerpt::of(bytes).to_string();
    assert_eq!(text(b""), "");
    assert_eq!(text(b"a\x1b[31m\r\n\xff"), "a\\x1b[31m\\r\\n\\xff");
    assert_eq!(text(&[b'a'; 32]), "a".repeat(32));
    assert_eq!(text(&[b'a'; 33]), "a".repeat(32) + "...");
    let fault = parse(b"GET / HTTP/1.1\r\nHost: \xff\"<script>\r\n\r\n").unwrap_err();
    assert_eq!(
        fault.to_string(),
        "the host `\\xff\\\"<script>`, which is not a name or address with or without a port"
    );
}
