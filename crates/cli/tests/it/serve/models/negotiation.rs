//! C-04: which format a body is in, and which one its answer has.

use super::{convert, describing, identity, message, words};

#[test]
fn c04_accept_is_negotiated() {
    const JSON: &str = "application/json";
    let served = identity().ready();
    for (accept, expected) in [
        (None, JSON),
        (Some(""), JSON),
        (Some("*/*"), JSON),
        (Some("text/csv"), "text/csv"),
        (Some("TEXT/CSV"), "text/csv"),
        (Some("text/csv; charset=utf-8"), "text/csv"),
        (Some("text/csv, application/json"), "text/csv"),
        (Some("application/json, text/csv"), JSON),
        (Some("text/csv;q=0.5, application/json;q=0.9"), JSON),
        (Some("text/csv;q=0.9 , */*;q=0.1"), "text/csv"),
        (Some("application/json;q=0, */*"), "text/csv"),
        (Some("text/*;q=0.5, application/x-npy;q=0.1"), "text/csv"),
        (Some("application/x-npy;q=lots"), "application/x-npy"),
        (Some("image/png, */*;q=0.1"), JSON),
        (Some("application/x-ndjson"), "application/x-ndjson"),
        (Some("image/png"), "406"),
        (Some("application/json;q=0"), "406"),
        (Some("gibberish"), "406"),
    ] {
        let mut headers = vec![("Content-Type", JSON)];
        headers.extend(accept.map(|accept| ("Accept", accept)));
        let response = served.request("POST", "/invocations", &headers, b"[1]");
        if let Ok(status) = expected.parse::<u16>() {
            assert_eq!(response.status, status, "{accept:?}: {}", response.text());
            assert!(message(&response.text()).contains("application/x-npy"));
        } else {
            assert_eq!(
                response.header("content-type"),
                Some(expected),
                "{accept:?}"
            );
            assert_eq!(response.status, 200, "{accept:?}");
        }
    }
    let repeated = [("Accept", "image/png"), ("Accept", "text/csv")];
    let response = served.request("POST", "/invocations", &repeated, b"[1]");
    assert_eq!(response.text(), "1\n");
}

#[test]
fn c04_content_types_are_parsed() {
    let served = describing().ready();
    let long = format!("application/json; x={}", "y".repeat(10_000));
    for (content_type, body, expected) in [
        ("", &b"[1]"[..], "int64 (1,) [1]"),
        ("APPLICATION/JSON", b"[1]", "int64 (1,) [1]"),
        ("application/json; charset=UTF-8", b"[1]", "int64 (1,) [1]"),
        (" application/json ;x=\"a;b\"", b"[1]", "int64 (1,) [1]"),
        ("application/vnd.model+json", b"[1]", "int64 (1,) [1]"),
        (&long, b"[1]", "int64 (1,) [1]"),
        (
            "application/json; charset=latin-1",
            b"[\"\xe9\"]",
            "<U1 (1,) ['é']",
        ),
        (
            "text/csv; charset=utf-16le",
            b"1\0,\x002\0",
            "float64 (2,) [1.0, 2.0]",
        ),
        (
            "application/json; charset=utf-8",
            b"[\"\xe9\"]",
            "400 the body is not UTF-8: byte `0xe9` at offset 2",
        ),
        (
            "application/json; charset=klingon",
            b"[1]",
            "415 the charset `klingon` is not known",
        ),
    ] {
        assert_eq!(
            words(&served, content_type, body),
            expected,
            "{content_type}"
        );
    }
    let missing = served.request("POST", "/invocations", &[("Accept", "text/plain")], b"[1]");
    assert_eq!(missing.text(), "int64 (1,) [1]");
    for content_type in [
        "multipart/form-data; boundary=x",
        "application/xml",
        "gibberish",
        "text/html",
    ] {
        let response = served.invoke(content_type, b"[1]");
        assert_eq!(response.status, 415, "{content_type}: {}", response.text());
        let text = message(&response.text());
        assert!(text.contains("`text/csv`"), "supported types in {text}");
    }
    let twice = [
        ("Content-Type", "application/json"),
        ("Content-Type", "text/csv"),
    ];
    let response = served.request("POST", "/invocations", &twice, b"[1]");
    assert_eq!(response.status, 400, "{}", response.text());
}

#[test]
fn another_default_answers_clients_that_name_no_type() {
    let served = identity()
        .variable("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/csv")
        .ready();
    let response = served.invoke("application/json", b"[1.5, 2]");
    assert_eq!(response.header("content-type"), Some("text/csv"));
    assert_eq!(response.text(), "1.5\n2.0\n");
}

#[test]
fn lenient_types_fall_back_to_the_default() {
    let served = identity().variable("OPTML_STRICT_TYPES", "off").ready();
    let response = convert(&served, "application/json", "image/png", b"[1]");
    assert_eq!((response.status, response.text().as_str()), (200, "[1]"));
}
