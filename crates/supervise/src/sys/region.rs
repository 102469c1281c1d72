//! Memory that this process and its children map.
//!
//! Another process writes to it at any time, so no Rust reference ever points into it: bytes are copied in and out
//! through raw pointers, or moved by the kernel. What was copied out can be checked and then trusted; what is still in
//! the region can't.

use std::{
    io,
    ops::Range,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    ptr::{self, NonNull},
};

use rustix::{
    fs::{FallocateFlags, MemfdFlags, SealFlags},
    mm::{MapFlags, ProtFlags},
    process::{Resource, getrlimit},
};

#[cfg(test)]
mod tests;

/// A file in memory of fixed length, mapped here, whose descriptor children can inherit and map.
///
/// Pages take up memory only once they have been written to, and count as this container's. Nobody who holds the
/// descriptor can change the length, so nothing that another process does can make a page of ours vanish: access to it
/// would end this process.
///
/// Every range is checked: one that is not inside of the region is an error of the kind `InvalidInput`.
#[derive(Debug)]
pub struct SharedRegion {
    file: OwnedFd,
    start: NonNull<u8>,
    n_bytes: usize,
}

// SAFETY: the mapping belongs to no thread, and it stays until the drop.
// JUSTIFICATION: a raw pointer is not `Send`, and nothing but a raw pointer may point to what others write to.
unsafe impl Send for SharedRegion {}
// SAFETY: as above. Threads that copy to and from the same bytes at the same time get mixed bytes, as they do from
// another process; no method hands out a reference.
unsafe impl Sync for SharedRegion {}

impl SharedRegion {
    /// A region of `n_bytes` zeroes.
    ///
    /// # Errors
    ///
    /// When the kernel refuses: no memory files (a seccomp profile), no address space, a limit on the size of files.
    /// `InvalidInput` when `n_bytes` is 0.
    pub fn create(n_bytes: usize) -> io::Result<Self> {
        let length = u64::try_from(n_bytes).map_err(|_| io::ErrorKind::InvalidInput)?;
        // Beyond this limit the kernel not only refuses but sends SIGXFSZ, which would end us.
        if getrlimit(Resource::Fsize)
            .current
            .is_some_and(|limit| length > limit)
        {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = rustix::fs::memfd_create(c"optml", flags)?;
        rustix::fs::ftruncate(&file, length)?;
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::SHARED | MapFlags::NORESERVE;
        // SAFETY: a new mapping at an address that the kernel chooses touches no memory that is in use.
        // JUSTIFICATION: there is no safe way to map a file.
        let start =
            unsafe { rustix::mm::mmap(ptr::null_mut(), n_bytes, protection, flags, &file, 0) }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self {
            file,
            start,
            n_bytes,
        })
    }

    /// A descriptor for one more process, for [`crate::Command::descriptors`].
    ///
    /// # Errors
    ///
    /// When no more descriptors are to be had.
    pub fn descriptor(&self) -> io::Result<OwnedFd> {
        Ok(rustix::io::fcntl_dupfd_cloexec(&self.file, 3)?)
    }

    /// The length in bytes; never 0.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a region of no bytes can't be made"
    )]
    pub fn len(&self) -> usize {
        self.n_bytes
    }

    /// Reads once from `source` straight into `range`. As read(2): fewer bytes may come than there is room for, and 0
    /// is the end of the source (or an empty range).
    ///
    /// # Errors
    ///
    /// The source's (`WouldBlock` when it is non-blocking and has nothing), or a range outside.
    pub fn read_from(&self, source: impl AsFd, range: Range<usize>) -> io::Result<usize> {
        let (start, n_bytes) = self.part(&range)?;
        // SAFETY: `part` has checked that all of the bytes are in the mapping, which lives as long as `self`.
        // JUSTIFICATION: every safe read wants a reference to the memory, and others write to this.
        let n = unsafe { libc::read(source.as_fd().as_raw_fd(), start.cast(), n_bytes) };
        usize::try_from(n).map_err(|_| io::Error::last_os_error())
    }

    /// Writes once to `sink`: `before`, the bytes in `range`, and `after`, in one call. As writev(2): not all may be
    /// taken.
    ///
    /// # Errors
    ///
    /// The sink's (`WouldBlock`, `BrokenPipe`, …), or a range outside.
    pub fn write_to(
        &self,
        sink: impl AsFd,
        before: &[u8],
        range: Range<usize>,
        after: &[u8],
    ) -> io::Result<usize> {
        let (start, n_bytes) = self.part(&range)?;
        let piece = |start: *const u8, n_bytes| libc::iovec {
            // The kernel only reads through it.
            iov_base: start.cast_mut().cast(),
            iov_len: n_bytes,
        };
        let pieces = [
            piece(before.as_ptr(), before.len()),
            piece(start, n_bytes),
            piece(after.as_ptr(), after.len()),
        ];
        let fd = sink.as_fd().as_raw_fd();
        // SAFETY: the three pieces are two borrowed slices and a part that was checked to be in the mapping; all of
        // them outlive the call, which only reads them.
        // JUSTIFICATION: every safe write wants a reference to the memory, and others write to this.
        let n = unsafe { libc::writev(fd, pieces.as_ptr(), 3) };
        usize::try_from(n).map_err(|_| io::Error::last_os_error())
    }

    /// Copies `bytes` into the region, beginning at `offset`.
    ///
    /// # Errors
    ///
    /// When they would not fit there.
    pub fn copy_in(&self, offset: usize, bytes: &[u8]) -> io::Result<()> {
        let end = offset.checked_add(bytes.len()).ok_or_else(outside)?;
        let (start, n_bytes) = self.part(&(offset..end))?;
        // SAFETY: `bytes` has `n_bytes` bytes, the mapping has as many at `start`, and safe code can't hold a slice of
        // the mapping, so the two don't overlap.
        unsafe { copy(bytes.as_ptr(), start, n_bytes) };
        Ok(())
    }

    /// Appends a copy of the bytes in `range` to `bytes`.
    ///
    /// # Errors
    ///
    /// A range outside, or no memory for the copy.
    pub fn copy_out(&self, range: Range<usize>, bytes: &mut Vec<u8>) -> io::Result<()> {
        let (start, n_bytes) = self.part(&range)?;
        bytes
            .try_reserve(n_bytes)
            .map_err(|_| io::ErrorKind::OutOfMemory)?;
        let room = bytes.spare_capacity_mut().as_mut_ptr().cast::<u8>();
        // SAFETY: the mapping has `n_bytes` bytes at `start`, as many were reserved at `room`, and memory of the
        // allocator is not in the mapping.
        unsafe { copy(start, room, n_bytes) };
        let n_bytes = bytes.len() + n_bytes;
        // SAFETY: the capacity was reserved, and all of it up to here has been written.
        unsafe { bytes.set_len(n_bytes) };
        Ok(())
    }

    /// Gives the memory behind `range` back: its whole pages read as zeroes, for everybody, until they are written to
    /// again. Parts of a page at either end are left alone.
    ///
    /// # Errors
    ///
    /// A range outside, or the kernel's.
    pub fn release(&self, range: Range<usize>) -> io::Result<()> {
        self.part(&range)?;
        let page = rustix::param::page_size();
        // No overflow: the end of a mapping is far from the end of the address space.
        let (start, end) = (range.start.next_multiple_of(page), range.end / page * page);
        if start >= end {
            return Ok(());
        }
        let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        Ok(rustix::fs::fallocate(
            &self.file,
            mode,
            start as u64,
            (end - start) as u64,
        )?)
    }

    /// Where `range` is in the mapping, and its length.
    fn part(&self, range: &Range<usize>) -> io::Result<(*mut u8, usize)> {
        if range.start > range.end || range.end > self.n_bytes {
            return Err(outside());
        }
        // SAFETY: the offset is at most the length of the mapping.
        let start = unsafe { self.start.add(range.start) };
        Ok((start.as_ptr(), range.end - range.start))
    }
}

impl Drop for SharedRegion {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and with `self` the last who could use it goes away.
        // JUSTIFICATION: there is no safe way to unmap.
        // An error would mean that it is not mapped: nothing is left to be done then.
        let _ = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.n_bytes) };
    }
}

fn outside() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "the range is not inside of the shared region",
    )
}

/// Copies bytes of which one side is shared with another process.
///
/// Never inlined: an optimiser that saw the copy and what is done with it could read the shared side a second time,
/// after the first reading was checked.
///
/// # Safety
///
/// Both sides must be valid for `n_bytes`, and must not overlap.
#[inline(never)]
unsafe fn copy(from: *const u8, to: *mut u8, n_bytes: usize) {
    // SAFETY: the caller's promise.
    // JUSTIFICATION: a safe copy wants references, and others write to the shared side.
    unsafe { ptr::copy_nonoverlapping(from, to, n_bytes) };
}
