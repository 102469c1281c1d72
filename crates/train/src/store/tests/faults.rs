//! Faults on the way of a download: what passes is waited for, and what does not has a message.

use std::{net::TcpListener, time::Instant};

use jiff::fmt::rfc2822;
use optml_testkit::{Action, DiscardingS3, FaultProxy, Rule, S3};

use super::*;

const N_BYTES: u64 = 5 * PIECE_BYTES + 100;

/// A server with one object, a proxy that makes these faults, and the object's store.
struct Bench {
    _server: DiscardingS3,
    proxy: FaultProxy,
    store: Store,
}

impl Bench {
    fn new(rules: Vec<Rule>, tuning: Tuning) -> Self {
        Self::with(rules, tuning, &[])
    }

    fn with(rules: Vec<Rule>, tuning: Tuning, variables: &[(&'static str, String)]) -> Self {
        let server = DiscardingS3::start(&[("bucket", "key", N_BYTES)]);
        let proxy = FaultProxy::start(&server.endpoint(), rules);
        let mut all = proxy.variables();
        if !variables.is_empty() {
            all.retain(|(name, _)| name.starts_with("AWS_ENDPOINT"));
            all.extend_from_slice(variables);
        }
        let store = open(&client(&all, tuning), "s3://bucket/key");
        Self {
            _server: server,
            proxy,
            store,
        }
    }

    #[track_caller]
    fn comes_whole(&self) {
        assert!(read(&self.store).unwrap() == pattern(N_BYTES));
        assert!(download(&self.store).unwrap() == pattern(N_BYTES));
    }

    /// The text of the error, which is soon there.
    #[track_caller]
    fn fails(&self) -> String {
        let start = Instant::now();
        let error = read(&self.store).unwrap_err();
        assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
        error.to_string()
    }

    fn headers(&self, name: &str) -> Vec<String> {
        let requests = self.proxy.requests();
        let values = requests.iter().filter_map(|seen| seen.header(name));
        values.map(str::to_owned).collect()
    }
}

/// Gives up soon.
fn hasty() -> Tuning {
    Tuning {
        retry_limit: Duration::from_millis(400),
        silence_limit: Duration::from_millis(300),
        ..small()
    }
}

#[test]
fn what_passes_is_waited_for() {
    for rule in [
        Rule::new(Action::error(500, "InternalError")).times(2),
        Rule::new(Action::slow_down()).times(3),
        Rule::new(Action::slow_down()).skip(3).times(3),
        Rule::new(Action::ResetBeforeAnswer).times(2),
        Rule::new(Action::ResetBeforeAnswer).skip(2).times(2),
        Rule::new(Action::ResetAfter(1_000)).skip(1).times(2),
        Rule::new(Action::ShortBody(1_000)).skip(1).times(3),
    ] {
        Bench::new(vec![rule], small()).comes_whole();
    }
}

#[test]
fn a_piece_goes_on_where_it_broke() {
    let broken = Rule::new(Action::ShortBody(1_000)).skip(1).once();
    let tuning = Tuning {
        n_reads: 1,
        ..small()
    };
    let bench = Bench::new(vec![broken], tuning);
    assert!(read(&bench.store).unwrap() == pattern(N_BYTES));
    let ranges = bench.headers("range");
    assert_eq!(
        ranges[..4],
        [
            "bytes=0-0",
            "bytes=0-65535",
            "bytes=1000-65535",
            "bytes=65536-131071"
        ]
    );
    let tags = bench.headers("if-match");
    assert_eq!(tags.len(), ranges.len() - 1, "all of one version");
}

#[test]
fn what_does_not_pass_is_told_with_the_number_of_tries() {
    let bench = Bench::new(vec![Rule::new(Action::slow_down())], hasty());
    let text = bench.fails();
    let n_tries = bench.proxy.requests().len();
    assert!(n_tries > 1);
    let expected = format!(
        "find `s3://bucket/key`: it is not available (503 SlowDown), after {n_tries} tries"
    );
    assert_eq!(text, expected);
}

#[test]
fn a_connection_that_breaks_every_time_is_told() {
    for (action, expected) in [
        (
            Action::ResetBeforeAnswer,
            "the connection broke: Connection reset by peer (os error 104)",
        ),
        (
            Action::ShortBody(10),
            "the connection broke: end of file before message length reached",
        ),
        (Action::Stall, "no answer came in time: operation timed out"),
    ] {
        let bench = Bench::new(vec![Rule::new(action).skip(1)], hasty());
        assert_eq!(bench.fails(), format!("read `s3://bucket/key`: {expected}"));
    }
}

#[test]
fn a_silent_server_is_asked_again() {
    let rules = vec![
        Rule::new(Action::Stall).once(),
        Rule::new(Action::Stall).skip(2).once(),
    ];
    let tuning = Tuning {
        silence_limit: Duration::from_millis(300),
        ..small()
    };
    Bench::new(rules, tuning).comes_whole();
}

#[test]
fn a_length_that_is_wrong_is_told() {
    let rule = Rule::new(Action::WrongLength(10)).skip(1);
    assert_eq!(
        Bench::new(vec![rule], hasty()).fails(),
        "read `s3://bucket/key`: 10 bytes came and 65536 were announced"
    );
}

#[test]
fn damaged_bytes_are_told() {
    let s3 = S3::start();
    s3.make_bucket("bucket");
    s3.put("bucket", "key", &pattern(N_BYTES));
    s3.put("bucket", "folder/large", &pattern(N_BYTES));
    s3.put("bucket", "folder/small", &pattern(100));
    // Not those of the first byte, of which the object's checksum is not.
    let rules = vec![
        Rule::new(Action::CorruptBody).path("/key").skip(1).once(),
        Rule::new(Action::CorruptBody).path("/key").skip(7).once(),
        Rule::new(Action::CorruptBody).path("/folder/small").once(),
        Rule::new(Action::CorruptBody)
            .path("/folder/large")
            .skip(2)
            .once(),
    ];
    let proxy = FaultProxy::start(&s3.endpoint(), rules);
    let client = client(&proxy.variables(), small());
    let store = open(&client, "s3://bucket/key");
    let start = "read `s3://bucket/key`: the content is damaged: its MD5 is ";
    for error in [read(&store).unwrap_err(), download(&store).unwrap_err()] {
        let text = error.to_string();
        assert!(text.starts_with(start), "{text}");
        assert!(text.contains(s3.etag("bucket", "key").unwrap().trim_matches('"')));
    }
    assert!(read(&store).unwrap() == pattern(N_BYTES));
    proxy.add(Rule::new(Action::CorruptBody).path("/key").skip(1).once());
    let object = store.look().unwrap();
    let mut reader = store.reader(&object, &Progress::silent());
    assert!(io::copy(&mut reader, &mut io::sink()).is_err());
    assert!(reader.read(&mut [0; 10]).is_err(), "it stays damaged");

    let folder = open(&client, "s3://bucket/folder/");
    for name in ["small", "large"] {
        let objects = folder.list(10).unwrap();
        let open = |_: &Object| tempfile::tempfile();
        let all = folder.download_all(&objects, open, &Progress::silent());
        let text = all.unwrap_err().to_string();
        let start =
            format!("read `s3://bucket/folder/{name}`: the content is damaged: its MD5 is ");
        assert!(text.starts_with(&start), "{text}");
    }
}

#[test]
fn an_object_that_is_replaced_while_it_is_read_is_told() {
    let s3 = S3::start();
    s3.make_bucket("bucket");
    s3.put("bucket", "key", &pattern(40 * PIECE_BYTES));
    let client = client(&s3.variables(), small());
    let store = open(&client, "s3://bucket/key");
    let object = store.look().unwrap();
    let mut reader = store.reader(&object, &Progress::silent());
    reader.read_exact(&mut [0; 100]).unwrap();
    s3.put("bucket", "key", &vec![7; 40 << 16]);
    let error = io::copy(&mut reader, &mut io::sink()).unwrap_err();
    let expected = "read `s3://bucket/key`: the object changed while it was read";
    assert_eq!(error.to_string(), expected);
    // A failure is no end of the object, however often one asks.
    assert!(reader.read(&mut [0; 100]).is_err());

    let file = tempfile::tempfile().unwrap();
    let error = store.download(&object, &file, &Progress::silent());
    assert_eq!(error.unwrap_err().to_string(), expected);
}

#[test]
fn credentials_of_variables_that_have_expired_are_told() {
    let expired = Rule::new(Action::error(400, "ExpiredToken"));
    let bench = Bench::new(vec![expired], small());
    assert_eq!(
        bench.fails(),
        "find `s3://bucket/key`: the credentials have expired (ExpiredToken)"
    );
    assert_eq!(bench.proxy.requests().len(), 2);
}

#[test]
fn credentials_of_the_container_that_have_expired_are_renewed_once() {
    let given = |id: &str| {
        let expiration = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
        let body = format!(
            r#"{{"AccessKeyId":"{id}","SecretAccessKey":"s","Token":"t","Expiration":"{expiration}"}}"#
        );
        Rule::new(Action::Status {
            status: 200,
            body: body.into_bytes(),
            headers: vec![],
        })
    };
    // A proxy that answers by itself: the endpoint of a container.
    let endpoint = FaultProxy::start("127.0.0.1:9", vec![given("OLD").once(), given("NEW")]);
    let variables = [
        ("AWS_REGION", "us-east-1".to_owned()),
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            format!("{}/credentials", endpoint.endpoint()),
        ),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token".to_owned()),
    ];
    let expired = || Rule::new(Action::error(400, "ExpiredToken"));
    let bench = Bench::with(vec![expired().skip(2).once()], small(), &variables);
    bench.comes_whole();
    assert_eq!(endpoint.requests().len(), 2);
    assert_eq!(
        endpoint.requests()[0].header("authorization"),
        Some("token")
    );
    let signed = bench.headers("authorization");
    assert!(signed[0].contains("Credential=OLD/"), "{}", signed[0]);
    let last = signed.last().unwrap();
    assert!(last.contains("Credential=NEW/"), "{last}");

    bench.proxy.add(expired());
    let n_before = bench.proxy.requests().len();
    assert!(
        bench
            .fails()
            .ends_with("the credentials have expired (ExpiredToken)")
    );
    assert_eq!(bench.proxy.requests().len(), n_before + 2);
}

#[test]
fn no_credentials_are_told_with_their_reason() {
    let gone = Rule::new(Action::Status {
        status: 404,
        body: vec![],
        headers: vec![],
    });
    let endpoint = FaultProxy::start("127.0.0.1:9", vec![gone]);
    let variables = [(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        endpoint.endpoint() + "/x",
    )];
    let bench = Bench::with(vec![], small(), &variables);
    assert_eq!(
        bench.fails(),
        "find `s3://bucket/key`: no credentials: the container's endpoint gave none: ECS credentials endpoint not found"
    );
    assert!(bench.proxy.requests().is_empty());
}

#[test]
fn a_clock_that_is_wrong_is_told_with_its_difference() {
    let minutes = jiff::SignedDuration::from_mins;
    let now = jiff::Timestamp::now();
    // Some time passes on the way.
    let a_little = jiff::SignedDuration::from_secs(30);
    for (theirs, expected) in [
        (now - minutes(60), "1 h 0 min ahead"),
        (now + minutes(89) + a_little, "1 h 29 min behind"),
    ] {
        let date = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&theirs);
        let skewed = Rule::new(Action::Status {
            status: 403,
            body: b"<Error><Code>RequestTimeTooSkewed</Code><Message>m</Message></Error>".to_vec(),
            headers: vec![("Date".to_owned(), date.unwrap())],
        });
        let text = Bench::new(vec![skewed], small()).fails();
        assert_eq!(
            text,
            format!(
                "find `s3://bucket/key`: the clock of this machine is {expected}: the store refuses the signature"
            )
        );
    }
}

fn elsewhere() -> Rule {
    Rule::new(Action::Redirect {
        region: "eu-west-1".to_owned(),
        location: None,
    })
}

#[test]
fn a_bucket_in_another_region_is_asked_there() {
    let bench = Bench::new(vec![elsewhere().once()], small());
    bench.comes_whole();
    let signed = bench.headers("authorization");
    assert!(signed[0].contains("/us-east-1/s3/aws4_request"));
    let moved = |signed: &String| signed.contains("/eu-west-1/s3/aws4_request");
    assert!(signed[1..].iter().all(moved), "{signed:?}");
}

#[test]
fn a_bucket_that_is_there_neither_is_told() {
    let bench = Bench::new(vec![elsewhere()], small());
    assert_eq!(
        bench.fails(),
        "find `s3://bucket/key`: the bucket is in region `eu-west-1`, and asking there failed too"
    );
    assert_eq!(bench.proxy.requests().len(), 2, "it is asked there once");
}

#[test]
fn a_redirect_to_nowhere_is_told() {
    let nowhere = Rule::new(Action::Status {
        status: 301,
        body: vec![],
        headers: vec![],
    });
    let bench = Bench::new(vec![elsewhere().path("/other").once(), nowhere], small());
    // Where another bucket is says nothing about this one.
    let other = bench.store.url().at("other");
    assert!(bench.store.client.open(&other).unwrap().look().is_err());
    assert_eq!(
        bench.fails(),
        "find `s3://bucket/key`: the bucket is in another region, and the store does not say in which"
    );
}

#[test]
fn nobody_at_the_endpoint_is_told() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    for (endpoint, expected) in [
        (
            format!("http://127.0.0.1:{port}"),
            "no connection can be made: Connection refused (os error 111)",
        ),
        ("http://store.invalid:9".to_owned(), "no "),
    ] {
        let mut variables = DiscardingS3::start(&[]).variables();
        variables.retain(|(name, _)| !name.starts_with("AWS_ENDPOINT"));
        variables.push(("S3_ENDPOINT_URL", endpoint));
        let store = open(&client(&variables, hasty()), "s3://bucket/key");
        let start = Instant::now();
        let error = store.look().unwrap_err();
        assert!(start.elapsed() < LIMIT, "{:?}", start.elapsed());
        let expected = format!("find `s3://bucket/key`: {expected}");
        assert!(error.to_string().starts_with(&expected), "{error}");
        assert_eq!(error.later(), Later::Worthwhile);
    }
}
