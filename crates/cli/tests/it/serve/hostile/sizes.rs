//! Too long, too many, too large: H-05, H-06, and bodies of every size.

use super::{assert_cut, echo, error, post, reached};
use crate::serve::rig::Served;

const HEADERS: (u16, &str) = (431, "RequestHeaderFieldsTooLargeException");
const URI: (u16, &str) = (414, "UriTooLongException");

#[test]
fn h05_heads_beyond_the_limits_are_refused() {
    let many = "X: y\r\n".repeat(100_000);
    let hundred_and_one = "X: y\r\n".repeat(100);
    let long_field = format!("X: {}\r\n", "y".repeat(1 << 20));
    let long_name = format!("{}: y\r\n", "X".repeat(1 << 20));
    let long_uri = format!("/{}", "u".repeat(1 << 20));
    let long_query = format!("/ping?{}", "u".repeat(8 << 10));
    let long_method = format!("{} /ping", "M".repeat(1 << 20));
    let served = echo().ready();
    for (line, fields, (status, kind)) in [
        ("GET /ping", &*many, HEADERS),
        ("GET /ping", &*hundred_and_one, HEADERS),
        ("GET /ping", &*long_field, HEADERS),
        ("GET /ping", &*long_name, HEADERS),
        (&*format!("GET {long_uri}"), "", URI),
        (&*format!("GET {long_query}"), "", URI),
        (&*long_method, "", (400, "BadRequestException")),
    ] {
        let mut client = served.client();
        let head = format!("{line} HTTP/1.1\r\nHost: test\r\n{fields}\r\n");
        // It may be refused before all of it is there.
        let _ = client.try_send(head.as_bytes());
        assert_cut(&mut client, &line[..line.len().min(40)], status, kind);
    }
    assert_eq!(served.ping(), 200);
}

#[test]
fn h05_heads_at_the_limits_are_fine() {
    let served = echo().ready();
    let hundred = "X: y\r\n".repeat(99);
    let large = format!("X: {}\r\n", "y".repeat(65_000));
    let long_query = format!("?{}", "u".repeat((8 << 10) - "/ping?".len()));
    for (query, fields) in [("", &*hundred), ("", &*large), (&*long_query, "")] {
        let mut client = served.client();
        client.send(format!("GET /ping{query} HTTP/1.1\r\nHost: test\r\n{fields}\r\n").as_bytes());
        assert_eq!(client.response("GET").status, 200);
    }
}

#[test]
fn h05_a_refused_head_is_not_kept_in_memory() {
    let served = echo().ready();
    let before = super::memory_kib(&served, "VmHWM");
    for _ in 0..20 {
        let mut client = served.client();
        let _ = client.try_send(&vec![b'X'; 4 << 20]);
        assert_cut(&mut client, "4 MiB", 400, "BadRequestException");
    }
    let grown = super::memory_kib(&served, "VmHWM") - before;
    assert!(grown < 4 << 10, "{grown} KiB");
}

#[test]
fn h05_only_the_paths_that_there_are_lead_anywhere() {
    let served = echo().ready();
    let mut client = served.client();
    for path in [
        "/",
        "/invocations/",
        "/invocationsx",
        "/pingx",
        "/INVOCATIONS",
        "//invocations",
        "/./invocations",
        "/x/../invocations",
        "/%2e%2e/invocations",
        "/..%2finvocations",
        "/invocations%00",
        "/%00",
        "/invocations%20",
        "/%69nvocations",
        "/%c0%af",
        "/etc/passwd",
        "http://test/x",
        "http://test",
    ] {
        let answer = client.request("POST", path, &[("Content-Type", "a/b")], b"hello");
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(error(&answer)["type"], "ResourceNotFoundException");
    }
    assert_eq!(reached(&served), [""; 0]);
}

#[test]
fn h05_targets_that_are_no_paths_are_refused() {
    let served = echo().ready();
    for (method, target) in [
        ("POST", "invocations"),
        ("POST", "test:80"),
        ("CONNECT", "test:80"),
        ("CONNECT", "/invocations"),
        ("POST", "*"),
        ("POST", "ftp://test/invocations"),
        ("POST", "http:///invocations"),
        ("POST", "/invocations#x"),
        ("POST", "/inv\u{e9}cations"),
        ("POST", "/inv\0cations"),
    ] {
        let mut client = served.client();
        client.send(
            format!("{method} {target} HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n")
                .as_bytes(),
        );
        assert_cut(&mut client, target, 400, "BadRequestException");
    }
    let mut client = served.client();
    client.send(b"POST /\xc0\xaf HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n");
    assert_cut(&mut client, "overlong UTF-8", 400, "BadRequestException");
    assert_eq!(reached(&served), [""; 0]);
}

#[test]
fn h05_a_whole_address_is_as_good_as_a_path() {
    let served = echo().ready();
    let mut client = served.client();
    for target in ["http://test/ping", "HTTP://test:8080/ping?x", "/ping?x=%00"] {
        assert_eq!(client.request("GET", target, &[], b"").status, 200);
    }
    assert_eq!(client.request("OPTIONS", "*", &[], b"").status, 404);
}

/// Only the head is sent: who reads on before it answers would wait.
#[test]
fn h06_a_body_above_the_limit_is_refused_before_it_is_read() {
    let served = echo().variable("OPTML_MAX_BODY_MB", "1").ready();
    let mut client = served.client();
    client.send(b"POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Type: a/b\r\nContent-Length: 1048577\r\n\r\n");
    let answer = client.response("POST");
    assert_eq!(answer.status, 413);
    let message = error(&answer)["message"].to_string();
    assert!(
        message.contains("1048577") && message.contains("1048576"),
        "{message}"
    );
    assert!(client.is_closed());
}

#[test]
fn h06_a_body_above_the_limit_is_refused_whoever_announces_it_or_not() {
    let served = echo().variable("OPTML_MAX_BODY_MB", "1").ready();
    let large_chunk = b"100001\r\n".to_vec();
    let small_chunks = b"400\r\n"
        .iter()
        .chain([b'x'; 1024].iter())
        .chain(b"\r\n")
        .copied()
        .collect::<Vec<u8>>()
        .repeat(1025);
    for body in [large_chunk, small_chunks] {
        let mut client = served.client();
        client.send(b"POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n");
        let _ = client.try_send(&body);
        assert_cut(&mut client, "chunks", 413, "PayloadTooLargeException");
    }
    assert_eq!(reached(&served), [""; 0]);
}

#[test]
fn h06_a_body_of_the_largest_size_is_fine() {
    let served = echo().variable("OPTML_MAX_BODY_MB", "1").ready();
    let answer = served.invoke("a/b", &vec![b'x'; 1 << 20]);
    assert_eq!((answer.status, answer.body.len()), (200, 1 << 20));
}

#[test]
fn h06_bytes_beyond_the_length_are_not_part_of_the_request() {
    let served = echo().ready();
    let mut client = served.client();
    client.send(&[post(b"hello"), b" world".to_vec()].concat());
    assert_eq!(client.response("POST").text(), "hello");
    client.finish_sending();
    // ` world` begins like no request, but it has not ended either.
    assert!(client.is_closed());
    assert_eq!(reached(&served), ["hello"]);
}

#[test]
fn h06_less_than_announced_is_no_request() {
    let served = echo().ready();
    for (announced, sent) in [(6, 5), (1 << 20, 5), (1 << 20, 1 << 19), (1, 0)] {
        let mut client = served.client();
        client.send(
            format!("POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Type: a/b\r\nContent-Length: {announced}\r\n\r\n")
                .as_bytes(),
        );
        client.send(&vec![b'x'; sent]);
        client.finish_sending();
        let what = format!("{sent} of {announced}");
        assert_cut(&mut client, &what, 400, "BadRequestException");
    }
    assert_eq!(reached(&served), [""; 0]);
}

/// The head of a request whose client waits to be told to go on.
fn expects(served: &Served, expectation: &str, n_bytes: u64) -> optml_testkit::Client {
    let mut client = served.client();
    client.send(
        format!("POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Type: a/b\r\nContent-Length: {n_bytes}\r\nExpect: {expectation}\r\n\r\n")
            .as_bytes(),
    );
    client
}

#[test]
fn h06_a_client_that_waits_for_100_continue_gets_it() {
    let served = echo().ready();
    let mut client = expects(&served, "100-continue", 5);
    assert_eq!(client.response("POST").status, 100);
    client.send(b"hello");
    let answer = client.response("POST");
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
}

#[test]
fn h06_a_client_that_waits_is_not_told_to_go_on_in_vain() {
    let served = echo().variable("OPTML_MAX_BODY_MB", "1").ready();
    let mut client = expects(&served, "100-Continue", 1 << 30);
    assert_cut(&mut client, "1 GiB", 413, "PayloadTooLargeException");
}

#[test]
fn h06_a_client_that_is_told_to_go_on_and_does_not_is_left() {
    let served = echo().variable("OPTML_BODY_TIMEOUT_S", "1").ready();
    let mut client = expects(&served, "100-continue", 5);
    assert_eq!(client.response("POST").status, 100);
    assert_cut(&mut client, "no body", 408, "RequestTimeoutException");
}

#[test]
fn h06_other_expectations_can_not_be_met() {
    let served = echo().ready();
    let mut client = expects(&served, "200-ok", 5);
    assert_cut(&mut client, "200-ok", 417, "ExpectationFailedException");
}

/// Ten MiB of zeros in ten KiB: nobody unpacks them.
#[test]
fn h06_a_compressed_body_is_refused_and_not_unpacked() {
    use std::io::Write;
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&vec![0; 10 << 20]).unwrap();
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 20 << 10);
    let served = echo().ready();
    let mut client = served.client();
    for coding in ["gzip", "GZIP", "deflate", "br", "identity, gzip"] {
        let headers = [("Content-Type", "a/b"), ("Content-Encoding", coding)];
        let answer = client.request("POST", "/invocations", &headers, &bomb);
        assert_eq!(answer.status, 415, "{coding}");
        assert_eq!(error(&answer)["type"], "UnsupportedMediaTypeException");
    }
    let headers = [("Content-Type", "a/b"), ("Content-Encoding", "identity")];
    let answer = client.request("POST", "/invocations", &headers, b"plain");
    assert_eq!(answer.text(), "plain");
    assert_eq!(reached(&served), ["plain"]);
}

/// No two bytes of it that are close are followed by the same.
fn noise(n_bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(n_bytes + 8);
    while bytes.len() < n_bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(n_bytes);
    bytes
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Around the sizes at which bodies take another way.
const SIZES: [usize; 12] = [
    0,
    1,
    8 * KIB - 1,
    8 * KIB + 1,
    64 * KIB - 1,
    64 * KIB,
    64 * KIB + 1,
    128 * KIB + 1,
    MIB,
    MIB + 1,
    7 * MIB + 3,
    100 * MIB,
];

#[test]
fn bodies_of_every_size_come_back_as_they_were() {
    let served = echo().ready();
    let mut client = served.client();
    let noise = noise(100 * MIB);
    for n_bytes in SIZES {
        let body = &noise[..n_bytes];
        let answer = client.request("POST", "/invocations", &[("Content-Type", "a/b")], body);
        assert_eq!(answer.status, 200, "{n_bytes}: {}", answer.text());
        assert!(answer.body == body, "{n_bytes} bytes");
    }
}

#[test]
fn bodies_in_chunks_of_every_size_come_back_as_they_were() {
    let served = echo().ready();
    let mut client = served.client();
    let noise = noise(20 * MIB);
    for n_bytes in SIZES.map(|n_bytes| n_bytes.min(20 * MIB)) {
        for chunk_bytes in [(n_bytes / 7).max(1), 16 * KIB, 300 * KIB] {
            let body = &noise[..n_bytes];
            let mut request = b"POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for chunk in body.chunks(chunk_bytes) {
                request.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
                request.extend(chunk);
                request.extend(b"\r\n");
            }
            request.extend(b"0\r\n\r\n");
            client.send(&request);
            let answer = client.response("POST");
            assert_eq!(answer.status, 200, "{n_bytes}: {}", answer.text());
            assert!(answer.body == body, "{n_bytes} in chunks of {chunk_bytes}");
        }
    }
}
