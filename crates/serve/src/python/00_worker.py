#part worker
"""The worker of `optml serve` that runs a model in Python: functions, or a WSGI or ASGI application.

What it says to its front, byte for byte, is in docs/worker-protocol.md. It needs the standard library only, CPython 3.8 or
later, and is never imported: user code sees neither its modules nor its names.

**How it comes to run.** The front joins the files `NN_name.py` of this folder, in the order of their names, and starts
`python -u -B -c BOOT`. `BOOT` is boot.py: it reads the joined text from the inherited descriptor `OPTML_SOURCE_FD` with
`pread` (other workers read the same one), takes the empty entry off the start of `sys.path`, and runs the first part.

**Parts.** All share one namespace. A part begins at a line `#part NAME` and is compiled when it is first needed: that
keeps what most workers never use out of the time that all of them take to start.

**Threads.** The main thread reads requests and, unless several run at once, executes them, because libraries and signal
handlers expect user code there. A small one listens on the control socket; it is the only one that reads there. Both
may write there, under a lock. The data socket has one writer at a time.

**Order of a life.** Descriptors are taken out of user code's reach, HELLO, LOAD, import, model, warm-up, LOADED, requests, and
at DRAIN the exit hooks and BYE. It always ends with `os._exit`: a thread of user code must not keep it alive.
"""

import os
import sys
import threading

SOURCE_NAME = "<optml worker>"


class Worker:
    """What all parts know of this process. One exists."""

    def __init__(self):
        self.data_fd = -1
        self.control_fd = -1
        self.settings = {}
        self.number = 0
        self.concurrency = 0
        # An Arena, when there is memory to share.
        self.arena = None
        # A Functions or an Application, from the moment on that it is loaded.
        self.program = None
        self.loop = None
        self.phase = 1
        # The last request that was begun, and those that have no answer yet.
        self.seen = 0
        self.n_open = 0
        # Requests that nobody waits for any more.
        self.cancelled = set()
        # The last request there will be, once that is known.
        self.drain_last = None
        # Whether the main thread waits for the front and may be disturbed.
        self.is_idle = False
        # Set when user code has damaged the process: every further answer says so.
        self.is_spent = False
        self.control_lock = threading.Lock()
        # Credit of the answers that are streams: a Windows.
        self.windows = None
        # Whether what fails now may succeed the next time.
        self.may_recover = False
        # The payload of LOADED, once there is one.
        self.loaded = b""
        # How to write when several threads do; the main thread alone needs no lock.
        self.write_frames = None

    def setting(self, name, default=""):
        value = self.settings.get(name)
        return default if value is None else os.fsdecode(value)

    def is_on(self, name):
        return self.settings.get(name) == b"1"

    def is_done(self):
        """Whether the last request is answered, and no more will come."""
        last = self.drain_last
        return last is not None and self.seen >= last and self.n_open == 0


def need(*names):
    """Makes the names of these parts exist."""
    for name in names:
        if name in PARTS:
            with PARTS_LOCK:
                if name in PARTS:
                    exec(compile(PARTS[name], SOURCE_NAME, "exec", dont_inherit=True), globals())
                    del PARTS[name]


def split_parts(source):
    """The text of each part by its name, with as many empty lines before it as make its line numbers right."""
    parts = {}
    n_lines = 0
    for text in source.split("\n#part "):
        name = text.split("\n", 1)[0]
        parts[name] = "\n" * n_lines + "#part " + text + "\n"
        n_lines += text.count("\n") + 1
    return parts


def show_source():
    """Lets tracebacks show the lines of this text."""
    # Not imported for this alone: that would cost more than all the rest of a start.
    linecache = sys.modules.get("linecache")
    if linecache is not None and SOURCE_NAME not in linecache.cache:
        lines = [line + "\n" for line in SOURCE.split("\n")]
        linecache.cache[SOURCE_NAME] = (len(SOURCE), None, lines, SOURCE_NAME)


# The text itself: `boot.py` puts it here.
SOURCE = globals()["SOURCE"]
PARTS = split_parts(SOURCE)
del PARTS["#part worker"]
PARTS_LOCK = threading.RLock()
WORKER = Worker()

need("frames", "life")
globals()["live"](WORKER)
