#part frames
"""Frames: their numbers, a request as it comes in, and what is written back."""

import struct
import time

MAGIC = int.from_bytes(b"OPT\x01", "little")
HEADER = struct.Struct("<IBBHQ")
PREFIXED_ID = struct.Struct("<IBBHQQ")
FIXED = struct.Struct("<QQQIIHHHHHHBBBB")
RESP_HEAD_FRAME = struct.Struct("<IBBHQQQIIIHH")
ARRAY_PREFIX = struct.Struct("<BB6x")
PAIR = struct.Struct("<HH")
FAILURE = struct.Struct("<HHII")

HELLO, LOAD, LOADING, LOADED, LOAD_FAIL, PING, PONG, DRAIN, BYE, CANCEL, CREDIT = range(0x01, 0x0C)
REQ, REQ_CHUNK, REQ_END = 0x10, 0x11, 0x12
RESP_HEAD, RESP_CHUNK, RESP_END, ERROR, STARTED = 0x20, 0x21, 0x22, 0x23, 0x24
SLOT_FREE, SLOT_HELD = 0x30, 0x31

IN_SLOT, IN_CHUNKS, FORM, IS_ARRAY, ANNOUNCE, BROKEN, SPENT = 0x01, 0x02, 0x03, 0x04, 0x08, 0x10, 0x20

HEADER_BYTES = 16
FIXED_BYTES = 48
UNKNOWN_LENGTH = (1 << 64) - 1
MAX_HEAD_BYTES = 256 << 10
MAX_INLINE_BYTES = 256 << 10
MAX_CHUNK_BYTES = 256 << 10
MAX_TEXT_BYTES = 64 << 10
MAX_SMALL_BYTES = 4 << 10
MAX_PAIRS = 1024
WINDOW_BYTES = 1 << 20
# From this size on a body is worth a slot.
SLOT_BODY_BYTES = 64 << 10
# What a data socket may bring, and how long it can be.
DATA_LIMITS = {REQ: 512 << 10, REQ_CHUNK: MAX_CHUNK_BYTES + 8, REQ_END: MAX_SMALL_BYTES, SLOT_FREE: MAX_SMALL_BYTES}
CONTROL_LIMITS = {LOAD: MAX_TEXT_BYTES, PING: MAX_SMALL_BYTES, DRAIN: MAX_SMALL_BYTES, BYE: MAX_SMALL_BYTES,
                  CANCEL: MAX_SMALL_BYTES, CREDIT: MAX_SMALL_BYTES}
MAX_SKIPPED_BYTES = 512 << 10
SKIPPABLE = 0x80

EXIT_BROKEN = 70

monotonic_ns = time.monotonic_ns


class Breach(Exception):
    """The front broke the protocol."""


class Inbox:
    """Bytes of one socket on their way to frames."""

    def __init__(self, fd, limits):
        self.fd = fd
        self.limits = limits
        self.buffer = bytearray(80 << 10)
        self.start = 0
        self.end = 0

    def next(self):
        """The next whole frame: kind, flags, slot, where its payload begins and ends. `None` until more has come."""
        while self.end - self.start >= HEADER_BYTES:
            magic, kind, flags, slot, length = HEADER.unpack_from(self.buffer, self.start)
            if magic != MAGIC:
                raise Breach("bytes that are no frame of version 1")
            limit = self.limits.get(kind)
            if limit is None and kind < SKIPPABLE or length > (limit or MAX_SKIPPED_BYTES):
                raise Breach("a frame of kind 0x%02x with %d bytes" % (kind, length))
            begin = self.start + HEADER_BYTES
            if self.end - begin < length:
                self.make_room(HEADER_BYTES + length)
                return None
            self.start = begin + length
            if limit is not None:
                return kind, flags, slot, begin, begin + length
        self.make_room(HEADER_BYTES)
        return None

    def make_room(self, n_bytes):
        """Moves the part of a frame that is there to the front of a buffer that can hold all of it."""
        if self.start:
            rest = self.buffer[self.start : self.end]
            self.buffer[: len(rest)] = rest
            self.start, self.end = 0, len(rest)
        if len(self.buffer) < n_bytes:
            self.buffer.extend(bytes(n_bytes - len(self.buffer)))

    def fill(self):
        """Reads once. False: the front is gone."""
        # A view for each read: while one lives the buffer can't grow.
        with memoryview(self.buffer) as view, view[self.end :] as space:
            n_bytes = os.readv(self.fd, [space])
        self.end += n_bytes
        return n_bytes > 0


class Request:
    """A request as it came. Its texts are taken apart when somebody asks for them."""

    __slots__ = ("id", "deadline_ns", "flags", "slot", "offset", "n_bytes", "lengths", "head", "body", "peer_port",
                 "version", "stage", "watches", "lent", "incoming", "took_us", "context", "method", "path", "query", "peer",
                 "content_type", "accept", "headers")

    @classmethod
    def parse(cls, buffer, begin, end, flags, slot):
        self = cls()
        try:
            fields = FIXED.unpack_from(buffer, begin)
        except struct.error:
            raise Breach("a REQ that ends inside its fixed part") from None
        self.id, self.deadline_ns, self.n_bytes, self.offset, head_bytes = fields[:5]
        self.lengths = fields[5:]
        self.peer_port = fields[10]
        self.version = fields[13:]
        self.flags = flags
        self.slot = slot
        self.stage = "input"
        self.watches = self.lent = self.incoming = self.context = None
        self.took_us = 0
        if not FIXED_BYTES <= head_bytes <= min(end - begin, MAX_HEAD_BYTES):
            raise Breach("a REQ whose head has %d bytes" % head_bytes)
        self.head = bytes(buffer[begin : begin + head_bytes])
        # A copy: the buffer is used again, and user code may keep what it was given. Arrays can be written to.
        self.body = buffer[begin + head_bytes : end]
        if not flags & FORM and len(self.body) != self.n_bytes:
            raise Breach("a REQ whose body is not as long as it says")
        if flags & FORM == IN_CHUNKS:
            self.body = bytearray()
        elif flags & FORM == IN_SLOT:
            if WORKER.arena is None:
                raise Breach("a body in a slot, and there is no arena")
            WORKER.arena.start_of(slot, self.offset, self.n_bytes)
        return self

    def __getattr__(self, name):
        if name == "headers":
            self.headers, _ = read_pairs(self.head, self.texts_start() + sum(self.lengths[:4]) + sum(self.lengths[6:8]), self.lengths[4])
        elif name in ("method", "path", "query", "peer", "content_type", "accept"):
            self.split()
        else:
            raise AttributeError(name)
        return getattr(self, name)

    def texts_start(self):
        if self.flags & IS_ARRAY:
            return FIXED_BYTES + ARRAY_PREFIX.size + 8 * self.head[FIXED_BYTES + 1]
        return FIXED_BYTES

    def split(self):
        path, query, content_type, accept, _, _, method, peer = self.lengths[:8]
        head, at = self.head, self.texts_start()
        self.method = head[at : at + method]
        at += method
        self.path = head[at : at + path]
        at += path
        self.query = head[at : at + query]
        at += query
        self.peer = head[at : at + peer]
        at += peer
        self.content_type = as_text(head[at : at + content_type])
        at += content_type
        self.accept = as_text(head[at : at + accept])

    def array_form(self):
        """Type and dimensions of a body that is an array."""
        code, n_dimensions = ARRAY_PREFIX.unpack_from(self.head, FIXED_BYTES)
        shape = struct.unpack_from("<%dQ" % n_dimensions, self.head, FIXED_BYTES + ARRAY_PREFIX.size)
        return code, shape

    def raw_body(self):
        """The body as `bytes` or `bytearray`, not shared with anybody."""
        if self.flags & FORM == IN_SLOT:
            return WORKER.arena.copy(self.slot, self.offset, self.n_bytes)
        return self.body

    def view(self):
        """The body where it is, without a copy."""
        if self.body is None:
            # Its slot may have the body of another request by now.
            raise ValueError("the request is answered, its body is gone")
        if self.flags & FORM != IN_SLOT:
            return memoryview(self.body)
        if self.lent is None:
            self.lent, watch = WORKER.arena.lend(self.slot, self.offset, self.n_bytes)
            self.watch_too(watch)
        return self.lent

    def watch_too(self, watch):
        """What must be gone before the slot is given back."""
        if watch is not None:
            self.watches = [watch] if self.watches is None else self.watches + [watch]


class Answer:
    """A response: its body as bytes, as an array that the front writes, or as pieces that come one by one."""

    __slots__ = ("status", "headers", "body", "array", "pieces", "n_bytes")

    def __init__(self, body=b"", status=200, headers=(), array=None, pieces=None):
        self.status = status
        # Pairs of bytes.
        self.headers = list(headers)
        self.body = body
        self.array = array
        self.pieces = pieces
        # The length of the pieces, where it is known beforehand.
        self.n_bytes = None


class Unsendable(Exception):
    """User code answered with something that HTTP or the protocol has no room for."""


def as_text(raw):
    """Text of a client: UTF-8 if it is, else each byte a character."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def as_field(value):
    """A header's name or value as bytes."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    text = value if isinstance(value, str) else str(value)
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def read_pairs(buffer, at, n_pairs):
    pairs = []
    for _ in range(n_pairs):
        name, value = PAIR.unpack_from(buffer, at)
        at += PAIR.size
        pairs.append((bytes(buffer[at : at + name]), bytes(buffer[at + name : at + name + value])))
        at += name + value
    return pairs, at


def pack_pairs(pairs):
    if len(pairs) > MAX_PAIRS:
        raise Unsendable("the answer has %d header fields, and at most %d can be sent" % (len(pairs), MAX_PAIRS))
    parts = []
    for name, value in pairs:
        if len(name) > 0xFFFF or len(value) > 0xFFFF:
            raise Unsendable("the answer has a header field of more than 65535 bytes")
        parts += (PAIR.pack(len(name), len(value)), name, value)
    return b"".join(parts)


def pack_head(request, answer, form, slot=0, n_bytes=0):
    """The frame of RESP_HEAD, without the body that may follow in it."""
    status = answer.status
    if not 200 <= status <= 599:
        raise Unsendable("the answer has the status %d, which is none" % status)
    flags = form
    extra = b""
    if answer.array is not None:
        flags |= IS_ARRAY
        shape = answer.array.shape
        extra = struct.pack("<BB6x%dQ" % len(shape), code_of(answer.array), len(shape), *shape)
    extra += pack_pairs(answer.headers)
    head_bytes = 32 + len(extra)
    if head_bytes > MAX_HEAD_BYTES:
        raise Unsendable("the answer has %d bytes of header fields" % len(extra))
    if WORKER.is_spent and form != IN_CHUNKS:
        flags |= SPENT
    payload = head_bytes + (0 if form else n_bytes)
    return RESP_HEAD_FRAME.pack(MAGIC, RESP_HEAD, flags, slot, payload, request.id, n_bytes, 0, head_bytes,
                                min(request.took_us, 0xFFFFFFFF), status, len(answer.headers)) + extra


def pack_id(kind, number, flags=0):
    return PREFIXED_ID.pack(MAGIC, kind, flags, 0, 8, number)


def pack_chunk_prefix(number, n_bytes):
    return PREFIXED_ID.pack(MAGIC, RESP_CHUNK, 0, 0, 8 + n_bytes, number)


def pack_slot(kind, slot):
    return HEADER.pack(MAGIC, kind, 0, slot, 0)


def pack_failure(status, kind, message, detail, limit):
    """A failure whose detail is cut so that all of it has at most `limit` bytes: the middle goes first."""
    kind = kind.encode("utf-8", "backslashreplace")[:256].decode("utf-8", "ignore").encode()
    message = cut(message.encode("utf-8", "backslashreplace"), 16 << 10)
    detail = cut(detail.encode("utf-8", "backslashreplace"), limit - FAILURE.size - len(kind) - len(message))
    return FAILURE.pack(status, len(kind), len(message), len(detail)) + kind + message + detail


def cut(text, limit):
    if len(text) <= limit:
        return text
    mark = b"\n  ... cut ...\n"
    head = (limit - len(mark)) // 4
    tail = limit - len(mark) - head
    start = text[:head].decode("utf-8", "ignore").encode()
    end = text[-tail:].decode("utf-8", "ignore").encode()
    return start + mark + end


def pack_error(number, failure):
    """`failure`: status, type, message, detail, whether the worker is spent."""
    status, kind, message, detail, is_spent = failure
    payload = pack_failure(status, kind, message, detail, MAX_TEXT_BYTES - 8)
    flags = SPENT if is_spent or WORKER.is_spent else 0
    return PREFIXED_ID.pack(MAGIC, ERROR, flags, 0, 8 + len(payload), number) + payload


CANCELLED = (499, "Cancelled", "nobody waits for this answer any more", "", False)


def write_all(fd, data):
    """Writes to a blocking socket. When that fails the front is gone, and so is this worker's reason to be."""
    try:
        n_bytes = os.write(fd, data)
        if n_bytes != len(data):
            view = memoryview(data)
            while n_bytes < len(data):
                n_bytes += os.write(fd, view[n_bytes:])
    except OSError:
        leave(0)


def send_control(kind, payload=b""):
    with WORKER.control_lock:
        write_all(WORKER.control_fd, HEADER.pack(MAGIC, kind, 0, 0, len(payload)) + payload)


def give_credit(number, n_bytes):
    """The front may send so many more bytes of this request's body."""
    send_control(CREDIT, struct.pack("<QI", number, n_bytes))


def leave(code):
    """Ends the process, now."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # Closed, replaced, or never there: it is user code's.
            pass
    os._exit(code)


def refuse(error):
    """The one answer to a front that breaks the protocol."""
    try:
        os.write(2, ("error: the server sent %s\n" % error).encode())
    except OSError:
        pass
    os._exit(EXIT_BROKEN)
