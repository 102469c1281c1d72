"""The environment of a serving container."""

from __future__ import annotations

from optml import _native, machine
from optml.files import variables
from optml.mapping import Properties

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional


class ServingEnv(Properties):
    """What a serving container is told by its variables: a read-only mapping over the properties below.

    Loaded once, when it is made; the GPUs are counted when they are asked for.

    Raises:
        ConfigError: every variable that cannot be read, at once.

    Source: sagemaker-containers 2.8.6; where toolkits disagree, docs/variables.md.
    """

    __slots__ = ("_n_gpus", "_values")

    def __init__(self) -> None:
        self._values: dict[str, Any] = _native.serving_env(variables(), machine.num_cpus())
        self._n_gpus: Optional[int] = None

    @property
    def current_host(self) -> Optional[str]:
        """The name of this host: ``CURRENT_HOST``. Unset or empty: None."""
        return self._values["current_host"]

    @property
    def default_accept(self) -> str:
        """The media type of an answer when the request names none: ``SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT``, else ``application/json``."""
        return self._values["default_accept"]

    @property
    def framework_module(self) -> Optional[str]:
        """``module:function`` that answers requests: ``SAGEMAKER_SERVING_MODULE``. Unset or empty: None."""
        return self._values["framework_module"]

    @property
    def http_port(self) -> str:
        """The port of ``/ping`` and ``/invocations``: ``SAGEMAKER_BIND_TO_PORT``, else ``8080``. A text, as in the reference."""
        return self._values["http_port"]

    @property
    def log_level(self) -> int:
        """As Python counts: ``SAGEMAKER_CONTAINER_LOG_LEVEL``, else 20."""
        return self._values["log_level"]

    @property
    def model_dir(self) -> str:
        """Where the model is: ``/opt/ml/model``."""
        return self._values["model_dir"]

    @property
    def model_server_timeout(self) -> int:
        """Seconds that one request may take: ``SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS``, else ``SAGEMAKER_MODEL_SERVER_TIMEOUT``, else 60."""
        return self._values["model_server_timeout"]

    @property
    def model_server_workers(self) -> int:
        """Worker processes: ``SAGEMAKER_MODEL_SERVER_WORKERS``, else one for each processor."""
        return self._values["model_server_workers"]

    @property
    def module_dir(self) -> str:
        """Where the user's code is: ``SAGEMAKER_SUBMIT_DIRECTORY``, else ``/opt/ml/code``."""
        return self._values["module_dir"]

    @property
    def module_name(self) -> Optional[str]:
        """The entry point without one trailing ``.py``. None without an entry point."""
        return self._values["module_name"]

    @property
    def num_cpus(self) -> int:
        """Processors. See `optml.num_cpus`."""
        return self._values["num_cpus"]

    @property
    def num_gpus(self) -> int:
        """GPUs. See `optml.num_gpus`: the first look may start a process."""
        if self._n_gpus is None:
            self._n_gpus = machine.num_gpus()
        return self._n_gpus

    @property
    def safe_port_range(self) -> Optional[str]:
        """``LOW-HIGH``, the ports that may be used inside of the container: ``SAGEMAKER_SAFE_PORT_RANGE``. Unset or empty: None."""
        return self._values["safe_port_range"]

    @property
    def use_nginx(self) -> bool:
        """Whether the image asks for nginx in front: ``SAGEMAKER_USE_NGINX``, else True. There is none; programs may ask."""
        return self._values["use_nginx"]

    @property
    def user_entry_point(self) -> Optional[str]:
        """The user's file: ``SAGEMAKER_PROGRAM``. Unset or empty: None."""
        return self._values["user_entry_point"]
