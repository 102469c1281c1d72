//! What the platform, the image, the job and schedulers say to `train`.

variables! {
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
}
