//! Names inside a tree: which are accepted, and where links may point.
//!
//! Pure text: that a name also *resolves* inside the tree is the business of `tree`.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

use thiserror::Error;

/// A path below the destination, in its one spelling: parts joined by `/`, none of them empty, `.` or `..`.
///
/// The empty path is the destination itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPath(Vec<u8>);

/// Where a symbolic link points: relative, and inside the tree whatever other links the tree holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkTarget(Vec<u8>);

/// Why a name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PathFault {
    /// Nothing at all.
    #[error("the name is empty")]
    Empty,
    /// `/etc/passwd`, `C:\x`.
    #[error("the name is absolute")]
    Absolute,
    /// `..` anywhere, even where it would not leave.
    #[error("the name holds `..`")]
    Climbs,
    /// A NUL byte.
    #[error("the name holds a NUL byte")]
    Nul,
    /// Some readers take it for `/`.
    #[error("the name holds a backslash, which readers disagree on")]
    Backslash,
    /// A part longer than file systems take.
    #[error(
        "a part of the name is {n_bytes} bytes long, and at most {MAX_PART_BYTES} are possible"
    )]
    PartTooLong {
        /// The length of the part.
        n_bytes: usize,
    },
    /// A path longer than the kernel takes.
    #[error("the name is {n_bytes} bytes long, and at most {MAX_PATH_BYTES} are possible")]
    TooLong {
        /// The length of the path.
        n_bytes: usize,
    },
    /// Nested too deep.
    #[error("the name is {depth} levels deep, and at most {max} are accepted")]
    TooDeep {
        /// The number of parts.
        depth: usize,
        /// The limit.
        max: usize,
    },
}

/// Why a link's target is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LinkFault {
    /// Nothing at all.
    #[error("the link points to nothing")]
    Empty,
    /// `/proc/self/…` and the like.
    #[error("the link points to an absolute path")]
    Absolute,
    /// More `..` than directories above the link.
    #[error("the link points out of the tree")]
    Leaves,
    /// `a/..`: where that leads depends on whether `a` is a link.
    #[error("the link points down and up again (`a/..`), which another link could turn outwards")]
    Winds,
    /// A NUL byte.
    #[error("the link's target holds a NUL byte")]
    Nul,
    /// A target longer than the kernel takes.
    #[error("the link's target is {n_bytes} bytes long, and at most {MAX_PATH_BYTES} are possible")]
    TooLong {
        /// The length of the target.
        n_bytes: usize,
    },
}

impl EntryPath {
    /// Takes a name as archives and directories spell it: `./a//b/` is `a/b`.
    ///
    /// # Errors
    /// The first reason to refuse the name.
    pub fn parse(raw: &[u8], max_depth: usize) -> Result<Self, PathFault> {
        let has_drive =
            matches!(raw, [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic());
        if raw.is_empty() {
            return Err(PathFault::Empty);
        } else if raw.contains(&b'\0') {
            return Err(PathFault::Nul);
        } else if raw[0] == b'/' || has_drive {
            return Err(PathFault::Absolute);
        } else if raw.contains(&b'\\') {
            return Err(PathFault::Backslash);
        } else if raw.len() > MAX_PATH_BYTES {
            return Err(PathFault::TooLong { n_bytes: raw.len() });
        }
        let mut path = Vec::with_capacity(raw.len());
        let mut depth = 0;
        for part in parts(raw) {
            if part == b".." {
                return Err(PathFault::Climbs);
            } else if part.len() > MAX_PART_BYTES {
                return Err(PathFault::PartTooLong {
                    n_bytes: part.len(),
                });
            }
            if depth > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(part);
            depth += 1;
        }
        if depth > max_depth {
            return Err(PathFault::TooDeep {
                depth,
                max: max_depth,
            });
        }
        Ok(Self(path))
    }

    /// Whether this is the destination itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The path of the directory that holds this entry; empty for the destination.
    pub(crate) fn parent(&self) -> &[u8] {
        self.split().0
    }

    /// The last part.
    pub(crate) fn leaf(&self) -> &OsStr {
        OsStr::from_bytes(self.split().1)
    }

    /// All of it, parts joined by `/`.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn split(&self) -> (&[u8], &[u8]) {
        match self.0.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => (&self.0[..slash], &self.0[slash + 1..]),
            None => (&[], &self.0),
        }
    }
}

impl LinkTarget {
    /// Takes `raw` as the target of the link at `link`.
    ///
    /// `..` is accepted only in front. There it is exact, because the directories above a link are never links
    /// themselves; and what follows goes down only, through directories and through links for which the same holds.
    ///
    /// # Errors
    /// The first reason to refuse the target.
    pub fn parse(raw: &[u8], link: &EntryPath) -> Result<Self, LinkFault> {
        if raw.is_empty() {
            return Err(LinkFault::Empty);
        } else if raw.contains(&b'\0') {
            return Err(LinkFault::Nul);
        } else if raw[0] == b'/' {
            return Err(LinkFault::Absolute);
        } else if raw.len() > MAX_PATH_BYTES {
            return Err(LinkFault::TooLong { n_bytes: raw.len() });
        }
        let mut levels_above = parts(link.parent()).count();
        let mut goes_down = false;
        for part in parts(raw) {
            if part != b".." {
                goes_down = true;
            } else if goes_down {
                return Err(LinkFault::Winds);
            } else if levels_above == 0 {
                return Err(LinkFault::Leaves);
            } else {
                levels_above -= 1;
            }
        }
        Ok(Self(raw.to_owned()))
    }

    pub(crate) fn as_os_str(&self) -> &OsStr {
        OsStr::from_bytes(&self.0)
    }
}

/// The parts of a path that name something.
pub(super) fn parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
}

/// The kernel's `NAME_MAX`.
const MAX_PART_BYTES: usize = 255;
/// The kernel's `PATH_MAX`, without the NUL at its end.
const MAX_PATH_BYTES: usize = 4095;
