//! Unpacks an archive of code or of a model: the whole of it, or nothing.
//!
//! # Theory of operation
//! The first bytes tell the kind (`kind`). Of a tar stream, one thread reads and decompresses into a few buffers that go
//! round (`stream`, `decoder`), and the caller's thread takes members off them (`member`, with `number` and `pax` for the
//! fields). A zip archive is a file, read in place (`zip`). Either way the members are written below one directory
//! descriptor that is never left (`tree`). Everything lands in a fresh staging directory (`staging`), which takes the destination's place only
//! after the last byte of the stream was read and its checksums were right. Any doubt refuses the archive and removes
//! the staging directory.
//!
//! # What is taken over
//! Files, directories, and links that stay inside. Of the mode, the rwx bits without write for group and others, minus
//! the umask; the owner may always read and write, and enter directories. Modification times of files. Not: owners,
//! extended attributes, ACLs, the sticky bit, setgid on directories, times of directories and links.
//!
//! Memory is a few MiB whatever the archive: the buffers, one window of the decompressor, and the names at the top level
//! while they are moved into an existing directory. Only the directory of a zip archive is held whole, up to a limit. Nothing is synced to disk: code is fetched again after a crash.

mod decoder;
mod error;
mod kind;
mod limits;
mod member;
mod number;
mod path;
mod pax;
pub(crate) mod staging;
mod stream;
pub(crate) mod tree;
mod zip;

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
    kind::{HEAD_BYTES, Kind, kind_of},
    limits::Limits,
    path::{EntryPath, LinkFault, LinkTarget, PathFault},
    staging::StagingError,
    stream::StreamError,
    tree::TreeError,
    zip::ZipFault,
};
use self::{
    kind::Head,
    limits::Budget,
    member::{Member, MemberKind, Members},
    staging::Staging,
    stream::Format,
    tree::{Resolution, Tree},
    zip::ZipMembers,
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
/// tar, plain or in gzip or zstd, or zip.
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
    let unpacking = Unpacking {
        name: &name,
        limits,
        resolution: Resolution::Openat2,
        stop,
    };
    unpacking.file(file, n_bytes, destination)
}

/// Unpacks a stream; `name` is what messages call it.
///
/// Returns only after `reader` has returned: a reader that can stall needs its own deadline.
///
/// # Errors
/// As [`extract`]; and [`ArchiveFault::ZipStream`], which [`kind_of`] can foretell.
pub fn extract_from(
    name: &str,
    reader: impl Read + Send,
    destination: &Path,
    limits: &Limits,
    stop: Stop<'_>,
) -> Result<Extracted, ArchiveError> {
    let unpacking = Unpacking {
        name,
        limits,
        resolution: Resolution::Openat2,
        stop,
    };
    unpacking.stream(reader, destination)
}

/// Whether a file is an archive of any kind, accepted or not, judged by its first bytes.
///
/// # Errors
/// The file cannot be opened or read, or is not a regular file.
pub fn is_archive(path: &Path) -> io::Result<bool> {
    let (mut file, _) = open_file(path)?;
    Ok(Head::read(&mut file)?.kind().is_archive())
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

/// How an archive is unpacked, whatever its kind.
#[derive(Clone, Copy)]
struct Unpacking<'a> {
    name: &'a str,
    limits: &'a Limits,
    resolution: Resolution,
    stop: Stop<'a>,
}

impl Unpacking<'_> {
    fn file(
        self,
        mut file: File,
        n_bytes: u64,
        destination: &Path,
    ) -> Result<Extracted, ArchiveError> {
        self.staged(destination, |staging| {
            let head = self.head(&mut file)?;
            if head.kind() == Kind::Zip {
                self.zip(file, n_bytes, staging)
            } else {
                self.tar(head, file, Some(n_bytes), staging)
            }
        })
    }

    fn stream(
        self,
        mut reader: impl Read + Send,
        destination: &Path,
    ) -> Result<Extracted, ArchiveError> {
        self.staged(destination, |staging| {
            let head = self.head(&mut reader)?;
            self.tar(head, reader, None, staging)
        })
    }

    fn staged(
        self,
        destination: &Path,
        fill: impl FnOnce(&Staging) -> Result<Extracted, ArchiveError>,
    ) -> Result<Extracted, ArchiveError> {
        let staging = Staging::new(destination).map_err(|err| self.whole(err.into()))?;
        let extracted = fill(&staging)?;
        staging.publish().map_err(|err| self.whole(err.into()))?;
        debug!(archive = self.name, ?extracted, "unpacked");
        Ok(extracted)
    }

    fn head(self, reader: &mut impl Read) -> Result<Head, ArchiveError> {
        Head::read(reader).map_err(|err| self.whole(StreamError::Read(err).into()))
    }

    fn tar<R: Read + Send>(
        self,
        head: Head,
        reader: R,
        n_bytes: Option<u64>,
        staging: &Staging,
    ) -> Result<Extracted, ArchiveError> {
        let format = match head.kind() {
            Kind::Tar => Format::Tar,
            Kind::Gzip => Format::Gzip,
            Kind::Zstd => Format::Zstd,
            Kind::Zip => return Err(self.whole(ArchiveFault::ZipStream)),
            Kind::Other(found) => return Err(self.whole(ArchiveFault::NotAnArchive { found })),
        };
        let (tree, budget) = self.place(staging, n_bytes)?;
        thread::scope(|scope| {
            let (ends, chunks) = stream::channel();
            let pump =
                move || stream::pump(head.chain(reader), format, n_bytes, self.limits, &ends);
            thread::Builder::new()
                .name("unpack".to_owned())
                .spawn_scoped(scope, pump)
                .map_err(|err| self.whole(StreamError::Thread(err).into()))?;
            // Owned by this closure: when writing fails, the channel closes, and the thread ends.
            let members = Members::new(chunks, self.limits.max_depth);
            self.write(members, tree, budget)
        })
    }

    fn zip(self, file: File, n_bytes: u64, staging: &Staging) -> Result<Extracted, ArchiveError> {
        let (tree, budget) = self.place(staging, Some(n_bytes))?;
        let members =
            ZipMembers::open(file, n_bytes, self.limits).map_err(|fault| self.whole(fault))?;
        self.write(members, tree, budget)
    }

    fn place(
        self,
        staging: &Staging,
        n_bytes: Option<u64>,
    ) -> Result<(Tree, Budget), ArchiveError> {
        let root = staging.open().map_err(|err| self.whole(err.into()))?;
        let budget = Budget::new(&root, self.limits, n_bytes).map_err(|fault| self.whole(fault))?;
        Ok((Tree::new(root, self.resolution), budget))
    }

    fn write(
        self,
        mut members: impl MemberStream,
        tree: Tree,
        budget: Budget,
    ) -> Result<Extracted, ArchiveError> {
        let mut writer = Writer {
            tree,
            budget,
            extracted: Extracted::default(),
            stop: self.stop,
        };
        let outcome = writer.write_all(&mut members);
        outcome.map_err(|fault| match fault {
            ArchiveFault::NotAnArchive { .. }
            | ArchiveFault::DataAfterEnd
            | ArchiveFault::Stopped => self.whole(fault),
            fault => ArchiveError::at(self.name, members.entry(), fault),
        })?;
        Ok(writer.finish())
    }

    fn whole(self, fault: ArchiveFault) -> ArchiveError {
        ArchiveError::whole(self.name, fault)
    }
}

/// The members of an archive one after the other. The content of each must be taken before the next.
trait MemberStream {
    /// The next member; `None` at the archive's end.
    fn next(&mut self) -> Result<Option<Member>, ArchiveFault>;

    /// The next piece of the member's content; `None` at its end, when all that is known of it was right.
    fn content(&mut self) -> Result<Option<&[u8]>, ArchiveFault>;

    /// Reads what follows the archive's end, so that the stream's checksums are seen.
    fn finish(&mut self) -> Result<(), ArchiveFault>;

    /// Members begun so far.
    fn n_members(&self) -> u64;

    /// The member that is being read.
    fn entry(&self) -> EntryLabel;
}

struct Writer<'a> {
    tree: Tree,
    budget: Budget,
    extracted: Extracted,
    stop: Stop<'a>,
}

impl Writer<'_> {
    fn write_all(&mut self, members: &mut impl MemberStream) -> Result<(), ArchiveFault> {
        while let Some(member) = members.next()? {
            self.check_stop()?;
            self.write(&member, members)?;
            self.budget
                .count_entries(members.n_members() + self.tree.n_implied())?;
        }
        members.finish()
    }

    fn write(
        &mut self,
        member: &Member,
        members: &mut impl MemberStream,
    ) -> Result<(), ArchiveFault> {
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
