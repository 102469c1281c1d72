"""The other side of the worker protocol, as small as tests need it: a real worker process, and frames to and from it."""

import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[2] / "src" / "python"
HEADER = struct.Struct("<3sBBBHQ")
DEADLINE_S = 20
KINDS = {0x01: "HELLO", 0x03: "LOADING", 0x04: "LOADED", 0x05: "LOAD_FAIL", 0x07: "PONG", 0x09: "BYE", 0x0B: "CREDIT",
         0x20: "RESP_HEAD", 0x21: "RESP_CHUNK", 0x22: "RESP_END", 0x23: "ERROR", 0x24: "STARTED", 0x30: "SLOT_FREE",
         0x31: "SLOT_HELD", 0x80: "STATS"}
CODES = {"bool": 1, "int8": 2, "int16": 3, "int32": 4, "int64": 5, "uint8": 6, "uint16": 7, "uint32": 8, "uint64": 9,
         "float32": 11, "float64": 12}
DTYPES = {code: name for name, code in CODES.items()}


def source():
    return b"".join(path.read_bytes() for path in sorted(SOURCES.glob("[0-9]*.py")))


def boot():
    return (SOURCES / "boot.py").read_text()


class Frame:
    def __init__(self, kind, flags, slot, payload):
        self.kind, self.flags, self.slot, self.payload = KINDS[kind], flags, slot, payload

    def __repr__(self):
        return "%s(flags=0x%02x, slot=%d, %r)" % (self.kind, self.flags, self.slot, self.payload[:200])

    @property
    def id(self):
        return struct.unpack_from("<Q", self.payload)[0]

    @property
    def data(self):
        return self.payload[8:]

    @property
    def phase(self):
        return self.payload[0]

    def failure(self):
        at = 2 if self.kind == "LOAD_FAIL" else 8
        status, kind, message, detail = struct.unpack_from("<HHII", self.payload, at)
        text = self.payload[at + 12 :]
        assert len(text) == kind + message + detail and len(self.payload) <= 64 << 10
        return Failure(status, text[:kind].decode(), text[kind : kind + message].decode(),
                       text[kind + message :].decode(), bool(self.flags & 0x20))


class Failure:
    def __init__(self, status, kind, message, detail, is_spent):
        self.status, self.kind, self.message, self.detail, self.is_spent = status, kind, message, detail, is_spent

    def __repr__(self):
        return "Failure(%d, %s, %s, spent=%s)\n%s" % (self.status, self.kind, self.message, self.is_spent, self.detail)


class Response:
    """A whole answer, its body put together."""

    def __init__(self, frame, front):
        (self.id, n_bytes, offset, head, self.took_us, self.status, n_headers) = struct.unpack_from("<QQIIIHH", frame.payload)
        self.n_bytes = None if n_bytes == (1 << 64) - 1 else n_bytes
        self.flags, self.slot, self.failure = frame.flags, frame.slot, None
        self.is_spent = bool(frame.flags & 0x20)
        self.dtype = self.shape = None
        at = 32
        if frame.flags & 0x04:
            code, n_dimensions = frame.payload[32], frame.payload[33]
            self.dtype = DTYPES[code]
            self.shape = struct.unpack_from("<%dQ" % n_dimensions, frame.payload, 40)
            at += 8 + 8 * n_dimensions
        self.fields, at = read_pairs(frame.payload, at, n_headers)
        assert at == head
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self.fields}
        self.form = frame.flags & 3
        self.chunks = []
        if self.form == 0:
            self.body = frame.payload[head:]
            assert len(self.body) == n_bytes
        elif self.form == 1:
            start = front.slot_start(frame.slot) + offset
            self.body = front.arena[start : start + n_bytes]
            front.send_data(0x30, slot=frame.slot)

    @property
    def content_type(self):
        return self.headers.get("content-type")

    def array(self):
        import numpy

        return numpy.frombuffer(self.body, self.dtype).reshape(self.shape)


def read_pairs(payload, at, n):
    pairs = []
    for _ in range(n):
        name, value = struct.unpack_from("<HH", payload, at)
        pairs.append((payload[at + 4 : at + 4 + name], payload[at + 4 + name : at + 4 + name + value]))
        at += 4 + name + value
    return pairs, at


def pack_pairs(pairs):
    return b"".join(struct.pack("<HH", len(a), len(b)) + a + b for a, b in pairs)


class Lane:
    def __init__(self, end):
        self.socket, self.buffer = end, b""

    def frame(self, timeout=DEADLINE_S):
        """The next frame, or `None` when the worker is gone."""
        deadline = time.monotonic() + timeout
        while True:
            if len(self.buffer) >= 16:
                magic, version, kind, flags, slot, length = HEADER.unpack_from(self.buffer)
                assert (magic, version) == (b"OPT", 1), self.buffer[:32]
                if len(self.buffer) >= 16 + length:
                    payload, self.buffer = self.buffer[16 : 16 + length], self.buffer[16 + length :]
                    return Frame(kind, flags, slot, payload)
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                raise TimeoutError("no frame within %s s" % timeout)
            try:
                piece = self.socket.recv(1 << 20)
            except ConnectionError:
                piece = b""
            if not piece:
                return None
            self.buffer += piece

    def is_silent(self, seconds=0.2):
        return not self.buffer and not select.select([self.socket], [], [], seconds)[0]


class Front:
    """A worker process and its front. With `slots`, an arena of that many request slots and as many for answers."""

    def __init__(self, slots=0, slot_bytes=1 << 20, python=sys.executable, env=None, **settings):
        data, data_child = socket.socketpair()
        control, control_child = socket.socketpair()
        self.data, self.control = Lane(data), Lane(control)
        self.n_slots, self.slot_bytes, self.arena = slots, slot_bytes, None
        source_fd = os.memfd_create("worker")
        os.write(source_fd, source())
        fds = {"OPTML_DATA_FD": data_child.fileno(), "OPTML_CONTROL_FD": control_child.fileno(), "OPTML_SOURCE_FD": source_fd}
        if slots:
            import mmap

            arena_fd = os.memfd_create("arena")
            os.ftruncate(arena_fd, 2 * slots * slot_bytes)
            self.arena = mmap.mmap(arena_fd, 2 * slots * slot_bytes)
            fds["OPTML_ARENA_FD"] = arena_fd
        environ = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **(env or {}))
        environ.update((name, str(fd)) for name, fd in fds.items())
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [python, "-u", "-B", "-c", boot()], env=environ, pass_fds=list(fds.values()), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        data_child.close()
        control_child.close()
        for name in ("OPTML_SOURCE_FD", "OPTML_ARENA_FD"):
            if name in fds:
                os.close(fds[name])
        self.n_sent = 0
        self.started_ids, self.slot_news, self.phases = [], [], []
        self.settings = settings
        self.settings.setdefault("kind", "functions")

    # ---- Loading

    def load(self, concurrency=0):
        """Sends LOAD and gives back LOADED or LOAD_FAIL."""
        hello = self.control.frame()
        assert hello is not None, self.output()
        assert hello.kind == "HELLO"
        self.hello = hello.payload
        pairs = [(name.encode(), value if isinstance(value, bytes) else str(value).encode())
                 for name, value in self.settings.items()]
        n = self.n_slots
        payload = struct.pack("<HHHHIIH", 1, 0, n, n, self.slot_bytes if n else 0, concurrency, len(pairs)) + pack_pairs(pairs)
        self.send_control(0x02, payload)
        while True:
            frame = self.control.frame()
            assert frame is not None, self.output()
            if frame.kind != "LOADING":
                break
            self.phases.append(frame.phase)
        self.load_ms = (time.monotonic() - self.started) * 1000
        if frame.kind == "LOADED":
            self.concurrency, self.capabilities, self.functions = struct.unpack_from("<III", frame.payload)
        return frame

    def loaded(self, concurrency=0):
        frame = self.load(concurrency)
        assert frame.kind == "LOADED", frame.failure()
        return self

    def load_failure(self):
        frame = self.load()
        assert frame.kind == "LOAD_FAIL", frame
        assert self.process.wait(DEADLINE_S) == 1
        self.recovery = frame.payload[1]
        failure = frame.failure()
        failure.phase = frame.phase
        return failure

    # ---- Requests

    def send(self, body=b"", content_type="application/json", accept="application/json", headers=(), method="POST",
             path="/invocations", query="", array=None, slot=None, chunks=None, announce=False, offset=0, write=True):
        """Sends a request and gives back its number; with `write=False` its frame."""
        self.n_sent += 1
        flags, extra = 0x08 if announce else 0, b""
        if array is not None:
            body = array.tobytes()
            flags |= 0x04
            extra = struct.pack("<BB6x%dQ" % array.ndim, CODES[array.dtype.name], array.ndim, *array.shape)
        n_bytes, inline = len(body), body
        if slot is not None:
            flags |= 1
            start = self.slot_start(slot) + offset
            self.arena[start : start + n_bytes] = body
            inline = b""
        elif chunks is not None:
            flags |= 2
            inline = b""
            n_bytes = (1 << 64) - 1 if chunks else len(body)
        texts = [text if isinstance(text, bytes) else text.encode()
                 for text in (method, path, query, "127.0.0.1", content_type, accept)]
        pairs = [(a if isinstance(a, bytes) else a.encode(), b if isinstance(b, bytes) else b.encode()) for a, b in headers]
        head_bytes = 48 + len(extra) + sum(map(len, texts)) + len(pack_pairs(pairs))
        head = struct.pack("<QQQIIHHHHHHBBBB", self.n_sent, 0, n_bytes, offset if slot is not None else 0, head_bytes,
                           len(texts[1]), len(texts[2]), len(texts[4]), len(texts[5]), len(pairs), 40000,
                           len(texts[0]), len(texts[3]), 1, 1)
        payload = head + extra + b"".join(texts) + pack_pairs(pairs) + inline
        frame = HEADER.pack(b"OPT", 1, 0x10, flags, slot or 0, len(payload)) + payload
        if not write:
            return frame
        self.data.socket.sendall(frame)
        return self.n_sent

    def chunk(self, number, data):
        self.send_data(0x11, struct.pack("<Q", number) + data)

    def end(self, number, flags=0):
        self.send_data(0x12, struct.pack("<Q", number), flags)

    def ask(self, body=b"", **more):
        """Sends a request and waits for its answer: a Response or a Failure."""
        if isinstance(body, str):
            body = body.encode()
        number = self.send(body, **more)
        answer = self.answer()
        assert getattr(answer, "id", number) == number
        return answer

    def answer(self, gives_credit=True):
        """The next whole answer."""
        frame = self.news()
        assert frame is not None, "the worker is gone: %s" % (self.output(),)
        if frame.kind == "ERROR":
            failure = frame.failure()
            failure.id = frame.id
            return failure
        assert frame.kind == "RESP_HEAD", frame
        response = Response(frame, self)
        if response.form == 2:
            self.read_chunks(response, gives_credit)
        return response

    def read_chunks(self, response, gives_credit=True):
        while True:
            frame = self.news()
            assert frame is not None and frame.id == response.id, frame
            if frame.kind == "RESP_CHUNK":
                assert len(frame.data) <= 256 << 10
                response.chunks.append(frame.data)
                if gives_credit:
                    self.credit(response.id, len(frame.data))
                continue
            if frame.kind == "ERROR":
                response.failure = frame.failure()
            else:
                assert frame.kind == "RESP_END"
                response.is_spent = bool(frame.flags & 0x20)
            response.body = b"".join(response.chunks)
            return

    def news(self, timeout=DEADLINE_S):
        """The next frame of an answer; what is said of starts and slots is put aside."""
        while True:
            frame = self.data.frame(timeout)
            if frame is not None and frame.kind == "STARTED":
                self.started_ids.append(frame.id)
            elif frame is not None and frame.kind in ("SLOT_FREE", "SLOT_HELD"):
                self.slot_news.append((frame.kind, frame.slot))
            else:
                return frame

    def slot_said(self):
        while not self.slot_news:
            frame = self.data.frame()
            assert frame is not None and frame.kind in ("SLOT_FREE", "SLOT_HELD"), frame
            self.slot_news.append((frame.kind, frame.slot))
        return self.slot_news.pop(0)

    def slot_start(self, slot):
        return slot * self.slot_bytes

    # ---- The rest

    def send_data(self, kind, payload=b"", flags=0, slot=0):
        self.data.socket.sendall(HEADER.pack(b"OPT", 1, kind, flags, slot, len(payload)) + payload)

    def send_control(self, kind, payload=b""):
        self.control.socket.sendall(HEADER.pack(b"OPT", 1, kind, 0, 0, len(payload)) + payload)

    def credit(self, number, n_bytes):
        try:
            self.send_control(0x0B, struct.pack("<QI", number, n_bytes))
        except BrokenPipeError:
            pass

    def cancel(self, number):
        self.send_control(0x0A, struct.pack("<Q", number))

    def drain(self):
        self.send_control(0x08, struct.pack("<Q", self.n_sent))

    def bye(self):
        """Waits for BYE and the end; gives back the exit code."""
        frame = self.control.frame()
        while frame is not None and frame.kind == "CREDIT":
            frame = self.control.frame()
        assert frame is not None and frame.kind == "BYE", frame
        return self.process.wait(DEADLINE_S)

    def stop(self):
        self.drain()
        return self.bye()

    def output(self):
        """What it has printed, once it has ended."""
        try:
            out, err = self.process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
        self.printed = out.decode(errors="replace"), err.decode(errors="replace")
        return self.printed

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGKILL) if self.process.poll() is None else None
        self.data.socket.close()
        self.control.socket.close()
        self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()
