//! Keeps a destination in step with a folder while training runs: what appears there is uploaded.
//!
//! This is the engine alone. Where files go is a [`Destination`], which others write; when it starts and how long it may
//! take at the end is the caller's business. Nothing that goes wrong here ends a training job, and nothing stays unsaid.
//!
//! # Theory of operation
//! The truth is a look at a file (its device, inode, size and times); events of the kernel only say where to look, and
//! may be late, doubled or lost. One thread, the *scout*, hears them, looks through the whole folder at the start, once
//! in a while and at the end, and tells the *ledger* what it met. The ledger knows what every file needs next, and is
//! pure. A file that was left alone for a moment is looked at, then `/proc` is asked whether somebody has it open for
//! writing, and only then it is released, with the fingerprint of that look. An *uploader* opens it, and unless it is
//! still the same file, unchanged, nothing is sent; the destination asks once more before it shows the object. So what
//! is stored was whole at the moment of the look: never half a file.
//!
//! Nothing is removed from the destination. Links, FIFOs, sockets and devices are not uploaded.

mod complaints;
mod engine;
mod folder;
mod ledger;
mod report;
mod said;
mod scout;
mod snapshot;
mod watch;
mod writers;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use engine::Engine;
pub use report::{LastLook, Missing, Report};
pub use snapshot::Snapshot;
use thiserror::Error;

/// Where files go. Called from several threads at once; blocks.
pub trait Destination: Send + std::marker::Sync + 'static {
    /// Stores one file whole under `name`, or nothing of it. The name is relative, with `/` between its parts.
    ///
    /// Before the object can be seen, [`Snapshot::is_unchanged`] is asked.
    ///
    /// # Errors
    /// Nothing was stored.
    fn put(&self, name: &str, snapshot: &Snapshot) -> Result<Put, PutError>;

    /// All that runs and all that comes later ends soon, with [`PutError::GivenUp`]. Returns at once.
    fn give_up(&self);
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a file that changed is not stored"]
pub enum Put {
    /// It is stored.
    Stored,
    /// The snapshot was no longer what it was: nothing is stored.
    Changed,
}

/// Why a file was not stored.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PutError {
    /// [`Destination::give_up`] was called.
    #[error("given up")]
    GivenUp,
    /// It did not work.
    #[error("{reason}")]
    Failed {
        /// What went wrong, for people.
        reason: String,
        /// Whether it is worth another try.
        retry: Retry,
    },
}

/// Whether a failed upload is worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// After a while.
    Later,
    /// Time will not help: access is denied, the bucket does not exist. It is still tried once more at the end.
    Never,
}

/// How a folder is kept in step.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What is in the folder, for messages: "intermediate output".
    pub what: &'static str,
    /// How long a file is left alone before it is looked at. One that is written all the time is looked at every 2 s.
    pub settle: Duration,
    /// How often the whole folder is looked through. Every 5 s at most where the kernel does not tell all that happens.
    pub rescan: Duration,
    /// How many files are uploaded at a time; 1 at least.
    pub n_uploads: usize,
    /// How many files are kept in mind by name. There may be more: they are met again in a later look.
    pub max_queued: usize,
    /// The pause after a first failure. It doubles with every further one.
    pub first_retry: Duration,
    /// The longest pause after a failure.
    pub last_retry: Duration,
    /// How changes are noticed.
    pub notice: Notice,
}

/// How changes are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// By events of the kernel, and by looking through the folder.
    Events,
    /// By looking through the folder alone.
    Rescans,
}

impl Default for Settings {
    /// 16 uploads at a time, as many as keep a fast network busy with small files; 100,000 names are some 40 MB.
    fn default() -> Self {
        Self {
            what: "folder",
            settle: Duration::from_millis(100),
            rescan: Duration::from_mins(1),
            n_uploads: 16,
            max_queued: 100_000,
            first_retry: Duration::from_secs(2),
            last_retry: Duration::from_mins(5),
            notice: Notice::Events,
        }
    }
}

/// Why a folder cannot be kept in step.
#[derive(Debug, Error)]
pub enum SyncError {
    /// There is no such folder.
    #[error("keep `{root}` in step: it does not exist")]
    Missing {
        /// The folder.
        root: PathBuf,
    },
    /// Something else has its name.
    #[error("keep `{root}` in step: it is not a directory")]
    NotADirectory {
        /// The folder.
        root: PathBuf,
    },
    /// It cannot be looked at.
    #[error("keep `{root}` in step: {reason}")]
    Unreadable {
        /// The folder.
        root: PathBuf,
        /// What the system says.
        #[source]
        reason: io::Error,
    },
    /// The system gives no thread or no descriptor.
    #[error("keep `{root}` in step: start its threads: {reason}")]
    Start {
        /// The folder.
        root: PathBuf,
        /// What the system says.
        #[source]
        reason: io::Error,
    },
}

impl SyncError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { .. } => "make the folder first, or mount its volume",
            Self::NotADirectory { .. } => "give a directory",
            Self::Start { .. } => {
                "raise the limits on processes and open files (`ulimit -u`, `ulimit -n`)"
            }
            Self::Unreadable { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

/// A folder that is kept in step. It owns its threads.
///
/// [`Sync::finish`] is the way to end it. A value that is dropped stops uploading there and then, and says so.
#[must_use = "finish it, or what is left is not uploaded"]
pub struct Sync {
    engine: Arc<Engine>,
}

impl Sync {
    /// Starts to upload what is in the folder and what appears there.
    ///
    /// `known` are names that the destination has already: they are not uploaded unless they change from what they are
    /// now.
    ///
    /// # Errors
    /// There is no such folder, or the system has no thread for it.
    pub fn start(
        root: &Path,
        destination: Arc<dyn Destination>,
        settings: Settings,
        known: &[String],
    ) -> Result<Self, SyncError> {
        let resolved = resolve(root)?;
        let start = || {
            let engine = Arc::new(Engine::new(resolved, destination, settings)?);
            let sync = Self { engine };
            sync.engine.know(known);
            scout::Scout::start(&sync.engine)?;
            Engine::start_uploaders(&sync.engine)?;
            Ok(sync)
        };
        start().map_err(|reason| SyncError::Start {
            root: root.to_owned(),
            reason,
        })
    }

    /// Looks through the folder for the last time, and uploads everything that is left.
    ///
    /// Returns when that is done, and at the latest one or two seconds after `deadline()`, which is asked again and
    /// again: a stop signal can bring it nearer.
    pub fn finish(self, deadline: &dyn Fn() -> Instant) -> Report {
        let flushed = self.engine.flush(deadline);
        self.engine.stop(flushed);
        self.engine.report()
    }
}

impl Drop for Sync {
    fn drop(&mut self) {
        self.engine.abandon();
    }
}

impl fmt::Debug for Sync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sync")
            .field("root", &self.engine.root)
            .finish_non_exhaustive()
    }
}

/// The folder without links in its path.
fn resolve(root: &Path) -> Result<PathBuf, SyncError> {
    let unreadable = |reason: io::Error| {
        let root = root.to_owned();
        if reason.kind() == io::ErrorKind::NotFound {
            return SyncError::Missing { root };
        }
        SyncError::Unreadable { root, reason }
    };
    let resolved = root.canonicalize().map_err(unreadable)?;
    if !resolved.metadata().map_err(unreadable)?.is_dir() {
        return Err(SyncError::NotADirectory {
            root: root.to_owned(),
        });
    }
    Ok(resolved)
}

#[cfg(test)]
mod tests;
