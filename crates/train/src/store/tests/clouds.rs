//! Google Cloud Storage and Azure: that their variables count, and the bucket that the address names.
//!
//! Neither runs here. Google's XML calls are those of S3, so the server that forgets stands in for it; Azure is asked
//! nothing.

use optml_testkit::{DiscardingS3, FaultProxy, UploadEnd};

use super::*;

#[test]
fn google_is_asked_as_its_variables_say() {
    let server = DiscardingS3::start(&[("bucket", "key", 300_000)]);
    let proxy = FaultProxy::start(&server.endpoint(), vec![]);
    let variables = [
        ("GOOGLE_BASE_URL", proxy.endpoint()),
        ("GOOGLE_BEARER_TOKEN", "token".to_owned()),
        ("GOOGLE_BUCKET_NAME", "another".to_owned()),
    ];
    let client = client(&variables, small());
    let store = open(&client, "gs://bucket/key");
    assert!(read(&store).unwrap() == pattern(300_000));
    assert!(download(&store).unwrap() == pattern(300_000));
    let error = open(&client, "gs://bucket/none").look().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("find `gs://bucket/none`: NoSuchKey")
    );
    let root = open(&client, "gs://bucket/");
    for n_bytes in [10, PART_BYTES + 1] {
        let put = root.put("new", &Kept::of(&pattern(n_bytes)));
        assert_eq!(put.unwrap(), Put::Stored);
    }
    for seen in proxy.requests() {
        assert!(seen.target.starts_with("/bucket/"), "{}", seen.target);
        assert_eq!(seen.header("authorization"), Some("Bearer token"));
    }
    let stored = server.objects();
    let ends: Vec<_> = stored
        .iter()
        .map(|upload| (upload.end, upload.content.n_bytes()))
        .collect();
    let whole = |n_bytes| (UploadEnd::Completed, n_bytes);
    assert_eq!(ends, [whole(10), whole(PART_BYTES + 1)]);
}

#[test]
fn azure_without_an_account_is_no_store() {
    let url = StoreUrl::parse("az://container/key").unwrap();
    let error = client(&[], small()).open(&url).unwrap_err();
    assert_eq!(
        error.to_string(),
        "open `az://container/key`: Generic MicrosoftAzure error: Account must be specified"
    );
    let account = [("AZURE_STORAGE_ACCOUNT_NAME", "account".to_owned())];
    client(&account, small()).open(&url).unwrap();
}
