"""User functions: how they are found, checked, and called."""

import json

import pytest

PASS = "def input_fn(body, content_type): return body\n"
MODEL = "def model_fn(model_dir): return 'm'\n"


# ---- Signatures

FITTING = [
    "def predict_fn(data, model): return [data, model]",
    "def predict_fn(d, m, context): return [d, m, context.model_name]",
    "def predict_fn(d, m, ctx): return [d, m, ctx.model_name]",
    "def predict_fn(context, d, m): return [d, m, context.model_name]",
    "def predict_fn(d, context, m): return [d, m, context.model_name]",
    "def predict_fn(d, m, extra=5): return [d, m, extra]",
    "def predict_fn(d, m, extra=5, context=None): return [d, m, extra, context.model_name]",
    "def predict_fn(d, m, *, context): return [d, m, context.model_name]",
    "def predict_fn(d, m, *, flag=True, context=None): return [d, m, context.model_name]",
    "def predict_fn(*args): return [args[0], args[1], args[2].model_name]",
    "def predict_fn(d, *args): return [d, args[0], args[1].model_name]",
    "def predict_fn(d, m, **kwargs): return [d, m]",
    "def predict_fn(d, m=None): return [d, m]",
    "import functools\ndef f(k, d, m): return [d, m, k]\npredict_fn = functools.partial(f, 7)",
    "class C:\n    def __call__(self, d, m): return [d, m]\npredict_fn = C()",
    "class C:\n    def __call__(self, d, m, context): return [d, m, context.model_name]\npredict_fn = C()",
    "class C:\n    def f(self, d, m): return [d, m]\npredict_fn = C().f",
    "import functools\ndef w(f):\n    @functools.wraps(f)\n    def g(*a, **k): return f(*a, **k)\n    return g\n"
    "@w\ndef predict_fn(d, m): return [d, m]",
    "import functools\ndef w(f):\n    @functools.wraps(f)\n    def g(*a, **k): return f(*a, **k)\n    return g\n"
    "@w\ndef predict_fn(d, m, context): return [d, m, context.model_name]",
    "async def predict_fn(d, m): return [d, m]",
    "async def predict_fn(d, m, context): return [d, m, context.model_name]",
    "class C:\n    async def __call__(self, d, m): return [d, m]\npredict_fn = C()",
    "import functools\nasync def f(k, d, m): return [d, m]\npredict_fn = functools.partial(f, 7)",
    "predict_fn = lambda d, m: [d, m]",
]


@pytest.mark.parametrize("code", FITTING)
def test_signatures_that_fit(worker, code):
    front = worker("def input_fn(body, content_type): return 1\n" + MODEL + code, model_name="name")
    got = json.loads(front.ask("x").body)
    assert got[:2] == [1, "m"]
    assert len(got) < 3 or got[-1] in ("name", 5, 7)


UNFITTING = [
    ("def predict_fn(data): return 1", "predict_fn(data)"),
    ("def predict_fn(): return 1", "predict_fn()"),
    ("def predict_fn(model, data, extra, more): return 1", "predict_fn(model, data, extra, more)"),
    ("def predict_fn(d, context): return 1", "predict_fn(d, context)"),
    ("def predict_fn(d, m, *, need): return 1", "predict_fn(d, m, *, need)"),
    ("async def predict_fn(d): return 1", "predict_fn(d)"),
]


@pytest.mark.parametrize("code,found", UNFITTING)
def test_signatures_that_don_t_fit(worker, code, found):
    failure = worker(MODEL + code, loads=False).load_failure()
    assert failure.kind == "LoadError" and failure.phase == 1
    assert failure.message == "predict_fn must take (data, model), and may take a context after them; found " + found


def test_no_function_at_all(worker):
    failure = worker(MODEL + "predict_fn = 5", loads=False).load_failure()
    assert failure.message == "`predict_fn` is no function, but a int"


# ---- Loading


def test_missing_functions(worker):
    failure = worker("def predict_fn(d, m): return 1", loads=False).load_failure()
    assert "`inference.py` has no model_fn; add one, such as:\n\ndef model_fn(model_dir):\n    return " in failure.message
    failure = worker(MODEL, loads=False).load_failure()
    assert "`inference.py` has no predict_fn; add one, such as:\n\ndef predict_fn(data, model):\n    return " in failure.message
    assert failure.phase == 1 and failure.status == 500


def test_transform_fn_stands_alone(worker):
    code = MODEL + "def transform_fn(m, b, c, a): return b\ndef output_fn(p, a): return p"
    assert "transform_fn and also output_fn" in worker(code, loads=False).load_failure().message


def test_a_missing_module(worker):
    failure = worker(loads=False).load_failure()
    assert "has no model_fn" in failure.message
    front = worker(loads=False, explicit="1")
    failure = front.load_failure()
    assert failure.kind == "ModuleNotFoundError"
    assert failure.message == "there is no module `inference`; looked in: %s" % front.folder


def test_a_missing_package_has_a_hint(worker):
    failure = worker("import nosuchthing.sub", loads=False).load_failure()
    assert (failure.kind, failure.message, failure.phase) == ("ModuleNotFoundError", "No module named 'nosuchthing'", 1)
    assert failure.detail.endswith("hint: `nosuchthing` is not installed; add it to requirements.txt\n")
    assert 'inference.py", line 1' in failure.detail and "optml worker" not in failure.detail


def test_a_syntax_error(worker):
    failure = worker("def f(:\n", loads=False).load_failure()
    assert failure.kind == "SyntaxError" and "inference.py" in failure.detail


def test_import_error_phase_and_no_recovery(worker):
    front = worker("raise OSError('x')", loads=False)
    assert front.load_failure().phase == 1 and front.recovery == 0


@pytest.mark.parametrize("raised,recovery,status", [
    ("FileNotFoundError('no file')", 1, 500), ("ConnectionError('c')", 1, 500), ("TimeoutError('t')", 1, 500),
    ("ValueError('v')", 0, 500), ("ImportError('i')", 0, 500), ("MemoryError()", 0, 507), ("SystemExit(3)", 0, 500),
    ("RuntimeError('CUDA out of memory. Tried to allocate 2 GiB')", 0, 507),
])
def test_model_failures(worker, raised, recovery, status):
    front = worker("def predict_fn(d, m): return 1\ndef model_fn(model_dir): raise " + raised, loads=False)
    failure = front.load_failure()
    assert (front.recovery, failure.status, failure.phase) == (recovery, status, 2)
    assert failure.kind == raised.split("(")[0] and "line " in failure.detail


def test_pre_model_fn_runs_first(worker):
    front = worker("""
    order = []
    def pre_model_fn(model_dir): order.append("pre")
    def model_fn(model_dir, context):
        order.append("model")
        return order
    def model_warmup_fn(model_dir, model, context): order.append("warm-up")
    def input_fn(b, c): return b
    def predict_fn(data, model): return model
    """)
    assert json.loads(front.ask("x").body) == ["pre", "model", "warm-up"]


def test_the_name_of_a_standard_module(worker):
    front = worker(entry="code", loads=False, files={"code.py": MODEL + PASS + "def predict_fn(d, m): return __name__"})
    front.loaded()
    assert front.ask("x").body == b'"code"'
    front = worker(entry="signal", loads=False, files={"signal.py": MODEL + PASS + "def predict_fn(d, m): return __name__"})
    front.loaded()
    assert front.ask("x").body == b'"signal"'


def test_packages_and_paths(worker, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "extra.py").write_text("X = 5")
    front = worker(entry="package.inside", loads=False, code_paths="%s\0/nowhere" % (tmp_path / "more"), files={
        "package/__init__.py": "", "lib/vendored.py": "Y = 6",
        "package/inside.py": "import extra, vendored\n" + MODEL + PASS + "def predict_fn(d, m): return [extra.X, vendored.Y]"})
    front.loaded()
    assert front.ask("x").body == b"[5, 6]"


# ---- Warm-up

WARM = """
seen = []
def predict_fn(data, model):
    seen.append(data)
    if data == [0.0] or list(data) == [0]: raise ValueError("cold")
    return str(seen)
"""


def test_warm_up_files(worker):
    front = worker(WARM + PASS, files={"warmup/01.json": "[1]", "warmup/02.csv": "2,3", "warmup/03.bin": b"\1",
                                       "warmup/04.dat": "x", "warmup/04.meta.json": '{"content_type": "text/csv"}'})
    seen = json.loads(front.ask("last").body)
    assert seen == str(["[1]", "2,3", b"\1", "x", "last"])


def test_a_failing_warm_up(worker):
    failure = worker(MODEL + WARM, loads=False, files={"warmup/01.json": "[0]"}).load_failure()
    assert failure.phase == 3 and failure.message == "warmup/01.json: ValueError: cold"
    assert "predict_fn" in failure.detail
    front = worker(WARM, files={"warmup/01.json": "[0]"}, warmup_optional="1")
    assert front.stop() == 0
    assert "warning: the warm-up failed: LoadError: warmup/01.json: ValueError: cold" in front.output()[1]


# ---- Bodies and results


@pytest.mark.parametrize("content_type,expected", [
    ("application/json", "str"), ("text/csv; charset=utf-8", "str"), ("Application/JSON;v=1", "str"), ("text/plain", "bytes"),
    ("application/octet-stream", "bytes"), ("application/x-npy", "bytes"),
])
def test_what_input_fn_gets(worker, content_type, expected):
    front = worker("def input_fn(body, content_type): return [type(body).__name__, content_type]\n"
                   "def predict_fn(d, m): return d")
    assert json.loads(front.ask(b"abc", content_type=content_type).body) == [expected, content_type]


def test_bad_utf8_for_input_fn(worker):
    front = worker(PASS + "def predict_fn(d, m): return d")
    failure = front.ask(b"ab\xff", content_type="text/csv")
    assert (failure.status, failure.kind) == (400, "BadRequestException")
    assert failure.message == "the body is not UTF-8: byte `0xff` at offset 2" and failure.detail == ""
    assert front.ask("ä".encode("latin-1"), content_type="text/csv; charset=latin-1").body == b'"\\u00e4"'
    assert front.ask(b"x", content_type="text/csv; charset=klingon").status == 415


RESULTS = [
    ("'text'", "application/json", 200, b"text"), ("b'raw'", "application/json", 200, b"raw"),
    ("bytearray(b'raw')", "application/json", 200, b"raw"), ("memoryview(b'raw')[1:]", "application/json", 200, b"aw"),
    ("('t', 'text/x')", "text/x", 200, b"t"), ("('t', 'text/x', 201)", "text/x", 201, b"t"), ("None", None, 200, b""),
    ("{'a': [1, 2]}", "application/json", 200, b'{"a":[1,2]}'), ("[1, None]", "application/json", 200, b"[1,null]"),
    ("1.5", "application/json", 200, b"1.5"), ("True", "application/json", 200, b"true"), ("(1, 2)", "application/json", 200, b"[1,2]"),
    ("({'a': 1}, 'application/jsonlines')", "application/jsonlines", 200, b'{"a":1}\n'),
    ("type('R', (), dict(status_code=202, body=b'r', media_type='x/y', headers={'A': 'b'}))()", "x/y", 202, b"r"),
    ("type('R', (), dict(status='404 Not Found', data='r', mimetype='x/y'))()", "x/y", 404, b"r"),
]


@pytest.mark.parametrize("result,content_type,status,body", RESULTS)
def test_results_of_output_fn(worker, result, content_type, status, body):
    front = worker(PASS + "def predict_fn(d, m): return d\ndef output_fn(p, accept): return " + result)
    answer = front.ask("x")
    assert (answer.content_type, answer.status, answer.body) == (content_type, status, body)


def test_other_results(worker):
    front = worker(PASS + "def predict_fn(d, m): return d\ndef output_fn(p, accept): return object()")
    failure = front.ask("x")
    assert failure.status == 500 and "a result of type object can't be sent" in failure.message
    front = worker(PASS + "def predict_fn(d, m): return d\ndef output_fn(p, accept): return {'a': 1}")
    assert front.ask("x", accept="text/csv").content_type == "application/json"
    front = worker(PASS + "import numpy\ndef predict_fn(d, m): return d\ndef output_fn(p, accept): return numpy.arange(3)")
    assert front.ask("x", accept="text/csv;q=0.5, application/json;q=0.1").body == b"0\n1\n2\n"
    assert front.ask("x", accept="*/*").body == b"[0, 1, 2]"


def test_a_response_of_starlette(worker):
    pytest.importorskip("starlette")
    front = worker("""
    from starlette.responses import JSONResponse, PlainTextResponse
    def transform_fn(model, body, content_type, accept):
        return JSONResponse({"a": 1}, status_code=207, headers={"x-one": "1"})
    """)
    answer = front.ask("x")
    assert (answer.status, answer.body, answer.content_type) == (207, b'{"a":1}', "application/json")
    assert answer.headers["x-one"] == "1" and "content-length" not in answer.headers


def test_ping_and_execution_parameters(worker):
    front = worker(PASS + "def predict_fn(d, m): return 'predicted'\nwell = [1, 0]\n"
                   "def ping_fn():\n    return well.pop(0)\n"
                   "def execution_parameters_fn(): return {'MaxConcurrentTransforms': 2}")
    assert front.functions & 0x180 == 0x180
    ask = lambda path: front.ask(method="GET", path=path)  # noqa: E731
    assert [ask("/ping").status for _ in range(3)] == [200, 503, 503]
    answer = ask("/execution-parameters")
    assert (answer.body, answer.content_type) == (b'{"MaxConcurrentTransforms":2}', "application/json")
    front = worker(PASS + "def predict_fn(d, m): return 1\ndef healthcheck_fn(): return True\n"
                   "def execution_parameters_fn(): return '{}'")
    assert front.ask(method="GET", path="/ping").status == 200
    assert front.ask(method="GET", path="/execution-parameters").body == b"{}"


# ---- The context


def test_the_context(worker):
    front = worker("""
    kept = []
    def transform_fn(model, body, content_type, accept, context):
        c = context
        kept.append(c)
        p = c.request_processor[0]
        facts = [c.system_properties["gpu_id"], c.system_properties["batch_size"], c.model_name, c.manifest["model"]["modelName"],
                 c.get_request_header(0, "x-custom"), c.get_all_request_header(0)["X-CUSTOM"], list(c.headers),
                 p.get_request_property("X-cusTom"), "x-CUSTOM" in p.get_request_properties(), c.get_request_id(),
                 bytes(c.body_view).decode(), c.content_type.essence, c.content_type.parameters,
                 [[r.essence, r.weight] for r in c.accept], c.method, c.path, c.query]
        c.set_response_status(code=202, phrase="no matter")
        c.set_response_header(0, "X-One", "1")
        c.set_response_content_type(0, "text/mine")
        p.add_response_property("X-Two", "ä€")
        return repr(facts)
    """, model_name="mm", gpu_id="3")
    answer = front.ask("body", content_type="text/plain; A=b", accept="a/b;q=0.5, */*", query="q=1",
                       headers=[("X-Custom", "one"), ("x-custom", "two"), ("X-Amzn-RequestId", "rid")])
    assert eval(answer.body) == [
        3, 1, "mm", "mm", "one, two", "one, two", ["X-Custom", "X-Amzn-RequestId"], "one, two", True, "rid", "body",
        "text/plain", {"a": "b"}, [["a/b", 0.5], ["*/*", 1.0]], "POST", "/invocations", "q=1"]
    assert answer.status == 202 and answer.content_type == "text/mine" and answer.headers["x-one"] == "1"
    assert answer.fields[-1] == (b"X-Two", "ä€".encode())


def test_a_header_that_http_forbids_is_the_front_s_to_refuse(worker):
    front = worker("""
    def transform_fn(model, body, content_type, accept, context):
        context.set_response_header(0, "X-One", "a\\r\\nb: c")
        return b""
    """)
    assert front.ask("x").headers["x-one"] == "a\r\nb: c"


@pytest.mark.parametrize("how,said", [
    ("context.set_response_status(42)", "the status 42"),
    ("[context.set_response_header(0, 'a%d' % i, 'b') for i in range(1100)]", "header fields, and at most 1024"),
    ("context.set_response_header(0, 'a', 'b' * 70000)", "more than 65535 bytes"),
    ("[context.set_response_header(0, 'a%d' % i, 'b' * 60000) for i in range(5)]", "bytes of header fields"),
])
def test_answers_that_can_t_be_sent(worker, how, said):
    front = worker("def transform_fn(model, body, content_type, accept, context):\n    %s\n    return b''" % how)
    failure = front.ask("x")
    assert (failure.status, failure.kind) == (500, "InternalServerException") and said in failure.message


def test_metrics(worker):
    front = worker("""
    def transform_fn(model, body, content_type, accept, context):
        m = context.metrics
        m.add_counter("Count", 1); m.add_time("Time", 1.5); m.add_size("Size", 2, None, "kB"); m.add_percent("P", 3)
        m.add_error("E", "bad"); m.add_metric("M", 4, unit="s")
        return b""
    """, model_name="mm")
    front.ask("x")
    front.stop()
    lines = [json.loads(line) for line in front.output()[0].splitlines()]
    units = [line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Unit"] for line in lines if line["_aws"]["CloudWatchMetrics"]]
    assert units == ["Count", "Milliseconds", "Kilobytes", "Percent", "Seconds"]
    assert lines[0]["Model"] == "mm" and lines[0]["Count"] == 1 and lines[4]["E"] == "bad"
