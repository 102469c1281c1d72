//! For hosts that all give themselves the same name: a library that tells programs their host's name in the job.
//!
//! `gethostname` is how Open MPI's daemons find out which ranks are neighbours. Where containers share a name (the
//! platform's were all called `aws`), a daemon takes the first host's ranks for its own neighbours, and they try to share
//! memory. NCCL has `NCCL_HOSTID` for that, Open MPI nothing. A host that may change its own name needs none of this;
//! few containers may.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::fs::DirBuilderExt,
};

use camino::Utf8Path;

/// Built from `preload/gethostname.rs`.
const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/gethostname.so"));

/// Writes the library into `folder`, and gives the variable that loads it before those that are loaded already.
///
/// # Errors
/// It can't be written.
pub(crate) fn variable(
    folder: &Utf8Path,
    environment: &[(OsString, OsString)],
) -> io::Result<(OsString, OsString)> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let file = folder.join("gethostname.so");
    fs::write(&file, LIBRARY)?;
    let mut value = OsString::from(file);
    let loaded = environment.iter().find(|(name, _)| name == "LD_PRELOAD");
    if let Some((_, others)) = loaded.filter(|(_, others)| !others.is_empty()) {
        value.push(OsStr::new(":"));
        value.push(others);
    }
    Ok(("LD_PRELOAD".into(), value))
}
