//! Kubernetes' own ways to start several pods as one job.

use super::super::{
    claim::Claim,
    engine::Engine,
    reader::{Reader, Said},
};
use crate::{text::Text, vars};

/// `LeaderWorkerSet`: the leader has index 0.
pub(super) fn leader_worker_set(reader: &mut Reader<'_>) -> Option<Claim> {
    let mut draft = reader.draft(Engine::LeaderWorkerSet);
    draft.n_hosts = reader.n_hosts(vars::LWS_GROUP_SIZE);
    draft.rank = reader.index(vars::LWS_WORKER_INDEX);
    draft.master = reader.host(vars::LWS_LEADER_ADDRESS);
    draft.finish(reader)
}

/// An Indexed Job. Kubernetes doesn't tell its pods how many they are, and most such jobs are no cluster at all:
/// without `OPTML_NNODES` nothing is said.
pub(super) fn indexed_job(reader: &mut Reader<'_>) -> Option<Claim> {
    if !reader.is_set(vars::OPTML_NNODES) {
        return None;
    }
    let mut draft = reader.draft(Engine::IndexedJob);
    draft.n_hosts = reader.n_hosts(vars::OPTML_NNODES);
    draft.rank = reader.index(vars::JOB_COMPLETION_INDEX);
    draft.hosts = draft
        .n_hosts
        .clone()
        .and_then(|n_hosts| pods(&n_hosts, reader));
    if draft.hosts.is_none() {
        draft.master = reader.host(vars::MASTER_ADDR);
        draft.port = reader.port(vars::MASTER_PORT);
    }
    draft.finish(reader)
}

/// The names of a `JobSet`'s pods, where its labels are in the environment: `SET-REPLICATED-JOB-POD.SET`.
fn pods(n_hosts: &Said<u32>, reader: &mut Reader<'_>) -> Option<Said<Vec<Text>>> {
    let set = reader.host(vars::JOBSET_NAME)?;
    let replicated = reader.host(vars::REPLICATED_JOB_NAME)?;
    let job = reader.index(vars::JOB_INDEX).map_or(0, |said| said.value);
    let pod = |i| format!("{set}-{replicated}-{job}-{i}.{set}");
    let names: Vec<String> = (0..n_hosts.value).map(pod).collect();
    reader.checked_hosts(names.iter().map(String::as_str), n_hosts.origin.clone())
}
