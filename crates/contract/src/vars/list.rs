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
        unset "Hyperparameter `sagemaker_program`.",
        empty "The hyperparameter counts, but `SM_MODULE_NAME` is empty, as in the reference.",
        source "sagemaker-training 5.1.4";
    SAGEMAKER_SUBMIT_DIRECTORY: Train, "SAGEMAKER_SUBMIT_DIRECTORY",
        "For `serve`: where the code is. `train` passes it on and takes hyperparameter `sagemaker_submit_directory`.",
        unset "`code` below the base directory.",
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
        "The region for AWS clients. Passed on to the script; it has no part in `SAGEMAKER_REGION`.",
        source "sagemaker-training 5.1.4, observed";
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
    SAGEMAKER_BIND_TO_PORT: Serve, "SAGEMAKER_BIND_TO_PORT",
        "The port of `/ping` and `/invocations`.",
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
        "`y yes t true on 1` or `n no f false off 0`, in any case. One endpoint, many models.",
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
        "The largest body of a request, in MiB.",
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
        "Seconds that one request may take.",
        unset "60 s.",
        empty "An error.",
        default "60",
        source "sagemaker-containers 2.8.6";
    SAGEMAKER_MODEL_SERVER_WORKERS: Serve, "SAGEMAKER_MODEL_SERVER_WORKERS",
        "Worker processes of a model.",
        unset "One for each processor.",
        empty "An error.",
        source "sagemaker-containers 2.8.6";
    SAGEMAKER_SERVING_MODULE: Serve, "SAGEMAKER_SERVING_MODULE",
        "`module:function` that answers requests.",
        unset "None.",
        empty "Like unset.",
        source "sagemaker-containers 2.8.6";
    SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: Serve, "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT",
        "The media type of an answer when the request names none.",
        unset "`application/json`.",
        empty "Like unset.",
        default "application/json",
        source "sagemaker-containers 2.8.6";
}
