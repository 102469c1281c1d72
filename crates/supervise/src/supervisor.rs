//! The thread that owns every child.

use std::{
    fmt,
    io::{self, Write},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Signal},
};
use tracing::{debug, info, warn};

use crate::{
    command::Command,
    console::Console,
    ended::{Ended, Exit, Leftovers, StopRecord},
    exec_error::{SpawnError, SpawnErrorKind},
    pump::{Format, Output, Pump},
    signals::{Meaning, Signals, StopSignal},
    stop::{Act, Grace, Second, Stop},
    strays,
    sys::{self, Peek, Reaped},
};

mod ending;
#[cfg(test)]
pub(crate) mod tests;

use self::ending::Ending;

/// The supervisor could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    /// The signal handlers.
    #[error("install the signal handlers")]
    Signals(#[source] io::Error),
    /// The thread.
    #[error("start the supervisor's thread")]
    Thread(#[source] io::Error),
}

/// Owns every child of this process. Make one, first thing, before any child and any other thread exists.
#[derive(Debug)]
pub struct Supervisor {
    requests: Sender<Request>,
    waker: UnixStream,
    stops: Arc<Mutex<Stops>>,
}

/// The first stop signal that came, and who wants to hear of it.
#[derive(Default)]
struct Stops {
    first: Option<StopSignal>,
    listeners: Vec<Box<dyn FnOnce(StopSignal) + Send>>,
}

impl fmt::Debug for Stops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stops")
            .field("first", &self.first)
            .field("n_listeners", &self.listeners.len())
            .finish()
    }
}

#[derive(Debug)]
enum Request {
    Spawn(Box<Command>, Sender<Result<Child, SpawnError>>),
    Stop(Pid),
}

/// A child that was started. It is stopped and reaped by its supervisor, whatever becomes of this value.
#[derive(Debug)]
#[must_use = "the child's end is only known to who waits for it"]
pub struct Child {
    pid: Pid,
    exit: Receiver<Exit>,
}

impl Child {
    /// The process id.
    pub fn pid(&self) -> i32 {
        raw(self.pid)
    }

    /// Waits until the child, and what it left behind, have ended.
    pub fn wait(self) -> Exit {
        self.exit.recv().expect(ANSWERS)
    }

    /// The same for at most `limit`; `None`: it still runs.
    pub fn wait_for(&self, limit: Duration) -> Option<Exit> {
        match self.exit.recv_timeout(limit) {
            Ok(exit) => Some(exit),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("{ANSWERS}, and only once"),
        }
    }
}

const ANSWERS: &str =
    "the supervisor's thread lives as long as the process, and answers for every child";

impl Supervisor {
    /// Installs the signal handlers, becomes the reaper of all descendants, and starts the thread.
    ///
    /// # Errors
    ///
    /// When the kernel refuses a handler or a thread.
    pub fn start(grace: Grace) -> Result<Self, SupervisorError> {
        sys::unblock_all_signals().map_err(SupervisorError::Signals)?;
        let (signals, waker) = Signals::install().map_err(SupervisorError::Signals)?;
        // As PID 1 orphans come to us anyway; elsewhere they would go to the machine's init and be lost.
        if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
            warn!(%error, "orphans can't be adopted: only process groups will be ended");
        }
        let (requests, inbox) = mpsc::channel();
        let stops = Arc::new(Mutex::new(Stops::default()));
        let reaper = Reaper {
            grace,
            signals,
            inbox,
            stops: Arc::clone(&stops),
            children: Vec::new(),
            n_orphans: 0,
        };
        thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn(move || reaper.run())
            .map_err(SupervisorError::Thread)?;
        Ok(Self {
            requests,
            waker,
            stops,
        })
    }

    /// Starts a child in a process group of its own.
    ///
    /// # Errors
    ///
    /// With the reason; [`SpawnErrorKind::Stopping`] once a stop signal has come.
    pub fn spawn(&self, command: Command) -> Result<Child, SpawnError> {
        let (answer, result) = mpsc::channel();
        self.request(Request::Spawn(Box::new(command), answer));
        result.recv().expect(
            "the supervisor's thread lives as long as the process, and answers every request",
        )
    }

    /// Starts `command` (whose `output` is replaced), passes its output on to `console`, and waits for its end.
    ///
    /// # Errors
    ///
    /// When it can't be started.
    pub fn run(
        &self,
        mut command: Command,
        console: &Console,
        format: &Format,
    ) -> Result<(Exit, Output), SpawnError> {
        // How long to wait for the end of a stream when all processes that we know of are gone.
        const PATIENCE: Duration = Duration::from_secs(2);
        let program = command.program.clone();
        let (pump, ends) = Pump::start(console, format).map_err(|error| SpawnError {
            program,
            kind: SpawnErrorKind::Os(error),
        })?;
        command.output = Some(ends);
        let exit = self.spawn(command)?.wait();
        Ok((exit, pump.finish(PATIENCE)))
    }

    /// Stops a child as a stop signal would: asks its group, then kills it when the grace is over.
    pub fn stop(&self, child: &Child) {
        self.request(Request::Stop(child.pid));
    }

    /// The stop signal that this process has been sent, if any.
    pub fn stopping(&self) -> Option<StopSignal> {
        lock(&self.stops).first
    }

    /// Calls `listener` when the first stop signal comes; at once, when it has come. It must not block: nothing else is
    /// supervised while it runs.
    pub fn on_stop(&self, listener: impl FnOnce(StopSignal) + Send + 'static) {
        let mut stops = lock(&self.stops);
        match stops.first {
            Some(signal) => {
                drop(stops);
                listener(signal);
            }
            None => stops.listeners.push(Box::new(listener)),
        }
    }

    fn request(&self, request: Request) {
        self.requests
            .send(request)
            .expect("the supervisor's thread lives as long as the process");
        // A full pipe is as good: the thread is about to look anyway.
        let _ = (&self.waker).write(&[0]);
    }
}

fn lock(stops: &Mutex<Stops>) -> std::sync::MutexGuard<'_, Stops> {
    // Nothing that holds this lock can panic half-way.
    stops.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A child as its owner sees it.
#[derive(Debug)]
struct Watched {
    pid: Pid,
    exit: Sender<Exit>,
    started: Instant,
    stop: Stop,
    asked: Option<(StopSignal, Instant)>,
    memory_events: Vec<PathBuf>,
    n_memory_kills_before: u64,
    /// Set when the child itself is gone and what it left behind is being ended.
    ending: Option<Ending>,
}

/// The state of the thread.
#[derive(Debug)]
struct Reaper {
    grace: Grace,
    signals: Signals,
    inbox: Receiver<Request>,
    stops: Arc<Mutex<Stops>>,
    children: Vec<Watched>,
    n_orphans: u64,
}

impl Reaper {
    /// Never returns: the kernel kills our children when this thread ends.
    fn run(mut self) {
        loop {
            self.sleep();
            // Signals before requests: nothing is spawned after a stop signal that came first.
            for meaning in self.signals.take() {
                match meaning {
                    Meaning::Stop(signal) => self.stop_all(signal),
                    Meaning::Forward(signal, name) => self.forward(signal, name),
                    Meaning::ChildEnded => {}
                }
            }
            while let Ok(request) = self.inbox.try_recv() {
                match request {
                    Request::Spawn(command, answer) => {
                        // Whoever asked is gone: then its child is stopped with the rest.
                        let _ = answer.send(self.spawn(*command));
                    }
                    Request::Stop(pid) => self.stop_one(pid, StopSignal::Term),
                }
            }
            self.reap();
            self.keep_time();
        }
    }

    fn sleep(&self) {
        let now = Instant::now();
        let next = self
            .children
            .iter()
            .flat_map(|child| match &child.ending {
                Some(ending) => [ending.stop.deadline(), Some(ending.next_look)],
                None => [child.stop.deadline(), None],
            })
            .flatten()
            .min();
        let timeout = next.map(|deadline| {
            let left = deadline.saturating_duration_since(now) + Duration::from_millis(1);
            Timespec::try_from(left).expect("deadlines are hours away at most")
        });
        let mut wake = [PollFd::new(&self.signals, PollFlags::IN)];
        // Interrupted or not: everything is looked at anyway.
        let _ = poll(&mut wake, timeout.as_ref());
    }

    fn spawn(&mut self, command: Command) -> Result<Child, SpawnError> {
        let program = command.program.clone();
        if let Some(signal) = lock(&self.stops).first {
            return Err(SpawnError {
                program,
                kind: SpawnErrorKind::Stopping(signal),
            });
        }
        let directory = command.directory.clone();
        let n_bytes = size_for_exec(&command);
        let memory_events = command.memory_events.clone();
        let n_memory_kills_before = count_memory_kills(&memory_events);
        let pid = spawn_when_not_busy(command).map_err(|error| {
            SpawnError::diagnose(&program, directory.as_deref(), n_bytes, error)
        })?;
        debug!(pid = raw(pid), program = %program.display(), "started");
        let (exit, receiver) = mpsc::channel();
        self.children.push(Watched {
            pid,
            exit,
            started: Instant::now(),
            stop: Stop::Running,
            asked: None,
            memory_events,
            n_memory_kills_before,
            ending: None,
        });
        Ok(Child {
            pid,
            exit: receiver,
        })
    }

    fn stop_all(&mut self, signal: StopSignal) {
        // Out of the lock before anybody is called: a listener may ask whether we are stopping.
        let listeners = {
            let mut stops = lock(&self.stops);
            let is_first = stops.first.is_none();
            stops.first.get_or_insert(signal);
            is_first.then(|| std::mem::take(&mut stops.listeners))
        };
        match listeners {
            Some(listeners) => {
                let (signal_name, grace_s) = (signal.name(), self.grace.stop.as_secs());
                info!(
                    signal = signal_name,
                    n_children = self.children.len(),
                    grace_s,
                    "stopping"
                );
                for listener in listeners {
                    listener(signal);
                }
            }
            None => {
                warn!(signal = signal.name(), second = ?self.grace.second, "asked to stop again");
            }
        }
        for pid in self
            .children
            .iter()
            .map(|child| child.pid)
            .collect::<Vec<_>>()
        {
            self.stop_one(pid, signal);
        }
    }

    fn stop_one(&mut self, pid: Pid, signal: StopSignal) {
        let now = Instant::now();
        let Some(child) = self.children.iter_mut().find(|child| child.pid == pid) else {
            return;
        };
        if let Some(ending) = &mut child.ending {
            // Only leftovers are there, and they were asked when they were found.
            if ending.stop.request(Duration::ZERO, Second::Kill, now) == Act::Kill {
                ending.next_look = now;
            }
            return;
        }
        child.asked.get_or_insert((signal, now));
        match child.stop.request(self.grace.stop, self.grace.second, now) {
            Act::Ask => {
                send_to_group(pid, signal.to_signal());
                // A stopped process takes no signal but this before it is continued.
                send_to_group(pid, Signal::CONT);
            }
            Act::Kill => send_to_group(pid, Signal::KILL),
            Act::Wait => {}
        }
    }

    fn forward(&self, signal: Signal, name: &str) {
        debug!(signal = name, n_children = self.children.len(), "passed on");
        for child in self.children.iter().filter(|child| child.ending.is_none()) {
            send_to_group(child.pid, signal);
        }
    }

    /// Reaps all that have ended: the status of our own, and orphans.
    fn reap(&mut self) {
        while let Peek::Ended(pid) = sys::peek() {
            let Some(reaped) = sys::reap(pid) else {
                return;
            };
            match self.children.iter_mut().find(|child| child.pid == pid) {
                Some(child) => child.leader_ended(&reaped, self.grace),
                None => self.n_orphans += 1,
            }
        }
    }

    /// What is due: kills at the end of a grace, and the search for what ended children left behind.
    fn keep_time(&mut self) {
        let now = Instant::now();
        for child in self
            .children
            .iter_mut()
            .filter(|child| child.ending.is_none())
        {
            if child.stop.tick(now) == Act::Kill {
                warn!(
                    pid = raw(child.pid),
                    grace_s = self.grace.stop.as_secs(),
                    "the grace is over: killing"
                );
                send_to_group(child.pid, Signal::KILL);
            }
        }
        let leaders: Vec<Pid> = self
            .children
            .iter()
            .filter(|child| child.ending.is_none())
            .map(|child| child.pid)
            .collect();
        // While other children live, an orphan may be theirs: then only the group is searched.
        let all_descendants = leaders.is_empty();
        let n_orphans = self.n_orphans;
        // Usually nothing is left, and `/proc` need not be read.
        let has_children = sys::peek() != Peek::NoChildren;
        self.children.retain_mut(|child| {
            let Some(ending) = &mut child.ending else {
                return true;
            };
            if has_children
                && !ending.is_over(&strays::find(child.pid, all_descendants, &leaders), now)
            {
                return true;
            }
            ending.say();
            debug!(pid = raw(child.pid), n_orphans, "ended");
            // An error: nobody waits for it, and its end is in the log.
            let _ = child.exit.send(ending.exit.clone());
            false
        });
    }
}

impl Watched {
    fn leader_ended(&mut self, reaped: &Reaped, grace: Grace) {
        let now = Instant::now();
        let n_kills =
            count_memory_kills(&self.memory_events).saturating_sub(self.n_memory_kills_before);
        let stop = self.asked.map(|(signal, when)| StopRecord {
            signal,
            took: now - when,
            killed: self.stop == Stop::Killed,
        });
        // What is left of a group that was killed gets no second grace.
        let time = if self.stop == Stop::Killed {
            Duration::ZERO
        } else {
            grace.leftovers
        };
        let exit = Exit {
            ended: Ended::new(reaped.status, n_kills),
            took: now - self.started,
            peak_rss_bytes: reaped.peak_rss_bytes,
            stop,
            leftovers: Leftovers::default(),
        };
        self.ending = Some(Ending::new(exit, time, now));
    }
}

fn raw(pid: Pid) -> i32 {
    pid.as_raw_nonzero().get()
}

fn send_to_group(leader: Pid, signal: Signal) {
    // An error means that the whole group is gone.
    let _ = rustix::process::kill_process_group(leader, signal);
}

/// A file that was written a moment ago may still be open in a process that is between fork and exec.
fn spawn_when_not_busy(command: Command) -> io::Result<Pid> {
    const TRIES: u32 = 20;
    let (image, mut frame) = command.into_parts()?;
    let image = Arc::new(image);
    for _ in 1..TRIES {
        match sys::spawn_tied_to_this_thread(&mut frame, Arc::clone(&image)) {
            Err(error) if error.raw_os_error() == Some(libc::ETXTBSY) => {
                let pause = Timespec::try_from(Duration::from_millis(5)).expect("5 ms fit");
                // Nothing to poll: a pause.
                let _ = poll(&mut [], Some(&pause));
            }
            other => return other,
        }
    }
    sys::spawn_tied_to_this_thread(&mut frame, image)
}

/// What execve has to copy: every word and variable with its end.
fn size_for_exec(command: &Command) -> usize {
    let words = command.arguments.iter().map(|word| word.len() + 1);
    let variables = command
        .environment
        .iter()
        .map(|(name, value)| name.len() + value.len() + 2);
    command.program.as_os_str().len() + 1 + words.chain(variables).sum::<usize>()
}

/// The sum of the `oom_kill` lines of the given control group files; unreadable ones count nothing.
fn count_memory_kills(files: &[PathBuf]) -> u64 {
    files
        .iter()
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .filter_map(|text| {
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("oom_kill "))?;
            line.trim().parse::<u64>().ok()
        })
        .sum()
}
