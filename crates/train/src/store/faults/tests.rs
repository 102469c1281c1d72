use super::*;

/// What `object_store` 0.14 says about an answer.
fn answer(status: &str, body: &str) -> String {
    format!(
        "Generic S3 error: Error performing GET http://127.0.0.1:9/bucket/key in 3.1ms, after 2 retries, \
         max_retries: 8, retry_timeout: 60s  - Server returned non-2xx status code: {status}: {body}"
    )
}

fn document(code: &str, more: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>its own words</Message>{more}<RequestId>1</RequestId></Error>"
    )
}

fn seen(region: Option<&str>, ahead_s: Option<i64>) -> Seen {
    Seen {
        region: region.map(str::to_owned),
        ahead_s,
    }
}

#[track_caller]
fn check(text: &str, seen: &Seen, expected: &str) {
    let fault = Answered::read(text).fault(seen).expect(text);
    assert_eq!(fault.to_string(), expected, "{text}");
}

#[test]
fn every_answer_has_a_meaning() {
    for (status, code, expected) in [
        (
            "500 Internal Server Error",
            "InternalError",
            "it is not available (500 InternalError), after 3 tries",
        ),
        (
            "503 Service Unavailable",
            "SlowDown",
            "it is not available (503 SlowDown), after 3 tries",
        ),
        (
            "429 Too Many Requests",
            "TooManyRequests",
            "it is not available (429 TooManyRequests), after 3 tries",
        ),
        (
            "403 Forbidden",
            "AccessDenied",
            "access is denied: AccessDenied (its own words)",
        ),
        (
            "403 Forbidden",
            "SignatureDoesNotMatch",
            "access is denied: SignatureDoesNotMatch (its own words)",
        ),
        (
            "403 Forbidden",
            "InvalidAccessKeyId",
            "access is denied: InvalidAccessKeyId (its own words)",
        ),
        (
            "403 Forbidden",
            "RequestTimeTooSkewed",
            "the clock of this machine is 1 h 0 min ahead: the store refuses the signature",
        ),
        (
            "400 Bad Request",
            "ExpiredToken",
            "the credentials have expired (ExpiredToken)",
        ),
        (
            "400 Bad Request",
            "TokenRefreshRequired",
            "the credentials have expired (TokenRefreshRequired)",
        ),
        (
            "400 Bad Request",
            "InvalidArgument",
            "the answer is 400: InvalidArgument (its own words)",
        ),
        ("404 Not Found", "NoSuchKey", "NoSuchKey (its own words)"),
        (
            "404 Not Found",
            "NoSuchBucket",
            "NoSuchBucket (its own words)",
        ),
        (
            "412 Precondition Failed",
            "PreconditionFailed",
            "the object changed while it was read",
        ),
        (
            "416 Requested Range Not Satisfiable",
            "InvalidRange",
            "the answer is 416: InvalidRange (its own words)",
        ),
    ] {
        let text = answer(status, &document(code, ""));
        check(&text, &seen(None, Some(3600)), expected);
    }
}

#[test]
fn the_region_is_that_of_the_document_or_of_a_header() {
    let malformed = document("AuthorizationHeaderMalformed", "<Region>eu-west-3</Region>");
    let expected =
        |region| format!("the bucket is in region `{region}`, and asking there failed too");
    check(
        &answer("400 Bad Request", &malformed),
        &seen(Some("eu-west-1"), None),
        &expected("eu-west-3"),
    );
    // A body is not read of a redirect.
    let bare = "Generic S3 error: Error performing GET http://127.0.0.1:9/bucket/key in 1ms - Received redirect without \
                LOCATION, this normally indicates an incorrectly configured region";
    check(bare, &seen(Some("eu-west-1"), None), &expected("eu-west-1"));
    check(
        bare,
        &seen(None, None),
        "the bucket is in another region, and the store does not say in which",
    );
    check(
        &answer("301 Moved Permanently", ""),
        &seen(Some("eu-west-1"), None),
        &expected("eu-west-1"),
    );
}

#[test]
fn an_answer_without_a_word_has_its_status() {
    let nobody = seen(None, None);
    for (status, expected) in [
        (
            "403 Forbidden",
            "access is denied: the store does not say why",
        ),
        ("404 Not Found", "there is no such object"),
        (
            "502 Bad Gateway",
            "it is not available (502), after 3 tries",
        ),
        (
            "400 Bad Request",
            "the answer is 400: the store does not say why",
        ),
    ] {
        check(&answer(status, ""), &nobody, expected);
        check(
            &answer(status, "<html>no document of S3</html>"),
            &nobody,
            expected,
        );
    }
}

#[test]
fn a_success_may_be_an_error() {
    let text = format!(
        "Generic S3 error: Error performing POST http://127.0.0.1:9/bucket/key?uploadId=1 in 9s, after 8 retries, \
         max_retries: 8, retry_timeout: 60s  - Server returned error response: {}",
        document("InternalError", "")
    );
    check(
        &text,
        &seen(None, None),
        "it is not available (200 InternalError), after 9 tries",
    );
    let other = text.replace("InternalError", "AccessDenied");
    check(
        &other,
        &seen(None, None),
        "the answer is 200: AccessDenied (its own words)",
    );
}

#[test]
fn what_is_no_answer_has_no_status() {
    for text in [
        "",
        "Generic S3 error: Received non-partial response when range requested",
        "Generic S3 error: Error performing GET http://127.0.0.1:9/b/k in 1ms - HTTP error: error sending request",
        "status code: none",
        "status code: 99999999999",
    ] {
        assert!(
            Answered::read(text).fault(&Seen::default()).is_none(),
            "{text}"
        );
    }
    assert_eq!(
        Answered::read("status code: 503").n_retries,
        0,
        "nothing was asked again"
    );
}

#[test]
fn words_of_a_stranger_are_one_line() {
    let body = document("BlobNotFound", "").replace("own words", "own words.\nRequestId:1\nTime:2");
    check(
        &answer("404 Not Found", &body),
        &seen(None, None),
        "BlobNotFound (its own words.)",
    );
    let blank = document("X", "").replace("its own words", " \n ");
    assert_eq!(Answered::read(&blank).message, None);
}

#[test]
fn words_of_a_stranger_are_bounded() {
    let text = answer("403 Forbidden", &document("AccessDenied", ""))
        .replace("its own words", &"ä".repeat(5_000));
    let message = Answered::read(&text).message.unwrap();
    assert_eq!(message.chars().count(), MAX_TEXT_CHARS);
}
