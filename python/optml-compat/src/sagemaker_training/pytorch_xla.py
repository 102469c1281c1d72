"""Scripts as processes of PyTorch/XLA, one call of its launcher on every host."""

import importlib.util
import os

from optml_compat import launchers, scripts
from sagemaker_training import environment, errors, logging_config, process

logger = logging_config.get_logger()


class PyTorchXLARunner(process.ProcessRunner):
    """This host's processes, one for each GPU."""

    MESH_SERVICE_PORT = 53957
    WORKER_PORT = 43857

    def __init__(self, user_entry_point, args, env_vars, processes_per_host, master_hostname, current_host, hosts, num_gpus):
        super().__init__(user_entry_point, args, env_vars, processes_per_host)
        self._master_hostname = master_hostname
        self._current_host = current_host
        self._hosts = launchers.ranked(hosts, master_hostname)
        self._num_gpus = num_gpus
        self._num_hosts = len(hosts)
        self._rank = self._hosts.index(current_host)

    def _setup(self):
        self._check_compatibility()
        launchers.set_defaults({"NCCL_DEBUG": "info", "NCCL_PROTO": "simple", "FI_EFA_USE_DEVICE_RDMA": "1"})
        workers = ["localservice:{};{}:{}".format(index, host, self.WORKER_PORT) for index, host in enumerate(self._hosts)]
        os.environ.update(
            {
                "OFI_NCCL_NIC_DUP_CONNS": str(self._num_gpus),
                "XRT_HOST_ORDINAL": str(self._rank),
                "XRT_SHARD_WORLD_SIZE": str(self._num_hosts),
                "XRT_WORKERS": "|".join(workers),
                "GPU_NUM_DEVICES": str(self._num_gpus),
            }
        )
        if self._num_hosts > 1:
            os.environ["XRT_MESH_SERVICE_ADDRESS"] = "{}:{}".format(self._master_hostname, self.MESH_SERVICE_PORT)

    def _check_compatibility(self):
        if self._num_gpus < 1:
            raise errors.SMTrainingCompilerConfigurationError(
                "PyTorch/XLA starts one process for each GPU, and this host has none\nhint: use an instance type with GPUs"
            )
        for module in ("torch_xla", "torch_xla.distributed.xla_spawn"):
            try:
                found = importlib.util.find_spec(module)
            except ImportError:
                found = None
            if found is None:
                raise errors.SMTrainingCompilerConfigurationError(
                    "the Python module `{}` is not installed\nhint: use an image with PyTorch/XLA of SageMaker's training "
                    "compiler".format(module)
                )

    def _create_command(self):
        name = process.validate_entry_point(self._user_entry_point)
        if scripts.kind(environment.code_dir, name) != scripts.PROGRAM:
            raise errors.SMTrainingCompilerConfigurationError(
                "entry point `{}` is no Python script, and PyTorch/XLA starts nothing else\nhint: name a `.py` file in the "
                "hyperparameter sagemaker_program".format(name)
            )
        launcher = ["-m", "torch_xla.distributed.xla_spawn", "--num_gpus", str(self._num_gpus)]
        return self._python_command() + launcher + [name] + list(self._args)
