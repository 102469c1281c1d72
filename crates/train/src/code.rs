//! Brings the user's code to the code directory: a directory, an archive or a single file.
//!
//! Like an archive, a copy arrives whole or not at all. A code directory that holds something already is kept as it is:
//! code that is part of the image wins over `sagemaker_submit_directory`, silently in the reference, and said by ours.
//! Only what was fetched before, as its [`marker`] tells, gives way to something else, unless it was changed since.
//! Where code may come from is the business of [`CodeLocation`]; object storage is not among it yet.

mod copy;
pub mod marker;

use std::{fmt, io, os::unix::fs::MetadataExt as _};

use camino::{Utf8Path, Utf8PathBuf};
use thiserror::Error;
use tracing::warn;

use self::marker::{Found, Origin};
use crate::archive::{
    self, ArchiveError, Extracted, Limits, LinkFault, PathFault, StagingError, Stop, TreeError,
    staging::Occupancy,
};

/// Where the user's code is: a directory, an archive or a single file of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeLocation(Utf8PathBuf);

/// How the code directory came by its content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "kept code is worth a line in the log"]
pub enum Fetched {
    /// It was not empty, and nothing was fetched.
    Kept(Why),
    /// It is the location itself, and empty.
    InPlace,
    /// A directory or a single file was copied.
    Copied(Extracted),
    /// An archive was unpacked.
    Unpacked(Extracted),
    /// It held other code that had been fetched, untouched since, and the location's took its place.
    Replaced {
        /// What it held.
        was: Origin,
        /// What it holds now.
        extracted: Extracted,
    },
}

/// Why a code directory is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Nothing says that its content was fetched: it may be part of the image.
    Unmarked,
    /// It holds what would be fetched.
    Same,
    /// The location is the code directory, or lies in it.
    Within,
}

/// Why there is no code.
#[derive(Debug, Error)]
pub enum CodeError {
    /// The location names nothing.
    #[error("fetch the code: `sagemaker_submit_directory` is empty")]
    Empty,
    /// An object store.
    #[error("fetch the code from `{location}`: {scheme} storage is not built in yet")]
    ObjectStorage {
        /// The location, without credentials and query.
        location: String,
        /// `s3`, `gs`, `az`.
        scheme: String,
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

impl CodeLocation {
    /// Takes a path or a `file://` URL.
    ///
    /// # Errors
    /// Any other URL. The path need not exist.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let Some((scheme, rest)) = split_scheme(text) else {
            return match text {
                "" => Err(CodeError::Empty),
                path => Ok(Self(path.into())),
            };
        };
        let location = || without_secrets(text);
        match scheme.to_ascii_lowercase().as_str() {
            "file" => match local_path(rest) {
                Some(path) => Ok(Self(path)),
                None => Err(CodeError::FileUrl(location())),
            },
            scheme @ ("s3" | "gs" | "az") => Err(CodeError::ObjectStorage {
                location: location(),
                scheme: scheme.to_owned(),
            }),
            scheme => Err(CodeError::Scheme {
                location: location(),
                scheme: scheme.to_owned(),
            }),
        }
    }

    /// The path.
    pub fn as_path(&self) -> &Utf8Path {
        &self.0
    }
}

impl fmt::Display for CodeLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl CodeError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Archive(err) => return err.hint(),
            Self::Staging(err) => err.hint()?,
            Self::Empty | Self::ObjectStorage { .. } | Self::Scheme { .. } => {
                "give a directory or an archive of this machine, or copy the code into the image"
            }
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

/// Fills `code_dir` from `location`, which [`CodeLocation::parse`] explains.
///
/// A directory is copied: its links as links as long as they stay inside, modes and times as an archive's are, without
/// a top-level `.optml`, which holds the runs of local mode, and without the marker of an earlier fetch. An archive is unpacked, whatever its name. Any other file
/// is copied under its own name.
///
/// # Errors
/// The location or its content; the code directory is then as it was, or empty if it held other code that was fetched.
/// Or it held that, and was changed since.
///
/// **Source** — sagemaker-training 5.1.4, `files.download_and_extract`, with one refusal where it skips or overwrites.
pub fn fetch(location: &str, code_dir: &Utf8Path, stop: Stop<'_>) -> Result<Fetched, CodeError> {
    let occupancy = Occupancy::of(code_dir.as_std_path())?;
    let is_filled = occupancy == Occupancy::Filled;
    if is_filled && !marker::is_marked(code_dir)? {
        return Ok(Fetched::Kept(Why::Unmarked));
    }
    let source = LocalSource::find(CodeLocation::parse(location)?)?;
    let replaced = if is_filled {
        match source.compare(code_dir)? {
            Ok(was) => Some(was),
            Err(why) => return Ok(Fetched::Kept(why)),
        }
    } else {
        None
    };
    let fetched = source.fetch(code_dir, stop)?;
    if fetched != Fetched::InPlace
        && let Err(err) = marker::write(code_dir, &source.origin)
    {
        // The code is there; only the next run will not know where from.
        warn!(%code_dir, error = %err, "the code directory cannot be marked");
    }
    Ok(match (fetched, replaced) {
        (Fetched::Copied(extracted) | Fetched::Unpacked(extracted), Some(was)) => {
            Fetched::Replaced { was, extracted }
        }
        (fetched, _) => fetched,
    })
}

/// A location that exists, and what it is.
struct LocalSource {
    location: CodeLocation,
    kind: SourceKind,
    origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SourceKind {
    Directory,
    Archive,
    File,
}

impl LocalSource {
    fn find(location: CodeLocation) -> Result<Self, CodeError> {
        let path = location.as_path();
        let unreadable = |reason: io::Error| {
            let location = path.to_owned();
            if reason.kind() == io::ErrorKind::NotFound {
                return CodeError::Missing(location);
            }
            CodeError::Unreadable { location, reason }
        };
        let metadata = path.metadata().map_err(unreadable)?;
        let kind = if metadata.is_dir() {
            SourceKind::Directory
        } else if !metadata.is_file() {
            return Err(CodeError::Special(path.to_owned()));
        } else if archive::is_archive(path.as_std_path()).map_err(unreadable)? {
            SourceKind::Archive
        } else {
            SourceKind::File
        };
        let identity = match kind {
            SourceKind::Directory => marker::DIRECTORY.to_owned(),
            SourceKind::Archive | SourceKind::File => format!(
                "{} bytes of {}.{:09}",
                metadata.len(),
                metadata.mtime(),
                metadata.mtime_nsec()
            ),
        };
        let origin = Origin {
            location: path.to_string(),
            identity,
        };
        Ok(Self {
            location,
            kind,
            origin,
        })
    }

    /// Empties a code directory that holds other code, and gives what it held; or why it is kept.
    fn compare(&self, code_dir: &Utf8Path) -> Result<Result<Origin, Why>, CodeError> {
        if self.is_within(code_dir) {
            return Ok(Err(Why::Within));
        }
        match marker::look(code_dir, &self.origin)? {
            Found::Unmarked => Ok(Err(Why::Unmarked)),
            Found::Same => Ok(Err(Why::Same)),
            Found::Other {
                was, n_changed: 0, ..
            } => {
                marker::clear(code_dir).map_err(|reason| StagingError::Io {
                    path: code_dir.into(),
                    action: "emptied",
                    reason,
                })?;
                Ok(Ok(was))
            }
            Found::Other {
                was,
                changed,
                n_changed,
            } => Err(CodeError::Changed {
                was: was.location,
                wanted: self.origin.location.clone(),
                names: changed,
                n_changed,
            }),
        }
    }

    fn is_within(&self, code_dir: &Utf8Path) -> bool {
        let source = self.location.as_path().canonicalize();
        let code_dir = code_dir.canonicalize();
        source.is_ok_and(|source| code_dir.is_ok_and(|code_dir| source.starts_with(code_dir)))
    }

    fn fetch(&self, code_dir: &Utf8Path, stop: Stop<'_>) -> Result<Fetched, CodeError> {
        let path = self.location.as_path();
        match self.kind {
            SourceKind::Directory => fetch_directory(path, code_dir, stop),
            SourceKind::Archive => {
                let extracted = archive::extract(
                    path.as_std_path(),
                    code_dir.as_std_path(),
                    &Limits::default(),
                    stop,
                )?;
                Ok(Fetched::Unpacked(extracted))
            }
            SourceKind::File => copy::file(path, code_dir, stop).map(Fetched::Copied),
        }
    }
}

fn fetch_directory(
    path: &Utf8Path,
    code_dir: &Utf8Path,
    stop: Stop<'_>,
) -> Result<Fetched, CodeError> {
    let unreadable = |reason| CodeError::Unreadable {
        location: path.to_owned(),
        reason,
    };
    let source = path.canonicalize().map_err(unreadable)?;
    if code_dir
        .canonicalize()
        .is_ok_and(|code_dir| code_dir == source)
    {
        return Ok(Fetched::InPlace);
    }
    copy::directory(path, code_dir, stop).map(Fetched::Copied)
}

/// `s3` and `bucket/key` of `s3://bucket/key`.
fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some((scheme, rest))
}

/// The path of a `file://` URL, its `%20` undone.
fn local_path(rest: &str) -> Option<Utf8PathBuf> {
    let (host, path) = rest.split_at(rest.find('/')?);
    if !matches!(host, "" | "localhost") {
        return None;
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        decoded.push(u8::try_from(value).ok()?);
    }
    if decoded.contains(&b'\0') {
        return None;
    }
    String::from_utf8(decoded).ok().map(Utf8PathBuf::from)
}

/// A URL without the parts that hold passwords and signatures.
pub(crate) fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
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

#[cfg(test)]
mod tests;
