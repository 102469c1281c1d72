//! Whatever goes on ends soon after it is told to.

use std::{thread, time::Instant};

use optml_testkit::{Action, DiscardingS3, FaultProxy, Rule, S3, Seen};

use super::*;

const N_BYTES: u64 = 20 * PIECE_BYTES;
/// From the word to the end.
const SOON: Duration = Duration::from_secs(1);

/// Stops `act` when the proxy has seen a request of which `holds`, and returns how it ended.
#[track_caller]
fn stopped<T: Send>(
    (client, proxy): (&Client, &FaultProxy),
    holds: impl Fn(&Seen) -> bool,
    act: impl FnOnce() -> Result<T, StoreError> + Send,
) -> StoreError {
    thread::scope(|scope| {
        let running = scope.spawn(|| {
            let result = act();
            (result, Instant::now())
        });
        proxy.wait_for(holds, LIMIT);
        let told = Instant::now();
        client.cancel();
        let (result, ended) = running.join().unwrap();
        assert!(ended - told < SOON, "{:?}", ended - told);
        result.err().unwrap()
    })
}

fn start(upstream: &str, rules: Vec<Rule>) -> (FaultProxy, Client, Store) {
    let proxy = FaultProxy::start(upstream, rules);
    let client = client(&proxy.variables(), small());
    let store = open(&client, "s3://bucket/key");
    (proxy, client, store)
}

fn server() -> DiscardingS3 {
    DiscardingS3::start(&[("bucket", "key", N_BYTES)])
}

#[test]
fn looking_and_listing_end() {
    let server = server();
    let (proxy, client, store) = start(&server.endpoint(), vec![Rule::new(Action::Stall)]);
    let error = stopped((&client, &proxy), |_| true, || store.look());
    assert_eq!(
        error.to_string(),
        "find `s3://bucket/key`: stopped before the end"
    );
    let n_before = proxy.requests().len();
    let error = store.list(10).unwrap_err();
    assert_eq!(
        error.to_string(),
        "list `s3://bucket/key`: stopped before the end"
    );
    assert_eq!(proxy.requests().len(), n_before, "later calls ask nothing");

    let (proxy, client, store) = start(&server.endpoint(), vec![Rule::new(Action::Stall)]);
    let error = stopped((&client, &proxy), |_| true, || store.list(10));
    assert_eq!(error.later(), Later::Hopeless);
}

#[test]
fn waiting_for_a_better_time_ends() {
    let server = server();
    let (proxy, client, store) = start(&server.endpoint(), vec![Rule::new(Action::slow_down())]);
    let is_answered = |seen: &Seen| seen.status == Some(503);
    stopped((&client, &proxy), is_answered, || store.look());
}

#[test]
fn downloads_end() {
    let server = server();
    for is_in_order in [true, false] {
        let rules = vec![Rule::new(Action::Stall).skip(3)];
        let (proxy, client, store) = start(&server.endpoint(), rules);
        let object = store.look().unwrap();
        let is_late = |seen: &Seen| {
            seen.header("range")
                .is_some_and(|r| r.starts_with("bytes=131072-"))
        };
        let error = stopped((&client, &proxy), is_late, || {
            if is_in_order {
                let mut reader = store.reader(&object, &Progress::silent());
                let copied = io::copy(&mut reader, &mut io::sink());
                copied.map_err(|error| error.downcast::<StoreError>().unwrap())
            } else {
                let file = tempfile::tempfile().unwrap();
                store
                    .download(&object, &file, &Progress::silent())
                    .map(|()| 0)
            }
        });
        assert_eq!(
            error.to_string(),
            "read `s3://bucket/key`: stopped before the end"
        );
    }
}

#[test]
fn a_reader_that_is_dropped_asks_for_nothing_more() {
    let server = server();
    let (proxy, client, store) = start(&server.endpoint(), vec![Rule::new(Action::Stall).skip(1)]);
    let object = store.look().unwrap();
    let reader = store.reader(&object, &Progress::silent());
    proxy.wait_for(|seen| seen.header("if-match").is_some(), LIMIT);
    drop(reader);
    // What else would hold the connections.
    drop((store, client));
    proxy.wait_for_open_connections(0, LIMIT);
}

#[test]
fn an_upload_in_one_request_ends() {
    let server = server();
    let rules = vec![Rule::new(Action::Stall)];
    let (proxy, client, store) = start(&server.endpoint(), rules);
    let content = Kept::of(b"content");
    let error = stopped((&client, &proxy), |_| true, || store.put("name", &content));
    assert_eq!(
        error.to_string(),
        "store `s3://bucket/key/name`: stopped before the end"
    );
    assert!(server.objects().is_empty());
}

#[test]
fn an_upload_in_parts_ends_and_is_given_up() {
    let s3 = S3::start();
    s3.make_bucket("bucket");
    let held = Rule::new(Action::HoldRequestBody(1_000_000)).query("partNumber=2");
    let (proxy, client, store) = start(&s3.endpoint(), vec![held]);
    let content = Kept::of(&pattern(3 * PART_BYTES));
    let is_held =
        |seen: &Seen| seen.target.contains("partNumber=2") && seen.n_body_bytes >= 1_000_000;
    let error = stopped((&client, &proxy), is_held, || store.put("name", &content));
    assert!(
        error.to_string().ends_with("stopped before the end"),
        "{error}"
    );
    assert_eq!(s3.get("bucket", "key/name"), None);
    assert!(s3.uploads("bucket").is_empty());
    let is_abort = |seen: &Seen| seen.method == "DELETE" && seen.target.contains("uploadId");
    assert_eq!(
        proxy
            .requests()
            .iter()
            .filter(|seen| is_abort(seen))
            .count(),
        1
    );
}

#[test]
fn what_cannot_be_given_up_is_not_waited_for() {
    let s3 = S3::start();
    s3.make_bucket("bucket");
    let rules = vec![
        Rule::new(Action::Stall).query("partNumber"),
        Rule::new(Action::error(503, "SlowDown")).method("DELETE"),
    ];
    let (proxy, client, store) = start(&s3.endpoint(), rules);
    let content = Kept::of(&pattern(PART_BYTES + 1));
    thread::scope(|scope| {
        let running = scope.spawn(|| store.put("name", &content));
        proxy.wait_for(|seen| seen.target.contains("partNumber"), LIMIT);
        let told = Instant::now();
        client.cancel();
        assert!(running.join().unwrap().is_err());
        assert!(
            told.elapsed() < Duration::from_secs(8),
            "{:?}",
            told.elapsed()
        );
    });
}
