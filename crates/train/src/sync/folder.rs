//! Reads the folder: what stands in a directory, and what a name stands for. Nothing here follows a link.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs::{self, FileType, Metadata},
    io,
    os::unix::ffi::OsStrExt as _,
    path::Path,
};

use super::snapshot::Fingerprint;

/// What a name stands for.
#[derive(Debug)]
pub(super) enum Kind {
    File(Fingerprint),
    Folder,
    Link,
    /// A FIFO, a socket or a device.
    Special,
    Gone,
    Unreadable(io::Error),
}

/// An entry of a directory that is of interest.
#[derive(Debug)]
pub(super) enum Entry {
    Named(String, Kind),
    /// Its name is not UTF-8: this is what it looks like.
    Unnameable(String),
}

/// Looks at one name.
pub(super) fn look(path: &Path) -> Kind {
    kind_of(fs::symlink_metadata(path))
}

/// The entries of a directory; names are from the root on.
///
/// # Errors
/// The directory cannot be read.
pub(super) fn entries(
    root: &Path,
    folder: &str,
) -> io::Result<impl Iterator<Item = io::Result<Entry>>> {
    let folder = folder.to_owned();
    let listed = fs::read_dir(root.join(&folder))?;
    Ok(listed.filter_map(move |entry| {
        let entry = match entry {
            Ok(entry) => entry,
            Err(err) => return Some(Err(err)),
        };
        let name = entry.file_name();
        if is_ours(&name) {
            return None;
        }
        Some(Ok(match below(&folder, &name) {
            Ok(name) => Entry::Named(
                name,
                match entry.file_type() {
                    Ok(kind) if !kind.is_file() => kind_of_type(kind),
                    Ok(_) | Err(_) => kind_of(entry.metadata()),
                },
            ),
            Err(shown) => Entry::Unnameable(shown),
        }))
    }))
}

/// The name of an entry of `folder`, from the root on; or, where it is not UTF-8, what it looks like.
pub(super) fn below(folder: &str, name: &OsStr) -> Result<String, String> {
    let join = |name: &str| match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    };
    match name.to_str() {
        Some(name) => Ok(join(name)),
        None => Err(join(&shown(name.as_bytes()))),
    }
}

/// Whether a name is made by us or by the reference, for work in progress.
pub(super) fn is_ours(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(b".optml-") || name == b".tmp.sagemaker_s3_sync"
}

fn kind_of(metadata: io::Result<Metadata>) -> Kind {
    match metadata {
        Ok(metadata) if metadata.is_file() => Kind::File(Fingerprint::of(&metadata)),
        Ok(metadata) => kind_of_type(metadata.file_type()),
        Err(err) if is_gone(&err) => Kind::Gone,
        Err(err) => Kind::Unreadable(err),
    }
}

/// Whether an error says that there is nothing of that name.
pub(super) fn is_gone(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn kind_of_type(kind: FileType) -> Kind {
    if kind.is_dir() {
        Kind::Folder
    } else if kind.is_symlink() {
        Kind::Link
    } else {
        Kind::Special
    }
}

/// A name with what is not UTF-8 in it as `\xFF`.
fn shown(name: &[u8]) -> String {
    let mut text = String::new();
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text
}
