//! Makes files below one directory, and never outside it.
//!
//! Every name is resolved from a directory descriptor, and no symbolic link is followed on the way: not one that this
//! tree made, and not one that another process put there meanwhile. The kernel does that in one call (`openat2`); where
//! it cannot or may not (before Linux 5.6, under an older seccomp profile), each part of the path is opened by itself.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Timespec, Timestamps, UTIME_NOW},
    io::Errno,
};
use thiserror::Error;

use super::path::{self, EntryPath, LinkTarget};

/// Why an entry cannot be made.
#[derive(Debug, Error)]
pub enum TreeError {
    /// Something of that name is there.
    #[error("an earlier entry has the same name")]
    Occupied,
    /// A part of the path is a symbolic link.
    #[error("`{at}` above it is a symbolic link")]
    ThroughSymlink {
        /// The part, from the top of the tree.
        at: String,
    },
    /// A part of the path is a file.
    #[error("`{at}` above it is not a directory")]
    NotADirectory {
        /// The part, from the top of the tree.
        at: String,
    },
    /// A hard link to what is not there, or not yet.
    #[error("a hard link to `{target}`, which is no earlier entry")]
    MissingTarget {
        /// The target, from the top of the tree.
        target: String,
    },
    /// A hard link to a directory or a symbolic link.
    #[error("a hard link to `{target}`, which is not a regular file")]
    TargetNotAFile {
        /// The target, from the top of the tree.
        target: String,
    },
    /// The system refuses.
    #[error("it cannot be made: {0}")]
    Make(#[source] io::Error),
}

/// How names are resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// By the kernel, as long as it can.
    Openat2,
    /// Part by part.
    Parts,
}

/// A directory, and what is made below it.
#[derive(Debug)]
pub(crate) struct Tree {
    root: OwnedFd,
    resolution: Resolution,
    /// The directory used last: members mostly come directory by directory.
    recent: Option<(Vec<u8>, OwnedFd)>,
    n_implied: u64,
}

impl TreeError {
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Occupied => {
                Some("pack everything anew: archives that were appended to hold names twice")
            }
            Self::ThroughSymlink { .. } | Self::TargetNotAFile { .. } => {
                Some("pack the files themselves instead of links to them: `tar --dereference`")
            }
            Self::Make(err) if err.kind() == io::ErrorKind::StorageFull => {
                Some("give the volume more space, or more inodes")
            }
            Self::NotADirectory { .. } | Self::MissingTarget { .. } | Self::Make(_) => None,
        }
    }
}

impl Tree {
    pub(crate) fn new(root: OwnedFd, resolution: Resolution) -> Self {
        Self {
            root,
            resolution,
            recent: None,
            n_implied: 0,
        }
    }

    /// Directories made only because something lies in them.
    pub(crate) fn n_implied(&self) -> u64 {
        self.n_implied
    }

    /// Makes a directory, or takes from an existing one what this mode does not grant.
    pub(crate) fn create_directory(
        &mut self,
        path: &EntryPath,
        mode: u32,
    ) -> Result<(), TreeError> {
        // Its owner must be able to fill it, move it and remove it.
        let mode = Mode::from_raw_mode((mode & PERMITTED) | 0o700);
        let parent = self.directory(path.parent())?;
        match rustix::fs::mkdirat(parent, path.leaf(), mode) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => {
                let existing = rustix::fs::openat(parent, path.leaf(), DIRECTORY, Mode::empty());
                match existing {
                    Ok(existing) => narrow(&existing, mode).map_err(make),
                    Err(Errno::LOOP | Errno::NOTDIR) => Err(TreeError::Occupied),
                    Err(err) => Err(make(err)),
                }
            }
            Err(err) => Err(make(err)),
        }
    }

    /// Makes a file that was not there. What was written can be read back: a download is compared with its checksum.
    pub(crate) fn create_file(&mut self, path: &EntryPath, mode: u32) -> Result<File, TreeError> {
        let mode = Mode::from_raw_mode((mode & PERMITTED) | 0o600);
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let parent = self.directory(path.parent())?;
        let file =
            rustix::fs::openat(parent, path.leaf(), flags, mode).map_err(occupied_or_make)?;
        Ok(File::from(file))
    }

    /// Makes a symbolic link that was not there.
    pub(crate) fn create_symlink(
        &mut self,
        path: &EntryPath,
        target: &LinkTarget,
    ) -> Result<(), TreeError> {
        let parent = self.directory(path.parent())?;
        rustix::fs::symlinkat(target.as_os_str(), parent, path.leaf()).map_err(occupied_or_make)
    }

    /// Makes another name for a regular file of this tree.
    pub(crate) fn create_hard_link(
        &mut self,
        path: &EntryPath,
        target: &EntryPath,
    ) -> Result<(), TreeError> {
        let name = printable(target.as_bytes());
        if target.is_root() {
            return Err(TreeError::TargetNotAFile { target: name });
        }
        let target_parent = self.open(target.parent())?;
        let parent = self.directory(path.parent())?;
        match rustix::fs::linkat(
            &target_parent,
            target.leaf(),
            parent,
            path.leaf(),
            AtFlags::empty(),
        ) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Err(TreeError::MissingTarget { target: name }),
            Err(err) => {
                let is_directory = is_of_type(&target_parent, target.leaf(), FileType::Directory);
                return Err(if is_directory {
                    TreeError::TargetNotAFile { target: name }
                } else {
                    occupied_or_make(err)
                });
            }
        }
        // A second name for a symbolic link would resolve from another directory than the one it was judged in.
        // Asked of the new name, so that nobody can swap the old one in between.
        if is_of_type(parent, path.leaf(), FileType::RegularFile) {
            Ok(())
        } else {
            Err(TreeError::TargetNotAFile { target: name })
        }
    }

    fn directory(&mut self, path: &[u8]) -> Result<BorrowedFd<'_>, TreeError> {
        if path.is_empty() {
            return Ok(self.root.as_fd());
        }
        if self
            .recent
            .as_ref()
            .is_none_or(|(recent, _)| recent != path)
        {
            let opened = self.open(path)?;
            self.recent = Some((path.to_owned(), opened));
        }
        let (_, descriptor) = self.recent.as_ref().expect("it was set just now");
        Ok(descriptor.as_fd())
    }

    fn open(&mut self, path: &[u8]) -> Result<OwnedFd, TreeError> {
        if path.is_empty() {
            return self.root.try_clone().map_err(TreeError::Make);
        }
        if self.resolution == Resolution::Openat2 {
            let beneath = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            match rustix::fs::openat2(&self.root, path, DIRECTORY, Mode::empty(), beneath) {
                Ok(opened) => return Ok(opened),
                Err(Errno::NOSYS | Errno::PERM) => self.resolution = Resolution::Parts,
                // Missing, or in the way: the walk makes what is missing and tells which part it is.
                Err(_) => {}
            }
        }
        self.walk(path)
    }

    fn walk(&mut self, path: &[u8]) -> Result<OwnedFd, TreeError> {
        let mut current: Option<OwnedFd> = None;
        let mut n_walked = 0;
        for part in path::parts(path) {
            n_walked += part.len() + 1;
            let part = OsStr::from_bytes(part);
            let parent = current.as_ref().map_or(self.root.as_fd(), AsFd::as_fd);
            let mut opened = rustix::fs::openat(parent, part, DIRECTORY, Mode::empty());
            if opened.as_ref().is_err_and(|err| *err == Errno::NOENT) {
                match rustix::fs::mkdirat(parent, part, Mode::from_raw_mode(PERMITTED)) {
                    Ok(()) => self.n_implied += 1,
                    Err(Errno::EXIST) => {}
                    Err(err) => return Err(make(err)),
                }
                opened = rustix::fs::openat(parent, part, DIRECTORY, Mode::empty());
            }
            match opened {
                Ok(opened) => current = Some(opened),
                Err(Errno::LOOP | Errno::NOTDIR) => {
                    let at = printable(&path[..n_walked - 1]);
                    return Err(if is_of_type(parent, part, FileType::Symlink) {
                        TreeError::ThroughSymlink { at }
                    } else {
                        TreeError::NotADirectory { at }
                    });
                }
                Err(err) => return Err(make(err)),
            }
        }
        Ok(current.expect("the path has a part"))
    }
}

/// Sets a file's modification time.
pub(crate) fn set_modified(file: &File, (seconds, nanoseconds): (i64, u32)) {
    let times = Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW,
        },
        last_modification: Timespec {
            tv_sec: seconds,
            tv_nsec: nanoseconds.into(),
        },
    };
    // A file system that keeps no such times still holds the file.
    let _ = rustix::fs::futimens(file, &times);
}

/// A directory that was implied first has all that the umask leaves.
fn narrow(directory: &OwnedFd, mode: Mode) -> Result<(), Errno> {
    let current = Mode::from_raw_mode(rustix::fs::fstat(directory)?.st_mode);
    rustix::fs::fchmod(directory, mode & current)
}

fn is_of_type(parent: impl AsFd, name: &OsStr, expected: FileType) -> bool {
    rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == expected)
}

fn occupied_or_make(err: Errno) -> TreeError {
    match err {
        Errno::EXIST => TreeError::Occupied,
        err => make(err),
    }
}

fn make(err: Errno) -> TreeError {
    TreeError::Make(err.into())
}

fn printable(path: &[u8]) -> String {
    String::from_utf8_lossy(path).escape_debug().to_string()
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
/// Nobody but the owner may write; the umask may take away more.
const PERMITTED: u32 = 0o755;
