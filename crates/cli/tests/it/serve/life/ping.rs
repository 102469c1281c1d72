//! `/ping` in every state.

use super::{held_at, kill, send, state, wait_for_state};
use crate::serve::rig::Serving;

#[test]
fn ping_says_that_the_code_is_being_imported() {
    let served = held_at(&["import"]).start();
    served.wait_for_file("at-import");
    assert_eq!(state(&served)["status"], "loading");
    served.touch("go-import");
    served.wait_ready();
}

#[test]
fn ping_says_that_the_model_is_being_loaded() {
    let served = held_at(&["model"]).start();
    served.wait_for_file("at-model");
    assert_eq!(state(&served)["status"], "loading");
    served.touch("go-model");
    served.wait_ready();
    let answer = served.request("GET", "/ping", &[], b"");
    assert_eq!((answer.status, answer.body.len()), (200, 0));
}

#[test]
fn ping_says_that_the_model_is_being_warmed_up() {
    let served = held_at(&["warmup"]).start();
    served.wait_for_file("at-warmup");
    wait_for_state(&served, "warming");
    served.touch("go-warmup");
    served.wait_ready();
}

#[test]
fn requests_before_the_model_is_ready_are_told_so() {
    let served = held_at(&["model"]).start();
    served.wait_for_file("at-model");
    let mut client = served.client();
    for _ in 0..2 {
        let answer = client.request("POST", "/invocations", &[("Content-Type", "a/b")], b"x");
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(answer.text().contains("ModelNotReadyException"));
        assert!(answer.text().contains("loading"));
    }
    served.touch("go-model");
    served.wait_ready();
    assert_eq!(served.invoke("a/b", b"x").status, 200);
}

#[test]
fn ping_is_200_while_one_worker_of_two_is_replaced() {
    let served = held_at(&[]).variable("OPTML_WORKERS", "2").ready();
    served.wait_until("both are there", || served.workers().len() == 2);
    served.proc.stderr_line("worker ready");
    served.proc.stderr_line("worker ready");
    served.touch("hold-model");
    let workers = served.workers();
    kill(workers[0]);
    served.wait_until("another one is started", || {
        let now = served.workers();
        now.len() == 2 && !now.contains(&workers[0])
    });
    assert_eq!(served.ping(), 200);
    assert_eq!(served.invoke("a/b", b"x").status, 200);
    served.touch("go-model");
    served.proc.stderr_line("worker ready");
    assert_eq!(served.ping(), 200);
}

/// With no worker left it is 503 at once; a request that comes now waits for the next one.
#[test]
fn ping_is_503_while_the_only_worker_is_replaced() {
    let served = held_at(&[]).ready();
    served.touch("hold-model");
    kill(served.workers()[0]);
    served.wait_for_ping(503);
    served.wait_until("another one is started", || served.workers().len() == 1);
    assert_eq!(state(&served)["status"], "recovering");
    let mut waiting = send(&served, "x");
    assert_eq!(state(&served)["status"], "recovering");
    served.touch("go-model");
    assert_eq!(waiting.response("POST").status, 200);
    assert_eq!(served.ping(), 200);
}

#[test]
fn ping_says_that_the_server_is_about_to_end() {
    let served = held_at(&["x"]).ready();
    let mut running = send(&served, "x");
    served.wait_for_file("at-x");
    served.proc.signal(rustix::process::Signal::TERM);
    served.wait_for_ping(503);
    assert_eq!(state(&served)["status"], "draining");
    served.touch("go-x");
    assert_eq!(running.response("POST").status, 200);
    assert_eq!(served.proc.wait().code, Some(0));
}

#[test]
fn ping_says_why_the_model_failed_for_as_long_as_is_asked_for() {
    let served = Serving::functions(
        "def model_fn(d):\n    raise ValueError('no weights')\ndef predict_fn(a, b): pass",
    )
    .variable("OPTML_FAIL_EXIT_S", "30")
    .start();
    wait_for_state(&served, "failed");
    let state = state(&served);
    let reason = state["reason"].as_str().unwrap();
    assert!(reason.contains("no weights"), "{reason}");
    let answer = served.invoke("a/b", b"x");
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("failed"), "{}", answer.text());
    // A stop signal ends the wait, and it stays a failure.
    let finished = served.stop();
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.contains("no weights"));
}

#[test]
fn ping_can_be_200_as_soon_as_the_port_is_open() {
    let served = held_at(&["model"])
        .variable("OPTML_PING_COMPAT", "lenient")
        .start();
    assert_eq!(served.ping(), 200);
    served.wait_for_file("at-model");
    assert_eq!(served.ping(), 200);
    assert_eq!(served.invoke("a/b", b"x").status, 503);
}

#[test]
fn ping_uses_what_the_users_own_check_said_last() {
    let served = Serving::functions(
        "
import os
def model_fn(model_dir):
    return os.path.dirname(model_dir)
def transform_fn(folder, body, content_type, accept):
    return body
def ping_fn(context):
    if os.path.exists(context.system_properties.get('model_dir') + '/../ill'):
        raise RuntimeError('the disk is full')
    return True
",
    )
    .variable("OPTML_PING_PERIOD_S", "1")
    .ready();
    served.touch("ill");
    served.wait_for_ping(503);
    let state = state(&served);
    assert_eq!(state["status"], "unhealthy");
    assert!(
        state["reason"]
            .as_str()
            .unwrap()
            .contains("the disk is full")
    );
    std::fs::remove_file(served.path("ill")).unwrap();
    served.wait_ready();
}
