"""The user's code as an installed Python module."""

import importlib
import os

from optml_compat import installing
from optml_compat.installing import has_requirements
from sagemaker_training import environment, errors, files, logging_config, process

__all__ = [
    "CA_REPOSITORY_ARN_ENV",
    "DEFAULT_MODULE_NAME",
    "exists",
    "has_requirements",
    "import_module",
    "install",
    "install_requirements",
    "prepare",
]

logger = logging_config.get_logger()

DEFAULT_MODULE_NAME = "default_user_module_name"
CA_REPOSITORY_ARN_ENV = installing.REPOSITORY_VARIABLE


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
    _pip(installing.package_command(path), errors.InstallModuleError, path, capture_error)


def install_requirements(path, capture_error=False):
    """Installs the `requirements.txt` of a directory. Raises InstallRequirementsError."""
    logger.info("installing the requirements in %s", path)
    _pip(installing.requirements_command(), errors.InstallRequirementsError, path, capture_error)


def _pip(command, error_class, path, capture_error):
    variables = installing.environment()
    return_code, output, _ = process.create(command, None, 1, cwd=path, env=variables, capture_error=capture_error)
    if return_code:
        raise error_class(cmd=" ".join(command), return_code=return_code, output=process._explanation(output))


def import_module(uri, name=DEFAULT_MODULE_NAME):
    """Fetches the code at an address, installs it as a module, and imports it. Raises ImportModuleError."""
    files.download_and_extract(uri, environment.code_dir)
    prepare(environment.code_dir, name)
    install(environment.code_dir)
    try:
        importlib.invalidate_caches()
        return importlib.reload(importlib.import_module(name))
    except Exception as error:
        raise errors.ImportModuleError(error).with_traceback(error.__traceback__) from error


def _get_codeartifact_index():
    return installing.index_url(os.environ[CA_REPOSITORY_ARN_ENV])
