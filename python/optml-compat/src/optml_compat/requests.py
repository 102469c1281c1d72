"""Requests and answers of a WSGI application, without a framework."""

import contextvars
import http
import io
import json

# The environ of the request that is being answered.
CURRENT: contextvars.ContextVar[dict] = contextvars.ContextVar("optml_compat_environ")


class Fields(dict):
    """Header fields by name in any case."""

    def __init__(self, pairs=()):
        super().__init__()
        self._names = {}
        for name, value in pairs:
            self[name] = value

    def _known(self, name):
        return self._names.get(name.lower(), name)

    def __setitem__(self, name, value):
        super().__setitem__(self._names.setdefault(name.lower(), name), value)

    def __getitem__(self, name):
        return super().__getitem__(self._known(name))

    def __contains__(self, name):
        return super().__contains__(self._known(name))

    def __delitem__(self, name):
        super().__delitem__(self._names.pop(name.lower(), name))

    def get(self, name, default=None):
        return super().get(self._known(name), default)


def fields_of(environ):
    """The header fields of a request."""
    fields = Fields()
    for key, value in environ.items():
        if key.startswith("HTTP_"):
            fields["-".join(part.capitalize() for part in key[5:].split("_"))] = value
    for key, name in (("CONTENT_TYPE", "Content-Type"), ("CONTENT_LENGTH", "Content-Length")):
        if environ.get(key):
            fields[name] = environ[key]
    # Some senders once left the dash out.
    if "Contenttype" in fields:
        fields["ContentType"] = fields["Contenttype"]
    return fields


def body_of(environ):
    """The body of a request. It can be read again: the stream is replaced by the bytes."""
    known = environ.get("optml_compat.body")
    if known is None:
        length = environ.get("CONTENT_LENGTH") or ""
        stream = environ["wsgi.input"]
        known = stream.read(int(length)) if length.isdigit() else stream.read() if environ.get("wsgi.input_terminated") else b""
        environ["optml_compat.body"] = known
        environ["wsgi.input"] = io.BytesIO(known)
    return known


class Response:
    """An answer: a body, a status, header fields. A WSGI application too."""

    default_mimetype = "application/json"

    def __init__(self, response=None, status=200, headers=None, mimetype=None):
        self.response = response
        self.status_code = int(str(status).split(" ", 1)[0])
        self.headers = Fields(headers.items() if hasattr(headers, "items") else headers or ())
        if mimetype is not None or "Content-Type" not in self.headers:
            self.headers["Content-Type"] = mimetype or self.default_mimetype

    @property
    def content_type(self):
        return self.headers.get("Content-Type")

    @content_type.setter
    def content_type(self, value):
        self.headers["Content-Type"] = value

    @property
    def mimetype(self):
        return self.content_type.split(";")[0].strip()

    @mimetype.setter
    def mimetype(self, value):
        self.content_type = value

    @property
    def status(self):
        return "{} {}".format(self.status_code, http.HTTPStatus(self.status_code).phrase)

    @property
    def data(self):
        """The whole body, as bytes."""
        return self.get_data()

    def get_data(self, as_text=False):
        """The whole body, as bytes or as text."""
        data = b"".join(chunks_of(self.response))
        return data.decode("utf-8") if as_text else data

    @property
    def json(self):
        return json.loads(self.get_data())

    def __call__(self, environ, start_response):
        chunks = chunks_of(self.response)
        if isinstance(chunks, list):
            self.headers["Content-Length"] = str(sum(map(len, chunks)))
        start_response(self.status, [(name, str(value)) for name, value in self.headers.items()])
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else chunks


def chunks_of(body):
    """A body as pieces of bytes: a list where it is there already, else a generator."""
    if body is None:
        return []
    if isinstance(body, str):
        return [body.encode("utf-8")]
    if isinstance(body, (bytes, bytearray, memoryview)):
        return [bytes(body)]
    pieces = (piece.encode("utf-8") if isinstance(piece, str) else bytes(piece) for piece in body)
    return list(pieces) if isinstance(body, (list, tuple)) else pieces


def response_of(result, response_class):
    """What a function for a route has returned, as an answer: an answer, a body, or a body with status and header fields."""
    if callable(result):
        return result
    status, headers = 200, None
    if isinstance(result, tuple):
        body, *rest = result
        for part in rest:
            if isinstance(part, int):
                status = part
            else:
                headers = part
        if callable(body):
            return body
        result = body
    if isinstance(result, dict):
        result = json.dumps(result)
    return response_class(result, status=status, headers=headers)


def problem(status, kind, message, headers=None):
    """An error in the form that all errors of `optml serve` have."""
    body = json.dumps({"code": status, "type": kind, "message": message})
    return Response(body, status=status, headers=headers)
