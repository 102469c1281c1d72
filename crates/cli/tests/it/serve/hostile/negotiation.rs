//! What a body is, and what its answer becomes.

use optml_testkit::Response;

use super::error;
use crate::serve::rig::{Served, Serving};

/// Gives back what the default functions made of a body.
fn identity() -> Serving {
    Serving::functions(
        "def model_fn(model_dir): pass\ndef predict_fn(data, model):\n    return data",
    )
}

fn with_type(served: &Served, content_type: &str, body: &[u8]) -> Response {
    served.invoke(content_type, body)
}

fn accepting(served: &Served, accept: &[&str]) -> Response {
    let mut headers = vec![("Content-Type", "application/json")];
    headers.extend(accept.iter().map(|accept| ("Accept", *accept)));
    served.request("POST", "/invocations", &headers, b"[1, 2]")
}

#[test]
fn c04_content_types_that_are_read() {
    let served = identity().ready();
    let latin_1: &[u8] = b"[\"\xe9\"]";
    let utf_16: Vec<u8> = "[1, 2]".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (content_type, body, answer) in [
        ("application/json", b"[1,2]".as_slice(), "[1, 2]"),
        ("APPLICATION/JSON", b"[1,2]", "[1, 2]"),
        ("Application/Json ; Charset=UTF-8", b"[1,2]", "[1, 2]"),
        ("application/json;charset=utf8", b"[1,2]", "[1, 2]"),
        ("application/json; charset=\"utf-8\"", b"[1,2]", "[1, 2]"),
        ("application/json; charset=us-ascii", b"[1,2]", "[1, 2]"),
        (
            "application/json; charset=latin-1",
            latin_1,
            "[\"\\u00e9\"]",
        ),
        ("application/json; charset=utf-16-le", &utf_16, "[1, 2]"),
        (
            "application/json; q=1; verbose; x=\"a;b\"",
            b"[1,2]",
            "[1, 2]",
        ),
        ("application/json;", b"[1,2]", "[1, 2]"),
        ("application/vnd.model+json", b"[1,2]", "[1, 2]"),
        ("application/vnd.model+JSON; v=2", b"[1,2]", "[1, 2]"),
        ("", b"[1,2]", "[1, 2]"),
        ("text/csv", b"1,2", "[1.0, 2.0]"),
        ("TEXT/CSV; header=absent", b"1,2", "[1.0, 2.0]"),
        ("text/csv; charset=latin-1", b"1,2", "[1.0, 2.0]"),
    ] {
        let seen = with_type(&served, content_type, body);
        assert_eq!(
            (seen.status, seen.text().as_str()),
            (200, answer),
            "{content_type}"
        );
    }
}

#[test]
fn c04_a_body_without_a_type_is_json() {
    let served = identity().ready();
    let seen = served.request("POST", "/invocations", &[], b"[1,2]");
    assert_eq!((seen.status, seen.text().as_str()), (200, "[1, 2]"));
}

#[test]
fn c04_content_types_that_nobody_reads_are_415() {
    let served = identity().ready();
    let ten_kib = format!("application/{}", "x".repeat(10 << 10));
    for content_type in [
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "image/png",
        "text/html",
        "application/jsonx",
        "xapplication/json",
        "json",
        "/",
        "application/",
        "*/*",
        "application/json, text/csv",
        &ten_kib,
    ] {
        let seen = with_type(&served, content_type, b"[1,2]");
        let what = &content_type[..content_type.len().min(40)];
        assert_eq!(seen.status, 415, "{what}: {}", seen.text());
        let told = error(&seen);
        assert_eq!(told["type"], "UnsupportedMediaTypeException", "{what}");
        let message = told["message"].as_str().unwrap();
        assert!(message.len() < 500, "{what}: {} bytes", message.len());
        assert!(message.contains("application/json"), "{what}: {message}");
    }
}

/// Some bodies are read in Rust, and others in Python: clients can't tell which.
#[test]
fn c04_a_fault_has_one_type_wherever_it_is_found() {
    let served = identity().ready();
    let bad = (400, "BadRequestException");
    let unsupported = (415, "UnsupportedMediaTypeException");
    for (content_type, body, (status, kind)) in [
        ("application/json", "[1,", bad),
        ("application/json", "[\"a\",", bad),
        ("application/json", "{\"a\": ", bad),
        ("application/json", "[[1], [2, 3]]", bad),
        ("application/json; charset=utf-16-le", "[1, 2", bad),
        ("text/csv", "1,2\n3", bad),
        ("text/csv", "a,b\nc", bad),
        ("application/json; charset=klingon", "[1]", unsupported),
        ("text/csv; charset=klingon", "1", unsupported),
    ] {
        let seen = with_type(&served, content_type, body.as_bytes());
        let what = format!("{body:?} as {content_type}: {}", seen.text());
        assert_eq!(seen.status, status, "{what}");
        assert_eq!(error(&seen)["type"], kind, "{what}");
    }
}

#[test]
fn c04_two_content_types_are_refused() {
    let served = identity().ready();
    let headers = [
        ("Content-Type", "application/json"),
        ("content-type", "application/json"),
    ];
    let seen = served.request("POST", "/invocations", &headers, b"[1,2]");
    assert_eq!(seen.status, 400);
    assert_eq!(error(&seen)["type"], "BadRequestException");
}

#[test]
fn c04_the_type_of_the_answer_is_what_the_client_likes_best() {
    let served = identity().ready();
    let json = "application/json";
    let csv = "text/csv";
    let npy = "application/x-npy";
    let ten_kib = format!("{}, text/csv", "text/x, ".repeat(1250));
    for (accept, content_type) in [
        (&[][..], json),
        (&[""], json),
        (&[" "], json),
        (&[","], json),
        (&["*/*"], json),
        (&["*"], json),
        (&["application/json"], json),
        (&["APPLICATION/JSON"], json),
        (&["text/csv"], csv),
        (&["Text/Csv; charset=utf-8"], csv),
        (&["application/x-npy"], npy),
        (&["application/jsonlines"], "application/jsonlines"),
        (&["application/x-jsonlines"], "application/x-jsonlines"),
        (&["text/csv, application/json"], csv),
        (&["application/json, text/csv"], json),
        (&["text/csv;q=0.9, application/json;q=0.1"], csv),
        (&["text/csv;q=0.1, application/json;q=0.9"], json),
        (&["text/csv ; q=0.1 , application/json ; Q=0.9"], json),
        (&["application/json;q=0, */*"], csv),
        (&["application/json;q=0.1, */*;q=0.9"], csv),
        (&["text/html, */*;q=0.1"], json),
        (&["image/png, text/csv"], csv),
        (&["text/*"], csv),
        (&["application/*"], json),
        (&["application/*;q=0.2, text/*;q=0.4"], csv),
        (&["*/*, text/csv"], json),
        (&["application/json;q=x"], json),
        (&["text/csv;q=2, application/json"], csv),
        (&["text/html", "text/csv"], csv),
        (&["text/csv;q=0.5", "application/json"], json),
        (&[ten_kib.as_str()], csv),
    ] {
        let seen = accepting(&served, accept);
        let what = format!("{:.60}", format!("{accept:?}"));
        assert_eq!(seen.status, 200, "{what}: {}", seen.text());
        assert_eq!(seen.header("content-type"), Some(content_type), "{what}");
        match content_type {
            "application/json" => assert_eq!(seen.text(), "[1, 2]", "{what}"),
            "application/x-npy" => assert!(seen.body.starts_with(b"\x93NUMPY"), "{what}"),
            // One number a line, as CSV and as JSON.
            _ => assert_eq!(seen.text(), "1\n2\n", "{what}"),
        }
    }
}

#[test]
fn c04_types_that_nobody_makes_are_406() {
    let served = identity().ready();
    for accept in [
        "text/html",
        "image/*",
        "*/*;q=0",
        "application/json;q=0",
        "text/csv;q=0, application/json;q=0.000",
        "nonsense",
        "text/html, application/xml;q=0.9",
    ] {
        let seen = accepting(&served, &[accept]);
        assert_eq!(seen.status, 406, "{accept}: {}", seen.text());
        let told = error(&seen);
        assert_eq!(told["type"], "NotAcceptableException");
        let message = told["message"].as_str().unwrap();
        assert!(
            message.contains("application/json") && message.contains("text/csv"),
            "{message}"
        );
    }
}

#[test]
fn c04_the_default_type_can_be_another() {
    let served = identity()
        .variable("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/csv")
        .ready();
    for (accept, content_type) in [
        (&[][..], "text/csv"),
        (&["*/*"], "text/csv"),
        (&["text/html, */*;q=0.5"], "text/csv"),
        (&["application/*"], "application/json"),
    ] {
        let seen = accepting(&served, accept);
        assert_eq!(
            seen.header("content-type"),
            Some(content_type),
            "{accept:?}"
        );
    }
}

#[test]
fn c04_a_type_that_nobody_makes_can_be_overlooked() {
    let served = identity().variable("OPTML_STRICT_TYPES", "off").ready();
    let seen = accepting(&served, &["text/html"]);
    assert_eq!(seen.status, 200);
    assert_eq!(seen.header("content-type"), Some("application/json"));
}

/// Headers are for those who asked for them: nothing of them is decided for functions of the user's.
#[test]
fn c04_user_functions_get_types_as_they_were_sent() {
    let served = Serving::functions(
        "
def model_fn(model_dir): pass
def input_fn(body, content_type):
    return content_type
def predict_fn(data, model):
    return data
def output_fn(prediction, accept):
    return prediction + '|' + accept, 'text/plain'
",
    )
    .ready();
    for (content_type, accept, answer) in [
        (
            "Image/PNG; a=B",
            "text/HTML;q=0.1",
            "Image/PNG; a=B|text/HTML;q=0.1",
        ),
        ("a/b", "*/*", "a/b|application/json"),
        ("a/b", "a/b, */*", "a/b|a/b, */*"),
        ("nonsense", "", "nonsense|application/json"),
    ] {
        let headers = [("Content-Type", content_type), ("Accept", accept)];
        let seen = served.request("POST", "/invocations", &headers, b"x");
        assert_eq!(seen.text(), answer);
    }
    let seen = served.request("POST", "/invocations", &[], b"x");
    assert_eq!(seen.text(), "application/json|application/json");
}
