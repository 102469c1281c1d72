//! Who can say what the hosts of a job are.

use std::fmt;

use crate::vars;

/// A platform or scheduler that tells a container about its cluster. Of two that agree the one further up counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The platform's `resourceconfig.json`.
    SageMaker,
    /// torchrun's `PET_*`, which Kubeflow Trainer sets too.
    Torchrun,
    /// Kubeflow's `PyTorchJob`.
    PyTorchJob,
    /// Kubernetes' `LeaderWorkerSet`.
    LeaderWorkerSet,
    /// Slurm.
    Slurm,
    /// A Kubernetes Indexed Job, alone or in a `JobSet`.
    IndexedJob,
    /// A multi-node parallel job of AWS Batch.
    AwsBatch,
    /// `SkyPilot`.
    SkyPilot,
    /// dstack.
    Dstack,
    /// Volcano.
    Volcano,
    /// A list of hosts for Open MPI, Intel MPI or MPICH, as the MPI Operator makes it.
    HostFile,
    /// TensorFlow's `TF_CONFIG`.
    TensorFlow,
    /// A launcher that has started this process as a rank.
    Launcher,
    /// Nobody: one host.
    Nobody,
}

impl Engine {
    /// Those that can be chosen by `OPTML_CLUSTER`, with the word for each.
    pub(super) const WORDS: [(&'static str, Self); 12] = [
        ("sagemaker", Self::SageMaker),
        ("torchrun", Self::Torchrun),
        ("pytorchjob", Self::PyTorchJob),
        ("lws", Self::LeaderWorkerSet),
        ("slurm", Self::Slurm),
        ("job", Self::IndexedJob),
        ("batch", Self::AwsBatch),
        ("skypilot", Self::SkyPilot),
        ("dstack", Self::Dstack),
        ("volcano", Self::Volcano),
        ("hostfile", Self::HostFile),
        ("tensorflow", Self::TensorFlow),
    ];

    /// The variable that should say which host this is.
    pub(super) fn rank_variable(self) -> &'static str {
        let variable = match self {
            Self::SageMaker | Self::Torchrun | Self::Nobody => vars::PET_NODE_RANK,
            Self::PyTorchJob | Self::Launcher => vars::RANK,
            Self::LeaderWorkerSet => vars::LWS_WORKER_INDEX,
            Self::Slurm => vars::SLURM_NODEID,
            Self::IndexedJob => vars::JOB_COMPLETION_INDEX,
            Self::AwsBatch => vars::AWS_BATCH_JOB_NODE_INDEX,
            Self::SkyPilot => vars::SKYPILOT_NODE_RANK,
            Self::Dstack => vars::DSTACK_NODE_RANK,
            Self::Volcano => vars::VC_TASK_INDEX,
            Self::HostFile => vars::HOSTNAME,
            Self::TensorFlow => vars::TF_CONFIG,
        };
        variable.name
    }

    /// The variable that should say where the first host is.
    pub(super) fn master_variable(self) -> &'static str {
        let variable = match self {
            Self::Torchrun => vars::PET_MASTER_ADDR,
            Self::LeaderWorkerSet => vars::LWS_LEADER_ADDRESS,
            Self::Slurm => vars::SLURM_JOB_NODELIST,
            Self::AwsBatch => vars::AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS,
            Self::SkyPilot => vars::SKYPILOT_NODE_IPS,
            Self::Dstack => vars::DSTACK_MASTER_NODE_IP,
            Self::SageMaker
            | Self::PyTorchJob
            | Self::IndexedJob
            | Self::Volcano
            | Self::HostFile
            | Self::TensorFlow
            | Self::Launcher
            | Self::Nobody => vars::MASTER_ADDR,
        };
        variable.name
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SageMaker => "SageMaker",
            Self::Torchrun => "torchrun",
            Self::PyTorchJob => "PyTorchJob",
            Self::LeaderWorkerSet => "LeaderWorkerSet",
            Self::Slurm => "Slurm",
            Self::IndexedJob => "Indexed Job",
            Self::AwsBatch => "AWS Batch",
            Self::SkyPilot => "SkyPilot",
            Self::Dstack => "dstack",
            Self::Volcano => "Volcano",
            Self::HostFile => "MPI hostfile",
            Self::TensorFlow => "TF_CONFIG",
            Self::Launcher => "launcher",
            Self::Nobody => "nobody",
        })
    }
}
