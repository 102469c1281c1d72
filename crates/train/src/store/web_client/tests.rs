use optml_contract::source::Memory;

use super::*;

#[test]
fn what_is_near_is_asked_without_a_proxy() {
    for (uri, expected) in [
        ("http://169.254.170.2/v2/task", true),
        ("http://169.254.169.254/latest", true),
        ("http://[fd00:ec2::23]/v1/credentials", true),
        ("http://127.0.0.1:80/", true),
        ("http://[::1]/", true),
        ("http://localhost/", true),
        ("https://sts.amazonaws.com/", false),
        ("http://10.0.0.1/", false),
        ("http://[fd00::1]/", false),
        ("/", false),
    ] {
        assert_eq!(is_near(&uri.parse().unwrap()), expected, "{uri}");
    }
}

#[test]
fn certificates_that_cannot_be_read_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "no certificate\n").unwrap();
    let empty = empty.to_str().unwrap();
    for (variable, path, reason) in [
        ("SSL_CERT_FILE", empty, "it holds no certificate"),
        ("AWS_CA_BUNDLE", empty, "it holds no certificate"),
        (
            "SSL_CERT_FILE",
            "/nonexistent/ca.pem",
            "No such file or directory (os error 2)",
        ),
    ] {
        let source = Memory::new().with_var(variable, path);
        let error = WebClient::new(&Settings::read(&source, "")).unwrap_err();
        let start = format!("read the certificates that {variable} names, `{path}`: ");
        let text = error.to_string();
        assert!(text.starts_with(&start) && text.ends_with(reason), "{text}");
    }
}
