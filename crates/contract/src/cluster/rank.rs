//! Whether a launcher has started this process as one of its ranks.

use super::reader::{Reader, Said};
use crate::{
    config::{ConfigErrorKind, Origin},
    vars::{self, Variable},
};

/// What shows that a launcher has been here; none where launching is up to us.
///
/// A rank that is not below the number of ranks is noted as a problem.
pub(super) fn shown_by(reader: &mut Reader<'_>) -> Option<Origin> {
    let mut shown_by = None;
    let checks: [fn(&mut Reader<'_>) -> Option<Origin>; 4] = [torch, mpi, slurm, ray];
    for check in checks {
        let found = check(reader);
        shown_by = shown_by.or(found);
    }
    shown_by
}

/// torchrun and its like tell each process its number on its host; a scheduler that counts hosts does not.
fn torch(reader: &mut Reader<'_>) -> Option<Origin> {
    if !reader.is_set(vars::LOCAL_RANK) {
        return None;
    }
    below(vars::RANK, vars::WORLD_SIZE, reader);
    below(vars::LOCAL_RANK, vars::LOCAL_WORLD_SIZE, reader);
    Some(Origin::variable(vars::LOCAL_RANK.name))
}

/// Open MPI, and whatever speaks PMI. Slurm's own `srun` speaks it to tasks that are hosts too: there its number of
/// tasks decides.
fn mpi(reader: &mut Reader<'_>) -> Option<Origin> {
    let open_mpi = reader.is_set(vars::OMPI_COMM_WORLD_RANK);
    if open_mpi {
        below(
            vars::OMPI_COMM_WORLD_RANK,
            vars::OMPI_COMM_WORLD_SIZE,
            reader,
        );
        return Some(Origin::variable(vars::OMPI_COMM_WORLD_RANK.name));
    }
    if reader.is_set(vars::SLURM_PROCID) {
        return None;
    }
    let rank = reader.first_set([vars::PMI_RANK, vars::PMIX_RANK])?;
    if rank == vars::PMI_RANK {
        below(vars::PMI_RANK, vars::PMI_SIZE, reader);
    }
    Some(Origin::variable(rank.name))
}

/// A step with more tasks than nodes: each task is a rank.
fn slurm(reader: &mut Reader<'_>) -> Option<Origin> {
    if !reader.is_set(vars::SLURM_STEP_ID) || !reader.is_set(vars::SLURM_PROCID) {
        return None;
    }
    let tasks = reader.first_set([vars::SLURM_STEP_NUM_TASKS, vars::SLURM_NTASKS])?;
    let nodes = reader.first_set([vars::SLURM_STEP_NUM_NODES, vars::SLURM_NNODES])?;
    let n_tasks = reader.index(tasks)?.value;
    // The number of nodes is checked where the hosts are read.
    let n_nodes = reader.text(nodes)?.value;
    let n_nodes = n_nodes.as_str()?.parse::<u32>().ok()?;
    below(vars::SLURM_PROCID, tasks, reader);
    (n_tasks > n_nodes).then(|| Origin::variable(vars::SLURM_PROCID.name))
}

/// Ray starts its workers itself.
fn ray(reader: &mut Reader<'_>) -> Option<Origin> {
    let variable = reader.first_set([vars::RAY_JOB_CONFIG_JSON_ENV_VAR, vars::RAY_ADDRESS])?;
    Some(Origin::variable(variable.name))
}

/// Notes a rank that is not below the number of ranks, where both are set.
fn below(rank: Variable, size: Variable, reader: &mut Reader<'_>) {
    let rank = reader.index(rank);
    let size = reader.number(size, 1, u32::MAX - 1);
    if let (Some(Said { value, origin }), Some(size)) = (rank, size)
        && value >= size.value
    {
        let kind = ConfigErrorKind::OutOfRange {
            value: value.to_string().into(),
            min: 0,
            max: u64::from(size.value - 1),
        };
        reader.problem(origin, kind);
    }
}
