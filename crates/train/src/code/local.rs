//! Code of this machine.

use std::{io, os::unix::fs::MetadataExt as _};

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    CodeError, Fetched, copy,
    marker::{self, Origin},
};
use crate::archive::{self, Limits, Stop};

/// A location that exists, and what it is.
pub(super) struct LocalCode {
    path: Utf8PathBuf,
    kind: SourceKind,
    origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SourceKind {
    Directory,
    Archive,
    File,
}

impl LocalCode {
    pub(super) fn find(path: Utf8PathBuf) -> Result<Self, CodeError> {
        let unreadable = |reason: io::Error| {
            let location = path.clone();
            if reason.kind() == io::ErrorKind::NotFound {
                return CodeError::Missing(location);
            }
            CodeError::Unreadable { location, reason }
        };
        let metadata = path.metadata().map_err(unreadable)?;
        let kind = if metadata.is_dir() {
            SourceKind::Directory
        } else if !metadata.is_file() {
            return Err(CodeError::Special(path));
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
        Ok(Self { path, kind, origin })
    }

    /// What it is, to be compared with what was fetched before.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// It is the code directory, or lies in it.
    pub(super) fn is_within(&self, code_dir: &Utf8Path) -> bool {
        let source = self.path.canonicalize();
        let code_dir = code_dir.canonicalize();
        source.is_ok_and(|source| code_dir.is_ok_and(|code_dir| source.starts_with(code_dir)))
    }

    pub(super) fn fetch(&self, code_dir: &Utf8Path, stop: Stop<'_>) -> Result<Fetched, CodeError> {
        let path = &self.path;
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
