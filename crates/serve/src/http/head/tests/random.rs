//! Bytes that are nearly requests, and another parser's opinion of those that are.

use proptest::{collection::vec, prelude::*, sample::select};

use super::{GOOD, parse, parse_slowly};
use crate::http::{HeadLimits, RequestHead, Version};

/// Everything that is said to be in the buffer is.
fn check_spans(head: &RequestHead, bytes: &[u8]) {
    assert!(head.n_bytes() <= bytes.len());
    let head_bytes = &bytes[..head.n_bytes()];
    assert!(head_bytes.ends_with(b"\r\n\r\n"));
    let spans = head
        .fields
        .iter()
        .flat_map(|field| [field.name, field.value]);
    for span in spans.chain([head.method_span, head.path]).chain(head.query) {
        assert!(span.start <= span.end && span.end <= head.n_bytes());
    }
    assert!(matches!(head.path(bytes), [b'/', ..] | b"*"));
}

/// A lenient parser reads the same in whatever is accepted here. It may accept more.
fn check_other_parser(head: &RequestHead, bytes: &[u8]) {
    let mut fields = [httparse::EMPTY_HEADER; 100];
    let mut other = httparse::Request::new(&mut fields);
    let parsed = other.parse(bytes);
    assert_eq!(parsed, Ok(httparse::Status::Complete(head.n_bytes())));
    assert_eq!(other.method.unwrap().as_bytes(), head.method_bytes(bytes));
    let minor = u8::from(head.version() == Version::Http11);
    assert_eq!(other.version, Some(minor));
    let mut target = head.path(bytes).to_vec();
    if let Some(query) = head.query(bytes) {
        target.push(b'?');
        target.extend(query);
    }
    let other_target = other.path.unwrap();
    match other_target.split_once("//") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http:") => {
            let authority_bytes = rest.find(['/', '?']).unwrap_or(rest.len());
            let rest = &rest[authority_bytes..];
            let slash = if rest.starts_with('/') { "" } else { "/" };
            assert_eq!([slash, rest].concat().as_bytes(), target);
        }
        _ => assert_eq!(other_target.as_bytes(), target),
    }
    let others: Vec<_> = other
        .headers
        .iter()
        .map(|field| (field.name.as_bytes(), field.value))
        .collect();
    let ours: Vec<_> = head.fields(bytes).collect();
    assert_eq!(ours, others);
}

fn check(bytes: &[u8]) {
    let at_once = parse(bytes);
    let slowly = parse_slowly(HeadLimits::default(), bytes);
    assert_eq!(at_once, slowly, "{}", bytes.escape_ascii());
    if let Ok(Some(head)) = at_once {
        check_spans(&head, bytes);
        check_other_parser(&head, bytes);
    }
}

/// Lines made of what matters in requests, more often right than wrong.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let method = select(&["GET", "POST", "POST", "PUT", "OPTIONS", "A-B", "A-B", "G(T"][..]);
    let target = prop_oneof![
        8 => "/[!-\"$-~]{0,20}",
        4 => "/[a-z?/%]{0,12}",
        4 => "(http|HTTP)://[a-z.:0-9]{1,8}(/|\\?)?[a-z/?]{0,8}",
        1 => "http://[!-~]{0,8}",
        1 => Just("*".to_owned()),
        1 => "[!-~]{0,10}",
    ];
    let version = prop_oneof![
        9 => select(&["HTTP/1.1", "HTTP/1.0"][..]),
        1 => select(&["HTTP/1.2", "http/1.1"][..])
    ];
    let name = prop_oneof![
        20 => "[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}",
        4 => select(NAMES).prop_map(str::to_owned),
        1 => "[ -~]{0,6}",
    ];
    let value = prop_oneof![
        3 => "[ \t]{0,2}[ -~\t\u{80}-\u{ff}]{0,16}[ \t]{0,2}",
        2 => select(VALUES).prop_map(str::to_owned),
    ];
    let end =
        prop_oneof![60 => Just("\r\n"), 1 => select(&["\n", "\r", "\r\r\n", "\r\n ", ""][..])];
    let field = (name, value, end.clone());
    (
        method,
        target,
        version,
        end,
        vec(field, 0..6),
        prop::bool::weighted(0.9),
    )
        .prop_map(|(method, target, version, end, fields, has_host)| {
            let mut bytes = format!("{method} {target} {version}{end}").into_bytes();
            if has_host {
                bytes.extend(b"Host: h\r\n");
            }
            for (name, value, end) in fields {
                bytes.extend(format!("{name}:{value}{end}").bytes());
            }
            bytes.extend(b"\r\n");
            bytes
        })
}

const NAMES: &[&str] = &[
    "Connection",
    "Content-Length",
    "Transfer-Encoding",
    "Expect",
    "host",
    "content-type",
];
const VALUES: &[&str] = &[
    "close",
    "keep-alive",
    "5",
    "chunked",
    "100-continue",
    "gzip",
    " 7 ",
    "\t0",
    "+1",
    "",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nearly_requests(bytes in request(), behind in vec(any::<u8>(), 0..8)) {
        check(&[bytes, behind].concat());
    }

    /// One byte of a good request replaced, left out, or put in.
    #[test]
    fn one_wrong_byte(
        request in select(GOOD),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), select(&b"\r\n\t :,/?#\0"[..])],
        n_replaced in 0..3_usize,
    ) {
        let mut bytes = request.as_bytes().to_vec();
        let start = at.index(bytes.len());
        let end = (start + n_replaced).min(bytes.len());
        bytes.splice(start..end, (n_replaced != 2).then_some(byte));
        check(&bytes);
    }

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        check(&bytes);
    }

    #[test]
    fn any_bytes_of_few_kinds(bytes in vec(select(&b"GET / HTTP/1.1\r\n\r\n:a\t\0"[..]), 0..60)) {
        check(&[&b"GET / HTTP/1.0\r\n"[..], &bytes].concat());
        check(&bytes);
    }
}
