use super::*;

fn head(path: &str, query: &str, fields: &[(&str, &str)]) -> CallHead {
    let mut pairs = PairBuf::new();
    for (name, value) in fields {
        pairs.push(name.as_bytes(), value.as_bytes()).unwrap();
    }
    CallHead {
        method: b"POST".to_vec(),
        path: path.into(),
        query: query.into(),
        version: (1, 1),
        peer: "10.0.0.7".into(),
        peer_port: 4000,
        content_type: Vec::new(),
        accept: Vec::new(),
        fields: pairs,
    }
}

fn passed_on(head: &CallHead, n_bytes: u64) -> Request<()> {
    let address = Address {
        host: "127.0.0.1:9",
        invocations: "/v1/predict",
    };
    request(head, address, n_bytes, ()).unwrap()
}

fn written(headers: &HeaderMap) -> Vec<String> {
    headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect()
}

#[test]
fn fields_of_one_connection_are_not_passed_on() {
    let head = head(
        "/invocations",
        "",
        &[
            ("Host", "model.example"),
            ("Connection", "keep-alive, X-Private"),
            ("x-private", "1"),
            ("Keep-Alive", "timeout=5"),
            ("TE", "trailers"),
            ("Trailer", "x-sum"),
            ("Transfer-Encoding", "chunked"),
            ("Upgrade", "h2c"),
            ("Proxy-Connection", "close"),
            ("Proxy-Authorization", "Basic eDp5"),
            ("Content-Length", "77"),
            ("Expect", "100-continue"),
            ("Content-Type", "application/json"),
            ("X-Amzn-SageMaker-Custom-Attributes", "a=1"),
            ("Cookie", "a"),
            ("Cookie", "b"),
            ("X-Latin", "caf\u{e9}"),
        ],
    );
    let request = passed_on(&head, 5);
    assert_eq!(
        written(request.headers()),
        [
            "host: 127.0.0.1:9",
            "content-type: application/json",
            "x-amzn-sagemaker-custom-attributes: a=1",
            "cookie: a",
            "cookie: b",
            "x-latin: caf\u{e9}",
            "x-forwarded-for: 10.0.0.7",
            "content-length: 5",
        ]
    );
}

#[test]
fn senders_are_appended() {
    let head = head(
        "/invocations",
        "",
        &[
            ("X-Forwarded-For", "1.1.1.1"),
            ("x-forwarded-for", "2.2.2.2, 3.3.3.3"),
        ],
    );
    let request = passed_on(&head, 0);
    assert_eq!(
        request.headers()["x-forwarded-for"],
        "1.1.1.1, 2.2.2.2, 3.3.3.3, 10.0.0.7"
    );
    assert_eq!(
        request.headers().get_all("x-forwarded-for").iter().count(),
        1
    );
}

#[test]
fn only_what_has_a_body_has_a_length() {
    let mut head = head("/execution-parameters", "", &[]);
    assert_eq!(passed_on(&head, 0).headers()["content-length"], "0");
    head.method = b"GET".to_vec();
    assert!(!passed_on(&head, 0).headers().contains_key("content-length"));
    assert_eq!(passed_on(&head, 3).headers()["content-length"], "3");
}

#[test]
fn invocations_go_to_their_path_and_others_stay() {
    #[track_caller]
    fn check(path: &str, query: &str, expected: &str) {
        let request = passed_on(&head(path, query, &[]), 0);
        assert_eq!(request.uri().to_string(), expected);
    }
    check("/invocations", "", "/v1/predict");
    check("/invocations", "a=1&b=%20", "/v1/predict?a=1&b=%20");
    check("/execution-parameters", "x", "/execution-parameters?x");
    check("/a/../b//c", "", "/a/../b//c");
    check(
        "/invocations",
        "q=\"<1>\"`|^{}\\",
        "/v1/predict?q=%22%3C1%3E%22%60|^{}\\",
    );
}

#[test]
fn a_path_with_a_query_keeps_both() {
    let address = Address {
        host: "localhost",
        invocations: "/run?model=a",
    };
    let head = head("/invocations", "b=2", &[]);
    let request = request(&head, address, 0, ()).unwrap();
    assert_eq!(request.uri().to_string(), "/run?model=a&b=2");
}

#[test]
fn every_visible_character_makes_a_target() {
    for byte in b'!'..=b'~' {
        let text = [b'/', byte];
        target(&text, &[byte]).unwrap();
    }
}

#[test]
fn the_health_question_closes_its_connection() {
    let request = health_request("/ready?deep=1", "localhost", ()).unwrap();
    assert_eq!(request.method(), "GET");
    assert_eq!(request.uri().to_string(), "/ready?deep=1");
    assert_eq!(
        written(request.headers()),
        ["host: localhost", "accept: */*", "connection: close"]
    );
}

#[test]
fn answers_keep_what_is_the_clients() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "text/plain"),
        ("content-length", "3"),
        ("connection", "close, x-hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("server", "test"),
        ("set-cookie", "a"),
        ("set-cookie", "b"),
        ("x-request-id", "not ours"),
    ] {
        headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    let fields = answer_fields(&headers).unwrap();
    let kept: Vec<_> = fields
        .as_pairs()
        .iter()
        .map(|(name, value)| {
            (
                str::from_utf8(name).unwrap(),
                str::from_utf8(value).unwrap(),
            )
        })
        .collect();
    assert_eq!(
        kept,
        [
            ("content-type", "text/plain"),
            ("server", "test"),
            ("set-cookie", "a"),
            ("set-cookie", "b"),
        ]
    );
}
