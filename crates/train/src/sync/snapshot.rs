//! A file as it was at one moment: what tells it from a later one, and its bytes for as long as it stays that.

use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::Path,
    time::{Duration, SystemTime},
};

use rustix::fs::OFlags;

/// An open file as it was when it was opened.
///
/// It is read by position, so several threads may read it at once. The file may be written, renamed or removed
/// meanwhile: [`Snapshot::is_unchanged`] tells, and whoever copied the bytes asks it before the copy is shown to anybody.
#[derive(Debug)]
pub struct Snapshot {
    file: File,
    fingerprint: Fingerprint,
    modified: SystemTime,
}

/// What a file is told by. Two that are equal are the same bytes, for a file that was not [fresh](Self::is_fresh).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) n_bytes: u64,
    /// Seconds and nanoseconds.
    pub(super) modified: (i64, i64),
    /// Seconds and nanoseconds. No program can set it back, and a rename or a removal moves it as well.
    pub(super) changed: (i64, i64),
}

impl Snapshot {
    /// Opens a regular file. A link is not followed, and nothing is waited for.
    ///
    /// # Errors
    /// It cannot be opened, or is no regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Ok(Self {
            fingerprint: Fingerprint::of(&metadata),
            modified: metadata.modified()?,
            file,
        })
    }

    /// Its size.
    pub fn n_bytes(&self) -> u64 {
        self.fingerprint.n_bytes
    }

    /// When its content was last written.
    pub fn modified(&self) -> SystemTime {
        self.modified
    }

    /// Fills `buf` with the bytes at `offset`.
    ///
    /// # Errors
    /// They cannot be read; [`io::ErrorKind::UnexpectedEof`] where the file has become shorter.
    pub fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buf, offset)
    }

    /// Whether it is still what it was. A file that cannot be asked is not.
    pub fn is_unchanged(&self) -> bool {
        let now = self.file.metadata();
        now.is_ok_and(|metadata| Fingerprint::of(&metadata) == self.fingerprint)
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

impl Fingerprint {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            n_bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether the file changed so shortly before `now` that one more change could leave the same times behind.
    ///
    /// The kernel's stamps move with its timer, every 10 ms at the slowest.
    pub(super) fn is_fresh(&self, now: SystemTime) -> bool {
        self.age(now).is_some_and(|age| age < STAMP)
    }

    /// Whether the file is empty and was changed so shortly before `now` that it may be about to be written: opening it
    /// for that empties it first, which takes a busy disk a part of a second.
    pub(super) fn is_just_empty(&self, now: SystemTime) -> bool {
        self.n_bytes == 0 && self.age(now).is_some_and(|age| age < EMPTYING)
    }

    /// The time since its last change; none for a time in the future, which is a clock that was set back: no later change
    /// would be stamped with it.
    fn age(&self, now: SystemTime) -> Option<Duration> {
        let seconds = u64::try_from(self.changed.0).ok()?;
        let since_epoch = Duration::new(seconds, u32::try_from(self.changed.1).ok()?);
        let changed = SystemTime::UNIX_EPOCH.checked_add(since_epoch)?;
        now.duration_since(changed).ok()
    }
}

const STAMP: Duration = Duration::from_millis(20);
/// A third of a second was seen, on a disk that others write to.
const EMPTYING: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
