//! Files of a web server: with ranges and without, behind redirects, and addresses that are secret.

use std::net::TcpListener;

use optml_testkit::{Action, DiscardingS3, FaultProxy, Rule, Seen};

use super::*;

const N_BYTES: u64 = 5 * PIECE_BYTES + 100;

/// A web server with ranges, `/bucket/key`, and a proxy in front.
fn start(rules: Vec<Rule>) -> (DiscardingS3, FaultProxy) {
    let server = DiscardingS3::start(&[("bucket", "key", N_BYTES)]);
    let proxy = FaultProxy::start(&server.endpoint(), rules);
    (server, proxy)
}

fn at(address: &str) -> Store {
    open(&client(&[], small()), address)
}

fn status(status: u16, body: &[u8], headers: &[(&str, &str)]) -> Rule {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Rule::new(Action::Status {
        status,
        body: body.to_vec(),
        headers: headers.iter().map(owned).collect(),
    })
}

#[test]
fn a_server_with_ranges_gives_pieces() {
    let (_server, proxy) = start(vec![]);
    let store = at(&format!("{}/bucket/key", proxy.endpoint()));
    let object = store.look().unwrap();
    assert_eq!(object.n_bytes, Some(N_BYTES));
    assert_eq!(object.key, "bucket/key");
    assert!(read(&store).unwrap() == pattern(N_BYTES));
    assert!(download(&store).unwrap() == pattern(N_BYTES));
    let requests = proxy.requests();
    let n_pieces = requests
        .iter()
        .filter(|seen| seen.header("if-range").is_some());
    assert_eq!(n_pieces.count(), 12);
    assert!(store.list(10).unwrap().is_empty());
}

#[test]
fn a_server_without_ranges_gives_one_stream() {
    let content = pattern(300_000);
    let (_server, proxy) = start(vec![status(200, &content, &[])]);
    let store = at(&proxy.endpoint());
    let object = store.look().unwrap();
    assert_eq!(object.n_bytes, Some(300_000));
    assert_eq!(object.e_tag, None);
    assert!(read(&store).unwrap() == content);
    assert!(download(&store).unwrap() == content);

    let (_server, proxy) = start(vec![status(200, b"", &[])]);
    let store = at(&proxy.endpoint());
    assert!(read(&store).unwrap().is_empty());
    assert!(download(&store).unwrap().is_empty());
}

#[test]
fn an_empty_file_has_no_first_byte() {
    let none = status(416, b"", &[("Content-Range", "bytes */0")]).once();
    let (_server, proxy) = start(vec![none, status(200, b"", &[])]);
    assert!(read(&at(&proxy.endpoint())).unwrap().is_empty());
}

#[test]
fn pieces_of_nobody_knows_which_version_are_not_put_together() {
    for (header, has_pieces) in [
        (Action::header("ETag", None), true),
        (Action::header("ETag", Some("W/\"weak\"")), true),
        (Action::header("Last-Modified", None), true),
    ] {
        let (_server, proxy) = start(vec![Rule::new(header)]);
        let store = at(&format!("{}/bucket/key", proxy.endpoint()));
        let object = store.look().unwrap();
        assert_eq!(object.in_ranges, has_pieces);
        assert!(object.e_tag.is_some_and(|tag| !tag.starts_with("W/")));
    }
    // Neither of both.
    let rule = status(206, b"x", &[("Content-Range", "bytes 0-0/10")]);
    let (_server, proxy) = start(vec![rule]);
    let object = at(&proxy.endpoint()).look().unwrap();
    assert_eq!((object.in_ranges, object.n_bytes), (false, Some(10)));
}

#[test]
fn redirects_are_followed() {
    let (server, proxy) = start(vec![]);
    let place = format!("{}/bucket/key", server.endpoint());
    proxy.add(status(302, b"", &[("Location", &place)]).path("/start"));
    proxy.add(status(302, b"", &[("Location", "/round")]).path("/round"));
    let store = at(&format!("{}/start", proxy.endpoint()));
    assert!(read(&store).unwrap() == pattern(N_BYTES));
    let error = at(&format!("{}/round", proxy.endpoint())).look();
    let text = error.unwrap_err().to_string();
    assert!(text.ends_with("its redirects lead nowhere"), "{text}");
    let in_circles = |seen: &&Seen| seen.target == "/round";
    assert_eq!(proxy.requests().iter().filter(in_circles).count(), 11);
}

#[test]
fn what_passes_is_waited_for() {
    for rule in [
        Rule::new(Action::slow_down()).times(2),
        Rule::new(Action::ResetBeforeAnswer).times(2),
        Rule::new(Action::ShortBody(1_000)).skip(1).times(2),
    ] {
        let (_server, proxy) = start(vec![rule]);
        let store = at(&format!("{}/bucket/key", proxy.endpoint()));
        assert!(read(&store).unwrap() == pattern(N_BYTES));
        assert!(download(&store).unwrap() == pattern(N_BYTES));
    }
}

#[test]
fn a_file_that_is_replaced_while_it_is_read_is_told() {
    let (_server, proxy) = start(vec![]);
    let store = at(&format!("{}/bucket/key", proxy.endpoint()));
    let object = store.look().unwrap();
    // What a server answers to `If-Range` when it has another version.
    proxy.add(status(200, &pattern(10), &[("ETag", "\"new\"")]));
    let mut reader = store.reader(&object, &Progress::silent());
    let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the object changed while it was read"),
        "{error}"
    );
}

#[test]
fn a_secret_address_is_in_no_message() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let secret = "X-Amz-Signature=SECRET";
    let check = |endpoint: &str, expected: &str| {
        let address = endpoint.replace("http://", "http://user:SECRET@");
        let store = at(&format!("{address}/bucket/key?{secret}"));
        let error = read(&store).unwrap_err();
        let text = error.to_string();
        let (_, reason) = text
            .split_once("/bucket/key`: ")
            .unwrap_or_else(|| panic!("{text}"));
        assert_eq!(reason, expected);
        for text in [text, format!("{error:?}"), format!("{:?}", store.url())] {
            assert!(!text.contains("SECRET"), "{text}");
        }
    };
    for (rule, expected) in [
        (status(404, b"", &[]), "404 Not Found"),
        (status(403, b"", &[]), "access is denied: 403 Forbidden"),
        (
            status(401, b"", &[("WWW-Authenticate", "Basic realm=\"x\"")]),
            "access is denied: 401 Unauthorized (Basic realm=\"x\")",
        ),
        (
            status(503, b"", &[]),
            "it is not available (503 Service Unavailable), after 5 tries",
        ),
        (status(418, b"", &[]), "the answer is 418: I'm a teapot"),
        (
            Rule::new(Action::ShortBody(10)).skip(1),
            "the connection failed: end of file before message length reached",
        ),
        (
            status(302, b"", &[("Location", "http://[/?SECRET")]),
            "the answer is 302: Found",
        ),
    ] {
        let (_server, proxy) = start(vec![rule]);
        check(&proxy.endpoint(), expected);
    }
    check(
        &format!("http://127.0.0.1:{port}"),
        "no connection can be made: Connection refused (os error 111)",
    );
}

#[test]
fn a_web_server_takes_no_files() {
    let error = at("http://127.0.0.1:9/x?s=SECRET").put("name", &Kept::of(b""));
    let text = error.unwrap_err().to_string();
    assert_eq!(
        text,
        "store `http://127.0.0.1:9/x`: a web server takes no files"
    );
}
