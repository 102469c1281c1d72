#part loop
"""Coroutines: one event loop in the main thread for user code and for the sockets' sake."""

import asyncio
import concurrent.futures
import contextvars

need("replies")

DEFAULT_CONCURRENCY = 64


def start_loop(worker):
    worker.loop = LoopServer(worker)


def run_now(step):
    """Calls a user function while there is no request yet, and waits for what it gives."""
    function, arguments = step
    result = function.call(*arguments)
    if hasattr(result, "__await__"):
        return WORKER.loop.loop.run_until_complete(as_coroutine(result))
    return result


async def as_coroutine(awaitable):
    return await awaitable


def run_now_whole(program, request):
    return WORKER.loop.loop.run_until_complete(whole_answer(program, request))


async def whole_answer(program, request):
    answer = await run_steps_in_loop(program.steps(request))
    if answer.pieces is not None:
        async for item in each_item(answer.pieces.items):
            answer.pieces.encode(item)
    return answer


class LoopServer:
    """The data socket, and a task for each request."""

    def __init__(self, worker):
        self.worker = worker
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.tasks = {}
        self.waiting = []
        self.incoming = {}
        self.outgoing = bytearray()
        self.room = asyncio.Event()
        self.pool = None
        self.inbox = None
        self.is_ending = False

    def run(self):
        worker = self.worker
        os.set_blocking(worker.data_fd, False)
        self.inbox = Inbox(worker.data_fd, DATA_LIMITS)
        self.loop.add_reader(worker.data_fd, self.readable)
        self.loop.call_later(1, self.tick)
        while True:
            try:
                self.loop.run_forever()
                # User code has stopped the loop: it is not its own.
            except (SystemExit, KeyboardInterrupt):
                # Raised in a task that is not one of ours.
                worker.is_spent = True

    def from_thread(self, function, *arguments):
        self.loop.call_soon_threadsafe(function, *arguments)

    # ---- In

    def readable(self):
        try:
            if not self.inbox.fill():
                leave(0)
        except BlockingIOError:
            return
        except OSError:
            leave(EXIT_BROKEN)
        try:
            frame = self.inbox.next()
            while frame is not None:
                self.take(*frame)
                frame = self.inbox.next()
        except Breach as error:
            refuse(error)

    def take(self, kind, flags, slot, begin, end):
        buffer = self.inbox.buffer
        if kind == REQ:
            request = Request.parse(buffer, begin, end, flags, slot)
            self.worker.seen = request.id
            self.worker.n_open += 1
            if flags & FORM == IN_CHUNKS:
                request.incoming = self.incoming[request.id] = Incoming(request.id)
            self.waiting.append(request)
            self.start_waiting()
        elif kind in (REQ_CHUNK, REQ_END):
            number = int.from_bytes(buffer[begin : begin + 8], "little")
            incoming = self.incoming.get(number)
            if incoming is None:
                raise Breach("some of request %d, which has none" % number)
            if kind == REQ_CHUNK:
                incoming.put(bytes(buffer[begin + 8 : end]))
            else:
                del self.incoming[number]
                incoming.end(bool(flags & BROKEN))
        elif kind == SLOT_FREE:
            self.worker.arena.take_back(slot)

    def start_waiting(self):
        while self.waiting and len(self.tasks) < self.worker.concurrency:
            request = self.waiting.pop(0)
            if request.id in self.worker.cancelled:
                if request.incoming is not None:
                    request.incoming.drop()
                self.write(pack_error(request.id, CANCELLED) + after(request))
                self.worker.n_open -= 1
                continue
            if request.flags & ANNOUNCE:
                self.write(pack_id(STARTED, request.id))
            task = self.loop.create_task(self.serve(request))
            self.tasks[request.id] = task

    async def serve(self, request):
        reply = AsyncReply(self, request)
        try:
            if request.id in self.worker.cancelled:
                raise asyncio.CancelledError
            await self.worker.program.respond(request, reply)
        except Breach as error:
            refuse(error)
        except (asyncio.CancelledError, Cancelled) as error:
            self.fail(reply, CANCELLED if request.id in self.worker.cancelled else self.failure(error, request))
        except BaseException as error:
            self.fail(reply, self.failure(error, request))
        finally:
            self.done(request, reply)

    def failure(self, error, request):
        need("faults")
        failure = failure_of(error, request.stage)
        self.worker.is_spent = self.worker.is_spent or failure[4]
        return failure

    def fail(self, reply, failure):
        if not reply.is_ended:
            reply.is_ended = True
            self.write(pack_error(reply.request.id, failure))

    def done(self, request, reply):
        reply.finish()
        self.tasks.pop(request.id, None)
        if request.incoming is not None:
            request.incoming.drop()
        if request.flags & FORM == IN_SLOT or self.worker.cancelled or self.worker.arena is not None:
            frames = after(request)
            if frames:
                self.write(frames)
        self.worker.n_open -= 1
        self.start_waiting()
        self.end_if_done()

    # ---- Out

    def write(self, *parts):
        data = b"".join(parts)
        if not self.outgoing:
            try:
                n_bytes = os.write(self.worker.data_fd, data)
            except BlockingIOError:
                n_bytes = 0
            except OSError:
                leave(0)
            if n_bytes == len(data):
                return
            data = memoryview(data)[n_bytes:]
            self.loop.add_writer(self.worker.data_fd, self.writable)
        self.outgoing += data
        self.room.clear()

    def writable(self):
        try:
            with memoryview(self.outgoing) as view:
                n_bytes = os.write(self.worker.data_fd, view)
        except BlockingIOError:
            return
        except OSError:
            leave(0)
        del self.outgoing[:n_bytes]
        if not self.outgoing:
            self.loop.remove_writer(self.worker.data_fd)
            self.room.set()

    async def wait_for_room(self):
        while len(self.outgoing) > MAX_CHUNK_BYTES:
            await self.room.wait()

    # ---- From the control socket

    def cancel(self, number):
        task = self.tasks.get(number)
        if task is not None:
            task.cancel()
        elif any(request.id == number for request in self.waiting):
            waiting, self.waiting = self.waiting, []
            self.waiting = [request for request in waiting if request.id != number]
            gone = next(request for request in waiting if request.id == number)
            if gone.incoming is not None:
                gone.incoming.drop()
            self.write(pack_error(number, CANCELLED) + after(gone))
            self.worker.n_open -= 1
            self.end_if_done()
        elif number <= self.worker.seen:
            self.worker.cancelled.discard(number)

    def credit(self, number, n_bytes):
        reply = REPLIES.get(number)
        if reply is not None:
            reply.window += n_bytes
            reply.credited.set()

    def end_if_done(self):
        if self.worker.is_done() and not self.is_ending:
            self.is_ending = True
            self.loop.create_task(self.end())

    async def end(self):
        while self.outgoing:
            await self.room.wait()
        program = self.worker.program
        if hasattr(program, "stop"):
            await program.stop()
        shutdown = program.functions.get("shutdown_fn")
        if shutdown is not None and shutdown.is_async:
            try:
                await asyncio.wait_for(run_steps_in_loop(one_step(shutdown.step((), no_request()))), 2)
            except Exception as error:
                complain("shutdown_fn failed: %s: %s" % (type(error).__name__, error))
        finish(self.worker)

    def tick(self):
        arena = self.worker.arena
        if arena is not None and arena.held:
            frames = arena.look_again()
            if frames:
                self.write(frames)
        self.loop.call_later(1, self.tick)

    def executor(self):
        if self.pool is None:
            self.pool = concurrent.futures.ThreadPoolExecutor(self.worker.concurrency or DEFAULT_CONCURRENCY, "request")
        return self.pool

    async def in_thread(self, function, *arguments):
        context = contextvars.copy_context()
        return await self.loop.run_in_executor(self.executor(), context.run, no_stop, function, arguments)


def no_stop(function, arguments):
    """A future can't hold a StopIteration."""
    try:
        return function(*arguments)
    except StopIteration as error:
        raise RuntimeError("user code raised StopIteration") from error
    finally:
        if WORKER.data_fd < 0:
            # A child that user code has forked: it has no loop to go back to.
            os._exit(0)


class Incoming:
    """A body that comes in chunks, and its reader."""

    def __init__(self, number):
        self.number = number
        self.pieces = []
        self.is_ended = self.is_broken = self.is_dropped = False
        self.changed = asyncio.Event()

    def put(self, data):
        if self.is_dropped:
            give_credit(self.number, len(data))
            return
        self.pieces.append(data)
        self.changed.set()

    def end(self, is_broken):
        self.is_ended, self.is_broken = True, is_broken
        self.changed.set()

    def drop(self):
        """Nobody reads any more: what still comes is given credit for, and forgotten."""
        self.is_dropped = True
        for data in self.pieces:
            give_credit(self.number, len(data))
        self.pieces.clear()

    async def piece(self):
        """Some of the body, and whether there is more. `None` instead: the client broke off."""
        while not self.pieces and not self.is_ended:
            self.changed.clear()
            await self.changed.wait()
        if self.pieces:
            data = b"".join(self.pieces)
            self.pieces.clear()
            give_credit(self.number, len(data))
            return data, not self.is_ended or self.is_broken
        return (None, False) if self.is_broken else (b"", False)

    async def all(self):
        body, has_more = bytearray(), True
        while has_more:
            data, has_more = await self.piece()
            if data is None:
                WORKER.cancelled.add(self.number)
                raise Cancelled
            body += data
        return body


REPLIES = {}


class AsyncReply:
    """An answer on its way, from a task."""

    def __init__(self, server, request):
        self.server = server
        self.request = request
        self.has_begun = self.is_ended = False
        self.window = WINDOW_BYTES
        self.credited = asyncio.Event()
        self.over = asyncio.Event()

    async def whole(self, answer):
        frames = whole_frames(self.request, answer)
        if frames is not None:
            self.is_ended = self.has_begun = True
            self.server.write(*frames)
            return
        body = answer.body if answer.array is None else flat_bytes(answer.array)
        await self.begin(answer, len(body))
        await self.send(body)
        self.end()

    async def begin(self, answer, n_bytes=None):
        self.has_begun = True
        REPLIES[self.request.id] = self
        declared = UNKNOWN_LENGTH if n_bytes is None else n_bytes
        self.server.write(pack_head(self.request, answer, IN_CHUNKS, 0, declared))

    async def send(self, data):
        view = memoryview(data)
        while len(view):
            while self.window <= 0:
                self.credited.clear()
                await self.credited.wait()
            await self.server.wait_for_room()
            n_bytes = min(len(view), self.window, MAX_CHUNK_BYTES)
            self.window -= n_bytes
            self.server.write(pack_chunk_prefix(self.request.id, n_bytes), view[:n_bytes])
            view = view[n_bytes:]

    def end(self):
        self.is_ended = True
        self.server.write(pack_id(RESP_END, self.request.id, SPENT if WORKER.is_spent else 0))

    def finish(self):
        REPLIES.pop(self.request.id, None)
        self.over.set()

    async def until_over(self):
        await self.over.wait()


async def run_steps_in_loop(steps):
    """The steps of a request: coroutines are awaited, all else runs in a thread."""
    result = None
    while True:
        try:
            function, arguments = steps.send(result)
        except StopIteration as stop:
            return stop.value
        result = function.call(*arguments) if function.is_async else await WORKER.loop.in_thread(function.call, *arguments)
        if hasattr(result, "__await__"):
            result = await result


def one_step(step):
    yield step


async def each_item(items):
    """Items of a generator of either kind, which is closed in any case."""
    if is_async_stream(items):
        try:
            async for item in items:
                yield item
        finally:
            end = getattr(items, "aclose", None)
            if end is not None:
                await end()
        return
    end_mark = object()
    try:
        while True:
            item = await WORKER.loop.in_thread(next, items, end_mark)
            if item is end_mark:
                return
            yield item
    finally:
        close(items)


async def respond_in_loop(program, request, reply):
    """What `Functions.respond` does, as a coroutine."""
    if request.incoming is not None:
        request.body = await request.incoming.all()
    started = monotonic_ns()
    try:
        answer = await run_steps_in_loop(program.steps(request))
    except (asyncio.CancelledError, Cancelled):
        raise
    except BaseException as error:
        if request.method != b"GET" or request.path != b"/ping":
            raise
        need("faults")
        answer = Answer(text_of(error).encode("utf-8", "replace"), 503)
    pieces = answer.pieces
    if pieces is None:
        request.took_us = (monotonic_ns() - started) // 1000
        await reply.whole(answer)
        return
    items = each_item(pieces.items)
    try:
        await stream_in_loop(items, answer, request, reply, started)
    finally:
        await items.aclose()


async def stream_in_loop(items, answer, request, reply, started):
    pieces = answer.pieces
    try:
        async for item in items:
            if not reply.has_begun:
                answer.headers += pieces.header(item)
                request.took_us = (monotonic_ns() - started) // 1000
                data = pieces.encode(item)
                await reply.begin(answer)
            else:
                data = pieces.encode(item)
            await reply.send(data)
    except (asyncio.CancelledError, Cancelled, GeneratorExit):
        raise
    except BaseException as error:
        if not reply.has_begun:
            raise
        failure = WORKER.loop.failure(error, request)
        words = None if failure[4] else pieces.last_words(failure)
        if words is None:
            WORKER.loop.fail(reply, failure)
            return
        await reply.send(words)
    if not reply.has_begun:
        answer.headers += pieces.header(b"")
        answer.pieces = None
        await reply.whole(answer)
    else:
        reply.end()


class AsyncFunctions:
    """Functions of which some are coroutines, as the loop's program."""

    def __init__(self, functions):
        self.inner = functions
        self.functions = functions.functions

    async def respond(self, request, reply):
        await respond_in_loop(self.inner, request, reply)
