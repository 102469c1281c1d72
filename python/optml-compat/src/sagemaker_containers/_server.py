"""Starting a server. `optml serve` is one, with workers, queue and health of its own; there is no nginx and no gunicorn."""

from optml_compat import binary, gone
from sagemaker_containers import _logging

logger = _logging.get_logger()


def start(module_app):
    """Serves a WSGI application, `module:attribute`, and does not return: this process becomes `optml serve`."""
    binary.become("serve", variables={"SAGEMAKER_SERVING_MODULE": module_app})


def next_safe_port(port_range, after=None):
    """The first port of `LOW-HIGH`, or the one after `after`, as text. Raises ValueError when that is outside."""
    first, last = (int(port) for port in port_range.split("-"))
    port = int(after) + 1 if after else first
    if not first <= port <= last:
        raise ValueError("{} is outside of the acceptable port range for SageMaker: {}".format(port, port_range))
    return str(port)


_SERVE = "`optml serve` listens by itself, see SAGEMAKER_BIND_TO_PORT; `start` runs it"

__getattr__ = gone.attribute(
    __name__,
    dict.fromkeys(
        ("UNIX_SOCKET_BIND", "nginx_config_file", "nginx_config_template_file", "_create_nginx_config", "_add_sigterm_handler"),
        _SERVE,
    ),
)
