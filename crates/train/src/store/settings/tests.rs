use optml_contract::source::Memory;

use super::*;

fn settings(variables: &[(&str, &str)], job_region: &str) -> Settings {
    let mut source = Memory::new();
    for (name, value) in variables {
        source = source.with_var(*name, *value);
    }
    Settings::read(&source, job_region)
}

#[test]
fn the_region_has_an_order() {
    let all = [
        ("AWS_REGION", "eu-west-1"),
        ("SAGEMAKER_REGION", "eu-west-3"),
        ("AWS_DEFAULT_REGION", "eu-west-4"),
    ];
    assert_eq!(settings(&all, "eu-west-2").region(), Some("eu-west-1"));
    assert_eq!(settings(&all[1..], "eu-west-2").region(), Some("eu-west-2"));
    assert_eq!(settings(&all[1..], "").region(), Some("eu-west-3"));
    assert_eq!(settings(&all[2..], "").region(), Some("eu-west-4"));
    assert_eq!(settings(&[("AWS_REGION", "")], "").region(), None);
}

#[test]
fn the_region_of_a_profile_counts_last() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config");
    fs::write(
        &config,
        "[default]\nregion = eu-south-1\n\n[profile lab]\noutput = json\n region=eu-south-2\n",
    )
    .unwrap();
    let config = config.to_str().unwrap();
    let with = |more: &[(&str, &str)]| {
        let mut all = vec![("AWS_CONFIG_FILE", config), ("HOME", "/nonexistent")];
        all.extend(more);
        settings(&all, "").region().map(str::to_owned)
    };
    assert_eq!(with(&[]).as_deref(), Some("eu-south-1"));
    assert_eq!(
        with(&[("AWS_PROFILE", "lab")]).as_deref(),
        Some("eu-south-2")
    );
    assert_eq!(with(&[("AWS_PROFILE", "none")]), None);
    assert_eq!(with(&[("AWS_REGION", "x")]).as_deref(), Some("x"));
}

#[test]
fn the_endpoint_has_an_order_and_only_aws_has_a_host_for_each_bucket() {
    let endpoint = |variables: &[(&str, &str)], bucket, region| {
        let endpoint = settings(variables, "").s3_endpoint(bucket, region);
        (endpoint.url, endpoint.hosts_bucket)
    };
    let is = |url: &str, hosts_bucket| (url.to_owned(), hosts_bucket);
    assert_eq!(
        endpoint(&[], "b", "eu-west-1"),
        is("https://b.s3.eu-west-1.amazonaws.com", true)
    );
    assert_eq!(
        endpoint(&[], "b.c", "eu-west-1"),
        is("https://s3.eu-west-1.amazonaws.com", false)
    );
    assert_eq!(
        endpoint(&[], "b", "cn-north-1"),
        is("https://b.s3.cn-north-1.amazonaws.com.cn", true)
    );
    let all = [
        ("S3_ENDPOINT_URL", "http://one:1/"),
        ("AWS_ENDPOINT_URL_S3", "http://two:2"),
        ("AWS_ENDPOINT_URL", "http://three:3"),
    ];
    assert_eq!(endpoint(&all, "b", "r"), is("http://one:1", false));
    assert_eq!(endpoint(&all[1..], "b", "r"), is("http://two:2", false));
    assert_eq!(endpoint(&all[2..], "b", "r"), is("http://three:3", false));
    assert_eq!(
        endpoint(
            &[(
                "AWS_ENDPOINT_URL",
                "https://bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com"
            )],
            "b",
            "us-east-1"
        ),
        is(
            "https://b.bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com",
            true
        )
    );
    assert_eq!(
        endpoint(&[("S3_ENDPOINT_URL", "https://notamazonaws.com")], "b", "r"),
        is("https://notamazonaws.com", false)
    );
}

#[test]
fn secrets_are_not_shown() {
    let shown = format!(
        "{:?}",
        settings(
            &[
                ("AWS_SECRET_ACCESS_KEY", "hidden-1"),
                ("AWS_SESSION_TOKEN", "hidden-2"),
                ("AZURE_STORAGE_ACCOUNT_KEY", "hidden-3"),
                ("AWS_REGION", "eu-west-1"),
                ("DB_PASSWORD", "hidden-4"),
            ],
            "",
        )
    );
    assert!(shown.contains("eu-west-1"), "{shown}");
    assert!(!shown.contains("hidden"), "{shown}");
}

#[test]
fn only_tls_and_this_machine_are_private() {
    for uri in [
        "https://s3.eu-west-1.amazonaws.com",
        "HTTPS://host",
        "http://127.0.0.1:9000",
        "http://[::1]:9000/x",
        "http://localhost",
        "http://169.254.170.2/v2",
    ] {
        assert!(is_private(uri), "{uri}");
    }
    for uri in [
        "http://minio:9000",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://host/https://x",
        "",
    ] {
        assert!(!is_private(uri), "{uri}");
    }
}
