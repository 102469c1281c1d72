"""Running a command: its output is passed on as it comes, byte for byte, and the last of it is kept for a report."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading

CHUNK_BYTES = 64 << 10
# What is kept of each stream.
TAIL_BYTES = 64 << 10
# How long the output of what a process left behind is still waited for.
LINGER_S = 2.0
# A beginning of a line that may be a mark of Open MPI is held back until it is one or not.
LONGEST_TAG_BYTES = 64
TAG = re.compile(rb"\[(\d+),(\d+)\]<(stdout|stderr)>")


class Tail:
    """The last bytes of a stream, in bounded memory."""

    def __init__(self, limit=TAIL_BYTES):
        self._limit = limit
        self._bytes = bytearray()

    def add(self, data):
        self._bytes += data[-self._limit :]
        if len(self._bytes) > 2 * self._limit:
            del self._bytes[: -self._limit]

    def text(self):
        return bytes(self._bytes[-self._limit :]).decode("utf-8", "replace")


class Marks:
    """Names the host in the marks that Open MPI puts before the lines of a rank. Everything else stays as it is."""

    def __init__(self, processes_per_host, hosts=None):
        self._processes_per_host = max(1, int(processes_per_host))
        self._hosts = hosts
        self._held = b""
        self._at_line_start = True

    def _named(self, match):
        job, rank, stream = match.groups()
        index = int(rank) // self._processes_per_host
        host = self._hosts[index] if self._hosts and index < len(self._hosts) else "algo-{}".format(index + 1)
        return b"[%s,mpirank:%s,%s]<%s>" % (job, rank, os.fsencode(host), stream)

    def feed(self, data):
        """What may be printed after these bytes have come."""
        data = self._held + data
        self._held = b""
        lines = data.splitlines(keepends=True) if b"\r" not in data else re.split(rb"(?<=\n)", data)
        out = []
        for number, line in enumerate(line for line in lines if line):
            if number > 0 or self._at_line_start:
                if line.startswith(b"["):
                    tag = TAG.match(line)
                    if tag:
                        line = self._named(tag) + line[tag.end() :]
                    elif not line.endswith(b"\n") and len(line) < LONGEST_TAG_BYTES:
                        self._held = line
                        break
            out.append(line)
        printed = b"".join(out)
        if printed:
            self._at_line_start = printed.endswith(b"\n")
        return printed

    def end(self):
        """What was held back when the stream ends."""
        held, self._held = self._held, b""
        return held


def output_of(name):
    """The binary stream below `sys.stdout` or `sys.stderr`; what replaces them in notebooks may have none."""
    stream = getattr(sys, name)
    binary = getattr(stream, "buffer", None)

    def write(data):
        if stream is None:
            return
        # Whoever reads us may have gone: the child must still be able to write.
        with contextlib.suppress(OSError, ValueError):
            if binary is not None:
                stream.flush()
                binary.write(data)
                binary.flush()
            else:
                stream.write(data.decode("utf-8", "replace"))
                stream.flush()

    return write


def pump(source, write, tail, marks):
    """Passes on what comes from a pipe until it ends."""
    with source:
        while True:
            data = os.read(source.fileno(), CHUNK_BYTES)
            if not data:
                break
            tail.add(data)
            printed = marks.feed(data)
            if printed:
                write(printed)
    printed = marks.end()
    if printed:
        write(printed)


# Signals that are for the script when they come to us.
FOR_THE_SCRIPT = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


class Relay:
    """While the block runs, a signal goes to the child and its group, whose end is waited for, instead of ending us alone.

    The child has a session of its own: a signal to our group reaches it once, through us. One that comes before there is a child
    is kept for it.
    """

    def __init__(self):
        self._send = None
        self._early = []
        self._before = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in FOR_THE_SCRIPT:
                # One that is ignored or handled by somebody else stays theirs.
                if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
                    self._before[number] = signal.signal(number, self._pass_on)
        return self

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def to(self, process, has_group):
        """Names the child, and whether it leads a group of its own."""

        def send(number):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number) if has_group else process.send_signal(number)

        self._send = send
        for number in self._early:
            send(number)

    def _pass_on(self, number, _frame):
        if self._send is None:
            self._early.append(number)
        else:
            self._send(number)


def run(cmd, cwd, env, keep, processes_per_host=1, hosts=None, **kwargs):
    """Runs a command to its end. Returns the process and the kept text of each stream of `keep` ("stdout", "stderr").

    The other streams are inherited. Raises what `subprocess.Popen` raises.
    """
    pipes = {name: subprocess.PIPE for name in keep if name not in kwargs}
    kwargs.setdefault("start_new_session", True)
    with Relay() as relay:
        process = subprocess.Popen(cmd, cwd=cwd, env=env, **{**pipes, **kwargs})
        relay.to(process, kwargs["start_new_session"])
        tails = {name: Tail() for name in pipes}
        threads = []
        for name, tail in tails.items():
            source, marks = getattr(process, name), Marks(processes_per_host, hosts)
            threads.append(threading.Thread(target=pump, args=(source, output_of(name), tail, marks), daemon=True))
        for thread in threads:
            thread.start()
        process.wait()
        for thread in threads:
            # A grandchild may hold the pipe open after the process has ended: what the process itself said is there by then.
            thread.join(LINGER_S)
    return process, {name: tail.text() for name, tail in tails.items()}


def was_killed(return_code):
    """Whether this is how a process ends that is killed for its memory: by SIGKILL, seen directly or through a shell."""
    return return_code in (-signal.SIGKILL, 128 + signal.SIGKILL)
