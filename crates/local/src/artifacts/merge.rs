//! One archive from the folders of several hosts: whose file is taken where several have one, and whether that matters.
//!
//! The file that was written last is taken, as if all hosts had written into one folder. Folders are joined. A file that is
//! the same on all hosts is no conflict: most scripts write the whole model everywhere.

use std::{
    fs::{self, Metadata},
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use camino::Utf8PathBuf;

use super::open_file;

/// What one host has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The host, for messages.
    pub host: String,
    /// Its folder.
    pub folder: Utf8PathBuf,
}

/// Hosts have written different things under one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The path, relative to the folders.
    pub path: PathBuf,
    /// The host whose is in the archive: it wrote last.
    pub kept: String,
    /// The hosts that have something else there.
    pub lost: Vec<String>,
}

/// What hosts disagree on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflicts {
    /// The first few.
    pub first: Vec<Conflict>,
    /// How many there are in all.
    pub n_found: u64,
}

impl Conflicts {
    /// So many are named: the rest is of the same kind.
    const MAX_NAMED: usize = 20;

    pub(super) fn push(&mut self, conflict: Conflict) {
        self.n_found += 1;
        if self.first.len() < Self::MAX_NAMED {
            self.first.push(conflict);
        }
    }

    /// Lines for a person.
    pub fn texts(&self) -> Vec<String> {
        let mut texts: Vec<_> = self.first.iter().map(Conflict::text).collect();
        let n_more = self.n_found - self.first.len() as u64;
        if n_more > 0 {
            texts.push(format!("{n_more} more files differ between hosts"));
        }
        texts
    }
}

impl Conflict {
    fn text(&self) -> String {
        let Self { path, kept, lost } = self;
        format!(
            "`{}` differs between {} and {kept}: that of {kept} is kept, which was written last",
            path.display(),
            lost.join(", ")
        )
    }
}

/// What one host has under a path.
pub(super) struct Candidate {
    /// The number of its part.
    pub(super) part: usize,
    pub(super) path: PathBuf,
    pub(super) meta: Metadata,
}

/// The one that was written last; of two at the same time, that of the later host.
pub(super) fn last_written(candidates: &[Candidate]) -> Option<&Candidate> {
    candidates.iter().max_by_key(|candidate| {
        // A file system without times: the order of the hosts decides alone.
        (candidate.meta.modified().ok(), candidate.part)
    })
}

/// Whether an archive would hold the same for both. What cannot be read is not the same.
pub(super) fn is_same(one: &Candidate, other: &Candidate) -> bool {
    let (kind, other_kind) = (one.meta.file_type(), other.meta.file_type());
    if kind != other_kind {
        return false;
    }
    if kind.is_symlink() {
        return match (fs::read_link(&one.path), fs::read_link(&other.path)) {
            (Ok(one), Ok(other)) => one == other,
            _ => false,
        };
    }
    // What is neither folder nor file is left out of the archive.
    !kind.is_file()
        || one.meta.len() == other.meta.len()
            && has_same_content(&one.path, &other.path).unwrap_or(false)
}

fn has_same_content(one: &Path, other: &Path) -> io::Result<bool> {
    const PIECE_BYTES: usize = 64 << 10;
    let mut one = BufReader::with_capacity(PIECE_BYTES, open_file(one)?.0);
    let mut other = BufReader::with_capacity(PIECE_BYTES, open_file(other)?.0);
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let n_bytes = left.len().min(right.len());
        if left[..n_bytes] != right[..n_bytes] {
            return Ok(false);
        }
        if n_bytes == 0 {
            return Ok(left.is_empty() && right.is_empty());
        }
        one.consume(n_bytes);
        other.consume(n_bytes);
    }
}

#[cfg(test)]
mod tests;
