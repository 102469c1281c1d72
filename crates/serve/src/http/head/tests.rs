//! Heads whole, in pieces, bent, and beside another parser.

mod accepted;
mod pieces;
mod random;
mod refused;

use super::{HeadLimits, HeadParser, Progress, RequestHead};
use crate::http::Fault;

/// Parses bytes that are there at once.
fn parse(bytes: &[u8]) -> Result<Option<RequestHead>, Fault> {
    parse_within(HeadLimits::default(), bytes)
}

fn parse_within(limits: HeadLimits, bytes: &[u8]) -> Result<Option<RequestHead>, Fault> {
    let mut head = RequestHead::default();
    let progress = HeadParser::new(limits).parse(bytes, &mut head)?;
    Ok((progress == Progress::Complete).then_some(head))
}

/// Parses bytes that come one at a time, as far as the head goes.
fn parse_slowly(limits: HeadLimits, bytes: &[u8]) -> Result<Option<RequestHead>, Fault> {
    let mut head = RequestHead::default();
    let mut parser = HeadParser::new(limits);
    for n_bytes in 0..=bytes.len() {
        if parser.parse(&bytes[..n_bytes], &mut head)? == Progress::Complete {
            assert_eq!(head.n_bytes(), n_bytes);
            return Ok(Some(head));
        }
    }
    Ok(None)
}

/// Heads that are accepted: with `HTTP/1.1` at the end of the first line and a host they are whole requests.
const GOOD: &[&str] = &[
    "GET /ping HTTP/1.1\r\nHost: localhost:8080\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "\r\nPOST /invocations HTTP/1.1\r\nhost:\r\ncontent-length:0\r\n\r\n",
    "POST /invocations?a=b?c HTTP/1.1\r\nHost: [::1]:80\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n",
    "POST /models/a%2fb/invoke? HTTP/1.1\r\nTransfer-Encoding:\t chunked \t\r\nHost: h\r\nX: \u{e9}\t a \r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nhOsT: h\r\nExpect: 100-Continue\r\nConnection: a, close\r\n\r\n",
    "QUERY http://host:8080/a/../b?c HTTP/1.1\r\nHost: other\r\nempty:\r\nempty:  \r\n\r\n",
];
