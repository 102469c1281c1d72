//! What a script said about its failure, read from the end of its stderr.
//!
//! Python tracebacks are parsed by their structure: the last one that was not ignored counts, with the chain that led
//! to it. Lines of several processes are told apart by the tags of their launcher, and the lowest failing rank is the
//! one that is reported, but not one that merely misses another. Other languages are recognised where their last words have a form of their own (`other`).
//!
//! Pure, linear in the length of the tail, and never sure: any line may come from anywhere. A script that prints one
//! line and exits gives `None`; the caller then has the last line of stderr.

pub mod open_mpi;

mod other;
mod python;
mod tag;

use std::{collections::BTreeMap, path::Path};

use optml_contract::failure::{Exception, Place, RankException, plain_text};

/// The failure that a stream tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traceback {
    /// The rank, where the lines are tagged with it.
    pub rank: Option<u32>,
    /// The exception that ended it; its place is the innermost one in the user's code.
    pub exception: Exception,
    /// What led to it: the members of an exception group, then the causes, the nearest first.
    pub causes: Vec<Exception>,
    /// Its frames, outermost first.
    pub frames: Vec<Place>,
    /// What the other ranks say, lowest rank first.
    pub other_ranks: Vec<RankException>,
}

/// Finds the failure in the last bytes of a stream. Files inside `code_dir` are the user's.
pub fn parse(tail: &[u8], code_dir: &Path) -> Option<Traceback> {
    let text = plain_text(tail);
    let mut lines_of: BTreeMap<Option<u32>, Vec<&str>> = BTreeMap::new();
    for line in text.lines() {
        let (rank, line) = tag::strip(line);
        lines_of.entry(rank).or_default().push(line);
    }
    // A launcher's own words have no tag, and tell less than those of a rank.
    let untagged = lines_of.remove_entry(&None);
    let mut told: Vec<_> = lines_of
        .into_iter()
        .filter_map(|(rank, lines)| Some((rank, find(&lines, code_dir)?)))
        .collect();
    if told.is_empty() {
        return find(&untagged?.1, code_dir).map(|found| found.into_traceback(None, Vec::new()));
    }
    let cause = told
        .iter()
        .position(|(_, found)| !misses_another(&found.exception));
    let (rank, found) = told.remove(cause.unwrap_or(0));
    let other_ranks = told
        .into_iter()
        .filter_map(|(rank, found)| {
            Some(RankException {
                rank: rank?,
                exception: found.exception,
            })
        })
        .collect();
    Some(found.into_traceback(rank, other_ranks))
}

/// Whether an exception merely tells that another rank is gone, in the words of the libraries that ranks talk through.
pub(crate) fn misses_another(exception: &Exception) -> bool {
    const WORDS: [&str; 16] = [
        "connection reset by peer",
        "connection closed by peer",
        "connection refused",
        "broken pipe",
        "socket timeout",
        "read error",
        "gloo/transport",
        "enforcenotmet",
        "ncclremoteerror",
        "ncclsystemerror",
        "nccl communicator was aborted",
        "watchdog caught collective",
        "childfailederror",
        "distnetworkerror",
        "mpi_err_proc_failed",
        "timed out after",
    ];
    const TYPES: [&str; 5] = [
        "ConnectionResetError",
        "ConnectionRefusedError",
        "ConnectionAbortedError",
        "BrokenPipeError",
        "EOFError",
    ];
    let last = exception.type_name.rsplit('.').next().unwrap_or_default();
    let text = exception.headline().to_lowercase();
    TYPES.contains(&last) || WORDS.iter().any(|word| text.contains(word))
}

/// The failure of one process.
#[derive(Debug)]
struct Found {
    exception: Exception,
    causes: Vec<Exception>,
    frames: Vec<Place>,
}

impl Found {
    fn into_traceback(self, rank: Option<u32>, other_ranks: Vec<RankException>) -> Traceback {
        Traceback {
            rank,
            exception: self.exception,
            causes: self.causes,
            frames: self.frames,
            other_ranks,
        }
    }
}

fn find(lines: &[&str], code_dir: &Path) -> Option<Found> {
    python::find(lines, code_dir).or_else(|| other::find(lines, code_dir))
}

/// Splits `Type: message`, where the type is a dotted name and the message may be missing.
fn split_exception(line: &str) -> Option<(&str, &str)> {
    let is_name_char = |c: char| c.is_alphanumeric() || "_.<>".contains(c);
    let end = line.find(|c| !is_name_char(c)).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return None;
    }
    match rest.strip_prefix(':') {
        Some(message) if message.is_empty() || message.starts_with(' ') => {
            Some((name, message.trim()))
        }
        None if rest.trim().is_empty() => Some((name, "")),
        _ => None,
    }
}

/// The place that helps the user most: the innermost frame in the code directory, else in any file that is not a
/// library's, else in any file.
fn user_place(frames: &[Place], code_dir: &Path) -> Option<Place> {
    let distance = |place: &Place| {
        let is_library = LIBRARY_PARTS.iter().any(|part| place.file.contains(part));
        match place.file.starts_with('<') || place.file.starts_with("node:") {
            true => 3,
            false if is_library => 2,
            // A relative name is one that the interpreter was given, and it ran in the code directory.
            false
                if !place.file.starts_with('/') || Path::new(&place.file).starts_with(code_dir) =>
            {
                0
            }
            false => 1,
        }
    };
    // The first of equals is the innermost.
    let place = frames.iter().rev().min_by_key(|place| distance(place))?;
    let mut place = place.clone();
    if let Ok(inside) = Path::new(&place.file).strip_prefix(code_dir) {
        place.file = inside.to_string_lossy().into_owned();
    } else if let Some(inside) = place.file.strip_prefix("./") {
        place.file = inside.to_owned();
    }
    Some(place)
}

const LIBRARY_PARTS: [&str; 4] = [
    "/site-packages/",
    "/dist-packages/",
    "/lib/python",
    "/node_modules/",
];

#[cfg(test)]
mod tests;
