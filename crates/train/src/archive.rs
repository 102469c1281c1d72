//! Unpacks an archive of code or of a model: the whole of it, or nothing.
//!
//! # Theory of operation
//! One thread reads and decompresses into a few buffers that go round (`stream`, `decoder`); the caller's thread takes
//! members off them (`member`, with `number` and `pax` for the fields) and writes below one directory descriptor that it
//! never leaves (`tree`). Everything lands in a fresh staging directory (`staging`), which takes the destination's place only
//! after the last byte of the stream was read and its checksums were right. Any doubt refuses the archive and removes
//! the staging directory.
//!
//! # What is taken over
//! Files, directories, and links that stay inside. Of the mode, the rwx bits without write for group and others, minus
//! the umask; the owner may always read and write, and enter directories. Modification times of files. Not: owners,
//! extended attributes, ACLs, the sticky bit, setgid on directories, times of directories and links.
//!
//! Memory is a few MiB whatever the archive: the buffers, one window of the decompressor, and the names at the top level
//! while they are moved into an existing directory. Nothing is synced to disk: code is fetched again after a crash.

mod decoder;
mod error;
mod limits;
mod member;
mod number;
mod path;
mod pax;
pub(crate) mod staging;
mod stream;
pub(crate) mod tree;

use std::{
    fs::File,
    io::{self, Read, Write as _},
    path::Path,
    thread,
};

use rustix::fs::{Mode, OFlags};
use tracing::debug;

pub use self::{
    error::{ArchiveError, ArchiveFault, EntryLabel},
    limits::Limits,
    path::{EntryPath, LinkFault, LinkTarget, PathFault},
    staging::StagingError,
    stream::StreamError,
    tree::TreeError,
};
use self::{
    limits::Budget,
    member::{Member, MemberKind, Members},
    staging::Staging,
    stream::Head,
    tree::{Resolution, Tree},
};

/// What came out of an archive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Regular files.
    pub n_files: u64,
    /// Directories, those that the archive only implies included.
    pub n_directories: u64,
    /// Symbolic and hard links.
    pub n_links: u64,
    /// Bytes in regular files.
    pub n_bytes: u64,
}

/// Asked between pieces of work; once it says yes, the work is given up and undone.
pub type Stop<'a> = &'a dyn Fn() -> bool;

/// Unpacks the file `source` into `destination`.
///
/// The destination is missing (it is made, its parents too) or an empty directory (it stays the same directory, which
/// may be a mount point or somebody's working directory). The format is told by the first bytes, never by the name:
/// gzip, zstd or plain tar.
///
/// # Errors
/// The archive and the entry at fault, or the destination. Nothing is left behind, and the destination is as it was.
pub fn extract(
    source: &Path,
    destination: &Path,
    limits: &Limits,
    stop: Stop<'_>,
) -> Result<Extracted, ArchiveError> {
    let name = source.display().to_string();
    let (file, n_bytes) = match open_file(source) {
        Ok(opened) => opened,
        Err(err) => return Err(ArchiveError::whole(&name, ArchiveFault::Open(err))),
    };
    let source = Source {
        name: &name,
        n_bytes: Some(n_bytes),
        reader: file,
    };
    unpack(source, destination, limits, Resolution::Openat2, stop)
}

/// Unpacks a stream; `name` is what messages call it.
///
/// Returns only after `reader` has returned: a reader that can stall needs its own deadline.
///
/// # Errors
/// As [`extract`].
pub fn extract_from(
    name: &str,
    reader: impl Read + Send,
    destination: &Path,
    limits: &Limits,
    stop: Stop<'_>,
) -> Result<Extracted, ArchiveError> {
    let source = Source {
        name,
        n_bytes: None,
        reader,
    };
    unpack(source, destination, limits, Resolution::Openat2, stop)
}

/// Whether a file is an archive of any kind, accepted or not, judged by its first bytes.
///
/// # Errors
/// The file cannot be opened or read, or is not a regular file.
pub fn is_archive(path: &Path) -> io::Result<bool> {
    let (mut file, _) = open_file(path)?;
    Ok(Head::read(&mut file)?.is_archive())
}

struct Source<'a, R> {
    name: &'a str,
    n_bytes: Option<u64>,
    reader: R,
}

fn open_file(path: &Path) -> io::Result<(File, u64)> {
    // Opening a FIFO would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok((file, metadata.len()))
}

fn unpack<R: Read + Send>(
    source: Source<'_, R>,
    destination: &Path,
    limits: &Limits,
    resolution: Resolution,
    stop: Stop<'_>,
) -> Result<Extracted, ArchiveError> {
    let name = source.name;
    let whole = |fault| ArchiveError::whole(name, fault);
    let staging = Staging::new(destination).map_err(|err| whole(err.into()))?;
    let extracted = unpack_into(&staging, source, limits, resolution, stop)?;
    staging.publish().map_err(|err| whole(err.into()))?;
    debug!(archive = name, ?extracted, "unpacked");
    Ok(extracted)
}

fn unpack_into<R: Read + Send>(
    staging: &Staging,
    source: Source<'_, R>,
    limits: &Limits,
    resolution: Resolution,
    stop: Stop<'_>,
) -> Result<Extracted, ArchiveError> {
    let Source {
        name,
        n_bytes,
        mut reader,
    } = source;
    let whole = |fault| ArchiveError::whole(name, fault);
    let head = Head::read(&mut reader).map_err(|err| whole(StreamError::Read(err).into()))?;
    let format = match head.format() {
        Ok(format) => format,
        Err(found) => return Err(whole(ArchiveFault::NotTar { found })),
    };
    let root = staging.open().map_err(|err| whole(err.into()))?;
    let mut budget = Budget::new(&root, limits, n_bytes).map_err(whole)?;
    let tree = Tree::new(root, resolution);

    thread::scope(|scope| {
        let (ends, chunks) = stream::channel();
        let pump = move || stream::pump(head.chain(reader), format, n_bytes, limits, &ends);
        thread::Builder::new()
            .name("unpack".to_owned())
            .spawn_scoped(scope, pump)
            .map_err(|err| whole(StreamError::Thread(err).into()))?;
        // Owned by this closure: when writing fails, the channel closes, and the thread ends.
        let mut members = Members::new(chunks, limits.max_depth);
        let mut writer = Writer {
            tree,
            budget: &mut budget,
            extracted: Extracted::default(),
            stop,
        };
        let outcome = writer.write_all(&mut members);
        outcome.map_err(|fault| match fault {
            ArchiveFault::NotTar { .. } | ArchiveFault::DataAfterEnd | ArchiveFault::Stopped => {
                whole(fault)
            }
            fault => ArchiveError::at(name, members.entry(), fault),
        })?;
        Ok(writer.finish())
    })
}

struct Writer<'a> {
    tree: Tree,
    budget: &'a mut Budget,
    extracted: Extracted,
    stop: Stop<'a>,
}

impl Writer<'_> {
    fn write_all(&mut self, members: &mut Members) -> Result<(), ArchiveFault> {
        while let Some(member) = members.next()? {
            self.check_stop()?;
            self.write(&member, members)?;
            self.budget
                .count_entries(members.n_members() + self.tree.n_implied())?;
        }
        members.finish()
    }

    fn write(&mut self, member: &Member, members: &mut Members) -> Result<(), ArchiveFault> {
        match &member.kind {
            // `./`: the destination itself keeps its mode.
            MemberKind::Directory if member.path.is_root() => {}
            MemberKind::Directory => {
                self.tree.create_directory(&member.path, member.mode)?;
                self.extracted.n_directories += 1;
            }
            MemberKind::File { n_bytes } => {
                self.budget.claim(*n_bytes)?;
                let mut file = self.tree.create_file(&member.path, member.mode)?;
                while let Some(piece) = members.content()? {
                    file.write_all(piece).map_err(ArchiveFault::Write)?;
                    self.check_stop()?;
                }
                tree::set_modified(&file, member.modified);
                self.extracted.n_files += 1;
                self.extracted.n_bytes += n_bytes;
            }
            MemberKind::Symlink { target } => {
                self.tree.create_symlink(&member.path, target)?;
                self.extracted.n_links += 1;
            }
            MemberKind::HardLink { target } => {
                self.tree.create_hard_link(&member.path, target)?;
                self.extracted.n_links += 1;
            }
        }
        Ok(())
    }

    fn check_stop(&self) -> Result<(), ArchiveFault> {
        if (self.stop)() {
            Err(ArchiveFault::Stopped)
        } else {
            Ok(())
        }
    }

    fn finish(mut self) -> Extracted {
        self.extracted.n_directories += self.tree.n_implied();
        self.extracted
    }
}

#[cfg(test)]
mod tests;
