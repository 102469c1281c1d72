//! Descriptors that this process was started with.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd, RawFd},
};

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};

/// A descriptor of this number that whoever started this process left open for it, as our own. What this process starts itself
/// inherits neither it nor the original.
///
/// # Errors
/// When no such descriptor is open.
pub fn inherited(number: RawFd) -> io::Result<OwnedFd> {
    if number < 0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: the number is not -1, and the borrow ends with this function. If nothing is open under it the calls below say so;
    // nothing is closed, so no owner elsewhere loses anything.
    // JUSTIFICATION: a number in a variable is the only name that a parent can give a descriptor.
    let original = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl_setfd(original, FdFlags::CLOEXEC)?;
    Ok(fcntl_dupfd_cloexec(original, 3)?)
}

#[cfg(test)]
mod tests;
