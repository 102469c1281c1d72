//! What each scheduler gives to a container.

mod clouds;
mod kubernetes;
mod mpi;
mod slurm;
mod tensorflow;
mod torch;
mod volcano;

pub(super) use self::torch::ranks;
use super::{claim::Claim, reader::Reader};

/// Reads what one scheduler says; none if it says nothing.
type Read = fn(&mut Reader<'_>) -> Option<Claim>;

/// In the order in which they count.
const ALL: [Read; 11] = [
    torch::torchrun,
    torch::pytorch_job,
    kubernetes::leader_worker_set,
    slurm::slurm,
    kubernetes::indexed_job,
    clouds::aws_batch,
    clouds::skypilot,
    clouds::dstack,
    volcano::volcano,
    mpi::host_file,
    tensorflow::tf_config,
];

/// What the schedulers say.
pub(super) fn claims(reader: &mut Reader<'_>) -> Vec<Claim> {
    ALL.iter().filter_map(|read| read(reader)).collect()
}
