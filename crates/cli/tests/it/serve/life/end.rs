//! Stop signals.

use std::time::{Duration, Instant};

use optml_testkit::Client;
use rustix::process::Signal;

use super::{held_at, send};
use crate::serve::rig::Serving;

/// As the platform does it, with real time: it kills us after 30 s.
#[test]
fn sigterm_lets_a_request_of_three_seconds_finish() {
    let served = Serving::functions(
        "
import os, time
def model_fn(model_dir):
    return os.path.dirname(model_dir)
def transform_fn(folder, body, content_type, accept):
    open(folder + '/begun', 'w').close()
    time.sleep(3)
    return 'done', 'text/plain'
",
    )
    .ready();
    let mut client = send(&served, "x");
    served.wait_for_file("begun");
    let begun = Instant::now();
    served.proc.signal(Signal::TERM);
    let answer = client.response("POST");
    assert_eq!((answer.status, answer.text().as_str()), (200, "done"));
    assert_eq!(answer.header("connection"), Some("close"));
    let finished = served.proc.wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(6), "{took:?}");
}

#[test]
fn requests_that_wait_are_answered_too() {
    for signal in [Signal::TERM, Signal::INT] {
        let served = held_at(&["first"]).ready();
        let mut clients = vec![send(&served, "first")];
        served.wait_for_file("at-first");
        clients.extend((0..5).map(|_| send(&served, "next")));
        // They have come when a later request has its answer.
        assert_eq!(served.request("GET", "/nowhere", &[], b"").status, 404);
        served.proc.signal(signal);
        served.wait_for_ping(503);
        served.touch("go-first");
        for client in &mut clients {
            assert_eq!(client.response("POST").status, 200);
        }
        assert_eq!(served.proc.wait().code, Some(0));
    }
}

/// Whoever sends requests may not have seen yet that `/ping` is 503.
#[test]
fn a_request_within_a_second_of_the_signal_is_answered_and_later_nobody_listens() {
    let served = held_at(&["first"]).ready();
    let mut first = send(&served, "first");
    served.wait_for_file("at-first");
    served.proc.signal(Signal::TERM);
    served.wait_for_ping(503);
    let mut late = send(&served, "late");
    served.wait_until("nobody listens", || {
        Client::try_connect(served.address).is_err()
    });
    served.touch("go-first");
    assert_eq!(first.response("POST").status, 200);
    assert_eq!(late.response("POST").status, 200);
    assert_eq!(served.proc.wait().code, Some(0));
}

#[test]
fn idle_connections_do_not_hold_up_the_end() {
    let served = held_at(&[]).ready();
    let mut idle = served.client();
    idle.request("GET", "/ping", &[], b"");
    let mut fresh = served.client();
    let begun = Instant::now();
    assert_eq!(served.stop().code, Some(0));
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert!(idle.is_closed() && fresh.is_closed());
}

#[test]
fn a_second_signal_ends_everything_at_once() {
    let served = held_at(&["x"]).ready();
    let mut client = send(&served, "x");
    served.wait_for_file("at-x");
    let begun = Instant::now();
    served.proc.signal(Signal::TERM);
    served.wait_for_ping(503);
    let workers = served.workers();
    served.proc.signal(Signal::TERM);
    let finished = served.proc.wait();
    assert_eq!(finished.code, Some(143), "{}", finished.stderr);
    assert!(begun.elapsed() < Duration::from_secs(4));
    // 502 or 503 or the end of the connection: but no success, and no silence.
    if let Ok(answer) = client.try_response("POST") {
        assert!(answer.status >= 500);
    }
    for pid in workers {
        assert!(!std::path::Path::new(&format!("/proc/{pid}/cmdline")).exists());
    }
}

#[test]
fn after_the_time_to_drain_what_is_left_is_told_so() {
    let served = held_at(&["x"])
        .variable("OPTML_DRAIN_S", "1")
        .variable("OPTML_KILL_GRACE_S", "1")
        .ready();
    let mut running = send(&served, "x");
    served.wait_for_file("at-x");
    let mut waiting = send(&served, "y");
    assert_eq!(served.request("GET", "/nowhere", &[], b"").status, 404);
    let begun = Instant::now();
    served.proc.signal(Signal::TERM);
    let answer = waiting.response("POST");
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("ModelShuttingDownException"));
    let answer = running.response("POST");
    assert!([502, 503].contains(&answer.status), "{}", answer.text());
    let finished = served.proc.wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stderr.contains("the time to drain is over"));
    assert!(begun.elapsed() < Duration::from_secs(8));
}

#[test]
fn a_signal_while_the_model_is_being_loaded_ends_the_server() {
    for place in ["import", "model", "warmup"] {
        let served = held_at(&[place])
            .variable("OPTML_KILL_GRACE_S", "1")
            .start();
        served.wait_for_file(&format!("at-{place}"));
        let begun = Instant::now();
        let finished = served.stop();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert!(begun.elapsed() < Duration::from_secs(6));
    }
}

#[test]
fn exit_hooks_of_the_worker_run() {
    let served = Serving::functions(
        "
import atexit, os
FOLDER = os.environ['SAGEMAKER_BASE_DIR']
atexit.register(lambda: print('atexit ran', flush=True))
def model_fn(model_dir): pass
def transform_fn(model, body, content_type, accept): return body
def shutdown_fn():
    print('shutdown_fn ran', flush=True)
",
    )
    .ready();
    let finished = served.stop();
    assert_eq!(finished.code, Some(0));
    assert_eq!(finished.stdout, "shutdown_fn ran\natexit ran\n");
}

#[test]
fn exit_hooks_that_never_end_are_left_behind() {
    let served = Serving::functions(
        "
import time
def model_fn(model_dir): pass
def transform_fn(model, body, content_type, accept): return body
def shutdown_fn():
    while True:
        time.sleep(1)
",
    )
    .ready();
    let begun = Instant::now();
    let finished = served.stop();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(begun.elapsed() < Duration::from_secs(7));
}

/// P1: no child survives us, whatever ends us.
#[test]
fn workers_do_not_outlive_a_server_that_is_killed() {
    let served = held_at(&["x"]).variable("OPTML_WORKERS", "2").ready();
    served.wait_until("both are there", || served.workers().len() == 2);
    let workers = served.workers();
    let _running = send(&served, "x");
    served.wait_for_file("at-x");
    served.proc.signal(Signal::KILL);
    let gone = |pid: &i32| {
        std::fs::read_to_string(format!("/proc/{pid}/stat"))
            .map_or(true, |stat| stat.contains(") Z "))
    };
    served.wait_until("they are gone", || workers.iter().all(gone));
}
