//! What the first generation of servers answered, byte for byte, and what we answer.
//!
//! Each row is equal, or says why it is not: clients of the old servers find here whatever may surprise them.

use optml_testkit::Response;

use crate::serve::rig::{Served, Serving};

/// An answer, as far as clients act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Answer {
    status: u16,
    content_type: Option<&'static str>,
    allow: Option<&'static str>,
    body: Body,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    Bytes(&'static [u8]),
    /// A page for browsers.
    Html,
    /// One line of JSON, with keys of the first generation's: the traceback among them.
    OldError,
    /// One line of JSON, with keys of ours.
    Error,
}

use Body::{Bytes, Error, Html, OldError};

struct Row {
    request: (
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str)],
        &'static [u8],
    ),
    then: Answer,
    now: Answer,
    /// Why they are not equal.
    difference: Option<&'static str>,
}

const HTML: Option<&str> = Some("text/html; charset=utf-8");
const JSON: Option<&str> = Some("application/json");

const fn answer(status: u16, content_type: Option<&'static str>, body: Body) -> Answer {
    Answer {
        status,
        content_type,
        allow: None,
        body,
    }
}

const fn no_method(allow: &'static str, body: Body) -> Answer {
    let content_type = match body {
        Html => HTML,
        _ => JSON,
    };
    Answer {
        allow: Some(allow),
        ..answer(405, content_type, body)
    }
}

const fn equal(
    request: (
        &'static str,
        &'static str,
        &'static [(&'static str, &'static str)],
        &'static [u8],
    ),
    both: Answer,
) -> Row {
    Row {
        request,
        then: both,
        now: both,
        difference: None,
    }
}

const NPY: &[u8] = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }                                                            \n\0\0\0\0\0\0\xf0?\0\0\0\0\0\0\x04@\0\0\0\0\0\0\x08@";

const TYPE_JSON: (&str, &str) = ("Content-Type", "application/json");

const ROWS: &[Row] = &[
    equal(("GET", "/ping", &[], b""), answer(200, JSON, Bytes(b""))),
    equal(("HEAD", "/ping", &[], b""), answer(200, JSON, Bytes(b""))),
    Row {
        request: ("POST", "/ping", &[], b""),
        then: no_method("OPTIONS, HEAD, GET", Html),
        now: answer(200, JSON, Bytes(b"")),
        difference: Some("the platform's documentation has servers accept POST on both paths"),
    },
    Row {
        request: ("GET", "/invocations", &[], b""),
        then: no_method("POST, OPTIONS", Html),
        now: no_method("POST", Error),
        difference: Some("OPTIONS is served nowhere; errors are JSON"),
    },
    equal(
        ("POST", "/invocations", &[TYPE_JSON], b"[1,2]"),
        answer(200, JSON, Bytes(b"[1, 2]")),
    ),
    equal(
        ("POST", "/invocations", &[], b"[1,2]"),
        answer(200, JSON, Bytes(b"[1, 2]")),
    ),
    Row {
        request: (
            "POST",
            "/invocations",
            &[("Content-Type", "application/json; charset=utf-8")],
            b"[1,2]",
        ),
        then: answer(415, JSON, OldError),
        now: answer(200, JSON, Bytes(b"[1, 2]")),
        difference: Some("parameters of a type do not make it another one"),
    },
    Row {
        request: (
            "POST",
            "/invocations",
            &[("Content-Type", "text/csv"), ("Accept", "text/csv")],
            b"1,2\n3,4",
        ),
        then: answer(
            200,
            Some("text/csv; charset=utf-8"),
            Bytes(b"1.0,2.0\n3.0,4.0\n"),
        ),
        now: answer(200, Some("text/csv"), Bytes(b"1.0,2.0\n3.0,4.0\n")),
        difference: Some("no charset is added: the next container in a pipeline compares types"),
    },
    Row {
        request: (
            "POST",
            "/invocations",
            &[TYPE_JSON, ("Accept", "text/csv, application/json")],
            b"[1,2]",
        ),
        then: answer(406, JSON, OldError),
        now: answer(200, Some("text/csv"), Bytes(b"1\n2\n")),
        difference: Some("a list is a list, and its first type is made"),
    },
    equal(
        (
            "POST",
            "/invocations",
            &[TYPE_JSON, ("Accept", "application/x-npy")],
            b"[1.0, 2.5, 3.0]",
        ),
        answer(200, Some("application/x-npy"), Bytes(NPY)),
    ),
    Row {
        request: ("POST", "/invocations", &[TYPE_JSON], b"[1,"),
        then: answer(500, HTML, Html),
        now: answer(400, JSON, Error),
        difference: Some("a malformed body is the client's fault, and the answer says where"),
    },
    Row {
        request: ("POST", "/invocations", &[TYPE_JSON], b"[\xff]"),
        then: answer(500, HTML, Html),
        now: answer(400, JSON, Error),
        difference: Some("a malformed body is the client's fault, and the answer says where"),
    },
    Row {
        request: ("GET", "/execution-parameters", &[], b""),
        then: answer(404, HTML, Html),
        now: answer(
            200,
            JSON,
            Bytes(br#"{"MaxConcurrentTransforms": 1, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 100}"#),
        ),
        difference: Some("what batch transform may do is known without the user's help"),
    },
];

/// Rows of a model with functions for what they are about.
const OTHER_ROWS: &[Row] = &[
    Row {
        request: ("POST", "/invocations", &[TYPE_JSON], b"[1,2]"),
        then: answer(200, Some("text/plain; charset=utf-8"), Bytes(b"body")),
        now: answer(200, Some("text/plain"), Bytes(b"body")),
        difference: Some("no charset is added: the next container in a pipeline compares types"),
    },
    Row {
        request: ("GET", "/execution-parameters", &[], b""),
        then: answer(200, HTML, Bytes(b"{\"BatchStrategy\": \"SINGLE_RECORD\"}")),
        now: answer(200, JSON, Bytes(b"{\"BatchStrategy\": \"SINGLE_RECORD\"}")),
        difference: Some("it is JSON, and no page"),
    },
];

#[test]
fn the_first_generations_answers_are_ours_but_for_named_differences() {
    let served = Serving::functions(
        "def model_fn(model_dir): pass\ndef predict_fn(data, model):\n    return data",
    )
    .ready();
    check(&served, ROWS);
}

#[test]
fn the_first_generations_answers_to_user_functions_are_ours_but_for_named_differences() {
    let served = Serving::functions(
        "
def model_fn(model_dir): pass
def predict_fn(data, model): pass
def output_fn(prediction, accept):
    return 'body', 'text/plain'
def execution_parameters_fn():
    return '{\"BatchStrategy\": \"SINGLE_RECORD\"}'
",
    )
    .ready();
    check(&served, OTHER_ROWS);
}

#[track_caller]
fn check(served: &Served, rows: &[Row]) {
    for row in rows {
        let (method, path, headers, body) = row.request;
        let what = format!("{method} {path} {headers:?} {}", body.escape_ascii());
        let seen = served.request(method, path, headers, body);
        assert_answer(&seen, &row.now, &what);
        assert_eq!(
            row.then != row.now,
            row.difference.is_some(),
            "{what}: a difference has a reason"
        );
    }
}

#[track_caller]
fn assert_answer(seen: &Response, wanted: &Answer, what: &str) {
    assert_eq!(seen.status, wanted.status, "{what}: {}", seen.text());
    assert_eq!(seen.header("content-type"), wanted.content_type, "{what}");
    assert_eq!(seen.header("allow"), wanted.allow, "{what}");
    match wanted.body {
        Bytes(bytes) => assert_eq!(
            seen.body.escape_ascii().to_string(),
            bytes.escape_ascii().to_string(),
            "{what}"
        ),
        Error => {
            super::error(seen);
        }
        Html | OldError => unreachable!("that is not how we answer"),
    }
}
