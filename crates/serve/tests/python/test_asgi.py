"""ASGI applications."""

import json
import time

import pytest

APP = """
import json
started = []
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                started.append(1)
                scope["state"]["shared"] = 5
                await send({"type": "lifespan.startup.complete"})
            else:
                print("shut down")
                await send({"type": "lifespan.shutdown.complete"})
                return
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]: break
    seen = {name: repr(value) for name, value in scope.items()}
    seen["body"], seen["started"] = body.decode(), started
    await send({"type": "http.response.start", "status": 201, "headers": [(b"X-One", b"1"), (b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})
"""
HTTP = "async def app(scope, receive, send):\n    assert scope['type'] == 'http'\n    "


def application(worker, code, **more):
    return worker(code, kind="application", entry="inference:app", **more)


def test_the_scope(worker):
    front = application(worker, APP, server_port="8081")
    assert front.concurrency == 64 and front.capabilities & 0x04
    answer = front.ask(b"body", path="/a%20b/%C3%A4", query="q=%20", headers=[("Host", "me:99"), ("X-Two", "a"), ("x-two", b"\xff")])
    seen = json.loads(answer.body)
    assert answer.status == 201 and answer.fields == [(b"X-One", b"1")]
    expected = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": "/a b/\u00e4", "raw_path": b"/a%20b/%C3%A4", "query_string": b"q=%20", "root_path": "",
        "headers": [(b"host", b"me:99"), (b"x-two", b"a"), (b"x-two", b"\xff")], "client": ("127.0.0.1", 40000), "server": ("me", 8081),
        "state": {"shared": 5}}
    assert {name: eval(seen[name]) for name in expected} == expected
    assert seen["body"] == "body" and seen["started"] == [1]
    assert front.stop() == 0 and front.output()[0] == "shut down\n"


def test_without_a_lifespan(worker):
    front = application(worker, HTTP + "await send({'type': 'http.response.start', 'status': 200})\n    "
                        "await send({'type': 'http.response.body', 'body': b'ok'})")
    assert front.ask(b"").body == b"ok"
    assert front.stop() == 0


@pytest.mark.parametrize("failing,said", [
    ("await send({'type': 'lifespan.startup.failed', 'message': 'no disk'})", "the application's start-up failed: no disk"),
])
def test_a_failing_start_up(worker, failing, said):
    failure = application(worker, "async def app(scope, receive, send):\n    await receive()\n    " + failing, loads=False).load_failure()
    assert failure.message == said and failure.phase == 2


def test_bodies_in_chunks_come_as_they_come(worker):
    front = application(worker, HTTP + """
    sizes = []
    while True:
        message = await receive()
        sizes.append(len(message["body"]))
        if not message["more_body"]: break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": repr(sizes).encode()})
""")
    number = front.send(chunks=True)
    for n_bytes in (1000, 200):
        front.chunk(number, bytes(n_bytes))
        assert front.control.frame().id == number
    front.end(number)
    assert sum(eval(front.answer().body)) == 1200


def test_streams(worker):
    front = application(worker, HTTP + """
    import asyncio
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for i in range(3):
        await send({"type": "http.response.body", "body": b"%d" % i, "more_body": True})
        await asyncio.sleep(0.05)
    await send({"type": "http.response.body"})
""")
    answer = front.ask(b"")
    assert answer.chunks == [b"0", b"1", b"2"] and answer.n_bytes is None


def test_back_pressure(worker):
    front = application(worker, "sent = []\n" + HTTP + """
    if scope["path"] == "/sent":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        return await send({"type": "http.response.body", "body": str(len(sent)).encode()})
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for i in range(50):
        await send({"type": "http.response.body", "body": bytes(100000), "more_body": True})
        sent.append(1)
    await send({"type": "http.response.body"})
""")
    front.send(b"")
    n_bytes = 0
    while n_bytes < 1 << 20:
        frame = front.news()
        n_bytes += len(frame.data) if frame.kind == "RESP_CHUNK" else 0
    front.send(path="/sent")
    assert front.news().payload.endswith(b"10")
    front.credit(1, 10 << 20)
    while front.news().kind != "RESP_END":
        pass


def test_disconnect(worker):
    front = application(worker, "gone = []\n" + HTTP + """
    import asyncio
    if scope["path"] == "/gone":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        return await send({"type": "http.response.body", "body": repr(gone).encode()})
    await receive()
    try:
        message = await receive()
        gone.append(message["type"])
    except asyncio.CancelledError:
        gone.append("cancelled")
        raise
""")
    front.send(b"")
    time.sleep(0.1)
    front.cancel(1)
    assert front.answer().status == 499
    assert eval(front.ask(path="/gone").body)[0] in ("cancelled", "http.disconnect")
    # The client breaks off while it sends.
    number = front.send(chunks=True, path="/x")
    front.chunk(number, b"part")
    front.control.frame()
    front.end(number, 0x10)
    assert front.answer().status in (499, 500)


@pytest.mark.parametrize("code,said", [
    ("raise ValueError('v')", "v"), ("pass", "without a complete response"), ("await send({'type': 'http.response.body'})", "before http.response.start"),
    ("await send({'type': 'nonsense'})", "nonsense"),
])
def test_wrong_applications(worker, code, said):
    front = application(worker, HTTP + code)
    failure = front.ask(b"")
    assert failure.status == 500 and said in failure.message


def test_a_failure_after_the_head(worker):
    front = application(worker, HTTP + """
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x", "more_body": True})
    raise ValueError("late")
""")
    answer = front.ask(b"")
    assert answer.body == b"x" and answer.failure.message == "late"


@pytest.mark.parametrize("code", [
    "class App:\n    async def __call__(self, scope, receive, send):\n        await answer(send)\napp = App()",
    "async def app(scope, receive, send): await answer(send)",
    "import functools\nasync def f(x, scope, receive, send): await answer(send)\napp = functools.partial(f, 1)",
    "def app(scope, receive, send): return answer(send)",
    "class app:\n    def __init__(self, scope, receive, send): self.send = send\n    def __await__(self): return answer(self.send).__await__()",
])
def test_what_is_asgi(worker, code):
    front = application(worker, """
async def answer(send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"asgi"})
""" + code)
    assert front.ask(b"").body == b"asgi"


@pytest.mark.parametrize("code", [
    "class App:\n    def __call__(self, environ, start_response):\n        start_response('200 OK', [])\n        return [b'wsgi']\napp = App()",
    "class app:\n    def __init__(self, environ, start_response): start_response('200 OK', [])\n    def __iter__(self): return iter([b'wsgi'])",
    "def app(environ, start_response, **more):\n    start_response('200 OK', [])\n    return [b'wsgi']",
])
def test_what_is_wsgi(worker, code):
    assert application(worker, code).ask(b"").body == b"wsgi"


def test_asgi_2_is_refused(worker):
    failure = application(worker, "class app:\n    def __init__(self, scope): pass", loads=False).load_failure()
    assert "as ASGI applications before version 3 did" in failure.message


def test_starlette(worker):
    pytest.importorskip("starlette")
    front = application(worker, """
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
async def invocations(request):
    return JSONResponse({"got": await request.json()})
async def stream(request):
    async def items():
        for i in range(3): yield str(i)
    return StreamingResponse(items())
app = Starlette(routes=[Route("/invocations", invocations, methods=["POST"]), Route("/stream", stream)])
""")
    assert front.ask(b"[1]").body == b'{"got":[1]}'
    assert front.ask(path="/stream", method="GET").body == b"012"
    assert front.ask(path="/nothing").status == 404
