"""Scripts as ranks of Open MPI. `optml train --launcher mpirun` starts them, on every host of the job."""

from optml_compat import gone, launchers
from sagemaker_training import environment, errors, logging_config, params, process
from sagemaker_training.smdataparallel import get_dataparallel_exception_classes

logger = logging_config.get_logger()

DEFAULT_ERROR_CLASS = errors.ExecuteUserScriptError


def get_modelparallel_exception_classes():
    """The names of the exceptions of the model parallel library, where it is installed."""
    names = []
    try:
        from smdistributed.modelparallel.backend import exceptions

        names += process._class_names(exceptions)
    except ImportError:
        pass
    try:
        from smdistributed.modelparallel.torch import exceptions as torch_exceptions

        names += process._class_names(torch_exceptions)
    except ImportError:
        pass
    return names or [DEFAULT_ERROR_CLASS]


class _RankRunner(process._RankRunner):
    """One host, the first or another."""

    _LAUNCHER = "mpirun"

    def _error_classes(self):
        names = super()._error_classes() + get_dataparallel_exception_classes()
        if environment.Environment().is_modelparallel_enabled:
            names += get_modelparallel_exception_classes()
        return names


class WorkerRunner(_RankRunner):
    """A host that is not the first: its ranks run until the first host's have ended, and share their fate."""

    def __init__(self, user_entry_point, args, env_vars, processes_per_host, master_hostname, current_host):
        super().__init__(user_entry_point, args, env_vars, processes_per_host)
        self._master_hostname = str(master_hostname)
        self._current_host = str(current_host)


class MasterRunner(_RankRunner):
    """The first host: it starts the ranks of all.

    `interval` and `timeout_in_seconds` are taken and not used: how long hosts are waited for is `OPTML_HOST_WAIT_S`.
    """

    def __init__(
        self,
        user_entry_point,
        args,
        env_vars,
        processes_per_host,
        master_hostname,
        hosts,
        custom_mpi_options,
        network_interface_name,
        interval=1,
        timeout_in_seconds=60 * 60,
        num_processes=None,
        instance_type="ml.p3.16xlarge",
    ):
        super().__init__(user_entry_point, args, env_vars, processes_per_host)
        self._master_hostname = master_hostname
        self._hosts = hosts
        self._custom_mpi_options = custom_mpi_options
        self._network_interface_name = network_interface_name
        self._interval = interval
        self._num_processes = num_processes
        self._instance_type = instance_type
        self.timeout_in_seconds = timeout_in_seconds

    def _ranked_hosts(self):
        return launchers.ranked(self._hosts, self._master_hostname)

    def _setup(self):
        asked = environment.Environment().additional_framework_parameters
        launchers.must_be_read(params.MPI_CUSTOM_OPTIONS, self._custom_mpi_options, asked)
        launchers.must_be_read(params.MPI_NUM_PROCESSES, self._num_processes, asked)


__getattr__ = gone.attribute(__name__, launchers.GONE)
