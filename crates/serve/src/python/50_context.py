#part context
"""The context that user functions may ask for: the request around them, and what they want to say about the answer."""

import time

need("media")

STANDARD_UNITS = {"ms": "Milliseconds", "s": "Seconds", "us": "Microseconds", "B": "Bytes", "kB": "Kilobytes",
                  "KB": "Kilobytes", "MB": "Megabytes", "GB": "Gigabytes", "percent": "Percent", "%": "Percent",
                  "count": "Count", "": "None"}


class Context:
    """What the reference's context has, for one request; before there is one it has the model's part only."""

    def __init__(self, request=None):
        self._request = request
        self._headers = None
        self._status = None
        self._answer_headers = []
        gpu = WORKER.setting("gpu_id")
        self.system_properties = {
            "model_dir": WORKER.setting("model_dir"),
            "gpu_id": int(gpu) if gpu.isdigit() else None,
            "batch_size": 1,
            "server_name": "optml",
            "server_version": WORKER.setting("server_version", "1"),
        }
        self.model_name = WORKER.setting("model_name", "model")
        self.manifest = {"model": {"modelName": self.model_name, "handler": WORKER.setting("entry")}}
        self.request_processor = [RequestProcessor(self)]
        self.metrics = Metrics(self)

    @property
    def body_view(self):
        """The body as it came, without a copy. Whoever keeps it keeps the memory of the request."""
        return None if self._request is None else self._request.view()

    @property
    def content_type(self):
        """The parsed `Content-Type`: `essence` and `parameters`."""
        return media_type(self._request.content_type if self._request else "")

    @property
    def accept(self):
        """The parsed `Accept`: a list of ranges, each with `essence` and `weight`."""
        return ranges_of(self._request.accept if self._request else "")

    @property
    def headers(self):
        if self._headers is None:
            pairs = self._request.headers if self._request else ()
            self._headers = Headers((as_text(name), as_text(value)) for name, value in pairs)
        return self._headers

    @property
    def method(self):
        return as_text(self._request.method) if self._request else None

    @property
    def path(self):
        return as_text(self._request.path) if self._request else None

    @property
    def query(self):
        return as_text(self._request.query) if self._request else None

    @property
    def deadline(self):
        """On the clock of `time.monotonic()`, in seconds; `None`: there is none."""
        ns = self._request.deadline_ns if self._request else 0
        return ns / 1e9 if ns else None

    def get_request_id(self, idx=0):
        if self._request is None:
            return ""
        return self.headers.get("X-Amzn-RequestId") or self.headers.get("X-Request-Id") or str(self._request.id)

    def get_request_header(self, idx, key):
        return self.headers.get(key)

    def get_all_request_header(self, idx=0):
        return self.headers

    def set_response_content_type(self, idx, value):
        self.set_response_header(idx, "Content-Type", value)

    def set_response_status(self, code=200, phrase="", idx=0):
        self._status = int(code)

    def set_all_response_status(self, code=200, phrase=""):
        self._status = int(code)

    def set_response_header(self, idx, key, value):
        self._answer_headers = [pair for pair in self._answer_headers if pair[0].lower() != key.lower()]
        self._answer_headers.append((key, value))

    def get_response_headers(self, idx=0):
        return dict(self._answer_headers)

    def answer_type(self):
        """The content type that user code has set, as text."""
        return next((value for key, value in self._answer_headers if key.lower() == "content-type"), None)

    def apply(self, answer):
        """What user code has said here goes over what its result says."""
        if self._status is not None:
            answer.status = self._status
        for key, value in self._answer_headers:
            name = as_field(key)
            answer.headers = [pair for pair in answer.headers if pair[0].lower() != name.lower()]
            answer.headers.append((name, as_field(value)))


class RequestProcessor:
    """The same by the names that handlers of batches use."""

    def __init__(self, context):
        self._context = context

    def get_request_property(self, key):
        return self._context.headers.get(key)

    def get_request_properties(self):
        return self._context.headers

    def report_status(self, code, reason_phrase=None):
        self._context.set_response_status(code)

    def get_response_status_code(self):
        return self._context._status or 200

    def add_response_property(self, key, value):
        self._context.set_response_header(0, key, value)

    def get_response_headers(self):
        return self._context.get_response_headers()

    def get_response_header(self):
        return self._context.get_response_headers()


class Headers(dict):
    """Header fields by name in any case; names keep the case they came in. Repeated ones are joined with commas."""

    def __init__(self, pairs):
        super().__init__()
        self._names = {}
        for name, value in pairs:
            known = self._names.setdefault(name.lower(), name)
            if known in self:
                value = super().__getitem__(known) + ", " + value
            super().__setitem__(known, value)

    def _known(self, name):
        return self._names.get(name.lower(), name) if isinstance(name, str) else name

    def __getitem__(self, name):
        return super().__getitem__(self._known(name))

    def __contains__(self, name):
        return super().__contains__(self._known(name))

    def get(self, name, default=None):
        return super().get(self._known(name), default)


class Metrics:
    """Takes metrics as the reference does, and writes each as one line of CloudWatch's embedded format."""

    def __init__(self, context):
        self._context = context

    def add_counter(self, name, value, idx=None, dimensions=None):
        self.add_metric(name, value, idx, "count", dimensions)

    def add_time(self, name, value, idx=None, unit="ms", dimensions=None):
        self.add_metric(name, value, idx, unit, dimensions)

    def add_size(self, name, value, idx=None, unit="MB", dimensions=None):
        self.add_metric(name, value, idx, unit, dimensions)

    def add_percent(self, name, value, idx=None, dimensions=None):
        self.add_metric(name, value, idx, "percent", dimensions)

    def add_error(self, name, value, dimensions=None):
        self.add_metric(name, value, None, "", dimensions)

    def add_metric(self, name, value, idx=None, unit=None, dimensions=None):
        import json

        line = {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": []}}
        fields = {"Model": self._context.model_name}
        for dimension in dimensions or ():
            # Objects with a name and a value, as the reference has them, or pairs.
            key = getattr(dimension, "name", None)
            key, text = (key, dimension.value) if key is not None else dimension
            fields[str(key)] = str(text)
        if isinstance(value, (int, float)):
            line["_aws"]["CloudWatchMetrics"].append({
                "Namespace": "optml",
                "Dimensions": [list(fields)],
                "Metrics": [{"Name": str(name), "Unit": STANDARD_UNITS.get(unit or "", unit)}],
            })
        line.update(fields)
        line["RequestId"] = self._context.get_request_id()
        line[str(name)] = value if isinstance(value, (int, float)) else str(value)
        print_line(json.dumps(line))


def print_line(line):
    """One line among those of user code. When it has closed its output there is nobody to read it."""
    try:
        sys.stdout.write(line + "\n")
    except (AttributeError, ValueError, OSError):
        try:
            os.write(1, (line + "\n").encode())
        except OSError:
            pass
