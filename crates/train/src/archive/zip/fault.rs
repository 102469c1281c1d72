//! What only zip archives can have wrong.

use thiserror::Error;

use crate::archive::error::CUT_SHORT;

/// Why a zip archive was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ZipFault {
    /// No end record: it is what a reader begins with.
    #[error("the zip archive ends early: its end record is missing")]
    NoEnd,
    /// Something follows the end record and its comment.
    #[error("there is data after the zip archive's end")]
    TrailingData,
    /// One part of several.
    #[error("a part of a zip archive that was split")]
    Split,
    /// The end record and the one for large archives.
    #[error("its two end records disagree: {field}")]
    EndRecordsDisagree {
        /// What they disagree on.
        field: &'static str,
    },
    /// The directory does not lie between the last member and the end record.
    #[error("its directory is not where its end record says")]
    DirectoryElsewhere,
    /// A directory larger than any honest one.
    #[error("a directory of {n_bytes} bytes, and at most {max_bytes} are accepted")]
    DirectoryTooLong {
        /// Its size.
        n_bytes: u64,
        /// The limit.
        max_bytes: u64,
    },
    /// More or fewer entries than the end record says.
    #[error("its directory does not hold the {n_entries} entries that its end record says")]
    EntryCount {
        /// The number in the end record.
        n_entries: u64,
    },
    /// An entry of the directory that cannot be read.
    #[error("entry {number} of its directory is malformed")]
    MalformedEntry {
        /// Counted from 1.
        number: u64,
    },
    /// Data in front of the first member.
    #[error("there are {n_bytes} bytes before its first entry")]
    LeadingData {
        /// How many.
        n_bytes: u64,
    },
    /// No local header where the directory says.
    #[error("its header is not where the directory says")]
    NoHeader,
    /// The local header and the directory.
    #[error("its header and the directory disagree: {field}")]
    HeadersDisagree {
        /// What they disagree on.
        field: &'static str,
    },
    /// Header or content reach into the next member, or into the directory.
    #[error("it overlaps what comes after it")]
    Overlap,
    /// Bytes that belong to no member.
    #[error("there are {n_bytes} bytes after it that belong to no entry")]
    Gap {
        /// How many.
        n_bytes: u64,
    },
    /// Encrypted content or names.
    #[error("it is encrypted")]
    Encrypted,
    /// Neither stored nor deflated.
    #[error("it is packed with {name} (method {number}), and only deflate is accepted")]
    Method {
        /// What it is called.
        name: &'static str,
        /// Its number.
        number: u16,
    },
    /// An extra field that breaks its own rules.
    #[error("its extra field is malformed")]
    MalformedExtra,
    /// A name in an old code page.
    #[error("its name is not UTF-8")]
    NameEncoding,
    /// The mode says directory, the name does not.
    #[error("a directory with the name of a file, which readers disagree on")]
    NotNamedDirectory,
    /// More or less content than it claims.
    #[error("its content is not the {n_bytes} bytes that it claims")]
    Size {
        /// The size it claims.
        n_bytes: u64,
    },
    /// Wrong codes.
    #[error("its deflated data is damaged")]
    Damaged,
    /// The content is not what was packed.
    #[error("its content is damaged (wrong checksum)")]
    Checksum,
}

impl ZipFault {
    pub(in crate::archive) fn hint(self) -> &'static str {
        match self {
            Self::NoEnd | Self::Damaged | Self::Checksum => CUT_SHORT,
            Self::Encrypted => "pack it without a password",
            Self::Method { .. } => "pack it with deflate: `zip -r code.zip .`, or as a `.tar.gz`",
            Self::Split => "pack it as one file: `zip -r code.zip .`",
            Self::TrailingData
            | Self::EndRecordsDisagree { .. }
            | Self::DirectoryElsewhere
            | Self::EntryCount { .. }
            | Self::MalformedEntry { .. }
            | Self::LeadingData { .. }
            | Self::NoHeader
            | Self::HeadersDisagree { .. }
            | Self::Overlap
            | Self::Gap { .. }
            | Self::MalformedExtra
            | Self::NameEncoding
            | Self::NotNamedDirectory
            | Self::Size { .. } => {
                "pack it anew with a current `zip` or Python's `zipfile`, or as a `.tar.gz`"
            }
            Self::DirectoryTooLong { .. } => "pack it as a `.tar.gz`",
        }
    }
}
