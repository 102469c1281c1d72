"""User functions that are coroutines, and several requests at once."""

import json
import time

import numpy as np
import pytest

PASS = "def input_fn(body, content_type): return body\n"


def test_several_at_once(worker):
    front = worker(PASS + "import asyncio\nasync def predict_fn(d, m):\n    await asyncio.sleep(0.3)\n    return d.decode()")
    assert front.concurrency == 64 and front.capabilities & 0x04
    begin = time.monotonic()
    for i in range(40):
        front.send(b"%d" % i, content_type="a/b")
    bodies = {}
    for _ in range(40):
        answer = front.answer()
        bodies[answer.id] = answer.body
    assert bodies == {i + 1: b'"%d"' % i for i in range(40)}
    assert time.monotonic() - begin < 3


def test_no_more_than_was_said(worker):
    front = worker(PASS + """
import asyncio
n_running, most = 0, 0
async def predict_fn(d, m):
    global n_running, most
    n_running += 1
    most = max(most, n_running)
    await asyncio.sleep(0.05)
    n_running -= 1
    return most
""", concurrency=3)
    assert front.concurrency == 3
    for _ in range(9):
        front.send(b"x", announce=True)
    answers = [front.answer() for _ in range(9)]
    assert max(int(answer.body) for answer in answers) == 3 and sorted(front.started_ids) == list(range(1, 10))


def test_all_kinds_of_functions(worker):
    front = worker("""
    import asyncio, threading
    main = threading.main_thread()
    async def model_fn(model_dir):
        await asyncio.sleep(0)
        return ["loaded", threading.current_thread() is main]
    def input_fn(body, content_type): return threading.current_thread() is main
    async def predict_fn(data, model, context):
        return [model, data, threading.current_thread() is main, context.get_request_header(0, "a")]
    def output_fn(prediction, accept): return prediction
    async def ping_fn(): return False
    async def shutdown_fn(context): print("ended", context.model_name)
    """)
    assert json.loads(front.ask("x", headers=[("A", "b")]).body) == [["loaded", True], False, True, "b"]
    assert front.ask(method="GET", path="/ping").status == 503
    assert front.stop() == 0
    assert front.output()[0] == "ended model\n"


def test_arrays(worker):
    front = worker("async def predict_fn(data, model): return data * 2", slots=2)
    array = np.arange(6.0).reshape(2, 3)
    assert (front.ask(array=array).array() == array * 2).all()
    assert (front.ask(array=array, slot=1).array() == array * 2).all()
    assert front.slot_said() == ("SLOT_FREE", 1)
    large = np.random.rand(300, 400)
    for _ in range(3):
        answer = front.ask(array=large, slot=0)
        assert answer.form == 1 and (answer.array() == large * 2).all()


def test_bodies_in_chunks(worker):
    front = worker("async def predict_fn(d, m): return len(d)\ndef input_fn(b, c): return b")
    number = front.send(chunks=True, content_type="a/b")
    for _ in range(8):
        front.chunk(number, bytes(250_000))
        assert front.control.frame().id == number
    front.end(number)
    assert front.answer().body == b"2000000"
    number = front.send(chunks=True)
    front.end(number, 0x10)
    assert front.answer().status == 499


def test_cancel(worker):
    front = worker(PASS + """
import asyncio
cancelled = []
async def predict_fn(d, m):
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        cancelled.append(1)
        raise
def ping_fn(): return not cancelled
""")
    front.send(b"x")
    time.sleep(0.1)
    front.cancel(1)
    assert front.answer().status == 499
    assert front.ask(method="GET", path="/ping").status == 503
    front.cancel(5)
    for _ in range(3):
        number = front.send(b"x")
    assert number == 5
    assert front.answer().id == 5


def test_user_code_that_won_t_be_cancelled(worker):
    front = worker(PASS + """
import asyncio
async def predict_fn(d, m):
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        return "done anyway"
""")
    front.send(b"x")
    time.sleep(0.1)
    front.cancel(1)
    assert front.answer().body == b'"done anyway"'


@pytest.mark.parametrize("what,status,is_spent", [
    ("raise ValueError('v')", 500, False), ("raise SystemExit(3)", 500, True), ("raise KeyboardInterrupt", 500, True),
    ("raise MemoryError", 503, True), ("raise StopIteration", 500, False), ("raise asyncio.CancelledError", 500, False),
    ("await asyncio.wait_for(asyncio.sleep(9), 0.01)", 500, False),
    ("await asyncio.get_running_loop().run_in_executor(None, sys.exit)", 500, True),
])
def test_failures(worker, what, status, is_spent):
    front = worker("import asyncio, sys\nfirst = [1]\n" + PASS + "async def predict_fn(d, m):\n    if first.pop(): %s\n    return 1" % what)
    failure = front.ask("x")
    assert (failure.status, failure.is_spent) == (status, is_spent), failure
    assert "optml worker" not in failure.detail


def test_a_task_of_user_code_that_exits(worker):
    front = worker(PASS + """
import asyncio, sys
async def leave(): sys.exit(1)
async def predict_fn(d, m):
    asyncio.ensure_future(leave())
    await asyncio.sleep(0.1)
    return 1
""")
    answer = front.ask("x")
    assert answer.body == b"1" and answer.is_spent


def test_drain(worker):
    front = worker(PASS + "import asyncio\nasync def predict_fn(d, m):\n    await asyncio.sleep(0.3)\n    return 1\n"
                   "import atexit\natexit.register(lambda: print('at exit'))")
    for _ in range(3):
        front.send(b"x")
    front.drain()
    assert [front.answer().body for _ in range(3)] == [b"1"] * 3
    assert front.bye() == 0
    assert front.output()[0] == "at exit\n"
    front = worker(PASS + "async def predict_fn(d, m): return 1")
    begin = time.monotonic()
    assert front.stop() == 0 and time.monotonic() - begin < 1


def test_a_large_answer_to_a_slow_front(worker):
    """The loop goes on while one answer waits for the socket."""
    front = worker(PASS + "async def predict_fn(d, m): return d\nasync def output_fn(p, a): return b'x' * int(p)")
    for n_bytes in (250_000,) * 20 + (5,):
        front.send(b"%d" % n_bytes)
    time.sleep(0.3)
    assert sorted(len(front.answer().body) for _ in range(21)) == [5] + [250_000] * 20


def test_a_held_slot_comes_back_by_itself(worker):
    front = worker("""
    import asyncio
    async def predict_fn(data, model):
        asyncio.get_running_loop().call_later(0.3, lambda kept: None, data)
        return 0
    """, slots=1)
    front.ask(array=np.arange(3.0), slot=0)
    assert front.slot_said() == ("SLOT_HELD", 0)
    assert front.slot_said() == ("SLOT_FREE", 0)


def test_threads(worker):
    front = worker(PASS + "import time, threading\ndef predict_fn(d, m):\n    time.sleep(0.3)\n    return threading.current_thread().name",
                   concurrency=4)
    assert front.concurrency == 4 and not front.capabilities & 0x04
    begin = time.monotonic()
    for _ in range(4):
        front.send(b"x", announce=True)
    names = {front.answer().body for _ in range(4)}
    assert len(names) == 4 and time.monotonic() - begin < 1
    assert sorted(front.started_ids) == [1, 2, 3, 4]
    assert front.stop() == 0


def test_a_held_slot_of_a_sync_worker_comes_back_by_itself(worker):
    front = worker("""
    import threading
    def predict_fn(data, model):
        threading.Timer(0.3, lambda kept: None, (data,)).start()
        return 0
    """, slots=1)
    front.ask(array=np.arange(3.0), slot=0)
    assert front.slot_said() == ("SLOT_HELD", 0)
    assert front.slot_said() == ("SLOT_FREE", 0)
    assert front.ask(array=np.arange(3.0)).body == b"0"
