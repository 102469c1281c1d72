//! A directory that takes the place of another one, whole or not at all.
//!
//! A missing destination gets its staging directory beside it, and one rename publishes it. An existing, empty one may
//! be a mount point, belong to somebody else, or be the working directory of this very process: it stays, its staging
//! directory lies inside, and the entries are moved up one by one, and back down if one of them cannot be moved. While
//! they move, the staging directory marks the destination as unfinished; a kill in between leaves that mark.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder},
    io,
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt as _, fs::DirBuilderExt as _},
    },
    path::{Path, PathBuf},
    process,
};

use rustix::{
    fs::{CWD, Mode, OFlags, RenameFlags},
    io::Errno,
};
use thiserror::Error;
use tracing::warn;

/// Why a directory cannot be filled.
#[derive(Debug, Error)]
pub enum StagingError {
    /// The destination is a file.
    #[error("`{}` is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// The destination holds something.
    #[error("`{}` is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// An earlier run was killed while it filled the destination.
    #[error("`{}` is left from an unpacking that was interrupted", .0.display())]
    Interrupted(PathBuf),
    /// The system refuses.
    #[error("`{}` cannot be {action}: {reason}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// `read`, `made`, `moved`, `written to`.
        action: &'static str,
        /// What the system says.
        #[source]
        reason: io::Error,
    },
}

/// A directory that is being filled. Dropped before `publish`, it disappears.
#[derive(Debug)]
pub(crate) struct Staging {
    path: PathBuf,
    destination: PathBuf,
    place: Place,
    /// Directories made on the way to the destination, the deepest first.
    parents: Vec<PathBuf>,
    is_published: bool,
}

/// What a destination is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Occupancy {
    Missing,
    Empty,
    Filled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Beside,
    Inside,
}

impl StagingError {
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotEmpty(_) => Some("name a directory that is empty or does not exist"),
            Self::Interrupted(_) => Some("empty the directory that holds it"),
            Self::Io { reason, .. } if reason.kind() == io::ErrorKind::StorageFull => {
                Some("give the volume more space")
            }
            Self::NotADirectory(_) | Self::Io { .. } => None,
        }
    }
}

impl Occupancy {
    /// # Errors
    /// It cannot be read, is no directory, or was left half filled.
    pub(crate) fn of(destination: &Path) -> Result<Self, StagingError> {
        let mut entries = match fs::read_dir(destination) {
            Ok(entries) => entries,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Self::Missing),
            Err(err) if err.kind() == io::ErrorKind::NotADirectory => {
                return Err(StagingError::NotADirectory(destination.to_owned()));
            }
            Err(err) => return Err(failed(destination, "read")(err)),
        };
        let mut occupancy = Self::Empty;
        // To the end: the mark may come anywhere.
        while let Some(entry) = entries
            .next()
            .transpose()
            .map_err(failed(destination, "read"))?
        {
            if entry.file_name().as_bytes().starts_with(PREFIX.as_bytes()) {
                return Err(StagingError::Interrupted(entry.path()));
            }
            occupancy = Self::Filled;
        }
        Ok(occupancy)
    }
}

impl Staging {
    /// Makes the staging directory.
    ///
    /// # Errors
    /// The destination is neither missing nor an empty directory, or the system refuses.
    pub(crate) fn new(destination: &Path) -> Result<Self, StagingError> {
        let mut staging = Self {
            path: PathBuf::new(),
            destination: destination.to_owned(),
            place: Place::Inside,
            parents: Vec::new(),
            is_published: false,
        };
        match Occupancy::of(destination)? {
            Occupancy::Filled => return Err(StagingError::NotEmpty(destination.to_owned())),
            Occupancy::Empty => staging.make_below(destination)?,
            Occupancy::Missing => {
                staging.place = Place::Beside;
                let parent = match destination.parent() {
                    Some(parent) if parent != Path::new("") => parent,
                    _ => Path::new("."),
                };
                staging.make_parents(parent)?;
                staging.make_below(parent)?;
            }
        }
        Ok(staging)
    }

    /// Where it is while it is filled.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A descriptor of the staging directory.
    pub(crate) fn open(&self) -> Result<OwnedFd, StagingError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::open(&self.path, flags, Mode::empty());
        opened.map_err(|err| failed(&self.path, "read")(err.into()))
    }

    /// Puts everything in its place.
    ///
    /// # Errors
    /// Something came in between; the destination is as it was.
    pub(crate) fn publish(mut self) -> Result<(), StagingError> {
        match self.place {
            Place::Beside => {
                rename_to_nothing(&self.path, &self.destination)
                    .map_err(failed(&self.destination, "made"))?;
            }
            Place::Inside => {
                self.move_up()?;
                if let Err(err) = fs::remove_dir(&self.path) {
                    // Everything is there; only the mark stays, and the next run will name it.
                    warn!(path = %self.path.display(), error = %err, "an empty staging directory is left");
                }
            }
        }
        self.is_published = true;
        Ok(())
    }

    fn make_parents(&mut self, parent: &Path) -> Result<(), StagingError> {
        let mut missing = Vec::new();
        for ancestor in parent.ancestors() {
            if ancestor == Path::new("") || ancestor.exists() {
                break;
            }
            missing.push(ancestor);
        }
        for ancestor in missing.into_iter().rev() {
            match fs::create_dir(ancestor) {
                Ok(()) => self.parents.insert(0, ancestor.to_owned()),
                Err(err) if err.kind() == io::ErrorKind::AlreadyExists => {}
                Err(err) => return Err(failed(ancestor, "made")(err)),
            }
        }
        Ok(())
    }

    fn make_below(&mut self, parent: &Path) -> Result<(), StagingError> {
        let mut attempt: u32 = 0;
        loop {
            // A process id is not unique over containers that share a volume, and making the directory is what decides.
            let path = parent.join(format!("{PREFIX}{}-{attempt}", process::id()));
            match DirBuilder::new().mode(0o755).create(&path) {
                Ok(()) => {
                    self.path = path;
                    return Ok(());
                }
                Err(err)
                    if err.kind() == io::ErrorKind::AlreadyExists && attempt < MAX_ATTEMPTS =>
                {
                    attempt += 1;
                }
                Err(err) => return Err(failed(&path, "made")(err)),
            }
        }
    }

    fn move_up(&self) -> Result<(), StagingError> {
        let mut moved = Vec::new();
        for name in names(&self.path)? {
            let from = self.path.join(&name);
            let to = self.destination.join(&name);
            if let Err(err) = rename_to_nothing(&from, &to) {
                self.move_back(&moved);
                return Err(failed(&to, "moved")(err));
            }
            moved.push(name);
        }
        Ok(())
    }

    fn move_back(&self, names: &[OsString]) {
        for name in names.iter().rev() {
            let from = self.destination.join(name);
            if let Err(err) = fs::rename(&from, self.path.join(name)) {
                warn!(path = %from.display(), error = %err, "cannot be removed");
            }
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.is_published {
            return;
        }
        if self.path != Path::new("")
            && let Err(err) = fs::remove_dir_all(&self.path)
        {
            warn!(path = %self.path.display(), error = %err, "a staging directory is left");
        }
        for parent in &self.parents {
            // Somebody else uses it by now.
            let _ = fs::remove_dir(parent);
        }
    }
}

fn names(directory: &Path) -> Result<Vec<OsString>, StagingError> {
    let entries = fs::read_dir(directory).map_err(failed(directory, "read"))?;
    entries
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<io::Result<_>>()
        .map_err(failed(directory, "read"))
}

fn rename_to_nothing(from: &Path, to: &Path) -> io::Result<()> {
    match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Not every file system, and not every seccomp profile, knows the flag.
        Err(Errno::INVAL | Errno::NOSYS | Errno::PERM) => {
            if to.symlink_metadata().is_ok() {
                return Err(Errno::EXIST.into());
            }
            fs::rename(from, to)
        }
        renamed => Ok(renamed?),
    }
}

fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> StagingError {
    let path = path.to_owned();
    move |reason| StagingError::Io {
        path,
        action,
        reason,
    }
}

const PREFIX: &str = ".optml-staging-";
const MAX_ATTEMPTS: u32 = 1000;
