#part wsgi
"""A WSGI application (PEP 3333), called like a function."""

import io
from urllib.parse import unquote_to_bytes

need("media")


class WsgiApplication:
    """The callable, and one call of it for each request."""

    bits = 0
    is_async = uses_arrays = False
    direct = None
    functions = {}

    def __init__(self, application):
        self.application = application

    def respond(self, request, write):
        return WsgiCall(request, write).run(self.application)

    def warm_up(self):
        """One `GET /ping`, since some applications load their model at the first request."""
        request = ping_request()
        call = WsgiCall(request, lambda *frames: None)
        need("faults")
        try:
            call.run(self.application)
        except Exception as error:
            complain("the warm-up request GET /ping failed: %s: %s" % (type(error).__name__, text_of(error)))
        else:
            if call.status is not None and call.status >= 500:
                complain("the warm-up request GET /ping was answered with status %d" % call.status)


def ping_request():
    request = Request()
    request.id = request.flags = request.deadline_ns = request.peer_port = 0
    request.body = b""
    request.method, request.path, request.query, request.peer = b"GET", b"/ping", b"", b"127.0.0.1"
    request.headers = [(b"host", b"localhost")]
    request.version = (1, 1)
    request.stage = "predict"
    request.took_us = 0
    request.incoming = request.context = request.watches = request.lent = None
    return request


class WsgiCall:
    """One request: what PEP 3333 calls the server's side of it."""

    def __init__(self, request, write):
        self.request = request
        self.write_frames = write
        self.status = None
        self.headers = None
        self.n_bytes = None
        # Open once something was sent.
        self.stream = None

    def run(self, application):
        started = monotonic_ns()
        result = application(environ_of(self.request), self.start_response)
        try:
            blocks = iter(result)
            # The head may come as late as the first block that isn't empty.
            first = next((block for block in blocks if block), b"")
            self.request.took_us = (monotonic_ns() - started) // 1000
            if self.status is None:
                raise RuntimeError("the application did not call start_response()")
            if self.stream is None and self.is_whole(result, first):
                rest = b"".join(blocks) if isinstance(result, (list, tuple)) else b""
                return transmit(self.request, Answer(first + rest if rest else first, self.status, self.fields()),
                                self.write_frames)
            self.send(first)
            for block in blocks:
                self.send(block)
            return self.stream.end()
        except BaseException as error:
            if self.stream is None:
                raise
            return self.break_off(error)
        finally:
            end = getattr(result, "close", None)
            if end is not None:
                end()

    def is_whole(self, result, first):
        """Whether there is no more than the first block, or the rest is there already."""
        if not first or self.n_bytes is not None and len(first) >= self.n_bytes:
            return True
        return isinstance(result, (list, tuple))

    def start_response(self, status, headers, exc_info=None):
        if exc_info is not None:
            try:
                if self.stream is not None:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.status is not None:
            raise AssertionError("start_response() was called a second time without exc_info")
        self.status = int(status.split(None, 1)[0])
        self.headers = list(headers)
        length = next((value for name, value in headers if name.lower() == "content-length"), "")
        self.n_bytes = int(length) if length.isdigit() else None
        return self.write

    def write(self, data):
        """The way of older applications: what is written is sent before this returns."""
        if self.status is None:
            raise AssertionError("write() before start_response()")
        if data:
            self.send(data)

    def send(self, data):
        if not isinstance(data, bytes):
            raise TypeError("a WSGI application must give bytes, not %s" % type(data).__name__)
        if self.stream is None:
            self.stream = Stream(self.request, Answer(status=self.status, headers=self.fields()), self.write_frames)
            self.stream.begin(self.n_bytes)
        self.stream.send(data)

    def fields(self):
        """The length is told apart from the headers, but for an answer that has none of its body."""
        is_bodiless = self.request.method == b"HEAD" or self.status in (204, 304)
        return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers
                if is_bodiless or name.lower() != "content-length"]

    def break_off(self, error):
        WORKER.windows.close(self.request.id)
        return pack_exception(self.request, error)


def environ_of(request):
    body = request.raw_body()
    environ = {
        "REQUEST_METHOD": request.method.decode("latin-1"),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query.decode("latin-1"),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": WORKER.setting("server_port", "8080"),
        "SERVER_PROTOCOL": "HTTP/%d.%d" % tuple(request.version),
        "REMOTE_ADDR": request.peer.decode("latin-1"),
        "REMOTE_PORT": str(request.peer_port),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr if sys.stderr is not None else io.StringIO(),
        "wsgi.multithread": WORKER.concurrency > 1,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for raw_name, raw_value in request.headers:
        name = raw_name.decode("latin-1").upper().replace("-", "_")
        value = raw_value.decode("latin-1")
        if name == "CONTENT_LENGTH" or b"_" in raw_name:
            # A name with an underscore would look like another header.
            continue
        key = name if name == "CONTENT_TYPE" else "HTTP_" + name
        environ[key] = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + value if key in environ else value
    host = environ.get("HTTP_HOST", "")
    if host:
        environ["SERVER_NAME"] = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return environ
