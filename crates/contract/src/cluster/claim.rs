//! What one source says about the cluster.

use std::num::NonZeroU16;

use super::{
    engine::Engine,
    problem::{ClusterProblem, Quantity},
    reader::{Reader, Said},
};
use crate::{config::ConfigErrorKind, resources::InstanceGroup, text::Text};

/// A cluster as one source has it, whole and in range; what it does not say is none.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) engine: Engine,
    pub(super) n_hosts: Said<u32>,
    /// None for a machine that belongs to the job and not to the hosts.
    pub(super) rank: Option<Said<u32>>,
    /// By rank; empty where the source only counts.
    pub(super) hosts: Vec<Text>,
    pub(super) current_host: Option<Text>,
    pub(super) master: Option<Text>,
    pub(super) port: Option<NonZeroU16>,
    pub(super) n_processes: Option<u32>,
    pub(super) network_interface: Option<Text>,
    pub(super) instance_groups: Vec<InstanceGroup>,
}

/// A claim that is being read.
#[derive(Debug)]
pub(super) struct Draft {
    engine: Engine,
    n_earlier_problems: usize,
    pub(super) n_hosts: Option<Said<u32>>,
    pub(super) rank: Option<Said<u32>>,
    pub(super) is_outside: bool,
    pub(super) hosts: Option<Said<Vec<Text>>>,
    pub(super) master: Option<Text>,
    pub(super) port: Option<NonZeroU16>,
    pub(super) n_processes: Option<u32>,
}

impl Draft {
    pub(super) fn new(engine: Engine, n_earlier_problems: usize) -> Self {
        Self {
            engine,
            n_earlier_problems,
            n_hosts: None,
            rank: None,
            is_outside: false,
            hosts: None,
            master: None,
            port: None,
            n_processes: None,
        }
    }

    /// The claim, if something is said and nothing is wrong with it.
    pub(super) fn finish(self, reader: &mut Reader<'_>) -> Option<Claim> {
        // What is missing because it could not be read has been reported.
        if reader.problems.len() > self.n_earlier_problems {
            return None;
        }
        let n_hosts = self.checked_n_hosts(reader)?;
        let rank = if self.is_outside {
            None
        } else {
            Some(self.checked_rank(&n_hosts, reader)?)
        };
        Some(Claim {
            engine: self.engine,
            n_hosts,
            rank,
            hosts: self.hosts.map(|hosts| hosts.value).unwrap_or_default(),
            current_host: None,
            master: self.master,
            port: self.port,
            n_processes: self.n_processes,
            network_interface: None,
            instance_groups: Vec::new(),
        })
    }

    fn checked_n_hosts(&self, reader: &mut Reader<'_>) -> Option<Said<u32>> {
        let listed = self.hosts.as_ref().map(|hosts| Said {
            value: u32::try_from(hosts.value.len()).unwrap_or(u32::MAX),
            origin: hosts.origin.clone(),
        });
        match (self.n_hosts.clone(), listed) {
            (Some(said), Some(listed)) if said.value != listed.value => {
                let problem = ClusterProblem::Disagree {
                    said: Quantity::Hosts(said.value),
                    other: listed.origin,
                    other_said: Quantity::Hosts(listed.value),
                };
                reader.refuse(said.origin, problem);
                None
            }
            (said, listed) => said.or(listed),
        }
    }

    fn checked_rank(&self, n_hosts: &Said<u32>, reader: &mut Reader<'_>) -> Option<Said<u32>> {
        match self.rank.clone() {
            Some(rank) if rank.value < n_hosts.value => Some(rank),
            Some(rank) => {
                let kind = ConfigErrorKind::OutOfRange {
                    value: rank.value.to_string().into(),
                    min: 0,
                    max: u64::from(n_hosts.value - 1),
                };
                reader.problem(rank.origin, kind);
                None
            }
            None if n_hosts.value == 1 => Some(Said {
                value: 0,
                origin: n_hosts.origin.clone(),
            }),
            None => {
                let problem = ClusterProblem::NoRank {
                    n_hosts: n_hosts.value,
                    variable: self.engine.rank_variable(),
                };
                reader.refuse(n_hosts.origin.clone(), problem);
                None
            }
        }
    }
}
