//! A model that can't be served: what is said, with which exit code, and how soon.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use optml_testkit::Finished;

use crate::serve::rig::Serving;

/// Raised, told, ended: no eight minutes of silence.
#[test]
fn a_model_that_raises_ends_the_server_within_two_seconds() {
    let serving = Serving::functions(
        "
import os
def deeper():
    raise ValueError('the file of weights has 3 bytes')
def model_fn(model_dir):
    open(model_dir + '/raised', 'w').close()
    deeper()
def predict_fn(data, model): pass
",
    );
    let served = serving.start();
    served.wait_for_file("model/raised");
    let raised = fs::metadata(served.path("model/raised")).unwrap();
    let finished = served.proc.wait();
    let took = SystemTime::now()
        .duration_since(raised.modified().unwrap())
        .unwrap();
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(finished.code, Some(1));
    assert_eq!(finished.stdout, "");
    let block = last_block(&finished);
    assert!(
        block.contains("Traceback (most recent call last)"),
        "{block}"
    );
    assert!(
        block.contains("    raise ValueError('the file of weights has 3 bytes')"),
        "{block}"
    );
    assert!(
        block.contains("inference.py\", line 4, in deeper"),
        "{block}"
    );
    assert_eq!(
        block.lines().last(),
        Some(
            "error: load the model: while the model was loaded: ValueError: the file of weights has 3 bytes"
        )
    );
    // What runs is ours alone: nothing of it is in the traceback.
    assert!(!block.contains("optml"), "{block}");
}

/// From the line that says that the model can't be loaded.
fn last_block(finished: &Finished) -> String {
    let text = &finished.stderr;
    let start = text.rfind("the model can't be loaded").expect(text);
    let (_, block) = text[start..].split_once('\n').expect(text);
    block.to_owned()
}

/// One `error:` line at the very end, perhaps with a hint below.
#[track_caller]
fn fails(serving: Serving, code: i32, pieces: &[&str]) {
    let finished = serving.fails();
    assert_eq!(finished.code, Some(code), "{}", finished.stderr);
    let start = finished.stderr.rfind("error: ").expect(&finished.stderr);
    let end = &finished.stderr[start..];
    for piece in pieces {
        assert!(end.contains(piece), "no {piece:?} in {end}");
    }
}

const MODEL: &str = "def model_fn(model_dir): pass\n";
const PREDICT: &str = "def predict_fn(data, model): return data\n";

#[test]
fn code_without_a_model_fn_is_told_what_to_write() {
    fails(
        Serving::functions(PREDICT),
        1,
        &["`inference.py` has no model_fn", "def model_fn(model_dir):"],
    );
}

#[test]
fn code_without_a_predict_fn_is_told_what_to_write() {
    fails(
        Serving::functions(MODEL),
        1,
        &[
            "`inference.py` has no predict_fn",
            "def predict_fn(data, model):",
        ],
    );
}

#[test]
fn no_code_at_all_is_told_so() {
    fails(Serving::empty(), 1, &["no model_fn", "inference.py"]);
}

#[test]
fn a_module_that_is_named_and_not_there_is_told_with_the_folders() {
    fails(
        Serving::functions(MODEL).variable("SAGEMAKER_PROGRAM", "other.py"),
        1,
        &["there is no module `other`", "looked in: ", "model/code"],
    );
}

#[test]
fn a_handler_that_is_not_there_is_told_so() {
    fails(
        Serving::functions(MODEL).words(&["--handler", "nowhere/handler.py"]),
        3,
        &["nowhere/handler.py", "OPTML_HANDLER"],
    );
}

#[test]
fn a_module_of_somebody_else_that_is_missing_is_not_mistaken_for_the_entry() {
    fails(
        Serving::functions("import no_such_package\n"),
        1,
        &[
            "while user code was imported",
            "ModuleNotFoundError",
            "no_such_package",
        ],
    );
}

#[test]
fn code_that_is_no_python_is_told_with_its_line() {
    let finished = Serving::functions("def model_fn(model_dir)\n    pass\n").fails();
    assert_eq!(finished.code, Some(1));
    let block = last_block(&finished);
    assert!(block.contains("inference.py\", line 1"), "{block}");
    assert!(block.contains("SyntaxError"), "{block}");
}

#[test]
fn a_signature_that_can_not_be_called_is_told_before_the_first_request() {
    fails(
        Serving::functions("def model_fn(): pass\ndef predict_fn(data, model): pass\n"),
        1,
        &["model_fn must take (model_dir)", "found model_fn()"],
    );
}

#[test]
fn two_ways_to_answer_are_one_too_many() {
    let source = format!("{MODEL}{PREDICT}def transform_fn(a, b, c, d): pass\n");
    fails(
        Serving::functions(&source),
        1,
        &["transform_fn", "predict_fn"],
    );
}

#[test]
fn code_that_ends_the_process_is_a_failure() {
    for (source, said) in [
        ("import sys\nsys.exit(0)\n", "SystemExit"),
        // Tried five times, as any crash is.
        (
            "import os\ndef model_fn(d): os.kill(os.getpid(), 9)\ndef predict_fn(d, m): pass\n",
            "signal 9",
        ),
    ] {
        let finished = Serving::functions(source).fails();
        assert_eq!(finished.code, Some(1), "{source}: {}", finished.stderr);
        let last = finished.stderr.lines().last().unwrap();
        assert!(last.contains(said), "{last}");
    }
}

#[test]
fn a_load_that_takes_too_long_is_a_failure() {
    let source = format!("import time\ndef model_fn(d): time.sleep(1000)\n{PREDICT}");
    fails(
        Serving::functions(&source)
            .variable("OPTML_LOAD_TIMEOUT_S", "1")
            .variable("OPTML_KILL_GRACE_S", "1"),
        1,
        &["loading took longer than 1 s"],
    );
}

#[test]
fn a_warm_up_that_raises_is_a_failure_unless_it_is_optional() {
    let source = format!(
        "{MODEL}{PREDICT}def model_warmup_fn(model_dir, model):\n    raise KeyError('cold')\n"
    );
    fails(
        Serving::functions(&source),
        1,
        &["during warm-up", "KeyError", "cold"],
    );
    let served = Serving::functions(&source)
        .variable("OPTML_WARMUP_OPTIONAL", "on")
        .ready();
    assert_eq!(served.invoke("text/csv", b"1").status, 200);
}

#[test]
fn no_interpreter_is_told_so() {
    fails(
        Serving::functions(MODEL).variable("PATH", "/nowhere"),
        3,
        &["python", "OPTML_PYTHON"],
    );
}

const RAISES: &str = "
def model_fn(model_dir): pass
def transform_fn(model, body, content_type, accept):
    secret_local = 1
    raise RuntimeError('no luck')
";

#[test]
fn h12_a_traceback_is_for_the_log_and_not_for_clients() {
    let served = Serving::functions(RAISES).ready();
    let answer = served.invoke("a/b", b"x");
    assert_eq!(answer.status, 500);
    let body = answer.text();
    let id = answer.header("x-request-id").unwrap();
    assert_eq!(
        body,
        format!(
            "{{\"code\": 500, \"type\": \"RuntimeError\", \"message\": \"no luck\", \"request_id\": \"{id}\"}}\n"
        )
    );
    let line = served.proc.stderr_line("no luck");
    assert!(line.contains(id), "{line}");
    served.proc.stderr_line("Traceback (most recent call last)");
    served
        .proc
        .stderr_line("inference.py\", line 5, in transform_fn");
    served.proc.stderr_line("raise RuntimeError('no luck')");
}

#[test]
fn h12_how_much_clients_are_told_can_be_chosen() {
    let served = Serving::functions(RAISES)
        .variable("OPTML_ERROR_DETAIL", "traceback")
        .ready();
    let body = served.invoke("a/b", b"x").text();
    assert!(body.contains("line 5, in transform_fn"), "{body}");
    let served = Serving::functions(RAISES)
        .variable("OPTML_ERROR_DETAIL", "none")
        .ready();
    let body = served.invoke("a/b", b"x").text();
    assert!(!body.contains("no luck"), "{body}");
    assert!(body.contains("\"type\": \"RuntimeError\""), "{body}");
    served.proc.stderr_line("no luck");
}

/// The status line has the name of its status, and no word of the exception.
#[test]
fn h12_the_reason_phrase_tells_nothing() {
    use std::io::{Read, Write};
    let served = Serving::functions(RAISES).ready();
    let mut stream = std::net::TcpStream::connect(served.address).unwrap();
    stream
        .write_all(b"POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(
        text.starts_with("HTTP/1.1 500 Internal Server Error\r\n"),
        "{text}"
    );
}
