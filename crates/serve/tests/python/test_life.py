"""From HELLO to BYE."""

import os
import signal
import struct
import time

import pytest

ECHO = "def predict_fn(data, model): return data\ndef input_fn(b, c): return b\ndef output_fn(p, a): return p\n"


def test_hello_load_loaded(worker):
    front = worker(ECHO)
    low, high, name, version = struct.unpack_from("<HHHH", front.hello)
    assert (low, high) == (1, 1)
    assert front.hello[8 : 8 + name] == b"cpython" and len(front.hello) == 8 + name + version
    assert front.phases == [1, 2, 3]
    assert front.concurrency == 1
    assert front.functions == 0x001 | 0x002 | 0x004 | 0x008
    assert front.capabilities == 0x08 | 0x10


def test_arrays_when_a_default_function_can_use_them(worker):
    assert worker("def predict_fn(data, model): return data", slots=2).capabilities == 0x01 | 0x02 | 0x08 | 0x10


def test_the_document_s_frames(worker):
    """The REQ of docs/worker-protocol.md, byte for byte."""
    from pathlib import Path

    text = (Path(__file__).resolve().parents[4] / "docs" / "worker-protocol.md").read_text()
    block = text.split("REQ, from the front, on the data socket: `POST /invocations?v=2`")[1].split("```hex\n")[1].split("```")[0]
    raw = bytes.fromhex("".join(line.split("#")[0] for line in block.splitlines()))
    front = worker("""
    def transform_fn(model, body, content_type, accept, context):
        return repr([body, content_type, accept, context.query, dict(context.headers), context.get_request_id()])
    """)
    front.data.socket.sendall(raw)
    answer = front.answer()
    assert eval(answer.body) == ["1,2", "text/csv", "application/json", "v=2", {"content-type": "text/csv", "x-id": "7"}, "1"]
    assert answer.content_type == "application/json"


def test_ping_while_it_computes(worker):
    front = worker("import time\ndef predict_fn(data, model): time.sleep(0.5); return 1\ndef input_fn(b, c): return b")
    front.send(b"x")
    front.send_control(0x06, struct.pack("<Q", 77))
    assert front.control.frame(0.4).id == 77
    assert front.answer().body == b"1"


def test_drain_when_idle_is_quick(worker):
    front = worker(ECHO + "import atexit\natexit.register(lambda: print('at exit'))\ndef shutdown_fn(context): print('shutdown')")
    front.ask(b"x")
    begin = time.monotonic()
    assert front.stop() == 0
    assert time.monotonic() - begin < 1
    assert front.output()[0] == "shutdown\nat exit\n"


def test_drain_before_any_request(worker):
    assert worker(ECHO).stop() == 0


@pytest.mark.parametrize("concurrency", [1, 3])
def test_drain_answers_what_it_has(worker, concurrency):
    front = worker("import time\ndef predict_fn(data, model): time.sleep(0.3); return 1\ndef input_fn(b, c): return b",
                   concurrency=concurrency)
    frames = [front.send(b"x", announce=concurrency == 1) for _ in range(3)]
    front.drain()
    assert sorted(front.answer().id for _ in frames) == frames
    assert front.bye() == 0


def test_drain_names_a_request_that_is_on_its_way(worker):
    front = worker(ECHO)
    frame = front.send(b"late", write=False)
    front.drain()
    time.sleep(0.1)
    front.data.socket.sendall(frame)
    assert front.answer().body == b"late"
    assert front.bye() == 0


def test_a_hanging_shutdown_fn_has_two_seconds(worker):
    front = worker(ECHO + "import time\ndef shutdown_fn(): time.sleep(60)")
    begin = time.monotonic()
    assert front.stop() == 0
    assert 1.5 < time.monotonic() - begin < 4
    assert "did not end within" in front.output()[1]


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_slow_shutdown_fn_is_not_disturbed(worker, concurrency):
    front = worker(ECHO + "import time\ndef shutdown_fn():\n    time.sleep(0.8)\n    print('done')", concurrency=concurrency)
    assert front.stop() == 0
    assert front.output() == ("done\n", "")


def test_a_failing_shutdown_fn(worker):
    front = worker(ECHO + "def shutdown_fn(): raise ValueError('no')")
    assert front.stop() == 0
    assert "shutdown_fn failed: ValueError: no" in front.output()[1]


def test_bye_ends_it_whatever_runs(worker):
    front = worker("import time\ndef predict_fn(data, model): time.sleep(60)\ndef input_fn(b, c): return b\n"
                   "import atexit\natexit.register(lambda: print('at exit'))")
    front.send(b"x")
    time.sleep(0.2)
    front.send_control(0x09)
    begin = time.monotonic()
    assert front.process.wait(5) == 0
    assert time.monotonic() - begin < 2.5
    assert front.output()[0] == "at exit\n"


def test_bye_when_idle(worker):
    front = worker(ECHO)
    front.send_control(0x09)
    assert front.process.wait(3) == 0


@pytest.mark.parametrize("lane", ["data", "control"])
def test_the_end_of_a_socket_is_its_end(worker, lane):
    front = worker(ECHO)
    front.ask(b"x")
    getattr(front, lane).socket.close()
    front.process.wait(5)


def test_the_end_of_the_front_while_user_code_runs(worker):
    front = worker("import time\ndef predict_fn(data, model): time.sleep(60)\ndef input_fn(b, c): return b")
    front.send(b"x")
    time.sleep(0.2)
    front.data.socket.close()
    front.control.socket.close()
    front.process.wait(5)


@pytest.mark.parametrize("raw", [
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"OPT\x02\x10" + bytes(11),
    b"OPT\x01\x41" + bytes(11),
    b"OPT\x01\x10\0\0\0" + struct.pack("<Q", 1 << 40),
    b"OPT\x01\x10\0\0\0" + struct.pack("<Q", 20) + bytes(20),
    b"OPT\x01\x11\0\0\0" + struct.pack("<Q", 8) + bytes(8),
])
def test_a_front_that_breaks_the_protocol(worker, raw):
    front = worker(ECHO)
    front.data.socket.sendall(raw)
    assert front.process.wait(5) == 70
    assert front.output()[1].startswith("error: the server sent ")


def test_frames_of_later_versions_are_skipped(worker):
    front = worker(ECHO)
    front.send_data(0x85, b"later")
    front.send_control(0x86, b"later")
    assert front.ask(b"x").body == b"x"


def test_signals(worker):
    front = worker(ECHO)
    front.process.send_signal(signal.SIGINT)
    assert front.ask(b"x").body == b"x"
    front.process.send_signal(signal.SIGUSR1)
    assert front.ask(b"x").body == b"x"
    front.process.send_signal(signal.SIGTERM)
    assert front.process.wait(5) == -signal.SIGTERM
    assert "Current thread" in front.output()[1] or "Thread 0x" in front.printed[1]


def test_descriptors_are_not_inherited(worker):
    front = worker("""
    import os, subprocess, sys
    def input_fn(b, c): return b
    def predict_fn(data, model):
        own = [fd for fd in os.listdir("/proc/self/fd")]
        child = subprocess.run([sys.executable, "-c", "import os; print(os.listdir('/proc/self/fd'))"], close_fds=False,
                               stdout=subprocess.PIPE)
        return {"inheritable": [fd for fd in own if os.path.exists("/proc/self/fd/" + fd) and os.get_inheritable(int(fd))],
                "child": len(eval(child.stdout))}
    """, slots=1)
    import json

    seen = json.loads(front.ask(b"x").body)
    assert seen["inheritable"] == ["0", "1", "2"] and seen["child"] == 4


def test_output_goes_line_by_line(worker):
    front = worker("""
    import sys
    def input_fn(b, c): return b
    def predict_fn(data, model):
        print("one", "two", 3)
        print("\\udce4 surrogate")
        print("three", file=sys.stderr)
        print("no end of line", end="")
        return 1
    """)
    assert front.ask(b"x").body == b"1"
    assert front.stop() == 0
    out, err = front.output()
    assert out == "one two 3\n\\udce4 surrogate\nno end of line" and err == "three\n"


def test_look_ahead_announces_each_start(worker):
    front = worker("import time\ndef predict_fn(data, model): time.sleep(0.1); return data\ndef input_fn(b, c): return b.decode()\n")
    front.data.socket.sendall(b"".join(front.send(b"%d" % i, content_type="a/b", announce=True, write=False) for i in range(3)))
    kinds = []
    while len(kinds) < 6:
        kinds.append((lambda frame: (frame.kind, frame.id))(front.data.frame()))
    assert kinds == [("STARTED", 1), ("RESP_HEAD", 1), ("STARTED", 2), ("RESP_HEAD", 2), ("STARTED", 3), ("RESP_HEAD", 3)]


def test_the_end_of_one_and_the_start_of_the_next_are_one_write(worker):
    import numpy as np

    front = worker("import time\ndef predict_fn(data, model): time.sleep(0.2); return data")
    front.data.socket.sendall(b"".join(front.send(array=np.arange(3.0), announce=True, write=False) for _ in range(2)))
    front.data.frame()
    piece = front.data.socket.recv(1 << 16)
    kinds, at = [], 0
    while at < len(piece):
        kinds.append(piece[at + 4])
        at += 16 + struct.unpack_from("<Q", piece, at + 8)[0]
    assert kinds == [0x20, 0x24]


def test_cancel_of_one_that_has_not_begun(worker):
    front = worker("import time\ndef predict_fn(data, model): time.sleep(0.3); return data\ndef input_fn(b, c): return 1")
    for _ in range(3):
        front.send(b"x", announce=True)
    front.cancel(2)
    front.cancel(9)
    answers = [front.answer() for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 499, 200]
    assert front.started_ids == [1, 3]
    # One that was answered long ago means nothing; one that is still to come is remembered.
    front.cancel(1)
    statuses = [front.ask(b"x").status for _ in range(6)]
    assert statuses == [200] * 5 + [499]


@pytest.mark.parametrize("concurrency", [1, 2])
def test_bodies_in_chunks(worker, concurrency):
    front = worker(ECHO, concurrency=concurrency)
    body = os.urandom(600_000)
    number = front.send(chunks=True, content_type="application/octet-stream")
    other = front.send(chunks=True, content_type="application/octet-stream")
    for at in range(0, len(body), 200_000):
        front.chunk(number, body[at : at + 200_000])
        front.chunk(other, body[at : at + 100])
        credits = sorted((frame.id, struct.unpack_from("<I", frame.payload, 8)[0])
                         for frame in (front.control.frame(), front.control.frame()))
        assert credits == [(number, 200_000), (other, 100)]
    front.end(other)
    assert front.answer().body == body[:100] + body[200_000:200_100] + body[400_000:400_100]
    front.end(number)
    assert front.answer().body == body


def test_a_body_that_breaks_off(worker):
    front = worker(ECHO)
    number = front.send(chunks=True)
    front.chunk(number, b"some")
    front.end(number, 0x10)
    assert front.answer().status == 499
    assert front.ask(b"x").body == b"x"


def test_an_array_in_chunks(worker):
    import numpy as np

    front = worker("def predict_fn(data, model): return data + 1")
    array = np.arange(100_000.0).reshape(100, 1000)
    number = front.send(array=array, chunks=False)
    raw = array.tobytes()
    for at in range(0, len(raw), 200_000):
        front.chunk(number, raw[at : at + 200_000])
    # Without a length beforehand no array is sent.
    front.end(number)
    answer = front.answer()
    assert (answer.array() == array + 1).all()
