//! What is said about a folder, each thing once a run.

use std::{collections::BTreeSet, io, path::Path, time::Duration};

use rustix::io::Errno;
use tracing::{info, warn};

/// What was said already.
#[derive(Debug)]
pub(super) struct Said {
    what: &'static str,
    topics: BTreeSet<Topic>,
    /// Names that can't be uploaded.
    names: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Link,
    Special,
    Unwatched,
    RootGone,
}

impl Said {
    /// Nothing yet. `what` is what the folder holds.
    pub(super) fn about(what: &'static str) -> Self {
        Self {
            what,
            topics: BTreeSet::new(),
            names: BTreeSet::new(),
        }
    }

    pub(super) fn link(&mut self, name: &str) {
        if self.topics.insert(Topic::Link) {
            let what = self.what;
            warn!(
                first = name,
                "{what}: links are not followed and not uploaded"
            );
        }
    }

    pub(super) fn special(&mut self, name: &str) {
        if self.topics.insert(Topic::Special) {
            let what = self.what;
            warn!(
                first = name,
                "{what}: FIFOs, sockets and devices are not uploaded"
            );
        }
    }

    /// The kernel does not tell what happens: the folder is looked through instead.
    pub(super) fn unwatched(&mut self, err: &io::Error, every: Duration) {
        if self.topics.insert(Topic::Unwatched) {
            let (what, every_s, hint) = (self.what, every.as_secs(), remedy(err));
            warn!(
                hint,
                "{what}: changes are noticed late, by looking every {every_s} s: {err}"
            );
        }
    }

    pub(super) fn remote(&self, every: Duration) {
        let (what, every_s) = (self.what, every.as_secs());
        info!(
            "{what}: on a network file system: what other machines change is noticed every {every_s} s"
        );
    }

    pub(super) fn root_is_gone(&mut self, root: &Path) {
        if self.topics.insert(Topic::RootGone) {
            let (what, folder) = (self.what, root.display());
            warn!(
                %folder,
                "{what}: the folder is gone: nothing is uploaded until it is back"
            );
        }
    }

    /// A name, and why it can't be uploaded.
    pub(super) fn unsendable(&mut self, name: &str, reason: &str) {
        if self.names.len() < NAMES_MAX && self.names.insert(name.to_owned()) {
            let what = self.what;
            warn!(file = name, "{what}: it is not uploaded: {reason}");
        }
    }
}

/// What to do where the kernel does not tell what happens.
fn remedy(err: &io::Error) -> &'static str {
    match Errno::from_io_error(err) {
        Some(Errno::NOSPC) => "raise `fs.inotify.max_user_watches` on the host",
        Some(Errno::MFILE) => {
            "raise `fs.inotify.max_user_instances` on the host, or the limit on open files (`ulimit -n`)"
        }
        _ => "put the folder on a local file system, on a kernel with inotify",
    }
}

/// A folder full of such names is not worth more lines; the report counts them all.
const NAMES_MAX: usize = 1000;

#[cfg(test)]
mod tests;
