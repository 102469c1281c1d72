//! How every test here starts the binary.

use std::ffi::{OsStr, OsString};

use optml_testkit::{FaultProxy, Finished, OptMl, Proc, Rule, S3, Streams};

/// The binary under test: the one that was just built, or `OPTML_TEST_BIN` (the static one, for a smoke test).
pub(crate) fn binary() -> OsString {
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch for the tests themselves"
    )]
    let elsewhere = std::env::var_os("OPTML_TEST_BIN");
    elsewhere.unwrap_or_else(|| env!("CARGO_BIN_EXE_optml").into())
}

/// `optml WORDS…` on a tree.
#[track_caller]
pub(crate) fn start(tree: &OptMl, words: &[&str], variables: &[(&str, &str)]) -> Proc {
    start_with(tree, words, variables, Streams::default())
}

/// The same, with streams that lead elsewhere.
#[track_caller]
pub(crate) fn start_with(
    tree: &OptMl,
    words: &[&str],
    variables: &[(&str, &str)],
    streams: Streams,
) -> Proc {
    let mut all = vec![("SAGEMAKER_BASE_DIR", tree.base().as_os_str())];
    all.extend(
        variables
            .iter()
            .map(|(name, value)| (*name, OsStr::new(*value))),
    );
    Proc::start_with(Proc::command(binary(), words, &all), streams)
}

/// `optml train` on a tree, to its end.
#[track_caller]
pub(crate) fn train(tree: &OptMl) -> Finished {
    start(tree, &["train"], &[]).wait()
}

/// `optml WORDS…` without any tree, to its end.
#[track_caller]
pub(crate) fn optml(words: &[&str]) -> Finished {
    Proc::start(binary(), words, &[]).wait()
}

/// A bucket, and a proxy in front of its server.
pub(crate) fn bucket_with_faults(name: &str, rules: Vec<Rule>) -> (S3, FaultProxy) {
    let store = S3::start();
    store.make_bucket(name);
    let proxy = FaultProxy::start(&store.endpoint(), rules);
    (store, proxy)
}
