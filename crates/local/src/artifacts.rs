//! What a run leaves behind, as the platform would upload it: `model.tar.gz`, `output.tar.gz`.
//!
//! The same folder gives the same bytes: entries are sorted, times are 0, owners are 0. The archive appears under its
//! name only when it is whole.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File, Metadata},
    io::{self, BufWriter, Read, Write as _},
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::{self, Component, Path, PathBuf},
};

use camino::{Utf8Path, Utf8PathBuf};
use flate2::{Compression, write::GzEncoder};
use rustix::fs::{Mode, OFlags};
use tar::{Builder, EntryType, Header};

mod merge;

use self::merge::{Candidate, is_same, last_written};
pub use self::merge::{Conflict, Conflicts, Part};

/// An archive that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// The archive.
    pub path: Utf8PathBuf,
    /// Its size.
    pub size_bytes: u64,
    /// How many files and links it holds.
    pub n_files: u64,
    /// What is not in it, or not as it was.
    pub remarks: Vec<Remark>,
    /// What the hosts disagreed on, when it is made of several folders.
    pub conflicts: Conflicts,
}

/// Something about one path that the archive does not hold as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The host, when there are several.
    pub host: Option<String>,
    /// The path, relative to the folder that was packed.
    pub path: PathBuf,
    /// What is about it.
    pub kind: RemarkKind,
}

/// What may be about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemarkKind {
    /// It could not be read, and is left out.
    Unreadable(io::ErrorKind),
    /// It is a FIFO, a socket or a device, and is left out.
    Special(&'static str),
    /// It became larger or smaller while it was read: the archive holds as many bytes as it had at first.
    Changed,
    /// It is a link to something that the archive does not hold.
    LeavesFolder(PathBuf),
}

/// Why an archive cannot be written: no room for it, or a file that fails half-way.
#[derive(Debug, thiserror::Error)]
#[error("write `{path}`: {source}")]
pub struct ArtifactError {
    /// The archive.
    pub path: Utf8PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Packs everything below a folder. `None`: there is nothing in it.
///
/// A file or folder that cannot be read, and what is no file, is left out with a remark. Links stay links.
///
/// # Errors
/// The archive cannot be written; nothing is left of it.
pub fn pack(folder: &Utf8Path, archive: &Utf8Path) -> Result<Option<Artifact>, ArtifactError> {
    let part = Part {
        host: String::new(),
        folder: folder.to_owned(),
    };
    pack_parts(&[part], archive)
}

/// Packs everything below the folders of several hosts as if they were one folder. `None`: there is nothing in any.
///
/// # Errors
/// As for [`pack`].
pub fn pack_parts(parts: &[Part], archive: &Utf8Path) -> Result<Option<Artifact>, ArtifactError> {
    let is_empty =
        |part: &Part| fs::read_dir(&part.folder).is_ok_and(|mut entries| entries.next().is_none());
    if parts.iter().all(is_empty) {
        return Ok(None);
    }
    let partial = PartialFile {
        path: Utf8PathBuf::from(format!("{archive}.partial")),
    };
    let failed = |source| ArtifactError {
        path: archive.to_owned(),
        source,
    };
    let mut packer = Packer::create(parts, &partial.path).map_err(failed)?;
    let all: Vec<_> = (0..parts.len()).collect();
    packer.pack_folder(Path::new(""), &all).map_err(failed)?;
    let Packer {
        builder,
        n_files,
        remarks,
        conflicts,
        ..
    } = packer;
    let size_bytes = finish(builder)
        .and_then(|size_bytes| partial.publish(archive).map(|()| size_bytes))
        .map_err(failed)?;
    Ok(Some(Artifact {
        path: archive.to_owned(),
        size_bytes,
        n_files,
        remarks,
        conflicts,
    }))
}

impl Remark {
    /// One line for a person.
    pub fn text(&self) -> String {
        let path = self.path.display();
        let text = self.kind.text(&path);
        match &self.host {
            Some(host) => format!("{host}: {text}"),
            None => text,
        }
    }
}

impl RemarkKind {
    fn text(&self, path: &path::Display<'_>) -> String {
        match self {
            Self::Unreadable(kind) => format!("left out `{path}`: {kind}"),
            Self::Special(kind) => format!("left out `{path}`: it is {kind}"),
            Self::Changed => format!(
                "`{path}` changed while it was packed: it has the size that it had at first"
            ),
            Self::LeavesFolder(target) => {
                format!(
                    "`{path}` is a link to `{}`, which is not in the archive",
                    target.display()
                )
            }
        }
    }
}

/// An archive in the making; removed unless it is published.
struct PartialFile {
    path: Utf8PathBuf,
}

impl PartialFile {
    fn publish(&self, archive: &Utf8Path) -> io::Result<()> {
        fs::rename(&self.path, archive)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        // Gone when it was published.
        let _ = fs::remove_file(&self.path);
    }
}

type Archive = Builder<GzEncoder<BufWriter<File>>>;

struct Packer<'a> {
    parts: &'a [Part],
    builder: Archive,
    n_files: u64,
    remarks: Vec<Remark>,
    conflicts: Conflicts,
}

impl<'a> Packer<'a> {
    fn create(parts: &'a [Part], path: &Utf8Path) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        let builder = Builder::new(GzEncoder::new(file, Compression::default()));
        Ok(Self {
            parts,
            builder,
            n_files: 0,
            remarks: Vec::new(),
            conflicts: Conflicts::default(),
        })
    }

    /// Packs what is in a folder, given relative to the whole, of those parts. An error here is one of the archive.
    fn pack_folder(&mut self, relative: &Path, parts: &[usize]) -> io::Result<()> {
        let mut owners: BTreeMap<OsString, Vec<usize>> = BTreeMap::new();
        for &part in parts {
            match names(&self.path(part, relative)) {
                Ok(names) => {
                    for name in names {
                        owners.entry(name).or_default().push(part);
                    }
                }
                Err(error) => self.remark(part, relative, RemarkKind::Unreadable(error.kind())),
            }
        }
        for (name, parts) in owners {
            self.pack_entry(&relative.join(name), &parts)?;
        }
        Ok(())
    }

    fn pack_entry(&mut self, relative: &Path, parts: &[usize]) -> io::Result<()> {
        let mut candidates = Vec::new();
        for &part in parts {
            let path = self.path(part, relative);
            match fs::symlink_metadata(&path) {
                Ok(meta) => candidates.push(Candidate { part, path, meta }),
                Err(error) => self.remark(part, relative, RemarkKind::Unreadable(error.kind())),
            }
        }
        let Some(taken) = last_written(&candidates) else {
            return Ok(());
        };
        self.compare(relative, taken, &candidates);
        let &Candidate {
            part,
            ref path,
            ref meta,
        } = taken;
        if meta.is_dir() {
            let mut header = header(EntryType::Directory, meta, 0);
            self.builder
                .append_data(&mut header, relative, io::empty())?;
            let folders: Vec<_> = candidates
                .iter()
                .filter(|candidate| candidate.meta.is_dir())
                .map(|candidate| candidate.part)
                .collect();
            self.pack_folder(relative, &folders)
        } else if meta.is_symlink() {
            self.pack_link(part, relative, path, meta)
        } else if meta.is_file() {
            self.pack_file(part, relative, path)
        } else {
            self.remark(part, relative, RemarkKind::Special(special_kind(meta)));
            Ok(())
        }
    }

    /// Notes whose is not taken, and is not the same either.
    fn compare(&mut self, relative: &Path, taken: &Candidate, candidates: &[Candidate]) {
        let host = |candidate: &Candidate| self.parts[candidate.part].host.clone();
        let lost: Vec<_> = candidates
            .iter()
            .filter(|other| other.part != taken.part && !is_same(other, taken))
            .map(host)
            .collect();
        if !lost.is_empty() {
            let kept = host(taken);
            self.conflicts.push(Conflict {
                path: relative.to_owned(),
                kept,
                lost,
            });
        }
    }

    fn path(&self, part: usize, relative: &Path) -> PathBuf {
        self.parts[part].folder.as_std_path().join(relative)
    }

    fn pack_link(
        &mut self,
        part: usize,
        relative: &Path,
        path: &Path,
        meta: &Metadata,
    ) -> io::Result<()> {
        let target = match fs::read_link(path) {
            Ok(target) => target,
            Err(error) => {
                self.remark(part, relative, RemarkKind::Unreadable(error.kind()));
                return Ok(());
            }
        };
        if leaves(relative, &target) {
            self.remark(part, relative, RemarkKind::LeavesFolder(target.clone()));
        }
        let mut header = header(EntryType::Symlink, meta, 0);
        self.builder.append_link(&mut header, relative, target)?;
        self.n_files += 1;
        Ok(())
    }

    fn pack_file(&mut self, part: usize, relative: &Path, path: &Path) -> io::Result<()> {
        let (file, meta) = match open_file(path) {
            Ok(opened) => opened,
            Err(error) => {
                self.remark(part, relative, RemarkKind::Unreadable(error.kind()));
                return Ok(());
            }
        };
        if !meta.is_file() {
            self.remark(part, relative, RemarkKind::Special(special_kind(&meta)));
            return Ok(());
        }
        let mut header = header(EntryType::Regular, &meta, meta.len());
        let mut contents = ExactLength {
            file,
            path: relative,
            left: meta.len(),
            has_changed: false,
        };
        self.builder
            .append_data(&mut header, relative, &mut contents)?;
        if contents.has_changed() {
            self.remark(part, relative, RemarkKind::Changed);
        }
        self.n_files += 1;
        Ok(())
    }

    fn remark(&mut self, part: usize, relative: &Path, kind: RemarkKind) {
        let host = (self.parts.len() > 1).then(|| self.parts[part].host.clone());
        self.remarks.push(Remark {
            host,
            path: relative.to_owned(),
            kind,
        });
    }
}

/// Exactly as many bytes as the header says, whatever becomes of the file: a shorter one is filled with zeros.
struct ExactLength<'a> {
    file: File,
    path: &'a Path,
    left: u64,
    has_changed: bool,
}

impl ExactLength<'_> {
    fn has_changed(mut self) -> bool {
        // A byte more than there was: the file has grown.
        self.has_changed || matches!(self.file.read(&mut [0]), Ok(1))
    }
}

impl Read for ExactLength<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let wanted = buf
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let buf = &mut buf[..wanted];
        if buf.is_empty() {
            return Ok(0);
        }
        let mut n = 0;
        if !self.has_changed {
            let named = |error: io::Error| {
                io::Error::new(
                    error.kind(),
                    format!("read `{}`: {error}", self.path.display()),
                )
            };
            n = self.file.read(buf).map_err(named)?;
        }
        if n == 0 {
            self.has_changed = true;
            buf.fill(0);
            n = buf.len();
        }
        self.left -= n as u64;
        Ok(n)
    }
}

fn finish(builder: Archive) -> io::Result<u64> {
    let mut file = builder.into_inner()?.finish()?;
    file.flush()?;
    Ok(file.get_ref().metadata()?.len())
}

fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect()
}

/// Opens what was a file a moment ago: a link is not followed, and a FIFO does not block.
fn open_file(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let meta = file.metadata()?;
    Ok((file, meta))
}

fn header(kind: EntryType, meta: &Metadata, size_bytes: u64) -> Header {
    // GNU: a name or size of any length has a form in it.
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(meta.permissions().mode() & 0o777);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size_bytes);
    header
}

fn special_kind(meta: &Metadata) -> &'static str {
    let kind = meta.file_type();
    if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// Whether a link points out of the folder, as far as the words of its target tell.
fn leaves(link: &Path, target: &Path) -> bool {
    let mut depth = link.components().count() - 1;
    for component in target.components() {
        match component {
            Component::RootDir | Component::Prefix(_) => return true,
            Component::CurDir => {}
            Component::ParentDir if depth == 0 => return true,
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
        }
    }
    false
}

#[cfg(test)]
mod tests;
