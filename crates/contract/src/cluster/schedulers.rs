//! What each scheduler gives to a container.

mod clouds;
mod kubernetes;
mod mpi;
mod slurm;
mod tensorflow;
mod torch;
mod volcano;

pub(super) use self::torch::ranks;
use super::{claim::Claim, engine::Engine, reader::Reader};

/// Reads what one scheduler says; none if it says nothing.
type Read = fn(&mut Reader<'_>) -> Option<Claim>;

/// In the order in which they count.
const ALL: [(Engine, Read); 11] = [
    (Engine::Torchrun, torch::torchrun),
    (Engine::PyTorchJob, torch::pytorch_job),
    (Engine::LeaderWorkerSet, kubernetes::leader_worker_set),
    (Engine::Slurm, slurm::slurm),
    (Engine::IndexedJob, kubernetes::indexed_job),
    (Engine::AwsBatch, clouds::aws_batch),
    (Engine::SkyPilot, clouds::skypilot),
    (Engine::Dstack, clouds::dstack),
    (Engine::Volcano, volcano::volcano),
    (Engine::HostFile, mpi::host_file),
    (Engine::TensorFlow, tensorflow::tf_config),
];

/// What the schedulers say; only one of them, if only one is to be heard.
pub(super) fn claims(reader: &mut Reader<'_>, only: Option<Engine>) -> Vec<Claim> {
    let heard = ALL
        .iter()
        .filter(|(engine, _)| only.is_none_or(|only| only == *engine));
    heard.filter_map(|(_, read)| read(reader)).collect()
}
