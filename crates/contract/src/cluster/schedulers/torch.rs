//! torchrun's variables, and those that torch itself reads.

use std::num::NonZeroU16;

use super::super::{
    MAX_HOSTS,
    claim::Claim,
    engine::Engine,
    problem::ClusterProblem,
    reader::{Reader, Said},
};
use crate::{config::ConfigErrorKind, text::Text, vars};

/// `PET_*`: torchrun's own options as variables. Kubeflow Trainer sets them.
pub(super) fn torchrun(reader: &mut Reader<'_>) -> Option<Claim> {
    let mut draft = reader.draft(Engine::Torchrun);
    draft.n_hosts = n_nodes(reader);
    draft.rank = reader.index(vars::PET_NODE_RANK);
    draft.master = reader.host(vars::PET_MASTER_ADDR);
    draft.port = reader.port(vars::PET_MASTER_PORT);
    draft.n_processes = n_processes(reader);
    if draft.master.is_none() {
        (draft.master, draft.port) = endpoint(reader).unwrap_or((None, draft.port));
    }
    draft.finish(reader)
}

/// Kubeflow's `PyTorchJob`: torch's variables, where they count hosts and nobody has started ranks.
///
/// `WORLD_SIZE` counts hosts in older releases, and processes in those that say how many a host has.
pub(super) fn pytorch_job(reader: &mut Reader<'_>) -> Option<Claim> {
    let names = [vars::WORLD_SIZE, vars::RANK, vars::MASTER_ADDR];
    if reader.is_set(vars::LOCAL_RANK) || !names.iter().all(|&name| reader.is_set(name)) {
        return None;
    }
    let mut draft = reader.draft(Engine::PyTorchJob);
    let world = reader.number(vars::WORLD_SIZE, 1, u32::MAX - 1)?;
    draft.n_hosts = Some(hosts_of(world, reader));
    draft.rank = reader.index(vars::RANK);
    draft.master = reader.host(vars::MASTER_ADDR);
    draft.port = reader.port(vars::MASTER_PORT);
    draft.finish(reader)
}

/// What a rank knows of the hosts: processes in all, processes here.
pub(in super::super) fn ranks(reader: &mut Reader<'_>) -> Option<Claim> {
    if !reader.is_set(vars::LOCAL_RANK) {
        return None;
    }
    let mut draft = reader.draft(Engine::Launcher);
    let world = reader.number(vars::WORLD_SIZE, 1, u32::MAX - 1);
    let local = reader.number(vars::LOCAL_WORLD_SIZE, 1, u32::MAX - 1);
    let rank = reader.index(vars::RANK);
    let group = reader.index(vars::GROUP_RANK);
    if let Some((world, local)) = world.zip(local) {
        draft.rank = group.or_else(|| rank.map(|rank| divided(&rank, local.value)));
        draft.n_processes = Some(local.value);
        draft.n_hosts = Some(divided(&world, local.value)).filter(|n| n.value > 0);
    }
    draft.master = reader.host(vars::MASTER_ADDR);
    draft.port = reader.port(vars::MASTER_PORT);
    draft.finish(reader)
}

fn divided(said: &Said<u32>, by: u32) -> Said<u32> {
    Said {
        value: said.value / by,
        origin: said.origin.clone(),
    }
}

/// `PET_NNODES`: a number, or a least and a most.
fn n_nodes(reader: &mut Reader<'_>) -> Option<Said<u32>> {
    let Said { value, origin } = reader.text(vars::PET_NNODES)?;
    let Some((least, most)) = value.as_str().and_then(|value| value.split_once(':')) else {
        return reader.n_hosts(vars::PET_NNODES);
    };
    let bound = |text: &str| {
        let n = text.trim().parse::<u32>().ok();
        n.filter(|n| (1..=MAX_HOSTS).contains(n))
    };
    match (bound(least), bound(most)) {
        (Some(least), Some(most)) if least == most => Some(Said {
            value: most,
            origin,
        }),
        (Some(_), Some(_)) => {
            reader.refuse(origin, ClusterProblem::Elastic { value });
            None
        }
        _ => {
            reader.problem(origin, ConfigErrorKind::NotInt { value });
            None
        }
    }
}

/// `PET_NPROC_PER_NODE`: a number, or a word that leaves the number to the machine, as we do when it is not set.
fn n_processes(reader: &mut Reader<'_>) -> Option<u32> {
    const LEFT_TO_THE_MACHINE: [&str; 3] = ["auto", "gpu", "cpu"];
    let said = reader.text(vars::PET_NPROC_PER_NODE)?;
    if LEFT_TO_THE_MACHINE.iter().any(|word| said.value == **word) {
        return None;
    }
    reader.n_processes(vars::PET_NPROC_PER_NODE)
}

/// `PET_RDZV_ENDPOINT`: where the first host is, if nothing else says it.
fn endpoint(reader: &mut Reader<'_>) -> Option<(Option<Text>, Option<NonZeroU16>)> {
    let said = reader.text(vars::PET_RDZV_ENDPOINT)?;
    let text = said.value.to_string();
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (&*text, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = reader.checked_host(host.into(), &said.origin)?;
    let Some(given) = port else {
        return Some((Some(host), None));
    };
    let port = given.parse().ok().and_then(NonZeroU16::new);
    if port.is_none() {
        let kind = ConfigErrorKind::OutOfRange {
            value: given.into(),
            min: 1,
            max: u16::MAX.into(),
        };
        reader.problem(said.origin, kind);
    }
    Some((Some(host), port))
}

/// Hosts out of `WORLD_SIZE`.
fn hosts_of(world: Said<u32>, reader: &Reader<'_>) -> Said<u32> {
    let number = |variable| {
        let said = reader.text(variable)?;
        said.value.as_str()?.parse::<u32>().ok()
    };
    if number(vars::PET_NNODES) == Some(world.value) {
        return world;
    }
    match number(vars::PET_NPROC_PER_NODE) {
        Some(n @ 1..) if world.value.is_multiple_of(n) => divided(&world, n),
        _ => world,
    }
}
