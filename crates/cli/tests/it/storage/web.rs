//! Code from a web server, with ranges and without; a signature in its address is shown nowhere.

use std::fs;

use optml_testkit::{Action, FaultProxy, Proc, Rule, S3};

use super::{
    Variables, WEIGHS, bucket, check_kept, check_refused, is_of_content, line_with, noise,
    tar_with_data, train, weight,
};
use crate::code::{archive, check_ran, gzip, job, text, zip};

/// `http://…` of a server of files that knows no ranges: Python's own.
struct Files {
    folder: tempfile::TempDir,
    address: String,
    _process: Proc,
}

impl Files {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let words = [
            "-u",
            "-m",
            "http.server",
            "0",
            "--bind",
            "127.0.0.1",
            "--directory",
        ];
        let words = words.iter().copied().chain([text(folder.path())]);
        let process = Proc::start("python3", words, &[]);
        let line = process.stdout_line("Serving HTTP on ");
        let port = line.split(" port ").nth(1).unwrap();
        let port = port.split(' ').next().unwrap();
        Self {
            address: format!("http://127.0.0.1:{port}"),
            folder,
            _process: process,
        }
    }

    fn put(&self, name: &str, content: &[u8]) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }
}

/// A web server with ranges: the store itself, by a signature in the query.
fn signed(store: &S3, key: &str) -> String {
    let (endpoint, query) = (store.endpoint(), QUERY);
    format!("{endpoint}/bucket/{key}?{query}{SIGNATURE}")
}

const SIGNATURE: &str = "5ec2e75162a7e5ec2e75162a7e";
const QUERY: &str = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIATESTTESTTESTTEST%2F20260101%2Fus-east-1%2Fs3%2Faws4_request\
    &X-Amz-Date=20260101T000000Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host&X-Amz-Signature=";
/// No store is set up, and trace says all that there is to say.
fn no_store() -> Variables {
    vec![("OPTML_LOG_LEVEL", "trace".to_owned())]
}

#[track_caller]
fn runs_from_the_web(address: &str) {
    let shown = address.split('?').next().unwrap();
    let tree = job(Some(address));
    let finished = train(&tree, &no_store());
    check_ran(&tree, &finished);
    line_with(&finished, &["code is in place", shown]);
    check_kept(&[SIGNATURE], &tree, &finished);
}

#[test]
fn a_web_server_without_ranges() {
    let files = Files::start();
    let tar = archive();
    for (name, content) in [
        ("code.tar.gz", gzip(&tar)),
        ("code.tar", tar),
        ("code.zip", zip()),
    ] {
        files.put(name, &content);
        runs_from_the_web(&format!("{}/{name}?sig={SIGNATURE}", files.address));
    }
    let data = noise(9 << 20);
    files.put("large.tar.gz", &gzip(&tar_with_data(WEIGHS, &data)));
    files.put("train.py", b"print('alone')");
    for (name, says) in [("large.tar.gz", &*weight(&data)), ("train.py", "alone\n")] {
        let tree = job(Some(&format!("{}/{name}", files.address)));
        let finished = train(&tree, &no_store());
        assert_eq!(
            (finished.code, &*finished.stdout),
            (Some(0), says),
            "{}",
            finished.stderr
        );
    }
}

#[test]
fn a_web_server_with_ranges_and_a_signature() {
    let data = noise(9 << 20);
    let large = gzip(&tar_with_data(WEIGHS, &data));
    let store = bucket(&[
        ("code.tar.gz", &gzip(&archive())),
        ("code.zip", &zip()),
        ("large.tar.gz", &large),
    ]);
    runs_from_the_web(&signed(&store, "code.tar.gz"));
    runs_from_the_web(&signed(&store, "code.zip"));

    let proxy = FaultProxy::start(&store.endpoint(), vec![]);
    let address = signed(&store, "large.tar.gz").replace(&store.endpoint(), &proxy.endpoint());
    let tree = job(Some(&address));
    let finished = train(&tree, &no_store());
    assert_eq!(finished.stdout, weight(&data), "{}", finished.stderr);
    check_kept(&[SIGNATURE], &tree, &finished);
    let requests = proxy.requests();
    let pieces = requests.iter().filter(|seen| is_of_content(seen));
    assert_eq!(pieces.count(), 3, "{requests:?}");
}

#[test]
fn a_redirect_of_the_web_is_followed() {
    let store = bucket(&[("code.tar.gz", &gzip(&archive()))]);
    let moved = Action::Status {
        status: 302,
        body: Vec::new(),
        headers: vec![("Location".to_owned(), signed(&store, "code.tar.gz"))],
    };
    let proxy = FaultProxy::start(&store.endpoint(), vec![Rule::new(moved).path("/release")]);
    runs_from_the_web(&format!("{}/release/code", proxy.endpoint()));
}

#[test]
fn a_web_server_that_refuses() {
    let refusal = Action::Status {
        status: 403,
        body: format!("<Error>{SIGNATURE}</Error>").into_bytes(),
        headers: vec![],
    };
    let nothing = bucket(&[]);
    let rules = vec![Rule::new(refusal).path("/refused")];
    let proxy = FaultProxy::start(&nothing.endpoint(), rules);
    let endpoint = proxy.endpoint();
    for (path, wanted, remedy) in [
        (
            "/refused/code.tar.gz",
            "access is denied: 403 Forbidden",
            "check the address: a signature",
        ),
        (
            "/bucket/missing.tar.gz",
            "404 Not Found",
            "check the address",
        ),
    ] {
        let address = format!("{endpoint}{path}?{QUERY}{SIGNATURE}");
        let tree = job(Some(&address));
        let finished = train(&tree, &no_store());
        let shown = format!("`{endpoint}{path}`");
        let wanted = [&*shown, wanted, "sagemaker_submit_directory"];
        let report = check_refused(&tree, &finished, &wanted);
        assert!(report.contains(remedy), "{report}");
        check_kept(&[SIGNATURE], &tree, &finished);
    }
}
