//! Routes, methods, headers and errors as the platform and its clients know them.

use super::{echo, error};
use crate::serve::rig::Serving;

#[test]
fn each_route_says_which_methods_it_has() {
    let served = echo().ready();
    let mut client = served.client();
    for (path, allowed, allow) in [
        ("/ping", &["GET", "HEAD", "POST"][..], "GET, HEAD, POST"),
        ("/invocations", &["POST"], "POST"),
        ("/execution-parameters", &["GET", "HEAD"], "GET, HEAD"),
    ] {
        for method in [
            "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW", "get",
        ] {
            let answer = client.request(method, path, &[("Content-Type", "a/b")], b"");
            if allowed.contains(&method) {
                assert_eq!(answer.status, 200, "{method} {path}");
                continue;
            }
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some(allow));
            if method != "HEAD" {
                assert_eq!(error(&answer)["type"], "MethodNotAllowedException");
            }
        }
    }
}

/// Of a model that is served alone nobody asks these.
#[test]
fn h11_the_paths_of_many_models_are_not_there() {
    let served = echo().ready();
    let mut client = served.client();
    for (method, path) in [
        ("GET", "/models"),
        ("POST", "/models"),
        ("GET", "/models/a"),
        ("DELETE", "/models/a"),
        ("POST", "/models/a/invoke"),
        ("POST", "/adapters"),
        ("POST", "/predictions/a"),
        ("GET", "/metrics"),
        ("GET", "/api-description"),
        ("GET", "/invocations-bidirectional-stream"),
    ] {
        let body = br#"{"model_name": "a", "url": "http://127.0.0.1:1/a"}"#;
        let answer = client.request(method, path, &[], body);
        assert_eq!(answer.status, 404, "{method} {path}");
        let message = error(&answer)["message"].to_string();
        assert!(message.contains("/invocations"), "{message}");
    }
}

#[test]
fn a_ping_has_no_body_and_no_more_headers_than_it_needs() {
    let served = echo().ready();
    let answer = served.request("GET", "/ping", &[], b"");
    let names: Vec<&str> = answer
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(answer.header("content-length"), Some("0"));
    for name in &names {
        assert!(
            ["content-type", "content-length", "date"].contains(&&*name.to_ascii_lowercase()),
            "{names:?}"
        );
    }
}

#[test]
fn an_error_leaves_the_connection_open() {
    let served = Serving::functions(
        "def model_fn(d): pass\ndef transform_fn(model, body, content_type, accept):\n    raise KeyError('x')",
    )
    .ready();
    let mut client = served.client();
    for _ in 0..3 {
        for (path, status) in [("/nowhere", 404), ("/execution-parameters", 405)] {
            assert_eq!(client.request("POST", path, &[], b"x").status, status);
        }
        assert_eq!(
            client.request("POST", "/invocations", &[], b"x").status,
            500
        );
    }
}

#[test]
fn http_1_0_gets_an_answer_and_the_end_unless_it_asks_for_more() {
    let served = echo().ready();
    let mut client = served.client();
    client.send(b"GET /ping HTTP/1.0\r\n\r\n");
    assert_eq!(client.response("GET").status, 200);
    assert!(client.is_closed());
    let mut client = served.client();
    for _ in 0..2 {
        client.send(b"GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        let answer = client.response("GET");
        assert_eq!(answer.header("connection"), Some("keep-alive"));
    }
}

#[test]
fn a_client_that_asks_for_the_end_gets_it_after_its_answer() {
    let served = echo().ready();
    let mut client = served.client();
    let headers = [("Connection", "Close"), ("Content-Type", "a/b")];
    let answer = client.request("POST", "/invocations", &headers, b"hello");
    assert_eq!(answer.text(), "hello");
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(client.is_closed());
}

const HEADERS: &str = "
def model_fn(model_dir): pass
def transform_fn(model, body, content_type, accept, context):
    get = context.get_request_header
    context.set_response_header(0, 'X-Amzn-SageMaker-Custom-Attributes', 'back ' + get(0, 'x-amzn-sagemaker-CUSTOM-attributes'))
    return '|'.join([content_type, accept, str(get(0, 'X-Amzn-SageMaker-Inference-Id')), str(get(0, 'x-nothing'))]), 'text/plain'
";

#[test]
fn user_code_sees_the_headers_of_the_platform_and_answers_with_its_own() {
    let served = Serving::functions(HEADERS).ready();
    let headers = [
        ("Content-Type", "Application/X; a=B"),
        ("Accept", "text/html;q=0.5, */*"),
        ("X-Amzn-SageMaker-Custom-Attributes", "c000b4f9"),
        ("X-Amzn-SageMaker-Inference-Id", "id-1"),
    ];
    let answer = served.request("POST", "/invocations", &headers, b"x");
    assert_eq!(
        answer.text(),
        "Application/X; a=B|text/html;q=0.5, */*|id-1|None"
    );
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    assert_eq!(
        answer.header("x-amzn-sagemaker-custom-attributes"),
        Some("back c000b4f9")
    );
}

#[test]
fn a_request_has_a_name_of_its_own_or_that_of_its_client() {
    let served = echo().ready();
    let mut client = served.client();
    let mut id_for = |given: Option<&str>| {
        let mut headers = vec![("Content-Type", "a/b")];
        headers.extend(given.map(|given| ("X-Request-Id", given)));
        let answer = client.request("POST", "/invocations", &headers, b"x");
        answer.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(id_for(Some("mine-1")), "mine-1");
    let own = [id_for(None), id_for(None), id_for(Some("with blank"))];
    assert!(own[0] != own[1] && own[1] != own[2], "{own:?}");
    assert_ne!(id_for(Some(&"x".repeat(2000))).len(), 2000);
}

const RAISES: &str = "
class Teapot(Exception):
    status_code = 418
class Coded(Exception):
    error_code = 422
class Odd(Exception):
    status_code = 99
def model_fn(model_dir): pass
def transform_fn(model, body, content_type, accept):
    kind = body.decode()
    if kind == 'teapot': raise Teapot('short\\nand stout')
    if kind == 'coded': raise Coded('no')
    if kind == 'odd': raise Odd('odd')
    raise ValueError('bad value \\u00e9 \"quoted\"')
";

#[test]
fn an_exception_is_told_by_its_name_and_message() {
    let served = Serving::functions(RAISES).ready();
    let mut client = served.client();
    for (body, status, kind, message) in [
        ("teapot", 418, "Teapot", "short\nand stout"),
        ("coded", 422, "Coded", "no"),
        ("odd", 500, "Odd", "odd"),
        ("", 500, "ValueError", "bad value \u{e9} \"quoted\""),
    ] {
        let headers = [("Content-Type", "a/b")];
        let answer = client.request("POST", "/invocations", &headers, body.as_bytes());
        assert_eq!(answer.status, status, "{}", answer.text());
        let told = error(&answer);
        assert_eq!(
            (&told["type"], &told["message"]),
            (&kind.into(), &message.into())
        );
    }
}

#[test]
fn execution_parameters_are_answered_always() {
    let served = echo()
        .variable("OPTML_WORKERS", "2")
        .variable("OPTML_MAX_BODY_MB", "7")
        .ready();
    let answer = served.request("GET", "/execution-parameters", &[], b"");
    assert_eq!(
        answer.text(),
        r#"{"MaxConcurrentTransforms": 2, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 7}"#
    );
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

/// The platform refuses a product above 100.
#[test]
fn execution_parameters_keep_the_platforms_bound() {
    let served = echo()
        .variable("OPTML_WORKERS", "3")
        .variable("OPTML_MAX_BODY_MB", "90")
        .start();
    let answer = served.request("GET", "/execution-parameters", &[], b"");
    assert!(answer.text().ends_with("\"MaxPayloadInMB\": 33}"));
}

#[test]
fn execution_parameters_can_be_the_users() {
    for result in [
        "{'MaxConcurrentTransforms': 5}",
        "'{\"MaxConcurrentTransforms\":5}'",
    ] {
        let served = Serving::functions(&format!(
            "def model_fn(d): pass\ndef transform_fn(a, b, c, d): pass\ndef execution_parameters_fn():\n    return {result}"
        ))
        .ready();
        let answer = served.request("GET", "/execution-parameters", &[], b"");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let value: serde_json::Value = serde_json::from_str(&answer.text()).unwrap();
        assert_eq!(value["MaxConcurrentTransforms"], 5);
    }
}
