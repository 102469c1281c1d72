//! The real S3, through its own calls and through boto3.

use optml_testkit::{Action, DiscardingS3, FaultProxy, Finished, Proc, Rule, S3, UploadEnd};

use crate::bytes;

const PART_BYTES: usize = 5 << 20;

#[test]
fn objects_come_back_and_are_listed_over_pages() {
    let s3 = S3::start();
    s3.make_bucket("bucket");
    s3.put("bucket", "a b/ü&<\"'+=%.txt", b"odd");
    assert_eq!(
        s3.get("bucket", "a b/ü&<\"'+=%.txt").as_deref(),
        Some(&b"odd"[..])
    );
    for n in 0..205 {
        s3.put("bucket", &format!("many/{n:03}"), b"x");
    }
    let listed = s3.list("bucket", "many/");
    let keys: Vec<_> = listed.iter().map(|object| object.key.clone()).collect();
    let expected: Vec<_> = (0..205).map(|n| format!("many/{n:03}")).collect();
    assert_eq!(keys, expected);
    // The MD5 of `x`.
    let etag = "\"9dd4e461268c8034f5c8564e155c67a6\"";
    assert_eq!((listed[0].size_bytes, listed[0].etag.as_str()), (1, etag));
    assert_eq!(s3.etag("bucket", "many/000").as_deref(), Some(etag));
    assert_eq!(s3.list("bucket", "a b/")[0].key, "a b/ü&<\"'+=%.txt");

    s3.delete("bucket", "many/000");
    assert_eq!(s3.get("bucket", "many/000"), None);
    assert_eq!(s3.etag("bucket", "many/000"), None);
    assert_eq!(s3.list("bucket", "none"), []);
}

#[test]
fn uploads_in_parts_are_put_together_and_open_ones_are_known() {
    let s3 = S3::start();
    s3.make_bucket("bucket");
    let content = bytes(PART_BYTES + 10);
    s3.put_multipart("bucket", "large", &content, PART_BYTES);
    assert!(s3.get("bucket", "large") == Some(content));
    let etag = s3.etag("bucket", "large").unwrap();
    assert!(etag.ends_with("-2\""), "{etag}");
    assert_eq!(s3.uploads("bucket"), [""; 0]);

    let mut client = crate::connect(&s3.endpoint());
    let begun = client.request("POST", "/bucket/left&open?uploads", &[crate::SIGNED], b"");
    assert_eq!(begun.status, 200, "{}", begun.text());
    assert_eq!(s3.uploads("bucket"), ["left&open"]);
}

/// A client that signs, waits for `100 Continue` and sends checksums behind chunks finds its way through the proxy.
#[test]
fn boto3_uploads_and_downloads_through_the_proxy() {
    let s3 = S3::start();
    let slow = Rule::new(Action::slow_down()).method("PUT").path("/large");
    let proxy = FaultProxy::start(&s3.endpoint(), vec![slow.once()]);
    let done = python(BOTO3, proxy.variables());
    assert_eq!(
        (done.code, done.stdout.as_str()),
        (Some(0), "same\n"),
        "{done:?}"
    );

    assert!(
        s3.get("bucket", "large")
            .is_some_and(|bytes| bytes.len() == 12 << 20)
    );
    let seen = proxy.requests();
    let is_signed = |value: &str| value.starts_with("AWS4-HMAC-SHA256 Credential=AKIATEST");
    assert!(
        seen.iter()
            .all(|one| one.header("authorization").is_some_and(is_signed))
    );
    assert!(seen.iter().any(|one| one.status == Some(503)), "{seen:#?}");
    assert!(
        seen.iter().any(|one| one.header("expect").is_some()),
        "{seen:#?}"
    );
    assert_eq!(s3.uploads("bucket"), [""; 0]);
}

#[test]
fn boto3_uploads_what_is_forgotten() {
    let s3 = DiscardingS3::start(&[("bucket", "pattern", 1 << 20)]);
    let done = python(BOTO3_DISCARDING, s3.variables());
    assert_eq!(
        done.stdout, "1048576 [0, 1, 2]\n0\nEntityTooSmall\n",
        "{done:?}"
    );
    let ends: Vec<_> = s3
        .objects()
        .iter()
        .map(|one| (one.key.clone(), one.end))
        .collect();
    let large = ("large".to_owned(), UploadEnd::Completed);
    let small = ("small".to_owned(), UploadEnd::Aborted);
    assert_eq!(ends, [large, small]);
    assert_eq!(s3.objects()[0].content.n_bytes(), 12 << 20);
}

#[track_caller]
fn python(program: &str, variables: Vec<(&'static str, String)>) -> Finished {
    let region = ("AWS_DEFAULT_REGION", "us-east-1".to_owned());
    let variables: Vec<_> = variables.into_iter().chain([region]).collect();
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_ref()))
        .collect();
    Proc::start("python3", ["-c", program], &variables).wait()
}

/// Without checksums behind chunks, which that server does not read.
const BOTO3_DISCARDING: &str = r#"
import boto3, botocore, io, os
s3 = boto3.client("s3", config=botocore.config.Config(request_checksum_calculation="when_required"))
s3.upload_fileobj(io.BytesIO(os.urandom(12 << 20)), "bucket", "large")
head = s3.head_object(Bucket="bucket", Key="pattern")
part = s3.get_object(Bucket="bucket", Key="pattern", Range="bytes=251-253", IfMatch=head["ETag"])
print(head["ContentLength"], list(part["Body"].read()))
print(s3.list_objects_v2(Bucket="bucket")["KeyCount"])
names = {"Bucket": "bucket", "Key": "small"}
names["UploadId"] = s3.create_multipart_upload(**names)["UploadId"]
tags = [s3.upload_part(PartNumber=n, Body=b"x", **names)["ETag"] for n in (1, 2)]
parts = [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]
try:
    s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **names)
except s3.exceptions.ClientError as error:
    print(error.response["Error"]["Code"])
s3.abort_multipart_upload(**names)
"#;

const BOTO3: &str = r#"
import boto3, io, os
s3 = boto3.client("s3")
s3.create_bucket(Bucket="bucket")
content = os.urandom(12 << 20)
s3.upload_fileobj(io.BytesIO(content), "bucket", "large")
s3.put_object(Bucket="bucket", Key="small", Body=b"small")
back = io.BytesIO()
s3.download_fileobj("bucket", "large", back)
small = s3.get_object(Bucket="bucket", Key="small")["Body"].read()
print("same" if (back.getvalue(), small) == (content, b"small") else "other")
"#;
