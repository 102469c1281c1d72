//! Why there is no code: which location, the reason, and what to do.

use std::{fmt, io};

use camino::Utf8PathBuf;
use thiserror::Error;

use crate::{
    archive::{ArchiveError, LinkFault, PathFault, StagingError, TreeError},
    store::{StoreError, UrlError, WebClientError},
};

/// Why there is no code.
#[derive(Debug, Error)]
pub enum CodeError {
    /// The location names nothing.
    #[error("fetch the code: `sagemaker_submit_directory` is empty")]
    Empty,
    /// An address in a store that names nothing.
    #[error("fetch the code (`sagemaker_submit_directory`): {0}")]
    Url(#[from] UrlError),
    /// The store does not give it.
    #[error("fetch the code (`sagemaker_submit_directory`): {0}")]
    Store(#[from] StoreError),
    /// The address of a folder with nothing below.
    #[error("fetch the code from `{0}` (`sagemaker_submit_directory`): there is nothing below")]
    EmptyFolder(String),
    /// There is no way to any store.
    #[error("fetch the code (`sagemaker_submit_directory`): {0}")]
    Client(#[from] WebClientError),
    /// A place for what can't be unpacked while it arrives.
    #[error("fetch the code: write to `{folder}`: {reason}")]
    Scratch {
        /// The folder.
        folder: Utf8PathBuf,
        /// What the system says.
        #[source]
        reason: io::Error,
    },
    /// Any other URL.
    #[error("fetch the code from `{location}`: {scheme} locations are not supported")]
    Scheme {
        /// The location, without credentials and query.
        location: String,
        /// What stands before `://`.
        scheme: String,
    },
    /// A `file://` URL of another machine, or one that is no UTF-8 path.
    #[error("fetch the code from `{0}`: it does not name a path on this machine")]
    FileUrl(String),
    /// The location does not exist.
    #[error("fetch the code from `{0}` (`sagemaker_submit_directory`): it does not exist")]
    Missing(Utf8PathBuf),
    /// The location cannot be read.
    #[error("fetch the code from `{location}` (`sagemaker_submit_directory`): {reason}")]
    Unreadable {
        /// The location.
        location: Utf8PathBuf,
        /// What the system says.
        #[source]
        reason: io::Error,
    },
    /// A socket, a device, a FIFO.
    #[error(
        "fetch the code from `{0}` (`sagemaker_submit_directory`): it is neither a directory nor a file"
    )]
    Special(Utf8PathBuf),
    /// The code directory lies inside the directory that would be copied into it.
    #[error("fetch the code from `{location}`: the code directory `{code_dir}` lies inside it")]
    Inside {
        /// The location.
        location: Utf8PathBuf,
        /// The code directory.
        code_dir: Utf8PathBuf,
    },
    /// The code directory holds other code, and somebody worked on it.
    #[error(
        "fetch the code from `{wanted}`: the code directory holds what came from `{was}`, \
         and files were changed since: {}",
        Names(names, *n_changed)
    )]
    Changed {
        /// The location that it was filled from.
        was: String,
        /// The location that is asked for.
        wanted: String,
        /// Files that were added or edited, the first of them.
        names: Vec<String>,
        /// How many there are.
        n_changed: usize,
    },
    /// An entry cannot be copied.
    #[error("copy the code from `{location}`: `{entry}`: {fault}")]
    Copy {
        /// The location.
        location: Utf8PathBuf,
        /// The entry, from the top of the location.
        entry: String,
        /// What is wrong with it.
        fault: CopyFault,
    },
    /// The archive cannot be unpacked.
    #[error("{0}")]
    Archive(#[from] ArchiveError),
    /// The code directory cannot be filled.
    #[error("fill the code directory: {0}")]
    Staging(#[from] StagingError),
}

/// Why an entry of a directory cannot be copied.
#[derive(Debug, Error)]
pub enum CopyFault {
    /// A name that no code directory takes.
    #[error("{0}")]
    Path(#[from] PathFault),
    /// A link to a place outside.
    #[error("{0}")]
    Link(#[from] LinkFault),
    /// It cannot be made.
    #[error("{0}")]
    Tree(#[from] TreeError),
    /// A socket, a device, a FIFO.
    #[error("it is neither a directory, a file nor a link")]
    Special,
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[source] io::Error),
    /// The caller wanted it to stop.
    #[error("stopped before the end")]
    Stopped,
    /// It cannot be copied.
    #[error("it cannot be copied: {0}")]
    Write(#[source] io::Error),
}

impl CodeError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Archive(err) => return err.hint(),
            Self::Staging(err) => err.hint()?,
            Self::Store(err) => return err.hint(),
            Self::Client(err) => return err.hint(),
            Self::Empty | Self::Scheme { .. } => {
                "give a directory, an archive or a single file: a path, `file://`, `s3://`, `gs://`, `az://` or `https://`"
            }
            Self::Url(_) => "write `s3://BUCKET/KEY`, and a `/` at the end for a folder",
            Self::EmptyFolder(_) => "check the bucket and the prefix",
            Self::Scratch { reason, .. } if reason.kind() == io::ErrorKind::StorageFull => {
                "set TMPDIR to a folder with more space: a zip archive is stored before it is unpacked"
            }
            Self::Scratch { .. } => "set TMPDIR to a folder that can be written",
            Self::FileUrl(_) => "write an absolute path: `file:///path/to/code`",
            Self::Missing(_) => {
                "check `sagemaker_submit_directory`, and that its volume is mounted"
            }
            Self::Special(_) => "give a directory, an archive or a single script",
            Self::Inside { .. } => {
                "name the directory of the sources alone, or another code directory"
            }
            Self::Changed { .. } => "empty the code directory, or name the code that it holds",
            Self::Copy { fault, .. } => fault.hint()?,
            Self::Unreadable { .. } => return None,
        };
        Some(hint.to_owned())
    }
}

impl CopyFault {
    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Link(_) => Some("replace the link by what it points to"),
            Self::Special => Some("remove it"),
            Self::Write(err) if err.kind() == io::ErrorKind::StorageFull => {
                Some("give the volume more space")
            }
            Self::Path(_) | Self::Tree(_) | Self::Read(_) | Self::Stopped | Self::Write(_) => None,
        }
    }
}

/// The first names, and how many more there are.
struct Names<'a>(&'a [String], usize);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, name) in self.0.iter().enumerate() {
            f.write_str(if n > 0 { ", " } else { "" })?;
            write!(f, "`{name}`")?;
        }
        match self.1.saturating_sub(self.0.len()) {
            0 => Ok(()),
            n_more => write!(f, " and {n_more} more"),
        }
    }
}
