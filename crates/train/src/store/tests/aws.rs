//! A signed call of a service that is no store.

use optml_testkit::{IndexFailure, PackageIndex};

use super::*;

fn call(service: &str) -> AwsCall<'_> {
    AwsCall {
        method: http::Method::POST,
        service,
        region: "eu-west-1",
        path: "/v1/authorization-token?domain=d&domain-owner=123456789012".to_owned(),
    }
}

fn failure(n_times: u64, status: u16, kind: &str) -> IndexFailure {
    IndexFailure {
        target_contains: "authorization-token".to_owned(),
        n_times,
        status,
        kind: kind.to_owned(),
        message: "its own words".to_owned(),
    }
}

#[test]
fn a_call_is_signed_for_its_service_and_region() {
    let index = PackageIndex::start(Vec::new());
    let client = client(&index.variables(), Tuning::default());
    let answer = client.call_aws(&call("codeartifact")).unwrap();
    let answer = String::from_utf8(answer.to_vec()).unwrap();
    assert!(answer.contains(index.token()), "{answer}");
    let requests = index.requests();
    let signed = requests[0].header("authorization").unwrap();
    assert!(
        signed.contains("/eu-west-1/codeartifact/aws4_request"),
        "{signed}"
    );
}

#[test]
fn what_passes_is_asked_for_again() {
    let index = PackageIndex::start(Vec::new());
    index.fail(failure(2, 429, "ThrottlingException"));
    index.fail(failure(1, 500, "InternalServerException"));
    let client = client(&index.variables(), Tuning::default());
    client.call_aws(&call("codeartifact")).unwrap();
    assert_eq!(index.requests().len(), 4);
}

#[test]
fn what_does_not_pass_is_told() {
    for (status, kind, expected, n_requests) in [
        (
            404,
            "ResourceNotFoundException",
            "ResourceNotFoundException (its own words)",
            1,
        ),
        (
            403,
            "AccessDeniedException:http://internal.example/",
            "access is denied: AccessDeniedException (its own words)",
            1,
        ),
        (
            403,
            "ExpiredTokenException",
            "the credentials have expired (ExpiredTokenException)",
            2,
        ),
        (
            400,
            "ValidationException",
            "the answer is 400: ValidationException (its own words)",
            1,
        ),
        (
            500,
            "InternalServerException",
            "it is not available (500 InternalServerException), after 5 tries",
            5,
        ),
    ] {
        let index = PackageIndex::start(Vec::new());
        index.fail(failure(u64::MAX, status, kind));
        let client = client(&index.variables(), Tuning::default());
        let error = client.call_aws(&call("codeartifact")).unwrap_err();
        let expected = format!("ask `codeartifact in eu-west-1`: {expected}");
        assert_eq!(error.to_string(), expected);
        assert_eq!(index.requests().len(), n_requests, "{kind}");
    }
}
