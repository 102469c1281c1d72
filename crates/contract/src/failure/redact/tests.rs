use proptest::prelude::*;

use super::{is_secret_name, redact, redact_words};

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(redact(text), expected);
}

#[track_caller]
fn stays(text: &str) {
    check(text, text);
}

#[test]
fn credentials_in_urls_go() {
    check(
        "Looking in indexes: https://aws:eyJ2ZXI.x-Y_z@dom-1.d.codeartifact.eu-west-1.amazonaws.com/pypi/r/simple/",
        "Looking in indexes: https://***@dom-1.d.codeartifact.eu-west-1.amazonaws.com/pypi/r/simple/",
    );
    check(
        "git+https://ghp_0@github.com/a/b@v1",
        "git+https://***@github.com/a/b@v1",
    );
    check(
        "https://u:p@ss@host/x (https://a:b@c)",
        "https://***@host/x (https://***@c)",
    );
    stays("https://host/a@b?x=1 s3://bucket/key user@host");
    stays("https://@host");
}

#[test]
fn values_after_names_go() {
    check("password=hunter2 next", "password=*** next");
    check(
        "?X-Amz-Signature=abc&X-Amz-Date=1",
        "?X-Amz-Signature=***&X-Amz-Date=1",
    );
    check("?X-Amz-Security-Token=abc", "?X-Amz-Security-Token=***");
    check(
        "{'AWS_SECRET_ACCESS_KEY': 'abc', 'n': 1}",
        "{'AWS_SECRET_ACCESS_KEY': '***', 'n': 1}",
    );
    check(r#"{"api_key": 12, "n": 1}"#, r#"{"api_key": ***, "n": 1}"#);
    check(
        r#"login(token="abc", user="me")"#,
        r#"login(token="***", user="me")"#,
    );
    check(r#"password = "hunter2""#, r#"password = "***""#);
    check("db_password: hunter2", "db_password: ***");
    check(
        "train.py --api-key abc --lr 1",
        "train.py --api-key *** --lr 1",
    );
    check(
        "['train.py', '--api-key', 'abc']",
        "['train.py', '--api-key', '***']",
    );
    check(
        "Authorization: Bearer abcdefghijklmnopqrst",
        "Authorization: Bearer ***",
    );
}

#[test]
fn tokens_go_by_their_form() {
    check("key AKIAIOSFODNN7EXAMPLE is", "key *** is");
    check("hf_abcdefghijklmnopqrstuvwxyz", "***");
    check("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_def", "***");
    check(
        "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb",
        "a\n***-----END RSA PRIVATE KEY-----\nb",
    );
    check("-----BEGIN PRIVATE KEY-----\nMIIE", "***");
}

#[test]
fn ordinary_texts_stay() {
    stays("ValueError: could not convert string to float: 'oops'");
    stays("SyntaxError: unexpected token: x");
    stays("sorted(rows, key=len)");
    stays("KeyError: 'lr'");
    stays("{'Key': 'model.tar.gz'}");
    stays("max_tokens=512, tokenizer='bert'");
    stays("token = next(tokens)");
    stays("if token == other:");
    stays("hf_model sk-learn AKIA");
    stays("-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----");
    stays("password:");
    stays("--token");
    stays("the password is");
    check("µ://é@", "µ://***@");
}

#[test]
fn words_of_a_command() {
    let words =
        |words: &[&str]| -> Vec<String> { words.iter().map(|&word| word.to_owned()).collect() };
    let check = |command: &[&str], expected: &[&str]| {
        assert_eq!(redact_words(&words(command)), words(expected));
    };
    check(
        &["pip", "-i", "https://aws:T@h/simple"],
        &["pip", "-i", "https://***@h/simple"],
    );
    check(
        &["t.py", "--hf-token", "a b", "--lr", "1"],
        &["t.py", "--hf-token", "***", "--lr", "1"],
    );
    check(
        &["t.py", "--hf-token", "-x"],
        &["t.py", "--hf-token", "***"],
    );
    check(
        &["t.py", "--token", "--lr", "1"],
        &["t.py", "--token", "--lr", "1"],
    );
    check(
        &["t.py", "--db_password=a b c"],
        &["t.py", "--db_password=***"],
    );
    check(
        &["env", "WANDB_API_KEY=abc", "t.py"],
        &["env", "WANDB_API_KEY=***", "t.py"],
    );
    check(&["t.py", "--key", "abc"], &["t.py", "--key", "***"]);
    check(
        &["t.py", "--max-tokens", "5"],
        &["t.py", "--max-tokens", "5"],
    );
}

#[test]
fn names_that_say_secret() {
    for name in [
        "HF_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "dbPassword",
        "--api-key",
        "apikey",
        "WANDB_API_KEY",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "key",
    ] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in [
        "",
        "lr",
        "max_tokens",
        "tokenizer",
        "keypoints",
        "public_key",
        "SM_HPS",
        "monkey",
        "--",
    ] {
        assert!(!is_secret_name(name), "{name}");
    }
}

proptest! {
    #[test]
    fn never_panics_and_keeps_what_has_no_mark(text in "\\PC{0,200}") {
        let redacted = redact(&text);
        prop_assert!(redacted.contains("***") || redacted == text);
    }

    #[test]
    fn a_url_password_is_never_kept(password in "[a-zA-Z0-9%._~!$*+-]{6,40}", before in "[ a-z\"(]{0,10}") {
        let redacted = redact(&format!("{before}https://user:{password}@host/path"));
        prop_assert!(!redacted.contains(&password), "{}", redacted);
    }
}
