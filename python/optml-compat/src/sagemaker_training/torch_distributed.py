"""Scripts as processes of torchrun, one call of it on every host."""

import os

from optml_compat import launchers, scripts
from sagemaker_training import environment, errors, logging_config, process

TORCH_DISTRIBUTED_MODULE = "torchrun"
MASTER_PORT = "7777"

logger = logging_config.get_logger()


class TorchDistributedRunner(process.ProcessRunner):
    """This host's processes. What the user has set of `NCCL_*` and `FI_*` stays as it is."""

    def __init__(
        self,
        user_entry_point,
        args,
        env_vars,
        processes_per_host,
        master_hostname,
        hosts,
        current_host,
        network_interface_name,
        instance_type="ml.trn1.2xlarge",
    ):
        super().__init__(user_entry_point, args, env_vars, processes_per_host)
        self._master_hostname = master_hostname
        self._hosts = hosts
        self._current_host = current_host
        self._network_interface_name = network_interface_name
        self._instance_type = instance_type

    def _setup(self):
        launchers.set_defaults({"NCCL_SOCKET_IFNAME": str(self._network_interface_name)})
        if launchers.has_fast_network():
            launchers.set_defaults({"FI_PROVIDER": "efa", "FI_EFA_USE_DEVICE_RDMA": "1", "RDMAV_FORK_SAFE": "1"})

    def _create_command(self):
        name = process.validate_entry_point(str(self._user_entry_point))
        kind = scripts.kind(environment.code_dir, name)
        if kind == scripts.COMMAND:
            raise errors.ClientError(
                "entry point `{}` is no Python script, and torchrun starts nothing else\nhint: name a `.py` file in the "
                "hyperparameter sagemaker_program".format(name)
            )
        command = ["neuron_parallel_compile"] if os.environ.get("RUN_NEURON_PARALLEL_COMPILE") == "1" else []
        command += [TORCH_DISTRIBUTED_MODULE, "--nnodes", str(len(self._hosts)), "--nproc_per_node", str(self._processes_per_host)]
        if len(self._hosts) > 1:
            rank = launchers.ranked(self._hosts, self._master_hostname).index(self._current_host)
            command += ["--master_addr", str(self._master_hostname), "--master_port", MASTER_PORT, "--node_rank", str(rank)]
        command += os.environ.get("OPTML_TORCHRUN_OPTIONS", "").split()
        # What `python` is given for the same entry point, without `python` itself.
        return command + scripts.words(environment.code_dir, name, self._args, [])

    def _error_classes(self):
        return [errors.ExecuteUserScriptError]

    def run(self, wait=True, capture_error=True):
        """Runs the processes of this host to their end; without `wait`, returns at once."""
        return super().run(wait, capture_error)
