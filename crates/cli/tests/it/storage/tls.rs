//! Stores behind TLS: whose certificates count, and what is said of those that don't.

use std::{fs, io::PipeWriter, path::PathBuf};

use optml_testkit::{FaultProxy, OptMl, Proc, S3, Streams};

use super::{Variables, bucket, check_refused, line_with, train};
use crate::code::{archive, check_ran, gzip, job, text};

/// TLS in front of something, with an authority that nobody else knows.
struct Tls {
    folder: tempfile::TempDir,
    port: String,
    _process: Proc,
    /// It ends with its input.
    _input: PipeWriter,
}

impl Tls {
    fn before(endpoint: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let upstream = endpoint.rsplit(':').next().unwrap();
        let words = ["-c", TERMINATOR, text(folder.path()), upstream];
        let (held, input) = std::io::pipe().unwrap();
        let streams = Streams {
            stdin: held.into(),
            ..Streams::default()
        };
        let process = Proc::start_with(Proc::command("python3", words, &[]), streams);
        let line = process.stdout_line("port ");
        Self {
            port: line.trim_start_matches("port ").trim().to_owned(),
            folder,
            _process: process,
            _input: input,
        }
    }

    fn endpoint(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    fn authority(&self) -> String {
        text(&self.folder.path().join("ca.pem")).to_owned()
    }
}

const TERMINATOR: &str = include_str!("tls_terminator.py");

/// The store's, with its address behind TLS.
fn variables(store: &S3, tls: &Tls) -> Variables {
    let mut all = store.variables();
    all.retain(|(name, _)| *name != "AWS_ENDPOINT_URL_S3");
    all.push(("AWS_ENDPOINT_URL_S3", tls.endpoint()));
    all
}

#[test]
fn code_comes_through_tls_by_an_authority_that_a_variable_names() {
    let store = bucket(&[("code.tar.gz", &gzip(&archive()))]);
    let tls = Tls::before(&store.endpoint());
    for name in ["SSL_CERT_FILE", "AWS_CA_BUNDLE"] {
        let mut variables = variables(&store, &tls);
        variables.push((name, tls.authority()));
        let tree = job(Some("s3://bucket/code.tar.gz"));
        check_ran(&tree, &train(&tree, &variables));
    }
}

#[test]
fn output_is_uploaded_through_tls_and_checkpoints_come_back() {
    let store = bucket(&[("checkpoints/1.bin", b"one")]);
    let proxy = FaultProxy::start(&store.endpoint(), vec![]);
    let tls = Tls::before(&proxy.endpoint());
    let script = "import os\n\
        base = os.environ['SAGEMAKER_BASE_DIR']\n\
        print(open(base + '/checkpoints/1.bin').read())\n\
        open(base + '/checkpoints/2.bin', 'w').write('two')\n\
        open(base + '/checkpoints/large.bin', 'wb').write(bytes(20_000_000))\n";
    let tree = OptMl::with_script("train.py", script);
    let mut variables = variables(&store, &tls);
    variables.push(("SSL_CERT_FILE", tls.authority()));
    variables.push(("OPTML_CHECKPOINT_URL", "s3://bucket/checkpoints".to_owned()));
    let finished = train(&tree, &variables);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "one\n"),
        "{}",
        finished.stderr
    );
    line_with(&finished, &["everything is uploaded", "n_files=2"]);
    assert_eq!(store.get("bucket", "checkpoints/2.bin").unwrap(), b"two");
    let large = store.get("bucket", "checkpoints/large.bin").unwrap();
    assert!(large == vec![0; 20_000_000]);
    // Who can't read the way can't change what goes on it.
    let requests = proxy.requests();
    let put = requests.iter().find(|seen| seen.method == "PUT").unwrap();
    assert_eq!(put.header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
}

#[test]
fn an_unknown_authority_is_refused_with_the_variable_to_set() {
    let store = bucket(&[("code.tar.gz", &gzip(&archive()))]);
    let tls = Tls::before(&store.endpoint());
    for location in [
        "s3://bucket/code.tar.gz".to_owned(),
        format!("{}/bucket/code.tar.gz", tls.endpoint()),
    ] {
        let tree = job(Some(&location));
        let finished = train(&tree, &variables(&store, &tls));
        let report = check_refused(&tree, &finished, &["certificate", "UnknownIssuer"]);
        assert!(report.contains("SSL_CERT_FILE"), "{report}");
    }
}

#[test]
fn a_file_that_holds_no_certificates_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "no certificate\n").unwrap();
    let missing: PathBuf = folder.path().join("missing.pem");
    for (name, path) in [("SSL_CERT_FILE", &empty), ("AWS_CA_BUNDLE", &missing)] {
        let tree = job(Some("s3://bucket/code.tar.gz"));
        let variables = vec![(name, text(path).to_owned())];
        let finished = train(&tree, &variables);
        check_refused(&tree, &finished, &[name, text(path)]);
    }
}
