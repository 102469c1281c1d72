"""Which runner starts a script."""

import enum

from sagemaker_training import environment, mpi, params, process, pytorch_xla, smdataparallel, torch_distributed


class RunnerType(enum.Enum):
    """Who starts the processes of a job."""

    MPI = "MPI"
    Process = "Process"
    SMDataParallel = "SMDataParallel"
    PyTorchXLA = "PyTorchXLA"
    TorchDistributed = "TorchDistributed"


ProcessRunnerType = RunnerType.Process
MPIRunnerType = RunnerType.MPI
SMDataParallelRunnerType = RunnerType.SMDataParallel
PyTorchXLARunnerType = RunnerType.PyTorchXLA
TorchDistributedRunnerType = RunnerType.TorchDistributed


def get(identifier, user_entry_point=None, args=None, env_vars=None, extra_opts=None):
    """The runner of this host; a runner stands for itself. What is None comes from the environment of the job."""
    if isinstance(identifier, process.ProcessRunner):
        return identifier
    if not isinstance(identifier, RunnerType):
        raise ValueError("Invalid identifier {}".format(identifier))
    env = environment.Environment()
    entry = user_entry_point or env.user_entry_point
    args = env.to_cmd_args() if args is None else args
    env_vars = env.to_env_vars() if env_vars is None else env_vars
    options = extra_opts or {}

    def option(name, default=None):
        return options.get(name) or env.additional_framework_parameters.get(name) or default

    per_host = option(params.MPI_PROCESSES_PER_HOST) or env.num_gpus or env.num_neurons or 1
    common = (entry, args, env_vars, int(per_host))
    if identifier is RunnerType.Process:
        return process.ProcessRunner(*common)
    if identifier is RunnerType.TorchDistributed:
        return torch_distributed.TorchDistributedRunner(
            *common,
            env.master_hostname,
            env.distribution_hosts,
            env.current_host,
            env.network_interface_name,
            instance_type=env.current_instance_type,
        )
    if identifier is RunnerType.PyTorchXLA:
        return pytorch_xla.PyTorchXLARunner(*common, env.master_hostname, env.current_host, env.distribution_hosts, env.num_gpus)
    if identifier is RunnerType.SMDataParallel:
        # All hosts alike: `optml train` tells them apart.
        return smdataparallel.SMDataParallelRunner(
            *common,
            env.master_hostname,
            env.distribution_hosts,
            option(params.SMDATAPARALLEL_CUSTOM_MPI_OPTIONS, ""),
            env.network_interface_name,
        )
    if not env.is_master:
        return mpi.WorkerRunner(*common, env.master_hostname, env.current_host)
    return mpi.MasterRunner(
        *common,
        env.master_hostname,
        env.distribution_hosts,
        option(params.MPI_CUSTOM_OPTIONS, ""),
        env.network_interface_name,
        num_processes=option(params.MPI_NUM_PROCESSES),
        instance_type=env.current_instance_type,
    )
