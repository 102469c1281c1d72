//! Bodies of every size, there and back, byte for byte.

use optml_testkit::{BodyEnd, Client, Response};

use super::Serving;
use crate::serve::rig::Served;

/// A server that gives back the bytes that came.
fn echo() -> Serving {
    Serving::functions(
        "def model_fn(model_dir):
    pass

def transform_fn(model, body, content_type, accept):
    return body, content_type
",
    )
}

const MIB: usize = 1 << 20;

/// Around everything that changes the way of a body: a frame (256 KiB), shared memory (64 KiB), a page, the largest body.
const SIZES: [usize; 18] = [
    0,
    1,
    2,
    4095,
    4096,
    (64 << 10) - 1,
    64 << 10,
    (64 << 10) + 1,
    80 << 10,
    (256 << 10) - 1,
    256 << 10,
    (256 << 10) + 1,
    MIB,
    MIB + 1,
    8 * MIB - 1,
    8 * MIB,
    20_000_001,
    100 * MIB,
];

/// Bytes of which no part is like another: a block of noise, again and again, each time with its number.
fn noise(n_bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ n_bytes as u64;
    let mut block = Vec::with_capacity(64 << 10);
    while block.len() < 64 << 10 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        block.extend(state.to_le_bytes());
    }
    let mut bytes = Vec::with_capacity(n_bytes + block.len());
    while bytes.len() < n_bytes {
        let number = bytes.len().to_le_bytes();
        bytes.extend(number);
        bytes.extend(&block[number.len()..]);
    }
    bytes.truncate(n_bytes);
    bytes
}

#[track_caller]
fn check_echo(response: &Response, sent: &[u8], how: &str) {
    let n_bytes = sent.len();
    assert_eq!(response.status, 200, "{n_bytes} bytes, {how}");
    assert_eq!(response.end, BodyEnd::Complete, "{n_bytes} bytes, {how}");
    assert_eq!(response.body.len(), n_bytes, "{n_bytes} bytes, {how}");
    // Not `assert_eq`: nobody reads 100 MB of difference.
    assert!(response.body == sent, "{n_bytes} bytes, {how}");
}

const HEADERS: [(&str, &str); 1] = [("Content-Type", "application/octet-stream")];

/// Sends the body in chunks of sizes that fit nothing.
#[track_caller]
fn send_chunked(client: &mut Client, body: &[u8]) -> Response {
    client.send(
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    let mut rest = body;
    // From one byte on, up to what a large client would send at once.
    let mut n_bytes = 1;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(n_bytes.min(rest.len()));
        client.send(&[format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
        rest = after;
        n_bytes = (n_bytes * 3 + 1).min(1_000_003);
    }
    client.send(b"0\r\n\r\n");
    client.response("POST")
}

#[track_caller]
fn check_all_sizes(served: &Served, sizes: &[usize]) {
    let mut client = served.client();
    for &n_bytes in sizes {
        let body = noise(n_bytes);
        let response = client.request("POST", "/invocations", &HEADERS, &body);
        check_echo(&response, &body, "with a length");
        let response = send_chunked(&mut client, &body);
        check_echo(&response, &body, "in chunks");
    }
}

#[test]
fn bodies_of_1_byte_to_100_mib_come_back_as_they_were_sent() {
    check_all_sizes(&echo().ready(), &SIZES);
}

#[test]
fn so_they_do_without_shared_memory() {
    let served = echo().variable("OPTML_SHM_MIN_KB", "0").ready();
    check_all_sizes(&served, &SIZES[..17]);
}

#[test]
fn so_they_do_when_all_bodies_are_in_shared_memory() {
    let served = echo().variable("OPTML_SHM_MIN_KB", "1").ready();
    check_all_sizes(&served, &SIZES[..15]);
}

#[test]
fn one_byte_more_than_the_largest_body_is_refused_in_either_form() {
    let served = echo().variable("OPTML_MAX_BODY_MB", "1").ready();
    check_all_sizes(&served, &[MIB]);
    let body = noise(MIB + 1);
    let response = served.request("POST", "/invocations", &HEADERS, &body);
    assert_eq!(response.status, 413, "{}", response.text());
    let response = send_chunked(&mut served.client(), &body);
    assert_eq!(response.status, 413, "{}", response.text());
}

#[test]
fn an_array_of_100_mb_is_read_and_written_through_the_default_functions() {
    let served = Serving::functions(
        "def model_fn(model_dir):
    pass

def predict_fn(data, model):
    data += 1
    return data
",
    )
    .ready();
    super::ask(
        &served,
        r"
array = numpy.random.default_rng(1).random(12_500_000).reshape(-1, 1000)
body = io.BytesIO()
numpy.save(body, array)
array += 1
status, kind, answer = post(body.getvalue(), 'application/x-npy', 'application/x-npy')
assert (status, kind) == (200, 'application/x-npy'), answer[:200]
assert (numpy.load(io.BytesIO(answer)) == array).all()
some = array[:300]
status, _, answer = post(json.dumps((some - 1).tolist()), 'application/json', 'text/csv')
assert status == 200 and (numpy.loadtxt(io.BytesIO(answer), delimiter=',') == some - 1 + 1).all()
",
        &[],
    );
}
