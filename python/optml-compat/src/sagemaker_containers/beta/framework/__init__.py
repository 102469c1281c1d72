"""What frameworks build their containers with."""

from sagemaker_containers import (
    _content_types as content_types,
    _encoders as encoders,
    _env as env,
    _errors as errors,
    _files as files,
    _functions as functions,
    _logging as logging,
    _mapping as mapping,
    _modules as modules,
    _mpi as mpi,
    _params as params,
    _process as process,
    _runner as runner,
    _server as server,
    _trainer as trainer,
    _transformer as transformer,
    _worker as worker,
    entry_point,
)

__all__ = [
    "content_types",
    "encoders",
    "entry_point",
    "env",
    "errors",
    "files",
    "functions",
    "logging",
    "mapping",
    "modules",
    "mpi",
    "params",
    "process",
    "runner",
    "server",
    "trainer",
    "training_env",
    "transformer",
    "worker",
]


def training_env(resource_config=None, input_data_config=None, hyperparameters=None):
    """The environment of a training job. What is None is read from the job's file."""
    return env.TrainingEnv(resource_config, input_data_config, hyperparameters)
