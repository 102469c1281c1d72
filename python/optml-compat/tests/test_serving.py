"""Serving with the classes of both generations: called as their servers call them, and by a real `optml serve`."""

import io
import json
import os
import wsgiref.util
import wsgiref.validate

import pytest

from conftest import Tree
from server import Server

MODEL = """
import os

def model_fn(model_dir):
    return float(open(os.path.join(model_dir, "factor")).read())

def predict_fn(data, model):
    return data * model
"""

FRAMEWORK = """
from sagemaker_containers.beta.framework import transformer, worker
import inference

made = transformer.Transformer(model_fn=inference.model_fn, predict_fn=inference.predict_fn)
app = worker.Worker(transform_fn=made.transform, initialize_fn=made.initialize, module_name="inference",
                    execution_parameters_fn=lambda: '{"MaxConcurrentTransforms": 2}')
"""

# A handler service of its own, which looks at what it is given.
SERVICE = """
from sagemaker_inference import content_types, encoder, errors
from sagemaker_inference.default_handler_service import DefaultHandlerService
from sagemaker_inference.default_inference_handler import DefaultInferenceHandler
from sagemaker_inference.transformer import Transformer

class Handler(DefaultInferenceHandler):
    def default_predict_fn(self, data, model, context=None):
        if (data < 0).any():
            raise errors.GenericInferenceToolkitError(422, "negative", "Bad\\r\\nData")
        context.set_response_header(0, "X-Amzn-SageMaker-Custom-Attributes", context.get_request_header(0, "X-Given") or "none")
        return data + model

class Service(DefaultHandlerService):
    def __init__(self):
        super().__init__(transformer=Transformer(default_inference_handler=Handler()))
"""


@pytest.fixture
def model(tmp_path):
    tree = Tree(tmp_path / "opt-ml")
    tree.write("model/factor", "10")
    tree.write("model/code/inference.py", MODEL)
    return tree


@pytest.fixture
def server(model):
    """Starts servers from Python text, ready or not; they are gone after the test."""
    started = []

    def start(code, ready=True, **variables):
        new = Server(code, {**model.variables, **variables})
        started.append(new)
        return new.ready() if ready else new

    yield start
    for each in started:
        each.stop()


def ask(app, path, method="GET", body=b"", **fields):
    """What a WSGI application answers; `wsgiref.validate` watches both sides."""
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **{name if name == "CONTENT_TYPE" else "HTTP_" + name: value for name, value in fields.items()},
    }
    wsgiref.util.setup_testing_defaults(environ)
    said = []

    def start_response(status, headers, exc_info=None):
        said.append((status, dict(headers)))
        return lambda data: None

    answer = wsgiref.validate.validator(app)(environ, start_response)
    try:
        body = b"".join(answer)
    finally:
        answer.close()
    status, headers = said[0]
    return int(status.split()[0]), headers, body


class TestWorker:
    def app(self, **functions):
        from sagemaker_containers.beta.framework import transformer, worker

        parts = {"model_fn": lambda folder: 10, "predict_fn": lambda data, model: data * model}
        made = transformer.Transformer(**{**parts, **functions})
        return worker.Worker(transform_fn=made.transform, initialize_fn=made.initialize, module_name="mine")

    def test_routes(self):
        app = self.app()
        assert ask(app, "/ping")[::2] == (200, b"") and ask(app, "/ping", "HEAD")[0] == 200
        assert ask(app, "/nowhere")[0] == 404 and ask(app, "/execution-parameters")[0] == 404
        status, headers, _ = ask(app, "/invocations")
        assert (status, headers["Allow"]) == (405, "POST")

    def test_answers(self):
        app = self.app()
        assert ask(app, "/invocations", "POST", b"[1, 2]")[::2] == (200, b"[10, 20]")
        status, headers, body = ask(app, "/invocations", "POST", b"1,2\n3,4", CONTENT_TYPE="text/csv", ACCEPT="text/csv")
        assert (status, headers["Content-Type"], body) == (200, "text/csv", b"10.0,20.0\n30.0,40.0\n")
        assert ask(app, "/invocations", "POST", b"[1]", ACCEPT="*/*")[1]["Content-Type"] == "application/json"

    def test_types_that_nobody_knows(self):
        app = self.app()
        for fields, wanted in (({"CONTENT_TYPE": "image/png"}, 415), ({"ACCEPT": "image/png"}, 406)):
            status, headers, body = ask(app, "/invocations", "POST", b"[1]", **fields)
            assert status == wanted and headers["Content-Type"] == "application/json"
            told = json.loads(body)
            assert list(told) == ["error", "error-message", "stack-trace"] and told["error"] == "UnsupportedFormatError"
            # Lines of code are no business of a client's.
            assert told["stack-trace"] == ""
        assert ask(app, "/invocations", "POST", b"[1,")[0] == 400

    def test_functions_of_the_user(self):
        from sagemaker_containers.beta.framework import errors, worker

        app = self.app(
            input_fn=lambda body, kind: (body, kind),
            predict_fn=lambda data, model: data,
            output_fn=lambda got, accept: ("{}|{}".format(*got), "text/plain"),
        )
        status, headers, body = ask(app, "/invocations", "POST", b"x", CONTENT_TYPE="a/b")
        assert (status, headers["Content-Type"], body) == (200, "text/plain", b"b'x'|a/b")
        whole = self.app(
            predict_fn=None, transform_fn=lambda model, body, kind, accept: worker.Response(body + "!", mimetype=accept)
        )
        assert ask(whole, "/invocations", "POST", b"[1]")[2] == b"[1]!"
        failing = self.app(predict_fn=lambda data, model: 1 / 0)
        with pytest.raises(errors.ClientError, match="division by zero"):
            ask(failing, "/invocations", "POST", b"[1]")
        with pytest.raises(ValueError, match="Cannot use transform_fn"):
            self.app(transform_fn=lambda *_: None)

    def test_what_is_missing_is_said(self):
        with pytest.raises(NotImplementedError, match="model_fn"):
            ask(self.app(model_fn=None), "/ping")
        with pytest.raises(NotImplementedError, match="predict_fn"):
            ask(self.app(predict_fn=None), "/invocations", "POST", b"[1]")

    def test_the_model_is_loaded_once(self):
        from sagemaker_containers.beta.framework import worker

        loads = []
        app = worker.Worker(transform_fn=lambda: "x", initialize_fn=lambda: loads.append(1), healthcheck_fn=lambda: ("no", 503))
        assert not loads
        assert ask(app, "/ping")[::2] == (503, b"no")
        assert ask(app, "/invocations", "POST", b"")[2] == b"x" and loads == [1]

    def test_parts_of_flask_say_what_to_use(self):
        app = self.app()
        with pytest.raises(AttributeError, match="hint: .*Flask"):
            app.test_client()
        from sagemaker_containers.beta.framework import worker

        with pytest.raises(RuntimeError, match="there is no request here"):
            worker.Request()
        request = worker.Request(
            {"REQUEST_METHOD": "POST", "wsgi.input": io.BytesIO(b"[1]"), "CONTENT_LENGTH": "3", "HTTP_CONTENTTYPE": "text/csv"}
        )
        assert dict(request)["content_type"] == "text/csv" and request.content == "[1]" and request.get_data() == b"[1]"
        response = worker.Response("é", headers={"a": "b"})
        assert (response.status, response.mimetype, response.data, response.headers["A"]) == (
            "200 OK",
            "application/json",
            "é".encode(),
            "b",
        )


class TestTransformer:
    class Processor:
        def __init__(self, fields):
            self.fields = fields

        def get_request_properties(self):
            return self.fields

    class Context:
        def __init__(self, *fields, model_dir="m"):
            self.system_properties = {"model_dir": model_dir}
            self.request_processor = [TestTransformer.Processor(each) for each in fields]
            self.types, self.status = {}, None

        def set_response_content_type(self, index, value):
            self.types[index] = value

        def set_response_status(self, code=200, phrase="", idx=0):
            self.status = (code, phrase)

    @pytest.fixture
    def made(self, tmp_path, monkeypatch):
        """A Transformer of a user's module."""
        from sagemaker_inference.transformer import Transformer

        def make(text, handler=None):
            name = "user_module_{}".format(abs(hash(text)))
            (tmp_path / (name + ".py")).write_text(text)
            monkeypatch.syspath_prepend(str(tmp_path))
            monkeypatch.setenv("SAGEMAKER_PROGRAM", name + ".py")
            return Transformer(handler)

        return make

    def test_a_batch(self, made):
        transformer = made("def model_fn(d): return 10\ndef predict_fn(data, model): return data * model\n")
        context = self.Context(
            {"Content-Type": "application/json"}, {"content-TYPE": "text/csv; charset=utf-8", "accept": "text/csv"}
        )
        answers = transformer.transform([{"body": bytearray(b"[1, 2]")}, {"body": b"3\n4"}], context)
        assert answers == ["[10, 20]", "30\n40\n"] and context.types == {0: "application/json", 1: "text/csv"}

    def test_negotiation(self, made):
        transformer = made("def model_fn(d): return 1\ndef predict_fn(data, model): return data\n")
        for accept, wanted in (
            ("*/*", "application/json"),
            ("text/csv;q=0.1, application/json;q=0.9", "application/json"),
            ("image/png, text/csv", "text/csv"),
        ):
            context = self.Context({"Content-Type": "application/json", "Accept": accept})
            transformer.transform([{"body": b"[1]"}], context)
            assert context.types[0] == wanted and context.status is None

    @pytest.mark.parametrize(
        "fields,body,code",
        [
            ({"Content-Type": "image/png"}, b"x", 415),
            ({"Content-Type": "application/json", "Accept": "image/png"}, b"[1]", 406),
            ({"Content-Type": "application/json"}, b"[1,", 400),
            ({"Content-Type": "text/csv"}, b"\xff", 400),
        ],
    )
    def test_faults_of_a_request(self, made, fields, body, code):
        transformer = made("def model_fn(d): return 1\ndef predict_fn(data, model): return data\n")
        context = self.Context(fields)
        (answer,) = transformer.transform([{"body": body}], context)
        assert context.status[0] == code and "Traceback" not in answer

    def test_faults_of_the_users_code(self, made, caplog):
        from sagemaker_inference import errors

        transformer = made("def model_fn(d): return 1\ndef predict_fn(data, model): raise KeyError('inner')\n")
        context = self.Context({"Content-Type": "application/json"})
        assert transformer.transform([{"body": b"[1]"}], context) == ["'inner'"] and context.status == (500, "'inner'")
        assert "Traceback" in caplog.text
        error = errors.GenericInferenceToolkitError(429)
        assert (error.status_code, error.message, error.phrase) == (429, "Invalid Request", "Invalid Request")

    def test_a_load_that_failed_is_not_tried_again(self, made):
        transformer = made("loads = []\ndef model_fn(d):\n    loads.append(1)\n    raise OSError('no file %d' % len(loads))\n")
        for _ in range(2):
            with pytest.raises(OSError, match="no file 1"):
                transformer.validate_and_initialize("m", self.Context({}))

    def test_order_of_loading_and_contexts(self, made):
        transformer = made(
            "said = []\n"
            "def pre_model_fn(model_dir): said.append(('pre', model_dir))\n"
            "def model_fn(model_dir, context): said.append(('model', type(context).__name__)); return 'M'\n"
            "def model_warmup_fn(model_dir, model, *more): said.append(('warm', model, len(more)))\n"
            "def transform_fn(model, body, content_type, accept, verbose=False): return str(said), 'text/plain'\n"
        )
        context = self.Context({"Content-Type": "a/b"})
        (answer,) = transformer.transform([{"body": b""}], context)
        assert answer == str([("pre", "m"), ("model", "Context"), ("warm", "M", 1)]) and context.types[0] == "text/plain"

    def test_a_function_that_can_not_be_called(self, made):
        transformer = made("def model_fn(): pass\n")
        with pytest.raises(TypeError, match="model_fn takes 0 arguments but 1 were given."):
            transformer.validate_and_initialize("m", self.Context({}))

    def test_two_ways_at_once_are_refused(self, made):
        transformer = made("def model_fn(d): pass\ndef transform_fn(*a): pass\ndef input_fn(a, b): pass\n")
        with pytest.raises(ValueError, match="Cannot use transform_fn implementation in conjunction"):
            transformer.validate_and_initialize("m", self.Context({}))


def test_the_first_generation_behind_optml_serve(server, model):
    model.write("model/code/framework_app.py", FRAMEWORK)
    code = "from sagemaker_containers.beta.framework import server; server.start('framework_app:app')"
    running = server(code, SAGEMAKER_SUBMIT_DIRECTORY=model.path("model/code"))
    assert running.post(b"[1, 2]") == (200, "application/json", b"[10.0, 20.0]")
    assert running.post(b"1,2\n3,4", "text/csv", Accept="text/csv") == (200, "text/csv", b"10.0,20.0\n30.0,40.0\n")
    assert running.post(b"x", "image/png")[0] == 415
    assert running.get("/execution-parameters")[2] == b'{"MaxConcurrentTransforms": 2}'


def test_the_default_service_is_the_servers_own(server):
    running = server("from sagemaker_inference import model_server; model_server.start_model_server()")
    assert running.post(b"[1, 2]") == (200, "application/json", b"[10.0, 20.0]")
    assert running.post(b"x", "image/png")[0] == 415


@pytest.mark.parametrize("form", ["module", "file", "function"])
def test_a_handler_service_behind_optml_serve(server, model, form):
    spec = "service"
    text = SERVICE
    if form == "file":
        spec = model.path("model/code/service.py")
    if form == "function":
        spec = "service:run"
        text += "\nmade = Service()\ndef run(data, context):\n    return made.initialize(context) if data is None else made.handle(data, context)\n"
    model.write("model/code/service.py", text)
    model.write("model/code/inference.py", "def model_fn(model_dir):\n    return 5\n")
    running = server("import sys; from sagemaker_inference import model_server; model_server.start_model_server({!r})".format(spec))
    assert running.post(b"[1, 2]", X_Given="é-free") == (200, "application/json", b"[6, 7]")
    assert running.post(b"1\n2", "text/csv", Accept="text/csv") == (200, "text/csv", b"6\n7\n")
    status, _, body = running.post(b"[-1]")
    assert (status, body) == (422, b"negative")
    assert running.post(b"x", "image/png")[0] == 415


def test_a_handler_service_that_can_not_load_ends_the_server(server, model):
    model.write("model/code/service.py", "class One:\n    pass\n")
    running = server("from sagemaker_inference import model_server; model_server.start_model_server('service')", ready=False)
    assert running.ended() == 1
    assert b"defines 0 classes" in running.log


def test_the_command_serve(server):
    running = server("import sys; sys.argv = ['serve']; from sagemaker_containers.cli import serve; serve.main()")
    assert running.post(b"[3]")[2] == b"[30.0]"
    assert os.path.basename(running.process.args[0]).startswith("python")
