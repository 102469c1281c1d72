"""Which runner starts a script."""

import enum

from sagemaker_containers import _env, _mpi, _params, _process


class RunnerType(enum.Enum):
    """Who starts the processes of a job."""

    MPI = "MPI"
    Process = "Process"


ProcessRunnerType = RunnerType.Process
MPIRunnerType = RunnerType.MPI


def get(identifier, user_entry_point=None, args=None, env_vars=None, extra_opts=None):
    """The runner of this host; a runner stands for itself. What is None comes from the environment of the job."""
    if isinstance(identifier, _process.ProcessRunner):
        return identifier
    if not isinstance(identifier, RunnerType):
        raise ValueError("Invalid identifier {}".format(identifier))
    env = _env.TrainingEnv()
    common = (
        user_entry_point or env.user_entry_point,
        env.to_cmd_args() if args is None else args,
        env.to_env_vars() if env_vars is None else env_vars,
    )
    if identifier is RunnerType.Process:
        return _process.ProcessRunner(*common)
    if not env.is_master:
        return _mpi.WorkerRunner(*common, env.master_hostname)
    options = extra_opts or {}

    def option(name, default=None):
        return options.get(name) or env.additional_framework_parameters.get(name) or default

    return _mpi.MasterRunner(
        *common,
        env.master_hostname,
        env.hosts,
        option(_params.MPI_PROCESSES_PER_HOST) or env.num_gpus or 1,
        option(_params.MPI_CUSTOM_OPTIONS, ""),
        env.network_interface_name,
        num_processes=option(_params.MPI_NUM_PROCESSES),
    )
