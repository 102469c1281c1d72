"""Answers in pieces."""

import json
import time

import pytest

PASS = "def input_fn(body, content_type): return body\n"


@pytest.mark.parametrize("kind", ["", "async "])
def test_items(worker, kind):
    front = worker(PASS + """
%sdef predict_fn(data, model):
    yield "text"
    yield b"bytes"
    yield {"a": 1}
    yield [1]
""" % kind)
    answer = front.ask("x", accept="text/plain")
    assert answer.chunks == [b"text", b"bytes", b'{"a":1}\n', b"[1]\n"] and answer.n_bytes is None
    assert (answer.status, answer.content_type) == (200, "text/plain")


def test_a_generator_from_output_fn_with_type_and_status(worker):
    front = worker(PASS + "def predict_fn(d, m): return d\ndef output_fn(p, a): return (iter(['a', 'b']), 'x/y', 201)")
    answer = front.ask("x")
    assert (answer.status, answer.content_type, answer.chunks) == (201, "x/y", [b"a", b"b"])


def test_dicts_are_lines(worker):
    front = worker(PASS + "def predict_fn(d, m):\n    for i in range(3): yield {'i': i}")
    answer = front.ask("x")
    assert (answer.content_type, answer.body) == ("application/jsonlines", b'{"i":0}\n{"i":1}\n{"i":2}\n')


@pytest.mark.parametrize("kind", ["", "async "])
def test_events(worker, kind):
    front = worker(PASS + kind + "def predict_fn(d, m):\n    yield {'a': 1}\n    yield 'data: own\\n\\n'\n    raise ValueError('late')")
    for more in (dict(accept="text/event-stream"), dict(headers=[("Accept", "text/event-stream")])):
        answer = front.ask("x", **more)
        assert answer.content_type == "text/event-stream" and answer.failure is None
        assert answer.body == (b'data: {"a":1}\n\ndata: own\n\nevent: error\ndata: '
                               b'{"error":{"type":"ValueError","message":"late"}}\n\n')


@pytest.mark.parametrize("kind", ["", "async "])
def test_a_failure_before_the_first_item_has_a_status(worker, kind):
    front = worker(PASS + kind + "def predict_fn(d, m):\n    raise ValueError('early')\n    yield 1")
    failure = front.ask("x")
    assert (failure.status, failure.kind, failure.message) == (500, "ValueError", "early")
    assert front.ask("x").status == 500


@pytest.mark.parametrize("kind", ["", "async "])
def test_a_late_failure_breaks_the_body_off(worker, kind):
    front = worker(PASS + kind + "def predict_fn(d, m):\n    yield 'a'\n    raise ValueError('late')")
    answer = front.ask("x", accept="text/plain")
    assert answer.body == b"a" and (answer.failure.status, answer.failure.message) == (500, "late")
    assert "predict_fn" in answer.failure.detail
    lines = front.ask("x", accept="application/jsonlines")
    assert lines.failure is None and lines.body == b'a{"error":{"type":"ValueError","message":"late"}}\n'


def test_nothing_at_all(worker):
    front = worker(PASS + "def predict_fn(d, m): return iter(())")
    assert front.ask("x").body == b""


@pytest.mark.parametrize("kind", ["", "async "])
def test_each_item_comes_when_it_is_there(worker, kind):
    front = worker(PASS + "import time, asyncio\n" + kind + "def predict_fn(d, m):\n    for i in range(3):\n        yield str(i)\n        %s" %
                   ("await asyncio.sleep(0.3)" if kind else "time.sleep(0.3)"))
    front.send(b"x")
    begin = time.monotonic()
    assert front.news().kind == "RESP_HEAD" and front.news().data == b"0"
    assert time.monotonic() - begin < 0.25
    assert [front.news().kind for _ in range(3)] == ["RESP_CHUNK", "RESP_CHUNK", "RESP_END"]


@pytest.mark.parametrize("kind", ["", "async "])
def test_credit(worker, kind):
    """A reader that is slow holds the writer up, at 1 MiB."""
    front = worker(PASS + kind + "def predict_fn(d, m):\n    for i in range(30): yield b'%02d' % i * 50000")
    front.send(b"x", accept="a/b")
    assert front.news().kind == "RESP_HEAD"
    got = b""
    while len(got) < 1 << 20:
        got += front.news().data
    assert len(got) == 1 << 20 and front.data.is_silent()
    front.credit(1, 10)
    got += front.news().data
    assert len(got) == (1 << 20) + 10 and front.data.is_silent()
    front.credit(1, 10 << 20)
    while True:
        frame = front.news()
        if frame.kind == "RESP_END":
            break
        got += frame.data
    assert got == b"".join(b"%02d" % i * 50000 for i in range(30))


@pytest.mark.parametrize("kind", ["", "async "])
def test_cancel_closes_the_generator(worker, kind):
    front = worker(PASS + kind + """def predict_fn(d, m):
    try:
        while True: yield b'x' * 100000
    finally:
        closed.append(1)
closed = []
def ping_fn(): return not closed
""")
    front.send(b"x", accept="a/b")
    assert front.news().kind == "RESP_HEAD"
    front.cancel(1)
    frame = front.news()
    while frame.kind == "RESP_CHUNK":
        frame = front.news()
    assert frame.kind == "ERROR" and frame.failure().status == 499
    assert front.ask(method="GET", path="/ping").status == 503


def test_a_large_body_without_slots_goes_in_chunks(worker):
    front = worker(PASS + "def predict_fn(d, m): return d\ndef output_fn(p, a): return b'0123456789' * 300000")
    answer = front.ask("x")
    assert answer.form == 2 and answer.n_bytes == 3000000 and answer.body == b"0123456789" * 300000
    assert max(map(len, answer.chunks)) == 256 << 10


def test_a_stream_and_a_drain(worker):
    front = worker(PASS + "import time\ndef predict_fn(d, m):\n    for i in range(25):\n        yield b'x' * 100000")
    front.send(b"x", accept="a/b")
    assert front.news().kind == "RESP_HEAD"
    front.drain()
    n_bytes = 0
    while True:
        frame = front.news()
        if frame.kind == "RESP_END":
            break
        n_bytes += len(frame.data)
        front.credit(1, len(frame.data))
    assert n_bytes == 2500000 and front.bye() == 0


def test_a_starlette_stream(worker):
    pytest.importorskip("starlette")
    front = worker(PASS + """
from starlette.responses import StreamingResponse
async def predict_fn(d, m): return d
async def output_fn(p, accept):
    async def items():
        yield "a"
        yield "b"
    return StreamingResponse(items(), status_code=206, media_type="text/x")
""")
    answer = front.ask("x")
    assert (answer.status, answer.chunks) == (206, [b"a", b"b"]) and answer.content_type.startswith("text/x")


def test_an_async_generator_out_of_a_plain_function(worker):
    front = worker(PASS + "def predict_fn(d, m):\n    async def g():\n        yield 1\n    return g()")
    failure = front.ask("x")
    assert failure.status == 500 and "write `async def`" in failure.message


def test_threads_stream_beside_each_other(worker):
    front = worker(PASS + "import time\ndef predict_fn(d, m):\n    for i in range(5):\n        yield d\n        time.sleep(0.05)",
                   concurrency=3)
    for i in range(3):
        front.send(b"%d" % i, accept="a/b", content_type="a/b")
    bodies, n_ended = {1: b"", 2: b"", 3: b""}, 0
    while n_ended < 3:
        frame = front.news()
        n_ended += frame.kind == "RESP_END"
        if frame.kind == "RESP_CHUNK":
            bodies[frame.id] += frame.data
    assert bodies == {1: b"00000", 2: b"11111", 3: b"22222"}
    assert json.loads(b"1") == 1
