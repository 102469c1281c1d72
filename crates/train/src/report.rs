//! What a job leaves in `output/`: `success`, or `failure` and `failure.json`.
//!
//! A failure that the user's code reported itself stands: a `failure` file that isn't empty and was written since the
//! job began. One from before is replaced. Files appear whole (written beside, then renamed), so that nobody ever
//! reads half a reason; where nothing can be written the log has it all.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::MetadataExt,
};

use camino::Utf8Path;
use optml_contract::{Layout, failure::Failure};
use tracing::{info, warn};

#[cfg(test)]
mod tests;

/// The report of one job.
#[derive(Debug)]
pub struct Report<'a> {
    layout: &'a Layout,
    /// What `output/failure` was when the job began.
    before: Option<Stamp>,
}

/// Enough of a file to tell whether it was written since: times alone depend on clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    n_bytes: u64,
    modified: (i64, i64),
}

/// Whose reason the platform will show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// Ours.
    Us,
    /// The user's code wrote its own.
    User,
    /// Nobody's: it could not be written.
    Nobody,
}

impl<'a> Report<'a> {
    /// Notes what is there, and takes a `success` of an earlier run away.
    ///
    /// Makes `output/` when only that is missing, so that a reason can be left there; an error shows when it is.
    pub fn begin(layout: &'a Layout) -> Self {
        let before = stamp(&layout.failure());
        if before.is_some_and(|before| before.n_bytes > 0) {
            warn!(file = %layout.failure(), "there is a failure report from before this job: it will be replaced if this one fails");
        }
        // Where there is no tree at all there is no platform either that would look: nothing is made there.
        if layout.base().is_dir()
            && let Err(error) = fs::create_dir_all(layout.output())
        {
            warn!(folder = %layout.output(), %error, "cannot be made: a failure will only be reported in the log");
        }
        // Usually it isn't there.
        let _ = fs::remove_file(layout.success());
        Self { layout, before }
    }

    /// Leaves the empty `output/success`.
    pub fn success(&self) {
        if let Err(error) = write_whole(&self.layout.success(), b"") {
            warn!(file = %self.layout.success(), %error, "cannot be written");
        }
    }

    /// Leaves the reason, unless the user's code has left its own; and `failure.json`.
    pub fn failure(&self, failure: &Failure) -> Author {
        let (text_file, json_file) = (self.layout.failure(), self.layout.failure_json());
        if let Err(error) = write_whole(&json_file, failure.to_json().as_bytes()) {
            warn!(file = %json_file, %error, "cannot be written");
        }
        let now = stamp(&text_file);
        if now != self.before && now.is_some_and(|now| now.n_bytes > 0) {
            info!(file = %text_file, "the script has left its own reason: it stands");
            return Author::User;
        }
        match write_whole(&text_file, failure.text().as_bytes()) {
            Ok(()) => Author::Us,
            Err(error) => {
                warn!(file = %text_file, %error, "cannot be written");
                Author::Nobody
            }
        }
    }
}

/// `None`: nothing there that could hold a reason.
fn stamp(file: &Utf8Path) -> Option<Stamp> {
    let meta = fs::metadata(file).ok().filter(fs::Metadata::is_file)?;
    Some(Stamp {
        inode: meta.ino(),
        n_bytes: meta.len(),
        modified: (meta.mtime(), meta.mtime_nsec()),
    })
}

/// Replaces whatever is there, a link or a pipe too, in one step.
fn write_whole(file: &Utf8Path, bytes: &[u8]) -> io::Result<()> {
    let beside = file.with_file_name(format!(".{}.optml", file.file_name().unwrap_or_default()));
    // Whatever lies there, a pipe or a link too, is neither waited for nor written through. Usually nothing does.
    let _ = fs::remove_file(&beside);
    let result = fs::File::create_new(&beside)
        .and_then(|mut fresh| fresh.write_all(bytes))
        .and_then(|()| fs::rename(&beside, file));
    if result.is_err() {
        // It may not even have come into being.
        let _ = fs::remove_file(&beside);
    }
    result
}
