//! The link's thread on every host but the first: it joins, says what happens here, and passes on what it is told.

use std::{
    io,
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    time::{Duration, Instant},
};

use optml_contract::failure::{Failure, Phase};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::{debug, info};

use super::{
    BEAT, Channel, Event, LAST_WORDS, Party, Request, SILENCE, Start,
    connection::{Broken, Connection},
    course::SAME_EVERYWHERE,
    message::Message,
    seal::Side,
};
use crate::failing::message;

/// How long one try to connect may take.
const CONNECT: Duration = Duration::from_secs(5);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Between two lines that say what is waited for.
const REPORT_EVERY: Duration = Duration::from_secs(10);

pub(super) fn run(party: &Party, channel: &Channel) {
    let mut member = Member {
        party,
        channel,
        standing: Vec::new(),
        n_said: 0,
        pause: PAUSE,
        deadline: Instant::now() + party.join_within,
        closing: None,
    };
    let outcome = member
        .join()
        .and_then(|connection| member.take_part(connection));
    if let Err(End::Failed(failure)) = outcome {
        (channel.tell)(Event::Over(Err(failure)));
    }
}

/// Why a member has nothing more to do here.
enum End {
    /// The job is over, or nobody asks any more.
    Done,
    /// The first host is not to be had, or not any more.
    Failed(Box<Failure>),
}

struct Member<'a> {
    party: &'a Party,
    channel: &'a Channel,
    /// All that was to be said, for the case that it has to be said again.
    standing: Vec<Message>,
    /// How much of it was said on this connection.
    n_said: usize,
    /// Before the next try to connect.
    pause: Duration,
    deadline: Instant,
    closing: Option<Instant>,
}

impl Member<'_> {
    /// Connects, again and again until it works or the time is over; and hears the answer to our greeting, so that
    /// a first host that goes away at once is tried again.
    fn join(&mut self) -> Result<Connection, End> {
        let secret = self.party.secret();
        let mut next_report = Instant::now() + REPORT_EVERY;
        loop {
            let error = match self.connect() {
                Ok(stream) => {
                    let now = Instant::now();
                    let begun = Connection::begin(stream, Side::Member, &secret, now);
                    match begun.map_err(Broken::from) {
                        Ok(mut connection) => {
                            connection.say(Message::Join(self.party.own.clone()), now);
                            self.n_said = 0;
                            return Ok(connection);
                        }
                        Err(broken) => broken.to_string(),
                    }
                }
                Err(error) => error.to_string(),
            };
            let now = Instant::now();
            if now >= self.deadline {
                return Err(End::Failed(self.unreachable(&error)));
            }
            if now >= next_report {
                next_report = now + REPORT_EVERY;
                let (first, port) = (&self.party.first, self.party.port);
                info!(first, port, reason = error, "waiting for the first host");
            }
            self.rest()?;
        }
    }

    /// Waits before the next try, longer each time; but for no longer than nothing is asked for.
    fn rest(&mut self) -> Result<(), End> {
        let request = self.channel.wait(self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        if let Some(request) = request {
            self.note(request, Instant::now());
        }
        if self.closing.is_some() {
            return Err(End::Done);
        }
        Ok(())
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let addresses: Vec<SocketAddr> = (&*self.party.first, self.party.port.get())
            .to_socket_addrs()?
            .collect();
        let mut last = io::Error::new(io::ErrorKind::NotFound, "its name has no address");
        for address in addresses {
            match TcpStream::connect_timeout(&address, CONNECT) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn unreachable(&self, error: &str) -> Box<Failure> {
        let mut failure = Failure::new(Phase::HostWait);
        failure.exception = Some(message(format!(
            "the first host `{}` could not be joined on port {} within {} s: {error}",
            self.party.first,
            self.party.port,
            self.party.join_within.as_secs()
        )));
        failure.hint = Some(
            "look at its log first; `OPTML_HOST_WAIT_S` sets the time, and the way to its port `OPTML_CONTROL_PORT` must \
             be open"
                .to_owned(),
        );
        Box::new(failure)
    }

    fn take_part(&mut self, mut connection: Connection) -> Result<(), End> {
        let mut has_joined = false;
        loop {
            self.wait(&connection);
            let now = Instant::now();
            self.channel.take_wakes();
            while let Some(request) = self.channel.next() {
                self.note(request, now);
                if self.closing.is_some() {
                    break;
                }
            }
            for message in &self.standing[self.n_said..] {
                connection.say(message.clone(), now);
            }
            self.n_said = self.standing.len();
            if now >= connection.said + BEAT {
                connection.say(Message::Beat, now);
            }
            let messages = connection.hear(now).and_then(|messages| {
                connection.flush()?;
                if now >= connection.heard + SILENCE {
                    let what = format!("nothing was heard of it for {} s", SILENCE.as_secs());
                    return Err(Broken::Io(io::Error::new(io::ErrorKind::TimedOut, what)));
                }
                Ok(messages)
            });
            let messages = match messages {
                Ok(messages) => messages,
                // It was there for a moment only, or is not ours: it may be another one the next time.
                Err(broken) if !has_joined => {
                    let reason = broken_early(&broken);
                    if now >= self.deadline {
                        return Err(End::Failed(self.unreachable(&reason)));
                    }
                    debug!(reason, "the first host did not take us");
                    self.rest()?;
                    connection = self.join()?;
                    continue;
                }
                Err(broken) => return Err(End::Failed(self.lost(&broken))),
            };
            for message in messages {
                has_joined = true;
                self.pass_on(message)?;
            }
            if self
                .closing
                .is_some_and(|limit| now >= limit || connection.is_flushed())
            {
                connection.end_of_speech();
                return Ok(());
            }
        }
    }

    fn wait(&self, connection: &Connection) {
        let timeout = Timespec::try_from(BEAT).expect("5 s fit");
        let mut fds = [
            PollFd::new(&self.channel.waked, PollFlags::IN),
            PollFd::new(connection, connection.interest()),
        ];
        // Interrupted or not: everything is looked at anyway.
        let _ = poll(&mut fds, Some(&timeout));
    }

    fn note(&mut self, request: Request, now: Instant) {
        match request {
            Request::Ready { ssh, .. } => self.standing.push(Message::Ready(ssh)),
            Request::Stopping => self.standing.push(Message::Stopping),
            Request::Serving => self.standing.push(Message::Serving),
            Request::Failing(failure) => self.standing.push(Message::Failing(failure)),
            Request::Ended(failure) => self.standing.push(Message::Ended(failure)),
            Request::Close => self.closing = Some(now + LAST_WORDS),
        }
    }

    fn pass_on(&self, message: Message) -> Result<(), End> {
        let event = match message {
            Message::Start { key, share_a_name } => Event::Start(Start {
                servers: Vec::new(),
                key,
                share_a_name,
            }),
            Message::Stop { grace, gently } => Event::Stop { grace, gently },
            Message::Over(outcome) => {
                (self.channel.tell)(Event::Over(outcome));
                return Err(End::Done);
            }
            Message::Refused(reason) => return Err(End::Failed(self.refused(&reason))),
            Message::Beat => return Ok(()),
            message => {
                debug!(?message, "a message out of turn");
                return Ok(());
            }
        };
        (self.channel.tell)(event);
        Ok(())
    }

    fn refused(&self, reason: &str) -> Box<Failure> {
        let mut failure = Failure::new(Phase::HostWait);
        failure.exception = Some(message(format!(
            "the first host `{}` does not take this one: {reason}",
            self.party.first
        )));
        failure.hint = Some(SAME_EVERYWHERE.to_owned());
        Box::new(failure)
    }

    fn lost(&self, broken: &Broken) -> Box<Failure> {
        let first = &self.party.first;
        let mut failure = Failure::new(Phase::Cluster);
        failure.exception = Some(message(format!(
            "the first host `{first}` is gone: {broken}"
        )));
        failure.hint =
            Some("look at its log, and at why its machine or container ended".to_owned());
        failure.host = Some(first.clone());
        Box::new(failure)
    }
}

/// A first host that hears a wrong seal closes the connection without a word.
fn broken_early(broken: &Broken) -> String {
    match broken {
        Broken::Closed => {
            "it closed the connection: it has ended, belongs to another job, or has another OPTML_CLUSTER_SECRET".to_owned()
        }
        broken => broken.to_string(),
    }
}
