//! What two readers could understand differently is refused, whole: H-02, H-03, H-04.

use std::time::{Duration, Instant};

use optml_testkit::BodyEnd;

use super::{assert_cut, echo, error, post, reached};
use crate::serve::rig::Served;

/// Sends each of these, and behind it a request that nobody must see.
#[track_caller]
fn are_refused(served: &Served, requests: impl IntoIterator<Item = Vec<u8>>) {
    for request in requests {
        let what = String::from_utf8_lossy(&request[..request.len().min(200)]).into_owned();
        let mut client = served.client();
        client.send(&[&*request, &post(b"smuggled")].concat());
        assert_cut(&mut client, &what, 400, "BadRequestException");
    }
    assert_eq!(reached(served), [""; 0]);
}

/// `POST /invocations` with these lines in its head.
fn with_lines(lines: &str, body: &str) -> Vec<u8> {
    format!("POST /invocations HTTP/1.1\r\nHost: test\r\n{lines}\r\n{body}").into_bytes()
}

#[test]
fn h02_content_lengths_that_are_no_numbers_are_refused() {
    let values = [
        "-1",
        "-0",
        "+5",
        "0x5",
        "5h",
        "5.0",
        "5 5",
        "5,5",
        "5, 5",
        "5;5",
        "",
        "\u{665}",
        "1e1",
        "9223372036854775808",
        "18446744073709551616",
        "18446744073709551621",
        "00000000000000000000000000000005",
    ];
    let served = echo().ready();
    are_refused(
        &served,
        values.map(|value| with_lines(&format!("Content-Length: {value}\r\n"), "hello")),
    );
}

#[test]
fn h02_two_content_lengths_are_refused_even_if_they_are_equal() {
    let served = echo().ready();
    let pairs = [(5, 5), (5, 6), (0, 5), (5, 0)];
    are_refused(
        &served,
        pairs.map(|(first, second)| {
            let lines = format!("Content-Length: {first}\r\ncontent-LENGTH: {second}\r\n");
            with_lines(&lines, "hello")
        }),
    );
}

#[test]
fn h02_blanks_around_a_content_length_mean_nothing() {
    let served = echo().ready();
    let mut client = served.client();
    client.send(&with_lines(
        "Content-Type: a/b\r\nContent-Length: \t 5 \t\r\n",
        "hello",
    ));
    let answer = client.response("POST");
    assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
}

#[test]
fn h02_the_largest_length_there_is_is_too_large_and_no_overflow() {
    let served = echo().ready();
    let mut client = served.client();
    client.send(&with_lines(
        "Content-Length: 9223372036854775807\r\n",
        "hello",
    ));
    assert_cut(&mut client, "2^63 - 1", 413, "PayloadTooLargeException");
}

#[test]
fn h03_two_framings_of_one_body_are_refused() {
    let lines = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "Transfer-Encoding: identity\r\nContent-Length: 5\r\n",
    ];
    let served = echo().ready();
    are_refused(
        &served,
        lines.map(|lines| with_lines(lines, "5\r\nhello\r\n0\r\n\r\n")),
    );
}

#[test]
fn h03_codings_other_than_chunked_are_refused() {
    let values = [
        "xchunked",
        "chunkedx",
        "identity",
        "gzip",
        "gzip, chunked",
        "chunked, identity",
        "identity, chunked",
        "chunked, chunked",
        "chunked,",
        ",chunked",
        "\"chunked\"",
        "chunked;q=1",
        "\x0bchunked",
        "chunked\x0b",
        "\x0cchunked",
        "chu\0nked",
        "",
    ];
    let served = echo().ready();
    are_refused(
        &served,
        values.map(|value| {
            let line = format!("Transfer-Encoding: {value}\r\n");
            with_lines(&line, "5\r\nhello\r\n0\r\n\r\n")
        }),
    );
}

#[test]
fn h03_chunks_in_http_1_0_are_refused() {
    let served = echo().ready();
    are_refused(
        &served,
        [b"POST /invocations HTTP/1.0\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
            .to_vec()],
    );
}

#[test]
fn h03_heads_with_ambiguous_lines_are_refused() {
    let heads: [&[u8]; 24] = [
        // Folded.
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nTransfer-Encoding:\r\n chunked\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\n Host: test\r\nContent-Length: 0\r\n\r\n",
        // Lines that end otherwise.
        b"POST /invocations HTTP/1.1\nHost: test\nContent-Length: 0\n\n",
        b"POST /invocations HTTP/1.1\r\nHost: test\nContent-Length: 0\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Length: 0\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\n",
        b"POST /invocations HTTP/1.1\rHost: test\r\nContent-Length: 0\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nX: a\rContent-Length: 5\r\n\r\n",
        // Blanks.
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Length : 0\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nTransfer-Encoding\t: chunked\r\n\r\n",
        b"POST  /invocations HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n",
        b"POST\t/invocations HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n",
        b"POST /invocations HTTP/1.1 \r\nHost: test\r\nContent-Length: 0\r\n\r\n",
        b" POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n",
        // Bytes that no line has.
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nX: a\x7fb\r\nContent-Length: 0\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nX\x01Y: a\r\nContent-Length: 0\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: test\r\n: a\r\nContent-Length: 0\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nno colon\r\nContent-Length: 0\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nX\xc3\xa9: a\r\nContent-Length: 0\r\n\r\n",
        // Methods.
        b"P\x01ST /invocations HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n",
        b"POST( /invocations HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ];
    let served = echo().ready();
    are_refused(&served, heads.map(<[u8]>::to_vec));
}

#[test]
fn h03_a_host_must_be_there_once() {
    let heads = [
        "POST /invocations HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "POST /invocations HTTP/1.1\r\nHost: a\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        "POST /invocations HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 0\r\n\r\n",
        "POST /invocations HTTP/1.1\r\nHost: a b\r\nContent-Length: 0\r\n\r\n",
        "POST /invocations HTTP/1.1\r\nHost: a@b\r\nContent-Length: 0\r\n\r\n",
        "POST /invocations HTTP/1.1\r\nHost: a/b\r\nContent-Length: 0\r\n\r\n",
    ];
    let served = echo().ready();
    are_refused(&served, heads.map(|head| head.as_bytes().to_vec()));
}

#[test]
fn h03_other_versions_are_told_so() {
    let served = echo().ready();
    let lines = [
        "POST /invocations HTTP/2.0",
        "POST /invocations HTTP/1.2",
        "POST /invocations HTTP/0.9",
        "PRI * HTTP/2.0",
    ];
    for line in lines {
        let mut client = served.client();
        client.send(format!("{line}\r\nHost: test\r\nContent-Length: 0\r\n\r\n").as_bytes());
        assert_cut(&mut client, line, 505, "HttpVersionNotSupportedException");
    }
}

#[test]
fn h03_a_client_that_speaks_tls_is_told_so() {
    let served = echo().ready();
    let mut client = served.client();
    client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    let answer = client.response("GET");
    let message = error(&answer)["message"].to_string();
    assert!(message.contains("TLS"), "{message}");
}

/// Chunked, with these bytes for its body.
fn chunked(body: &[u8]) -> Vec<u8> {
    let head = b"POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n";
    [head, body].concat()
}

#[test]
fn h04_malformed_chunks_are_refused() {
    let extension = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(64 << 10));
    let bodies: Vec<&[u8]> = vec![
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"g\r\nhello\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b";a\r\nhello\r\n0\r\n\r\n",
        b"00000000000000005\r\nhello\r\n0\r\n\r\n",
        b"ffffffffffffffff\r\nhello",
        b"8000000000000000\r\nhello",
        b"5\nhello\n0\n\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhell\r\n0\r\n\r\n",
        b"5\r\nhello!\r\n0\r\n\r\n",
        b"5;\x00\r\nhello\r\n0\r\n\r\n",
        b"5;a\nhello\r\n0\r\n\r\n",
        b"0\r\n no name\r\n\r\n",
        b"0\r\nno colon\r\n\r\n",
        b"0\r\nContent-Length: 5\r\n\r\n",
        b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"0\r\nhost: other\r\n\r\n",
        b"0\r\nContent-Type: a/b\r\n\r\n",
        extension.as_bytes(),
    ];
    let served = echo().ready();
    are_refused(&served, bodies.into_iter().map(chunked));
}

#[test]
fn h04_odd_but_right_chunks_are_read() {
    let bodies: [&[u8]; 6] = [
        b"5\r\nhello\r\n0\r\n\r\n",
        b"05\r\nhello\r\n000\r\n\r\n",
        b"2;a=b;c=\"d\"\r\nhe\r\n3;x\r\nllo\r\n0;y\r\n\r\n",
        b"5\r\nhello\r\n0\r\nX-Checksum: 12\r\n\r\n",
        b"0000000000000005\r\nhello\r\n0\r\n\r\n",
        b"1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n",
    ];
    let served = echo().ready();
    let mut client = served.client();
    for body in bodies {
        client.send(&chunked(body));
        let answer = client.response("POST");
        assert_eq!((answer.status, answer.text().as_str()), (200, "hello"));
    }
}

/// A million of the smallest, which are six bytes each.
#[test]
fn h04_a_million_chunks_take_linear_time_and_no_stack() {
    let served = echo().ready();
    let mut client = served.client();
    let mut request = chunked(b"");
    for n in 0..1_000_000_u32 {
        request.extend([b'1', b'\r', b'\n', b'a' + (n % 26) as u8, b'\r', b'\n']);
    }
    request.extend(b"0\r\n\r\n");
    let begun = Instant::now();
    client.send(&request);
    let answer = client.response("POST");
    assert_eq!((answer.status, answer.body.len()), (200, 1_000_000));
    assert_eq!(&answer.body[26..52], b"abcdefghijklmnopqrstuvwxyz");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn h04_a_chunked_body_cut_short_anywhere_is_no_request() {
    let served = echo().ready();
    let whole = chunked(b"5;a=b\r\nhello\r\n0\r\nX-Y: z\r\n\r\n");
    let head_bytes = chunked(b"").len();
    for n_bytes in 0..whole.len() {
        let mut client = served.client();
        client.send(&whole[..n_bytes]);
        client.finish_sending();
        if n_bytes < head_bytes {
            assert!(client.is_closed(), "{n_bytes} bytes");
        } else {
            let what = format!("{n_bytes} bytes");
            assert_cut(&mut client, &what, 400, "BadRequestException");
        }
    }
    assert_eq!(reached(&served), [""; 0]);
}

#[test]
fn h04_a_connection_goes_on_after_a_chunked_body() {
    let served = echo().ready();
    let mut client = served.client();
    client.send(&[chunked(b"5\r\nhello\r\n0\r\n\r\n"), post(b"next")].concat());
    for body in ["hello", "next"] {
        let answer = client.response("POST");
        assert_eq!((answer.status, answer.text().as_str()), (200, body));
        assert_eq!(answer.end, BodyEnd::Complete);
    }
}
