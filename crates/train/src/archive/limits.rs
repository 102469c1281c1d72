//! How much an archive may take.

use std::{io, os::fd::OwnedFd};

use super::error::ArchiveFault;

/// Bounds on one archive. A bound that is passed refuses the archive.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Members, and directories that are only implied by them. **Default** 1,000,000: beyond every code tree seen, and
    /// within the inodes of a small disk.
    pub max_entries: u64,
    /// Unpacked bytes for each packed byte. **Default** 200: source code packs 3 to 10 times, checkpoints that are mostly
    /// zeros up to 100; gzip's own maximum is 1,032.
    pub max_ratio: u64,
    /// Unpacked bytes up to which the ratio is not looked at. **Default** 1 GiB.
    pub ratio_floor_bytes: u64,
    /// Directories above a member, and itself. **Default** 128.
    pub max_depth: usize,
    /// Bytes that must stay free on the destination's disk. **Default** 16 MiB: room to report the failure.
    pub min_free_bytes: u64,
    /// The largest window of a zstd stream, which is memory of ours. **Default** 8 MiB: all levels up to 19 need no more.
    pub max_window_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_entries: 1_000_000,
            max_ratio: 200,
            ratio_floor_bytes: 1 << 30,
            max_depth: 128,
            min_free_bytes: 16 << 20,
            max_window_bytes: 8 << 20,
        }
    }
}

/// What is left of the limits on entries and disk while one archive is unpacked.
#[derive(Debug)]
pub(super) struct Budget {
    root: OwnedFd,
    max_entries: u64,
    min_free_bytes: u64,
    /// `None`: the file system does not say how large it is.
    free_bytes: Option<u64>,
    unchecked_bytes: u64,
}

impl Budget {
    /// `packed_bytes` must already fit: no archive unpacks to much less than itself.
    pub(super) fn new(
        root: &OwnedFd,
        limits: &Limits,
        packed_bytes: Option<u64>,
    ) -> Result<Self, ArchiveFault> {
        let mut budget = Self {
            root: root.try_clone().map_err(ArchiveFault::Write)?,
            max_entries: limits.max_entries,
            min_free_bytes: limits.min_free_bytes,
            free_bytes: None,
            unchecked_bytes: 0,
        };
        budget.look()?;
        budget.require(packed_bytes.unwrap_or(0))?;
        Ok(budget)
    }

    /// Sets `n_bytes` of disk aside for one file.
    pub(super) fn claim(&mut self, n_bytes: u64) -> Result<(), ArchiveFault> {
        let on_disk = n_bytes
            .checked_next_multiple_of(BLOCK_BYTES)
            .unwrap_or(u64::MAX);
        // Others write to this disk too, so the figure ages.
        if self.unchecked_bytes > LOOK_EVERY_BYTES || self.require(on_disk).is_err() {
            self.look()?;
        }
        self.require(on_disk)?;
        self.unchecked_bytes += on_disk;
        self.free_bytes = self.free_bytes.map(|free| free - on_disk);
        Ok(())
    }

    pub(super) fn count_entries(&self, n_entries: u64) -> Result<(), ArchiveFault> {
        if n_entries > self.max_entries {
            return Err(ArchiveFault::TooManyEntries {
                max: self.max_entries,
            });
        }
        Ok(())
    }

    fn require(&self, n_bytes: u64) -> Result<(), ArchiveFault> {
        match self.free_bytes {
            Some(free_bytes) if n_bytes > free_bytes => Err(ArchiveFault::NoSpace {
                needed_bytes: n_bytes,
                free_bytes,
            }),
            _ => Ok(()),
        }
    }

    fn look(&mut self) -> Result<(), ArchiveFault> {
        let stat = rustix::fs::fstatvfs(&self.root)
            .map_err(|err| ArchiveFault::Write(io::Error::from(err)))?;
        self.unchecked_bytes = 0;
        // Some network and FUSE file systems report a size of nothing.
        self.free_bytes = (stat.f_blocks > 0).then(|| {
            let available = stat.f_bavail.saturating_mul(stat.f_frsize);
            available.saturating_sub(self.min_free_bytes)
        });
        Ok(())
    }
}

/// What a file takes at least, on the usual file systems.
const BLOCK_BYTES: u64 = 4096;
const LOOK_EVERY_BYTES: u64 = 64 << 20;
