#part replies
"""An answer on its way to the front, from threads that may wait."""

import threading


class Cancelled(BaseException):
    """Nobody waits for the answer. Not an `Exception`: user code's `except Exception` around a `yield` shall not catch it."""


class Windows:
    """How much of each stream may be sent before the front has read it."""

    def __init__(self):
        self.changed = threading.Condition()
        self.left = {}

    def open(self, number):
        with self.changed:
            self.left[number] = WINDOW_BYTES

    def close(self, number):
        with self.changed:
            self.left.pop(number, None)

    def take(self, number, wanted):
        """Waits for room for some of a body, and says for how much."""
        with self.changed:
            while True:
                if number in WORKER.cancelled:
                    raise Cancelled
                n_bytes = min(wanted, self.left[number], MAX_CHUNK_BYTES)
                if n_bytes > 0:
                    self.left[number] -= n_bytes
                    return n_bytes
                self.changed.wait()

    def credit(self, number, n_bytes):
        with self.changed:
            if number in self.left:
                self.left[number] += n_bytes
                self.changed.notify_all()

    def wake(self):
        with self.changed:
            self.changed.notify_all()


def whole_frames(request, answer):
    """Head and body of an answer that needs no chunks, or `None`. The body is a part of its own when it is large."""
    array = answer.array
    n_bytes = len(answer.body) if array is None else array.nbytes
    if n_bytes <= SLOT_BODY_BYTES:
        body = answer.body if array is None else array.tobytes()
        return (pack_head(request, answer, 0, 0, n_bytes) + body,)
    body = answer.body if array is None else flat_bytes(array)
    slot = WORKER.arena.put(body) if WORKER.arena is not None else None
    if slot is not None:
        return (pack_head(request, answer, IN_SLOT, slot, n_bytes),)
    if n_bytes <= MAX_INLINE_BYTES:
        return pack_head(request, answer, 0, 0, n_bytes), body
    return None


def transmit(request, answer, write):
    """Sends an answer; gives back its last frames, still to be written."""
    if answer.pieces is None:
        frames = whole_frames(request, answer)
        if frames is not None:
            if len(frames) == 1:
                return frames[0]
            write(*frames)
            return b""
    return Stream(request, answer, write).run()


class Stream:
    """An answer in chunks."""

    def __init__(self, request, answer, write):
        self.request = request
        self.answer = answer
        self.write = write

    def begin(self, n_bytes=None):
        WORKER.windows.open(self.request.id)
        declared = UNKNOWN_LENGTH if n_bytes is None else n_bytes
        self.write(pack_head(self.request, self.answer, IN_CHUNKS, 0, declared))

    def send(self, data):
        number = self.request.id
        if len(data) > MAX_CHUNK_BYTES:
            data = memoryview(data)
        at = 0
        while at < len(data):
            n_bytes = WORKER.windows.take(number, len(data) - at)
            self.write(pack_chunk_prefix(number, n_bytes), data[at : at + n_bytes] if n_bytes < len(data) else data)
            at += n_bytes

    def end(self):
        WORKER.windows.close(self.request.id)
        return pack_id(RESP_END, self.request.id, SPENT if WORKER.is_spent else 0)

    def run(self):
        answer = self.answer
        if answer.pieces is None:
            body = answer.body if answer.array is None else flat_bytes(answer.array)
            self.begin(len(body))
            self.send(body)
            return self.end()
        self.begin(answer.n_bytes)
        try:
            # The first item was waited for before the head.
            self.send(answer.body)
            for item in answer.pieces.items:
                self.send(answer.pieces.encode(item))
        except BaseException as error:
            return self.break_off(error)
        finally:
            close(answer.pieces.items)
        return self.end()

    def break_off(self, error):
        """The status is gone: a stream tells of its failure in its own words, or is broken off so that the client can tell."""
        if isinstance(error, Cancelled):
            WORKER.windows.close(self.request.id)
            return pack_error(self.request.id, CANCELLED)
        need("faults")
        failure = failure_of(error)
        WORKER.is_spent = WORKER.is_spent or failure[4]
        try:
            words = self.answer.pieces.last_words(failure)
            if words is not None and not failure[4]:
                self.send(words)
                return self.end()
        except Cancelled:
            failure = CANCELLED
        WORKER.windows.close(self.request.id)
        return pack_error(self.request.id, failure)


def close(items):
    """Ends a generator, whatever it has to say to that."""
    end = getattr(items, "close", None)
    if end is not None:
        try:
            end()
        except BaseException:  # It has been told. Its answer is over.
            pass


def serve(program, request, write):
    """Executes a request and answers it; gives back its last frames, still to be written."""
    number = request.id
    if number in WORKER.cancelled:
        frames = pack_error(number, CANCELLED)
    else:
        try:
            frames = program.respond(request, write)
        except Breach:
            raise
        except BaseException as error:
            frames = pack_exception(request, error)
    return frames + after(request)


def pack_exception(request, error):
    """The frame for what user code has raised."""
    if isinstance(error, Cancelled):
        return pack_error(request.id, CANCELLED)
    need("faults")
    failure = failure_of(error, request.stage)
    WORKER.is_spent = WORKER.is_spent or failure[4]
    return pack_error(request.id, failure)


def after(request):
    """What is left to say when a request is answered: whether its slot is free again."""
    # What user code has not kept is gone with these.
    request.context = request.body = request.lent = None
    frames = b""
    arena = WORKER.arena
    if arena is not None:
        if arena.held:
            frames = arena.look_again()
        if request.flags & FORM == IN_SLOT:
            frames += arena.give_back(request.slot, request.watches)
    cancelled = WORKER.cancelled
    if cancelled:
        cancelled.discard(request.id)
    return frames
