"""WSGI applications."""

import json

import pytest

APP = """
import json
calls = []
def app(environ, start_response):
    calls.append(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "application/json"), ("X-One", "1")])
    seen = {name: value for name, value in environ.items() if isinstance(value, (str, int, bool))}
    seen["calls"], seen["body"] = calls, environ["wsgi.input"].read().decode()
    return [json.dumps(seen).encode()]
"""


def application(worker, code, entry="inference:app", kind="application", **more):
    return worker(code, kind=kind, entry=entry, **more)


def test_the_environment(worker):
    front = application(worker, APP, server_port="8081")
    assert front.phases == [1, 2, 3] and front.concurrency == 1 and not front.capabilities & 0x06
    answer = front.ask(b"body", path="/a%20b/%C3%A4", query="q=%20", method="PUT", content_type="", accept="",
                       headers=[("Host", "me.example:99"), ("X-Two", "a"), ("x-two", "b"), ("Content-Type", "t/x"), ("Cookie", "a"),
                                ("Cookie", "b"), ("X_Two", "spoof")])
    seen = json.loads(answer.body)
    assert answer.status == 200 and answer.fields == [(b"Content-Type", b"application/json"), (b"X-One", b"1")]
    expected = {
        "REQUEST_METHOD": "PUT", "SCRIPT_NAME": "", "PATH_INFO": "/a b/\u00c3\u00a4", "QUERY_STRING": "q=%20", "CONTENT_TYPE": "t/x",
        "CONTENT_LENGTH": "4", "SERVER_NAME": "me.example", "SERVER_PORT": "8081", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "me.example:99", "HTTP_X_TWO": "a,b", "HTTP_COOKIE": "a; b", "wsgi.url_scheme": "http", "wsgi.multithread": False,
        "wsgi.multiprocess": True, "wsgi.run_once": False, "body": "body", "calls": ["/ping", "/a b/\u00c3\u00a4"]}
    assert {name: seen.get(name) for name in expected} == expected


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_the_validator(worker, method):
    front = application(worker, """
    from wsgiref.validate import validator
    @validator
    def app(environ, start_response):
        environ["wsgi.input"].read(10)
        for _ in environ["wsgi.input"]: pass
        environ["wsgi.input"].readline(); environ["wsgi.input"].readlines()
        environ["wsgi.errors"].write(""); environ["wsgi.errors"].flush()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter([b"one ", b"two"]) if environ["REQUEST_METHOD"] != "HEAD" else iter([])
    """)
    answer = front.ask(b"line\nline" if method == "POST" else b"", method=method, headers=[("A", "b")])
    assert answer.status == 200 and answer.body == (b"" if method == "HEAD" else b"one two"), answer
    assert front.stop() == 0
    assert front.output()[1] == ""


def test_a_generator_streams(worker):
    front = application(worker, """
    import time
    closed = []
    class Body:
        def __init__(self, start): self.start = start
        def __iter__(self):
            yield b""
            self.start("201 Made", [("Content-Type", "a/b")])
            yield b"first"
            time.sleep(0.2)
            yield b""
            yield b"second"
        def close(self): closed.append(1)
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/closed":
            start_response("200 OK", [])
            return [str(len(closed)).encode()]
        return Body(start_response)
    """)
    answer = front.ask(b"")
    assert (answer.status, answer.chunks, answer.n_bytes) == (201, [b"first", b"second"], None)
    assert front.ask(path="/closed").body == b"2"


def test_lengths(worker):
    front = application(worker, """
    def app(environ, start_response):
        kind = environ["PATH_INFO"]
        if kind == "/one":
            start_response("200 OK", [("Content-Length", "5")])
            return iter([b"whole"])
        if kind == "/two":
            start_response("200 OK", [("Content-Length", "6")])
            return iter([b"two", b"two"])
        if kind == "/head":
            start_response("200 OK", [("Content-Length", "6")])
            return []
        start_response("204 No Content", [])
        return []
    """)
    answer = front.ask(path="/one")
    assert answer.form == 0 and answer.body == b"whole" and "content-length" not in answer.headers
    answer = front.ask(path="/two")
    assert answer.form == 2 and answer.n_bytes == 6 and answer.body == b"twotwo"
    answer = front.ask(path="/head", method="HEAD")
    assert answer.body == b"" and answer.headers["content-length"] == "6"
    assert front.ask(path="/none").status == 204


def test_write_and_exc_info(worker):
    front = application(worker, """
    import sys
    def app(environ, start_response):
        kind = environ["PATH_INFO"]
        if kind == "/write":
            write = start_response("200 OK", [])
            write(b"a"); write(b""); write(b"b")
            return [b"c"]
        try:
            if kind == "/late":
                write = start_response("200 OK", [])
                write(b"a")
            1 / 0
        except ZeroDivisionError:
            start_response("503 Sorry", [("X", "y")], sys.exc_info())
            return [b"sorry"]
    """)
    assert front.ask(path="/write").chunks == [b"a", b"b", b"c"]
    answer = front.ask(path="/early")
    assert (answer.status, answer.body, answer.headers) == (503, b"sorry", {"x": "y"})
    answer = front.ask(path="/late")
    assert answer.body == b"a" and answer.failure.kind == "ZeroDivisionError"


@pytest.mark.parametrize("code,said", [
    ("return [b'x']", "did not call start_response"), ("start_response('200 OK', []); start_response('200 OK', []); return []", "second time"),
    ("start_response('200 OK', []); return ['text']", "text"), ("raise ValueError('v')", "v"), ("start_response('nonsense', []); return []", "nonsense"),
])
def test_wrong_applications(worker, code, said):
    front = application(worker, "def app(environ, start_response):\n    if environ['PATH_INFO'] == '/ping':\n        start_response('200 OK', [])\n"
                        "        return []\n    " + code)
    failure = front.ask(b"")
    assert failure.status == 500 and (said in failure.message or said == "text"), failure


def test_large_bodies(worker):
    front = application(worker, """
    def app(environ, start_response):
        body = environ["wsgi.input"].read()
        start_response("200 OK", [])
        return [body, body]
    """, slots=2)
    answer = front.ask(b"x" * 200_000, slot=1)
    assert answer.form == 1 and answer.body == b"x" * 400_000
    assert ("SLOT_FREE", 1) in front.slot_news or front.slot_said() == ("SLOT_FREE", 1)


def test_a_failing_ping_at_load_is_a_line_of_the_log(worker):
    front = application(worker, """
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/ping": raise RuntimeError("not yet")
        start_response("200 OK", [])
        return [b"ok"]
    """)
    assert front.ask(b"").body == b"ok"
    front.stop()
    assert front.output()[1] == "warning: the warm-up request GET /ping failed: RuntimeError: not yet\n"


def test_threads(worker):
    front = worker(APP, kind="wsgi", entry="inference:app", concurrency=2)
    assert front.concurrency == 2 and json.loads(front.ask(b"").body)["wsgi.multithread"] is True


def test_entries_that_are_not_there(worker):
    failure = worker(APP, loads=False, kind="application", entry="nosuch:app").load_failure()
    assert failure.message.startswith("there is no module `nosuch`; looked in: ")
    failure = worker(APP, loads=False, kind="application", entry="inference:nosuch").load_failure()
    assert failure.message == "`inference` has no `nosuch`"
    failure = worker("app = 5", loads=False, kind="application", entry="inference:app").load_failure()
    assert "`inference:app` is a int, which can't be called" in failure.message


def test_an_attribute_of_an_attribute(worker):
    front = application(worker, APP + "class C: pass\nc = C()\nc.app = app\n", entry="inference:c.app")
    assert front.ask(b"").status == 200


def test_exit_in_the_middle_of_a_stream(worker):
    front = application(worker, """
    import sys
    def app(environ, start_response):
        start_response("200 OK", [])
        yield b"x"
        if environ["PATH_INFO"] != "/ping": sys.exit(1)
    """)
    answer = front.ask(b"")
    assert answer.body == b"x" and answer.failure.is_spent
