"""What a training job is told: hosts, channels, hyperparameters, directories.

The values are those of `optml.TrainingEnv`. Building an `Environment` changes nothing; the reference sets three variables
(`SAGEMAKER_JOB_NAME`, `CURRENT_HOST`, `SAGEMAKER_REGION`), which here `optml train` has set, and `entry_point.run` sets for a
script.
"""

import os

import optml

from optml_compat import environments, layout
from optml_compat.layout import (
    BASE_PATH_ENV,
    HYPERPARAMETERS_FILE,
    INPUT_DATA_CONFIG_FILE,
    RESOURCE_CONFIG_FILE,
    SAGEMAKER_BASE_PATH,
    channel_path,
    num_cpus,
    num_gpus,
)
from optml_compat.mappings import stored
from sagemaker_training import logging_config

__all__ = [
    "BASE_PATH_ENV",
    "Environment",
    "HYPERPARAMETERS_FILE",
    "INPUT_DATA_CONFIG_FILE",
    "RESOURCE_CONFIG_FILE",
    "SAGEMAKER_BASE_PATH",
    "base_dir",
    "channel_path",
    "code_dir",
    "hyperparameters_file_dir",
    "input_config_dir",
    "input_data_config_file_dir",
    "input_dir",
    "model_dir",
    "num_cpus",
    "num_gpus",
    "num_neurons",
    "output_data_dir",
    "output_dir",
    "output_intermediate_dir",
    "read_hyperparameters",
    "read_input_data_config",
    "read_resource_config",
    "resource_config_file_dir",
    "validate_smddpmprun",
    "validate_smddprun",
    "write_env_vars",
]

logger = logging_config.get_logger()

_layout = optml.Layout()

base_dir = _layout.base
code_dir = _layout.code
model_dir = _layout.model
input_dir = _layout.input
_input_data_dir = _layout.data
input_config_dir = _layout.config
output_dir = _layout.output
output_data_dir = _layout.output_data
output_intermediate_dir = _layout.intermediate

hyperparameters_file_dir = _layout.hyperparameters_file
input_data_config_file_dir = _layout.channels_file
resource_config_file_dir = _layout.resources_file


_is_training_path_configured = layout.is_configured
_set_base_path_env = layout.set_local_base
_read_json = layout.read_json
_write_json = layout.write_json


def _create_training_directories():
    """Makes the tree of a job for trying things out. Nothing calls this by itself."""
    layout.create_tree(_layout)


def _create_code_dir():
    os.makedirs(code_dir, exist_ok=True)


def read_hyperparameters():
    """All hyperparameters of the job, those of the platform too, decoded: a text that is JSON becomes its value."""
    return layout.read(optml.read_hyperparameters, hyperparameters_file_dir)


def read_resource_config():
    """The content of `input/config/resourceconfig.json`."""
    return layout.read(optml.read_resource_config, resource_config_file_dir)


def read_input_data_config():
    """The content of `input/config/inputdataconfig.json`."""
    return layout.read(optml.read_input_data_config, input_data_config_file_dir)


def num_neurons(instance_type):
    """The Neuron cores of this machine. Asks `neuron-ls`."""
    return optml.num_neurons(instance_type)


def validate_smddprun():
    """Whether the program `smddprun` is on PATH."""
    return layout.is_installed("smddprun")


def validate_smddpmprun():
    """Whether the program `smddpmprun` is on PATH."""
    return layout.is_installed("smddpmprun")


# Flags that make the group of this host one of those that train together.
_DISTRIBUTION_FLAGS = (
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_torch_distributed_enabled",
)

# What `SM_*` variables are called after, and the property that each is, in the order of the reference.
_EXPORTED = (
    ("hosts", "hosts"),
    ("network_interface_name", "network_interface_name"),
    ("hps", "hyperparameters"),
    ("user_entry_point", "user_entry_point"),
    ("framework_params", "additional_framework_parameters"),
    ("resource_config", "resource_config"),
    ("input_data_config", "input_data_config"),
    ("output_data_dir", "output_data_dir"),
    ("channels", None),
    ("current_host", "current_host"),
    ("current_instance_type", "current_instance_type"),
    ("current_instance_group", "current_instance_group"),
    ("current_instance_group_hosts", "current_instance_group_hosts"),
    ("instance_groups", "instance_groups"),
    ("instance_groups_dict", "instance_groups_dict"),
    ("distribution_instance_groups", "distribution_instance_groups"),
    ("is_hetero", "is_hetero"),
    ("module_name", "module_name"),
    ("log_level", "log_level"),
    ("framework_module", "framework_module"),
    ("input_dir", "input_dir"),
    ("input_config_dir", "input_config_dir"),
    ("output_dir", "output_dir"),
    ("num_cpus", "num_cpus"),
    ("num_gpus", "num_gpus"),
    ("num_neurons", "num_neurons"),
    ("model_dir", "model_dir"),
    ("module_dir", "module_dir"),
    ("training_env", None),
    ("user_args", None),
    ("output_intermediate_dir", "output_intermediate_dir"),
)


class Environment(environments.Training):
    """The environment of a training job, a read-only mapping over its properties.

    Each argument stands for one of the three files and is taken as it is; None: the file is read. Raises FileNotFoundError for
    a file that is missing, ValueError (`optml.ConfigError`) for what can't be.
    """

    _MEASURED = ("num_cpus", "num_gpus", "num_neurons", "is_smddprun_installed", "is_smddpmprun_installed")

    def __init__(self, resource_config=None, input_data_config=None, hyperparameters=None):
        given = (resource_config, input_data_config, hyperparameters)
        files = (resource_config_file_dir, input_data_config_file_dir, hyperparameters_file_dir)
        self._take(layout.training_env(given, files))

    current_instance_group = stored("current_instance_group", "The name of the group that this host is in.")
    current_instance_group_hosts = stored("current_instance_group_hosts", "The hosts of that group.")
    current_instance_type = stored("current_instance_type", "The type of this machine, `local` where it has none.")
    distribution_hosts = stored("distribution_hosts", "The hosts that train together.")
    distribution_instance_groups = stored("distribution_instance_groups", "The groups that train together.")
    instance_groups = stored("instance_groups", "The names of the groups of hosts.")
    instance_groups_dict = stored("instance_groups_dict", "The groups of hosts by name.")
    is_hetero = stored("is_hetero", "Whether there are several groups of hosts.")
    is_modelparallel_enabled = stored("is_modelparallel_enabled", "Whether `SM_HP_MP_PARAMETERS` says something.")
    topology = stored("topology", "Where each host stands, for machines that are told so.")

    @property
    def num_cpus(self):
        """The processors that this process may use."""
        return self._measured("num_cpus", num_cpus)

    @property
    def num_gpus(self):
        """The GPUs that this process may use."""
        return self._measured("num_gpus", num_gpus)

    @property
    def num_neurons(self):
        """The Neuron cores of this machine."""
        return self._measured("num_neurons", lambda: num_neurons(self.current_instance_type))

    @property
    def is_smddprun_installed(self):
        """Whether the program `smddprun` is on PATH."""
        return self._measured("is_smddprun_installed", validate_smddprun)

    @property
    def is_smddpmprun_installed(self):
        """Whether the program `smddpmprun` is on PATH."""
        return self._measured("is_smddpmprun_installed", validate_smddpmprun)

    def get_distribution_instance_groups_from_resource_config(self):
        """The group of this host, when a hyperparameter asks for training on several hosts."""
        is_asked = any(self.additional_framework_parameters.get(flag) for flag in _DISTRIBUTION_FLAGS)
        return [self.current_instance_group] if is_asked else []

    def get_current_instance_group(self):
        """The name of the group that this host is in."""
        return self.current_instance_group

    def get_current_instance_group_hosts(self):
        """The hosts of the group that this host is in."""
        return self.current_instance_group_hosts

    def get_distribution_hosts(self):
        """The hosts that train together."""
        return self.distribution_hosts

    def get_instance_groups(self):
        """The names of the groups of hosts."""
        return self.instance_groups

    def get_instance_groups_dict(self):
        """The groups of hosts by name."""
        return self.instance_groups_dict

    def get_master_hostname(self):
        """The first of the hosts that train together."""
        return self.master_hostname

    def to_env_vars(self):
        """The environment as `SM_*` variables."""
        return self._variables(_EXPORTED, {"topology": self.topology} if self.topology else {})


def write_env_vars(env_vars=None):
    """Puts variables into the environment of this process, and PYTHONPATH with the code directory first."""
    layout.write_env_vars(env_vars, code_dir)
