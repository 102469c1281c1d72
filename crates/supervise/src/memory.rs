//! Files that are only in memory, and how much memory a process uses.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::fd::OwnedFd,
};

use rustix::fs::{MemfdFlags, SealFlags};

#[cfg(test)]
mod tests;

/// A file in memory that holds `bytes` and can never be changed again, to be inherited by a child (see
/// [`crate::Command::descriptors`]). Its offset is at the start, and is shared by all copies of the descriptor.
///
/// # Errors
///
/// When the kernel has no memory files, or no memory.
pub fn sealed_file(bytes: &[u8]) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(rustix::fs::memfd_create(c"optml", flags)?);
    file.write_all(bytes)?;
    rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0))?;
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, seals)?;
    Ok(file.into())
}

/// How much of a process is in memory now, shared pages among it. `None`: there is no such process (any more), or
/// `/proc` is not to be had.
pub fn resident_bytes(pid: i32) -> Option<u64> {
    let sizes = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let n_pages: u64 = sizes.split_ascii_whitespace().nth(1)?.parse().ok()?;
    // A process that has ended and was not reaped has none.
    (n_pages > 0).then(|| n_pages.saturating_mul(rustix::param::page_size() as u64))
}
