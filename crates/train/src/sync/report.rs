//! What was uploaded, and what was not.

use tracing::{info, warn};

/// How a folder that was kept in step was left.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "what is missing must be said"]
pub struct Report {
    /// What is in the folder, for messages.
    pub what: &'static str,
    /// The uploads that were stored. A file that changed and was stored again counts again.
    pub n_files: u64,
    /// Their bytes.
    pub n_bytes: u64,
    /// What is in the folder and not, as it is now, at the destination; sorted.
    pub missing: Vec<Missing>,
    /// As many again are missing whose names were not kept.
    pub n_more_missing: u64,
    /// Whether the folder was looked through at the end.
    pub last_look: LastLook,
}

/// A file that is not at the destination as it is now, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// From the root of the folder on. Bytes that are not UTF-8 look like `\xFF`.
    pub name: String,
    /// The last thing that went wrong with it.
    pub reason: String,
}

/// Whether the folder was looked through at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastLook {
    /// All of it.
    Whole,
    /// There was no time: files may be missing that nobody knows of.
    CutShort,
}

impl Report {
    /// Whether everything in the folder is at the destination.
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.n_more_missing == 0 && self.last_look == LastLook::Whole
    }

    /// Writes it to the log: one line when everything is there, else a warning with the name of every file that is not,
    /// the first 1,000 of them.
    pub fn log(&self) {
        let (what, n_files, n_bytes) = (self.what, self.n_files, self.n_bytes);
        if self.is_whole() {
            info!(n_files, n_bytes, "{what}: everything is uploaded");
            return;
        }
        let n_missing = self.missing.len() as u64 + self.n_more_missing;
        warn!(
            n_files,
            n_bytes, n_missing, "{what}: not everything is uploaded"
        );
        for Missing { name, reason } in self.missing.iter().take(NAMES_MAX) {
            warn!("{what}: not uploaded: `{}`: {reason}", name.escape_debug());
        }
        let n_more = n_missing - self.missing.len().min(NAMES_MAX) as u64;
        if n_more > 0 {
            warn!("{what}: not uploaded: {n_more} more files");
        }
        if self.last_look == LastLook::CutShort {
            warn!(
                "{what}: there was no time to look through the whole folder: more files may be missing"
            );
        }
    }
}

const NAMES_MAX: usize = 1000;

#[cfg(test)]
mod tests;
