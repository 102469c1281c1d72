"""Scripts as ranks of Open MPI. `optml train --launcher mpirun` starts them, on every host of the job."""

from optml_compat import launchers
from sagemaker_containers import _env, _logging, _params, _process

logger = _logging.get_logger()


class _RankRunner(_process.ProcessRunner):
    """One host of a job of several; which of them it is, `optml train` knows from the job's own files."""

    def _python_command(self):
        return super()._python_command() + launchers.rank_words()

    def _per_host(self):
        env = _env.TrainingEnv()
        return env.additional_framework_parameters.get(_params.MPI_PROCESSES_PER_HOST) or env.num_gpus or 1

    def _create_command(self):
        return launchers.words("mpirun", self._per_host(), super()._create_command())


class WorkerRunner(_RankRunner):
    """A host that is not the first: its ranks run until the first host's have ended, and share their fate."""

    def __init__(self, user_entry_point, args, env_vars, master_hostname):
        super().__init__(user_entry_point, args, env_vars)
        self._master_hostname = str(master_hostname)


class MasterRunner(_RankRunner):
    """The first host: it starts the ranks of all.

    `interval` and `timeout_in_seconds` are taken and not used: how long hosts are waited for is `OPTML_HOST_WAIT_S`.
    """

    def __init__(
        self,
        user_entry_point,
        args,
        env_vars,
        master_hostname,
        hosts,
        process_per_host,
        custom_mpi_options,
        network_interface_name,
        interval=1,
        timeout_in_seconds=60 * 60,
        num_processes=None,
    ):
        super().__init__(user_entry_point, args, env_vars)
        self._master_hostname = master_hostname
        self._hosts = hosts
        self._process_per_host = process_per_host
        self._custom_mpi_options = custom_mpi_options
        self._network_interface_name = network_interface_name
        self._interval = interval
        self._num_processes = num_processes
        self.timeout_in_seconds = timeout_in_seconds

    def _per_host(self):
        return self._process_per_host

    def _setup(self):
        asked = _env.TrainingEnv().additional_framework_parameters
        launchers.must_be_read(_params.MPI_CUSTOM_OPTIONS, self._custom_mpi_options, asked)
        launchers.must_be_read(_params.MPI_NUM_PROCESSES, self._num_processes, asked)
