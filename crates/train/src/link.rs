//! How the hosts of a job find each other, begin together, and end together.
//!
//! Engines that train on several hosts notice late or never that one of them has failed, and none of them knows why.
//! So the first host listens, the others join it, and all stay connected while they run: when something fails on one
//! of them the others are told, end what they run, and report the one cause. A host whose connection breaks, or that
//! says nothing for [`SILENCE`], is gone.
//!
//! **Theory of operation.** Each host has one [`Link`]: a thread that never waits for anything but its sockets, and a
//! channel each way. On the first host the thread keeps the `course` of the job (pure) and speaks for it; its own host
//! takes part like any other, without a socket. `seal` makes sure that only hosts of this job are heard, `message` is
//! what they say, `cause` picks the reason among many. A job of one host has a link too, with nobody on it.

mod cause;
mod connection;
mod course;
mod first;
mod member;
mod message;
mod seal;

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    num::NonZeroU16,
    os::unix::net::UnixStream,
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError},
    thread,
    time::Duration,
};

use optml_contract::failure::Failure;
use thiserror::Error;

pub use self::message::{Member, SshServer, Terms};
use self::{course::Bounds, seal::Secret};

#[cfg(test)]
mod tests;

/// A host that has said nothing for so long is gone.
pub const SILENCE: Duration = Duration::from_secs(30);
/// How often a host says that it is alive.
const BEAT: Duration = Duration::from_secs(5);
/// From the first failure until the others are asked to end: those that fail by themselves say why within it.
pub const SETTLE: Duration = Duration::from_secs(1);
/// How long everything that still runs on any host has to end after a failure on another.
pub const PEER_GRACE: Duration = Duration::from_secs(30);
/// Beyond it: to kill what did not end, and to say so.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What a host has to know to take part.
#[derive(Debug, Clone)]
pub struct Party {
    /// This host.
    pub own: Member,
    /// What all hosts are called, by rank; empty where that is not known.
    pub names: Vec<String>,
    /// The name or address of the first host.
    pub first: String,
    /// Its port.
    pub port: NonZeroU16,
    /// What only the hosts of this job know; may be empty.
    pub secret: String,
    /// What tells this job from others.
    pub job: String,
    /// How long all hosts may take to join.
    pub join_within: Duration,
    /// How long what runs may take to end when it is asked to.
    pub stop_grace: Duration,
}

/// What a host is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// All hosts are there.
    Start(Start),
    /// To the first host: all others serve it.
    AllServe,
    /// End what runs.
    Stop {
        /// How long that may take.
        grace: Duration,
        /// A host was asked to stop, nothing has failed: work may be saved.
        gently: bool,
    },
    /// The job has ended: well, or so. Nothing follows.
    Over(Outcome),
}

/// What a host knows when all are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// How to reach them by ssh, by rank; only the first host knows.
    pub servers: Vec<Option<SshServer>>,
    /// The public key of the first host, if it has one.
    pub key: Option<String>,
    /// Several hosts give themselves the same name (`gethostname`), so that engines can't tell them apart by it.
    pub share_a_name: bool,
}

/// How a job ended.
pub type Outcome = Result<(), Box<Failure>>;

/// A link could not be made.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The port.
    #[error("listen on port {port} for the other hosts: {error}")]
    Listen {
        /// Which.
        port: NonZeroU16,
        /// Why not.
        error: io::Error,
    },
    /// A thread, or the pipe to it.
    #[error("start the link to the other hosts: {0}")]
    Thread(#[from] io::Error),
}

impl LinkError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Listen { .. } => {
                Some("choose another port in OPTML_CONTROL_PORT, the same on all hosts".to_owned())
            }
            Self::Thread(_) => None,
        }
    }
}

/// The way to the other hosts.
#[derive(Debug)]
pub struct Link {
    requests: Sender<Request>,
    waker: UnixStream,
    done: Receiver<()>,
}

/// What the thread is asked to do.
#[derive(Debug)]
enum Request {
    Ready {
        ssh: Option<SshServer>,
        key: Option<String>,
    },
    Serving,
    Stopping,
    Failing(Box<Failure>),
    Ended(Option<Box<Failure>>),
    Close,
}

/// The thread's ends.
struct Channel {
    requests: Receiver<Request>,
    waked: UnixStream,
    tell: Box<dyn Fn(Event) + Send>,
}

impl Link {
    /// Joins the job. `tell` is called on the link's thread; it must neither block nor panic.
    ///
    /// # Errors
    /// The port of the first host is taken, or there is no thread to be had. That hosts can't be reached is told later,
    /// as the end of the job.
    pub fn open(party: Party, tell: impl Fn(Event) + Send + 'static) -> Result<Self, LinkError> {
        let listener = match (party.own.rank, party.own.terms.n_hosts) {
            (0, n) if n > 1 => Some(listen(&party)?),
            _ => None,
        };
        let (requests, inbox) = mpsc::channel();
        let (waker, waked) = UnixStream::pair()?;
        waked.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        let (ended, done) = mpsc::channel();
        let channel = Channel {
            requests: inbox,
            waked,
            tell: Box::new(tell),
        };
        let run = move || {
            if party.own.rank == 0 {
                first::run(&party, listener, &channel);
            } else {
                member::run(&party, &channel);
            }
            // Nobody waits for it any more: that is fine too.
            let _ = ended.send(());
        };
        thread::Builder::new().name("link".to_owned()).spawn(run)?;
        Ok(Self {
            requests,
            waker,
            done,
        })
    }

    /// This host could begin. `key`: the public key by which the first host logs on to the others.
    pub fn ready(&self, ssh: Option<SshServer>, key: Option<String>) {
        self.request(Request::Ready { ssh, key });
    }

    /// After the start: the first host may start processes here.
    pub fn serving(&self) {
        self.request(Request::Serving);
    }

    /// This host was asked to stop: the others are to stop with it.
    pub fn stopping(&self) {
        self.request(Request::Stopping);
    }

    /// Something here has failed, and more of the job still runs here.
    pub fn failing(&self, failure: Box<Failure>) {
        self.request(Request::Failing(failure));
    }

    /// Nothing of the job runs here any more.
    pub fn ended(&self, failure: Option<Box<Failure>>) {
        self.request(Request::Ended(failure));
    }

    /// Waits, for some seconds at most, until what was said has left this host.
    ///
    /// On the first host this ends the job if it has not ended: the others are told what is known.
    pub fn close(self) {
        self.request(Request::Close);
        // Late or not: there is nothing else to be done.
        let _ = self.done.recv_timeout(LAST_WORDS);
    }

    fn request(&self, request: Request) {
        // The thread ends with the job: then nothing is left to be said.
        let _ = self.requests.send(request);
        // A full pipe is as good: the thread is about to look anyway.
        let _ = (&self.waker).write(&[0]);
    }
}

impl Channel {
    /// What is asked for now. `Close` if nobody can ask any more.
    fn next(&self) -> Option<Request> {
        match self.requests.try_recv() {
            Ok(request) => Some(request),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Request::Close),
        }
    }

    /// Waits for a request, for at most `limit`.
    fn wait(&self, limit: Duration) -> Option<Request> {
        match self.requests.recv_timeout(limit) {
            Ok(request) => Some(request),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Request::Close),
        }
    }

    /// Takes the wake-ups that have come.
    fn take_wakes(&self) {
        let mut buffer = [0; 64];
        while (&self.waked).read(&mut buffer).is_ok_and(|n| n > 0) {}
    }
}

impl Party {
    fn secret(&self) -> Secret {
        Secret::new(&self.secret, &self.job)
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            join: self.join_within,
            settle: SETTLE,
            after_failure: self.stop_grace.min(PEER_GRACE),
            after_stop: self.stop_grace,
            last_words: LAST_WORDS,
        }
    }
}

/// On all addresses: the name by which the others know us may mean something else here, like a loopback address.
fn listen(party: &Party) -> Result<TcpListener, LinkError> {
    let port = party.port.get();
    let all: [SocketAddr; 2] = [
        (Ipv6Addr::UNSPECIFIED, port).into(),
        (Ipv4Addr::UNSPECIFIED, port).into(),
    ];
    let listener = TcpListener::bind(&all[..]).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    listener.map_err(|error| LinkError::Listen {
        port: party.port,
        error,
    })
}
