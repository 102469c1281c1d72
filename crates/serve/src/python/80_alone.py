#part alone
"""One request at a time, in the main thread: the way of most models, and the one that has to be fast."""

import struct

need("replies")

# A whole REQ with an array up to its dimensions: the header; id, length of the body, length of the head; type, dimensions.
ARRAY_REQ = struct.Struct("<IBBHQ Q8xQ4xI16xBB6x")
DIMENSIONS = [struct.Struct("<%dQ" % n) for n in range(33)]
# A whole RESP_HEAD with an array, up to its elements.
ARRAY_RESP = [struct.Struct("<IBBHQ QQIIIHH BB6x%dQ" % n) for n in range(33)]


class Gathering:
    """Requests whose bodies come in chunks, until they are complete."""

    def __init__(self):
        self.requests = {}

    def add(self, request):
        self.requests[request.id] = request

    def chunk(self, buffer, begin, end):
        number = int.from_bytes(buffer[begin : begin + 8], "little")
        request = self.requests.get(number)
        if request is None:
            raise Breach("a chunk of request %d, which has none" % number)
        request.body += memoryview(buffer)[begin + 8 : end]
        give_credit(number, end - begin - 8)

    def end(self, buffer, begin, flags):
        """The request that is complete now; with what is to be answered instead when the client broke off."""
        number = int.from_bytes(buffer[begin : begin + 8], "little")
        request = self.requests.pop(number, None)
        if request is None:
            raise Breach("the end of request %d, which has none" % number)
        if flags & BROKEN:
            WORKER.cancelled.add(number)
        if request.flags & IS_ARRAY:
            request.n_bytes = len(request.body)
        return request


def serve_alone(worker):
    """Reads frames, executes, answers. What is to be written is held back until user code runs, or there is nothing to read:
    so the end of one answer and the start of the next request go out together."""
    program = worker.program
    inbox = Inbox(worker.data_fd, DATA_LIMITS)
    gathering = Gathering()
    write = plain_writer(worker)
    is_direct = program.direct is not None and numpy is not None
    out = b""
    while True:
        if is_direct:
            out = serve_arrays(worker, inbox, write, out)
        frame = inbox.next()
        if frame is None:
            if out:
                write_all(worker.data_fd, out)
                out = b""
            if worker.cancelled:
                forget_answered(worker, gathering.requests)
            if not wait_for_front(worker, inbox):
                leave(0)
            continue
        kind, flags, slot, begin, end = frame
        request = None
        if kind == REQ:
            request = Request.parse(inbox.buffer, begin, end, flags, slot)
            worker.seen = request.id
            worker.n_open += 1
            if flags & FORM == IN_CHUNKS:
                gathering.add(request)
                request = None
        elif kind == REQ_CHUNK:
            gathering.chunk(inbox.buffer, begin, end)
        elif kind == REQ_END:
            request = gathering.end(inbox.buffer, begin, flags)
        elif kind == SLOT_FREE:
            worker.arena.take_back(slot)
        if request is not None:
            if request.flags & ANNOUNCE and request.id not in worker.cancelled:
                out += pack_id(STARTED, request.id)
            if out:
                write_all(worker.data_fd, out)
            out = serve(program, request, write)
            worker.n_open -= 1


def forget_answered(worker, open_requests):
    """A CANCEL may come when its request is answered already; then it means nothing."""
    for number in list(worker.cancelled):
        if number <= worker.seen and number not in open_requests:
            worker.cancelled.discard(number)


def finish_direct(request, result, write):
    """The rest of what the short way has begun, when the result is no small array."""
    request.stage = "output"
    try:
        frames = transmit(request, begin_stream(default_output(result, request), request), write)
    except BaseException as error:
        frames = pack_exception(request, error)
    return frames + after(request)


def plain_writer(worker):
    def write(*parts):
        # Into one, unless copying costs more than a call.
        if sum(map(len, parts)) <= SLOT_BODY_BYTES:
            parts = (b"".join(parts),)
        for part in parts:
            write_all(worker.data_fd, part)

    return write


def wait_for_front(worker, inbox):
    """Reads once. While it waits the main thread may be disturbed: see `on_wake`."""
    worker.is_idle = True
    if worker.drain_last is not None or worker.arena is not None and worker.arena.held:
        look_around(worker)
    try:
        return inbox.fill()
    except OSError:  # User code has closed the socket; the front will see that.
        leave(EXIT_BROKEN)
    finally:
        worker.is_idle = False


def serve_arrays(worker, inbox, write, out):
    """The short way: an array comes in its frame, `predict_fn` takes it, and gives an array that is not large.

    Everything else is left in the inbox for the long way, or finished by it. One function without calls of its own, since a call
    is a tenth of what is spent here on a small request.
    """
    program = worker.program
    predict, model, buffer = program.direct, program.model, inbox.buffer
    start, end = inbox.start, inbox.end
    read, ndarray, codes, cancelled = ARRAY_REQ.unpack_from, numpy.ndarray, CODES, worker.cancelled
    while end - start >= ARRAY_REQ.size:
        magic, kind, flags, slot, length, number, n_bytes, head_bytes, code, n_dimensions = read(buffer, start)
        payload = start + HEADER_BYTES
        stop = payload + length
        if kind != REQ or flags & ~ANNOUNCE != IS_ARRAY or stop > end or magic != MAGIC or cancelled:
            break
        if length - head_bytes != n_bytes or length > DATA_LIMITS[REQ]:
            raise Breach("a REQ whose body is not as long as it says")
        if flags & ANNOUNCE:
            out += PREFIXED_ID.pack(MAGIC, STARTED, 0, 0, 8, number)
        if out:
            write_all(worker.data_fd, out)
        shape = DIMENSIONS[n_dimensions].unpack_from(buffer, payload + 56)
        data = ndarray(shape, DTYPES[code], buffer[payload + head_bytes : stop])
        worker.seen = number
        started = monotonic_ns()
        try:
            result = predict(data, model)
        except BaseException as error:
            request = Request.parse(buffer, payload, stop, flags, slot)
            request.stage = "predict"
            out = pack_exception(request, error) + after(request)
            request = None
        else:
            took = (monotonic_ns() - started) // 1000
            shape = result.shape if type(result) is ndarray else None
            code = codes.get(result.dtype) if shape is not None else None
            n_bytes = result.nbytes if code is not None else 0
            if code is not None and n_bytes <= SLOT_BODY_BYTES and not worker.is_spent and len(shape) <= 32:
                head_bytes = 40 + 8 * len(shape)
                out = ARRAY_RESP[len(shape)].pack(MAGIC, RESP_HEAD, IS_ARRAY, 0, head_bytes + n_bytes, number, n_bytes, 0,
                                                  head_bytes, took, 200, 0, code, len(shape), *shape) + result.tobytes()
            else:
                request = Request.parse(buffer, payload, stop, flags, slot)
                request.took_us = took
                out = finish_direct(request, result, write)
        data = result = None
        start = stop
    inbox.start = start
    return out
