//! The package index, through its calls and through pip.

use optml_testkit::{IndexFailure, PackageIndex, Proc, wheel};

use crate::{address, connect};

const SIGNED: (&str, &str) = (
    "Authorization",
    "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/codeartifact/aws4_request, SignedHeaders=host, Signature=0",
);

#[test]
fn tokens_and_endpoints_are_for_those_who_sign() {
    let index = PackageIndex::start(Vec::new());
    let mut client = connect(&index.endpoint());
    let path = "/v1/authorization-token?domain=d&domain-owner=123456789012";
    assert_eq!(client.request("POST", path, &[], b"").status, 403);
    let answer = client.request("POST", path, &[SIGNED], b"");
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains(index.token()), "{}", answer.text());
    assert_eq!(
        client
            .request("POST", "/v1/authorization-token", &[SIGNED], b"")
            .status,
        400
    );

    let host = address(&index.endpoint()).to_string();
    let path = "/v1/repository/endpoint?domain=d&domain-owner=1&repository=r&format=pypi";
    client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n").as_bytes());
    client.send(format!("{}: {}\r\n\r\n", SIGNED.0, SIGNED.1).as_bytes());
    let expected = format!("{{\"repositoryEndpoint\":\"http://{host}/pypi/r/\"}}");
    assert_eq!(client.response("GET").text(), expected);

    index.fail(IndexFailure {
        target_contains: "authorization-token".to_owned(),
        n_times: 1,
        status: 404,
        kind: "ResourceNotFoundException".to_owned(),
        message: "Domain not found.".to_owned(),
    });
    let path = "/v1/authorization-token?domain=d";
    let answer = client.request("POST", path, &[SIGNED], b"");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (404, "{\"message\":\"Domain not found.\"}")
    );
    assert_eq!(
        answer.header("x-amzn-errortype"),
        Some("ResourceNotFoundException")
    );
    assert_eq!(client.request("POST", path, &[SIGNED], b"").status, 200);
    assert_eq!(index.requests().len(), 6);
}

#[test]
fn pip_installs_from_it_with_the_token_alone() {
    let index = PackageIndex::start(vec![wheel("tiny-thing", "1.2", "answer = 42\n")]);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().to_str().unwrap();
    let address = address(&index.endpoint());
    let install = |index: &str| {
        let words = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--isolated",
            "--no-input",
        ];
        let more = [
            "--target",
            target,
            "--no-cache-dir",
            "--index-url",
            index,
            "tiny-thing",
        ];
        Proc::start("python3", words.iter().chain(&more), &[]).wait()
    };
    let refused = install(&format!("http://{address}/pypi/r/simple/"));
    assert_ne!(refused.code, Some(0), "{refused:?}");
    let with_token = format!("http://aws:{}@{address}/pypi/r/simple/", index.token());
    let done = install(&with_token);
    assert_eq!(done.code, Some(0), "{done:?}");
    let words = ["-c", "import tiny_thing; print(tiny_thing.answer)"];
    let done = Proc::start("python3", words, &[("PYTHONPATH", target.as_ref())]).wait();
    assert_eq!(done.stdout, "42\n", "{done:?}");
}
