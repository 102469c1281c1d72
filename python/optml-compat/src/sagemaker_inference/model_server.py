"""Starting a server. `optml serve` is one; there is no Java and no other process."""

import os
import subprocess

from optml_compat import binary, gone, installing, layout
from sagemaker_inference import environment, logging

logger = logging.get_logger()

DEFAULT_HANDLER_SERVICE = "sagemaker_inference.default_handler_service"
ENABLE_MULTI_MODEL = os.getenv("SAGEMAKER_MULTI_MODEL", "false") == "true"
PYTHON_PATH_ENV = "PYTHONPATH"
REQUIREMENTS_PATH = os.path.join(environment.code_dir, "requirements.txt")

# In a directory of its own: the server puts the directory of a handler on the path of its workers.
_HANDLER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_handler", "optml_handler_service.py")


def start_model_server(handler_service=DEFAULT_HANDLER_SERVICE):
    """Serves the model of this container, and does not return: this process becomes `optml serve`.

    `handler_service` is a module, a file, or either of them with `:function`. With the default one, the functions of the user's
    module are called by the server itself.
    """
    if handler_service == DEFAULT_HANDLER_SERVICE:
        binary.become("serve")
    if os.path.exists(REQUIREMENTS_PATH):
        _install_requirements()
    binary.become(
        "serve",
        variables={
            "COMPAT_HANDLER_SERVICE": handler_service,
            "OPTML_HANDLER": _HANDLER,
            PYTHON_PATH_ENV: layout.import_path(environment.code_dir),
        },
    )


def _set_python_path():
    os.environ[PYTHON_PATH_ENV] = layout.import_path(environment.code_dir)


def _install_requirements():
    """Installs the requirements beside the user's code. Raises CalledProcessError."""
    logger.info("installing the requirements in %s", environment.code_dir)
    subprocess.run(installing.pip() + ["install", "-r", REQUIREMENTS_PATH], env=installing.environment(), check=True)


_SERVE = "`optml serve` serves, and `start_model_server` runs it; its settings are variables of the name OPTML_ and SAGEMAKER_"

__getattr__ = gone.attribute(
    __name__,
    dict.fromkeys(
        (
            "DEFAULT_MMS_CONFIG_FILE",
            "DEFAULT_MMS_LOG_FILE",
            "DEFAULT_MMS_MODEL_EXPORT_DIRECTORY",
            "DEFAULT_MMS_MODEL_NAME",
            "MME_MMS_CONFIG_FILE",
            "MMS_CONFIG_FILE",
            "MMS_NAMESPACE",
            "MODEL_STORE",
            "_adapt_to_mms_format",
            "_add_sigchild_handler",
            "_add_sigterm_handler",
            "_create_model_server_config_file",
            "_generate_mms_config_properties",
            "_reap_children",
            "_retrieve_mms_server_process",
            "_retry_retrieve_mms_server_process",
        ),
        _SERVE,
    ),
)
