"""Scripts as ranks of SageMaker's data parallel library. `optml train --launcher smddp` starts them, on every host of the job."""

from optml_compat import gone, launchers
from sagemaker_training import environment, errors, logging_config, params, process

logger = logging_config.get_logger()

DEFAULT_ERROR_CLASS = errors.ExecuteUserScriptError


def get_dataparallel_exception_classes():
    """The names of the exceptions of the data parallel library, where it is installed."""
    try:
        from smdistributed.dataparallel import exceptions
    except Exception:
        # Importing it fails in its own ways where the machine has no GPU.
        return [DEFAULT_ERROR_CLASS]
    return process._class_names(exceptions) or [DEFAULT_ERROR_CLASS]


class SMDataParallelRunner(process._RankRunner):
    """The first host: it starts the ranks of all.

    `interval` and `timeout_in_seconds` are taken and not used: how long hosts are waited for is `OPTML_HOST_WAIT_S`.
    """

    _LAUNCHER = "smddp"

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
    ):
        super().__init__(user_entry_point, args, env_vars, processes_per_host)
        self._master_hostname = master_hostname
        self._hosts = hosts
        self._custom_mpi_options = custom_mpi_options
        self._network_interface_name = network_interface_name
        self._interval = interval
        self.timeout_in_seconds = timeout_in_seconds

    def _ranked_hosts(self):
        return launchers.ranked(self._hosts, self._master_hostname)

    def _setup(self):
        asked = environment.Environment().additional_framework_parameters
        launchers.must_be_read(params.SMDATAPARALLEL_CUSTOM_MPI_OPTIONS, self._custom_mpi_options, asked)

    def _error_classes(self):
        return process.get_debugger_exception_classes() + get_dataparallel_exception_classes()


__getattr__ = gone.attribute(__name__, launchers.GONE)
