//! Restores the folder of checkpoints from a store, before the script starts.
//!
//! A file that is there already stays when it is at least as new as the object: a container that starts again on the same
//! disk loses nothing. Everything else is fetched beside the folder's content first, and takes its place by renaming when all
//! of it is complete: never half a file, and never half of them after a failure.

use std::{
    fs::{self, File},
    io,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use camino::{Utf8Path, Utf8PathBuf};
use thiserror::Error;

use crate::{
    archive::{PathFault, TreeError, tree},
    landing::{self, LandingError},
    store::{Client, Object, Store, StoreError},
};

/// What was restored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// Files that were fetched.
    pub n_files: u64,
    /// Their bytes.
    pub n_bytes: u64,
    /// Files that were there and stayed.
    pub n_kept: u64,
    /// The names of files that are as the store has them.
    pub in_step: Vec<String>,
}

/// Why there are no checkpoints.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// The store.
    #[error("restore the checkpoints: {0}")]
    Store(#[from] StoreError),
    /// The folder.
    #[error("restore the checkpoints: `{path}`: {reason}")]
    Folder {
        /// What can't be made, read or moved.
        path: Utf8PathBuf,
        /// Why.
        #[source]
        reason: io::Error,
    },
    /// The key of an object that is no name of a file here.
    #[error("restore the checkpoints: the object `{name}`: {fault}")]
    Name {
        /// Its name below the folder.
        name: String,
        /// Why not.
        #[source]
        fault: PathFault,
    },
    /// A name that is a file and a folder at once, or the like.
    #[error("restore the checkpoints: the object `{name}`: {fault}")]
    Clash {
        /// Its name below the folder.
        name: String,
        /// What it collides with.
        #[source]
        fault: TreeError,
    },
}

impl RestoreError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Store(error) => error.hint(),
            Self::Folder { reason, .. } if reason.kind() == io::ErrorKind::StorageFull => {
                Some("give the volume more space".to_owned())
            }
            Self::Folder { reason, .. }
                if matches!(
                    reason.kind(),
                    io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory
                ) =>
            {
                Some("remove or rename it, or the object of its name".to_owned())
            }
            Self::Folder { .. } => None,
            Self::Name { .. } | Self::Clash { .. } => Some(
                "rename or remove the object: a store allows names that a folder does not"
                    .to_owned(),
            ),
        }
    }
}

/// Brings every object below the store's URL into `folder`.
///
/// # Errors
/// With the reason; what the folder held before is untouched.
pub fn restore(
    client: &Client,
    store: &Store,
    folder: &Utf8Path,
) -> Result<Restored, RestoreError> {
    fs::create_dir_all(folder).map_err(failed(folder))?;
    clear_leftovers(folder)?;
    let objects = store.list(MAX_OBJECTS)?;
    let mut restored = Restored::default();
    let mut wanted = Vec::new();
    for object in objects {
        let name = store.name_below(&object).unwrap_or_default();
        landing::check_name(store, &object)?;
        match Local::compare(&folder.join(name), &object)? {
            Local::Same => {
                restored.n_kept += 1;
                restored.in_step.push(name.to_owned());
            }
            Local::Newer => restored.n_kept += 1,
            Local::OlderOrMissing => wanted.push(object),
        }
    }
    if wanted.is_empty() {
        return Ok(restored);
    }
    let beside = Beside::make(folder)?;
    beside.fetch(client, store, &wanted)?;
    for object in &wanted {
        let name = store.name_below(object).unwrap_or_default();
        beside.publish(name, folder, object.modified)?;
        restored.n_files += 1;
        restored.n_bytes += object.n_bytes.unwrap_or(0);
        restored.in_step.push(name.to_owned());
    }
    Ok(restored)
}

impl From<LandingError> for RestoreError {
    fn from(error: LandingError) -> Self {
        match error {
            LandingError::Store(error) => Self::Store(error),
            LandingError::Name { name, fault } => Self::Name { name, fault },
            LandingError::Clash { name, fault } => Self::Clash { name, fault },
        }
    }
}

/// A file here beside the object of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Local {
    Same,
    Newer,
    OlderOrMissing,
}

impl Local {
    /// Fails where no file can take the place: that must be known before anything is moved.
    fn compare(path: &Utf8Path, object: &Object) -> Result<Self, RestoreError> {
        let metadata = match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => {
                return Err(failed(path)(io::ErrorKind::IsADirectory.into()));
            }
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self::OlderOrMissing);
            }
            Err(error) => return Err(failed(path)(error)),
        };
        let written = metadata.modified().unwrap_or(UNIX_EPOCH);
        let stored = object.modified.unwrap_or(UNIX_EPOCH);
        Ok(
            if written == stored && Some(metadata.len()) == object.n_bytes {
                // As it was restored. The size alone would say nothing: checkpoints of one model are all of the same.
                Self::Same
            } else if written + Duration::from_secs(1) > stored {
                // A store tells whole seconds.
                Self::Newer
            } else {
                Self::OlderOrMissing
            },
        )
    }
}

/// A folder beside the content, where everything is completed first. Dropped, it disappears.
struct Beside {
    path: Utf8PathBuf,
}

impl Beside {
    fn make(folder: &Utf8Path) -> Result<Self, RestoreError> {
        let pid = rustix::process::getpid().as_raw_nonzero();
        let path = folder.join(format!("{PREFIX}{pid}"));
        fs::create_dir(&path).map_err(failed(&path))?;
        Ok(Self { path })
    }

    fn fetch(&self, client: &Client, store: &Store, wanted: &[Object]) -> Result<(), RestoreError> {
        let root = File::open(&self.path).map_err(failed(&self.path))?;
        let total = wanted.iter().filter_map(|object| object.n_bytes).sum();
        let progress = client.progress("restoring the checkpoints", Some(total));
        landing::land(store, wanted, root.into(), &progress)?;
        Ok(())
    }

    /// Puts one file in its place, with the time of its object.
    fn publish(
        &self,
        name: &str,
        folder: &Utf8Path,
        modified: Option<SystemTime>,
    ) -> Result<(), RestoreError> {
        let from = self.path.join(name);
        let to = folder.join(name);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        let since = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        if let (Some(since), Ok(file)) = (since, File::open(&from)) {
            let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
            tree::set_modified(&file, (seconds, since.subsec_nanos()));
        }
        fs::rename(&from, &to).map_err(failed(&to))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // What is left is cleared by the next run; it is never uploaded.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn clear_leftovers(folder: &Utf8Path) -> Result<(), RestoreError> {
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            fs::remove_dir_all(entry.path()).map_err(failed(folder))?;
        }
    }
    Ok(())
}

fn failed(path: &Utf8Path) -> impl FnOnce(io::Error) -> RestoreError {
    let path = path.to_owned();
    move |reason| RestoreError::Folder { path, reason }
}

const PREFIX: &str = ".optml-restore-";
const MAX_OBJECTS: usize = 1_000_000;

#[cfg(test)]
mod tests;
