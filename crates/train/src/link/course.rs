//! The course of a job on its hosts, as the first of them keeps it: who is there, who has failed, what follows. Pure:
//! time is handed in, and what is to be done is handed out.
//!
//! ```text
//! gathering --all ready--> running --one fails--> settling --1 s--> stopping --all ended--> over
//!     |                       +-------------------- all ended ------------------------------>|
//!     +--deadline, or one fails--------------------------------------------------------------+
//! ```
//!
//! *Settling* is there for the reason: processes that fail together fail within milliseconds of each other, and one
//! that is ended at once could no longer say why.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use optml_contract::failure::{Ended, Failure, Phase};

use super::{
    Outcome,
    cause::{self, Told},
    message::{Member, SshServer, Terms},
};
use crate::failing::message;

#[cfg(test)]
mod tests;

/// What to do about hosts that disagree.
pub(super) const SAME_EVERYWHERE: &str = "all hosts need the same image, files and variables";

/// How long a job may take to come to its end at each turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Until all hosts have joined.
    pub(super) join: Duration,
    /// From the first failure until the others are stopped.
    pub(super) settle: Duration,
    /// The grace of what runs then, when something failed.
    pub(super) after_failure: Duration,
    /// The same when a host was asked to stop: the others may want to save their work too.
    pub(super) after_stop: Duration,
    /// From the end of the grace until nothing is waited for any more.
    pub(super) last_words: Duration,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    /// Everybody may begin.
    Start {
        /// Several hosts give themselves the same name.
        share_a_name: bool,
    },
    /// All others serve the first host.
    AllServe,
    /// Everybody is to end.
    Stop {
        /// How long that may take.
        grace: Duration,
        /// Nothing has failed.
        gently: bool,
    },
    /// The job has ended: well, or so.
    Over(Outcome),
}

/// The course of one job.
#[derive(Debug)]
pub(super) struct Course {
    terms: Terms,
    /// By rank.
    names: Vec<String>,
    bounds: Bounds,
    began: Instant,
    turn: Turn,
    hosts: Vec<Host>,
    /// What the machines call themselves.
    node_names: HashSet<String>,
    share_a_name: bool,
    told: Vec<Told>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Gathering,
    Running,
    Settling { until: Instant },
    Stopping { until: Instant },
    Over,
}

/// Where one host stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Host {
    Absent,
    Joined,
    Ready(Option<SshServer>),
    /// What runs there is the first host's.
    Serving,
    Ended,
}

impl Course {
    /// Nobody is there yet. `names`: what the hosts are called, by rank; a host may still say so itself.
    pub(super) fn new(terms: Terms, names: &[String], bounds: Bounds, now: Instant) -> Self {
        let n_hosts = terms.n_hosts as usize;
        let names = (0..n_hosts)
            .map(|rank| names.get(rank).cloned().unwrap_or_default())
            .collect();
        Self {
            terms,
            names,
            bounds,
            began: now,
            turn: Turn::Gathering,
            hosts: vec![Host::Absent; n_hosts],
            node_names: HashSet::new(),
            share_a_name: false,
            told: Vec::new(),
        }
    }

    /// A host is there. `Err`: it can't take part, and why. One that takes the job for another will not come to agree:
    /// nobody waits for it any longer.
    pub(super) fn join(&mut self, member: &Member, now: Instant) -> Result<(), String> {
        let rank = member.rank as usize;
        // While a failure settles it may still come, and hear of it.
        if matches!(self.turn, Turn::Running | Turn::Over) {
            return Err("the job has begun without it".to_owned());
        }
        if member.terms != self.terms {
            let reason = self.disagreement(&member.terms);
            self.disagrees(member, &reason, now);
            return Err(reason);
        }
        let Some(host) = self.hosts.get_mut(rank) else {
            return Err(format!("there is no rank {rank}"));
        };
        if *host != Host::Absent {
            let name = &self.names[rank];
            return Err(format!("rank {rank} is taken by `{name}`"));
        }
        *host = Host::Joined;
        self.share_a_name |= !self.node_names.insert(member.node_name.clone());
        if !member.host.is_empty() {
            self.names[rank].clone_from(&member.host);
        }
        Ok(())
    }

    fn disagrees(&mut self, member: &Member, reason: &str, now: Instant) {
        let rank = member.rank as usize;
        let (Some(host), Some(name)) = (self.hosts.get_mut(rank), self.names.get_mut(rank)) else {
            // Its list of hosts is longer: it is none of ours.
            return;
        };
        // Whoever has that rank already is no concern of it.
        if *host != Host::Absent {
            return;
        }
        *host = Host::Ended;
        if !member.host.is_empty() {
            name.clone_from(&member.host);
        }
        let name = self.name(member.rank);
        let mut failure = Failure::new(Phase::HostWait);
        failure.exception = Some(message(format!(
            "host `{name}` takes the job for another: {reason}"
        )));
        failure.hint = Some(SAME_EVERYWHERE.to_owned());
        failure.host = Some(name);
        self.failing(member.rank, Box::new(failure), now);
    }

    fn disagreement(&self, theirs: &Terms) -> String {
        let ours = &self.terms;
        let rows = [
            (
                "hosts",
                ours.n_hosts.to_string(),
                theirs.n_hosts.to_string(),
            ),
            ("launcher", ours.launcher.clone(), theirs.launcher.clone()),
            (
                "processes a host",
                ours.processes_per_host.to_string(),
                theirs.processes_per_host.to_string(),
            ),
            ("version", ours.version.clone(), theirs.version.clone()),
        ];
        let rows = rows.into_iter().filter(|(_, ours, theirs)| ours != theirs);
        let rows: Vec<_> = rows
            .map(|(what, ours, theirs)| {
                format!("{what}: `{theirs}` there, `{ours}` on the first host")
            })
            .collect();
        rows.join("; ")
    }

    /// A host could begin.
    pub(super) fn ready(&mut self, rank: u32, ssh: Option<SshServer>) -> Option<Act> {
        let host = self.hosts.get_mut(rank as usize)?;
        if *host == Host::Joined {
            *host = Host::Ready(ssh);
        }
        let all = self.hosts.iter().all(|host| matches!(host, Host::Ready(_)));
        (self.turn == Turn::Gathering && all).then(|| {
            self.turn = Turn::Running;
            Act::Start {
                share_a_name: self.share_a_name,
            }
        })
    }

    /// A host lets the first one start processes on it.
    pub(super) fn serving(&mut self, rank: u32) -> Option<Act> {
        let host = self.hosts.get_mut(rank as usize)?;
        if !matches!(host, Host::Ready(_)) {
            return None;
        }
        *host = Host::Serving;
        let all = self.hosts[1..].iter().all(|host| *host == Host::Serving);
        all.then_some(Act::AllServe)
    }

    /// A host was asked to stop.
    pub(super) fn stopping(&mut self, now: Instant) {
        self.settle(now);
    }

    /// Something of a host's has failed.
    pub(super) fn failing(&mut self, rank: u32, mut failure: Box<Failure>, now: Instant) {
        if let Some(name) = self
            .names
            .get(rank as usize)
            .filter(|name| !name.is_empty())
        {
            failure.host.get_or_insert_with(|| name.clone());
        }
        let is_late = matches!(self.turn, Turn::Stopping { .. });
        self.told.push(Told {
            host: rank,
            is_late,
            failure,
        });
        self.settle(now);
    }

    /// Nothing of a host's runs any more.
    pub(super) fn ended(
        &mut self,
        rank: u32,
        failure: Option<Box<Failure>>,
        now: Instant,
    ) -> Option<Act> {
        if let Some(failure) = failure {
            self.failing(rank, failure, now);
        }
        if let Some(host) = self.hosts.get_mut(rank as usize) {
            *host = Host::Ended;
        }
        self.over_if_all_ended()
    }

    /// A host is gone without a word: its connection broke, or it was silent for too long.
    pub(super) fn lost(&mut self, rank: u32, how: &str, now: Instant) -> Option<Act> {
        let host = self.hosts.get_mut(rank as usize)?;
        match host {
            // It has nothing more to say, or may come again.
            Host::Ended | Host::Absent => return None,
            Host::Joined | Host::Ready(_) | Host::Serving => {}
        }
        *host = Host::Ended;
        let name = self.name(rank);
        let mut failure = Failure::new(Phase::Cluster);
        failure.exception = Some(message(format!("host `{name}` is gone: {how}")));
        failure.hint =
            Some("look at its log, and at why its machine or container ended".to_owned());
        failure.host = Some(name);
        self.failing(rank, Box::new(failure), now);
        self.over_if_all_ended()
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Instant) -> Option<Act> {
        match self.turn {
            Turn::Gathering if now >= self.began + self.bounds.join => {
                let missing = self.missing();
                if missing.is_empty() {
                    return None;
                }
                let failure = self.not_all_came(&missing);
                self.told.push(Told {
                    host: 0,
                    is_late: false,
                    failure,
                });
                Some(self.over())
            }
            Turn::Settling { until } if now >= until => {
                let gently = self.told.iter().all(|told| is_stop(&told.failure));
                let grace = if gently {
                    self.bounds.after_stop
                } else {
                    self.bounds.after_failure
                };
                let until = now + grace + self.bounds.last_words;
                self.turn = Turn::Stopping { until };
                Some(Act::Stop { grace, gently })
            }
            Turn::Stopping { until } if now >= until => Some(self.over()),
            _ => None,
        }
    }

    /// A host that came too late has been told how the job ended.
    pub(super) fn knows(&mut self, rank: u32) {
        if let Some(host) = self.hosts.get_mut(rank as usize) {
            *host = Host::Ended;
        }
    }

    /// True when all is told.
    pub(super) fn is_over(&self) -> bool {
        self.turn == Turn::Over
    }

    /// When [`Course::tick`] has something to do next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.turn {
            Turn::Gathering if !self.missing().is_empty() => Some(self.began + self.bounds.join),
            Turn::Settling { until } | Turn::Stopping { until } => Some(until),
            Turn::Gathering | Turn::Running | Turn::Over => None,
        }
    }

    /// How to reach the hosts by ssh, by rank.
    pub(super) fn ssh_servers(&self) -> Vec<Option<SshServer>> {
        let servers = self.hosts.iter().map(|host| match host {
            Host::Ready(ssh) => ssh.clone(),
            Host::Absent | Host::Joined | Host::Serving | Host::Ended => None,
        });
        servers.collect()
    }

    /// The hosts that have not joined.
    pub(super) fn missing(&self) -> Vec<String> {
        let absent = (0..).zip(&self.hosts);
        let absent = absent.filter(|(_, host)| **host == Host::Absent);
        absent.map(|(rank, _)| self.name(rank)).collect()
    }

    fn name(&self, rank: u32) -> String {
        match self.names.get(rank as usize) {
            Some(name) if !name.is_empty() => name.clone(),
            _ => format!("rank {rank}"),
        }
    }

    fn not_all_came(&self, missing: &[String]) -> Box<Failure> {
        const SHOWN: usize = 8;
        let n_more = missing.len().saturating_sub(SHOWN);
        let names: Vec<_> = missing
            .iter()
            .take(SHOWN)
            .map(|name| format!("`{name}`"))
            .collect();
        let more = if n_more > 0 {
            format!(" and {n_more} more")
        } else {
            String::new()
        };
        let mut failure = Failure::new(Phase::HostWait);
        failure.exception = Some(message(format!(
            "{} of {} hosts did not join within {} s: {}{more}",
            missing.len(),
            self.hosts.len(),
            self.bounds.join.as_secs(),
            names.join(", "),
        )));
        failure.hint = Some(
            "look at their logs first; `OPTML_HOST_WAIT_S` sets the time, and their way to the port `OPTML_CONTROL_PORT` \
             of the first host must be open"
                .to_owned(),
        );
        Box::new(failure)
    }

    fn settle(&mut self, now: Instant) {
        if matches!(self.turn, Turn::Gathering | Turn::Running) {
            self.turn = Turn::Settling {
                until: now + self.bounds.settle,
            };
        }
    }

    fn over_if_all_ended(&mut self) -> Option<Act> {
        // Where the first host has ended what it started, nothing is left to serve.
        let first_ended = self.hosts[0] == Host::Ended;
        let all = self.hosts.iter().all(|host| match host {
            Host::Ended => true,
            Host::Serving => first_ended,
            Host::Absent | Host::Joined | Host::Ready(_) => false,
        });
        (all && self.turn != Turn::Over).then(|| self.over())
    }

    /// The job is over, with what is known.
    pub(super) fn over(&mut self) -> Act {
        self.turn = Turn::Over;
        let cause = cause::first(std::mem::take(&mut self.told));
        Act::Over(cause.map_or(Ok(()), Err))
    }
}

/// A host or its processes were asked to end: nothing has failed.
pub(super) fn is_stop(failure: &Failure) -> bool {
    matches!(failure.ended, Some(Ended::Stopped { .. }))
}
