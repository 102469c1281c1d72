//! One connection between the first host and another: bytes in and out without waiting, messages to its user.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::{AsFd, BorrowedFd},
    time::Instant,
};

use rustix::event::PollFlags;
use thiserror::Error;

use super::{
    message::Message,
    seal::{Greeting, MAX_FRAME_BYTES, Opener, SealError, Sealer, Secret, Side},
};

/// The most that may wait to be read by us or by the other side.
const MAX_WAITING_BYTES: usize = 4 * MAX_FRAME_BYTES;

/// A connection can't be used any more.
#[derive(Debug, Error)]
pub(super) enum Broken {
    /// The other side closed it.
    #[error("it closed the connection")]
    Closed,
    /// The network did.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What came is not what a host of this job says.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The seal is right and the message is none.
    #[error("it said something that this version does not know")]
    Unknown,
    /// It does not read what we say.
    #[error("it does not read what it is told")]
    Stalled,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    pub(super) address: SocketAddr,
    state: State,
    received: Vec<u8>,
    to_send: Vec<u8>,
    /// When something came last.
    pub(super) heard: Instant,
    /// When something was said last.
    pub(super) said: Instant,
}

#[derive(Debug)]
enum State {
    Greeting {
        ours: Side,
        own: Greeting,
        secret: Secret,
        /// What is said before the keys are known.
        early: Vec<Message>,
    },
    Open {
        sealer: Sealer,
        opener: Opener,
    },
}

impl Connection {
    /// Greets the other side.
    pub(super) fn begin(
        stream: TcpStream,
        ours: Side,
        secret: &Secret,
        now: Instant,
    ) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let address = stream.peer_addr()?;
        let own = Greeting::fresh().ok_or(io::ErrorKind::Unsupported)?;
        Ok(Self {
            stream,
            address,
            state: State::Greeting {
                ours,
                own,
                secret: secret.clone(),
                early: Vec::new(),
            },
            received: Vec::new(),
            to_send: own.to_bytes(),
            heard: now,
            said: now,
        })
    }

    /// Says something: it leaves as soon as the other side takes it.
    pub(super) fn say(&mut self, message: Message, now: Instant) {
        self.said = now;
        match &mut self.state {
            State::Greeting { early, .. } => early.push(message),
            State::Open { sealer, .. } => sealer.seal(&message.to_bytes(), &mut self.to_send),
        }
    }

    /// Reads what has come.
    pub(super) fn hear(&mut self, now: Instant) -> Result<Vec<Message>, Broken> {
        let mut buffer = [0; 16 * 1024];
        // What came before an end counts, so the end is told the next time.
        let mut end = None;
        while self.received.len() < MAX_WAITING_BYTES {
            match self.stream.read(&mut buffer) {
                Ok(0) => {
                    end = Some(Broken::Closed);
                    break;
                }
                Ok(n) => {
                    self.received.extend_from_slice(&buffer[..n]);
                    self.heard = now;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    end = Some(Broken::Io(error));
                    break;
                }
            }
        }
        let messages = self.take_messages()?;
        match end {
            Some(broken) if messages.is_empty() => Err(broken),
            _ => Ok(messages),
        }
    }

    fn take_messages(&mut self) -> Result<Vec<Message>, Broken> {
        self.open()?;
        let State::Open { opener, .. } = &mut self.state else {
            return Ok(Vec::new());
        };
        let mut messages = Vec::new();
        while let Some(payload) = opener.open(&mut self.received)? {
            messages.push(Message::from_bytes(&payload).ok_or(Broken::Unknown)?);
        }
        Ok(messages)
    }

    /// Makes the keys as soon as the other side has greeted.
    fn open(&mut self) -> Result<(), Broken> {
        let State::Greeting {
            ours,
            own,
            secret,
            early,
        } = &mut self.state
        else {
            return Ok(());
        };
        let Some(theirs) = Greeting::take(&mut self.received)? else {
            return Ok(());
        };
        let (first, member) = match ours {
            Side::First => (*own, theirs),
            Side::Member => (theirs, *own),
        };
        let (mut sealer, opener) = secret.keys(*ours, first, member);
        for message in early.drain(..) {
            sealer.seal(&message.to_bytes(), &mut self.to_send);
        }
        self.state = State::Open { sealer, opener };
        Ok(())
    }

    /// Writes what the other side takes.
    pub(super) fn flush(&mut self) -> Result<(), Broken> {
        while !self.to_send.is_empty() {
            match self.stream.write(&self.to_send) {
                Ok(n) => {
                    self.to_send.drain(..n);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if self.to_send.len() > MAX_WAITING_BYTES {
            return Err(Broken::Stalled);
        }
        Ok(())
    }

    /// True if all that was said has left this process.
    pub(super) fn is_flushed(&self) -> bool {
        self.to_send.is_empty() && matches!(self.state, State::Open { .. })
    }

    /// Nothing more will be said.
    pub(super) fn end_of_speech(&self) {
        // It may be closed already.
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }

    /// What it waits for.
    pub(super) fn interest(&self) -> PollFlags {
        if self.to_send.is_empty() {
            PollFlags::IN
        } else {
            PollFlags::IN | PollFlags::OUT
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
