//! From the start to the end: readiness, failures, stop signals, the port.

mod end;
mod failures;
mod install;
mod log;
mod ping;
mod port;
mod reload;
mod settings;

use serde_json::Value;

use super::rig::{Served, Serving};

/// Waits at the places that a test wants, until a file is there; everything is written down in files beside the model.
const GATED: &str = r#"
import os, time
FOLDER = os.path.dirname(os.environ["SAGEMAKER_BASE_DIR"] + "/")
def gate(name):
    open(FOLDER + "/at-" + name, "a").close()
    while os.path.exists(FOLDER + "/hold-" + name) and not os.path.exists(FOLDER + "/go-" + name):
        time.sleep(0.01)
gate("import")
def model_fn(model_dir):
    gate("model")
def model_warmup_fn(model_dir, model):
    gate("warmup")
def transform_fn(model, body, content_type, accept):
    gate(body.decode())
    return body, "a/b"
"#;

/// A model that is held at these places: `import`, `model`, `warmup`, or the body of a request.
fn held_at(places: &[&str]) -> Serving {
    places
        .iter()
        .fold(Serving::functions(GATED), |serving, place| {
            serving.file(&format!("hold-{place}"), "")
        })
}

/// What `/ping` says beside 503.
#[track_caller]
fn state(served: &Served) -> Value {
    let answer = served.request("GET", "/ping", &[], b"");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let value: Value = serde_json::from_str(&answer.text()).unwrap();
    let keys: Vec<&String> = value.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["status", "reason"]);
    value
}

/// Waits until `/ping` tells this state.
#[track_caller]
fn wait_for_state(served: &Served, wanted: &str) {
    served.wait_until(&format!("/ping says {wanted}"), || {
        let answer = served.request("GET", "/ping", &[], b"");
        answer.text().contains(&format!("\"{wanted}\""))
    });
}

/// Sends a request for the model, and does not wait for its answer.
fn send(served: &Served, body: &str) -> optml_testkit::Client {
    let mut client = served.client();
    client.send(
        format!(
            "POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Type: a/b\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    );
    client
}

/// Ends a process at once.
fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}
