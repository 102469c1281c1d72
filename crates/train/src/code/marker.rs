//! The file that says what a code directory was filled with.
//!
//! It is written last of all, so a directory without it was filled by somebody else, or not to the end. It names what was
//! fetched, and its own inode: a copy of it, in an image or in a repository, says nothing about the directory it came to.
//! Whatever changed below the directory after the marker is no longer what was fetched.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use camino::Utf8Path;
use optml_contract::{
    json::{Json, Object},
    python,
};
use rustix::fs::{Mode, OFlags};

use super::CodeError;
use crate::archive::StagingError;

/// What was fetched, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The location, without secrets.
    pub location: String,
    /// What tells this content of the location from another: an `ETag`, or size and time of a file.
    pub identity: String,
}

/// What a code directory that holds something was filled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Nobody knows: there is no marker, or none that counts.
    Unmarked,
    /// What is wanted.
    Same,
    /// Something else.
    Other {
        /// What.
        was: Origin,
        /// Files that were added or edited since, three at most.
        changed: Vec<String>,
        /// How many there are.
        n_changed: usize,
    },
}

/// Compares what `code_dir` was filled with to what is wanted.
///
/// A directory of this machine ([`DIRECTORY`]) is never the same: nothing tells whether it changed.
///
/// # Errors
/// The code directory cannot be read.
pub fn look(code_dir: &Utf8Path, wanted: &Origin) -> Result<Found, CodeError> {
    let Some(marker) = Marker::read(code_dir)? else {
        return Ok(Found::Unmarked);
    };
    let mut changed = Vec::new();
    let mut n_changed = 0;
    let mut n_others = 0;
    walk(code_dir.as_std_path(), &mut |path, metadata| {
        if path == Path::new(NAME) {
            return;
        }
        n_others += 1;
        let is_later = (metadata.ctime(), metadata.ctime_nsec()) > marker.written;
        if is_later && !metadata.is_dir() && !is_derived(path) {
            n_changed += 1;
            if changed.len() < MAX_NAMES {
                changed.push(path.to_string_lossy().escape_debug().to_string());
            }
        }
    })?;
    // Whoever emptied the directory by `rm -r code/*` left the marker.
    let is_same = marker.origin == *wanted && wanted.identity != DIRECTORY && n_others > 0;
    Ok(if is_same {
        Found::Same
    } else {
        Found::Other {
            was: marker.origin,
            changed,
            n_changed,
        }
    })
}

/// Whether `code_dir` has a marker that counts. Where it has none, the location need not be asked.
///
/// # Errors
/// The marker cannot be read.
pub fn is_marked(code_dir: &Utf8Path) -> Result<bool, CodeError> {
    Ok(Marker::read(code_dir)?.is_some())
}

/// Marks `code_dir` as filled from `origin`. To be called when everything is there.
///
/// # Errors
/// The system refuses; no marker is left, or the one before.
pub fn write(code_dir: &Utf8Path, origin: &Origin) -> io::Result<()> {
    let fresh = code_dir.join(FRESH_NAME);
    // An archive may have brought anything of that name. Usually there is nothing.
    let _ = fs::remove_file(&fresh);
    let written = File::create_new(&fresh)
        .and_then(|mut file| {
            let inode = file.metadata()?.ino();
            file.write_all(origin.to_json(inode).as_bytes())
        })
        .and_then(|()| fs::rename(&fresh, code_dir.join(NAME)));
    if written.is_err() {
        // It may not even have come into being.
        let _ = fs::remove_file(&fresh);
    }
    written
}

/// Removes everything below `code_dir`, which itself stays: it may be a mount point or a working directory.
///
/// The marker goes last: when this is interrupted, the rest is still known for what it is.
///
/// # Errors
/// Something cannot be removed.
pub fn clear(code_dir: &Utf8Path) -> io::Result<()> {
    for entry in fs::read_dir(code_dir)? {
        let entry = entry?;
        if entry.file_name() == NAME {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    match fs::remove_file(code_dir.join(NAME)) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        _ => Ok(()),
    }
}

impl Origin {
    /// **Shape**: `{"identity":"…","inode":"…","location":"…","version":1}`
    fn to_json(&self, inode: u64) -> String {
        let fields = [
            ("version", Json::from(VERSION)),
            ("location", Json::from(self.location.as_str())),
            ("identity", Json::from(self.identity.as_str())),
            ("inode", Json::from(inode.to_string().as_str())),
        ];
        let fields = fields.map(|(key, value)| (key.into(), value));
        python::dumps(&Object::from_iter(fields).into())
    }
}

struct Marker {
    origin: Origin,
    /// When it came to be, as the file system tells it: seconds and nanoseconds.
    written: (i64, i64),
}

impl Marker {
    /// `None` where there is no marker, or one that says nothing about this directory.
    fn read(code_dir: &Utf8Path) -> Result<Option<Self>, CodeError> {
        let path = code_dir.join(NAME);
        let failed = |reason| failed(path.as_std_path(), "read", reason);
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = match rustix::fs::open(path.as_std_path(), flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => {
                return Ok(None);
            }
            Err(err) => return Err(failed(err.into())),
        };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() || metadata.len() > MAX_BYTES {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        file.take(MAX_BYTES)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        let origin = parse(&bytes, metadata.ino());
        let written = (metadata.ctime(), metadata.ctime_nsec());
        Ok(origin.map(|origin| Self { origin, written }))
    }
}

fn parse(bytes: &[u8], inode: u64) -> Option<Origin> {
    let json = Json::parse(bytes).ok()?;
    let text = |key| Some(json.get(key)?.as_text()?.as_str()?.to_owned());
    let is_known = *json.get("version")? == Json::from(VERSION);
    let is_original = text("inode")? == inode.to_string();
    let origin = Origin {
        location: text("location")?,
        identity: text("identity")?,
    };
    (is_known && is_original).then_some(origin)
}

/// Visits everything below a directory, in the order of names, with its path from there. No link is followed.
fn walk(root: &Path, visit: &mut dyn FnMut(&Path, &fs::Metadata)) -> Result<(), CodeError> {
    // Directories that were seen and not yet read. One at a time is open, however deep the tree.
    let mut pending = vec![PathBuf::new()];
    while let Some(below) = pending.pop() {
        let directory = root.join(&below);
        let names = fs::read_dir(&directory).and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| entry.file_name()))
                .collect::<io::Result<Vec<_>>>()
        });
        let mut names = names.map_err(|err| failed(&directory, "read", err))?;
        names.sort();
        for name in names {
            let path = below.join(name);
            let metadata = match root.join(&path).symlink_metadata() {
                Ok(metadata) => metadata,
                // Somebody removed it meanwhile.
                Err(err) if err.kind() == io::ErrorKind::NotFound => continue,
                Err(err) => return Err(failed(&root.join(&path), "read", err)),
            };
            visit(&path, &metadata);
            if metadata.is_dir() {
                pending.push(path);
            }
        }
    }
    Ok(())
}

/// Whether Python or an install made it of what was fetched.
fn is_derived(path: &Path) -> bool {
    if path.starts_with("build") || path.extension().is_some_and(|extension| extension == "pyc") {
        return true;
    }
    path.iter().any(|part| {
        part == "__pycache__"
            || Path::new(part)
                .extension()
                .is_some_and(|end| end == "egg-info")
    })
}

fn failed(path: &Path, action: &'static str, reason: io::Error) -> CodeError {
    CodeError::Staging(StagingError::Io {
        path: path.to_owned(),
        action,
        reason,
    })
}

/// The marker's name, at the top of the code directory. It is no part of the code.
pub(super) const NAME: &str = ".optml-code.json";
const FRESH_NAME: &str = ".optml-code.json.new";
/// The identity of what cannot be told from its earlier self.
pub const DIRECTORY: &str = "directory";
const VERSION: u32 = 1;
const MAX_NAMES: usize = 3;
/// A location and an `ETag` need a few hundred.
const MAX_BYTES: u64 = 64 << 10;

#[cfg(test)]
mod tests;
