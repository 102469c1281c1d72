#!/usr/bin/env python3
# A worker in another style than ours, written from docs/worker-protocol.md alone: one thread, `selectors`, no shared memory.
# It answers with the body backwards; `x-how` asks for other ends.

import os, selectors, socket, struct, sys

MAGIC, UNKNOWN = b"OPT\x01", 2**64 - 1
HELLO, LOAD, LOADING, LOADED, LOAD_FAIL, PING, PONG, DRAIN, BYE, CANCEL, CREDIT = range(0x01, 0x0C)
REQ, REQ_CHUNK, REQ_END, RESP_HEAD, RESP_CHUNK, RESP_END, ERROR = 0x10, 0x11, 0x12, 0x20, 0x21, 0x22, 0x23
WINDOW, CHUNK = 1 << 20, 256 << 10


class Lane:
    def __init__(self, variable):
        number = int(os.environ[variable])
        os.set_inheritable(number, False)
        self.socket = socket.socket(fileno=number)
        self.socket.setblocking(True)
        self.unread = b""

    def send(self, kind, payload, flags=0):
        self.socket.sendall(MAGIC + struct.pack("<BBHQ", kind, flags, 0, len(payload)) + payload)

    def frames(self):
        """Whatever one read completes. The end of the socket is the end of the process."""
        read = self.socket.recv(1 << 16)
        if not read:
            sys.exit(0)
        self.unread += read
        while len(self.unread) >= 16:
            magic, kind, flags, _, length = struct.unpack("<4sBBHQ", self.unread[:16])
            if magic != MAGIC:
                sys.exit(70)
            if len(self.unread) < 16 + length:
                return
            payload, self.unread = self.unread[16 : 16 + length], self.unread[16 + length :]
            yield kind, flags, payload


def pairs(payload, at, count):
    found = []
    for _ in range(count):
        n, m = struct.unpack_from("<HH", payload, at)
        found.append((payload[at + 4 : at + 4 + n], payload[at + 4 + n : at + 4 + n + m]))
        at += 4 + n + m
    return found


def packed(*found):
    return b"".join(struct.pack("<HH", len(name), len(value)) + name + value for name, value in found)


class Worker:
    def __init__(self):
        self.data, self.control = Lane("OPTML_DATA_FD"), Lane("OPTML_CONTROL_FD")
        self.bodies, self.answers, self.last, self.drain = {}, {}, 0, None

    def run(self):
        self.control.send(HELLO, struct.pack("<HHHH", 1, 1, 5, 3) + b"other" + b"0.1")
        ready = selectors.DefaultSelector()
        for lane, react in ((self.control, self.on_control), (self.data, self.on_data)):
            ready.register(lane.socket, selectors.EVENT_READ, (lane, react))
        while True:
            for key, _ in ready.select():
                lane, react = key.data
                for frame in lane.frames():
                    react(*frame)
            if self.drain is not None and self.last >= self.drain and not self.bodies and not self.answers:
                self.control.send(BYE, b"")
                return 0

    def on_control(self, kind, flags, payload):
        if kind == LOAD:
            self.settings = dict(pairs(payload, 18, struct.unpack_from("<H", payload, 16)[0]))
            self.load()
        elif kind == PING:
            self.control.send(PONG, payload[:8])
        elif kind == CREDIT:
            number, more = struct.unpack_from("<QI", payload)
            if number in self.answers:
                self.answers[number][1] += more
                self.send_more(number)
        elif kind == DRAIN:
            (self.drain,) = struct.unpack_from("<Q", payload)
        elif kind == BYE:
            sys.exit(0)

    def load(self):
        self.control.send(LOADING, b"\x02")
        model = os.path.join(self.settings[b"model_dir"].decode(), "model.txt")
        if os.path.exists(model):
            self.control.send(LOADED, struct.pack("<III", 1, 0, 0))
            return
        texts = b"NoModel", b"there is no model.txt", b"looked where model_dir says"
        self.control.send(LOAD_FAIL, struct.pack("<BBHHII", 2, 0, 500, *map(len, texts)) + b"".join(texts))
        sys.exit(1)

    def on_data(self, kind, flags, payload):
        (number,) = struct.unpack_from("<Q", payload)
        if kind == REQ:
            _, _, length, _, head, path, query, content_type, accept, n_headers, _, method, peer, _, _ = struct.unpack_from("<QQQIIHHHHHHBBBB", payload)
            at = 48 + method
            asked = payload[at : at + path]
            self.how = dict(pairs(payload, at + path + query + peer + content_type + accept, n_headers))
            self.path = asked
            if flags & 3 == 0:
                self.answer(number, payload[head:])
            else:
                assert flags & 3 == 2 and flags & 0x0C == 0, flags
                self.bodies[number] = []
        elif kind == REQ_CHUNK:
            self.bodies[number].append(payload[8:])
            self.control.send(CREDIT, struct.pack("<QI", number, len(payload) - 8))
        elif kind == REQ_END:
            body = b"".join(self.bodies.pop(number))
            self.fail(number, 499, b"cut off") if flags & 0x10 else self.answer(number, body)

    def answer(self, number, body):
        how = {name.lower(): value for name, value in self.how.items()}.get(b"x-how")
        if self.path == b"/execution-parameters":
            return self.whole(number, b'{"MaxPayloadInMB": 3}', (b"content-type", b"application/json"))
        if how == b"fail":
            return self.fail(number, 422, "caf\u00e9".encode())
        if how == b"die":
            os._exit(3)
        if how == b"garble":
            return self.data.socket.sendall(b"HTTP/1.1 200 OK\r\n\r\n" * 4)
        if how == b"split":
            return self.whole(number, b"", (b"x-a", b"1\r\nx-b: 2"))
        answer = body[::-1]
        if len(answer) <= CHUNK:
            return self.whole(number, answer, (b"Content-Type", b"text/backwards"), (b"x-path", self.path))
        length = UNKNOWN if how == b"unknown" else len(answer)
        self.data.send(RESP_HEAD, struct.pack("<QQIIIHH", number, length, 0, 32, 0, 200, 0), 2)
        self.answers[number] = [answer, WINDOW]
        self.send_more(number)

    def whole(self, number, body, *headers):
        fields = packed(*headers)
        self.data.send(RESP_HEAD, struct.pack("<QQIIIHH", number, len(body), 0, 32 + len(fields), 7, 200, len(headers)) + fields + body)
        self.last = number

    def send_more(self, number):
        answer, credit = self.answers[number]
        while answer and credit:
            n = min(CHUNK, credit, len(answer))
            self.data.send(RESP_CHUNK, struct.pack("<Q", number) + answer[:n])
            answer, credit = answer[n:], credit - n
        self.answers[number] = [answer, credit]
        if not answer:
            self.data.send(RESP_END, struct.pack("<Q", number))
            del self.answers[number]
            self.last = number

    def fail(self, number, status, message):
        texts = b"Backwards", message, b"detail for the log"
        self.data.send(ERROR, struct.pack("<QHHII", number, status, *map(len, texts)) + b"".join(texts))
        self.last = number


sys.exit(Worker().run())
