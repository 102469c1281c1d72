//! Uploads: whole or not at all, in one request or in parts.

use optml_testkit::{Action, FaultProxy, Rule, S3, Seen};

use super::*;

fn start(rules: Vec<Rule>, tuning: Tuning) -> (S3, FaultProxy, Client) {
    let s3 = S3::start();
    s3.make_bucket("bucket");
    let proxy = FaultProxy::start(&s3.endpoint(), rules);
    let client = client(&proxy.variables(), tuning);
    (s3, proxy, client)
}

/// Gives up soon.
fn hasty() -> Tuning {
    Tuning {
        retry_limit: Duration::from_millis(300),
        ..small()
    }
}

fn is_part(seen: &Seen) -> bool {
    seen.method == "PUT" && seen.target.contains("partNumber")
}

#[test]
fn what_is_small_goes_in_one_request_and_the_rest_in_parts() {
    let (s3, proxy, client) = start(vec![], small());
    let store = open(&client, "s3://bucket/output");
    for (n_bytes, n_parts) in [
        (0, 0),
        (1, 0),
        (PART_BYTES, 0),
        (PART_BYTES + 1, 2),
        (3 * PART_BYTES, 3),
    ] {
        let n_before = proxy.requests().len();
        let content = pattern(n_bytes);
        let put = store.put("job/model.bin", &Kept::of(&content)).unwrap();
        assert_eq!(put, Put::Stored);
        assert!(s3.get("bucket", "output/job/model.bin").unwrap() == content);
        let requests = proxy.requests().split_off(n_before);
        let n_requests = if n_parts == 0 { 1 } else { n_parts + 2 };
        assert_eq!(requests.len(), n_requests, "{n_bytes}");
        assert_eq!(
            requests.iter().filter(|seen| is_part(seen)).count(),
            n_parts
        );
    }
    assert!(s3.uploads("bucket").is_empty());
}

#[test]
fn a_body_that_stays_on_this_machine_is_not_signed_and_its_request_is() {
    let (_s3, proxy, client) = start(vec![], small());
    let store = open(&client, "s3://bucket/output");
    store.put("model.bin", &Kept::of(b"1")).unwrap();
    let seen = &proxy.requests()[0];
    assert_eq!(
        seen.header("x-amz-content-sha256"),
        Some("UNSIGNED-PAYLOAD")
    );
    let signature = seen.header("authorization").unwrap_or_default();
    assert!(signature.contains("x-amz-content-sha256"), "{signature}");
}

#[test]
fn what_changes_while_it_is_read_is_not_stored() {
    /// Changes once a certain offset is read.
    #[derive(Debug)]
    struct Moving(Kept, u64);
    impl Content for Moving {
        fn n_bytes(&self) -> u64 {
            self.0.n_bytes
        }
        fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
            if offset >= self.1 {
                self.0.change();
            }
            self.0.read_exact_at(buf, offset)
        }
        fn is_unchanged(&self) -> bool {
            self.0.is_unchanged()
        }
    }
    let (s3, _proxy, client) = start(vec![], small());
    let store = open(&client, "s3://bucket/");
    for (n_bytes, offset) in [(10, 0), (3 * PART_BYTES, PART_BYTES), (3 * PART_BYTES, 0)] {
        let moving = Moving(Kept::of(&pattern(n_bytes)), offset);
        assert_eq!(store.put("key", &moving).unwrap(), Put::Changed);
        // Shorter than it was: what can't be read has changed.
        let shrunk = Moving(Kept::of(&pattern(n_bytes)), offset);
        shrunk.0.file.set_len(offset).unwrap();
        assert_eq!(store.put("key", &shrunk).unwrap(), Put::Changed);
    }
    assert_eq!(s3.get("bucket", "key"), None);
    assert!(s3.uploads("bucket").is_empty());
}

#[test]
fn what_cannot_be_read_is_an_error_of_this_machine() {
    let (s3, _proxy, client) = start(vec![], small());
    let store = open(&client, "s3://bucket/");
    for n_bytes in [10, 3 * PART_BYTES] {
        let short = Kept::of(&pattern(n_bytes));
        short.file.set_len(n_bytes - 1).unwrap();
        let error = store.put("key", &short).unwrap_err();
        assert_eq!(
            error.to_string(),
            "store `s3://bucket/key`: the file on this machine: failed to fill whole buffer"
        );
    }
    assert_eq!(s3.get("bucket", "key"), None);
    assert!(s3.uploads("bucket").is_empty());
}

#[test]
fn a_part_that_fails_is_sent_again() {
    let rules = vec![
        Rule::new(Action::slow_down())
            .query("partNumber=1")
            .times(2),
        Rule::new(Action::ResetBeforeAnswer)
            .query("partNumber=2")
            .once(),
        Rule::new(Action::error(500, "InternalError"))
            .method("POST")
            .times(1),
    ];
    let (s3, _proxy, client) = start(rules, small());
    let content = pattern(2 * PART_BYTES + 1);
    let store = open(&client, "s3://bucket/");
    let put = store.put("key", &Kept::of(&content)).unwrap();
    assert_eq!(put, Put::Stored);
    assert!(s3.get("bucket", "key").unwrap() == content);
}

#[test]
fn a_part_that_is_refused_gives_up_the_upload() {
    let refused = Rule::new(Action::error(403, "AccessDenied")).query("partNumber=2");
    let (s3, _proxy, client) = start(vec![refused], small());
    let store = open(&client, "s3://bucket/");
    let content = Kept::of(&pattern(3 * PART_BYTES));
    let error = store.put("key", &content).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("store `s3://bucket/key`: access is denied: AccessDenied"),
        "{error}"
    );
    assert_eq!(s3.get("bucket", "key"), None);
    assert!(s3.uploads("bucket").is_empty());
}

#[test]
fn a_success_that_is_an_error_is_asked_for_again() {
    let once = Rule::new(Action::OkWithError("InternalError".to_owned()))
        .method("POST")
        .query("uploadId")
        .once();
    let (s3, _proxy, client) = start(vec![once], small());
    let content = pattern(PART_BYTES + 1);
    let store = open(&client, "s3://bucket/");
    assert_eq!(store.put("key", &Kept::of(&content)).unwrap(), Put::Stored);
    assert!(s3.get("bucket", "key").unwrap() == content);
}

#[test]
fn a_success_that_stays_an_error_stores_nothing() {
    let always = |method: &str| {
        Rule::new(Action::OkWithError("InternalError".to_owned()))
            .method(method)
            .path("/key")
    };
    let rules = vec![
        always("POST").query("uploadId"),
        always("PUT").query("x-id"),
    ];
    let (s3, proxy, client) = start(rules, hasty());
    let store = open(&client, "s3://bucket/");
    let content = Kept::of(&pattern(PART_BYTES + 1));
    let error = store.put("key", &content).unwrap_err().to_string();
    let start = "store `s3://bucket/key`: it is not available (200 InternalError), after ";
    assert!(error.starts_with(start), "{error}");
    assert_eq!(s3.get("bucket", "key"), None);
    assert!(s3.uploads("bucket").is_empty());

    proxy.add(always("PUT"));
    let error = store.put("key", &Kept::of(b"small")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "store `s3://bucket/key`: the answer makes no sense: ETag Header missing from response"
    );
    assert_eq!(s3.get("bucket", "key"), None);
}
