//! Object storage through the real binary: a real S3 beside it, faults on the way there, and what a person is told.
//!
//! `python3` on `PATH` must have moto, which `test.sh` sees to.

mod code;
mod credentials;
mod faults;
mod index;
mod tls;
mod web;

use std::{
    fs,
    time::{Duration, Instant},
};

use optml_testkit::{Action, FaultProxy, Finished, OptMl, Proc, Rule, S3, Seen};
use rustix::process::Signal;

use crate::{
    code::{MARKER, names},
    rig::start,
};

/// For an event that comes, on a machine that has other things to do.
const LIMIT: Duration = Duration::from_secs(30);

/// What a client's environment says.
type Variables = Vec<(&'static str, String)>;

/// A server with the bucket `bucket`, which holds these objects.
fn bucket(objects: &[(&str, &[u8])]) -> S3 {
    let store = S3::start();
    store.make_bucket("bucket");
    for (key, content) in objects {
        store.put("bucket", key, content);
    }
    store
}

#[track_caller]
fn start_train(tree: &OptMl, variables: &[(&'static str, String)]) -> Proc {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    start(tree, &["train"], &variables)
}

/// `optml train` on a tree, to its end.
#[track_caller]
fn train(tree: &OptMl, variables: &[(&'static str, String)]) -> Finished {
    start_train(tree, variables).wait()
}

/// The same, and how long it took.
#[track_caller]
fn timed_train(tree: &OptMl, variables: &[(&'static str, String)]) -> (Finished, Duration) {
    let began = Instant::now();
    let finished = train(tree, variables);
    (finished, began.elapsed())
}

/// The job ended with 4 before its script, and left nothing. Its report, whose first line has all of `wanted`.
#[track_caller]
fn check_refused(tree: &OptMl, finished: &Finished, wanted: &[&str]) -> String {
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(4), ""),
        "{}",
        finished.stderr
    );
    let report = tree.read("output/failure");
    let first = report.lines().next().unwrap_or_default();
    for text in wanted {
        assert!(first.contains(text), "no {text:?} in {report}");
    }
    check_nothing_left(tree);
    report
}

/// A stop signal ends it within two seconds, before its script.
#[track_caller]
fn check_stops(process: Proc) {
    let asked = Instant::now();
    process.signal(Signal::TERM);
    let finished = process.wait();
    let took = asked.elapsed();
    assert!(
        took < Duration::from_secs(2),
        "{took:?}: {}",
        finished.stderr
    );
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(143), ""),
        "{}",
        finished.stderr
    );
}

/// Neither code, nor anything beside it.
#[track_caller]
fn check_nothing_left(tree: &OptMl) {
    assert_eq!(names(&tree.path("code")), [""; 0]);
    assert_eq!(names(tree.base()), ["code", "input", "model", "output"]);
    assert_eq!(
        names(&tree.path("output")),
        ["data", "failure", "failure.json"]
    );
}

/// None of these texts is in anything that a person or a program may read afterwards.
#[track_caller]
fn check_kept(secrets: &[&str], tree: &OptMl, finished: &Finished) {
    let texts = [
        ("stdout", finished.stdout.clone()),
        ("stderr", finished.stderr.clone()),
        ("failure", tree.read("output/failure")),
        ("failure.json", tree.read("output/failure.json")),
        (
            "marker",
            fs::read_to_string(tree.path("code").join(MARKER)).unwrap_or_default(),
        ),
    ];
    for secret in secrets {
        for (place, text) in &texts {
            assert!(!text.contains(secret), "`{secret}` is in {place}: {text}");
        }
    }
}

/// The one line of the log that has all of this.
#[track_caller]
fn line_with<'a>(finished: &'a Finished, texts: &[&str]) -> &'a str {
    let mut lines = finished.stderr.lines();
    let found = lines.find(|line| texts.iter().all(|text| line.contains(text)));
    found.unwrap_or_else(|| panic!("no line with {texts:?} in {}", finished.stderr))
}

/// A server that gives this document, with this status, to requests whose path contains `path`: what stands in for services
/// that give credentials, which answer only inside of a cloud.
fn answers(path: &str, status: u16, body: &str) -> Rule {
    let action = Action::Status {
        status,
        body: body.as_bytes().to_vec(),
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
    };
    Rule::new(action).path(path)
}

/// A server of nothing but answers.
fn service(rules: Vec<Rule>) -> FaultProxy {
    // Nobody listens at this port of loopback: what no rule takes is answered with 502.
    FaultProxy::start("http://127.0.0.1:1", rules)
}

/// What a container's endpoint answers.
fn keys(id: &str, secret: &str, token: &str) -> String {
    format!(
        r#"{{"Code":"Success","Type":"AWS-HMAC","LastUpdated":"2026-01-01T00:00:00Z","RoleArn":"arn:aws:iam::1:role/r","AccessKeyId":"{id}","SecretAccessKey":"{secret}","Token":"{token}","Expiration":"2099-01-01T00:00:00Z"}}"#
    )
}

/// Whether this asks for content, and not only what there is.
fn is_of_content(seen: &Seen) -> bool {
    seen.header("range")
        .is_some_and(|range| range != "bytes=0-0")
}

/// Bytes that no packing makes smaller, the same ones every time.
fn noise(n_bytes: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
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

/// An archive of `train.py` and a large file beside it.
fn tar_with_data(script: &str, data: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in [("train.py", script.as_bytes()), ("data.bin", data)] {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, content).unwrap();
    }
    archive.into_inner().unwrap()
}

/// Says what the file beside it holds.
const WEIGHS: &str =
    "import zlib\ndata = open('data.bin', 'rb').read()\nprint(len(data), zlib.crc32(data))\n";

/// What [`WEIGHS`] prints of it.
fn weight(data: &[u8]) -> String {
    let mut crc = flate2::Crc::new();
    crc.update(data);
    format!("{} {}\n", data.len(), crc.sum())
}
