//! Brings the user's code to the code directory: a directory, an archive or a single file.
//!
//! Like an archive, a copy arrives whole or not at all. A code directory that holds something already is kept as it is:
//! code that is part of the image wins over `sagemaker_submit_directory`, silently in the reference, and said by ours.
//! Only what was fetched before, as its [`marker`] tells, gives way to something else, unless it was changed since.
//! Where code may come from is the business of [`CodeLocation`].

mod copy;
mod error;
mod local;
mod location;
pub mod marker;
mod remote;

use std::fmt;

use camino::Utf8Path;
use tracing::warn;

pub use self::{
    error::{CodeError, CopyFault},
    location::CodeLocation,
};
use self::{
    local::LocalCode,
    marker::{Found, Origin},
    remote::RemoteCode,
};
use crate::{
    archive::{Extracted, StagingError, Stop, staging::Occupancy},
    store::{Client, WebClientError},
};

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

/// What fetching needs besides a place to fill.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// Gives up when it says so.
    pub stop: Stop<'a>,
    /// The way to stores, asked for when one is named.
    pub client: &'a dyn Fn() -> Result<Client, WebClientError>,
    /// A folder for what can't be unpacked while it arrives; it is made when it is needed.
    pub scratch: &'a Utf8Path,
}

/// Fills `code_dir` from `location`, which [`CodeLocation::parse`] explains.
///
/// A directory is copied: its links as links as long as they stay inside, modes and times as an archive's are, without
/// a top-level `.optml`, which holds the runs of local mode, and without the marker of an earlier fetch. An archive is
/// unpacked, whatever its name. Any other file is copied under its own name.
///
/// # Errors
/// The location or its content; the code directory is then as it was, or empty if it held other code that was fetched.
/// Or it held that, and was changed since.
///
/// **Source** — sagemaker-training 5.1.4, `files.download_and_extract`, with one refusal where it skips or overwrites.
pub fn fetch(location: &str, code_dir: &Utf8Path, means: Means<'_>) -> Result<Fetched, CodeError> {
    let is_filled = Occupancy::of(code_dir.as_std_path())? == Occupancy::Filled;
    // What nobody fetched stays, whatever the location: it is not even asked.
    if is_filled && !marker::is_marked(code_dir)? {
        return Ok(Fetched::Kept(Why::Unmarked));
    }
    let found = Code::find(location, means)?;
    let replaced = if is_filled {
        match found.make_way(code_dir)? {
            Way::Made(was) => Some(was),
            Way::Barred(why) => return Ok(Fetched::Kept(why)),
        }
    } else {
        None
    };
    let fetched = found.fetch(code_dir, means)?;
    if fetched != Fetched::InPlace
        && let Err(err) = marker::write(code_dir, &found.origin())
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

impl fmt::Debug for Means<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Means")
            .field("scratch", &self.scratch)
            .finish_non_exhaustive()
    }
}

/// Code that was found, and not yet fetched.
enum Code {
    Local(LocalCode),
    Remote(Box<RemoteCode>),
}

/// Whether new code may come to a directory that holds some.
enum Way {
    /// It is empty now; what it held can be fetched again.
    Made(Origin),
    Barred(Why),
}

impl Code {
    fn find(location: &str, means: Means<'_>) -> Result<Self, CodeError> {
        match CodeLocation::parse(location)? {
            CodeLocation::Local(path) => Ok(Self::Local(LocalCode::find(path)?)),
            CodeLocation::Stored(url) => {
                let found = RemoteCode::find((means.client)()?, &url)?;
                Ok(Self::Remote(Box::new(found)))
            }
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Local(code) => code.origin().clone(),
            Self::Remote(code) => code.origin(),
        }
    }

    /// Empties a code directory that holds other code which was fetched, and not touched since.
    fn make_way(&self, code_dir: &Utf8Path) -> Result<Way, CodeError> {
        if matches!(self, Self::Local(code) if code.is_within(code_dir)) {
            return Ok(Way::Barred(Why::Within));
        }
        let wanted = self.origin();
        match marker::look(code_dir, &wanted)? {
            Found::Unmarked => Ok(Way::Barred(Why::Unmarked)),
            Found::Same => Ok(Way::Barred(Why::Same)),
            Found::Other {
                was, n_changed: 0, ..
            } => {
                marker::clear(code_dir).map_err(|reason| StagingError::Io {
                    path: code_dir.into(),
                    action: "emptied",
                    reason,
                })?;
                Ok(Way::Made(was))
            }
            Found::Other {
                was,
                changed,
                n_changed,
            } => Err(CodeError::Changed {
                was: was.location,
                wanted: wanted.location,
                names: changed,
                n_changed,
            }),
        }
    }

    fn fetch(&self, code_dir: &Utf8Path, means: Means<'_>) -> Result<Fetched, CodeError> {
        match self {
            Self::Local(code) => code.fetch(code_dir, means.stop),
            Self::Remote(code) => code.fetch(code_dir, means.scratch, means.stop),
        }
    }
}

#[cfg(test)]
mod tests;
