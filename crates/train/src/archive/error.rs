//! Why an archive was refused: which archive, which entry, what for, and what to do.

use std::{fmt, io};

use thiserror::Error;

use super::{LinkFault, PathFault, StagingError, StreamError, TreeError, ZipFault};

/// An archive that was not unpacked. Nothing of it is left.
#[derive(Debug, Error)]
#[error("unpack `{archive}`: {}{fault}", Place(.entry.as_ref()))]
pub struct ArchiveError {
    /// The archive's path or name.
    pub archive: String,
    /// The entry at fault, where it is one.
    pub entry: Option<EntryLabel>,
    /// What is wrong.
    pub fault: ArchiveFault,
}

/// An entry of an archive, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryLabel {
    /// Counted from 1, as `tar tf` lists them.
    pub number: u64,
    /// The name, printable and cut at 200 characters; `None` where the header could not be read so far.
    pub name: Option<String>,
}

/// What is wrong with an archive, or with the place for it.
#[derive(Debug, Error)]
pub enum ArchiveFault {
    /// The file cannot be opened.
    #[error("{0}")]
    Open(#[source] io::Error),
    /// Another kind of file.
    #[error("not a tar or zip archive{}", Found(*.found))]
    NotAnArchive {
        /// What it is instead, if that is known.
        found: Option<&'static str>,
    },
    /// A zip archive that comes as a stream: its directory is at its end, so it must be a file.
    #[error("a zip archive, which cannot be unpacked while it arrives")]
    ZipStream,
    /// What only zip archives can have wrong.
    #[error("{0}")]
    Zip(#[from] ZipFault),
    /// The packed stream.
    #[error("{0}")]
    Stream(#[from] StreamError),
    /// The place to unpack to.
    #[error("{0}")]
    Staging(#[from] StagingError),
    /// The entry's name.
    #[error("{0}")]
    Path(#[from] PathFault),
    /// The entry is a link to a place outside.
    #[error("{0}")]
    Link(#[from] LinkFault),
    /// The entry does not fit in with those before it.
    #[error("{0}")]
    Tree(#[from] TreeError),
    /// The caller wanted it to stop.
    #[error("stopped before the end")]
    Stopped,
    /// A file's content cannot be written.
    #[error("it cannot be written: {0}")]
    Write(#[source] io::Error),
    /// The stream ends inside the archive.
    #[error("the archive ends early")]
    Truncated,
    /// A header whose checksum is wrong.
    #[error("its header is damaged (wrong checksum)")]
    Checksum,
    /// A header field that is no number, or one that makes no sense.
    #[error("its header's `{field}` field is not a number that makes sense")]
    Number {
        /// The field's name in the format's description.
        field: &'static str,
    },
    /// Bytes after the end of the name, or in the place of a prefix that this format does not have.
    #[error("its header holds bytes that only some readers take for a part of its name")]
    HiddenName,
    /// Two sizes: readers that heed one or the other see different archives.
    #[error(
        "its two sizes disagree: {pax_bytes} bytes in the extended header, {header_bytes} in the header"
    )]
    SizesDisagree {
        /// The size in the PAX header.
        pax_bytes: u64,
        /// The size in the ustar header.
        header_bytes: u64,
    },
    /// `name/` or `name/.`, which some readers take for a directory.
    #[error("a {kind} with the name of a directory, which readers disagree on")]
    DirectoryName {
        /// The kind of entry.
        kind: &'static str,
    },
    /// Content where there can be none.
    #[error("a {kind} with a size of {n_bytes} bytes, which readers disagree on")]
    UnexpectedContent {
        /// The kind of entry.
        kind: &'static str,
        /// The size it claims.
        n_bytes: u64,
    },
    /// A PAX header that breaks its own rules.
    #[error("its extended header is malformed")]
    MalformedPax,
    /// A PAX header for all members that renames or resizes them.
    #[error("an extended header gives all members one name or size")]
    GlobalOverride,
    /// Two headers that give the same member the same thing.
    #[error("two extended headers give it a name, a target or attributes twice")]
    DoubledExtension,
    /// An extended header larger than any honest one.
    #[error("an extended header of {n_bytes} bytes, and at most {max_bytes} are accepted")]
    ExtensionTooLong {
        /// Its size.
        n_bytes: u64,
        /// The limit.
        max_bytes: u64,
    },
    /// An extended header, and then no member.
    #[error("an extended header without a member after it")]
    DanglingExtension,
    /// Device, FIFO.
    #[error("a {kind}, which no archive may bring")]
    Special {
        /// The kind of entry.
        kind: &'static str,
    },
    /// A kind of member that is not known.
    #[error("a member of the unknown kind `{}`", char::from(*.byte).escape_default())]
    UnknownKind {
        /// The header's type byte.
        byte: u8,
    },
    /// setuid, or setgid on a file.
    #[error("it would run with its owner's rights (mode {mode:04o})")]
    Privileged {
        /// The mode in the header.
        mode: u32,
    },
    /// A file with holes.
    #[error("a sparse file, which readers disagree on")]
    Sparse,
    /// Something follows where only zeros may.
    #[error("there is data after the archive's end")]
    DataAfterEnd,
    /// Too many members.
    #[error("more than {max} entries")]
    TooManyEntries {
        /// The limit.
        max: u64,
    },
    /// It does not fit on the disk.
    #[error("{needed_bytes} bytes are needed and {free_bytes} are free on the destination's disk")]
    NoSpace {
        /// What the next write needs.
        needed_bytes: u64,
        /// What there is, less the reserve.
        free_bytes: u64,
    },
}

impl ArchiveError {
    pub(super) fn whole(archive: &str, fault: ArchiveFault) -> Self {
        Self {
            archive: archive.to_owned(),
            entry: None,
            fault,
        }
    }

    pub(super) fn at(archive: &str, entry: EntryLabel, fault: ArchiveFault) -> Self {
        Self {
            archive: archive.to_owned(),
            entry: Some(entry),
            fault,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        self.fault.hint().map(str::to_owned)
    }
}

impl ArchiveFault {
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotAnArchive { .. } => Some(
                "`.tar.gz`, `.tar`, `.tar.zst` and `.zip` are accepted, whatever their names; \
                 pack with `tar czf code.tar.gz -C DIRECTORY .`",
            ),
            Self::ZipStream => Some("store it as a file first, or pack a `.tar.gz`"),
            Self::Zip(fault) => Some(fault.hint()),
            Self::Path(_) | Self::HiddenName => {
                Some("pack names relative to the directory: `tar czf code.tar.gz -C DIRECTORY .`")
            }
            Self::Link(_) => {
                Some("pack the files themselves instead of links to them: `tar --dereference`")
            }
            Self::Tree(err) => err.hint(),
            Self::Staging(err) => err.hint(),
            Self::Stream(err) => err.hint(),
            Self::Special { .. } => Some("leave it out: `tar --exclude=NAME`"),
            Self::Privileged { .. } => {
                Some("take the bits away before packing: `chmod u-s,g-s FILE`")
            }
            Self::Sparse => Some("pack without `--sparse`"),
            Self::Truncated | Self::Checksum => Some(CUT_SHORT),
            Self::DataAfterEnd => Some(
                "pack everything in one run: archives joined by `cat` are read only to the first end",
            ),
            Self::NoSpace { .. } => Some("give the volume more space"),
            Self::Write(err) if err.kind() == io::ErrorKind::StorageFull => {
                Some("give the volume more space")
            }
            Self::Number { .. }
            | Self::SizesDisagree { .. }
            | Self::DirectoryName { .. }
            | Self::UnexpectedContent { .. }
            | Self::MalformedPax
            | Self::GlobalOverride
            | Self::DoubledExtension
            | Self::ExtensionTooLong { .. }
            | Self::DanglingExtension
            | Self::UnknownKind { .. } => {
                Some("pack it anew with a current `tar`, `bsdtar` or Python's `tarfile`")
            }
            Self::Open(_) | Self::Stopped | Self::Write(_) | Self::TooManyEntries { .. } => None,
        }
    }
}

impl EntryLabel {
    pub(super) fn new(number: u64, name: Option<&[u8]>) -> Self {
        let printable = |name: &[u8]| {
            let text = String::from_utf8_lossy(name);
            let mut printable: String = text.chars().take(MAX_LABEL_CHARS).collect();
            if printable.len() < text.len() {
                printable.push('…');
            }
            printable.escape_debug().to_string()
        };
        Self {
            number,
            name: name.map(printable),
        }
    }
}

impl fmt::Display for EntryLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}", self.number)?;
        match &self.name {
            Some(name) => write!(f, " `{name}`"),
            None => Ok(()),
        }
    }
}

struct Place<'a>(Option<&'a EntryLabel>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |entry| write!(f, "{entry}: "))
    }
}

struct Found(Option<&'static str>);

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |found| write!(f, ", but {found}"))
    }
}

pub(super) const CUT_SHORT: &str =
    "the packing, upload or download was cut short, or the disk was full: pack and upload it again";
const MAX_LABEL_CHARS: usize = 200;
