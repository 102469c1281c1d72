//! Workers that raise, hang, die, leak, print.

mod arena;
mod concurrency;
mod deadlines;
mod deaths;
mod exceptions;
mod hooks;
mod loading;
mod process;
mod recycling;
mod responses;
mod results;
mod signatures;
mod streams;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use optml_testkit::{Client, Response};
use serde_json::Value;

use super::rig::{Served, Serving};

/// The type of a body that reaches user code as bytes.
const OCTETS: &str = "application/octet-stream";

/// A handler that has nothing but a `transform_fn(body)`: that of the reference without what these tests don't need.
fn transform(source: &str) -> Serving {
    Serving::functions(&format!(
        "import os, sys, time\ndef model_fn(model_dir): return None\n\
         def transform_fn(model, body, content_type, accept): return transform(body)\n{source}"
    ))
}

/// Sends a body of bytes, and doesn't wait for the answer.
fn send(client: &mut Client, headers: &[(&str, &str)], body: &[u8]) {
    let fields = each(headers, |_, (name, value)| format!("{name}: {value}\r\n"));
    let head = format!(
        "POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Type: {OCTETS}\r\nContent-Length: {}\r\n{fields}\r\n",
        body.len()
    );
    client.send(&[head.as_bytes(), body].concat());
}

/// A text with something for each row of a table.
fn each<T>(rows: &[T], text: impl Fn(usize, &T) -> String) -> String {
    let texts: Vec<String> = rows
        .iter()
        .enumerate()
        .map(|(i, row)| text(i, row))
        .collect();
    texts.concat()
}

/// Waits for something that has no channel to wait on: a process that is gone, an answer of another kind.
#[track_caller]
fn wait_until(what: &str, mut has_happened: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !has_happened() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        // This only bounds how often is looked.
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Whether a process is there, and not just unburied.
fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| {
        let state = stat.rsplit(") ").next().unwrap_or_default();
        !state.starts_with(['Z', 'X'])
    })
}

/// The pid that a handler answered with.
#[track_caller]
fn pid_in(response: &Response) -> i32 {
    assert_eq!(response.status, 200, "{}", response.text());
    response.text().trim().parse().unwrap()
}

/// An error of ours: its `type` and `message`. The rest of its form is checked here.
#[track_caller]
fn error_in(response: &Response) -> (String, String) {
    let body: Value = serde_json::from_slice(&response.body)
        .unwrap_or_else(|error| panic!("{error} in {:?}", response.text()));
    assert_eq!(body["code"], response.status, "{body}");
    assert_eq!(
        body["request_id"].as_str(),
        response.header("x-request-id"),
        "{body}"
    );
    let text = |key: &str| body[key].as_str().unwrap().to_owned();
    (text("type"), text("message"))
}

/// What `zlib.adler32` says.
fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    b << 16 | a
}
