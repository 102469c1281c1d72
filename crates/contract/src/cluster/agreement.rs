//! One claim out of several.

use super::{
    Learnt,
    claim::Claim,
    engine::Engine,
    problem::{ClusterProblem, Quantity},
    reader::{Reader, Said},
};
use crate::config::Origin;

/// The first claim, completed by those that agree with it; each one that does not is noted as a problem.
///
/// Sources agree if they count the same hosts and give this one the same rank. Names are not compared: one source has
/// names where another has addresses.
pub(super) fn agree(
    mut claims: Vec<Claim>,
    reader: &mut Reader<'_>,
) -> Option<(Claim, Vec<Learnt>)> {
    // One node of Slurm's is no cluster: whatever else is said was started inside it.
    if claims.len() > 1 {
        claims.retain(|claim| claim.engine != Engine::Slurm || claim.n_hosts.value > 1);
    }
    let mut claims = claims.into_iter();
    let mut first = claims.next()?;
    let mut agreeing = Vec::new();
    for other in claims {
        if let Some((origin, problem)) = disagreement(&first, &other) {
            reader.refuse(origin, problem);
            continue;
        }
        agreeing.push(Learnt {
            engine: other.engine,
            origin: other.n_hosts.origin.clone(),
        });
        fill(&mut first, other);
    }
    Some((first, agreeing))
}

fn disagreement(first: &Claim, other: &Claim) -> Option<(Origin, ClusterProblem)> {
    let problem = |said: Quantity, other: Origin, other_said: Quantity| ClusterProblem::Disagree {
        said,
        other,
        other_said,
    };
    let (there, here) = (&first.n_hosts, &other.n_hosts);
    if there.value != here.value {
        let hosts = |said: &Said<u32>| Quantity::Hosts(said.value);
        let problem = problem(hosts(here), there.origin.clone(), hosts(there));
        return Some((here.origin.clone(), problem));
    }
    let (there, here) = (first.rank.as_ref()?, other.rank.as_ref()?);
    let rank = |said: &Said<u32>| Quantity::Rank(said.value);
    (there.value != here.value).then(|| {
        let problem = problem(rank(here), there.origin.clone(), rank(there));
        (here.origin.clone(), problem)
    })
}

/// Takes from a claim what another leaves open.
fn fill(claim: &mut Claim, other: Claim) {
    if claim.hosts.is_empty() {
        claim.hosts = other.hosts;
    }
    claim.current_host = claim.current_host.take().or(other.current_host);
    claim.master = claim.master.take().or(other.master);
    claim.port = claim.port.or(other.port);
    claim.n_processes = claim.n_processes.or(other.n_processes);
}
