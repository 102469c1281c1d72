//! The thread that owns every child.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, mpsc::Receiver},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, Signal},
};
use tracing::{debug, info, warn};

use super::{ChildEvent, ChildId, Request, Stops, ending::Ending, lock, starting};
use crate::{
    command::{Command, OnStop},
    ended::{Ended, Exit, Leftovers, StopRecord},
    exec_error::{SpawnError, SpawnErrorKind},
    signals::{Meaning, Signals, StopSignal},
    stop::{Act, Grace, Stop, StopPolicy, Wish},
    strays,
    sys::{self, Peek, Reaped},
};

/// The state of the thread.
pub(super) struct Reaper {
    grace: Grace,
    policy: StopPolicy,
    signals: Signals,
    inbox: Receiver<Request>,
    stops: Arc<Mutex<Stops>>,
    children: Vec<Record>,
    /// Everything is being stopped, and nothing is spawned any more.
    closing: bool,
    on_each_stop: Vec<Box<dyn FnMut(StopSignal) + Send>>,
    on_none_left: Vec<Box<dyn FnOnce() + Send>>,
    n_orphans: u64,
}

/// A child as its owner sees it.
struct Record {
    id: ChildId,
    pid: Pid,
    listener: Box<dyn FnMut(ChildEvent) + Send>,
    started: Instant,
    stop: Stop,
    asked: Option<(StopSignal, Instant)>,
    on_stop: OnStop,
    memory_events: Vec<PathBuf>,
    n_memory_kills_before: u64,
    /// Set when the child itself is gone and reaped, and what it left behind is being ended. From then on its process
    /// id may be anybody's.
    ending: Option<Ending>,
}

impl Reaper {
    pub(super) fn new(
        grace: Grace,
        policy: StopPolicy,
        signals: Signals,
        inbox: Receiver<Request>,
        stops: Arc<Mutex<Stops>>,
    ) -> Self {
        Self {
            grace,
            policy,
            signals,
            inbox,
            stops,
            children: Vec::new(),
            closing: false,
            on_each_stop: Vec::new(),
            on_none_left: Vec::new(),
            n_orphans: 0,
        }
    }

    /// Never returns: the kernel kills our children when this thread ends.
    pub(super) fn run(mut self) {
        loop {
            self.sleep();
            // Signals before requests: nothing is spawned after a stop signal that came first.
            for meaning in self.signals.take() {
                match meaning {
                    Meaning::Stop(signal) => self.asked_to_stop(signal),
                    Meaning::Forward(signal, name) => self.forward(signal, name),
                    Meaning::ChildEnded => {}
                }
            }
            while let Ok(request) = self.inbox.try_recv() {
                self.serve(request);
            }
            self.reap();
            self.keep_time();
            if self.children.is_empty() {
                for listener in std::mem::take(&mut self.on_none_left) {
                    listener();
                }
            }
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
            Timespec::try_from(left).expect("deadlines are a year away at most")
        });
        let mut wake = [PollFd::new(&self.signals, PollFlags::IN)];
        // Interrupted or not: everything is looked at anyway.
        let _ = poll(&mut wake, timeout.as_ref());
    }

    fn serve(&mut self, request: Request) {
        match request {
            Request::Watch {
                id,
                command,
                listener,
            } => self.spawn(id, *command, listener),
            Request::Signal(id, signal) => {
                // Not reaped yet, so the process id is still its own.
                if let Some(child) = self.find(id).filter(|child| child.ending.is_none()) {
                    // An error: it has just ended.
                    let _ = rustix::process::kill_process(child.pid, signal);
                }
            }
            Request::Stop(id, wish) => {
                let grace = self.grace;
                if let Some(child) = self.find(id) {
                    child.end(wish, grace);
                }
            }
            Request::StopAll(grace) => {
                self.closing = true;
                for child in &mut self.children {
                    child.end(Wish::Within(grace), self.grace);
                }
            }
            Request::OnEachStop(mut listener) => {
                let first = lock(&self.stops).first;
                if let Some(signal) = first {
                    listener(signal);
                }
                self.on_each_stop.push(listener);
            }
            Request::OnNoneLeft(listener) => self.on_none_left.push(listener),
        }
    }

    fn find(&mut self, id: ChildId) -> Option<&mut Record> {
        self.children.iter_mut().find(|child| child.id == id)
    }

    fn spawn(
        &mut self,
        id: ChildId,
        command: Command,
        mut listener: Box<dyn FnMut(ChildEvent) + Send>,
    ) {
        let program = command.program.clone();
        if let Some(kind) = self.refusal() {
            return listener(ChildEvent::Failed(SpawnError { program, kind }));
        }
        let on_stop = command.on_stop;
        let memory_events = command.memory_events.clone();
        let n_memory_kills_before = count_memory_kills(&memory_events);
        let pid = match starting::start(command) {
            Ok(pid) => pid,
            Err(error) => return listener(ChildEvent::Failed(error)),
        };
        debug!(pid = raw(pid), program = %program.display(), "started");
        listener(ChildEvent::Started { pid: raw(pid) });
        self.children.push(Record {
            id,
            pid,
            listener,
            started: Instant::now(),
            stop: Stop::Running,
            asked: None,
            on_stop,
            memory_events,
            n_memory_kills_before,
            ending: None,
        });
    }

    /// Why nothing is spawned any more.
    fn refusal(&self) -> Option<SpawnErrorKind> {
        if self.closing {
            return Some(SpawnErrorKind::StoppingAll);
        }
        match self.policy {
            StopPolicy::PassOn => lock(&self.stops).first.map(SpawnErrorKind::Stopping),
            StopPolicy::Tell => None,
        }
    }

    fn asked_to_stop(&mut self, signal: StopSignal) {
        // Out of the lock before anybody is called: a listener may ask whether we are stopping.
        let listeners = {
            let mut stops = lock(&self.stops);
            let is_first = stops.first.is_none();
            stops.first.get_or_insert(signal);
            is_first.then(|| std::mem::take(&mut stops.listeners))
        };
        self.say_asked(signal, listeners.is_some());
        for listener in listeners.into_iter().flatten() {
            listener(signal);
        }
        for listener in &mut self.on_each_stop {
            listener(signal);
        }
        if self.policy == StopPolicy::PassOn {
            let grace = self.grace;
            for child in self
                .children
                .iter_mut()
                .filter(|child| child.takes_signals())
            {
                child.end(Wish::AsSignal(signal), grace);
            }
        }
    }

    fn say_asked(&self, signal: StopSignal, is_first: bool) {
        let (signal, n_children) = (signal.name(), self.children.len());
        match (self.policy, is_first) {
            (StopPolicy::PassOn, true) => {
                let grace_s = self.grace.stop.as_secs();
                info!(signal, n_children, grace_s, "stopping");
            }
            (StopPolicy::Tell, true) => info!(signal, n_children, "asked to stop"),
            (StopPolicy::PassOn, false) => {
                warn!(signal, second = ?self.grace.second, "asked to stop again");
            }
            (StopPolicy::Tell, false) => warn!(signal, "asked to stop again"),
        }
    }

    fn forward(&self, signal: Signal, name: &str) {
        let n_children = self.children.len();
        match self.policy {
            StopPolicy::PassOn => {
                debug!(signal = name, n_children, "passed on");
                let alive = self.children.iter().filter(|child| child.ending.is_none());
                for child in alive.filter(|child| child.takes_signals()) {
                    send_to_group(child.pid, signal);
                }
            }
            StopPolicy::Tell => debug!(signal = name, n_children, "ignored"),
        }
    }

    /// Reaps all that have ended: the status of our own, and orphans.
    fn reap(&mut self) {
        while let Peek::Ended(pid) = sys::peek() {
            let Some(reaped) = sys::reap(pid) else {
                return;
            };
            // One that is already ending was reaped before: this is an orphan that has got its number.
            let child = self
                .children
                .iter_mut()
                .find(|child| child.pid == pid && child.ending.is_none());
            match child {
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
                let grace_s = child.asked.map_or(0, |(_, when)| (now - when).as_secs());
                warn!(pid = raw(child.pid), grace_s, "the grace is over: killing");
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
            (child.listener)(ChildEvent::Gone(ending.exit.clone()));
            false
        });
    }
}

impl Record {
    fn takes_signals(&self) -> bool {
        self.on_stop == OnStop::PassOn
    }

    fn end(&mut self, wish: Wish, grace: Grace) {
        let now = Instant::now();
        if let Some(ending) = &mut self.ending {
            ending.hurry(wish, now);
            return;
        }
        let signal = wish.signal();
        self.asked.get_or_insert((signal, now));
        match self.stop.wish(wish, grace, now) {
            Act::Ask => {
                send_to_group(self.pid, signal.to_signal());
                // A stopped process takes no signal but this before it is continued.
                send_to_group(self.pid, Signal::CONT);
            }
            Act::Kill => send_to_group(self.pid, Signal::KILL),
            Act::Wait => {}
        }
    }

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
        (self.listener)(ChildEvent::Died {
            ended: exit.ended,
            peak_rss_bytes: exit.peak_rss_bytes,
        });
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

/// The sum of the `oom_kill` lines of the given control group files; unreadable ones count nothing.
pub(super) fn count_memory_kills(files: &[PathBuf]) -> u64 {
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
