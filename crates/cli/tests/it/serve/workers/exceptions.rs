//! Exceptions of user code, and what the client is told.

use std::collections::BTreeMap;

use super::{OCTETS, Serving, each, error_in, pid_in, transform, wait_until};

/// What each body raises, the status, the type, and the message.
const RAISED: &[(&str, &str, u16, &str, &str)] = &[
    (
        "raise ValueError('bad value')",
        "value",
        500,
        "ValueError",
        "bad value",
    ),
    ("{}['key']", "key", 500, "KeyError", "'key'"),
    (
        "1 / 0",
        "zero",
        500,
        "ZeroDivisionError",
        "division by zero",
    ),
    (
        "raise Carrying(status_code=418, message='short and stout')",
        "status",
        418,
        "Carrying",
        "short and stout",
    ),
    (
        "raise Carrying(status_code=404, detail='no such row')",
        "detail",
        404,
        "Carrying",
        "no such row",
    ),
    (
        "raise Carrying(error_code=413, message='too many rows')",
        "code",
        413,
        "Carrying",
        "too many rows",
    ),
    (
        "raise Carrying(code=409, description='twice')",
        "werkzeug",
        409,
        "Carrying",
        "twice",
    ),
    (
        "raise Carrying(code=409)",
        "code_alone",
        500,
        "Carrying",
        "its text",
    ),
    (
        "raise Carrying(status_code=200, message='fine')",
        "not_an_error",
        500,
        "Carrying",
        "its text",
    ),
    (
        "raise Carrying(status_code='418')",
        "not_a_number",
        500,
        "Carrying",
        "its text",
    ),
    (
        "raise Carrying(status_code=700)",
        "out_of_range",
        500,
        "Carrying",
        "its text",
    ),
    (
        "raise UnsupportedFormatError('xml')",
        "format",
        415,
        "UnsupportedFormatError",
        "xml",
    ),
    (
        "raise NotImplementedError",
        "nothing",
        500,
        "NotImplementedError",
        "",
    ),
    (
        "raise StopIteration('no more')",
        "stop",
        500,
        "StopIteration",
        "no more",
    ),
    ("raise Own('derived')", "base", 500, "Own", "derived"),
    (
        "raise Unspeakable",
        "unspeakable",
        500,
        "Unspeakable",
        "<text of Unspeakable failed with RuntimeError>",
    ),
    (
        "deep()",
        "deep",
        500,
        "RecursionError",
        "maximum recursion depth exceeded",
    ),
    (
        "raise ValueError('l\\u00e4uft \\u20ac \\ud800\\r\\nX-Evil: 1')",
        "text",
        500,
        "ValueError",
        "l\u{e4}uft \u{20ac}",
    ),
    (
        "raise ValueError('x' * 1000000)",
        "long",
        500,
        "ValueError",
        "xxxxxxxxxx",
    ),
];

const CLASSES: &str = "class Carrying(Exception):\n\
    \x20   def __init__(self, **facts): super().__init__('its text'); self.__dict__.update(facts)\n\
    class UnsupportedFormatError(Exception): pass\n\
    class Own(BaseException): pass\n\
    class Unspeakable(Exception):\n    def __str__(self): raise RuntimeError\n\
    def deep(): return deep()\n";

/// A function for each row.
fn raising() -> String {
    let functions = each(RAISED, |_, (statement, name, ..)| {
        format!("def raise_{name}():\n    {statement}\n")
    });
    format!("{CLASSES}{functions}")
}

#[test]
fn h12_each_exception_has_its_status_and_no_traceback() {
    let functions = transform(&format!(
        "{}def transform(body): return str(os.getpid()) if body == b'pid' else globals()['raise_' + body.decode()]()\n",
        raising()
    ));
    let coroutines = Serving::functions(&format!(
        "import os\n{}\
         def model_fn(model_dir): return None\n\
         async def transform_fn(model, body, content_type, accept):\n\
         \x20   return str(os.getpid()) if body == b'pid' else globals()['raise_' + body.decode()]()\n",
        raising().replace(
            "raise StopIteration('no more')",
            "raise StopAsyncIteration('no more')"
        )
    ));
    for (way, serving) in [("functions", functions), ("coroutines", coroutines)] {
        let served = serving.ready();
        let pid = pid_in(&served.invoke(OCTETS, b"pid"));
        for (_, name, status, kind, message) in RAISED {
            let response = served.invoke(OCTETS, name.as_bytes());
            let context = format!(
                "{way}, {name}: {}",
                response.text().chars().take(300).collect::<String>()
            );
            assert_eq!(response.status, *status, "{context}");
            let (found_kind, found_message) = error_in(&response);
            if !(way == "coroutines" && *name == "stop") {
                assert_eq!(found_kind, *kind, "{context}");
            }
            assert!(found_message.starts_with(message), "{context}");
            assert!(!response.text().contains("Traceback"), "{context}");
            assert_eq!(response.header("x-evil"), None, "{context}");
            assert!(response.header("x-request-id").is_some(), "{context}");
        }
        assert_eq!(
            pid_in(&served.invoke(OCTETS, b"pid")),
            pid,
            "{way}: the worker is fine"
        );
    }
}

#[test]
fn h12_the_log_has_the_traceback_under_the_same_id() {
    let served =
        transform("def inner(): raise ValueError('bad value')\ndef transform(body): inner()\n")
            .ready();
    let headers = [("Content-Type", OCTETS), ("X-Request-Id", "abc-123")];
    let response = served.request("POST", "/invocations", &headers, b"x");
    assert_eq!(response.header("x-request-id"), Some("abc-123"));
    let line = served.proc.stderr_line("bad value");
    assert!(line.contains("abc-123"), "{line}");
    served.proc.stderr_line("inference.py\", line");
    served.proc.stderr_line("ValueError: bad value");
}

#[test]
fn the_body_says_as_much_as_it_may() {
    let cases = [
        ("none", "ValueError", ""),
        ("message", "ValueError", "bad value"),
        ("traceback", "ValueError", "Traceback"),
    ];
    for (detail, kind, message) in cases {
        let served = transform("def transform(body): raise ValueError('bad value')\n")
            .variable("OPTML_ERROR_DETAIL", detail)
            .ready();
        let (found_kind, found_message) = error_in(&served.invoke(OCTETS, b"x"));
        assert_eq!(found_kind, kind, "{detail}");
        assert!(
            found_message.starts_with(message),
            "{detail}: {found_message}"
        );
        assert!(
            detail != "none" || found_message.is_empty(),
            "{found_message}"
        );
    }
}

#[test]
fn a_format_error_of_each_stage_has_its_status() {
    let served = Serving::functions(
        "class UnsupportedFormatError(Exception): pass\n\
         def model_fn(model_dir): return None\n\
         def input_fn(body, content_type):\n\
         \x20   if body == b'in': raise UnsupportedFormatError(content_type)\n\
         \x20   return body\n\
         def predict_fn(data, model): return data\n\
         def output_fn(prediction, accept): raise UnsupportedFormatError(accept)\n",
    )
    .ready();
    assert_eq!(served.invoke(OCTETS, b"in").status, 415);
    assert_eq!(served.invoke(OCTETS, b"out").status, 406);
}

/// A worker that can't go on answers once more, and is replaced.
const SPENT: &[(&str, u16, &str)] = &[
    ("raise MemoryError('no room')", 503, "MemoryError"),
    (
        "raise RuntimeError('CUDA out of memory. Tried to allocate 2 GiB')",
        503,
        "RuntimeError",
    ),
    ("sys.exit(3)", 500, "SystemExit"),
    ("raise KeyboardInterrupt", 500, "KeyboardInterrupt"),
];

#[test]
fn f16_a_worker_that_wants_to_end_is_replaced() {
    for (statement, status, kind) in SPENT {
        let served = transform(&format!(
            "def transform(body):\n    if body == b'pid': return str(os.getpid())\n    {statement}\n"
        ))
        .ready();
        let pid = pid_in(&served.invoke(OCTETS, b"pid"));
        let response = served.invoke(OCTETS, b"x");
        assert_eq!(response.status, *status, "{statement}: {}", response.text());
        assert_eq!(error_in(&response).0, *kind, "{statement}");
        assert_ne!(pid_in(&served.invoke(OCTETS, b"pid")), pid, "{statement}");
        wait_until("the old one is gone", || !super::is_alive(pid));
        served.wait_ready();
    }
}

#[test]
fn exceptions_of_frameworks_carry_their_status() {
    let served = transform(
        "from starlette.exceptions import HTTPException\n\
         import werkzeug.exceptions\n\
         def transform(body):\n\
         \x20   if body == b'starlette': raise HTTPException(422, 'not a row')\n\
         \x20   werkzeug.exceptions.abort(409, 'twice')\n",
    )
    .ready();
    let seen: BTreeMap<&str, (u16, String)> = ["starlette", "werkzeug"]
        .into_iter()
        .map(|name| {
            let response = served.invoke(OCTETS, name.as_bytes());
            (name, (response.status, error_in(&response).1))
        })
        .collect();
    assert_eq!(seen["starlette"], (422, "not a row".into()));
    assert_eq!(seen["werkzeug"], (409, "twice".into()));
}
