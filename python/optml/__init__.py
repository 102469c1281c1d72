"""The environment of a SageMaker-like container, and its codecs, for scripts and handlers.

    import optml

    env = optml.training_env()
    env.hyperparameters["epochs"], env.channel_input_dirs["train"], env["model_dir"]

Importing has no side effect: no directory is made, no variable is set, no process is started, and numpy is not imported.
What the files and variables mean is decided by the same code as in the program `optml`, which this package brings along.
"""

from __future__ import annotations

from optml._native import VERSION as __version__
from optml._native import to_cmd_args, to_env_vars
from optml.errors import CodecError, ConfigError, UnsupportedFormatError
from optml.files import Layout, channel_path, read_hyperparameters, read_input_data_config, read_resource_config
from optml.machine import num_cpus, num_gpus, num_neurons
from optml.mapping import split_by_criteria
from optml.program import binary
from optml.serving import ServingEnv
from optml.training import TrainingEnv, training_env

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from optml import codec as codec
    from optml import context as context
    from optml import failure as failure
    from optml.context import Context as Context

__all__ = [
    "CodecError",
    "ConfigError",
    "Context",
    "Layout",
    "ServingEnv",
    "TrainingEnv",
    "UnsupportedFormatError",
    "__version__",
    "binary",
    "channel_path",
    "codec",
    "context",
    "failure",
    "num_cpus",
    "num_gpus",
    "num_neurons",
    "read_hyperparameters",
    "read_input_data_config",
    "read_resource_config",
    "split_by_criteria",
    "to_cmd_args",
    "to_env_vars",
    "training_env",
]

# What a training script does not need is imported when it is asked for.
_LATER = {"codec": "optml.codec", "context": "optml.context", "failure": "optml.failure", "Context": "optml.context"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError("module 'optml' has no attribute {!r}".format(name))
    from importlib import import_module

    module = import_module(_LATER[name])
    return module if name != "Context" else module.Context


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_LATER))
