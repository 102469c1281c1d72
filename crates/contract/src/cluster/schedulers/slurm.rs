//! Slurm: the variables of a step, else those of the batch script.

use super::super::{claim::Claim, engine::Engine, reader::Reader};
use crate::vars;

/// A shell that `salloc` has opened is on no host of the job and has no `SLURM_NODEID`: nothing is said there.
pub(super) fn slurm(reader: &mut Reader<'_>) -> Option<Claim> {
    if !reader.is_set(vars::SLURM_JOB_ID) || !reader.is_set(vars::SLURM_NODEID) {
        return None;
    }
    let mut draft = reader.draft(Engine::Slurm);
    let count = [
        vars::SLURM_STEP_NUM_NODES,
        vars::SLURM_NNODES,
        vars::SLURM_JOB_NUM_NODES,
    ];
    let count = reader.first_set(count);
    draft.n_hosts = count.and_then(|variable| reader.n_hosts(variable));
    let list = reader
        .first_set([vars::SLURM_STEP_NODELIST])
        .unwrap_or(vars::SLURM_JOB_NODELIST);
    draft.hosts = reader.node_list(list);
    draft.rank = reader.index(vars::SLURM_NODEID);
    draft.n_processes = reader.n_processes(vars::SLURM_GPUS_ON_NODE);
    draft.finish(reader)
}
