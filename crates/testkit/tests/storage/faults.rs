//! Each fault of the proxy, in front of a real S3.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Instant,
};

use optml_testkit::{Action, BodyEnd, Client, FaultProxy, Response, Rule, S3};

use crate::{LIMIT, address, bytes, connect};

const SIZE_BYTES: usize = 300_000;

/// An S3 with one object, `/bucket/key`, and a proxy in front.
fn start(rules: Vec<Rule>) -> (S3, FaultProxy) {
    let s3 = S3::start();
    s3.make_bucket("bucket");
    s3.put("bucket", "key", &bytes(SIZE_BYTES));
    let proxy = FaultProxy::start(&s3.endpoint(), rules);
    (s3, proxy)
}

fn once(action: Action) -> Rule {
    Rule::new(action).once()
}

fn ask(client: &mut Client, method: &str) -> Response {
    client.request(method, "/bucket/key", &[crate::SIGNED], b"")
}

#[test]
fn answers_of_its_own_keep_the_connection() {
    let (_s3, proxy) = start(vec![
        once(Action::Status {
            status: 418,
            body: b"tea".to_vec(),
            headers: vec![(
                "Date".to_owned(),
                "Thu, 01 Jan 1970 00:00:00 GMT".to_owned(),
            )],
        }),
        once(Action::slow_down()),
        once(Action::OkWithError("InternalError".to_owned())),
        once(Action::Redirect {
            region: "eu-west-1".to_owned(),
            location: Some("http://elsewhere.test/".to_owned()),
        }),
        once(Action::error(403, "RequestTimeTooSkewed")).method("HEAD"),
    ]);
    let mut client = connect(&proxy.endpoint());

    let answer = client.request("PUT", "/bucket/other", &[], &bytes(100_000));
    assert_eq!((answer.status, answer.body.as_slice()), (418, &b"tea"[..]));
    assert_eq!(answer.header("date"), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
    assert_eq!(proxy.requests()[0].n_body_bytes, 100_000);

    let answer = ask(&mut client, "GET");
    assert_eq!(answer.status, 503);
    assert!(
        answer.text().contains("<Error><Code>SlowDown</Code>"),
        "{}",
        answer.text()
    );

    let answer = ask(&mut client, "GET");
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("<Code>InternalError</Code>"));

    let answer = ask(&mut client, "GET");
    assert_eq!(answer.status, 301);
    assert_eq!(answer.header("x-amz-bucket-region"), Some("eu-west-1"));
    assert_eq!(answer.header("location"), Some("http://elsewhere.test/"));
    assert!(answer.text().contains("<Code>PermanentRedirect</Code>"));

    assert_eq!(ask(&mut client, "HEAD").status, 403);
    let answer = ask(&mut client, "HEAD");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-length"), Some("300000"));
    let answer = ask(&mut client, "GET");
    assert!(answer.body == bytes(SIZE_BYTES) && answer.end == BodyEnd::Complete);
    let statuses: Vec<_> = proxy
        .requests()
        .iter()
        .filter_map(|seen| seen.status)
        .collect();
    assert_eq!(statuses, [418, 503, 200, 301, 403, 200, 200]);
    // All that on one connection.
    assert_eq!(proxy.n_open_connections(), 1);
}

#[test]
fn bodies_are_broken_as_asked() {
    let (s3, proxy) = start(vec![
        once(Action::ShortBody(1_000)),
        once(Action::ResetAfter(1_000)),
        once(Action::WrongLength(SIZE_BYTES as u64 + 1)),
        once(Action::WrongLength(10)),
        once(Action::CorruptBody),
        once(Action::header("ETag", Some("\"other\""))),
        once(Action::header("ETag", None)),
        once(Action::ResetBeforeAnswer).method("PUT"),
    ]);
    let endpoint = proxy.endpoint();

    let answer = ask(&mut connect(&endpoint), "GET");
    assert_eq!((answer.body.len(), answer.end), (1_000, BodyEnd::Broken));
    assert_eq!(answer.header("content-length"), Some("300000"));

    let mut client = connect(&endpoint);
    let (name, value) = crate::SIGNED;
    let lines = format!("GET /bucket/key HTTP/1.1\r\nHost: test\r\n{name}: {value}\r\n\r\n");
    client.send(lines.as_bytes());
    let error = client.try_response("GET").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

    let answer = ask(&mut connect(&endpoint), "GET");
    assert_eq!(
        (answer.body.len(), answer.end),
        (SIZE_BYTES, BodyEnd::Broken)
    );

    let mut client = connect(&endpoint);
    let answer = ask(&mut client, "GET");
    assert_eq!((answer.body.len(), answer.end), (10, BodyEnd::Complete));
    assert_eq!(client.rest().len(), SIZE_BYTES - 10);

    let mut client = connect(&endpoint);
    let answer = ask(&mut client, "GET");
    let whole = bytes(SIZE_BYTES);
    let differing: Vec<_> = (0..SIZE_BYTES)
        .filter(|n| answer.body[*n] != whole[*n])
        .collect();
    assert_eq!(differing, [SIZE_BYTES / 2]);

    assert_eq!(ask(&mut client, "GET").header("etag"), Some("\"other\""));
    assert_eq!(ask(&mut client, "GET").header("etag"), None);
    assert!(ask(&mut client, "GET").header("etag").is_some());

    client.send(b"PUT /bucket/lost HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nlost");
    let error = client.try_response("PUT").unwrap_err();
    assert!(
        matches!(
            error.kind(),
            std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::UnexpectedEof
        ),
        "{error}"
    );
    // Only the answer was lost.
    assert_eq!(s3.get("bucket", "lost").as_deref(), Some(&b"lost"[..]));
}

#[test]
fn what_waits_goes_on_or_ends() {
    let (s3, proxy) = start(vec![
        Rule::new(Action::HoldRequestBody(1_000)).path("/held"),
        Rule::new(Action::Stall).path("/stalled"),
        Rule::new(Action::Slow(1_000_000)).path("/key"),
    ]);

    let begin = Instant::now();
    let answer = ask(&mut connect(&proxy.endpoint()), "GET");
    assert!(answer.body == bytes(SIZE_BYTES));
    let took = begin.elapsed().as_millis();
    assert!((250..5_000).contains(&took), "{took} ms");

    let mut client = connect(&proxy.endpoint());
    client.send(b"PUT /bucket/held HTTP/1.1\r\nHost: test\r\nContent-Length: 200000\r\n\r\n");
    client.send(&bytes(200_000));
    let held = proxy.wait_for(
        |seen| seen.target.ends_with("/held") && seen.n_body_bytes > 0,
        LIMIT,
    );
    assert_eq!((held.n_body_bytes, held.status), (1_000, None));
    assert_eq!(s3.get("bucket", "held"), None);
    proxy.release();
    assert_eq!(client.response("PUT").status, 200);
    assert!(s3.get("bucket", "held") == Some(bytes(200_000)));
    drop(client);

    // Whoever leaves is not waited for.
    let mut client = connect(&proxy.endpoint());
    client.send(b"GET /bucket/stalled HTTP/1.1\r\nHost: test\r\n\r\n");
    proxy.wait_for(|seen| seen.target.ends_with("/stalled"), LIMIT);
    assert_eq!(proxy.n_open_connections(), 1);
    drop(client);
    proxy.wait_for_open_connections(0, LIMIT);
    assert_eq!(proxy.n_open_connections(), 0);

    // And nobody waits for a proxy that is gone.
    let mut stalled = connect(&proxy.endpoint());
    stalled.send(b"GET /bucket/stalled HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut idle = connect(&proxy.endpoint());
    let mut held = connect(&proxy.endpoint());
    held.send(b"PUT /bucket/held HTTP/1.1\r\nHost: test\r\nContent-Length: 200000\r\n\r\n");
    held.send(&bytes(2_000));
    proxy.wait_for(|seen| seen.n_body_bytes == 1_000, LIMIT);
    drop(proxy);
    assert_eq!(stalled.rest(), b"");
    assert_eq!(held.rest(), b"");
    assert!(idle.is_closed());
}

#[test]
fn rules_have_their_turns() {
    let (_s3, proxy) = start(vec![
        Rule::new(Action::error(500, "InternalError"))
            .method("GET")
            .path("/key")
            .skip(1)
            .times(2),
        Rule::new(Action::slow_down()).query("list-type=2"),
    ]);
    let mut client = connect(&proxy.endpoint());
    let statuses: Vec<_> = (0..4).map(|_| ask(&mut client, "GET").status).collect();
    assert_eq!(statuses, [200, 500, 500, 200]);
    assert_eq!(ask(&mut client, "HEAD").status, 200);
    for _ in 0..2 {
        let answer = client.request("GET", "/bucket?list-type=2", &[], b"");
        assert_eq!(answer.status, 503);
    }
    proxy.add(Rule::new(Action::error(403, "ExpiredToken")));
    assert_eq!(ask(&mut client, "GET").status, 403);
    assert_eq!(proxy.requests().len(), 8);
}

#[test]
fn chunks_pass_both_ways() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_until(&mut stream, b"0\r\n\r\n");
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
            .unwrap();
        // The second one ends with its connection.
        let (mut stream, _) = listener.accept().unwrap();
        read_until(&mut stream, b"\r\n\r\n");
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nfgh").unwrap();
        request
    });
    let proxy = FaultProxy::start(&upstream, Vec::new());
    let mut client = connect(&proxy.endpoint());
    client.send(
        b"PUT /x HTTP/1.1\r\nHost: kept\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(client.head().unwrap().0, 100);
    client.send(b"5\r\nhello\r\n0\r\n\r\n");
    let answer = client.response("PUT");
    assert_eq!(
        (answer.text().as_str(), answer.end),
        ("abcde", BodyEnd::Complete)
    );
    let answer = client.request("GET", "/y", &[], b"");
    assert_eq!(
        (answer.text().as_str(), answer.end),
        ("fgh", BodyEnd::Complete)
    );
    let request = server.join().unwrap();
    assert!(request.contains("Host: kept\r\n"), "{request}");
    assert!(
        request.ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        "{request}"
    );
    assert_eq!(proxy.requests()[0].n_body_bytes, 5);

    // Nobody is there any more.
    let answer = client.request("GET", "/z", &[], b"");
    assert_eq!((answer.status, answer.end), (502, BodyEnd::Complete));
    let endpoint = proxy.endpoint();
    drop(proxy);
    assert!(Client::try_connect(address(&endpoint)).is_err());
}

fn read_until(stream: &mut TcpStream, end: &[u8]) -> String {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(end) && stream.read(&mut byte).expect("bytes") > 0 {
        text.extend(byte);
    }
    String::from_utf8(text).expect("text")
}
