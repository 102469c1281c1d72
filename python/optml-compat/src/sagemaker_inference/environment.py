"""The settings of a server, from its variables."""

import os

from sagemaker_inference import content_types, logging, parameters

logger = logging.get_logger()

DEFAULT_MODULE_NAME = "inference.py"
DEFAULT_MODEL_SERVER_TIMEOUT = "60"
DEFAULT_STARTUP_TIMEOUT = "600"
DEFAULT_HTTP_PORT = "8080"
DEFAULT_VMARGS = "-XX:-UseContainerSupport"
DEFAULT_MAX_REQUEST_SIZE = None

SAGEMAKER_BASE_PATH = "/opt/ml"

base_dir = os.environ.get(parameters.BASE_PATH_ENV) or SAGEMAKER_BASE_PATH
model_dir = os.path.join(base_dir, "models" if os.environ.get(parameters.MULTI_MODEL_ENV) == "true" else "model")
code_dir = os.path.join(model_dir, "code")


class Environment:
    """The settings of a server, as they are when this is built. Raises ValueError for a number that is none."""

    def __init__(self):
        variable = os.environ.get
        self._module_name = variable(parameters.USER_PROGRAM_ENV) or DEFAULT_MODULE_NAME
        self._model_server_timeout = int(variable(parameters.MODEL_SERVER_TIMEOUT_ENV) or DEFAULT_MODEL_SERVER_TIMEOUT)
        seconds = variable(parameters.MODEL_SERVER_TIMEOUT_SECONDS_ENV)
        self._model_server_timeout_seconds = int(seconds) if seconds else None
        self._model_server_workers = variable(parameters.MODEL_SERVER_WORKERS_ENV)
        self._startup_timeout = int(variable(parameters.STARTUP_TIMEOUT_ENV) or DEFAULT_STARTUP_TIMEOUT)
        self._default_accept = variable(parameters.DEFAULT_INVOCATIONS_ACCEPT_ENV) or content_types.JSON
        self._http_port = variable(parameters.BIND_TO_PORT_ENV) or DEFAULT_HTTP_PORT
        self._safe_port_range = variable(parameters.SAFE_PORT_RANGE_ENV)
        self._vmargs = variable(parameters.MODEL_SERVER_VMARGS, DEFAULT_VMARGS)
        self._max_request_size_in_mb = variable(parameters.MAX_REQUEST_SIZE) or DEFAULT_MAX_REQUEST_SIZE

    @staticmethod
    def _parse_module_name(program_param):
        if program_param and program_param.endswith(".py"):
            return program_param[: -len(".py")]
        return program_param

    @property
    def module_name(self):
        """The user's module, without `.py`."""
        return self._parse_module_name(self._module_name)

    @property
    def model_server_timeout(self):
        """What `SAGEMAKER_MODEL_SERVER_TIMEOUT` says, 60 without it. `optml serve` takes it for seconds."""
        return self._model_server_timeout

    @property
    def model_server_timeout_seconds(self):
        """Seconds that a request may take, or None."""
        return self._model_server_timeout_seconds

    @property
    def model_server_workers(self):
        """How many workers there are to be, a text, or None."""
        return self._model_server_workers

    @property
    def startup_timeout(self):
        """Seconds that loading may take."""
        return self._startup_timeout

    @property
    def default_accept(self):
        """The content type of answers when a request names none."""
        return self._default_accept

    @property
    def inference_http_port(self):
        """The port, a text."""
        return self._http_port

    @property
    def management_http_port(self):
        """The same port."""
        return self._http_port

    @property
    def safe_port_range(self):
        """`LOW-HIGH`: ports that a container may use, or None."""
        return self._safe_port_range

    @property
    def vmargs(self):
        """Words for a Java machine. There is none here."""
        return self._vmargs

    @property
    def max_request_size(self):
        """The largest body in bytes, or None."""
        return int(self._max_request_size_in_mb) * 1024 * 1024 if self._max_request_size_in_mb is not None else None
