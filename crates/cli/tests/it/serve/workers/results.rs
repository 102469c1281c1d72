//! What functions receive, and what they may return.

use super::{OCTETS, Serving, each, error_in, transform};

/// What is returned, and the answer: status, type, body.
const RETURNED: &[(&str, u16, Option<&str>, &str)] = &[
    ("b'bytes'", 200, Some("application/json"), "bytes"),
    (
        "bytearray(b'array')",
        200,
        Some("application/json"),
        "array",
    ),
    (
        "memoryview(b'view')[1:]",
        200,
        Some("application/json"),
        "iew",
    ),
    ("'t\\u00e9xt'", 200, Some("application/json"), "t\u{e9}xt"),
    ("None", 200, None, ""),
    (
        "{'a': [1, 2.5, None]}",
        200,
        Some("application/json"),
        "{\"a\":[1,2.5,null]}",
    ),
    ("[1, 2]", 200, Some("application/json"), "[1,2]"),
    ("3", 200, Some("application/json"), "3"),
    ("('a,b', 'text/csv')", 200, Some("text/csv"), "a,b"),
    (
        "('body', 'text/plain; charset=utf-8')",
        200,
        Some("text/plain; charset=utf-8"),
        "body",
    ),
    ("(b'', None)", 200, Some("application/json"), ""),
    (
        "({'a': 1}, 'application/json', 201)",
        201,
        Some("application/json"),
        "{\"a\":1}",
    ),
    ("('no', 'text/plain', 422)", 422, Some("text/plain"), "no"),
    (
        "Response(data='d', status=202, mimetype='text/html')",
        202,
        Some("text/html"),
        "d",
    ),
    (
        "Response(body=b'b', status_code=203, headers={'Content-Type': 'image/png'})",
        203,
        Some("image/png"),
        "b",
    ),
    (
        "numpy.array([1.5, 2])",
        200,
        Some("application/json"),
        "[1.5, 2.0]",
    ),
];

#[test]
fn results_of_all_kinds() {
    let mut source = "import numpy\n\
        class Response:\n    def __init__(self, **facts): self.__dict__.update(facts)\n\
        def transform(body): return RESULTS[int(body)]()\nRESULTS = [\n"
        .to_owned();
    source += &each(RETURNED, |_, (result, ..)| format!("lambda: {result},\n"));
    source += "]\n";
    let served = transform(&source).ready();
    for (i, (result, status, kind, body)) in RETURNED.iter().enumerate() {
        let response = served.invoke(OCTETS, i.to_string().as_bytes());
        let found = (
            response.status,
            response.header("content-type"),
            response.text(),
        );
        assert_eq!(found, (*status, *kind, (*body).to_owned()), "{result}");
    }
}

#[test]
fn a_result_that_cannot_be_sent_is_named() {
    let served = transform("class Frame: pass\ndef transform(body): return Frame()\n").ready();
    let response = served.invoke(OCTETS, b"x");
    assert_eq!(response.status, 500);
    assert!(
        error_in(&response).1.contains("Frame"),
        "{}",
        response.text()
    );
}

#[test]
fn bodies_are_text_where_they_are_text() {
    let served = Serving::functions(
        "def model_fn(model_dir): return None\n\
         def transform_fn(model, body, content_type, accept):\n\
         \x20   return '%s|%r|%s|%s' % (type(body).__name__, body, content_type, accept)\n",
    )
    .ready();
    let cases: &[(Option<&str>, &[u8], u16, &str)] = &[
        (
            Some("application/json"),
            b"{\"a\": 1}",
            200,
            "str|'{\"a\": 1}'|application/json",
        ),
        (
            Some("Application/JSON; charset=utf-8"),
            "\u{e9}".as_bytes(),
            200,
            "str|'\u{e9}'|Application/JSON; charset=utf-8",
        ),
        (Some("text/csv"), b"1,2\n", 200, "str|'1,2\\n'|text/csv"),
        (
            Some(OCTETS),
            b"\xff\x00",
            200,
            "bytes|b'\\xff\\x00'|application/octet-stream",
        ),
        (Some("image/png"), b"", 200, "bytes|b''|image/png"),
        (None, b"[1]", 200, "str|'[1]'|application/json"),
        (Some("application/json"), b"\xff", 400, ""),
    ];
    for (content_type, body, status, expected) in cases {
        let headers: Vec<_> = content_type
            .map(|value| ("Content-Type", value))
            .into_iter()
            .collect();
        let response = served.request("POST", "/invocations", &headers, body);
        assert_eq!(response.status, *status, "{content_type:?}");
        if *status == 200 {
            assert_eq!(response.text(), format!("{expected}|application/json"));
        }
    }
    for (accept, seen) in [
        (
            Some("text/csv, application/json;q=0.5"),
            "text/csv, application/json;q=0.5",
        ),
        (Some("*/*"), "application/json"),
        (None, "application/json"),
    ] {
        let mut headers = vec![("Content-Type", OCTETS)];
        headers.extend(accept.map(|value| ("Accept", value)));
        let response = served.request("POST", "/invocations", &headers, b"");
        assert!(
            response.text().ends_with(&format!("|{seen}")),
            "{}",
            response.text()
        );
    }
}

#[test]
fn the_context_has_what_the_references_has() {
    let served = Serving::functions(
        "import json\n\
         def model_fn(model_dir): return None\n\
         def transform_fn(model, body, content_type, accept, context):\n\
         \x20   processor = context.request_processor[0]\n\
         \x20   headers = context.get_all_request_header(0)\n\
         \x20   context.metrics.add_counter('Rows', 3)\n\
         \x20   context.metrics.add_time('Predict', 1.5)\n\
         \x20   context.set_response_status(201, 'Made up', 0)\n\
         \x20   context.set_response_header(0, 'X-Amzn-SageMaker-Custom-Attributes', 'a=1')\n\
         \x20   processor.add_response_property('X-Other', 'two')\n\
         \x20   return json.dumps({\n\
         \x20       'properties': sorted(context.system_properties),\n\
         \x20       'gpu': context.system_properties['gpu_id'],\n\
         \x20       'batch': context.system_properties['batch_size'],\n\
         \x20       'name': context.model_name,\n\
         \x20       'any case': [headers['x-CUSTOM'], headers.get('X-custom'), 'x-custom' in headers,\n\
         \x20                    context.get_request_header(0, 'X-CUSTOM'), processor.get_request_property('x-custom')],\n\
         \x20       'as it came': [name for name in headers if name.lower() == 'x-custom'],\n\
         \x20       'missing': headers.get('X-None'),\n\
         \x20       'id': context.get_request_id(),\n\
         \x20   })\n",
    )
    .ready();
    let headers = [
        ("Content-Type", OCTETS),
        ("X-CusTom", "v"),
        ("X-Request-Id", "id-1"),
    ];
    let response = served.request("POST", "/invocations", &headers, b"x");
    assert_eq!(response.status, 201, "{}", response.text());
    assert_eq!(
        response.header("x-amzn-sagemaker-custom-attributes"),
        Some("a=1")
    );
    assert_eq!(response.header("x-other"), Some("two"));
    let seen: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    let expected = serde_json::json!({
        "properties": ["batch_size", "gpu_id", "model_dir", "server_name", "server_version"],
        "gpu": null,
        "batch": 1,
        "name": "model",
        "any case": ["v", "v", true, "v", "v"],
        "as it came": ["X-CusTom"],
        "missing": null,
        "id": "id-1",
    });
    assert_eq!(seen, expected);
    let metric: serde_json::Value = serde_json::from_str(&served.proc.stdout_line("Rows")).unwrap();
    assert_eq!(metric["Rows"], 3);
    assert_eq!(
        metric["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"],
        "Rows"
    );
    served.proc.stdout_line("Predict");
}

#[test]
fn what_one_request_sets_is_not_the_next_ones() {
    let served = Serving::functions(
        "def model_fn(model_dir): return None\n\
         def transform_fn(model, body, content_type, accept, context):\n\
         \x20   if body == b'set':\n\
         \x20       context.set_response_status(418)\n\
         \x20       context.set_response_header(0, 'X-Mine', 'yes')\n\
         \x20   return body\n",
    )
    .ready();
    assert_eq!(served.invoke(OCTETS, b"set").status, 418);
    let next = served.invoke(OCTETS, b"x");
    assert_eq!((next.status, next.header("x-mine")), (200, None));
}
