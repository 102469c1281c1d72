//! The hosts that train together, whoever started them: one [`Cluster`].
//!
//! A platform or a scheduler has placed the containers and says so in a file or in variables. We don't schedule: we
//! read what each of them says, refuse what they contradict each other in, and derive one value from the rest. Nothing
//! here opens a connection or starts a process; that a host answers is for others to find out.
//!
//! Reading order: `engine` names who may speak, `schedulers` and `sagemaker` read what they say into a `claim`,
//! `agreement` makes one of several, `rank` finds out if a launcher has been here already. [`nodes`] is Slurm's way to
//! write a list, `reader` takes typed values out of variables, `view` shows the result.

mod agreement;
mod claim;
mod engine;
pub mod nodes;
mod problem;
mod rank;
mod reader;
mod sagemaker;
mod schedulers;
mod view;

use std::num::NonZeroU16;

use self::{
    agreement::agree,
    claim::{Claim, Draft},
    reader::{Reader, Said},
};
pub use self::{
    engine::Engine,
    problem::{ClusterProblem, Quantity},
};
use crate::{
    config::{ConfigError, Origin},
    machine::Machine,
    resources::InstanceGroup,
    source::Source,
    text::Text,
    training::TrainingEnv,
    vars,
};

/// The most hosts that a cluster can have.
///
/// Ten times the largest known; beyond it a count or a list is a mistake, and would only take memory.
pub const MAX_HOSTS: u32 = 100_000;

/// The most processes that a host can be asked to start.
pub const MAX_PROCESSES: u32 = 65_536;

/// The port of the first host, if nobody names one.
///
/// **Source**: what the platform's `PyTorch` container sets.
pub const MASTER_PORT: u16 = 7777;

/// The hosts of a job as one of them sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// How many hosts there are; at least one.
    pub n_hosts: u32,
    /// Their names or addresses by rank; empty where the source only counts them.
    pub hosts: Vec<Text>,
    /// The name of this machine, if anything says it.
    pub current_host: Option<Text>,
    /// Which of the hosts this is, from 0; none if it is none of them.
    pub rank: Option<u32>,
    /// Where the first host is.
    pub master_address: Text,
    /// The port there on which the processes find each other.
    pub master_port: NonZeroU16,
    /// How many processes this host is to have.
    pub processes_per_host: u32,
    /// The network interface between the hosts, if the source names it.
    pub network_interface: Option<Text>,
    /// The groups of the job; none outside SageMaker.
    pub instance_groups: Vec<InstanceGroup>,
    /// What this process is to the hosts.
    pub placement: Placement,
    /// Who said it.
    pub learnt_from: Learnt,
    /// Who else said the same, and may have filled in what the first left open.
    pub agreeing: Vec<Learnt>,
}

/// What a process is to a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// It runs on one of the hosts, and what trains there is still to be started.
    Host,
    /// It runs beside them: on a group that does not take part, or where the others are started from.
    Outside,
    /// A launcher has started it as one of its processes: nothing may be launched again.
    InsideARank {
        /// What shows it.
        shown_by: Origin,
    },
}

/// Who said what a cluster is, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learnt {
    /// Who.
    pub engine: Engine,
    /// Where.
    pub origin: Origin,
}

impl Cluster {
    /// The cluster of a job of the platform, which its scheduler may have to say something about too.
    ///
    /// # Errors
    /// Everything that is wrong with what is said, and each source that contradicts the first.
    pub fn of_job(source: &dyn Source, env: &TrainingEnv) -> Result<Self, Vec<ConfigError>> {
        let mut reader = Reader::new(source);
        let claim = sagemaker::claim(env, &mut reader);
        Self::derive(reader, claim, env.machine())
    }

    /// The cluster that schedulers describe, where there is no job of the platform; one host if none does.
    ///
    /// # Errors
    /// As for [`Cluster::of_job`].
    pub fn of_machine(source: &dyn Source, machine: &Machine) -> Result<Self, Vec<ConfigError>> {
        Self::derive(Reader::new(source), None, machine)
    }

    fn derive(
        mut reader: Reader<'_>,
        first: Option<Claim>,
        machine: &Machine,
    ) -> Result<Self, Vec<ConfigError>> {
        let shown_by = rank::shown_by(&mut reader);
        let only = reader.chosen_engine();
        let first = first.filter(|claim| only.is_none_or(|only| only == claim.engine));
        let mut claims: Vec<Claim> = first.into_iter().collect();
        claims.extend(schedulers::claims(&mut reader, only));
        if let (Some(engine), true) = (only, claims.is_empty() && reader.problems.is_empty()) {
            let origin = Origin::variable(vars::OPTML_CLUSTER.name);
            reader.refuse(origin, ClusterProblem::Silent { engine });
        }
        if claims.is_empty() && reader.problems.is_empty() && shown_by.is_some() {
            claims.extend(schedulers::ranks(&mut reader));
        }
        if claims.is_empty() {
            claims.extend(one_host(&mut reader));
        }
        let agreed = agree(claims, &mut reader);
        let cluster = agreed
            .and_then(|(claim, agreeing)| Self::complete(claim, agreeing, &mut reader, machine));
        match (cluster, shown_by) {
            (Some(mut cluster), shown_by) if reader.problems.is_empty() => {
                if let Some(shown_by) = shown_by {
                    cluster.placement = Placement::InsideARank { shown_by };
                }
                Ok(cluster)
            }
            _ => Err(reader.problems),
        }
    }

    /// Fills what nobody said.
    fn complete(
        claim: Claim,
        agreeing: Vec<Learnt>,
        reader: &mut Reader<'_>,
        machine: &Machine,
    ) -> Option<Self> {
        let rank = claim.rank.map(|rank| rank.value);
        let listed = rank.and_then(|rank| claim.hosts.get(rank as usize));
        let listed = claim.current_host.clone().or_else(|| listed.cloned());
        let current_host = listed.or_else(|| reader.own_name());
        let master = claim.master.or_else(|| claim.hosts.first().cloned());
        let Said { value, origin } = claim.n_hosts;
        let alone = || current_host.clone().unwrap_or_else(|| "localhost".into());
        let master_address = match master {
            Some(master) => master,
            None if value == 1 => alone(),
            None => {
                let variable = claim.engine.master_variable();
                let problem = ClusterProblem::NoMaster {
                    n_hosts: value,
                    variable,
                };
                reader.refuse(origin, problem);
                return None;
            }
        };
        let hosts = match claim.hosts {
            hosts if hosts.is_empty() && value == 1 => vec![alone()],
            hosts => hosts,
        };
        Some(Self {
            n_hosts: value,
            hosts,
            current_host,
            rank,
            master_address,
            master_port: claim.port.unwrap_or(DEFAULT_PORT),
            processes_per_host: claim.n_processes.unwrap_or_else(|| accelerators(machine)),
            network_interface: claim.network_interface,
            instance_groups: claim.instance_groups,
            placement: match rank {
                Some(_) => Placement::Host,
                None => Placement::Outside,
            },
            learnt_from: Learnt {
                engine: claim.engine,
                origin,
            },
            agreeing,
        })
    }
}

/// What holds when nobody says anything.
fn one_host(reader: &mut Reader<'_>) -> Option<Claim> {
    let mut draft = Draft::new(Engine::Nobody, reader.problems.len());
    draft.n_hosts = Some(Said {
        value: 1,
        origin: Origin::Default,
    });
    draft.finish(reader)
}

/// One process for each GPU, else for each Neuron core, else one.
///
/// **Source**: sagemaker-training 5.1.4.
fn accelerators(machine: &Machine) -> u32 {
    let counts = [machine.gpus.value, machine.neurons.value];
    counts.into_iter().find(|&n| n > 0).unwrap_or(1)
}

const DEFAULT_PORT: NonZeroU16 = NonZeroU16::new(MASTER_PORT).expect("the port is not 0");

#[cfg(test)]
mod tests;
