//! Models that are no Python functions: programs that speak the worker protocol, and Rust.

use std::path::Path;

use optml_testkit::{BodyEnd, Proc};

use super::{Serving, example};
use crate::serve::rig::Served;

/// Kind `exec`: a worker that was written from the page about the protocol, in Python but not by us.
fn other_worker() -> Serving {
    Serving::empty()
        .file("worker.py", include_str!("other_worker.py"))
        .file("model/model.txt", "")
        .variable("OPTML_EXEC", "python3 worker.py")
}

fn backwards(n_bytes: u32) -> (Vec<u8>, Vec<u8>) {
    let body: Vec<u8> = (0..n_bytes)
        .flat_map(|n| (n % 251).to_le_bytes())
        .take(n_bytes as usize)
        .collect();
    let expected = body.iter().rev().copied().collect();
    (body, expected)
}

#[test]
fn a_worker_of_another_hand_answers_bodies_of_every_size() {
    let served = other_worker().ready();
    let mut client = served.client();
    for n_bytes in [
        0,
        1,
        1000,
        65_535,
        65_536,
        262_144,
        262_145,
        1 << 20,
        5_000_000,
    ] {
        let (body, expected) = backwards(n_bytes);
        for how in ["plain", "unknown"] {
            let response = client.request("POST", "/invocations", &[("X-How", how)], &body);
            assert_eq!(
                response.status,
                200,
                "{n_bytes} bytes, {how}: {}",
                response.text()
            );
            assert_eq!(response.end, BodyEnd::Complete, "{n_bytes} bytes, {how}");
            assert!(response.body == expected, "{n_bytes} bytes, {how}");
        }
    }
    let response = served.invoke("text/plain", b"desserts");
    assert_eq!(response.text(), "stressed");
    assert_eq!(response.header("content-type"), Some("text/backwards"));
    assert_eq!(response.header("x-path"), Some("/invocations"));
    let parameters = served.request("GET", "/execution-parameters", &[], b"");
    assert_eq!(parameters.text(), r#"{"MaxPayloadInMB": 3}"#);
    let finished = served.stop();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}

#[test]
fn errors_of_such_a_worker_reach_the_client_and_its_faults_do_not() {
    let served = other_worker().ready();
    let ask = |how| served.request("POST", "/invocations", &[("X-How", how)], b"x");
    let response = ask("fail");
    assert_eq!(response.status, 422);
    let error: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(error["type"], "Backwards");
    assert_eq!(error["message"], "café");
    assert!(!response.text().contains("detail"), "{}", response.text());
    served.proc.stderr_line("detail for the log");
    // A header with a line break in it is not sent.
    let response = ask("split");
    assert_eq!((response.status, response.header("x-b")), (500, None));
    let worker = served.workers();
    for how in ["die", "garble"] {
        assert_eq!(ask(how).status, 502, "{how}");
        served.wait_ready();
        assert_eq!(ask("plain").text(), "x");
    }
    assert_ne!(served.workers(), worker, "it was replaced");
}

#[test]
fn a_worker_that_can_not_load_ends_the_server_with_its_words() {
    let finished = Serving::empty()
        .file("worker.py", include_str!("other_worker.py"))
        .variable("OPTML_EXEC", "python3 worker.py")
        .fails();
    assert_eq!(finished.code, Some(1));
    for words in [
        "NoModel",
        "there is no model.txt",
        "looked where model_dir says",
    ] {
        assert!(finished.stderr.contains(words), "{}", finished.stderr);
    }
    let finished = Serving::empty()
        .variable("OPTML_EXEC", "no-such-program --at all")
        .fails();
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("`no-such-program`"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_program_that_ends_before_it_says_hello_is_started_five_times() {
    let finished = Serving::empty()
        .file("worker", "#!/bin/sh\necho begun\nexit 9\n")
        .variable("OPTML_EXEC", "sh worker")
        .fails();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert_eq!(finished.stdout, "begun\n".repeat(5));
    let last = finished.stderr.lines().last().unwrap_or_default();
    assert!(
        last.contains("before it said anything"),
        "{}",
        finished.stderr
    );
    assert!(last.contains("exit code 9"), "{}", finished.stderr);
}

#[test]
fn the_worker_in_rust_answers_the_mean() {
    let served = Serving::empty()
        .variable("OPTML_EXEC", example("exec_worker").to_str().unwrap())
        .variable("OPTML_WORKERS", "2")
        .ready();
    for (body, expected) in [
        ("[1, 2, 6]", "3.0\n"),
        ("1,2\n3,4\n", "2.5\n"),
        ("[[0.5], [-0.5]]", "0.0\n"),
    ] {
        let response = served.invoke("application/json", body.as_bytes());
        assert_eq!((response.status, response.text().as_str()), (200, expected));
        assert_eq!(response.header("content-type"), Some("application/json"));
    }
    // In a frame, and in more chunks than there is credit for.
    for n_numbers in [100_000, 1_000_000] {
        let body = "7,".repeat(n_numbers);
        let response = served.invoke("text/csv", body.as_bytes());
        assert_eq!(response.text(), "7.0\n", "{n_numbers} numbers");
    }
    for body in [&b"{\"a\": 1}"[..], b"", b"\xff"] {
        let response = served.invoke("application/json", body);
        assert_eq!(response.status, 400, "{}", response.text());
    }
    assert_eq!(
        served
            .request("GET", "/execution-parameters", &[], b"")
            .status,
        404
    );
    let finished = served.stop();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}

#[test]
fn the_worker_in_rust_says_what_it_is_for_when_a_person_starts_it() {
    let finished = Proc::start(example("exec_worker"), [""; 0], &[]).wait();
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.stderr.contains("optml serve"),
        "{}",
        finished.stderr
    );
}

/// A model in a program of its own, which is the server too.
#[track_caller]
fn native(folder: &Path, variables: &[(&str, &str)]) -> Proc {
    let base = folder.to_str().unwrap();
    let mut all = vec![
        ("SAGEMAKER_BASE_DIR", base),
        ("OPTML_HOST", "127.0.0.1"),
        ("OPTML_PORT", "0"),
    ];
    all.extend(variables);
    let all: Vec<_> = all
        .iter()
        .map(|(name, value)| (*name, value.as_ref()))
        .collect();
    Proc::start(example("native_model"), [""; 0], &all)
}

#[test]
fn a_model_in_rust_is_served_by_its_own_program() {
    let folder = Serving::empty()
        .file("model/points.csv", "0,1\n1,3\n2,5\n")
        .into_folder();
    let proc = native(folder.path(), &[("OPTML_MAX_BODY_MB", "1")]);
    let served = Served::of(proc, folder);
    served.wait_ready();
    let response = served.invoke("text/csv", b"10, 20.5");
    assert_eq!(
        (response.status, response.text().as_str()),
        (200, "[21.0, 42.0]")
    );
    assert_eq!(response.header("content-type"), Some("application/json"));
    let response = served.invoke("text/csv", b"ten");
    assert_eq!(response.status, 400);
    let error: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(error["type"], "BadRequestException");
    assert_eq!(
        error["message"],
        "expected numbers with commas between them"
    );
    // Limits and the rest are those of `optml serve`.
    assert_eq!(
        served.invoke("text/csv", &vec![b'1'; (1 << 20) + 1]).status,
        413
    );
    assert_eq!(
        served.workers(),
        [] as [i32; 0],
        "it runs in the server itself"
    );
    let many: Vec<String> = (0..100_000).map(|n| n.to_string()).collect();
    let response = served.invoke("text/csv", many.join(",").as_bytes());
    assert!(response.text().ends_with(", 199999.0]"));
    assert_eq!(served.stop().code, Some(0));
}

#[test]
fn a_model_in_rust_that_does_not_load_ends_its_program_with_1() {
    let folder = Serving::empty().into_folder();
    let finished = native(folder.path(), &[]).wait();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("points.csv"),
        "{}",
        finished.stderr
    );
}
