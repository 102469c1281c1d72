"""What a container is told: hosts, channels, hyperparameters, directories; the settings of a server.

The values are those of `optml`. Building a `TrainingEnv` changes nothing; the reference sets three variables
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
from sagemaker_containers import _logging

__all__ = [
    "BASE_PATH_ENV",
    "HYPERPARAMETERS_FILE",
    "INPUT_DATA_CONFIG_FILE",
    "RESOURCE_CONFIG_FILE",
    "SAGEMAKER_BASE_PATH",
    "ServingEnv",
    "TrainingEnv",
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
    "output_data_dir",
    "output_dir",
    "output_intermediate_dir",
    "read_hyperparameters",
    "read_input_data_config",
    "read_resource_config",
    "resource_config_file_dir",
    "write_env_vars",
]

logger = _logging.get_logger()

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


class _Env(environments.Environment):
    """What both environments say. `TrainingEnv` and `ServingEnv` fill it."""

    def __init__(self):
        self._values = {}

    @property
    def num_cpus(self):
        """The processors that this process may use."""
        return self._measured("num_cpus", num_cpus)

    @property
    def num_gpus(self):
        """The GPUs that this process may use."""
        return self._measured("num_gpus", num_gpus)


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
    ("module_name", "module_name"),
    ("log_level", "log_level"),
    ("framework_module", "framework_module"),
    ("input_dir", "input_dir"),
    ("input_config_dir", "input_config_dir"),
    ("output_dir", "output_dir"),
    ("num_cpus", "num_cpus"),
    ("num_gpus", "num_gpus"),
    ("model_dir", "model_dir"),
    ("module_dir", "module_dir"),
    ("training_env", None),
    ("user_args", None),
    ("output_intermediate_dir", "output_intermediate_dir"),
)


class TrainingEnv(_Env, environments.Training):
    """The environment of a training job, a read-only mapping over its properties.

    Each argument stands for one of the three files and is taken as it is; None: the file is read. Raises FileNotFoundError for
    a file that is missing, ValueError (`optml.ConfigError`) for what can't be.
    """

    def __init__(self, resource_config=None, input_data_config=None, hyperparameters=None):
        given = (resource_config, input_data_config, hyperparameters)
        files = (resource_config_file_dir, input_data_config_file_dir, hyperparameters_file_dir)
        self._take(layout.training_env(given, files))

    def to_env_vars(self):
        """The environment as `SM_*` variables."""
        return self._variables(_EXPORTED, {})


class ServingEnv(_Env):
    """The settings of a server, a read-only mapping over its properties. Raises ValueError for a value that can't be."""

    def __init__(self):
        self._take(optml.ServingEnv())

    use_nginx = stored("use_nginx", "Whether the reference would start nginx. Here nothing does.")
    model_server_timeout = stored("model_server_timeout", "Seconds that a request may take.")
    model_server_workers = stored("model_server_workers", "How many workers there are.")
    framework_module = stored("framework_module", "`module:attribute` of a WSGI application, or None.")
    default_accept = stored("default_accept", "The content type of answers when a request names none.")
    http_port = stored("http_port", "The port, a text.")
    safe_port_range = stored("safe_port_range", "`LOW-HIGH`: ports that a container may use, or None.")


def write_env_vars(env_vars=None):
    """Puts variables into the environment of this process, and PYTHONPATH with the code directory first."""
    layout.write_env_vars(env_vars, code_dir)
