//! Kind `http`: a program with an HTTP server of its own.

use std::fs;

use optml_testkit::{BodyEnd, Response};

use super::Serving;
use crate::serve::rig::Served;

/// The standard library's server, on a port that is chosen for it.
fn upstream() -> Serving {
    Serving::empty()
        .file("server.py", include_str!("upstream_server.py"))
        .file("well", "")
        .variable("OPTML_HTTP", "python3 server.py {port}")
}

#[track_caller]
fn ask(served: &Served, how: &str, body: &[u8]) -> Response {
    let headers = [("Content-Type", "text/plain"), ("X-How", how)];
    served.request("POST", "/invocations?a=1", &headers, body)
}

#[test]
fn a_program_with_a_server_of_its_own_gets_the_request_and_gives_the_answer() {
    let served = upstream().ready();
    let response = ask(&served, "tell", b"hello");
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("x-hop"), None, "meant for us alone");
    let told: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(told["method"], "POST");
    assert_eq!(told["path"], "/invocations?a=1");
    assert_eq!(told["version"], "HTTP/1.1");
    assert_eq!(told["body"], "hello");
    let header = |name: &str| {
        let headers = told["headers"].as_array().unwrap().iter();
        let mut found = headers.filter(|pair| pair[0] == name);
        let value = found
            .next()
            .map(|pair| pair[1].as_str().unwrap().to_owned());
        assert!(found.next().is_none(), "{name} twice");
        value
    };
    assert_eq!(header("content-type").unwrap(), "text/plain");
    assert_eq!(header("content-length").unwrap(), "5");
    assert_eq!(
        header("x-request-id").as_deref(),
        response.header("x-request-id")
    );
    let response = ask(&served, "teapot", b"");
    assert_eq!(
        (response.status, response.text().as_str()),
        (418, "short and stout")
    );
    let parameters = served.request("GET", "/execution-parameters", &[], b"");
    assert_eq!(parameters.text(), r#"{"MaxPayloadInMB": 5}"#);
    assert_eq!(served.stop().code, Some(0));
}

#[test]
fn bodies_of_every_size_pass_to_such_a_program_and_back() {
    let served = upstream().ready();
    let mut client = served.client();
    for n_bytes in [0, 1, 65_535, 65_536, 262_145, 1 << 20, 20_000_001] {
        let body: Vec<u8> = (0..n_bytes)
            .map(|n: u32| n.to_le_bytes()[0] ^ n.to_le_bytes()[1])
            .collect();
        let response = client.request("POST", "/invocations", &[("X-How", "echo")], &body);
        assert_eq!(
            (response.status, response.end),
            (200, BodyEnd::Complete),
            "{n_bytes} bytes"
        );
        assert!(response.body == body, "{n_bytes} bytes");
    }
    client.send(b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
    assert_eq!(client.response("POST").text(), "abcdefg");
}

#[test]
fn its_stream_passes_piece_by_piece() {
    let served = upstream().ready();
    let mut client = served.client();
    client.send(
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nX-How: stream\r\nContent-Length: 0\r\n\r\n",
    );
    served.touch("gate0");
    assert_eq!(client.head().unwrap().0, 200);
    for n in 0..3 {
        let piece = client.chunk().unwrap().unwrap();
        assert_eq!(piece, format!("data: {n}\n\n").as_bytes());
        served.touch(&format!("gate{}", n + 1));
    }
    assert_eq!(client.chunk().unwrap(), Some(Vec::new()));
}

#[test]
fn its_faults_are_502_or_a_broken_body_and_the_server_goes_on() {
    let served = upstream().variable("OPTML_TIMEOUT_S", "1").ready();
    let mut client = served.client();
    client.send(
        b"POST /invocations HTTP/1.1\r\nHost: test\r\nX-How: cut\r\nContent-Length: 0\r\n\r\n",
    );
    let (status, headers) = client.head().unwrap();
    assert_eq!(status, 200);
    let length = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    assert_eq!(length.unwrap().1, "10000000");
    served.touch("seen");
    assert_eq!(client.rest(), b"only this");
    for (how, status) in [("close", 502), ("garbage", 502), ("sleep", 504)] {
        let response = ask(&served, how, b"x");
        assert_eq!(response.status, status, "{how}: {}", response.text());
        let error: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(error["code"], status, "{how}");
        served.wait_ready();
    }
    assert_eq!(ask(&served, "echo", b"still here").text(), "still here");
    served.proc.stdout_line("up");
    let response = ask(&served, "die", b"x");
    assert_eq!(response.status, 502, "{}", response.text());
    // It was started again, and is there once it is well.
    served.proc.stdout_line("up");
    served.wait_ready();
    assert_eq!(ask(&served, "echo", b"again").text(), "again");
}

#[test]
fn ping_is_what_its_own_health_says() {
    let serving = upstream().variable("OPTML_PING_PERIOD_S", "1");
    fs::remove_file(serving.path().join("well")).unwrap();
    let served = serving.start();
    served.proc.stdout_line("up");
    assert_eq!(served.ping(), 503);
    served.touch("well");
    served.wait_ready();
    fs::remove_file(served.path("well")).unwrap();
    served.wait_for_ping(503);
    served.touch("well");
    served.wait_ready();
}

#[test]
fn its_paths_can_be_other_ones() {
    let served = upstream()
        .variable("OPTML_HTTP_HEALTH", "/v2/health/ready")
        .variable("HEALTH", "/v2/health/ready")
        .variable("OPTML_HTTP_INVOCATIONS", "/v2/infer")
        .ready();
    let told: serde_json::Value = serde_json::from_slice(&ask(&served, "tell", b"").body).unwrap();
    assert_eq!(told["path"], "/v2/infer?a=1");
}

#[test]
fn it_may_listen_on_a_unix_socket() {
    let served = upstream()
        .variable("OPTML_HTTP", "python3 server.py {socket}")
        .ready();
    assert_eq!(ask(&served, "echo", b"by file").text(), "by file");
}

#[test]
fn words_after_two_dashes_are_such_a_program() {
    let served = upstream()
        .without("OPTML_HTTP")
        .words(&["--", "python3", "server.py", "{port}"])
        .ready();
    assert_eq!(ask(&served, "echo", b"words").text(), "words");
}

#[test]
fn flask_s_own_server_is_served_too() {
    let served = Serving::empty()
        .file(
            "app.py",
            "import flask
app = flask.Flask(__name__)

@app.get('/ping')
def ping():
    return ''

@app.post('/invocations')
def invocations():
    return flask.jsonify(sum(flask.request.get_json()))
",
        )
        .variable("OPTML_HTTP", "python3 -m flask --app app run --port {port}")
        .ready();
    for _ in 0..3 {
        let response = served.invoke("application/json", b"[1, 2, 3.5]");
        assert_eq!((response.status, response.text().as_str()), (200, "6.5\n"));
    }
    assert_eq!(served.stop().code, Some(0));
}

#[test]
fn a_program_that_never_listens_ends_the_server_with_the_reason() {
    let finished = Serving::empty()
        .variable("OPTML_HTTP", "sleep 1000")
        .variable("OPTML_LOAD_TIMEOUT_S", "1")
        .fails();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("not ready within 1 s"),
        "{}",
        finished.stderr
    );
    let finished = Serving::empty()
        .variable("OPTML_HTTP", "no-such-program {port}")
        .fails();
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("no-such-program"),
        "{}",
        finished.stderr
    );
}
