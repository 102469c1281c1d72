//! Services that start one container a host and number them.

use super::super::{
    claim::Claim,
    engine::Engine,
    reader::{Reader, Said},
};
use crate::{config::ConfigErrorKind, vars};

/// A multi-node parallel job of AWS Batch. The main node is rank 0, and is the only one that isn't told its address.
pub(super) fn aws_batch(reader: &mut Reader<'_>) -> Option<Claim> {
    let mut draft = reader.draft(Engine::AwsBatch);
    let n_hosts = reader.n_hosts(vars::AWS_BATCH_JOB_NUM_NODES)?;
    let main = reader.index(vars::AWS_BATCH_JOB_MAIN_NODE_INDEX);
    if let Some(main) = main.as_ref().filter(|main| main.value >= n_hosts.value) {
        let kind = ConfigErrorKind::OutOfRange {
            value: main.value.to_string().into(),
            min: 0,
            max: u64::from(n_hosts.value - 1),
        };
        reader.problem(main.origin.clone(), kind);
    }
    let main = main.map_or(0, |said| said.value);
    let index = reader.index(vars::AWS_BATCH_JOB_NODE_INDEX);
    draft.rank = index.map(|index| Said {
        value: after_main(index.value, main),
        origin: index.origin,
    });
    draft.n_hosts = Some(n_hosts);
    draft.master = reader.host(vars::AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS);
    if draft.rank.as_ref().is_some_and(|rank| rank.value == 0) {
        draft.master = draft.master.or_else(|| reader.own_name());
    }
    draft.finish(reader)
}

/// `SkyPilot`.
pub(super) fn skypilot(reader: &mut Reader<'_>) -> Option<Claim> {
    let mut draft = reader.draft(Engine::SkyPilot);
    draft.n_hosts = reader.n_hosts(vars::SKYPILOT_NUM_NODES);
    draft.hosts = reader.hosts(vars::SKYPILOT_NODE_IPS);
    draft.rank = reader.index(vars::SKYPILOT_NODE_RANK);
    draft.n_processes = reader.n_processes(vars::SKYPILOT_NUM_GPUS_PER_NODE);
    draft.finish(reader)
}

/// dstack.
pub(super) fn dstack(reader: &mut Reader<'_>) -> Option<Claim> {
    let mut draft = reader.draft(Engine::Dstack);
    draft.n_hosts = reader.n_hosts(vars::DSTACK_NODES_NUM);
    draft.hosts = reader.hosts(vars::DSTACK_NODES_IPS);
    draft.rank = reader.index(vars::DSTACK_NODE_RANK);
    draft.master = reader.host(vars::DSTACK_MASTER_NODE_IP);
    draft.n_processes = reader.n_processes(vars::DSTACK_GPUS_PER_NODE);
    draft.finish(reader)
}

/// The rank of a host when the main one comes first and the rest keep their order.
fn after_main(index: u32, main: u32) -> u32 {
    match index {
        _ if index == main => 0,
        _ if index < main => index + 1,
        _ => index,
    }
}
