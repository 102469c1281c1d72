//! Our own standard output and standard error, written by threads of their own.
//!
//! Everything that goes out goes through here: what children print, and our own log. A writer that can't get rid of
//! its bytes (a stopped pager, a log collector that hangs) holds up whoever prints, as a pipe would; but only so long:
//! when it has made no progress for the stall time, whole lines are dropped and counted. Our own log never waits.
//!
//! When both descriptors are one file (`2>&1`, a terminal), they share one writer, and lines of the two streams are
//! never mixed within a line.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::FileType,
    io::Errno,
};

#[cfg(test)]
mod tests;

/// Bytes waiting to be written, a writer. With the batch that is being written: twice as much.
const PENDING_BYTES: usize = 256 * 1024;
/// What may be waiting beyond that, to finish a line that has begun, and for our own log.
const RESERVE_BYTES: usize = 256 * 1024;

/// What is written at once to a file: small enough that progress shows.
const FILE_PIECE_BYTES: usize = 64 * 1024;
/// The same for a pipe or terminal: the kernel's `PIPE_BUF`, which goes out whole or not at all. Of more, an unknown part
/// may be out when the reader stops, and what was lost could not be counted.
const PIPE_PIECE_BYTES: usize = 4096;

/// Our standard output and standard error. Clones share the same writers.
#[derive(Debug, Clone)]
pub struct Console {
    pub(crate) stdout: Arc<Writer>,
    pub(crate) stderr: Arc<Writer>,
    pub(crate) merged: bool,
}

impl Console {
    /// Starts writing to the given descriptors (usually [`Console::own_streams`]).
    ///
    /// `stall` is how long a writer may make no progress before lines are dropped.
    ///
    /// # Errors
    ///
    /// When a thread can't be started.
    pub fn start(stdout: OwnedFd, stderr: OwnedFd, stall: Duration) -> io::Result<Self> {
        let merged = is_same_file(&stdout, &stderr);
        let stderr = Writer::start("stderr", stderr, stall)?;
        let stdout = if merged {
            Arc::clone(&stderr)
        } else {
            Writer::start("stdout", stdout, stall)?
        };
        Ok(Self {
            stdout,
            stderr,
            merged,
        })
    }

    /// Copies of descriptors 1 and 2.
    ///
    /// # Errors
    ///
    /// When no more descriptors are to be had.
    pub fn own_streams() -> io::Result<(OwnedFd, OwnedFd)> {
        let copy = |fd| rustix::io::fcntl_dupfd_cloexec(fd, 3);
        Ok((
            copy(rustix::stdio::stdout())?,
            copy(rustix::stdio::stderr())?,
        ))
    }

    /// A line for standard error: never waits, and is dropped (and counted) when there is no room.
    pub fn log(&self, line: &[u8]) {
        self.stderr.push_or_drop(line);
    }

    /// A line for standard output, as a result: waits like a child's.
    pub fn print(&self, line: &[u8]) {
        if self.stdout.push(&[line], false) == Pushed::Stalled {
            self.stdout.count_dropped(1, line.len());
        }
    }

    /// Waits until all is written. Gives up on a writer that has made no progress for `patience`, and on one that is
    /// broken; says how many bytes were lost.
    #[must_use = "what was lost should be said somewhere else"]
    pub fn flush(&self, patience: Duration) -> u64 {
        let lost = self.stdout.flush(patience);
        if self.merged {
            lost
        } else {
            lost + self.stderr.flush(patience)
        }
    }
}

fn is_same_file(one: &OwnedFd, other: &OwnedFd) -> bool {
    match (rustix::fs::fstat(one), rustix::fs::fstat(other)) {
        (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
        _ => false,
    }
}

/// What became of bytes that were pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// They will be written.
    Taken,
    /// There is no room, and there has been no progress for the stall time.
    Stalled,
    /// Nothing can be written any more: the reader is gone.
    Closed,
}

/// One descriptor, its queue, and its thread.
#[derive(Debug)]
pub(crate) struct Writer {
    name: &'static str,
    stall: Duration,
    is_regular_file: bool,
    state: Mutex<State>,
    /// The state has changed: there is something to write, or room again, or nothing left.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    pending: Vec<u8>,
    /// Bytes that were taken from `pending` and are not out yet.
    n_in_flight: usize,
    /// When bytes last went out, or the queue was last empty.
    progress: Instant,
    closed: bool,
    n_lost_bytes: u64,
    n_lost_lines: u64,
}

impl State {
    fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.n_in_flight == 0
    }
}

impl Writer {
    fn start(name: &'static str, fd: OwnedFd, stall: Duration) -> io::Result<Arc<Self>> {
        let writer = Arc::new(Self {
            name,
            stall,
            is_regular_file: rustix::fs::fstat(&fd)
                .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile),
            state: Mutex::new(State {
                pending: Vec::new(),
                n_in_flight: 0,
                progress: Instant::now(),
                closed: false,
                n_lost_bytes: 0,
                n_lost_lines: 0,
            }),
            changed: Condvar::new(),
        });
        let own = Arc::clone(&writer);
        thread::Builder::new()
            .name(format!("write-{name}"))
            .spawn(move || own.run(&fd))?;
        Ok(writer)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds this lock can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues `parts`, one behind the other with nothing between, when there is room; waits for room as long as there
    /// is progress. `finish_line`: they end a line of which a part is out already, so a little more room is made.
    pub(crate) fn push(&self, parts: &[&[u8]], finish_line: bool) -> Pushed {
        let limit = if finish_line {
            PENDING_BYTES + RESERVE_BYTES
        } else {
            PENDING_BYTES
        };
        let mut state = self.lock();
        while state.pending.len() >= limit && !state.closed {
            let Some(left) = self.stall.checked_sub(state.progress.elapsed()) else {
                return Pushed::Stalled;
            };
            let (next, _) = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner);
            state = next;
        }
        if state.closed {
            state.n_lost_bytes += parts.iter().map(|part| part.len() as u64).sum::<u64>();
            return Pushed::Closed;
        }
        if state.is_idle() {
            state.progress = Instant::now();
        }
        for part in parts {
            state.pending.extend_from_slice(part);
        }
        drop(state);
        self.changed.notify_all();
        Pushed::Taken
    }

    fn push_or_drop(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.closed || state.pending.len() >= PENDING_BYTES + RESERVE_BYTES {
            state.n_lost_lines += 1;
            state.n_lost_bytes += line.len() as u64;
            return;
        }
        if state.is_idle() {
            state.progress = Instant::now();
        }
        state.pending.extend_from_slice(line);
        drop(state);
        self.changed.notify_all();
    }

    pub(crate) fn count_dropped(&self, n_lines: u64, n_bytes: usize) {
        let mut state = self.lock();
        state.n_lost_lines += n_lines;
        state.n_lost_bytes += n_bytes as u64;
    }

    fn flush(&self, patience: Duration) -> u64 {
        let mut state = self.lock();
        while !state.is_idle() && !state.closed {
            let Some(left) = patience.checked_sub(state.progress.elapsed()) else {
                break;
            };
            let (next, _) = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner);
            state = next;
        }
        state.n_lost_bytes + (state.pending.len() + state.n_in_flight) as u64
    }

    /// The thread: takes all that is waiting, writes it, and so on.
    fn run(&self, fd: &OwnedFd) {
        let mut batch = Vec::new();
        loop {
            let mut state = self.lock();
            state.n_in_flight = 0;
            self.changed.notify_all();
            while state.pending.is_empty() {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            batch.clear();
            std::mem::swap(&mut batch, &mut state.pending);
            state.n_in_flight = batch.len();
            drop(state);
            self.changed.notify_all();
            self.write_out(fd, &batch);
        }
    }

    fn write_out(&self, fd: &OwnedFd, batch: &[u8]) {
        let piece_bytes = if self.is_regular_file {
            FILE_PIECE_BYTES
        } else {
            PIPE_PIECE_BYTES
        };
        let mut rest = batch;
        while !rest.is_empty() {
            match rustix::io::write(fd, &rest[..rest.len().min(piece_bytes)]) {
                Ok(n) => {
                    rest = &rest[n..];
                    let mut state = self.lock();
                    state.progress = Instant::now();
                    state.n_in_flight -= n;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    // Somebody made the descriptor non-blocking. An error shows in the next write.
                    let _ = poll(&mut [PollFd::new(&fd.as_fd(), PollFlags::OUT)], None);
                }
                Err(error) => return self.give_up_on(rest, error),
            }
        }
    }

    /// The reader is gone for good; or, as when a disk is full, only this batch is lost.
    fn give_up_on(&self, rest: &[u8], error: Errno) {
        let mut state = self.lock();
        state.n_lost_bytes += rest.len() as u64;
        state.n_in_flight = 0;
        if matches!(
            error,
            Errno::PIPE | Errno::BADF | Errno::IO | Errno::CONNRESET
        ) {
            state.closed = true;
            state.n_lost_bytes += state.pending.len() as u64;
            state.pending.clear();
        }
    }
}
