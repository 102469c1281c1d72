//! A real process under test: its output by lines, its signals, its end, and a deadline for everything.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};

/// Nothing in a test may take longer, unless it says so.
const DEADLINE: Duration = Duration::from_mins(1);

/// A running process. Dropped, it takes its whole group with it; if the test is failing, it prints what it has seen.
#[derive(Debug)]
pub struct Proc {
    child: Child,
    stdout: Stream,
    stderr: Stream,
    deadline: Instant,
}

/// How a process ended, and what it printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// All that it wrote to standard output.
    pub stdout: String,
    /// All that it wrote to standard error.
    pub stderr: String,
}

/// Where the streams of a process lead.
#[derive(Debug)]
pub struct Streams {
    /// Nothing by default.
    pub stdin: Stdio,
    /// To the [`Proc`] by default. What leads elsewhere is not seen by it.
    pub stdout: Stdio,
    /// The same.
    pub stderr: Stdio,
}

impl Default for Streams {
    fn default() -> Self {
        Self {
            stdin: Stdio::null(),
            stdout: Stdio::piped(),
            stderr: Stdio::piped(),
        }
    }
}

impl Proc {
    /// Starts a program with an empty environment but for `PATH` and the given variables.
    #[track_caller]
    pub fn start(
        program: impl AsRef<Path>,
        words: impl IntoIterator<Item = impl AsRef<OsStr>>,
        variables: &[(&str, &OsStr)],
    ) -> Self {
        Self::start_command(Self::command(program, words, variables))
    }

    /// What [`Proc::start`] starts, to be prepared further.
    pub fn command(
        program: impl AsRef<Path>,
        words: impl IntoIterator<Item = impl AsRef<OsStr>>,
        variables: &[(&str, &OsStr)],
    ) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .args(words)
            .env_clear()
            .env("PATH", path())
            .envs(variables.iter().copied());
        command
    }

    /// Starts a prepared command; its streams and its group are replaced.
    #[track_caller]
    pub fn start_command(command: Command) -> Self {
        Self::start_with(command, Streams::default())
    }

    /// The same, with streams that lead elsewhere.
    #[track_caller]
    pub fn start_with(mut command: Command, streams: Streams) -> Self {
        command
            .stdin(streams.stdin)
            .stdout(streams.stdout)
            .stderr(streams.stderr)
            .process_group(0);
        #[expect(
            clippy::disallowed_methods,
            reason = "the process under test is nobody's child but ours"
        )]
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        let stdout = child
            .stdout
            .take()
            .map_or_else(Stream::elsewhere, Stream::read);
        let stderr = child
            .stderr
            .take()
            .map_or_else(Stream::elsewhere, Stream::read);
        Self {
            child,
            stdout,
            stderr,
            deadline: Instant::now() + DEADLINE,
        }
    }

    /// Sets another deadline, from now on, for everything that is waited for.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.deadline = Instant::now() + limit;
        self
    }

    /// The process id.
    pub fn id(&self) -> i32 {
        i32::try_from(self.child.id()).expect("process ids fit")
    }

    /// Sends a signal to this process alone, as the platform does.
    pub fn signal(&self, signal: Signal) {
        // It may have ended by itself in the meantime: then the test sees that.
        let _ = rustix::process::kill_process(self.pid(), signal);
    }

    /// Waits for a line of standard output that contains `text`, and returns it.
    #[track_caller]
    pub fn stdout_line(&self, text: &str) -> String {
        self.stdout
            .line(text, self.deadline)
            .unwrap_or_else(|seen| panic!("no line with {text:?} in {seen}"))
    }

    /// The same for standard error.
    #[track_caller]
    pub fn stderr_line(&self, text: &str) -> String {
        self.stderr
            .line(text, self.deadline)
            .unwrap_or_else(|seen| panic!("no line with {text:?} in {seen}"))
    }

    /// Waits for the end.
    #[track_caller]
    pub fn wait(mut self) -> Finished {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                break status;
            }
            assert!(
                Instant::now() < self.deadline,
                "still running: {} {}",
                self.stdout.text(),
                self.stderr.text()
            );
            // A child's end has no channel to wait on here; this only bounds how often is looked.
            thread::park_timeout(Duration::from_millis(5));
        };
        Finished {
            code: status.code(),
            signal: status.signal(),
            stdout: self.stdout.end(self.deadline),
            stderr: self.stderr.end(self.deadline),
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.id()).expect("process ids are positive")
    }
}

impl Drop for Proc {
    fn drop(&mut self) {
        // Whatever is left of the group; usually nothing.
        let _ = rustix::process::kill_process_group(self.pid(), Signal::KILL);
        let _ = self.child.wait();
        if thread::panicking() {
            #[expect(
                clippy::print_stderr,
                reason = "this is how a failing test shows what it saw"
            )]
            {
                eprintln!(
                    "--- stdout\n{}\n--- stderr\n{}",
                    self.stdout.text(),
                    self.stderr.text()
                );
            }
        }
    }
}

/// The `PATH` that processes under test get.
fn path() -> std::ffi::OsString {
    #[expect(
        clippy::disallowed_methods,
        reason = "the tests' own tools are where the caller has them"
    )]
    std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())
}

/// What a thread has read of one stream so far.
#[derive(Debug)]
struct Stream {
    shared: Arc<(Mutex<Seen>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Seen {
    text: String,
    /// How much of it [`Stream::line`] has passed.
    passed: usize,
    ended: bool,
}

impl Stream {
    fn read(source: impl Read + Send + 'static) -> Self {
        let shared = Arc::new((Mutex::new(Seen::default()), Condvar::new()));
        let own = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let mut source = BufReader::new(source);
            let mut line = Vec::new();
            // An error is an end.
            while source.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                own.0
                    .lock()
                    .expect("no panic while it is held")
                    .text
                    .push_str(&String::from_utf8_lossy(&line));
                own.1.notify_all();
                line.clear();
            }
            own.0.lock().expect("no panic while it is held").ended = true;
            own.1.notify_all();
        });
        Self {
            shared,
            thread: Some(thread),
        }
    }

    fn elsewhere() -> Self {
        Self::read(std::io::empty())
    }

    fn line(&self, text: &str, deadline: Instant) -> Result<String, String> {
        let (seen, changed) = &*self.shared;
        let mut seen = seen.lock().expect("no panic while it is held");
        loop {
            let fresh = &seen.text[seen.passed..];
            let mut start = 0;
            for line in fresh.split_inclusive('\n') {
                start += line.len();
                if line.contains(text) && line.ends_with('\n') {
                    let found = line.trim_end().to_owned();
                    seen.passed += start;
                    return Ok(found);
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if seen.ended || left.is_zero() {
                return Err(format!("{:?}", seen.text));
            }
            seen = changed
                .wait_timeout(seen, left)
                .expect("no panic while it is held")
                .0;
        }
    }

    fn text(&self) -> String {
        self.shared
            .0
            .lock()
            .expect("no panic while it is held")
            .text
            .clone()
    }

    #[track_caller]
    fn end(&mut self, deadline: Instant) -> String {
        let (seen, changed) = &*self.shared;
        let mut seen = seen.lock().expect("no panic while it is held");
        while !seen.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "the process has ended, but something still holds its output open: {:?}",
                seen.text
            );
            seen = changed
                .wait_timeout(seen, left)
                .expect("no panic while it is held")
                .0;
        }
        let text = seen.text.clone();
        drop(seen);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the reader does not panic");
        }
        text
    }
}
