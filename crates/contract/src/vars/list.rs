//! The list itself, in the order of `docs/variables.md`.

use super::{Owner, Variable};

/// Declares a constant for each variable, and [`ALL`] of them.
macro_rules! variables {
    ($($constant:ident: $owner:ident, $name:literal, $doc:literal $(, unset $unset:literal)? $(, empty $empty:literal)?
       $(, default $default:literal)? $(, source $source:literal)?;)*) => {
        $(
            #[doc = $doc]
            pub const $constant: Variable = Variable {
                name: $name,
                owner: Owner::$owner,
                doc: $doc,
                unset: concat!($($unset)?),
                empty: concat!($($empty)?),
                default: concat!($($default)?),
                source: concat!($($source)?),
            };
        )*

        /// Every variable.
        pub const ALL: &[Variable] = &[$($constant),*];
    };
}

variables! {
    OPTML_PYTHON: Optml, "OPTML_PYTHON",
        "The interpreter that runs Python entry points.",
        unset "`python3`, else `python`, on `PATH`.",
        empty "Like unset.";
    OPTML_CONFIG: Optml, "OPTML_CONFIG",
        "A project file (`optml.toml` or `pyproject.toml`) for `train` inside a container.",
        unset "`train` reads no project file; `local` and `serve` look for one beside the project.",
        empty "Like unset.";
    OPTML_EXIT_CODE: Optml, "OPTML_EXIT_CODE",
        "`native`: a failure ends with the script's own code or one that says what failed. `reference`: every failure ends with 1.",
        unset "Native codes.",
        empty "Like unset.",
        default "native";
    OPTML_STOP_GRACE_S: Optml, "OPTML_STOP_GRACE_S",
        "Seconds between the stop signal and SIGKILL for the script's process group. The platform kills us after 120 s.",
        unset "110 s.",
        empty "Like unset.",
        default "110";
    OPTML_HOST_WAIT_S: Optml, "OPTML_HOST_WAIT_S",
        "Seconds to wait until the names of all hosts resolve, for all of them together.",
        unset "900 s.",
        empty "Like unset.",
        default "900";
    OPTML_CHECKPOINT_URL: Optml, "OPTML_CHECKPOINT_URL",
        "A place in a store (`s3://`, `gs://`, `az://`) for the folder `checkpoints`: restored before the script starts, kept in step while it runs.",
        unset "The platform keeps checkpoints, or nobody does.",
        empty "Like unset.";
    OPTML_UPLOAD_WAIT_S: Optml, "OPTML_UPLOAD_WAIT_S",
        "Seconds that uploads of intermediate output and checkpoints may take after the script's end. After a stop signal what is left of `OPTML_STOP_GRACE_S` counts.",
        unset "900 s.",
        empty "Like unset.",
        default "900";
    OPTML_LAUNCHER: Optml, "OPTML_LAUNCHER",
        "Who starts the processes of a job: `auto`, `none` (one process a host), `native` (one for each accelerator, with torch's variables), `torchrun`, `mpirun`, `smddp`, `xla`, `tensorflow-ps`, `tensorflow` or `mxnet`.",
        unset "What the job's hyperparameters ask for (`sagemaker_mpi_enabled` and its like), else one process a host.",
        empty "Like unset.",
        default "auto";
    OPTML_CLUSTER: Optml, "OPTML_CLUSTER",
        "Who says which hosts a job has, where several do: `sagemaker` (`resourceconfig.json`), `torchrun`, `pytorchjob`, `lws`, `slurm`, `job` (Indexed Job), `batch`, `skypilot`, `dstack`, `volcano`, `hostfile` or `tensorflow`.",
        unset "All are heard. That they disagree is an error.",
        empty "Like unset.";
    OPTML_PROCESSES_PER_HOST: Optml, "OPTML_PROCESSES_PER_HOST",
        "How many processes a launcher starts on each host.",
        unset "Hyperparameter `sagemaker_mpi_num_of_processes_per_host`, what the scheduler says, the number of GPUs, of Neuron cores, or 1.",
        empty "Like unset.";
    OPTML_TORCHRUN_OPTIONS: Optml, "OPTML_TORCHRUN_OPTIONS",
        "Words for `torchrun`, divided by white space, before the script: `--max-restarts 3`, `--rdzv-backend c10d`.",
        unset "None: fixed hosts, no restarts.",
        empty "Like unset.";
    OPTML_CONTROL_PORT: Optml, "OPTML_CONTROL_PORT",
        "The port of the first host on which the hosts of a job find each other and say how they end.",
        unset "7779.",
        empty "Like unset.",
        default "7779";
    OPTML_CLUSTER_SECRET: Optml, "OPTML_CLUSTER_SECRET",
        "A text that the hosts of a job share and nobody else knows. With it nobody else can join them.",
        unset "The job's name and hosts: keeps jobs apart, and keeps out nobody who knows them.",
        empty "Like unset.";
    OPTML_SILENCE_LIMIT_S: Optml, "OPTML_SILENCE_LIMIT_S",
        "Seconds that the processes which a launcher has started on a host may print nothing before the job is taken to hang, and is ended. Without a launcher it means nothing.",
        unset "No limit.",
        empty "Like unset.",
        default "0";
    OPTML_LOG_FORMAT: Optml, "OPTML_LOG_FORMAT",
        "The form of our own lines on stderr, `text` or `json`. Lines of the script are passed on as they are.",
        unset "Text.",
        empty "Like unset.",
        default "text";
    OPTML_LOG_LEVEL: Optml, "OPTML_LOG_LEVEL",
        "The least level of our own lines: `error`, `warn`, `info`, `debug`, `trace`.",
        unset "Info.",
        empty "Like unset.",
        default "info";
    OPTML_LOG_WRAP: Optml, "OPTML_LOG_WRAP",
        "What is done to the lines of the script: `raw` nothing, `prefix` the host's name before each, `json` an object around each. Wrapped lines are cut at 256 KiB and marked.",
        unset "Bytes pass through unaltered.",
        empty "Like unset.",
        default "raw";
    OPTML_LOG_STALL_S: Optml, "OPTML_LOG_STALL_S",
        "Seconds that our blocked output may hold back the script. After that whole lines are dropped and counted.",
        unset "30 s.",
        empty "Like unset.",
        default "30";
    OPTML_LOCAL_HOSTS: Optml, "OPTML_LOCAL_HOSTS",
        "How many hosts `optml local train` plays, 1 to 64.",
        unset "One.",
        empty "Like unset.",
        default "1";
    OPTML_LOCAL_NETWORK: Optml, "OPTML_LOCAL_NETWORK",
        "Where several hosts of `optml local train` are: `namespaces`, with names and a network of their own and no way to the outside; `loopback`, on addresses of this machine; `auto`, namespaces where the kernel allows them.",
        unset "Namespaces where the kernel allows them.",
        empty "Like unset.",
        default "auto";
    OPTML_WHEELS: Optml, "OPTML_WHEELS",
        "A folder of wheels: requirements are installed from it, without a network.",
        unset "Requirements come from the package index.",
        empty "Like unset.";
    SAGEMAKER_BASE_DIR: Train, "SAGEMAKER_BASE_DIR",
        "Where the tree of the job begins.",
        unset "`/opt/ml`.",
        empty "Like unset.",
        default "/opt/ml",
        source "sagemaker-training 5.1.4";
    SAGEMAKER_PROGRAM: Train, "SAGEMAKER_PROGRAM",
        "The entry point: a file in the code directory.",
        unset "For `train`, hyperparameter `sagemaker_program`. For `serve`, `inference`, which need not be there.",
        empty "Like unset, but for `train` `SM_MODULE_NAME` is empty, as in the reference.",
        source "sagemaker-training 5.1.4";
    SAGEMAKER_SUBMIT_DIRECTORY: Train, "SAGEMAKER_SUBMIT_DIRECTORY",
        "For `serve`: where the code is, a path or `file://` and a path. `train` passes it on and takes hyperparameter `sagemaker_submit_directory`.",
        unset "The first that is there: `code` in the model's directory, the model's directory, `code` below the base directory; one that holds the entry point comes first.",
        empty "Like unset.",
        source "sagemaker-training 5.1.4, sagemaker-containers 2.8.6";
    SAGEMAKER_CONTAINER_LOG_LEVEL: Train, "SAGEMAKER_CONTAINER_LOG_LEVEL",
        "A level as a number. For `train` it must be one and has no effect: `SM_LOG_LEVEL` is hyperparameter `sagemaker_container_log_level` or 20.",
        unset "20.",
        empty "An error.",
        default "20",
        source "sagemaker-training 5.1.4";
    SAGEMAKER_TRAINING_MODULE: Train, "SAGEMAKER_TRAINING_MODULE",
        "`module:function` to call instead of a script.",
        unset "The entry point runs as a script.",
        empty "Like unset.",
        source "sagemaker-training 5.1.4";
    TRAINING_JOB_NAME: Train, "TRAINING_JOB_NAME",
        "The name of the job, `job_name` in `SM_TRAINING_ENV`.",
        unset "`job_name` is null.",
        empty "`job_name` is empty.",
        source "the platform, observed";
    TRAINING_JOB_ARN: Train, "TRAINING_JOB_ARN",
        "The resource name of the job. Passed on to the script.",
        source "the platform, observed";
    AWS_DEFAULT_REGION: Train, "AWS_DEFAULT_REGION",
        "The region, unless hyperparameter `sagemaker_region` names one.",
        unset "`SAGEMAKER_REGION` is empty.",
        empty "`SAGEMAKER_REGION` is empty.",
        source "sagemaker-training 5.1.4, observed";
    AWS_REGION: Train, "AWS_REGION",
        "The region for AWS clients, ours too. Passed on to the script; it has no part in `SAGEMAKER_REGION`.",
        unset "For ours: hyperparameter `sagemaker_region`, else `SAGEMAKER_REGION`, `AWS_DEFAULT_REGION`, the region of the profile. The region of a bucket is found out.",
        empty "Like unset.",
        source "sagemaker-training 5.1.4, observed";
    S3_ENDPOINT_URL: Train, "S3_ENDPOINT_URL",
        "Where S3 is. Buckets are in the path unless it is AWS's.",
        unset "`AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`, else AWS.",
        empty "Like unset.",
        source "sagemaker-training 5.1.4";
    AWS_ENDPOINT_URL_S3: Train, "AWS_ENDPOINT_URL_S3",
        "Where S3 is, if `S3_ENDPOINT_URL` does not say.",
        empty "Like unset.",
        source "AWS SDKs";
    AWS_ENDPOINT_URL: Train, "AWS_ENDPOINT_URL",
        "Where every service of AWS is that has no variable of its own. `AWS_ENDPOINT_URL_CODEARTIFACT` is that of the package index.",
        empty "Like unset.",
        source "AWS SDKs";
    AWS_ACCESS_KEY_ID: Train, "AWS_ACCESS_KEY_ID",
        "With `AWS_SECRET_ACCESS_KEY` and, for temporary ones, `AWS_SESSION_TOKEN`: credentials for AWS. They are not renewed.",
        unset "The next that is there: web identity (`AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_ROLE_ARN`), profile files, the container's endpoint, the machine's metadata service.",
        empty "Like unset.",
        source "AWS SDKs";
    AWS_PROFILE: Train, "AWS_PROFILE",
        "The profile in `AWS_SHARED_CREDENTIALS_FILE` (`~/.aws/credentials`) and `AWS_CONFIG_FILE` (`~/.aws/config`).",
        empty "Like unset.",
        default "default",
        source "AWS SDKs";
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: Train, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "Where 169.254.170.2 gives the credentials of the job's role; they are renewed.",
        empty "Like unset.",
        source "the platform, observed";
    AWS_CONTAINER_CREDENTIALS_FULL_URI: Train, "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "The same, as a whole address: with TLS, or on this machine. `AWS_CONTAINER_AUTHORIZATION_TOKEN` or the file that `AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE` names goes with the request.",
        empty "Like unset.",
        source "AWS SDKs";
    AWS_EC2_METADATA_DISABLED: Train, "AWS_EC2_METADATA_DISABLED",
        "`true`: the machine's metadata service is not asked for credentials.",
        empty "Like unset.",
        source "AWS SDKs";
    AWS_CA_BUNDLE: Train, "AWS_CA_BUNDLE",
        "A file of certificates to trust, if `SSL_CERT_FILE` names none.",
        unset "Those of the system; in an image without any, those that the binary brings.",
        empty "Like unset.",
        source "AWS SDKs";
    SSL_CERT_FILE: Train, "SSL_CERT_FILE",
        "A file of certificates to trust.",
        unset "`AWS_CA_BUNDLE`.",
        empty "Like unset.",
        source "OpenSSL";
    CA_REPOSITORY_ARN: Train, "CA_REPOSITORY_ARN",
        "A repository of CodeArtifact that requirements are installed from: `arn:aws:codeartifact:REGION:ACCOUNT:repository/DOMAIN/REPOSITORY`.",
        unset "Requirements come from the index that the installer is set up for.",
        empty "Like unset.",
        source "sagemaker-training 5.1.4";
    SM_STUDIO_LOCAL_MODE: Train, "SM_STUDIO_LOCAL_MODE",
        "`true`, in any case: don't wait for the names of the hosts.",
        unset "Wait.",
        empty "Wait.",
        source "sagemaker-training 5.1.4";
    SM_HP_MP_PARAMETERS: Train, "SM_HP_MP_PARAMETERS",
        "Decides `is_modelparallel_enabled`: true if it is anything but `{}`.",
        unset "Null.",
        empty "Empty.",
        source "sagemaker-training 5.1.4";
    RUN_NEURON_PARALLEL_COMPILE: Train, "RUN_NEURON_PARALLEL_COMPILE",
        "1: torchrun runs below `neuron_parallel_compile`, which compiles the graphs of the job.",
        unset "It does not.",
        empty "It does not.",
        source "sagemaker-training 5.1.4";
    SM_DLC_TORCH_VERSION: Train, "SM_DLC_TORCH_VERSION",
        "The version of torch in the image: `mpirun` sets variables of NCCL for SageMaker's model parallel library by it.",
        unset "They are not set.",
        empty "They are not set.",
        source "sagemaker-training 5.1.4";
    CUDA_VISIBLE_DEVICES: Train, "CUDA_VISIBLE_DEVICES",
        "Which GPUs count in `SM_NUM_GPUS`: indices or identifiers.",
        unset "All.",
        empty "None.",
        source "CUDA programming guide";
    PYTHONPATH: Train, "PYTHONPATH",
        "Where Python looks for modules. The script gets the code directory in front of it.",
        unset "The code directory alone.",
        empty "Like unset.",
        source "ours: the reference gives the script its own interpreter's paths";
    TMPDIR: Train, "TMPDIR",
        "Where values go that are too large for the environment.",
        unset "`/tmp`.",
        empty "Like unset.",
        default "/tmp",
        source "POSIX";
    OPTML_NNODES: Train, "OPTML_NNODES",
        "How many hosts train together, for a Kubernetes Indexed Job: Kubernetes does not tell its pods.",
        unset "An Indexed Job is no cluster: each of its pods is one host.",
        empty "Like unset.",
        source "ours";
    HOSTNAME: Train, "HOSTNAME",
        "The name of this machine, where the kernel does not tell it.",
        unset "The kernel's.",
        empty "Like unset.",
        source "the container runtime";
    PET_NNODES: Train, "PET_NNODES",
        "torchrun: how many hosts there are. A range `2:4` is refused: its hosts have no fixed ranks.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "PyTorch, torchrun";
    PET_NODE_RANK: Train, "PET_NODE_RANK",
        "torchrun: which host this is, from 0.",
        unset "An error with more than one host.",
        empty "Like unset.",
        source "PyTorch, torchrun";
    PET_MAX_RESTARTS: Train, "PET_MAX_RESTARTS",
        "torchrun: how often it starts its ranks again. Where it is set, a rank that fails is torchrun's business until torchrun ends.",
        unset "A rank that fails ends the job.",
        empty "Like set.",
        source "PyTorch, torchrun";
    PET_NPROC_PER_NODE: Train, "PET_NPROC_PER_NODE",
        "torchrun: how many processes a host has. `auto`, `gpu`, `cpu` leave it to the machine.",
        unset "One for each GPU, else Neuron core, else one.",
        empty "Like unset.",
        source "PyTorch, torchrun";
    PET_MASTER_ADDR: Train, "PET_MASTER_ADDR",
        "torchrun: where the first host is.",
        unset "`PET_RDZV_ENDPOINT` counts.",
        empty "Like unset.",
        source "PyTorch, torchrun";
    PET_MASTER_PORT: Train, "PET_MASTER_PORT",
        "torchrun: the port there.",
        unset "7777.",
        empty "Like unset.",
        source "PyTorch, torchrun";
    PET_RDZV_ENDPOINT: Train, "PET_RDZV_ENDPOINT",
        "torchrun: host and port of the first host, if `PET_MASTER_ADDR` does not say it.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "PyTorch, torchrun";
    MASTER_ADDR: Train, "MASTER_ADDR",
        "Where the first host is, for a `PyTorchJob` or an Indexed Job.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Kubeflow Trainer and PyTorchJob";
    MASTER_PORT: Train, "MASTER_PORT",
        "The port there.",
        unset "7777.",
        empty "Like unset.",
        source "Kubeflow Trainer and PyTorchJob";
    WORLD_SIZE: Train, "WORLD_SIZE",
        "A `PyTorchJob`: how many hosts there are, or processes where `PET_NPROC_PER_NODE` is a number. Inside a rank: how many ranks.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Kubeflow Trainer and PyTorchJob";
    RANK: Train, "RANK",
        "A `PyTorchJob`: which host this is, from 0. With `LOCAL_RANK`: which rank.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Kubeflow Trainer and PyTorchJob";
    LOCAL_RANK: Train, "LOCAL_RANK",
        "Set by a launcher: this process is one of its ranks, and nothing is launched again.",
        unset "Launching is up to us.",
        empty "Like unset.",
        source "PyTorch, torchrun";
    LOCAL_WORLD_SIZE: Train, "LOCAL_WORLD_SIZE",
        "Set by a launcher: how many ranks this host has.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "PyTorch, torchrun";
    GROUP_RANK: Train, "GROUP_RANK",
        "Set by torchrun: which host this is, from 0.",
        unset "`RANK` divided by `LOCAL_WORLD_SIZE`.",
        empty "Like unset.",
        source "PyTorch, torchrun";
    OMPI_COMM_WORLD_RANK: Train, "OMPI_COMM_WORLD_RANK",
        "Set by Open MPI: this process is one of its ranks, and nothing is launched again.",
        unset "Launching is up to us.",
        empty "Like unset.",
        source "Open MPI";
    OMPI_COMM_WORLD_SIZE: Train, "OMPI_COMM_WORLD_SIZE",
        "Set by Open MPI: how many ranks there are.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Open MPI";
    PMI_RANK: Train, "PMI_RANK",
        "Set by a launcher that speaks PMI: this process is one of its ranks. Under Slurm the number of tasks decides instead.",
        unset "Launching is up to us.",
        empty "Like unset.",
        source "the PMI of MPICH and Intel MPI, PMIx";
    PMI_SIZE: Train, "PMI_SIZE",
        "Set by a launcher that speaks PMI: how many ranks there are.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "the PMI of MPICH and Intel MPI, PMIx";
    PMIX_RANK: Train, "PMIX_RANK",
        "Like `PMI_RANK`, of `PMIx`.",
        unset "Launching is up to us.",
        empty "Like unset.",
        source "the PMI of MPICH and Intel MPI, PMIx";
    OMPI_MCA_ORTE_DEFAULT_HOSTFILE: Train, "OMPI_MCA_orte_default_hostfile",
        "The file that lists the hosts: `HOST slots=N` or `HOST:N`, one a line. The machine that has it and is not in it starts the others.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "MPI Operator";
    I_MPI_HYDRA_HOST_FILE: Train, "I_MPI_HYDRA_HOST_FILE",
        "The file that lists the hosts: `HOST slots=N` or `HOST:N`, one a line. The machine that has it and is not in it starts the others.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "MPI Operator";
    HYDRA_HOST_FILE: Train, "HYDRA_HOST_FILE",
        "The file that lists the hosts: `HOST slots=N` or `HOST:N`, one a line. The machine that has it and is not in it starts the others.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "MPI Operator";
    LWS_LEADER_ADDRESS: Train, "LWS_LEADER_ADDRESS",
        "`LeaderWorkerSet`: where the leader is.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "LeaderWorkerSet";
    LWS_GROUP_SIZE: Train, "LWS_GROUP_SIZE",
        "`LeaderWorkerSet`: how many hosts there are.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "LeaderWorkerSet";
    LWS_WORKER_INDEX: Train, "LWS_WORKER_INDEX",
        "`LeaderWorkerSet`: which host this is, from 0; the leader is 0.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "LeaderWorkerSet";
    JOB_COMPLETION_INDEX: Train, "JOB_COMPLETION_INDEX",
        "Indexed Job: which host this is, from 0. Counts with `OPTML_NNODES`.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Kubernetes, JobSet";
    JOBSET_NAME: Train, "JOBSET_NAME",
        "`JobSet`: the name of the set, from the pod's labels. With `JOBSET_NAME` and `REPLICATED_JOB_NAME` the hosts have names.",
        unset "The hosts have no names.",
        empty "Like unset.",
        source "Kubernetes, JobSet";
    REPLICATED_JOB_NAME: Train, "REPLICATED_JOB_NAME",
        "`JobSet`: the name of the replicated job, from the pod's labels. With `JOBSET_NAME` and `REPLICATED_JOB_NAME` the hosts have names.",
        unset "The hosts have no names.",
        empty "Like unset.",
        source "Kubernetes, JobSet";
    JOB_INDEX: Train, "JOB_INDEX",
        "`JobSet`: the number of the job among its replicas, from the pod's labels. With `JOBSET_NAME` and `REPLICATED_JOB_NAME` the hosts have names.",
        unset "0.",
        empty "Like unset.",
        source "Kubernetes, JobSet";
    SLURM_JOB_ID: Train, "SLURM_JOB_ID",
        "Slurm: the job; without it nothing of Slurm's counts.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Slurm";
    SLURM_NODEID: Train, "SLURM_NODEID",
        "Slurm: which host this is, from 0; without it this is no host of the job.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Slurm";
    SLURM_NNODES: Train, "SLURM_NNODES",
        "Slurm: how many hosts the job has.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Slurm";
    SLURM_JOB_NUM_NODES: Train, "SLURM_JOB_NUM_NODES",
        "Slurm: the same.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Slurm";
    SLURM_JOB_NODELIST: Train, "SLURM_JOB_NODELIST",
        "Slurm: the hosts, `node[001-003,7]`; an empty list is an error.",
        unset "Nothing is said.",
        empty "An error.",
        source "Slurm";
    SLURM_STEP_ID: Train, "SLURM_STEP_ID",
        "Slurm: the step that `srun` has started.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Slurm";
    SLURM_STEP_NUM_NODES: Train, "SLURM_STEP_NUM_NODES",
        "Slurm: how many hosts the step has; counts before the job's.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Slurm";
    SLURM_STEP_NODELIST: Train, "SLURM_STEP_NODELIST",
        "Slurm: the hosts of the step; counts before the job's.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Slurm";
    SLURM_NTASKS: Train, "SLURM_NTASKS",
        "Slurm: how many tasks there are; more than hosts, and each is a rank.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Slurm";
    SLURM_STEP_NUM_TASKS: Train, "SLURM_STEP_NUM_TASKS",
        "Slurm: how many tasks the step has; counts before `SLURM_NTASKS`.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Slurm";
    SLURM_PROCID: Train, "SLURM_PROCID",
        "Slurm: which task this is, from 0.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Slurm";
    SLURM_GPUS_ON_NODE: Train, "SLURM_GPUS_ON_NODE",
        "Slurm: how many GPUs the job has on this host.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Slurm";
    AWS_BATCH_JOB_NODE_INDEX: Train, "AWS_BATCH_JOB_NODE_INDEX",
        "AWS Batch, multi-node: which host this is, from 0.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "AWS Batch";
    AWS_BATCH_JOB_MAIN_NODE_INDEX: Train, "AWS_BATCH_JOB_MAIN_NODE_INDEX",
        "AWS Batch, multi-node: which host is the main one; it has rank 0.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "AWS Batch";
    AWS_BATCH_JOB_NUM_NODES: Train, "AWS_BATCH_JOB_NUM_NODES",
        "AWS Batch, multi-node: how many hosts there are.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "AWS Batch";
    AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS: Train, "AWS_BATCH_JOB_MAIN_NODE_PRIVATE_IPV4_ADDRESS",
        "AWS Batch, multi-node: where the main host is; not set there.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "AWS Batch";
    SKYPILOT_NODE_RANK: Train, "SKYPILOT_NODE_RANK",
        "`SkyPilot`: which host this is, from 0.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "SkyPilot";
    SKYPILOT_NODE_IPS: Train, "SKYPILOT_NODE_IPS",
        "`SkyPilot`: the hosts, one a line.",
        unset "Nothing is said.",
        empty "An error.",
        source "SkyPilot";
    SKYPILOT_NUM_NODES: Train, "SKYPILOT_NUM_NODES",
        "`SkyPilot`: how many hosts there are.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "SkyPilot";
    SKYPILOT_NUM_GPUS_PER_NODE: Train, "SKYPILOT_NUM_GPUS_PER_NODE",
        "`SkyPilot`: how many GPUs a host has.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "SkyPilot";
    DSTACK_NODE_RANK: Train, "DSTACK_NODE_RANK",
        "dstack: which host this is, from 0.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "dstack";
    DSTACK_NODES_NUM: Train, "DSTACK_NODES_NUM",
        "dstack: how many hosts there are.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "dstack";
    DSTACK_NODES_IPS: Train, "DSTACK_NODES_IPS",
        "dstack: the hosts, one a line.",
        unset "Nothing is said.",
        empty "An error.",
        source "dstack";
    DSTACK_MASTER_NODE_IP: Train, "DSTACK_MASTER_NODE_IP",
        "dstack: where the first host is.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "dstack";
    DSTACK_GPUS_PER_NODE: Train, "DSTACK_GPUS_PER_NODE",
        "dstack: how many GPUs a host has.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "dstack";
    VC_TASK_INDEX: Train, "VC_TASK_INDEX",
        "Volcano: the number of this task among its kind; with one kind, the rank.",
        unset "`VK_TASK_INDEX`.",
        empty "Like unset.",
        source "Volcano";
    VK_TASK_INDEX: Train, "VK_TASK_INDEX",
        "The old name of `VC_TASK_INDEX`.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "Volcano";
    VC_HOSTS: Train, "VC_<NAME>_HOSTS",
        "Volcano: the hosts of a kind of task, with commas between them. Kinds `MASTER` and `CHIEF` come first, the others by name.",
        unset "Nothing is said.",
        empty "An error if no other kind has a host.",
        source "Volcano";
    TF_CONFIG: Train, "TF_CONFIG",
        "`TensorFlow`: the tasks of a cluster, and which of them this is. Chief, master, workers and parameter servers are hosts, in this order.",
        unset "Nothing is said.",
        empty "Like unset.",
        source "TensorFlow";
    RAY_ADDRESS: Train, "RAY_ADDRESS",
        "Ray: this process belongs to a cluster of Ray's, and nothing is launched.",
        unset "Launching is up to us.",
        empty "Like unset.",
        source "Ray";
    RAY_JOB_CONFIG_JSON_ENV_VAR: Train, "RAY_JOB_CONFIG_JSON_ENV_VAR",
        "Ray: this process is a job's, and nothing is launched.",
        unset "Launching is up to us.",
        empty "Like unset.",
        source "Ray";
    SM_HOSTS: Script, "SM_HOSTS",
        "The hosts of the job, a JSON array in the order of the platform.",
        source "sagemaker-training 5.1.4";
    SM_NETWORK_INTERFACE_NAME: Script, "SM_NETWORK_INTERFACE_NAME",
        "The network interface between the hosts.",
        default "eth0",
        source "sagemaker-training 5.1.4";
    SM_HPS: Script, "SM_HPS",
        "The user's hyperparameters, a JSON object.",
        source "sagemaker-training 5.1.4";
    SM_USER_ENTRY_POINT: Script, "SM_USER_ENTRY_POINT",
        "The entry point.",
        empty "None was named.",
        source "sagemaker-training 5.1.4";
    SM_FRAMEWORK_PARAMS: Script, "SM_FRAMEWORK_PARAMS",
        "Hyperparameters that begin with `sagemaker_` and are not reserved, a JSON object.",
        source "sagemaker-training 5.1.4";
    SM_RESOURCE_CONFIG: Script, "SM_RESOURCE_CONFIG",
        "`resourceconfig.json`.",
        source "sagemaker-training 5.1.4";
    SM_INPUT_DATA_CONFIG: Script, "SM_INPUT_DATA_CONFIG",
        "`inputdataconfig.json`.",
        source "sagemaker-training 5.1.4";
    SM_OUTPUT_DATA_DIR: Script, "SM_OUTPUT_DATA_DIR",
        "What is in here becomes `output.tar.gz`.",
        source "sagemaker-training 5.1.4";
    SM_CHANNELS: Script, "SM_CHANNELS",
        "The names of the channels, sorted, a JSON array.",
        source "sagemaker-training 5.1.4";
    SM_CURRENT_HOST: Script, "SM_CURRENT_HOST",
        "The name of this host.",
        source "sagemaker-training 5.1.4";
    SM_CURRENT_INSTANCE_TYPE: Script, "SM_CURRENT_INSTANCE_TYPE",
        "The type of this machine.",
        default "local",
        source "sagemaker-training 5.1.4";
    SM_CURRENT_INSTANCE_GROUP: Script, "SM_CURRENT_INSTANCE_GROUP",
        "The instance group of this machine.",
        default "homogeneousCluster",
        source "sagemaker-training 5.1.4";
    SM_CURRENT_INSTANCE_GROUP_HOSTS: Script, "SM_CURRENT_INSTANCE_GROUP_HOSTS",
        "The hosts of this group, a JSON array in the order of the file.",
        source "sagemaker-training 5.1.4";
    SM_INSTANCE_GROUPS: Script, "SM_INSTANCE_GROUPS",
        "The names of the groups, a JSON array.",
        source "sagemaker-training 5.1.4";
    SM_INSTANCE_GROUPS_DICT: Script, "SM_INSTANCE_GROUPS_DICT",
        "The groups by name, a JSON object.",
        source "sagemaker-training 5.1.4";
    SM_DISTRIBUTION_INSTANCE_GROUPS: Script, "SM_DISTRIBUTION_INSTANCE_GROUPS",
        "The groups that train together, a JSON array.",
        source "sagemaker-training 5.1.4";
    SM_IS_HETERO: Script, "SM_IS_HETERO",
        "`true` with more than one group.",
        source "sagemaker-training 5.1.4";
    SM_MODULE_NAME: Script, "SM_MODULE_NAME",
        "The entry point without its `.py`; `None` if there is none.",
        source "sagemaker-training 5.1.4";
    SM_LOG_LEVEL: Script, "SM_LOG_LEVEL",
        "Hyperparameter `sagemaker_container_log_level`.",
        default "20",
        source "sagemaker-training 5.1.4";
    SM_FRAMEWORK_MODULE: Script, "SM_FRAMEWORK_MODULE",
        "`SAGEMAKER_TRAINING_MODULE`.",
        empty "None was named.",
        source "sagemaker-training 5.1.4";
    SM_INPUT_DIR: Script, "SM_INPUT_DIR",
        "Configuration and data.",
        source "sagemaker-training 5.1.4";
    SM_INPUT_CONFIG_DIR: Script, "SM_INPUT_CONFIG_DIR",
        "The configuration files.",
        source "sagemaker-training 5.1.4";
    SM_OUTPUT_DIR: Script, "SM_OUTPUT_DIR",
        "What the job leaves beside its model.",
        source "sagemaker-training 5.1.4";
    SM_NUM_CPUS: Script, "SM_NUM_CPUS",
        "Processors: what is online, allowed by affinity and paid for by the cgroup.",
        source "ours: the reference counts what the machine has";
    SM_NUM_GPUS: Script, "SM_NUM_GPUS",
        "GPUs that `nvidia-smi` lists and `CUDA_VISIBLE_DEVICES` shows.",
        source "ours: the reference counts what the machine has";
    SM_NUM_NEURONS: Script, "SM_NUM_NEURONS",
        "Neuron cores that `neuron-ls` lists.",
        source "sagemaker-training 5.1.4";
    SM_MODEL_DIR: Script, "SM_MODEL_DIR",
        "What is in here becomes `model.tar.gz`.",
        source "sagemaker-training 5.1.4";
    SM_MODULE_DIR: Script, "SM_MODULE_DIR",
        "Where the code came from.",
        source "sagemaker-training 5.1.4";
    SM_TRAINING_ENV: Script, "SM_TRAINING_ENV",
        "Every property of the environment, a JSON object.",
        source "sagemaker-training 5.1.4";
    SM_USER_ARGS: Script, "SM_USER_ARGS",
        "The words on the script's command line, a JSON array.",
        source "sagemaker-training 5.1.4";
    SM_OUTPUT_INTERMEDIATE_DIR: Script, "SM_OUTPUT_INTERMEDIATE_DIR",
        "What is copied away while the job runs.",
        source "sagemaker-training 5.1.4";
    SM_TOPOLOGY: Script, "SM_TOPOLOGY",
        "Which hosts share an `UltraServer`, a JSON array.",
        unset "The platform does not say.",
        source "sagemaker-training 5.1.4";
    SM_CHANNEL: Script, "SM_CHANNEL_<NAME>",
        "The directory of a channel; the name in upper case.",
        source "sagemaker-training 5.1.4";
    SM_HP: Script, "SM_HP_<NAME>",
        "A hyperparameter; the name in upper case. Where a channel or a hyperparameter has a name that no shell can use, it is there twice: as it is, and with `_` for each other character.",
        source "sagemaker-training 5.1.4";
    SAGEMAKER_JOB_NAME: Script, "SAGEMAKER_JOB_NAME",
        "Hyperparameter `sagemaker_job_name`.",
        empty "There is none.",
        source "sagemaker-training 5.1.4";
    CURRENT_HOST: Script, "CURRENT_HOST",
        "The name of this host.",
        source "sagemaker-training 5.1.4";
    SAGEMAKER_REGION: Script, "SAGEMAKER_REGION",
        "Hyperparameter `sagemaker_region`, else `AWS_DEFAULT_REGION`.",
        empty "Neither is there.",
        source "sagemaker-training 5.1.4";
    SM_MASTER_ADDR: Script, "SM_MASTER_ADDR",
        "The host that leads: the first of the distribution groups, else the first of all. Kept if it is set already.",
        source "SageMaker Python SDK 3";
    SM_MASTER_PORT: Script, "SM_MASTER_PORT",
        "A port for the hosts to meet at. Kept if it is set already.",
        default "7777",
        source "SageMaker Python SDK 3";
    SM_HOST_COUNT: Script, "SM_HOST_COUNT",
        "The number of hosts. Kept if it is set already.",
        source "SageMaker Python SDK 3";
    SM_CURRENT_HOST_RANK: Script, "SM_CURRENT_HOST_RANK",
        "Our place among the hosts: the master, then the rest by name, where `algo-2` is before `algo-10`. Kept if it is set already.",
        unset "This host is not one of the hosts.",
        source "SageMaker Python SDK 3";
    SM_SOURCE_DIR: Script, "SM_SOURCE_DIR",
        "The code directory. Kept if it is set already.",
        source "SageMaker Python SDK 3";
    SM_ENTRY_SCRIPT: Script, "SM_ENTRY_SCRIPT",
        "The entry point. Kept if it is set already.",
        unset "None was named.",
        source "SageMaker Python SDK 3";
    SM_INPUT_DATA_DIR: Script, "SM_INPUT_DATA_DIR",
        "The directory of the channels. Kept if it is set already.",
        source "SageMaker Python SDK 3";
    SM_OUTPUT_FAILURE: Script, "SM_OUTPUT_FAILURE",
        "The file that says why the job failed. Kept if it is set already.",
        source "SageMaker Python SDK 3";
    SM_HPS_FILE: Script, "SM_HPS_FILE",
        "A file that holds what `SM_HPS` would.",
        unset "`SM_HPS` is set.",
        source "ours";
    SM_USER_ARGS_FILE: Script, "SM_USER_ARGS_FILE",
        "A file that holds what `SM_USER_ARGS` would.",
        unset "`SM_USER_ARGS` is set.",
        source "ours";
    SM_TRAINING_ENV_FILE: Script, "SM_TRAINING_ENV_FILE",
        "A file that holds what `SM_TRAINING_ENV` would. Any other `SM_*` variable that is too large has a `_FILE` too.",
        unset "`SM_TRAINING_ENV` is set.",
        source "ours";
    GROUP_WORLD_SIZE: Script, "GROUP_WORLD_SIZE",
        "Launcher `native`: how many hosts there are. With it come `RANK`, `LOCAL_RANK`, `WORLD_SIZE`, `LOCAL_WORLD_SIZE`, `GROUP_RANK`, `MASTER_ADDR` and `MASTER_PORT`, as torchrun sets them.",
        source "PyTorch, torchrun";
    NODE_RANK: Script, "NODE_RANK",
        "Launcher `native`: which of the hosts this is.",
        source "PyTorch Lightning";
    ROLE_RANK: Script, "ROLE_RANK",
        "Launcher `native`: the same as `RANK`.",
        source "PyTorch, torchrun";
    ROLE_WORLD_SIZE: Script, "ROLE_WORLD_SIZE",
        "Launcher `native`: the same as `WORLD_SIZE`.",
        source "PyTorch, torchrun";
    NCCL_HOSTID: Script, "NCCL_HOSTID",
        "The name of the host, by which NCCL tells hosts apart. With several hosts, by `native`, `torchrun`, `mpirun` and `smddp`. Kept if it is set already.",
        source "NCCL";
    NCCL_SOCKET_IFNAME: Script, "NCCL_SOCKET_IFNAME",
        "The network interface between the hosts, if this machine has it. By `native`, `torchrun`, `mpirun` and `smddp`. Kept if it is set already.",
        source "sagemaker-training 5.1.4";
    GLOO_SOCKET_IFNAME: Script, "GLOO_SOCKET_IFNAME",
        "The same for gloo. By `native` and `torchrun`. Kept if it is set already.",
        source "PyTorch, torch.distributed";
    NCCL_DEBUG: Script, "NCCL_DEBUG",
        "How much NCCL says. By `mpirun` and `smddp`: `--NCCL_DEBUG` in the custom options, else what is set already, else `INFO`. By `xla`: `info` if it isn't set.",
        source "sagemaker-training 5.1.4";
    NCCL_MIN_NRINGS: Script, "NCCL_MIN_NRINGS",
        "4, by `mpirun`. Kept if it is set already.",
        source "sagemaker-training 5.1.4";
    NCCL_PROTO: Script, "NCCL_PROTO",
        "`simple` where there is an Elastic Fabric Adapter, and by `xla`. Kept if it is set already.",
        source "sagemaker-training 5.1.4";
    NCCL_ALGO: Script, "NCCL_ALGO",
        "`ring`, by `mpirun` for SageMaker's model parallel library on torch 2 or newer. Kept if it is set already.",
        source "sagemaker-training 5.1.4";
    FI_PROVIDER: Script, "FI_PROVIDER",
        "`efa` where there is an Elastic Fabric Adapter. Kept if it is set already.",
        source "sagemaker-training 5.1.4";
    FI_EFA_USE_DEVICE_RDMA: Script, "FI_EFA_USE_DEVICE_RDMA",
        "1 where the adapter can do RDMA, and by `xla`. Kept if it is set already.",
        source "sagemaker-training 5.1.4";
    RDMAV_FORK_SAFE: Script, "RDMAV_FORK_SAFE",
        "1 where the adapter can do RDMA, and by `smddp`. Kept if it is set already.",
        source "sagemaker-training 5.1.4";
    SMDATAPARALLEL_USE_HOMOGENEOUS: Script, "SMDATAPARALLEL_USE_HOMOGENEOUS",
        "1, by `smddp` on several hosts.",
        source "sagemaker-training 5.1.4";
    SMDATAPARALLEL_USE_SINGLENODE: Script, "SMDATAPARALLEL_USE_SINGLENODE",
        "1, by `smddp` on one host.",
        source "sagemaker-training 5.1.4";
    SMDATAPARALLEL_SERVER_ADDR: Script, "SMDATAPARALLEL_SERVER_ADDR",
        "The first host, by `smddp` on several hosts.",
        source "sagemaker-training 5.1.4";
    SMDATAPARALLEL_SERVER_PORT: Script, "SMDATAPARALLEL_SERVER_PORT",
        "7592, by `smddp` on several hosts.",
        source "sagemaker-training 5.1.4";
    SAGEMAKER_INSTANCE_TYPE: Script, "SAGEMAKER_INSTANCE_TYPE",
        "Hyperparameter `sagemaker_instance_type`, else the type of this machine. By `smddp` on several hosts.",
        source "sagemaker-training 5.1.4";
    OFI_NCCL_NIC_DUP_CONNS: Script, "OFI_NCCL_NIC_DUP_CONNS",
        "The number of GPUs, by `xla`. Kept if it is set already.",
        source "sagemaker-training 5.1.4";
    XRT_HOST_ORDINAL: Script, "XRT_HOST_ORDINAL",
        "Which of the hosts this is, by `xla`.",
        source "sagemaker-training 5.1.4";
    XRT_SHARD_WORLD_SIZE: Script, "XRT_SHARD_WORLD_SIZE",
        "How many hosts there are, by `xla`.",
        source "sagemaker-training 5.1.4";
    XRT_WORKERS: Script, "XRT_WORKERS",
        "The hosts with their ports, by `xla`.",
        source "sagemaker-training 5.1.4";
    XRT_MESH_SERVICE_ADDRESS: Script, "XRT_MESH_SERVICE_ADDRESS",
        "The first host and its port, by `xla` on several hosts.",
        source "sagemaker-training 5.1.4";
    GPU_NUM_DEVICES: Script, "GPU_NUM_DEVICES",
        "The number of GPUs, by `xla`.",
        source "sagemaker-training 5.1.4";
    S3_REGION: Script, "S3_REGION",
        "The region of the job, by `tensorflow` and `tensorflow-ps`. Kept if it is set already.",
        unset "No region is known.",
        source "sagemaker-tensorflow-training 20.5.0";
    S3_USE_HTTPS: Script, "S3_USE_HTTPS",
        "1, by `tensorflow` and `tensorflow-ps`. Kept if it is set already.",
        source "sagemaker-tensorflow-training 20.5.0";
    TF_CPP_MIN_LOG_LEVEL: Script, "TF_CPP_MIN_LOG_LEVEL",
        "1, by `tensorflow` and `tensorflow-ps`. Kept if it is set already.",
        source "sagemaker-tensorflow-training 20.5.0";
    DMLC_NUM_WORKER: Script, "DMLC_NUM_WORKER",
        "How many hosts there are, by `mxnet`.",
        source "sagemaker-mxnet-training 4.3.0";
    DMLC_NUM_SERVER: Script, "DMLC_NUM_SERVER",
        "The same.",
        source "sagemaker-mxnet-training 4.3.0";
    DMLC_ROLE: Script, "DMLC_ROLE",
        "`worker` for the script, `server` and `scheduler` for what serves it. By `mxnet`.",
        source "sagemaker-mxnet-training 4.3.0";
    DMLC_PS_ROOT_URI: Script, "DMLC_PS_ROOT_URI",
        "The address of the first host, by `mxnet`.",
        source "sagemaker-mxnet-training 4.3.0";
    DMLC_PS_ROOT_PORT: Script, "DMLC_PS_ROOT_PORT",
        "Hyperparameter `_ps_port`, else 8000. By `mxnet`.",
        source "sagemaker-mxnet-training 4.3.0";
    PS_VERBOSE: Script, "PS_VERBOSE",
        "Hyperparameter `_ps_verbose`, else 0. By `mxnet`.",
        source "sagemaker-mxnet-training 4.3.0";
    SAGEMAKER_BIND_TO_PORT: Serve, "SAGEMAKER_BIND_TO_PORT",
        "The port of `/ping` and `/invocations`. `OPTML_PORT` comes first.",
        unset "8080.",
        empty "An error.",
        default "8080",
        source "SageMaker developer guide";
    SAGEMAKER_SAFE_PORT_RANGE: Serve, "SAGEMAKER_SAFE_PORT_RANGE",
        "`LOW-HIGH`: the ports that may be used inside the container.",
        unset "No limit.",
        empty "Like unset.",
        source "SageMaker developer guide";
    SAGEMAKER_MULTI_MODEL: Serve, "SAGEMAKER_MULTI_MODEL",
        "`y yes t true on 1` or `n no f false off 0`, in any case. One endpoint, many models: `serve` refuses it in this version.",
        unset "One model.",
        empty "An error.",
        default "false",
        source "SageMaker developer guide";
    SAGEMAKER_BATCH: Serve, "SAGEMAKER_BATCH",
        "`y yes t true on 1` or `n no f false off 0`, in any case. This is a transform job.",
        unset "It is not.",
        empty "An error.",
        default "false",
        source "SageMaker developer guide";
    SAGEMAKER_MAX_PAYLOAD_IN_MB: Serve, "SAGEMAKER_MAX_PAYLOAD_IN_MB",
        "The largest body of a request, in MiB; 0 is like unset. `OPTML_MAX_BODY_MB` comes first.",
        unset "Our own limit.",
        empty "An error.",
        source "SageMaker developer guide";
    SAGEMAKER_USE_NGINX: Serve, "SAGEMAKER_USE_NGINX",
        "`y yes t true on 1` or `n no f false off 0`, in any case. Kept for programs that ask; there is no nginx.",
        unset "True.",
        empty "An error.",
        default "true",
        source "sagemaker-containers 2.8.6";
    SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS: Serve, "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS",
        "Seconds that one request may take. Wins over `SAGEMAKER_MODEL_SERVER_TIMEOUT`; 0 is like unset.",
        unset "`SAGEMAKER_MODEL_SERVER_TIMEOUT`.",
        empty "An error.",
        source "ours: toolkits disagree about minutes and seconds";
    SAGEMAKER_MODEL_SERVER_TIMEOUT: Serve, "SAGEMAKER_MODEL_SERVER_TIMEOUT",
        "Seconds that one request may take; for `serve`, 0 is like unset.",
        unset "60 s.",
        empty "An error.",
        default "60",
        source "sagemaker-containers 2.8.6";
    SAGEMAKER_MODEL_SERVER_WORKERS: Serve, "SAGEMAKER_MODEL_SERVER_WORKERS",
        "Worker processes of a model. `OPTML_WORKERS` comes first.",
        unset "One for each processor; `serve` counts GPUs and memory too.",
        empty "An error.",
        source "sagemaker-containers 2.8.6";
    SAGEMAKER_SERVING_MODULE: Serve, "SAGEMAKER_SERVING_MODULE",
        "`module:attribute` that answers requests: a WSGI or ASGI application.",
        unset "Functions of the entry point answer.",
        empty "Like unset.",
        source "sagemaker-containers 2.8.6";
    SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: Serve, "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",
        "The media type of an answer when the request names none.",
        unset "`application/json`.",
        empty "Like unset.",
        default "application/json",
        source "sagemaker-containers 2.8.6";
    SAGEMAKER_BATCH_STRATEGY: Serve, "SAGEMAKER_BATCH_STRATEGY",
        "How a transform job puts records together. For the log.",
        unset "The job does not say.",
        empty "Like unset.",
        source "SageMaker developer guide";
    SAGEMAKER_MAX_CONCURRENT_TRANSFORMS: Serve, "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS",
        "Requests at once of a transform job. For the log.",
        unset "The job does not say.",
        empty "An error.",
        source "SageMaker developer guide";
    SAGEMAKER_NUM_MODEL_WORKERS: Serve, "SAGEMAKER_NUM_MODEL_WORKERS",
        "Like `OPTML_WORKERS`, which comes first.",
        unset "See there.",
        empty "An error.",
        source "scikit-learn container";
    SAGEMAKER_TS_MAX_WORKERS: Serve, "SAGEMAKER_TS_MAX_WORKERS",
        "Like `OPTML_WORKERS`, which comes first.",
        unset "See there.",
        empty "An error.",
        source "PyTorch inference toolkit";
    MMS_DEFAULT_WORKERS_PER_MODEL: Serve, "MMS_DEFAULT_WORKERS_PER_MODEL",
        "Like `OPTML_WORKERS`, which comes first; 0 is like unset.",
        unset "See there.",
        empty "Like unset.",
        source "multi-model-server";
    TS_DEFAULT_WORKERS_PER_MODEL: Serve, "TS_DEFAULT_WORKERS_PER_MODEL",
        "Like `OPTML_WORKERS`, which comes first; 0 is like unset.",
        unset "See there.",
        empty "Like unset.",
        source "TorchServe";
    SAGEMAKER_MODEL_JOB_QUEUE_SIZE: Serve, "SAGEMAKER_MODEL_JOB_QUEUE_SIZE",
        "Like `OPTML_QUEUE`, which comes first.",
        unset "See there.",
        empty "An error.",
        source "scikit-learn container";
    MMS_JOB_QUEUE_SIZE: Serve, "MMS_JOB_QUEUE_SIZE",
        "Like `OPTML_QUEUE`, which comes first.",
        unset "See there.",
        empty "Like unset.",
        source "multi-model-server";
    TS_JOB_QUEUE_SIZE: Serve, "TS_JOB_QUEUE_SIZE",
        "Like `OPTML_QUEUE`, which comes first.",
        unset "See there.",
        empty "Like unset.",
        source "TorchServe";
    SAGEMAKER_MAX_REQUEST_SIZE: Serve, "SAGEMAKER_MAX_REQUEST_SIZE",
        "The largest body of a request, in bytes. `OPTML_MAX_BODY_MB` comes first.",
        unset "See there.",
        empty "An error.",
        source "scikit-learn container";
    MAX_CONTENT_LENGTH: Serve, "MAX_CONTENT_LENGTH",
        "The largest body of a request, in bytes. `OPTML_MAX_BODY_MB` comes first.",
        unset "See there.",
        empty "Like unset.",
        source "scikit-learn container";
    MMS_MAX_REQUEST_SIZE: Serve, "MMS_MAX_REQUEST_SIZE",
        "The largest body of a request, in bytes. `OPTML_MAX_BODY_MB` comes first.",
        unset "See there.",
        empty "Like unset.",
        source "multi-model-server";
    TS_MAX_REQUEST_SIZE: Serve, "TS_MAX_REQUEST_SIZE",
        "The largest body of a request, in bytes. `OPTML_MAX_BODY_MB` comes first.",
        unset "See there.",
        empty "Like unset.",
        source "TorchServe";
    SAGEMAKER_TS_RESPONSE_TIMEOUT: Serve, "SAGEMAKER_TS_RESPONSE_TIMEOUT",
        "Seconds that a request may take. `OPTML_TIMEOUT_S` comes first.",
        unset "See there.",
        empty "An error.",
        source "PyTorch inference toolkit";
    MMS_DEFAULT_RESPONSE_TIMEOUT_SECONDS: Serve, "MMS_DEFAULT_RESPONSE_TIMEOUT_SECONDS",
        "Seconds that a request may take. `OPTML_TIMEOUT_S` comes first; 0 and -1 are like unset.",
        unset "See there.",
        empty "Like unset.",
        source "multi-model-server";
    TS_DEFAULT_RESPONSE_TIMEOUT: Serve, "TS_DEFAULT_RESPONSE_TIMEOUT",
        "Seconds that a request may take. `OPTML_TIMEOUT_S` comes first.",
        unset "See there.",
        empty "Like unset.",
        source "TorchServe";
    OMP_NUM_THREADS: Serve, "OMP_NUM_THREADS",
        "Threads of a numeric library in a worker.",
        unset "A worker's share of the processors, at least 1.",
        empty "Passed on as it is.",
        source "OpenMP specification";
    MKL_NUM_THREADS: Serve, "MKL_NUM_THREADS",
        "Threads of a numeric library in a worker.",
        unset "A worker's share of the processors, at least 1.",
        empty "Passed on as it is.",
        source "oneMKL developer guide";
    OPENBLAS_NUM_THREADS: Serve, "OPENBLAS_NUM_THREADS",
        "Threads of a numeric library in a worker.",
        unset "A worker's share of the processors, at least 1.",
        empty "Passed on as it is.",
        source "OpenBLAS";
    SAGEMAKER_HANDLER: Serve, "SAGEMAKER_HANDLER",
        "Has no effect in this version; the log says so.",
        source "sagemaker-inference";
    SAGEMAKER_TS_BATCH_SIZE: Serve, "SAGEMAKER_TS_BATCH_SIZE",
        "Has no effect in this version; the log says so.",
        source "PyTorch inference toolkit";
    SAGEMAKER_TS_MAX_BATCH_DELAY: Serve, "SAGEMAKER_TS_MAX_BATCH_DELAY",
        "Has no effect in this version; the log says so.",
        source "PyTorch inference toolkit";
    SAGEMAKER_TS_MIN_WORKERS: Serve, "SAGEMAKER_TS_MIN_WORKERS",
        "Has no effect in this version; the log says so.",
        source "PyTorch inference toolkit";
    MMS_DEFAULT_RESPONSE_TIMEOUT: Serve, "MMS_DEFAULT_RESPONSE_TIMEOUT",
        "Minutes that a request may take. Has no effect: set `OPTML_TIMEOUT_S`; the log says so.",
        source "multi-model-server";
    OPTML_HOST: Serve, "OPTML_HOST",
        "The IP address to listen at.",
        unset "`0.0.0.0` for process 1, when called `serve`, where `/opt/ml` exists and when `SAGEMAKER_BIND_TO_PORT` is set; else `127.0.0.1`.",
        empty "Like unset.",
        source "ours";
    OPTML_PORT: Serve, "OPTML_PORT",
        "The port of `/ping` and `/invocations`; 0 is any that is free, and the log says which.",
        unset "`SAGEMAKER_BIND_TO_PORT`, else 8080.",
        empty "Like unset.",
        default "8080",
        source "ours";
    OPTML_METRICS_PORT: Serve, "OPTML_METRICS_PORT",
        "The port of `/metrics`, on this machine alone; 0 is any that is free, and the log says which.",
        unset "No metrics.",
        empty "Like unset.",
        source "ours";
    OPTML_KIND: Serve, "OPTML_KIND",
        "What answers: `python` functions, a `wsgi` or `asgi` application, `exec` a program that speaks the worker protocol, `http` a program that speaks HTTP; `auto` goes by what is set.",
        unset "`exec` if `OPTML_EXEC` is set, `http` if `OPTML_HTTP` is, an application if `SAGEMAKER_SERVING_MODULE` is, else functions.",
        empty "Like unset.",
        default "auto",
        source "ours";
    OPTML_EXEC: Serve, "OPTML_EXEC",
        "A program that speaks the worker protocol, and its arguments. Words are split as a shell does; nothing is expanded.",
        unset "No such program.",
        empty "Like unset.",
        source "ours";
    OPTML_HTTP: Serve, "OPTML_HTTP",
        "A program with an HTTP server of its own, and its arguments. Words are split as a shell does; nothing is expanded but `{port}` and `{socket}`, where it is to listen.",
        unset "No such program.",
        empty "Like unset.",
        source "ours";
    OPTML_HTTP_PORT: Serve, "OPTML_HTTP_PORT",
        "The port where the program of `OPTML_HTTP` listens.",
        unset "A free one is chosen, from `SAGEMAKER_SAFE_PORT_RANGE` if that is set.",
        empty "Like unset.",
        source "ours";
    OPTML_HTTP_SOCKET: Serve, "OPTML_HTTP_SOCKET",
        "The Unix socket where the program of `OPTML_HTTP` listens, instead of a port.",
        unset "A port; or a path of our choice if the command has `{socket}`.",
        empty "Like unset.",
        source "ours";
    OPTML_HTTP_HEALTH: Serve, "OPTML_HTTP_HEALTH",
        "The path that tells whether the program of `OPTML_HTTP` is ready: it answers with 200.",
        unset "`/ping`.",
        empty "Like unset.",
        default "/ping",
        source "ours";
    OPTML_HTTP_INVOCATIONS: Serve, "OPTML_HTTP_INVOCATIONS",
        "The path of the program of `OPTML_HTTP` that invocations go to.",
        unset "`/invocations`.",
        empty "Like unset.",
        default "/invocations",
        source "ours";
    OPTML_HANDLER: Serve, "OPTML_HANDLER",
        "A Python file with the functions: its directory is the code directory, its name the module.",
        unset "`SAGEMAKER_PROGRAM` in the code directory.",
        empty "Like unset.",
        source "ours";
    OPTML_MODEL_DIR: Serve, "OPTML_MODEL_DIR",
        "The directory of the model.",
        unset "`model` below the base directory.",
        empty "Like unset.",
        source "ours";
    OPTML_WORKERS: Serve, "OPTML_WORKERS",
        "Worker processes of a model, 1 to 1024.",
        unset "The platform's names, in this order: `SAGEMAKER_MODEL_SERVER_WORKERS`, `SAGEMAKER_NUM_MODEL_WORKERS`, `SAGEMAKER_TS_MAX_WORKERS`, `MMS_DEFAULT_WORKERS_PER_MODEL`, `TS_DEFAULT_WORKERS_PER_MODEL`. Else one for each GPU; without any, one for each processor, as far as memory goes.",
        empty "Like unset.",
        source "ours";
    OPTML_SLOTS: Serve, "OPTML_SLOTS",
        "Requests that one worker answers at once, 1 to 1024.",
        unset "The kind of the worker decides: one, or 64 for coroutines.",
        empty "Like unset.",
        source "ours";
    OPTML_QUEUE: Serve, "OPTML_QUEUE",
        "Requests that wait for a worker; one more gets 503.",
        unset "`SAGEMAKER_MODEL_JOB_QUEUE_SIZE`, `MMS_JOB_QUEUE_SIZE`, `TS_JOB_QUEUE_SIZE`, else 100.",
        empty "Like unset.",
        default "100",
        source "ours";
    OPTML_QUEUE_TIMEOUT_S: Serve, "OPTML_QUEUE_TIMEOUT_S",
        "Seconds that a request may wait for a worker; then it gets 503.",
        unset "As long as the request may take.",
        empty "Like unset.",
        source "ours";
    OPTML_MAX_BODY_MB: Serve, "OPTML_MAX_BODY_MB",
        "The largest body of a request, in MiB; 0: no limit but `OPTML_MAX_IN_FLIGHT_MB`.",
        unset "The platform's names, in this order: `SAGEMAKER_MAX_PAYLOAD_IN_MB`, `SAGEMAKER_MAX_REQUEST_SIZE`, `MAX_CONTENT_LENGTH`, `MMS_MAX_REQUEST_SIZE`, `TS_MAX_REQUEST_SIZE`. Else 100 MiB, or `OPTML_MAX_IN_FLIGHT_MB` if that is less.",
        empty "Like unset.",
        default "100",
        source "ours";
    OPTML_MAX_IN_FLIGHT_MB: Serve, "OPTML_MAX_IN_FLIGHT_MB",
        "MiB of all bodies at once; beyond it no socket is read.",
        unset "A quarter of the memory that the control group allows, or of the machine's, but no less than one body of the largest size; 1024 if nobody knows.",
        empty "Like unset.",
        source "ours";
    OPTML_MAX_HEADER_KB: Serve, "OPTML_MAX_HEADER_KB",
        "The largest head of a request, in KiB.",
        unset "64 KiB.",
        empty "Like unset.",
        default "64",
        source "ours";
    OPTML_MAX_HEADERS: Serve, "OPTML_MAX_HEADERS",
        "The most fields in a head.",
        unset "100.",
        empty "Like unset.",
        default "100",
        source "ours";
    OPTML_MAX_URI_KB: Serve, "OPTML_MAX_URI_KB",
        "The longest target in a request line, in KiB; no more than `OPTML_MAX_HEADER_KB`.",
        unset "8 KiB, or `OPTML_MAX_HEADER_KB` if that is less.",
        empty "Like unset.",
        default "8",
        source "ours";
    OPTML_MAX_CONNECTIONS: Serve, "OPTML_MAX_CONNECTIONS",
        "The most connections; beyond it the oldest idle one is closed.",
        unset "4096.",
        empty "Like unset.",
        default "4096",
        source "ours";
    OPTML_TIMEOUT_S: Serve, "OPTML_TIMEOUT_S",
        "Seconds that a request may take, whatever it says itself.",
        unset "The request's `X-Amzn-SageMaker-InvocationTimeoutSeconds`; else 3600 s in a transform job; else `SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS`, `SAGEMAKER_MODEL_SERVER_TIMEOUT`, `SAGEMAKER_TS_RESPONSE_TIMEOUT`, `MMS_DEFAULT_RESPONSE_TIMEOUT_SECONDS`, `TS_DEFAULT_RESPONSE_TIMEOUT`; else 60 s.",
        empty "Like unset.",
        source "ours";
    OPTML_HEADER_TIMEOUT_S: Serve, "OPTML_HEADER_TIMEOUT_S",
        "Seconds that the head of a request may take.",
        unset "10 s.",
        empty "Like unset.",
        default "10",
        source "ours";
    OPTML_BODY_TIMEOUT_S: Serve, "OPTML_BODY_TIMEOUT_S",
        "Seconds in which nothing of a body comes.",
        unset "30 s.",
        empty "Like unset.",
        default "30",
        source "ours";
    OPTML_KEEP_ALIVE_S: Serve, "OPTML_KEEP_ALIVE_S",
        "Seconds that a connection may be idle; 0: it is closed after each answer.",
        unset "75 s.",
        empty "Like unset.",
        default "75",
        source "ours";
    OPTML_STREAM_FIRST_S: Serve, "OPTML_STREAM_FIRST_S",
        "Seconds to the first item of a streamed answer.",
        unset "60 s.",
        empty "Like unset.",
        default "60",
        source "ours";
    OPTML_STREAM_IDLE_S: Serve, "OPTML_STREAM_IDLE_S",
        "Seconds between two items of a streamed answer.",
        unset "60 s.",
        empty "Like unset.",
        default "60",
        source "ours";
    OPTML_STREAM_S: Serve, "OPTML_STREAM_S",
        "Seconds that a streamed answer may take in all.",
        unset "480 s.",
        empty "Like unset.",
        default "480",
        source "ours";
    OPTML_LOAD_TIMEOUT_S: Serve, "OPTML_LOAD_TIMEOUT_S",
        "Seconds that a worker may take to load the model, with its warm-up.",
        unset "3600 s.",
        empty "Like unset.",
        default "3600",
        source "ours";
    OPTML_DRAIN_S: Serve, "OPTML_DRAIN_S",
        "Seconds that requests have to finish after the stop signal. The platform kills us after 30 s.",
        unset "25 s.",
        empty "Like unset.",
        default "25",
        source "ours";
    OPTML_KILL_GRACE_S: Serve, "OPTML_KILL_GRACE_S",
        "Seconds between SIGTERM and SIGKILL for a worker.",
        unset "2 s.",
        empty "Like unset.",
        default "2",
        source "ours";
    OPTML_STRICT_TYPES: Serve, "OPTML_STRICT_TYPES",
        "`y yes t true on 1` or `n no f false off 0`, in any case. An answer in a type that the request does not accept is 406; off: it is given in the default type.",
        unset "On.",
        empty "Like unset.",
        default "on",
        source "ours";
    OPTML_STRICT_JSON: Serve, "OPTML_STRICT_JSON",
        "`y yes t true on 1` or `n no f false off 0`, in any case. NaN and infinity in an answer are an error; off: they are written as Python does.",
        unset "Off.",
        empty "Like unset.",
        default "off",
        source "ours";
    OPTML_CSV_SHAPE: Serve, "OPTML_CSV_SHAPE",
        "The shape of an array that comes as CSV: `squeezed`, a single row or column has one dimension; `2d`, rows and columns always.",
        unset "Squeezed.",
        empty "Like unset.",
        default "squeezed",
        source "ours";
    OPTML_SHM_MIN_KB: Serve, "OPTML_SHM_MIN_KB",
        "Bodies from so many KiB on go through shared memory; 0: never.",
        unset "64 KiB.",
        empty "Like unset.",
        default "64",
        source "ours";
    OPTML_ERROR_DETAIL: Serve, "OPTML_ERROR_DETAIL",
        "What the body of an error tells: `none`, `message`, `traceback`.",
        unset "The message.",
        empty "Like unset.",
        default "message",
        source "ours";
    OPTML_ACCESS_LOG: Serve, "OPTML_ACCESS_LOG",
        "Which requests have a line in the log: `off`, `errors`, `all`. A successful `/ping` never has.",
        unset "Errors.",
        empty "Like unset.",
        default "errors",
        source "ours";
    OPTML_PING_COMPAT: Serve, "OPTML_PING_COMPAT",
        "`strict`: `/ping` is 200 when an invocation would be answered. `lenient`: as soon as the port is open.",
        unset "Strict.",
        empty "Like unset.",
        default "strict",
        source "ours";
    OPTML_PING_PERIOD_S: Serve, "OPTML_PING_PERIOD_S",
        "Seconds between two calls of the user's own check, `ping_fn` or `healthcheck_fn`.",
        unset "5 s.",
        empty "Like unset.",
        default "5",
        source "ours";
    OPTML_APP_PING: Serve, "OPTML_APP_PING",
        "`y yes t true on 1` or `n no f false off 0`, in any case. The application's own `/ping` counts: it is asked from time to time.",
        unset "Off.",
        empty "Like unset.",
        default "off",
        source "ours";
    OPTML_FAIL_EXIT_S: Serve, "OPTML_FAIL_EXIT_S",
        "Seconds that a server which cannot serve goes on answering 503 before it ends.",
        unset "0 s.",
        empty "Like unset.",
        default "0",
        source "ours";
    OPTML_MAX_REQUESTS: Serve, "OPTML_MAX_REQUESTS",
        "A worker is replaced after so many requests; 0: never.",
        unset "Never.",
        empty "Like unset.",
        default "0",
        source "ours";
    OPTML_MAX_RSS_MB: Serve, "OPTML_MAX_RSS_MB",
        "A worker is replaced when it holds more MiB of memory; 0: never.",
        unset "Never.",
        empty "Like unset.",
        default "0",
        source "ours";
    OPTML_WARMUP_OPTIONAL: Serve, "OPTML_WARMUP_OPTIONAL",
        "`y yes t true on 1` or `n no f false off 0`, in any case. A warm-up that fails is logged, and the model serves.",
        unset "Off: it is a failed load.",
        empty "Like unset.",
        default "off",
        source "ours";
    OPTML_RELOAD: Serve, "OPTML_RELOAD",
        "`y yes t true on 1` or `n no f false off 0`, in any case. Workers are replaced when the code changes. For development.",
        unset "Off.",
        empty "Like unset.",
        default "off",
        source "ours";
}
