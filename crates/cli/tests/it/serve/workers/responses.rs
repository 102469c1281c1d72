//! Response headers that user code sets.

use super::{OCTETS, Serving, each, error_in};

/// A header's name and value, as Python writes them, and what it becomes: `None`: 500.
const SET: &[(&str, &str, Option<&str>)] = &[
    ("'X-Good'", "'plain text'", Some("plain text")),
    ("'X-Empty'", "''", Some("")),
    ("'X-Number'", "5", Some("5")),
    ("'X-Tab'", "'a\\tb'", Some("a\tb")),
    ("'X-Line'", "'a\\r\\nX-Evil: 1'", None),
    ("'X-Feed'", "'a\\nX-Evil: 1'", None),
    ("'X-Return'", "'a\\rb'", None),
    ("'X-Null'", "'a\\0b'", None),
    ("'X-Bytes'", "b'a\\r\\nX-Evil: 1'", None),
    ("'X Space'", "'a'", None),
    ("'X-Evil: 1\\r\\nX'", "'a'", None),
    ("''", "'a'", None),
    ("'Content-Type'", "'text/plain\\r\\nX-Evil: 1'", None),
    ("'Connection'", "'close'", None),
    ("'Transfer-Encoding'", "'chunked'", None),
    ("'Content-Length'", "'3'", None),
    ("'Upgrade'", "'h2c'", None),
];

fn setting() -> Serving {
    let mut source = "def model_fn(model_dir): return None\n\
        def transform_fn(model, body, content_type, accept, context):\n\
        \x20   name, value = FIELDS[int(body)]\n\
        \x20   context.set_response_header(0, name, value)\n\
        \x20   return 'ok'\nFIELDS = [\n"
        .to_owned();
    source += &each(SET, |_, (name, value, _)| format!("({name}, {value}),\n"));
    // From here on: what only some of the tests ask for.
    source.push_str(
        "('X-Amzn-SageMaker-Custom-Attributes', 'caf\\u00e9'),\n\
         ('X-Amzn-SageMaker-Custom-Attributes', '\\u20ac \\U0001f600'),\n\
         ('X-Huge', 'x' * 100000),\n('X-Monstrous', 'x' * 10000000),\n\
         ('Content-Type', 'text/\\u20ac'),\n]\n",
    );
    Serving::functions(&source)
}

#[test]
fn h10_headers_that_are_none_are_refused() {
    let served = setting().ready();
    for (i, (name, value, expected)) in SET.iter().enumerate() {
        let mut client = served.client();
        let headers = [("Content-Type", OCTETS)];
        let response = client.request("POST", "/invocations", &headers, i.to_string().as_bytes());
        assert_eq!(response.header("x-evil"), None, "{name}: {value}");
        let at = format!("{name}: {value}: {response:?}");
        if let Some(expected) = expected {
            let found = response.header(name.trim_matches('\''));
            assert_eq!((response.status, found), (200, Some(*expected)), "{at}");
        } else {
            assert_eq!(response.status, 500, "{at}");
            assert_eq!(error_in(&response).0, "InternalServerException", "{at}");
        }
        // Nothing of it is left on the connection.
        assert_eq!(
            client.request("GET", "/ping", &[], b"").status,
            200,
            "{name}: {value}"
        );
    }
}

#[test]
fn b11_headers_that_are_not_ascii_break_nothing() {
    let served = setting().ready();
    for i in [SET.len(), SET.len() + 1, SET.len() + 4] {
        let mut client = served.client();
        let headers = [("Content-Type", OCTETS)];
        let response = client.request("POST", "/invocations", &headers, i.to_string().as_bytes());
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "ok"),
            "{i}: {response:?}"
        );
        assert_eq!(client.request("GET", "/ping", &[], b"").status, 200);
    }
}

#[test]
fn h10_huge_headers_are_answered_and_the_worker_lives() {
    let served = setting().ready();
    let pid = served.workers();
    for i in [SET.len() + 2, SET.len() + 3] {
        let response = served.invoke(OCTETS, i.to_string().as_bytes());
        assert_eq!(response.status, 500, "{:?}", response.text().get(..200));
        error_in(&response);
    }
    assert_eq!(served.invoke(OCTETS, b"0").status, 200);
    assert_eq!(served.workers(), pid);
}

#[test]
fn b11_a_reason_phrase_is_not_user_codes_to_choose() {
    let served = Serving::functions(
        "def model_fn(model_dir): return None\n\
         def transform_fn(model, body, content_type, accept, context):\n\
         \x20   context.set_response_status(418, 'caf\\u00e9 \\u20ac\\r\\nX-Evil: 1', 0)\n\
         \x20   return 'ok'\n",
    )
    .ready();
    let response = served.invoke(OCTETS, b"x");
    assert_eq!((response.status, response.header("x-evil")), (418, None));
    assert_eq!(response.text(), "ok");
}

#[test]
fn b11_statuses_that_there_are_not_are_refused() {
    let served = Serving::functions(
        "def model_fn(model_dir): return None\n\
         def transform_fn(model, body, content_type, accept): return 'ok', 'text/plain', int(body)\n",
    )
    .ready();
    let pid = served.workers();
    for status in ["0", "-1", "99", "101", "1000", "70000", "99999999999"] {
        let response = served.invoke(OCTETS, status.as_bytes());
        assert_eq!(response.status, 500, "{status}: {response:?}");
        error_in(&response);
    }
    for status in [200, 204, 299, 304, 404, 599] {
        let response = served.invoke(OCTETS, status.to_string().as_bytes());
        assert_eq!(response.status, status);
    }
    assert_eq!(served.workers(), pid);
}
