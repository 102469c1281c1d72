//! What a child prints, on its way to the console; and the last of it, for the report of a failure.
//!
//! Bytes are passed on as they are. Lines matter only where a stream shares its way with another (standard error with
//! our own log, both where both are one file): there a line is held back until it is whole, for at most
//! 200 ms or 64 KiB, so that a prompt or progress bar still shows. Only the formats that mark lines as a
//! child's ([`Format::Prefix`], [`Format::Json`]) alter anything.
//!
//! Several children that live at the same time share the console's streams: [`Format::Lines`] holds the lines of each
//! together.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    pipe::{PipeFlags, fcntl_setpipe_size, pipe_with},
};
use tracing::warn;

use crate::{
    console::{Console, Pushed, Writer},
    tail::Tail,
};

mod lines;

#[cfg(test)]
mod tests;

/// How long the beginning of a line waits for its end.
const HOLD: Duration = Duration::from_millis(200);
/// How much of a line waits for its end.
const HOLD_BYTES: usize = 64 * 1024;
/// How much of each stream is kept for the report of a failure: 64 KiB hold some 500 lines of traceback.
const TAIL_BYTES: usize = 64 * 1024;

/// What happens to a child's lines on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Format {
    /// Nothing: byte for byte.
    #[default]
    Raw,
    /// Nothing, but lines stay whole on both streams: for one of several children on the same console.
    Lines,
    /// `NAME | ` before each line.
    Prefix(String),
    /// One JSON object a line: `ts`, `src`, `stream`, `host`, `msg`.
    Json {
        /// The value of `host`.
        host: String,
    },
}

/// The end of both streams of a child, and whether all of them was passed on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// The last 64 KiB of standard output.
    pub stdout: Vec<u8>,
    /// The last 64 KiB of standard error.
    pub stderr: Vec<u8>,
    /// Bytes that were not passed on, because our own output stalled or was closed.
    pub n_dropped_bytes: u64,
}

/// Two pipes and the threads that empty them.
#[derive(Debug)]
pub struct Pump {
    stdout: Reader,
    stderr: Reader,
}

#[derive(Debug)]
struct Reader {
    stream: Arc<Stream>,
    /// Dropped to tell the thread to take what is there and come to an end.
    cancel: OwnedFd,
    result: Receiver<Drained>,
}

#[derive(Debug, Default)]
struct Drained {
    tail: Vec<u8>,
    n_dropped_bytes: u64,
}

impl Pump {
    /// Starts two pumps. The descriptors are the writing ends, for [`crate::Command::output`].
    ///
    /// # Errors
    ///
    /// When pipes or threads are not to be had.
    pub fn start(console: &Console, format: &Format) -> io::Result<(Self, (OwnedFd, OwnedFd))> {
        let (stdout, to_stdout) = Reader::start(&console.stdout, "stdout", console.merged, format)?;
        let (stderr, to_stderr) = Reader::start(&console.stderr, "stderr", true, format)?;
        Ok((Self { stdout, stderr }, (to_stdout, to_stderr)))
    }

    /// The last lines of standard error so far, 64 KiB at most: for the report of a child that has just died, or does
    /// not answer, while others may still hold its output open.
    ///
    /// What is still in the pipe is waited for, for at most `patience`: microseconds as a rule, but longer when our own
    /// output is stalled. With [`Duration::ZERO`] it never waits.
    pub fn last_lines(&self, patience: Duration) -> Vec<u8> {
        self.stderr.stream.last_lines(patience)
    }

    /// How long ago something was printed; since the start if nothing was.
    pub fn silent_for(&self) -> Duration {
        let streams = [&self.stdout.stream, &self.stderr.stream];
        let last = streams.map(|stream| stream.n_ms.load(Ordering::Relaxed));
        let last = Duration::from_millis(last.into_iter().max().unwrap_or_default());
        self.stdout.stream.started.elapsed().saturating_sub(last)
    }

    /// Takes what is left in the pipes. Call it when the child and what it left behind are gone.
    ///
    /// Somebody we don't know of may still hold a writing end: after `patience` that is said, and no longer waited for.
    pub fn finish(self, patience: Duration) -> Output {
        let (stdout, stderr) = (self.stdout.finish(patience), self.stderr.finish(patience));
        Output {
            stdout: stdout.tail,
            stderr: stderr.tail,
            n_dropped_bytes: stdout.n_dropped_bytes + stderr.n_dropped_bytes,
        }
    }
}

impl Reader {
    fn start(
        writer: &Arc<Writer>,
        stream: &'static str,
        shared: bool,
        format: &Format,
    ) -> io::Result<(Self, OwnedFd)> {
        // A larger pipe lets a chatty child go on while we are not scheduled; the kernel may refuse it.
        const PIPE_BYTES: usize = 1024 * 1024;
        let (source, child_end) = pipe_with(PipeFlags::CLOEXEC)?;
        let _ = fcntl_setpipe_size(&source, PIPE_BYTES);
        // Only the reading end: the child's end is a description of its own and stays blocking.
        rustix::io::ioctl_fionbio(&source, true)?;
        let (cancelled, cancel) = pipe_with(PipeFlags::CLOEXEC)?;
        let (answer, result) = mpsc::channel();
        let stream_read = Arc::new(Stream::new(source.into()));
        let drain = Drain {
            stream: Arc::clone(&stream_read),
            cancelled,
            lines: lines::Lines::new(format, stream, shared),
            outlet: Outlet::new(Arc::clone(writer), stream),
        };
        thread::Builder::new()
            .name(format!("read-{stream}"))
            .spawn(move || drain.run(&answer))?;
        let reader = Self {
            stream: stream_read,
            cancel,
            result,
        };
        Ok((reader, child_end))
    }

    fn finish(self, patience: Duration) -> Drained {
        match self.result.recv_timeout(patience) {
            Ok(drained) => drained,
            Err(RecvTimeoutError::Timeout) => {
                drop(self.cancel);
                // The thread ends by itself now: it waits for nothing but our own output, and for that only so long.
                self.result.recv().unwrap_or_default()
            }
            Err(RecvTimeoutError::Disconnected) => Drained::default(),
        }
    }
}

/// The reading end of a pipe, and the last that was read from it.
#[derive(Debug)]
struct Stream {
    source: File,
    tail: Mutex<Tail>,
    /// Bytes have moved from the pipe to the tail.
    moved: Condvar,
    started: Instant,
    /// When that was last, in milliseconds from the start.
    n_ms: AtomicU64,
}

impl Stream {
    fn new(source: File) -> Self {
        Self {
            source,
            tail: Mutex::new(Tail::new(TAIL_BYTES)),
            moved: Condvar::new(),
            started: Instant::now(),
            n_ms: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tail> {
        // Nothing that holds this lock can panic half-way.
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is there, and remembers it before anybody can see that it has left the pipe.
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut tail = self.lock();
        let n = (&self.source).read(buffer)?;
        tail.push(&buffer[..n]);
        drop(tail);
        if n > 0 {
            let n_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.n_ms.store(n_ms, Ordering::Relaxed);
        }
        self.moved.notify_all();
        Ok(n)
    }

    fn last_lines(&self, patience: Duration) -> Vec<u8> {
        let start = Instant::now();
        let mut tail = self.lock();
        // An error counts as empty: nothing more is to be had.
        while rustix::io::ioctl_fionread(&self.source).is_ok_and(|n_unread| n_unread > 0) {
            let Some(left) = patience
                .checked_sub(start.elapsed())
                .filter(|left| !left.is_zero())
            else {
                break;
            };
            let (next, _) = self
                .moved
                .wait_timeout(tail, left)
                .unwrap_or_else(PoisonError::into_inner);
            tail = next;
        }
        tail.lines().to_vec()
    }
}

/// The thread that empties one pipe.
struct Drain {
    stream: Arc<Stream>,
    cancelled: OwnedFd,
    lines: lines::Lines,
    outlet: Outlet,
}

impl Drain {
    fn run(mut self, answer: &Sender<Drained>) {
        // More than this isn't taken once nobody waits for the end any more: an unknown process could print for ever.
        const LAST_BYTES: usize = 16 * 1024 * 1024;
        let mut buffer = vec![0; 64 * 1024];
        let (mut cancelled, mut n_last) = (false, 0);
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => {
                    self.lines.push(&buffer[..n], &mut self.outlet);
                    n_last += n;
                    if cancelled && n_last > LAST_BYTES {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !cancelled => {
                    cancelled = self.wait();
                    n_last = 0;
                }
                Err(error) => {
                    if error.kind() == io::ErrorKind::WouldBlock {
                        warn!(
                            stream = self.outlet.stream,
                            "a process outside this job still holds the output open: it is no longer waited for"
                        );
                    }
                    break;
                }
            }
        }
        self.lines.finish(&mut self.outlet);
        let n_dropped_bytes = self.outlet.finish();
        let tail = self.stream.lock().bytes().to_vec();
        // The pump was dropped: nobody wants the tail.
        let _ = answer.send(Drained {
            tail,
            n_dropped_bytes,
        });
    }

    /// Waits for bytes. `true`: nobody waits for the end of this stream any more.
    fn wait(&mut self) -> bool {
        loop {
            let hold = Timespec::try_from(HOLD).expect("200 ms fit");
            let timeout = self.lines.is_holding().then_some(&hold);
            let mut fds = [
                PollFd::from_borrowed_fd(self.stream.source.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(self.cancelled.as_fd(), PollFlags::IN),
            ];
            match poll(&mut fds, timeout) {
                Ok(0) => self.lines.release(&mut self.outlet),
                Ok(_) if !fds[0].revents().is_empty() => return false,
                Ok(_) => return true,
                Err(_interrupted) => {}
            }
        }
    }
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain")
            .field("stream", &self.outlet.stream)
            .finish_non_exhaustive()
    }
}

/// The way to the console, which may be stalled: then whole lines are left out and counted.
#[derive(Debug)]
struct Outlet {
    writer: Arc<Writer>,
    stream: &'static str,
    /// What went out last did not end a line.
    in_line: bool,
    dropping: bool,
    n_dropped_lines: u64,
    n_dropped_bytes: u64,
    n_dropped_in_all: u64,
    closed: bool,
}

impl Outlet {
    fn new(writer: Arc<Writer>, stream: &'static str) -> Self {
        Self {
            writer,
            stream,
            in_line: false,
            dropping: false,
            n_dropped_lines: 0,
            n_dropped_bytes: 0,
            n_dropped_in_all: 0,
            closed: false,
        }
    }

    /// Passes on `first` and then `second`, with nothing of anybody else between them.
    fn push(&mut self, first: &[u8], mut second: &[u8]) {
        if self.dropping {
            // Go on only at the beginning of a line.
            let Some(end) = second.iter().position(|byte| *byte == b'\n') else {
                self.drop_bytes(first);
                self.drop_bytes(second);
                return;
            };
            let (lost, rest) = second.split_at(end + 1);
            self.drop_bytes(first);
            self.drop_bytes(lost);
            if rest.is_empty() {
                self.dropping = self.writer.push(&[], false) == Pushed::Stalled;
                return;
            }
            second = rest;
            self.offer(&[], second);
        } else {
            self.offer(first, second);
        }
    }

    fn offer(&mut self, first: &[u8], second: &[u8]) {
        let Some(last) = second.last().or(first.last()) else {
            return;
        };
        match self.writer.push(&[first, second], false) {
            Pushed::Taken => {
                self.in_line = *last != b'\n';
                self.dropping = false;
                self.say_dropped();
            }
            Pushed::Closed => self.say_closed(),
            Pushed::Stalled => self.finish_line_and_drop(first, second),
        }
    }

    /// The rest of a line that is half out still goes out; what follows is dropped.
    fn finish_line_and_drop(&mut self, first: &[u8], second: &[u8]) {
        let bytes = [first, second].concat();
        let cut = match bytes.iter().position(|byte| *byte == b'\n') {
            Some(end) if self.in_line => end + 1,
            _ => 0,
        };
        let (end_of_line, rest) = bytes.split_at(cut);
        if self.writer.push(&[end_of_line], true) != Pushed::Taken {
            self.drop_bytes(end_of_line);
        }
        self.in_line = false;
        self.drop_bytes(rest);
        // What was cut in the middle of a line is resumed behind that line's end.
        self.dropping = !rest.ends_with(b"\n") && !rest.is_empty();
    }

    fn drop_bytes(&mut self, bytes: &[u8]) {
        self.n_dropped_bytes += bytes.len() as u64;
        self.n_dropped_lines += (bytes.split(|byte| *byte == b'\n').count() - 1) as u64;
    }

    fn say_dropped(&mut self) {
        if self.n_dropped_bytes > 0 {
            let (n_lines, n_bytes) = (self.n_dropped_lines, self.n_dropped_bytes);
            warn!(
                stream = self.stream,
                n_lines, n_bytes, "output was dropped: nothing read it for too long"
            );
            self.n_dropped_in_all += n_bytes;
            (self.n_dropped_lines, self.n_dropped_bytes) = (0, 0);
        }
    }

    fn say_closed(&mut self) {
        if !self.closed {
            warn!(
                stream = self.stream,
                writer = self.writer.name(),
                "nobody reads our output any more: it is thrown away"
            );
            self.closed = true;
        }
    }

    fn finish(&mut self) -> u64 {
        self.say_dropped();
        self.n_dropped_in_all
    }
}
