"""A WSGI application that serves a model. `optml serve` runs it: SAGEMAKER_SERVING_MODULE names it as `module:attribute`."""

import http
import threading

from optml_compat import requests
from sagemaker_containers import _content_types, _env, _logging, _mapping

_FLASK = (
    "this is a plain WSGI application, not one of Flask; where you need Flask, write the application with it and let `optml serve` "
    "run that"
)


def default_healthcheck_fn():
    """Says that the application is there."""
    return Response(status=http.HTTPStatus.OK)


class Worker:
    """Answers POST /invocations with `transform_fn()`, GET /ping with `healthcheck_fn()`, and GET /execution-parameters.

    `initialize_fn()` is called once, before the first request; `optml serve` makes that request itself, while it loads. An exception
    of any of them is passed on to the server, which says what it was.
    """

    def __init__(self, transform_fn, initialize_fn=None, module_name=None, healthcheck_fn=None, execution_parameters_fn=None):
        env = _env.ServingEnv()
        _logging.configure_logger(env.log_level)
        self.name = self.import_name = module_name or env.module_name
        self._initialize_fn = initialize_fn
        self._lock = threading.Lock()
        self._routes = {
            "/invocations": (transform_fn, ("POST",)),
            "/ping": (healthcheck_fn or default_healthcheck_fn, ("GET", "HEAD", "POST")),
        }
        if execution_parameters_fn:
            self._routes["/execution-parameters"] = (execution_parameters_fn, ("GET", "HEAD"))

    def _initialize(self):
        if self._initialize_fn is not None:
            with self._lock:
                if self._initialize_fn is not None:
                    self._initialize_fn()
                    self._initialize_fn = None

    def __call__(self, environ, start_response):
        return self._answer(environ)(environ, start_response)

    wsgi_app = __call__

    def _answer(self, environ):
        self._initialize()
        path, method = environ.get("PATH_INFO", "/"), environ.get("REQUEST_METHOD", "GET")
        if path not in self._routes:
            return requests.problem(404, "ResourceNotFoundException", "there is no route `{}`".format(path))
        view, methods = self._routes[path]
        if method not in methods:
            message = "`{}` takes {}, not {}".format(path, ", ".join(methods), method)
            return requests.problem(405, "MethodNotAllowedException", message, {"Allow": ", ".join(methods)})
        token = requests.CURRENT.set(environ)
        try:
            return requests.response_of(view(), Response)
        finally:
            requests.CURRENT.reset(token)

    def __getattr__(self, name):
        raise AttributeError("a Worker has no `{}`\nhint: {}".format(name, _FLASK))


class Response(requests.Response):
    """An answer. No charset is added to its content type."""

    default_mimetype = _content_types.JSON

    def __init__(
        self, response=None, accept=None, status=http.HTTPStatus.OK, headers=None, mimetype=None, direct_passthrough=False
    ):
        super().__init__(response, int(status) if isinstance(status, http.HTTPStatus) else status, headers, mimetype)


class Request(_mapping.MappingMixin):
    """The request that is being answered, or the one of an `environ`; a mapping over its properties."""

    default_mimetype = _content_types.JSON

    def __init__(self, environ=None, serving_env=None):
        if environ is None:
            environ = requests.CURRENT.get(None)
        if environ is None:
            raise RuntimeError("there is no request here: Request() is for functions that a Worker calls, others pass an environ")
        self.environ = environ
        self._headers = requests.fields_of(environ)
        self._default_accept = (serving_env or _env.ServingEnv()).default_accept

    @property
    def headers(self):
        """The header fields, by name in any case."""
        return self._headers

    @property
    def method(self):
        """The method."""
        return self.environ.get("REQUEST_METHOD", "GET")

    @property
    def path(self):
        """The path, without query."""
        return self.environ.get("PATH_INFO", "/")

    @property
    def content_type(self):
        """The content type of the body; JSON when the request names none."""
        return self._headers.get("ContentType") or self._headers.get("Content-Type") or _content_types.JSON

    @property
    def accept(self):
        """The content type that the client wants, the server's own when it has no wish."""
        accept = self._headers.get("Accept")
        return self._default_accept if not accept or accept == _content_types.ANY else accept

    @property
    def content(self):
        """The body: text when it is JSON or CSV, else bytes."""
        essence = self.content_type.split(";")[0].strip().lower()
        return self.get_data(as_text=essence in _content_types.UTF8_TYPES)

    @property
    def data(self):
        """The body as bytes."""
        return self.get_data()

    def get_data(self, cache=True, as_text=False):
        """The body, as bytes or as text."""
        data = requests.body_of(self.environ)
        return data.decode("utf-8") if as_text else data

    def __getattr__(self, name):
        raise AttributeError("a Request has no `{}`\nhint: {}".format(name, _FLASK))


def __getattr__(name):
    # Read when it is asked for: importing looks at nothing.
    if name == "env":
        return _env.ServingEnv()
    raise AttributeError("module {!r} has no attribute {!r}".format(__name__, name))
