//! Members of a zip archive: in the one reading that readers of its directory and readers of its stream share.
//!
//! A zip archive says everything twice, in a header before each member and in the directory at its end, and it may hold
//! bytes that neither speaks of. Here the two must agree, and members, directory and end record must fill the file from
//! its first byte to its last: so nothing overlaps, nothing is hidden, and nothing comes before or after. What is refused
//! in a tar archive is refused here too.
//!
//! Only stored and deflated members are read. Names are UTF-8, whether their flag says so or not.

mod content;
mod directory;
mod extra;
mod fault;
mod fields;
mod header;

use std::{fs::File, io, os::unix::fs::FileExt as _, str};

pub use self::fault::ZipFault;
use self::{
    content::Content,
    directory::{Directory, ENCRYPTED, Entry, PATCHED},
};
use super::{
    MemberStream,
    error::{ArchiveFault, EntryLabel},
    limits::Limits,
    member::{Kind, Member, MemberKind},
    path::{EntryPath, LinkFault, LinkTarget},
    stream::StreamError,
};

/// The members in the order in which they lie in the file.
#[derive(Debug)]
pub(super) struct ZipMembers {
    file: File,
    directory: Directory,
    max_depth: usize,
    n_begun: usize,
    number: u64,
    name: Vec<u8>,
    content: Content,
}

/// How a member is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Stored,
    Deflated,
}

impl ZipMembers {
    /// Reads the directory of the archive, which is all of `file`.
    pub(super) fn open(file: File, n_bytes: u64, limits: &Limits) -> Result<Self, ArchiveFault> {
        let directory = Directory::read(&file, n_bytes, limits.max_entries)?;
        let unpacked_bytes = directory.unpacked_bytes();
        // No member gives more than it claims, so the sum of the claims is all that can come.
        if unpacked_bytes > limits.ratio_floor_bytes
            && unpacked_bytes / limits.max_ratio.max(1) > n_bytes
        {
            return Err(ArchiveFault::Stream(StreamError::Ratio {
                packed_bytes: n_bytes,
                unpacked_bytes,
                max_ratio: limits.max_ratio,
            }));
        }
        Ok(Self {
            file,
            directory,
            max_depth: limits.max_depth,
            n_begun: 0,
            number: 0,
            name: Vec::new(),
            content: Content::default(),
        })
    }

    fn member(&mut self, entry: &Entry, end: u64) -> Result<Member, ArchiveFault> {
        let method = entry.method()?;
        let (kind, mode) = kind_and_mode(entry)?;
        let path = EntryPath::parse(&entry.name, self.max_depth)?;
        let start = header::locate(&self.file, entry, end)?;
        self.content.begin(entry, method, start);
        let kind = match kind {
            Kind::Directory => {
                self.small_content(entry)?;
                MemberKind::Directory
            }
            Kind::Symlink => {
                let target = self.small_content(entry)?;
                let target = LinkTarget::parse(&target, &path)?;
                MemberKind::Symlink { target }
            }
            // There are no hard links in a zip archive.
            Kind::File | Kind::HardLink => MemberKind::File {
                n_bytes: entry.unpacked_bytes,
            },
        };
        Ok(Member {
            path,
            mode,
            modified: (entry.modified, 0),
            kind,
        })
    }

    /// The content of a member that is no file.
    fn small_content(&mut self, entry: &Entry) -> Result<Vec<u8>, ArchiveFault> {
        if entry.unpacked_bytes > MAX_LINK_BYTES {
            let n_bytes = usize::try_from(entry.unpacked_bytes).unwrap_or(usize::MAX);
            return Err(LinkFault::TooLong { n_bytes }.into());
        } else if entry.packed_bytes > MAX_PACKED_LINK_BYTES {
            return Err(ZipFault::Size {
                n_bytes: entry.unpacked_bytes,
            }
            .into());
        }
        let mut content = Vec::new();
        while let Some(piece) = self.content.piece(&self.file)? {
            content.extend_from_slice(piece);
        }
        Ok(content)
    }
}

impl MemberStream for ZipMembers {
    fn next(&mut self) -> Result<Option<Member>, ArchiveFault> {
        let Some((entry, end)) = self.directory.entry(self.n_begun)? else {
            return Ok(None);
        };
        self.n_begun += 1;
        self.number = entry.number;
        self.name.clone_from(&entry.name);
        self.member(&entry, end).map(Some)
    }

    fn content(&mut self) -> Result<Option<&[u8]>, ArchiveFault> {
        self.content.piece(&self.file)
    }

    fn finish(&mut self) -> Result<(), ArchiveFault> {
        // The directory was read, and the file ends with it.
        Ok(())
    }

    fn n_members(&self) -> u64 {
        self.n_begun as u64
    }

    fn entry(&self) -> EntryLabel {
        EntryLabel::new(self.number, Some(&self.name))
    }
}

/// What the directory says a member is. Only writers on Unix say more than its name does.
fn kind_and_mode(entry: &Entry) -> Result<(Kind, u32), ArchiveFault> {
    let special = |kind| Err(ArchiveFault::Special { kind });
    let by_name = if entry.name.ends_with(b"/") {
        Kind::Directory
    } else {
        Kind::File
    };
    let mode = entry.unix_mode().unwrap_or(0);
    let kind = match mode & TYPE_BITS {
        0 => by_name,
        0o100_000 => Kind::File,
        0o040_000 => Kind::Directory,
        0o120_000 => Kind::Symlink,
        0o010_000 => return special("FIFO"),
        0o020_000 => return special("character device"),
        0o060_000 => return special("block device"),
        0o140_000 => return special("socket"),
        _ => return special("file of an unknown type"),
    };
    if kind == Kind::Directory && by_name == Kind::File {
        return Err(ZipFault::NotNamedDirectory.into());
    }
    let content_bytes = if kind == Kind::Symlink {
        0
    } else {
        entry.unpacked_bytes
    };
    kind.check(&entry.name, content_bytes)?;
    let mode = match (mode, kind) {
        (0, Kind::Directory) => 0o755,
        (0, _) => 0o644,
        (mode, _) => kind.permissions(mode & !TYPE_BITS)?,
    };
    Ok((kind, mode))
}

impl Entry {
    fn method(&self) -> Result<Method, ZipFault> {
        if self.flags & ENCRYPTED != 0 {
            return Err(ZipFault::Encrypted);
        } else if str::from_utf8(&self.name).is_err() {
            return Err(ZipFault::NameEncoding);
        }
        let name = match self.method {
            _ if self.flags & PATCHED != 0 => "a patch",
            0 => return Ok(Method::Stored),
            8 => return Ok(Method::Deflated),
            9 => "deflate64",
            12 => "bzip2",
            14 => "lzma",
            20 | 93 => "zstd",
            95 => "xz",
            98 => "ppmd",
            _ => "a method of its own",
        };
        Err(ZipFault::Method {
            name,
            number: self.method,
        })
    }
}

/// `n_bytes` of the file, which the caller has bounded.
fn read_at(file: &File, offset: u64, n_bytes: usize) -> Result<Vec<u8>, ArchiveFault> {
    let mut bytes = vec![0; n_bytes];
    fill_at(file, offset, &mut bytes)?;
    Ok(bytes)
}

fn fill_at(file: &File, offset: u64, bytes: &mut [u8]) -> Result<(), ArchiveFault> {
    match file.read_exact_at(bytes, offset) {
        Ok(()) => Ok(()),
        // Somebody cut the file meanwhile.
        Err(err) if err.kind() == io::ErrorKind::UnexpectedEof => Err(ArchiveFault::Truncated),
        Err(err) => Err(StreamError::Read(err).into()),
    }
}

const TYPE_BITS: u32 = 0o170_000;
/// The kernel's `PATH_MAX`, without the NUL at its end.
const MAX_LINK_BYTES: u64 = 4095;
/// Deflate makes nothing larger by more than a few bytes.
const MAX_PACKED_LINK_BYTES: u64 = 2 * MAX_LINK_BYTES;
