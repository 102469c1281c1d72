#part asgi
"""An ASGI application (version 3): a coroutine for each request, and one for the application's whole life."""

import asyncio
from urllib.parse import unquote_to_bytes

need("media")


class AsgiApplication:
    """The callable, and its life."""

    bits = 0
    is_async = True
    uses_arrays = False
    functions = {}

    def __init__(self, application):
        self.application = application
        self.state = {}
        self.lifespan = None

    def start(self):
        """Waits for the start-up of the application, when it has one."""
        self.lifespan = Lifespan(self)
        WORKER.loop.loop.run_until_complete(self.lifespan.start())

    async def stop(self):
        await self.lifespan.stop()

    async def respond(self, request, reply):
        call = AsgiCall(request, reply)
        await self.application(scope_of(request, self.state), call.receive, call.send)
        await call.finish()


class Lifespan:
    """The protocol of starting and stopping. An application may not know it: then it fails at once, and that is fine."""

    def __init__(self, owner):
        self.owner = owner
        self.events = asyncio.Queue()
        self.started = asyncio.Event()
        self.stopped = asyncio.Event()
        self.failure = None
        self.is_known = False
        self.task = None

    async def start(self):
        self.task = asyncio.ensure_future(self.run())
        self.events.put_nowait({"type": "lifespan.startup"})
        waiting = asyncio.ensure_future(self.started.wait())
        await asyncio.wait({self.task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self.failure is not None:
            raise LoadError("the application's start-up failed: %s" % self.failure)

    async def stop(self):
        if self.is_known and not self.task.done():
            self.events.put_nowait({"type": "lifespan.shutdown"})
            waiting = asyncio.ensure_future(self.stopped.wait())
            await asyncio.wait({self.task, waiting}, timeout=2, return_when=asyncio.FIRST_COMPLETED)

    async def run(self):
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.owner.state}
        try:
            await self.owner.application(scope, self.events.get, self.send)
        except Exception as error:
            if self.is_known and not self.started.is_set():
                self.failure = "%s: %s" % (type(error).__name__, error)

    async def send(self, message):
        kind = message["type"]
        self.is_known = True
        if kind == "lifespan.startup.complete":
            self.started.set()
        elif kind == "lifespan.startup.failed":
            self.failure = message.get("message") or "it gave no reason"
            self.started.set()
        elif kind in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            self.stopped.set()


class AsgiCall:
    """One request: `receive` and `send`."""

    def __init__(self, request, reply):
        self.request = request
        self.reply = reply
        self.answer = None
        self.is_complete = False
        self.is_received = False
        self.started_ns = monotonic_ns()

    async def receive(self):
        if self.is_received:
            await self.reply.until_over()
            return {"type": "http.disconnect"}
        incoming = self.request.incoming
        if incoming is None:
            self.is_received = True
            return {"type": "http.request", "body": bytes(self.request.raw_body()), "more_body": False}
        piece, has_more = await incoming.piece()
        if piece is None:
            self.is_received = True
            return {"type": "http.disconnect"}
        self.is_received = not has_more
        return {"type": "http.request", "body": piece, "more_body": has_more}

    async def send(self, message):
        kind = message["type"]
        if kind == "http.response.start":
            if self.answer is not None:
                raise RuntimeError("the application sent http.response.start twice")
            headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
            self.answer = Answer(status=message["status"], headers=headers)
        elif kind == "http.response.body":
            await self.body(message.get("body", b""), message.get("more_body", False))
        else:
            raise RuntimeError("the application sent %r, which is not known here" % kind)

    async def body(self, data, has_more):
        answer, reply = self.answer, self.reply
        if answer is None:
            raise RuntimeError("the application sent a body before http.response.start")
        if self.is_complete:
            raise RuntimeError("the application sent a body after the last one")
        if not reply.has_begun:
            self.request.took_us = (monotonic_ns() - self.started_ns) // 1000
            n_bytes = self.take_length()
            if not has_more:
                self.is_complete = True
                answer.body = as_body(data)
                await reply.whole(answer)
                reply.finish()
                return
            await reply.begin(answer, n_bytes)
        await reply.send(as_body(data))
        if not has_more:
            self.is_complete = True
            reply.end()
            reply.finish()

    def take_length(self):
        """The length is told apart from the headers, but for an answer that has none of its body."""
        length = next((value for name, value in self.answer.headers if name.lower() == b"content-length"), b"")
        if self.request.method != b"HEAD" and self.answer.status not in (204, 304):
            self.answer.headers = [pair for pair in self.answer.headers if pair[0].lower() != b"content-length"]
        return int(length) if length.isdigit() else None

    async def finish(self):
        if not self.is_complete:
            raise RuntimeError("the application returned without a complete response")


def as_body(data):
    return data if isinstance(data, bytes) else bytes(data)


def scope_of(request, state):
    raw_path = request.path
    port = WORKER.setting("server_port", "8080")
    host = next((value for name, value in request.headers if name.lower() == b"host"), b"localhost").decode("latin-1")
    name = host.rsplit(":", 1)[0] if ":" in host and not host.endswith("]") else host
    client = (request.peer.decode("latin-1"), request.peer_port) if request.peer else None
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "%d.%d" % tuple(request.version),
        "method": request.method.decode("latin-1").upper(),
        "scheme": "http",
        "path": as_text(unquote_to_bytes(raw_path)),
        "raw_path": raw_path,
        "query_string": request.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers],
        "client": client,
        "server": (name, int(port) if port.isdigit() else None),
        "state": dict(state),
    }
