//! How every test here starts the binary.

use std::ffi::OsStr;

use optml_testkit::{Finished, OptMl, Proc};

/// The binary under test: the one that was just built, or `OPTML_TEST_BIN` (the static one, for a smoke test).
pub(crate) fn binary() -> &'static OsStr {
    let built = OsStr::new(env!("CARGO_BIN_EXE_optml"));
    option_env!("OPTML_TEST_BIN").map_or(built, OsStr::new)
}

/// `optml WORDS…` on a tree.
#[track_caller]
pub(crate) fn start(tree: &OptMl, words: &[&str], variables: &[(&str, &str)]) -> Proc {
    let mut all = vec![("SAGEMAKER_BASE_DIR", tree.base().as_os_str())];
    all.extend(
        variables
            .iter()
            .map(|(name, value)| (*name, OsStr::new(*value))),
    );
    Proc::start(binary(), words, &all)
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
