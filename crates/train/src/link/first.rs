//! The link's thread on the first host: it listens, keeps the course of the job, and tells everybody.

use std::{
    io,
    net::TcpListener,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::{debug, info, warn};

use super::{
    BEAT, Channel, Event, LAST_WORDS, Outcome, Party, Request, SILENCE, Start,
    connection::{Broken, Connection},
    course::{Act, Course, is_stop},
    message::Message,
    seal::{Secret, Side},
};

/// How long a connection may take to say whose it is.
const INTRODUCTION: Duration = Duration::from_secs(10);
/// Connections of nobody in particular, beyond one for each host: more are closed at once.
const SPARE_CONNECTIONS: usize = 64;
/// How many of them are worth a line each: one that comes again and again would fill the log.
const STRANGERS_SHOWN: u64 = 5;
/// Between two lines that say who is missing.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// A connection, and whose it is.
struct Guest {
    connection: Connection,
    rank: Option<u32>,
    since: Instant,
    /// It has been told that the job is over, and will close.
    is_leaving: bool,
}

struct First<'a> {
    party: &'a Party,
    channel: &'a Channel,
    secret: Secret,
    listener: Option<TcpListener>,
    guests: Vec<Guest>,
    course: Course,
    key: Option<String>,
    /// What the course asks for, and is still to be told to all.
    due: Vec<Act>,
    /// How the job ended, for those who come late.
    end: Option<Outcome>,
    next_report: Instant,
    /// Connections that were nobody's.
    n_strangers: u64,
    /// Nothing of it is waited for beyond this.
    closing: Option<Instant>,
}

pub(super) fn run(party: &Party, listener: Option<TcpListener>, channel: &Channel) {
    let now = Instant::now();
    let mut course = Course::new(party.own.terms.clone(), &party.names, party.bounds(), now);
    course
        .join(&party.own, now)
        .expect("we agree with ourselves, and nobody was here before");
    let first = First {
        secret: party.secret(),
        party,
        channel,
        listener,
        guests: Vec::new(),
        course,
        key: None,
        due: Vec::new(),
        end: None,
        next_report: now + REPORT_EVERY,
        n_strangers: 0,
        closing: None,
    };
    first.run();
}

impl First<'_> {
    fn run(mut self) {
        loop {
            self.wait();
            let now = Instant::now();
            self.channel.take_wakes();
            while let Some(request) = self.channel.next() {
                self.serve(request, now);
                if self.closing.is_some() {
                    break;
                }
            }
            self.accept(now);
            self.hear(now);
            self.due.extend(self.course.tick(now));
            self.act(now);
            self.beat(now);
            self.flush(now);
            self.act(now);
            self.report(now);
            // A host that has not come yet is to hear of a failure, too. A stop reaches it by itself, and leaves no time.
            let is_failure = matches!(&self.end, Some(Err(failure)) if !is_stop(failure));
            let all_know = !is_failure || self.course.missing().is_empty();
            let is_done = self.end.is_some() && self.guests.is_empty() && all_know;
            if self.closing.is_some_and(|limit| is_done || now >= limit) {
                return;
            }
        }
    }

    fn wait(&self) {
        let now = Instant::now();
        let next = [
            Some(now + BEAT),
            self.course.deadline(),
            self.closing,
            Some(self.next_report).filter(|_| !self.course.missing().is_empty()),
        ];
        let next = next.into_iter().flatten().min().unwrap_or(now);
        let left = next.saturating_duration_since(now) + Duration::from_millis(1);
        let timeout = Timespec::try_from(left).expect("a few seconds fit");
        let mut fds = vec![PollFd::new(&self.channel.waked, PollFlags::IN)];
        fds.extend(
            self.listener
                .iter()
                .map(|listener| PollFd::new(listener, PollFlags::IN)),
        );
        fds.extend(
            self.guests
                .iter()
                .map(|guest| PollFd::new(&guest.connection, guest.connection.interest())),
        );
        // Interrupted or not: everything is looked at anyway.
        let _ = poll(&mut fds, Some(&timeout));
    }

    fn serve(&mut self, request: Request, now: Instant) {
        let act = match request {
            Request::Ready { ssh, key } => {
                self.key = key;
                self.course.ready(0, ssh)
            }
            // It serves nobody.
            Request::Serving => None,
            Request::Stopping => {
                self.course.stopping(now);
                None
            }
            Request::Failing(failure) => {
                self.course.failing(0, failure, now);
                None
            }
            Request::Ended(failure) => self.course.ended(0, failure, now),
            Request::Close => {
                self.closing = Some(now + LAST_WORDS);
                (!self.course.is_over()).then(|| self.course.over())
            }
        };
        self.due.extend(act);
    }

    fn accept(&mut self, now: Instant) {
        let Some(listener) = &self.listener else {
            return;
        };
        loop {
            match listener.accept() {
                Ok((stream, address)) => {
                    let n_max = self.party.own.terms.n_hosts as usize + SPARE_CONNECTIONS;
                    if self.guests.len() >= n_max {
                        warn!(%address, "too many connections: closed");
                        continue;
                    }
                    match Connection::begin(stream, Side::First, &self.secret, now) {
                        Ok(connection) => self.guests.push(Guest {
                            connection,
                            rank: None,
                            since: now,
                            is_leaving: false,
                        }),
                        Err(error) => debug!(%address, %error, "a connection ended at once"),
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    // Out of descriptors, or a connection that ended meanwhile: the next round tries again.
                    debug!(%error, "no connection could be taken");
                    return;
                }
            }
        }
    }

    /// Hears everybody, and parts from those who are gone.
    fn hear(&mut self, now: Instant) {
        let mut guests = std::mem::take(&mut self.guests);
        guests.retain_mut(|guest| {
            let heard = guest.connection.hear(now);
            let heard = heard.and_then(|messages| {
                for message in messages {
                    self.understand(guest, message, now);
                }
                guest.check_time(now)
            });
            match heard {
                Ok(()) => true,
                Err(broken) => {
                    self.part(guest, &broken, now);
                    false
                }
            }
        });
        // Whoever was accepted meanwhile is among them: nobody is accepted while all are heard.
        self.guests = guests;
    }

    fn understand(&mut self, guest: &mut Guest, message: Message, now: Instant) {
        let act = match (message, guest.rank) {
            (Message::Join(member), None) => {
                guest.rank = Some(member.rank);
                match self.course.join(&member, now) {
                    Ok(()) => {
                        debug!(host = member.host, rank = member.rank, "joined");
                    }
                    Err(reason) => {
                        if let Some(end) = &self.end {
                            guest.tell(&Act::Over(end.clone()), None, now);
                            self.course.knows(member.rank);
                            return;
                        }
                        warn!(
                            host = member.host,
                            rank = member.rank,
                            reason,
                            "a host can't take part"
                        );
                        guest.connection.say(Message::Refused(reason), now);
                        guest.is_leaving = true;
                    }
                }
                None
            }
            (Message::Ready(ssh), Some(rank)) => self.course.ready(rank, ssh),
            (Message::Serving, Some(rank)) => self.course.serving(rank),
            (Message::Stopping, Some(_)) => {
                self.course.stopping(now);
                None
            }
            (Message::Failing(failure), Some(rank)) => {
                self.course.failing(rank, failure, now);
                None
            }
            (Message::Ended(failure), Some(rank)) => self.course.ended(rank, failure, now),
            (Message::Beat, _) => None,
            (message, rank) => {
                debug!(?message, ?rank, "a message out of turn");
                None
            }
        };
        self.due.extend(act);
    }

    fn part(&mut self, guest: &Guest, broken: &Broken, now: Instant) {
        let address = guest.connection.address;
        match guest.rank {
            None => {
                self.n_strangers += 1;
                if self.n_strangers <= STRANGERS_SHOWN {
                    warn!(%address, reason = %broken, "a connection of no host of this job is closed");
                }
            }
            Some(_) if guest.is_leaving => {}
            Some(rank) => {
                debug!(rank, reason = %broken, "a host is gone");
                let act = self.course.lost(rank, &broken.to_string(), now);
                self.due.extend(act);
            }
        }
    }

    /// Does what is due.
    fn act(&mut self, now: Instant) {
        for act in std::mem::take(&mut self.due) {
            for guest in &mut self.guests {
                guest.tell(&act, self.key.as_deref(), now);
            }
            let event = match act {
                Act::Start { share_a_name } => {
                    if self.listener.is_some() {
                        info!(
                            n_hosts = self.party.own.terms.n_hosts,
                            "all hosts are ready"
                        );
                    }
                    Event::Start(Start {
                        servers: self.course.ssh_servers(),
                        key: self.key.clone(),
                        share_a_name,
                    })
                }
                Act::AllServe => Event::AllServe,
                Act::Stop { grace, gently } => Event::Stop { grace, gently },
                Act::Over(outcome) => {
                    self.end = Some(outcome.clone());
                    Event::Over(outcome)
                }
            };
            (self.channel.tell)(event);
        }
    }

    fn beat(&mut self, now: Instant) {
        for guest in &mut self.guests {
            if guest.rank.is_some() && now >= guest.connection.said + BEAT {
                guest.connection.say(Message::Beat, now);
            }
        }
    }

    fn flush(&mut self, now: Instant) {
        let mut guests = std::mem::take(&mut self.guests);
        guests.retain_mut(|guest| match guest.connection.flush() {
            Ok(()) => {
                if guest.is_leaving && guest.connection.is_flushed() {
                    guest.connection.end_of_speech();
                }
                true
            }
            Err(broken) => {
                self.part(guest, &broken, now);
                false
            }
        });
        self.guests = guests;
    }

    fn report(&mut self, now: Instant) {
        let missing = self.course.missing();
        if now < self.next_report || missing.is_empty() || self.course.is_over() {
            return;
        }
        self.next_report = now + REPORT_EVERY;
        let n_missing = missing.len();
        let shown = missing.into_iter().take(8).collect::<Vec<_>>().join(", ");
        info!(n_missing, hosts = shown, "waiting for hosts to join");
    }
}

impl Guest {
    fn tell(&mut self, act: &Act, key: Option<&str>, now: Instant) {
        if self.rank.is_none() || self.is_leaving {
            return;
        }
        let message = match act {
            Act::Start { share_a_name } => Message::Start {
                key: key.map(str::to_owned),
                share_a_name: *share_a_name,
            },
            Act::AllServe => return,
            Act::Stop { grace, gently } => Message::Stop {
                grace: *grace,
                gently: *gently,
            },
            Act::Over(outcome) => {
                self.is_leaving = true;
                Message::Over(outcome.clone())
            }
        };
        self.connection.say(message, now);
    }

    /// Errors when it was silent for too long.
    fn check_time(&self, now: Instant) -> Result<(), Broken> {
        let late = match self.rank {
            Some(_) => now >= self.connection.heard + SILENCE,
            None => now >= self.since + INTRODUCTION,
        };
        if late {
            let what = format!(
                "nothing was heard of it for {} s",
                (now - self.connection.heard).as_secs()
            );
            return Err(Broken::Io(io::Error::new(io::ErrorKind::TimedOut, what)));
        }
        Ok(())
    }
}
