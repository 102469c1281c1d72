//! What can be wrong with what is said about the hosts.

use std::fmt;

use super::{MAX_HOSTS, engine::Engine, nodes::NodeListError};
use crate::{config::Origin, text::Text};

/// What is wrong with a cluster, beyond the form of one value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterProblem {
    /// Two sources say different things.
    #[error("it says {said}, and {other} says {other_said}")]
    Disagree {
        /// What is said here.
        said: Quantity,
        /// The other source.
        other: Origin,
        /// What is said there.
        other_said: Quantity,
    },
    /// Several hosts, and no word on which of them we are.
    #[error("it says {n_hosts} hosts, and `{variable}` does not say which of them this is")]
    NoRank {
        /// How many there are.
        n_hosts: u32,
        /// The variable that should say it.
        variable: &'static str,
    },
    /// Several hosts, and no word on where the first of them is.
    #[error("it says {n_hosts} hosts, and `{variable}` does not say where the first of them is")]
    NoMaster {
        /// How many there are.
        n_hosts: u32,
        /// The variable that should say it.
        variable: &'static str,
    },
    /// A number of hosts that may change while the job runs.
    #[error("`{value}` is a range, and the hosts have no fixed ranks")]
    Elastic {
        /// The range.
        value: Text,
    },
    /// A name or an address that no host can have.
    #[error("`{value}` is not the name or address of a host")]
    NotAHost {
        /// What was given.
        value: Text,
    },
    /// A list that is too long.
    #[error("there are more than {MAX_HOSTS} hosts")]
    TooManyHosts,
    /// A list of nodes in Slurm's short form that cannot be expanded.
    #[error(transparent)]
    NodeList(NodeListError),
    /// A task that the list of tasks does not have.
    #[error("there is no task `{kind}` {index}")]
    NoSuchTask {
        /// Its kind.
        kind: Text,
        /// Its number.
        index: u64,
    },
    /// The one that is to be heard says nothing.
    #[error("{engine} says nothing about the hosts here")]
    Silent {
        /// Who.
        engine: Engine,
    },
    /// A host that finds itself in no list.
    #[error("`{host}` is in none of the lists of hosts")]
    NotListed {
        /// Its name.
        host: Text,
    },
}

/// A number that two sources can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// How many hosts there are.
    Hosts(u32),
    /// Which of them this is, from 0.
    Rank(u32),
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hosts(1) => f.write_str("1 host"),
            Self::Hosts(n) => write!(f, "{n} hosts"),
            Self::Rank(rank) => write!(f, "rank {rank}"),
        }
    }
}

impl ClusterProblem {
    /// What to do about it, where that can be said.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Disagree { .. } => {
                "unset the variables of the one that does not start this job, or name the other in OPTML_CLUSTER"
            }
            Self::Silent { .. } => "unset it, or name the scheduler that starts this job",
            Self::NoRank { .. } | Self::NoMaster { .. } => {
                "the scheduler sets it on each host; set it, or run on one host"
            }
            Self::Elastic { .. } => "give a fixed number of hosts, and a rank to each",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
