//! `--reload`: for development.

use std::fs;

use crate::serve::rig::{Served, Serving};

fn code(answer: &str) -> String {
    format!(
        "def model_fn(model_dir): pass\ndef transform_fn(model, body, content_type, accept):\n    return '{answer}', 'text/plain'\n"
    )
}

fn change(served: &Served, source: &str) {
    fs::write(served.path("model/code/inference.py"), source).unwrap();
}

#[test]
fn changed_code_is_served_without_a_moment_of_503() {
    let served = Serving::functions(&code("one"))
        .words(&["--reload"])
        .ready();
    assert_eq!(served.invoke("a/b", b"x").text(), "one");
    change(&served, &code("second"));
    served.wait_until("the new code answers", || {
        assert_eq!(served.ping(), 200);
        let answer = served.invoke("a/b", b"x");
        assert_eq!(answer.status, 200);
        answer.text() == "second"
    });
    assert_eq!(served.stop().code, Some(0));
}

#[test]
fn broken_code_is_told_and_the_old_goes_on() {
    let served = Serving::functions(&code("one"))
        .words(&["--reload"])
        .ready();
    change(&served, "this is no python\n");
    served.proc.stderr_line("the old one goes on");
    assert_eq!(served.ping(), 200);
    assert_eq!(served.invoke("a/b", b"x").text(), "one");
    change(&served, &code("third one"));
    served.wait_until("the repaired code answers", || {
        served.invoke("a/b", b"x").text() == "third one"
    });
}

#[test]
fn without_the_flag_code_is_read_once() {
    let served = Serving::functions(&code("one")).ready();
    change(&served, &code("second"));
    let finished = {
        assert_eq!(served.invoke("a/b", b"x").text(), "one");
        served.stop()
    };
    assert!(!finished.stderr.contains("the code has changed"));
}
