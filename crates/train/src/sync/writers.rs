//! Finds the files of a folder that a process has open for writing, in `/proc`.
//!
//! A file that was found by a look through the folder, or was renamed into place, may still be written, and nothing in
//! the file itself says so. Where `/proc` shows no process there is nothing to be found, and a file's own times are all
//! there is to go by. A file that is written through a mapping alone is not seen.

use std::{
    collections::BTreeSet,
    fs::{self, DirEntry},
    path::{Path, PathBuf},
};

/// Where to look.
#[derive(Debug)]
pub(super) struct Writers {
    root: PathBuf,
    proc: PathBuf,
}

impl Writers {
    /// The root must be free of links: this is how the kernel names open files.
    pub(super) fn of(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            proc: "/proc".into(),
        }
    }

    /// The names of all files below the root that are open for writing.
    pub(super) fn look(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for process in numbered(&self.proc) {
            let process = process.path();
            for descriptor in numbered(&process.join("fd")) {
                // It is gone, or no file of this folder.
                let Ok(target) = fs::read_link(descriptor.path()) else {
                    continue;
                };
                let Some(name) = target.strip_prefix(&self.root).ok().and_then(Path::to_str) else {
                    continue;
                };
                let info = process.join("fdinfo").join(descriptor.file_name());
                if fs::read_to_string(info).is_ok_and(|info| is_for_writing(&info)) {
                    found.insert(name.to_owned());
                }
            }
        }
        found
    }
}

/// The entries that are numbers: processes, descriptors. None where they cannot be read: the process is gone, or not
/// ours to ask.
fn numbered(folder: &Path) -> impl Iterator<Item = DirEntry> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| {
        let name = entry.file_name();
        name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
    })
}

/// Whether the line `flags:`, in octal, says write-only or read-write.
fn is_for_writing(info: &str) -> bool {
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| matches!(flags & 0b11, 1 | 2))
}

#[cfg(test)]
mod tests;
