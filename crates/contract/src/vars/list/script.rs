//! What `train` sets for the script.

variables! {
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
}
