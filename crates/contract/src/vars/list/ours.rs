//! Our own settings.

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
}
