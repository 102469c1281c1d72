"""The user's code as an installed Python module."""

import importlib
import os
import warnings

from optml_compat import installing
from optml_compat.installing import has_requirements
from sagemaker_containers import _env, _errors, _files, _logging, _process

__all__ = [
    "DEFAULT_MODULE_NAME",
    "download_and_install",
    "exists",
    "has_requirements",
    "import_module",
    "install",
    "install_requirements",
    "prepare",
    "run",
    "run_module",
    "s3_download",
]

logger = _logging.get_logger()

DEFAULT_MODULE_NAME = "default_user_module_name"


def exists(name):
    """Whether a module can be imported. Imports it."""
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def prepare(path, name):
    """Makes the directory of a module something that pip installs, unless it has a `setup.py`."""
    installing.prepare(path, name, logger)


def install(path, capture_error=False):
    """Installs the package in a directory, with its requirements. Raises InstallModuleError."""
    logger.info("installing the package in %s", path)
    _pip(installing.package_command(path), path, capture_error)


def install_requirements(path, capture_error=False):
    """Installs the `requirements.txt` of a directory. Raises InstallModuleError."""
    logger.info("installing the requirements in %s", path)
    _pip(installing.requirements_command(), path, capture_error)


def _pip(command, path, capture_error):
    _process.check_error(command, _errors.InstallModuleError, cwd=path, capture_error=capture_error, env=installing.environment())


def s3_download(url, dst):
    """Downloads an object of S3 to a file. Needs boto3."""
    _files.s3_download(url, dst)


def download_and_install(uri, name=DEFAULT_MODULE_NAME, cache=True):
    """Fetches the code at an address and installs it as a module; with `cache`, not when it can be imported already."""
    if cache and exists(name):
        return
    with _files.tmpdir() as folder:
        path = os.path.join(folder, "module_dir")
        _files.download_and_extract(uri, path)
        prepare(path, name)
        install(path)


def run(module_name, args=None, env_vars=None, wait=True, capture_error=False):
    """Runs `python -m MODULE` with words. Raises ExecuteUserScriptError when it fails."""
    cmd = [_process.python_executable(), "-m", module_name, *(args or [])]
    _logging.log_script_invocation(cmd, env_vars or {})
    start = _process.check_error if wait else _process.create
    return start(cmd, _errors.ExecuteUserScriptError, capture_error=capture_error)


def import_module(uri, name=DEFAULT_MODULE_NAME, cache=None):
    """Fetches the code at an address, installs it as a module, and imports it. Raises ImportModuleError."""
    _warn_of_cache(cache)
    _bring(uri, name)
    try:
        importlib.invalidate_caches()
        return importlib.reload(importlib.import_module(name))
    except Exception as error:
        raise _errors.ImportModuleError(error).with_traceback(error.__traceback__) from error


def run_module(uri, args, env_vars=None, name=DEFAULT_MODULE_NAME, cache=None, wait=True, capture_error=False):
    """Fetches the code at an address, installs it as a module, and runs it with words and variables."""
    _warn_of_cache(cache)
    _bring(uri, name)
    _env.write_env_vars(env_vars)
    return run(name, args, env_vars, wait, capture_error)


def _bring(uri, name):
    _files.download_and_extract(uri, _env.code_dir)
    prepare(_env.code_dir, name)
    install(_env.code_dir)


def _warn_of_cache(cache):
    if cache is not None:
        warnings.warn("the argument `cache` has no effect: a module is always installed once", DeprecationWarning, stacklevel=3)
