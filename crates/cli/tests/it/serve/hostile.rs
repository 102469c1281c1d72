//! Clients that break the rules, are slow, or leave.

mod clients;
mod contract;
mod crowds;
mod first_generation;
mod framing;
mod negotiation;
mod sizes;

use std::fs;

use optml_testkit::{Client, Response};
use serde_json::Value;

use super::rig::{Served, Serving};

/// Writes down how each body begins, and gives it back. `wait` and a name in a body: not before a file of that name is there.
const ECHO: &str = r#"
import os, time
def model_fn(model_dir):
    return os.path.dirname(model_dir)
def transform_fn(folder, body, content_type, accept):
    with open(folder + "/seen", "ab") as seen:
        seen.write(body[:40] + b"\n")
    if body.startswith(b"wait "):
        while not os.path.exists(folder + "/" + body[5:].decode()):
            time.sleep(0.01)
    return body, "application/octet-stream"
"#;

/// A model that gives back what it gets, as bytes.
fn echo() -> Serving {
    Serving::functions(ECHO)
}

/// `POST /invocations` with a body for [`ECHO`].
fn post(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// How the bodies began that reached the model before this one, which does.
#[track_caller]
fn reached(served: &Served) -> Vec<String> {
    let answer = served.invoke("application/octet-stream", b"last");
    assert_eq!((answer.status, answer.text().as_str()), (200, "last"));
    let seen = fs::read(served.path("seen")).unwrap();
    let mut seen: Vec<String> = String::from_utf8_lossy(&seen)
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(seen.pop().as_deref(), Some("last"));
    seen
}

/// The one line of JSON that every error of ours is.
#[track_caller]
fn error(response: &Response) -> Value {
    let text = response.text();
    let value: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
    assert_eq!(text.lines().count(), 1, "{text:?}");
    assert_eq!(response.header("content-type"), Some("application/json"));
    let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["code", "type", "message", "request_id"]);
    assert_eq!(value["code"], response.status);
    assert_eq!(
        value["request_id"].as_str(),
        response.header("x-request-id"),
        "{text}"
    );
    value
}

/// An answer of ours with this status, and then the end of the connection: nothing that follows is taken for a request.
#[track_caller]
fn assert_cut(client: &mut Client, what: &str, status: u16, kind: &str) {
    let response = client
        .try_response("POST")
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(response.status, status, "{what}: {}", response.text());
    let value = error(&response);
    assert_eq!(value["type"], kind, "{what}");
    assert_eq!(response.header("connection"), Some("close"), "{what}");
    assert!(client.is_closed(), "{what}: the connection goes on");
}

/// A line of `/proc/PID/status`, in KiB.
fn memory_kib(served: &Served, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", served.proc.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let number = line.split_ascii_whitespace().nth(1).unwrap();
    number.parse().unwrap()
}

/// How many descriptors the server has open.
fn n_descriptors(served: &Served) -> usize {
    fs::read_dir(format!("/proc/{}/fd", served.proc.id()))
        .unwrap()
        .count()
}
