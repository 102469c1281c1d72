//! Copies a directory or a file into a code directory, with the rules of an archive.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
};

use camino::Utf8Path;
use rustix::fs::{Mode, OFlags};

use super::{CodeError, CopyFault, marker};
use crate::archive::{
    EntryPath, Extracted, Limits, LinkTarget, Stop,
    staging::Staging,
    tree::{self, Resolution, Tree},
};

/// Copies everything below `location`.
pub(super) fn directory(
    location: &Utf8Path,
    code_dir: &Utf8Path,
    stop: Stop<'_>,
) -> Result<Extracted, CodeError> {
    let staging = Staging::new(code_dir.as_std_path())?;
    if is_inside(staging.path(), location.as_std_path()) {
        return Err(CodeError::Inside {
            location: location.to_owned(),
            code_dir: code_dir.to_owned(),
        });
    }
    let mut copy = Copy::new(&staging, stop)?;
    // Directories that were seen and not yet read. One at a time is open, however deep the tree.
    let mut pending = vec![PathBuf::new()];
    while let Some(below) = pending.pop() {
        let names = entries(location.as_std_path(), &below);
        let copied = names.and_then(|names| {
            for name in names {
                let entry = below.join(&name);
                if entry == Path::new(OWN_DIRECTORY) || entry == Path::new(marker::NAME) {
                    continue;
                }
                let is_directory = copy.entry(&location.as_std_path().join(&entry), &entry);
                match is_directory {
                    Ok(true) => pending.push(entry),
                    Ok(false) => {}
                    Err(fault) => return Err((entry, fault)),
                }
            }
            Ok(())
        });
        copied.map_err(|(entry, fault)| failed(location, &entry, fault))?;
    }
    staging.publish()?;
    Ok(copy.copied)
}

/// Copies one file, under its own name.
pub(super) fn file(
    location: &Utf8Path,
    code_dir: &Utf8Path,
    stop: Stop<'_>,
) -> Result<Extracted, CodeError> {
    let staging = Staging::new(code_dir.as_std_path())?;
    let mut copy = Copy::new(&staging, stop)?;
    let name = Path::new(location.file_name().unwrap_or_default());
    let copied = EntryPath::parse(name.as_os_str().as_bytes(), 1)
        .map_err(CopyFault::from)
        .and_then(|path| copy.file(location.as_std_path(), &path, OFlags::empty()));
    copied.map_err(|fault| failed(location, name, fault))?;
    staging.publish()?;
    Ok(copy.copied)
}

struct Copy<'a> {
    tree: Tree,
    max_depth: usize,
    copied: Extracted,
    stop: Stop<'a>,
}

impl<'a> Copy<'a> {
    fn new(staging: &Staging, stop: Stop<'a>) -> Result<Self, CodeError> {
        Ok(Self {
            tree: Tree::new(staging.open()?, Resolution::Openat2),
            max_depth: Limits::default().max_depth,
            copied: Extracted::default(),
            stop,
        })
    }

    /// Copies one entry; whether it is a directory, whose entries come later.
    fn entry(&mut self, source: &Path, name: &Path) -> Result<bool, CopyFault> {
        self.check_stop()?;
        let path = EntryPath::parse(name.as_os_str().as_bytes(), self.max_depth)?;
        let metadata = source.symlink_metadata().map_err(CopyFault::Read)?;
        if metadata.is_dir() {
            self.tree.create_directory(&path, metadata.mode())?;
            self.copied.n_directories += 1;
            return Ok(true);
        } else if metadata.is_symlink() {
            let target = fs::read_link(source).map_err(CopyFault::Read)?;
            let target = LinkTarget::parse(target.as_os_str().as_bytes(), &path)?;
            self.tree.create_symlink(&path, &target)?;
            self.copied.n_links += 1;
        } else if metadata.is_file() {
            self.file(source, &path, OFlags::NOFOLLOW)?;
        } else {
            return Err(CopyFault::Special);
        }
        Ok(false)
    }

    fn file(&mut self, source: &Path, path: &EntryPath, flags: OFlags) -> Result<(), CopyFault> {
        // What was a file a moment ago may be a FIFO by now, and opening that would wait.
        let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let opened = rustix::fs::open(source, flags, Mode::empty());
        let mut source = File::from(opened.map_err(|err| CopyFault::Read(err.into()))?);
        let metadata = source.metadata().map_err(CopyFault::Read)?;
        if !metadata.is_file() {
            return Err(CopyFault::Special);
        }
        let mut file = self.tree.create_file(path, metadata.mode())?;
        loop {
            let n = io::copy(&mut source.by_ref().take(PIECE_BYTES), &mut file);
            let n = n.map_err(CopyFault::Write)?;
            if n == 0 {
                break;
            }
            self.copied.n_bytes += n;
            self.check_stop()?;
        }
        let nanoseconds = u32::try_from(metadata.mtime_nsec()).unwrap_or(0);
        tree::set_modified(&file, (metadata.mtime(), nanoseconds));
        self.copied.n_files += 1;
        Ok(())
    }

    fn check_stop(&self) -> Result<(), CopyFault> {
        if (self.stop)() {
            Err(CopyFault::Stopped)
        } else {
            Ok(())
        }
    }
}

fn entries(location: &Path, below: &Path) -> Result<Vec<OsString>, (PathBuf, CopyFault)> {
    let entries = fs::read_dir(location.join(below)).and_then(|entries| {
        entries
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect()
    });
    entries.map_err(|err| (below.to_owned(), CopyFault::Read(err)))
}

/// Whether `path`, which exists, lies below `directory`. The run directories of local mode may: they are not copied.
fn is_inside(path: &Path, directory: &Path) -> bool {
    let (Ok(path), Ok(directory)) = (path.canonicalize(), directory.canonicalize()) else {
        return false;
    };
    let below = path.strip_prefix(directory);
    below.is_ok_and(|below| !below.starts_with(OWN_DIRECTORY))
}

fn failed(location: &Utf8Path, entry: &Path, fault: CopyFault) -> CodeError {
    CodeError::Copy {
        location: location.to_owned(),
        entry: entry.to_string_lossy().escape_debug().to_string(),
        fault,
    }
}

/// Copied in one go, by the kernel where it can.
const PIECE_BYTES: u64 = 64 << 20;
/// Where local mode keeps its runs.
const OWN_DIRECTORY: &str = ".optml";
