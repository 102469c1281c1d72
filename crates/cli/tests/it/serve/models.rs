//! Real models, bodies of every kind, applications, other programs.

mod applications;
mod bodies;
mod formats;
mod hostile_bodies;
mod judge;
mod negotiation;
mod programs;
mod trained;
mod upstream;

use std::path::PathBuf;

use optml_testkit::{Proc, Response};

use super::rig::{Served, Serving};

/// Runs a Python script of a test to its end: it asks a server by `post`, and raises when an answer is not what it must be.
#[track_caller]
fn ask(served: &Served, script: &str, words: &[&str]) {
    let (script, address) = (format!("{POST}{script}"), served.address.to_string());
    let words = [&["-c", &script, &address], words].concat();
    let finished = Proc::start("python3", words, &[]).wait();
    assert_eq!(
        finished.code,
        Some(0),
        "{}{}",
        finished.stdout,
        finished.stderr
    );
}

/// What scripts begin with. The address is their first argument.
const POST: &str = r"
import http.client, io, json, os, random, sys
import numpy
CLIENT = http.client.HTTPConnection(sys.argv[1], timeout=40)

def post(body, content_type='application/json', accept='application/json'):
    CLIENT.request('POST', '/invocations', body, {'Content-Type': content_type, 'Accept': accept})
    response = CLIENT.getresponse()
    return response.status, response.headers['Content-Type'], response.read()
";

/// `POST /invocations` with both types.
#[track_caller]
fn convert(served: &Served, from: &str, to: &str, body: &[u8]) -> Response {
    let headers = [("Content-Type", from), ("Accept", to)];
    served.request("POST", "/invocations", &headers, body)
}

/// A server that gives back what its default functions decoded.
fn identity() -> Serving {
    Serving::functions(
        "def model_fn(model_dir):
    pass

def predict_fn(data, model):
    return data
",
    )
}

/// A server that says in words what `predict_fn` got.
fn describing() -> Serving {
    Serving::functions(
        "def model_fn(model_dir):
    pass

def predict_fn(data, model):
    return words(data)

def words(data):
    if isinstance(data, dict):
        return '; '.join('%s: %s' % (name, words(data[name])) for name in sorted(data))
    if hasattr(data, 'toarray'):
        return '%s %s' % (type(data).__name__, words(data.toarray()))
    if hasattr(data, 'dtype'):
        return '%s %s %r' % (data.dtype, data.shape, data.tolist())
    return '%s %r' % (type(data).__name__, data)
",
    )
}

/// What `predict_fn` got of a body, or the status and message of an error.
#[track_caller]
fn words(served: &Served, content_type: &str, body: &[u8]) -> String {
    let response = convert(served, content_type, "text/plain", body);
    if response.status == 200 {
        assert_eq!(response.header("content-type"), Some("text/plain"));
        return response.text();
    }
    format!("{} {}", response.status, message(&response.text()))
}

/// The message of an error's JSON.
#[track_caller]
fn message(body: &str) -> String {
    let error: serde_json::Value =
        serde_json::from_str(body).unwrap_or_else(|_| panic!("an error in JSON: {body:?}"));
    error["message"].as_str().unwrap().to_owned()
}

/// An example program of this package, which cargo builds together with the tests.
fn example(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_BIN_EXE_optml"))
        .with_file_name("examples")
        .join(name);
    assert!(
        path.is_file(),
        "{} is missing: cargo build -p optml --examples",
        path.display()
    );
    path
}
