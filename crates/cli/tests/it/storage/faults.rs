//! Faults on the way to a bucket (D-04): those that pass are waited for, the others have a message, an exit code and an
//! end; and no secret is in any of it (L-03).

use std::{
    net::{Ipv4Addr, TcpListener},
    time::Duration,
};

use optml_testkit::{Action, FaultProxy, Finished, OptMl, Rule, S3, Seen};

use super::{
    LIMIT, Variables, WEIGHS, answers, bucket, check_kept, check_nothing_left, check_refused,
    check_stops, is_of_content, keys, line_with, noise, service, start_train, tar_with_data,
    timed_train, train, weight,
};
use crate::code::job;

const KEY: &str = "code.tar";
const LOCATION: &str = "s3://bucket/code.tar";

/// A bucket with one archive, and what its script prints.
fn archive_of(n_bytes: usize) -> (S3, String) {
    let data = noise(n_bytes);
    let store = bucket(&[(KEY, &tar_with_data(WEIGHS, &data))]);
    (store, weight(&data))
}

/// A fault of what brings content; the look at what there is comes before.
fn of_content(action: Action) -> Rule {
    Rule::new(action).method("GET").path(KEY).skip(1)
}

struct Run {
    tree: OptMl,
    finished: Finished,
    took: Duration,
    proxy: FaultProxy,
}

/// Fetches the archive through these faults.
fn fetch(store: &S3, rules: Vec<Rule>) -> Run {
    let proxy = FaultProxy::start(&store.endpoint(), rules);
    let tree = job(Some(LOCATION));
    let (finished, took) = timed_train(&tree, &proxy.variables());
    Run {
        tree,
        finished,
        took,
        proxy,
    }
}

impl Run {
    #[track_caller]
    fn check_ran(&self, prints: &str) {
        assert_eq!(
            (self.finished.code, &*self.finished.stdout),
            (Some(0), prints),
            "{}",
            self.finished.stderr
        );
    }

    /// It was refused with this in the first line, and soon. The report.
    #[track_caller]
    fn check_refused(&self, wanted: &[&str]) -> String {
        let report = check_refused(&self.tree, &self.finished, wanted);
        assert!(report.contains("sagemaker_submit_directory"), "{report}");
        assert!(self.took < SOON, "{:?}", self.took);
        report
    }

    fn contents(&self) -> Vec<Seen> {
        let requests = self.proxy.requests().into_iter();
        requests.filter(is_of_content).collect()
    }
}

/// An answer that means the same whenever it is asked for is not asked for again.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn what_passes_is_waited_for() {
    let (store, prints) = archive_of(3_000_000);
    let faults = [
        Rule::new(Action::error(500, "InternalError")).times(2),
        of_content(Action::error(500, "InternalError")).times(2),
        Rule::new(Action::slow_down()).times(3),
        of_content(Action::slow_down()).times(3),
        Rule::new(Action::ResetBeforeAnswer).times(2),
        of_content(Action::ResetBeforeAnswer).once(),
    ];
    for fault in faults {
        let run = fetch(&store, vec![fault.clone()]);
        run.check_ran(&prints);
        let failed = run.proxy.requests().len() - 2;
        assert!((1..=3).contains(&failed), "{fault:?}: {failed}");
    }
}

#[test]
fn a_body_that_breaks_goes_on_where_it_broke() {
    let (store, prints) = archive_of(3_000_000);
    for fault in [Action::ResetAfter(1_000_000), Action::ShortBody(1_000_000)] {
        let run = fetch(&store, vec![of_content(fault).once()]);
        run.check_ran(&prints);
        let contents = run.contents();
        assert_eq!(contents.len(), 2, "{contents:?}");
        // A reset may overtake what was on its way; nothing is asked for that has come.
        let range = contents[1].header("range").unwrap();
        let start = range.trim_start_matches("bytes=").split('-').next();
        let start: u64 = start.unwrap().parse().unwrap();
        assert!((1..=1_000_000).contains(&start), "{range}");
        assert!(contents[1].header("if-match").is_some());
    }
}

/// It takes as long as an answer may be silent, which is 20 s.
#[test]
fn an_answer_that_does_not_come_is_asked_for_again() {
    let (store, prints) = archive_of(1_000);
    let run = fetch(&store, vec![of_content(Action::Stall).once()]);
    run.check_ran(&prints);
    assert_eq!(run.contents().len(), 2);
}

#[test]
fn a_body_that_always_breaks_is_an_error() {
    let (store, _) = archive_of(3_000_000);
    let run = fetch(&store, vec![of_content(Action::ShortBody(0))]);
    let report = check_refused(&run.tree, &run.finished, &["`s3://bucket/code.tar`"]);
    assert!(report.contains("check the network"), "{report}");
}

#[test]
fn a_length_that_is_wrong_is_an_error() {
    let (store, _) = archive_of(3_000_000);
    // More than there is: the rest is asked for, and there is none.
    let run = fetch(
        &store,
        vec![of_content(Action::WrongLength(4_000_000)).once()],
    );
    run.check_refused(&["`s3://bucket/code.tar`", "416"]);
    // Less than there is, always.
    let run = fetch(&store, vec![of_content(Action::WrongLength(1_000_000))]);
    run.check_refused(&[
        "`s3://bucket/code.tar`",
        "1000000 bytes came and 3002880 were announced",
    ]);
}

#[test]
fn damaged_content_is_an_error() {
    let (store, _) = archive_of(3_000_000);
    let run = fetch(&store, vec![of_content(Action::CorruptBody)]);
    let report = run.check_refused(&[
        "read `s3://bucket/code.tar`",
        "the content is damaged: its MD5 is",
        "and the store says",
    ]);
    assert!(report.contains("upload it again"), "{report}");

    // The same where it goes to a file, in one piece or in several.
    store.put("bucket", "large.py", &noise(5 << 20));
    let damaged = Rule::new(Action::CorruptBody).path("large.py").skip(1);
    let proxy = FaultProxy::start(&store.endpoint(), vec![damaged]);
    let tree = job(Some("s3://bucket/large.py"));
    let finished = train(&tree, &proxy.variables());
    check_refused(&tree, &finished, &["`s3://bucket/large.py`", "its MD5 is"]);
    store.put("bucket", "train.py", b"print('never, whatever it says')");
    let damaged = Rule::new(Action::CorruptBody).path("train.py").skip(1);
    let proxy = FaultProxy::start(&store.endpoint(), vec![damaged]);
    for location in ["s3://bucket/train.py", "s3://bucket/"] {
        let tree = job(Some(location));
        let finished = train(&tree, &proxy.variables());
        check_refused(&tree, &finished, &["`s3://bucket/train.py`", "its MD5 is"]);
    }
}

#[test]
fn an_object_that_is_overwritten_meanwhile_is_an_error() {
    let (store, _) = archive_of(36 << 20);
    // All the pieces that are under way at once.
    let held = of_content(Action::HoldRequestBody(0)).times(6);
    let proxy = FaultProxy::start(&store.endpoint(), vec![held]);
    let tree = job(Some(LOCATION));
    let process = start_train(&tree, &proxy.variables());
    for piece in 0..6 {
        let start = piece * (4 << 20);
        let range = format!("bytes={start}-{}", start + (4 << 20) - 1);
        proxy.wait_for(|seen| seen.header("range") == Some(&range), LIMIT);
    }
    store.put("bucket", KEY, b"the next version");
    proxy.release();
    let finished = process.wait();
    let report = check_refused(
        &tree,
        &finished,
        &[
            "read `s3://bucket/code.tar`",
            "the object changed while it was read",
        ],
    );
    assert!(
        report.contains("do not overwrite it while jobs start"),
        "{report}"
    );
}

#[test]
fn a_success_with_an_error_inside_is_none() {
    let (store, _) = archive_of(1_000);
    let inside = Action::OkWithError("InternalError".to_owned());
    let run = fetch(&store, vec![Rule::new(inside)]);
    run.check_refused(&["`s3://bucket/code.tar`"]);
}

/// A list that can't be had is no empty one.
#[test]
fn a_list_comes_whole_or_not_at_all() {
    let store = bucket(&[("job/train.py", b"print('listed')")]);
    let page = Action::Status {
        status: 200,
        body: b"<html><body>Sign in to this network</body></html>".to_vec(),
        headers: vec![],
    };
    let inside = Action::OkWithError("InternalError".to_owned());
    for (fault, wanted) in [
        (Rule::new(inside).times(2), None),
        (Rule::new(Action::slow_down()).times(3), None),
        (Rule::new(Action::ResetAfter(100)).once(), None),
        (Rule::new(Action::ShortBody(100)).once(), None),
        (
            Rule::new(Action::error(403, "AccessDenied")),
            Some("AccessDenied"),
        ),
        (Rule::new(page), Some("it is no list of objects")),
    ] {
        let proxy = FaultProxy::start(&store.endpoint(), vec![fault.query("list-type")]);
        let tree = job(Some("s3://bucket/job/"));
        let finished = train(&tree, &proxy.variables());
        match wanted {
            None => assert_eq!(finished.stdout, "listed\n", "{}", finished.stderr),
            Some(text) => {
                check_refused(&tree, &finished, &["list `s3://bucket/job`", text]);
            }
        }
    }
}

#[test]
fn who_may_not_is_told_what_it_takes() {
    let (store, _) = archive_of(1_000);
    let run = fetch(&store, vec![Rule::new(Action::error(403, "AccessDenied"))]);
    let report = run.check_refused(&["access is denied: AccessDenied"]);
    assert!(
        report.contains("`s3:GetObject`, `s3:ListBucket`"),
        "{report}"
    );
    let run = fetch(
        &store,
        vec![Rule::new(Action::error(403, "InvalidAccessKeyId"))],
    );
    let report = run.check_refused(&["InvalidAccessKeyId"]);
    assert!(
        report.contains("check the credentials: AWS_ACCESS_KEY_ID"),
        "{report}"
    );
}

#[test]
fn credentials_that_have_expired_are_named() {
    let (store, _) = archive_of(1_000);
    let run = fetch(&store, vec![Rule::new(Action::error(400, "ExpiredToken"))]);
    let report = run.check_refused(&["the credentials have expired (ExpiredToken)"]);
    assert!(
        report.contains("temporary credentials in variables are not renewed"),
        "{report}"
    );
}

#[test]
fn a_clock_that_is_wrong_is_told_by_how_much() {
    let (store, _) = archive_of(1_000);
    let in_an_hour = date_after(3_660);
    let skewed = Action::Status {
        status: 403,
        body: b"<Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time \
            and the current time is too large.</Message></Error>"
            .to_vec(),
        headers: vec![("Date".to_owned(), in_an_hour)],
    };
    let run = fetch(&store, vec![Rule::new(skewed)]);
    let report = run.check_refused(&["the clock of this machine is 1 h", "behind"]);
    assert!(
        report.contains("set the clock of the machine (NTP)"),
        "{report}"
    );
}

/// So many seconds from now, as HTTP writes it.
fn date_after(seconds: u64) -> String {
    let script = "import email.utils, sys, time
print(email.utils.formatdate(time.time() + int(sys.argv[1]), usegmt=True))";
    let words = ["-c", script, &seconds.to_string()];
    let printed = optml_testkit::Proc::start("python3", words, &[]).wait();
    printed.stdout.trim().to_owned()
}

#[test]
fn a_bucket_in_another_region_is_asked_there() {
    let (store, prints) = archive_of(1_000);
    let elsewhere = Action::Redirect {
        region: "eu-west-1".to_owned(),
        location: None,
    };
    let run = fetch(&store, vec![Rule::new(elsewhere.clone()).once()]);
    run.check_ran(&prints);
    line_with(
        &run.finished,
        &["asking there", "region=eu-west-1", "was=us-east-1"],
    );
    assert_eq!(run.finished.stderr.matches("asking there").count(), 1);
    let scopes = |region: &str| {
        let scope = format!("/{region}/s3/aws4_request");
        let requests = run.proxy.requests().into_iter();
        let signed = |seen: &Seen| seen.header("authorization").unwrap().contains(&scope);
        requests.filter(signed).count()
    };
    assert_eq!((scopes("us-east-1"), scopes("eu-west-1")), (1, 2));

    let with_a_place = Action::Redirect {
        region: "eu-west-1".to_owned(),
        location: Some("https://bucket.s3.eu-west-1.invalid/".to_owned()),
    };
    fetch(&store, vec![Rule::new(with_a_place).once()]).check_ran(&prints);

    let run = fetch(&store, vec![Rule::new(elsewhere)]);
    let report = run.check_refused(&["the bucket is in region `eu-west-1`"]);
    assert!(report.contains("set AWS_REGION"), "{report}");
}

#[test]
fn nobody_at_the_endpoint_is_told_with_the_variables_that_name_it() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut variables = keys_in_variables();
    variables.push(("AWS_ENDPOINT_URL_S3", format!("http://127.0.0.1:{port}")));
    let tree = job(Some(LOCATION));
    let finished = train(&tree, &variables);
    let report = check_refused(&tree, &finished, &["no connection can be made", "refused"]);
    for name in ["S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"] {
        assert!(report.contains(name), "{report}");
    }
}

/// F-08, while code is fetched.
#[test]
fn a_stop_signal_ends_a_transfer_at_once() {
    let (store, _) = archive_of(3_000_000);
    let faults = [
        Rule::new(Action::Stall),
        of_content(Action::Stall),
        of_content(Action::Slow(100_000)),
        Rule::new(Action::slow_down()),
    ];
    for fault in faults {
        let proxy = FaultProxy::start(&store.endpoint(), vec![fault]);
        let tree = job(Some(LOCATION));
        let process = start_train(&tree, &proxy.variables());
        // The last of them is asked a few times.
        proxy.wait_for(|seen| seen.target.contains(KEY), LIMIT);
        let waits_for_content = proxy.requests().iter().any(|seen| seen.status == Some(206));
        if waits_for_content {
            proxy.wait_for(is_of_content, LIMIT);
        }
        check_stops(process);
        check_stopped(&tree);
    }
}

#[track_caller]
fn check_stopped(tree: &OptMl) {
    let report = tree.read("output/failure");
    assert!(report.contains("SIGTERM"), "{report}");
    check_nothing_left(tree);
}

#[test]
fn a_stop_signal_ends_the_wait_for_credentials() {
    let silent = service(vec![Rule::new(Action::Stall)]);
    let variables = [
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", silent.endpoint()),
        // Nobody is asked there: there are no credentials yet.
        ("AWS_ENDPOINT_URL_S3", silent.endpoint()),
    ];
    let tree = job(Some(LOCATION));
    let process = start_train(&tree, &variables);
    silent.wait_for(|seen| seen.method == "PUT", LIMIT);
    check_stops(process);
    check_stopped(&tree);
}

#[test]
fn a_stop_signal_ends_the_transfers_of_a_folder_at_once() {
    let store = bucket(&[
        ("job/train.py", b"print('never')"),
        ("job/data", &noise(10)),
    ]);
    let stalled = Rule::new(Action::Stall).path("job/data");
    let proxy = FaultProxy::start(&store.endpoint(), vec![stalled]);
    let tree = job(Some("s3://bucket/job/"));
    let process = start_train(&tree, &proxy.variables());
    proxy.wait_for(|seen| seen.target.contains("job/data"), LIMIT);
    check_stops(process);
    check_stopped(&tree);
}

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzSecret";
const SESSION: &str = "IQoJb3JpZ2luX2VjEJrSessionToken";
const CONTAINER: &str = "ContainerAuthorizationTokenHunter2";

fn keys_in_variables() -> Variables {
    vec![
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
        ("AWS_SESSION_TOKEN", SESSION.to_owned()),
        ("OPTML_LOG_LEVEL", "trace".to_owned()),
    ]
}

#[test]
fn no_secret_is_in_anything_that_is_said() {
    let (store, _) = archive_of(1_000);
    let faults = [
        None,
        Some(Action::error(403, "SignatureDoesNotMatch")),
        Some(Action::error(400, "ExpiredToken")),
        Some(Action::error(404, "NoSuchKey")),
        Some(Action::OkWithError("InternalError".to_owned())),
    ];
    let agent = service(vec![answers("/creds", 200, &keys("ASIA", SECRET, SESSION))]);
    let of_container = vec![
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            format!("{}/creds", agent.endpoint()),
        ),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", CONTAINER.to_owned()),
        ("OPTML_LOG_LEVEL", "trace".to_owned()),
    ];
    for fault in faults {
        let rules: Vec<_> = fault.clone().map(Rule::new).into_iter().collect();
        let proxy = FaultProxy::start(&store.endpoint(), rules);
        for who in [keys_in_variables(), of_container.clone()] {
            let mut variables = who;
            variables.push(("AWS_REGION", "us-east-1".to_owned()));
            variables.push(("AWS_ENDPOINT_URL_S3", proxy.endpoint()));
            let tree = job(Some(LOCATION));
            let finished = train(&tree, &variables);
            let code = if fault.is_none() { 0 } else { 4 };
            assert_eq!(finished.code, Some(code), "{}", finished.stderr);
            check_kept(&[SECRET, SESSION, CONTAINER], &tree, &finished);
            let signatures = proxy.requests().into_iter().filter_map(|seen| {
                let header = seen.header("authorization")?;
                header.split("Signature=").nth(1).map(str::to_owned)
            });
            for signature in signatures {
                check_kept(&[&signature], &tree, &finished);
            }
        }
    }
    let asked = agent.requests();
    assert!(
        asked
            .iter()
            .all(|seen| seen.header("authorization") == Some(CONTAINER))
    );
    assert!(!asked.is_empty());
}
