//! Waiting until the names of all hosts of a job resolve.
//!
//! The platform starts the containers of a job one by one, and a name resolves some time after its container started.
//! All names are asked for at once, each again after a growing pause, until all have an address or the one deadline for
//! the whole wait is over. Every few seconds a line says who is missing.
//!
//! A job of a single host does not wait: nobody connects to it by name. (The reference waits there too.)
//!
//! **Theory of operation.** A look-up can't be cancelled and may hang for minutes, so each one has a detached thread
//! that does nothing else and reports to one channel. The waiting thread owns all state and only ever blocks on that
//! channel, with a time limit; a stop arrives there as well and therefore wakes it at once. A look-up that takes longer
//! than a probe may is given up: its thread no longer counts as busy and another may be started for the same name, but
//! a late success is still welcome. The number of all threads is bounded; at the bound no new one starts until one
//! comes back.

use std::{
    io,
    net::ToSocketAddrs,
    sync::{
        Arc,
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use thiserror::Error;

/// How long to wait, in all and for one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostWait {
    /// For all hosts together.
    pub total: Duration,
    /// For one look-up of one name.
    pub probe: Duration,
    /// Between two lines that say who is missing.
    pub report_every: Duration,
}

impl Default for HostWait {
    /// 15 min in all, as the reference gives each host; 5 s a probe; a line every 5 s.
    fn default() -> Self {
        Self {
            total: Duration::from_mins(15),
            probe: Duration::from_secs(5),
            report_every: Duration::from_secs(5),
        }
    }
}

/// Looks a name up.
pub trait Resolver: Send + Sync {
    /// Returns when `host` has an address.
    ///
    /// # Errors
    /// It has none now.
    fn resolve(&self, host: &str) -> io::Result<()>;
}

/// The system's name service: files, DNS, whatever it is set up to ask.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, host: &str) -> io::Result<()> {
        match (host, 0).to_socket_addrs()?.next() {
            Some(_) => Ok(()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// Not every name has an address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HostWaitError {
    /// The deadline is over.
    #[error("resolve {} within {} s", names(missing), waited.as_secs())]
    TimedOut {
        /// The names that have no address, in the order of the job's list.
        missing: Vec<String>,
        /// How long they were waited for.
        waited: Duration,
    },
    /// A stop was asked for.
    #[error("resolve {}: stopped after {} s", names(missing), waited.as_secs())]
    Cancelled {
        /// The names that had no address yet.
        missing: Vec<String>,
        /// How long they were waited for.
        waited: Duration,
    },
}

impl HostWaitError {
    /// What to look at.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::TimedOut { .. } => Some(
                "a host that never started has no name: look at its log first; `OPTML_HOST_WAIT_S` sets the time".to_owned(),
            ),
            Self::Cancelled { .. } => None,
        }
    }
}

/// Where a wait hears of answers and of a stop.
#[derive(Debug)]
pub struct Inbox {
    tx: Sender<Message>,
    rx: Receiver<Message>,
}

/// Ends a wait from another thread.
#[derive(Debug, Clone)]
pub struct Canceller(Sender<Message>);

impl Inbox {
    /// An empty one.
    pub fn new() -> Self {
        let (tx, rx) = mpsc::channel();
        Self { tx, rx }
    }

    /// What ends the wait that has this inbox, also if it has not begun.
    pub fn canceller(&self) -> Canceller {
        Canceller(self.tx.clone())
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Canceller {
    /// Ends the wait. It makes no difference where there is none any more.
    pub fn cancel(&self) {
        // The receiver is gone: the wait is over.
        let _ = self.0.send(Message::Cancel);
    }
}

/// Waits until every one of `hosts` resolves. The current host is waited for like the others.
///
/// # Errors
/// The deadline is over, or a [`Canceller`] of the inbox was used.
pub fn wait_for_hosts(
    hosts: &[String],
    policy: &HostWait,
    resolver: Arc<dyn Resolver>,
    inbox: Inbox,
) -> Result<(), HostWaitError> {
    if hosts.len() < 2 {
        return Ok(());
    }
    let start = Instant::now();
    let mut wait = Wait {
        hosts: hosts.iter().map(|name| Host::new(name, start)).collect(),
        policy: *policy,
        resolver,
        inbox,
        start,
        next_report: start + policy.report_every.min(FIRST_REPORT),
        n_threads: 0,
    };
    let outcome = wait.run();
    let waited = start.elapsed();
    match outcome {
        Outcome::Resolved => {
            tracing::info!(
                hosts = hosts.len(),
                waited_s = waited.as_secs(),
                "all hosts resolve"
            );
            Ok(())
        }
        Outcome::TimedOut => Err(HostWaitError::TimedOut {
            missing: wait.missing(),
            waited,
        }),
        Outcome::Cancelled => Err(HostWaitError::Cancelled {
            missing: wait.missing(),
            waited,
        }),
    }
}

#[derive(Debug)]
enum Message {
    /// A look-up came back.
    Answer {
        host: usize,
        /// Which look-up of that host.
        probe: u32,
        resolves: bool,
    },
    /// A stop was asked for.
    Cancel,
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Resolved,
    TimedOut,
    Cancelled,
}

#[derive(Debug)]
struct Host {
    name: String,
    state: HostState,
    /// The look-ups that were started.
    n_probes: u32,
    /// The pause after the next failure.
    pause: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HostState {
    /// Ask again then.
    Due(Instant),
    /// Asked, and given up if there is no answer until then.
    Asked(Instant),
    Resolved,
}

impl Host {
    fn new(name: &str, now: Instant) -> Self {
        Self {
            name: name.to_owned(),
            state: HostState::Due(now),
            n_probes: 0,
            pause: FIRST_PAUSE,
        }
    }

    fn fail(&mut self, now: Instant) {
        self.state = HostState::Due(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    fn is_asked(&self) -> bool {
        matches!(self.state, HostState::Asked(_))
    }
}

struct Wait {
    hosts: Vec<Host>,
    policy: HostWait,
    resolver: Arc<dyn Resolver>,
    inbox: Inbox,
    start: Instant,
    next_report: Instant,
    /// All threads that have not come back, those given up included.
    n_threads: usize,
}

impl Wait {
    fn run(&mut self) -> Outcome {
        let deadline = self.start + self.policy.total.min(LONGEST_WAIT);
        loop {
            if self
                .hosts
                .iter()
                .all(|host| host.state == HostState::Resolved)
            {
                return Outcome::Resolved;
            }
            let now = Instant::now();
            if now >= deadline {
                return Outcome::TimedOut;
            }
            self.give_up_slow(now);
            self.ask(now);
            if now >= self.next_report {
                self.report(now);
            }
            let wake = self.next_wake(deadline);
            match self
                .inbox
                .rx
                .recv_timeout(wake.saturating_duration_since(now))
            {
                Ok(Message::Cancel) => return Outcome::Cancelled,
                Ok(Message::Answer {
                    host,
                    probe,
                    resolves,
                }) => self.answer(host, probe, resolves),
                // Disconnected can't be: the inbox has a sender of its own.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    fn give_up_slow(&mut self, now: Instant) {
        for host in &mut self.hosts {
            if matches!(host.state, HostState::Asked(limit) if limit <= now) {
                host.fail(now);
            }
        }
    }

    /// Starts the look-ups that are due, as far as threads allow.
    fn ask(&mut self, now: Instant) {
        for index in 0..self.hosts.len() {
            if matches!(self.hosts[index].state, HostState::Due(due) if due <= now)
                && self.has_free_thread()
            {
                self.look_up(index, now);
            }
        }
    }

    fn look_up(&mut self, index: usize, now: Instant) {
        let host = &mut self.hosts[index];
        host.n_probes += 1;
        let probe = host.n_probes;
        let (name, resolver, tx) = (
            host.name.clone(),
            Arc::clone(&self.resolver),
            self.inbox.tx.clone(),
        );
        let look_up = move || {
            let answer = Message::Answer {
                host: index,
                probe,
                resolves: resolver.resolve(&name).is_ok(),
            };
            // The receiver is gone: the wait is over.
            let _ = tx.send(answer);
        };
        if thread::Builder::new()
            .name("host-wait".to_owned())
            .spawn(look_up)
            .is_ok()
        {
            host.state = HostState::Asked(now + self.policy.probe);
            self.n_threads += 1;
        } else {
            // No thread to be had now: as if there had been no answer.
            host.fail(now);
        }
    }

    fn has_free_thread(&self) -> bool {
        let n_busy = self.hosts.iter().filter(|host| host.is_asked()).count();
        n_busy < BUSY_THREADS_MAX && self.n_threads < THREADS_MAX
    }

    fn answer(&mut self, index: usize, probe: u32, resolves: bool) {
        self.n_threads -= 1;
        let host = &mut self.hosts[index];
        if resolves {
            host.state = HostState::Resolved;
        } else if host.is_asked() && host.n_probes == probe {
            host.fail(Instant::now());
        }
    }

    fn next_wake(&self, deadline: Instant) -> Instant {
        // Without a free thread nothing can be asked, and an answer wakes us.
        let has_free_thread = self.has_free_thread();
        let next = self.hosts.iter().filter_map(|host| match host.state {
            HostState::Due(due) if has_free_thread => Some(due),
            HostState::Asked(limit) => Some(limit),
            HostState::Due(_) | HostState::Resolved => None,
        });
        next.chain([deadline, self.next_report])
            .min()
            .unwrap_or(deadline)
    }

    fn report(&mut self, now: Instant) {
        let waited = now - self.start;
        let left = self.policy.total.saturating_sub(waited);
        tracing::info!(
            waited_s = waited.as_secs(),
            left_s = left.as_secs(),
            "waiting for the names of {}",
            names(&self.missing())
        );
        self.next_report = now + self.policy.report_every;
    }

    fn missing(&self) -> Vec<String> {
        let missing = self
            .hosts
            .iter()
            .filter(|host| host.state != HostState::Resolved);
        missing.map(|host| host.name.clone()).collect()
    }
}

/// The first names and the number of the others: "`algo-2`, `algo-3`".
fn names(hosts: &[String]) -> String {
    let shown: Vec<String> = hosts
        .iter()
        .take(NAMES_SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    match hosts.len().saturating_sub(NAMES_SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Longer silence looks like a hang.
const FIRST_REPORT: Duration = Duration::from_secs(2);
/// As good as for ever, and a clock can count it.
const LONGEST_WAIT: Duration = Duration::from_hours(24 * 365);
/// So many look-ups at a time: enough to hide slow answers, few enough for a name server that is just starting.
const BUSY_THREADS_MAX: usize = 32;
/// With those that hang. They have a stack and little else.
const THREADS_MAX: usize = 128;
const NAMES_SHOWN: usize = 10;

#[cfg(test)]
mod tests;
