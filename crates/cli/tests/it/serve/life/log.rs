//! What the log says of requests, and how.

use super::{held_at, send};
use crate::serve::rig::{Served, Serving};

/// Lines about requests, after one of each kind.
fn lines_after_requests(served: Served) -> Vec<String> {
    for _ in 0..3 {
        assert_eq!(served.ping(), 200);
    }
    assert_eq!(served.invoke("a/b", b"x").status, 200);
    assert_eq!(served.request("GET", "/nowhere", &[], b"").status, 404);
    let text = served.stop().stderr;
    text.lines()
        .filter(|line| line.contains("route=") || line.contains("status="))
        .map(str::to_owned)
        .collect()
}

#[test]
fn errors_alone_have_a_line_by_default() {
    let lines = lines_after_requests(held_at(&[]).ready());
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("status=404"), "{lines:#?}");
}

#[test]
fn every_request_but_a_good_ping_can_have_a_line() {
    let lines = lines_after_requests(held_at(&[]).variable("OPTML_ACCESS_LOG", "all").ready());
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("status=200") && lines[0].contains("/invocations"));
    assert!(lines[1].contains("status=404"), "{lines:#?}");
}

#[test]
fn no_request_needs_a_line() {
    let lines = lines_after_requests(held_at(&[]).variable("OPTML_ACCESS_LOG", "off").ready());
    assert!(lines.is_empty(), "{lines:#?}");
}

/// Data of users is in queries and bodies.
#[test]
fn queries_are_not_logged() {
    let served = held_at(&[]).variable("OPTML_ACCESS_LOG", "all").ready();
    let answer = served.request(
        "POST",
        "/invocations?token=hunter2",
        &[("Content-Type", "a/b")],
        b"x",
    );
    assert_eq!(answer.status, 200);
    assert_eq!(
        served
            .request("GET", "/where?token=hunter2", &[], b"")
            .status,
        404
    );
    let finished = served.stop();
    assert!(!finished.stderr.contains("hunter2"), "{}", finished.stderr);
}

#[test]
fn a_client_can_not_write_lines_of_its_own() {
    let served = held_at(&[]).ready();
    let mut client = served.client();
    client.send(b"GET /\x1b[2Jforged HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.response("GET").status, 400);
    let headers = [("Content-Type", "a/b"), ("X-Request-Id", "x\u{1b}[2J")];
    served.request("POST", "/nowhere", &headers, b"");
    let finished = served.stop();
    assert!(!finished.stderr.contains('\u{1b}'), "{:?}", finished.stderr);
}

#[test]
fn the_log_can_be_for_machines() {
    let served = Serving::functions(
        "def model_fn(d): pass\ndef transform_fn(a, b, c, d):\n    raise ValueError('one\\ntwo')",
    )
    .variable("OPTML_LOG_FORMAT", "json")
    .ready();
    assert_eq!(served.invoke("a/b", b"x").status, 500);
    let finished = served.stop();
    let lines: Vec<serde_json::Value> = finished
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line:?}")))
        .collect();
    for line in &lines {
        for key in ["ts", "level", "src", "msg"] {
            assert!(line[key].is_string(), "{line}");
        }
    }
    let settings = lines.iter().filter(|line| line["msg"] == "setting");
    assert!(settings.count() > 20);
    let failed = lines.iter().find(|line| line["level"] == "error").unwrap();
    assert_eq!(failed["status"], "500");
    let text = failed["msg"].as_str().unwrap();
    assert!(
        text.contains("one\ntwo") && text.contains("Traceback"),
        "{text}"
    );
}

/// The cause of a failure is for machines too.
#[test]
fn a_failure_in_a_log_for_machines_is_its_last_line() {
    let finished = Serving::functions(
        "def model_fn(d):\n    raise ValueError('no weights')\ndef predict_fn(a, b): pass",
    )
    .variable("OPTML_LOG_FORMAT", "json")
    .fails();
    assert_eq!(finished.code, Some(1));
    let last: serde_json::Value =
        serde_json::from_str(finished.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(last["level"], "error");
    assert!(last["msg"].as_str().unwrap().contains("no weights"));
}

#[test]
fn a_long_load_says_that_it_goes_on() {
    let served = held_at(&["model"]).start();
    served.proc.stderr_line("still loading the model");
    served.touch("go-model");
    served.wait_ready();
    served.proc.stderr_line("ready: /ping is 200");
}

#[test]
fn what_the_model_prints_is_passed_on_as_it_is() {
    let served = Serving::functions(
        "
import sys
print('at import')
def model_fn(model_dir):
    print('in model_fn', file=sys.stderr)
def transform_fn(model, body, content_type, accept):
    print(body.decode())
    return body
",
    )
    .ready();
    served.invoke("a/b", b"a metric = 1");
    drop(send(&served, ""));
    let finished = served.stop();
    assert!(
        finished.stdout.starts_with("at import\na metric = 1\n"),
        "{:?}",
        finished.stdout
    );
    assert!(finished.stderr.lines().any(|line| line == "in model_fn"));
}
