use super::*;

#[track_caller]
fn parsed(text: &str) -> (Scheme, String, String) {
    let url = StoreUrl::parse(text).unwrap();
    (
        url.scheme(),
        url.container().to_owned(),
        url.key().to_owned(),
    )
}

#[test]
fn every_scheme_has_a_container_and_a_key() {
    let is = |scheme, container: &str, key: &str| (scheme, container.to_owned(), key.to_owned());
    assert_eq!(
        parsed("s3://b/code/a.tar.gz"),
        is(Scheme::S3, "b", "code/a.tar.gz")
    );
    assert_eq!(parsed("S3://b/a b+c=ü"), is(Scheme::S3, "b", "a b+c=ü"));
    assert_eq!(parsed("gs://b/folder/"), is(Scheme::Gcs, "b", "folder/"));
    assert_eq!(parsed("az://c"), is(Scheme::Azure, "c", ""));
    assert_eq!(parsed("s3://b//k"), is(Scheme::S3, "b", "k"));
    assert_eq!(parsed("https://h/x?y=1"), is(Scheme::Web, "h", "x?y=1"));
}

#[test]
fn a_text_that_names_no_object_is_refused_without_its_secrets() {
    for (text, message) in [
        (
            "ftp://h/x",
            "`ftp://h/x` is no address of a store (`s3://`, `gs://`, `az://`, `https://`)",
        ),
        (
            "/tmp/x",
            "`/tmp/x` is no address of a store (`s3://`, `gs://`, `az://`, `https://`)",
        ),
        ("s3:///key", "`s3:///key` names no bucket"),
        ("az://", "`az://` names no container"),
        (
            "s3://b/a/../c",
            "the key of `s3://b/a/../c` has an empty part, `.` or `..`",
        ),
        (
            "gs://b/a//c",
            "the key of `gs://b/a//c` has an empty part, `.` or `..`",
        ),
        ("s3://b/a\nc", "`s3://b/a\\nc` holds a control character"),
        ("https:///x?sig=SECRET", "`https:///x` names no host"),
    ] {
        assert_eq!(StoreUrl::parse(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn what_is_shown_has_no_password_and_no_signature() {
    let url = StoreUrl::parse("https://user:SECRET@h/code.tar.gz?X-Amz-Signature=SECRET").unwrap();
    assert_eq!(url.to_string(), "https://h/code.tar.gz");
    assert_eq!(format!("{url:?}"), "StoreUrl(https://h/code.tar.gz)");
    assert_eq!(url.file_name(), Some("code.tar.gz"));
    assert!(url.address().ends_with("SECRET"));
}

#[test]
fn a_folder_is_told_by_its_slash() {
    let folder = |text| StoreUrl::parse(text).unwrap().is_folder();
    assert!(folder("s3://b/code/"));
    assert!(folder("s3://b"));
    assert!(!folder("s3://b/code"));
    assert!(!folder("https://h/code/"));
}

#[test]
fn joining_goes_down() {
    let joined = |text| StoreUrl::parse(text).unwrap().join("job/x").to_string();
    assert_eq!(joined("s3://b"), "s3://b/job/x");
    assert_eq!(joined("s3://b/out/"), "s3://b/out/job/x");
    assert_eq!(joined("s3://b/out"), "s3://b/out/job/x");
}
