//! Which thread goes first when the processors are busy.

use std::io;

/// Sets the niceness of the calling thread, and of nothing else: -20 goes first, 19 last. Threads that it starts later
/// and children that it spawns inherit it.
///
/// # Errors
///
/// `PermissionDenied` when the process may not go that far ahead of others; then all stays as it was.
pub fn raise_priority(nice: i32) -> io::Result<()> {
    // On Linux a thread is what this call knows as a process.
    let thread = rustix::thread::gettid();
    Ok(rustix::process::setpriority_process(Some(thread), nice)?)
}

#[cfg(test)]
mod tests;
