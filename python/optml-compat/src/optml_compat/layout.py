"""What environment modules of both generations have in common: paths, the three files, counts."""

import errno
import json
import os
import re
import shutil
import socket
import sys
import time

import optml

SAGEMAKER_BASE_PATH = "/opt/ml"
BASE_PATH_ENV = "SAGEMAKER_BASE_DIR"
HYPERPARAMETERS_FILE = "hyperparameters.json"
RESOURCE_CONFIG_FILE = "resourceconfig.json"
INPUT_DATA_CONFIG_FILE = "inputdataconfig.json"


def missing_file(error, *paths):
    """The error that a reader of files raises, as the class that the reference's readers raise.

    A file that isn't there is a FileNotFoundError, as for `open`; everything else is a ValueError already.
    """
    for path in paths:
        if not os.path.exists(path):
            return FileNotFoundError(errno.ENOENT, str(error), path)
    return error


def read(reader, path):
    """What one of `optml`'s readers says about a file."""
    try:
        return reader()
    except optml.ConfigError as error:
        raise missing_file(error, path) from error


def training_env(given, files):
    """`optml.TrainingEnv` of what stands for each of three files; None: the file is read."""
    try:
        return optml.TrainingEnv(*given)
    except optml.ConfigError as error:
        raise missing_file(error, *[path for argument, path in zip(given, files) if argument is None]) from error


def channel_path(channel):
    """The directory where the data of a channel is."""
    return optml.channel_path(channel)


def num_cpus():
    """The processors that this process may use, at least 1."""
    return optml.num_cpus()


def num_gpus():
    """The GPUs that this process may use. Asks `nvidia-smi`."""
    return optml.num_gpus()


def is_installed(program):
    """Whether a program is on PATH."""
    return shutil.which(program) is not None


def import_path(code_dir):
    """PYTHONPATH for a script: the code directory, then what was inherited. Another interpreter must not get our packages."""
    inherited = os.environ.get("PYTHONPATH", "")
    paths = [code_dir] + [path for path in inherited.split(os.pathsep) if path and path != code_dir]
    return os.pathsep.join(paths)


def write_env_vars(env_vars, code_dir):
    """Puts variables, and PYTHONPATH, into the environment of this process. The dict that was passed is not changed."""
    os.environ.update(env_vars or {})
    os.environ["PYTHONPATH"] = import_path(code_dir)


def with_names_for_shells(variables):
    """Variables, and those whose name a shell can't have a second time under one that it can: a shell drops the first."""
    more = {}
    for name, value in variables.items():
        plain = re.sub(r"[^A-Za-z0-9_]", "_", name)
        if plain != name and plain not in variables:
            more[plain] = value
    return {**more, **variables}


def interpreter():
    """The path of the Python that runs this."""
    if not sys.executable:
        raise RuntimeError("this process does not know the path of its Python interpreter")
    return sys.executable


def is_configured():
    """Whether a platform has left its tree here, or a variable names one."""
    return os.path.exists(SAGEMAKER_BASE_PATH) or BASE_PATH_ENV in os.environ


def set_local_base():
    """Names a new tree in the home directory as the base. Modules that are imported already keep the one they know."""
    jobs = os.path.join(os.path.expanduser("~"), "sagemaker_local", "jobs")
    os.environ[BASE_PATH_ENV] = os.path.join(jobs, str(time.time()), "opt", "ml")


def create_tree(layout):
    """Makes the tree of a job with one host, no channel and no hyperparameter. Fails when it is there."""
    for directory in (layout.model, layout.config, layout.output_data):
        os.makedirs(directory)
    host = socket.gethostname()
    group = {"instance_group_name": "homogeneousCluster", "instance_type": "local", "hosts": [host]}
    resources = {
        "current_host": host,
        "hosts": [host],
        "current_group_name": "homogeneousCluster",
        "instance_groups": [group],
    }
    for path, value in (
        (layout.hyperparameters_file, {}),
        (layout.channels_file, {}),
        (layout.resources_file, resources),
    ):
        write_json(value, path)


def read_json(path):
    """The content of a JSON file."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write_json(obj, path):
    """Writes a JSON file."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump(obj, file)
