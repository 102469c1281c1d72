"""A server and all that it started: when it answers, what it costs, how it is ended."""

import ctypes
import http.client
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass

START_LIMIT_SECONDS = 60
STOP_LIMIT_SECONDS = 8
SETTLE_LIMIT_SECONDS = 10
# Two ticks of the clock in which CPU time is counted: what a server does when it has nothing to do.
QUIET_SECONDS, QUIET_CPU_SECONDS = 0.3, 0.02
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PR_SET_CHILD_SUBREAPER = 36


@dataclass
class Launch:
    """How a server is started. `wrapped`: the server is the only child of the process that is started."""

    argv: list
    environment: dict
    folder: str
    wrapped: bool = False


@dataclass
class Process:
    pid: int
    parent: int
    session: int
    cpu_ticks: int
    is_zombie: bool


class Server:
    """Used as a context: all its processes are gone at the end of it."""

    def __init__(self, launch, port, log_path):
        self.launch = launch
        self.port = port
        self.log_path = log_path
        self.started = time.monotonic()
        # Appending, because nginx opens the same file a second time.
        with open(log_path, "ab") as log:
            self.root = subprocess.Popen(
                launch.argv,
                env=launch.environment,
                cwd=launch.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def wait_until_ready(self):
        """Seconds from the start of the process to the first 200 from `/ping`."""
        while time.monotonic() - self.started < START_LIMIT_SECONDS:
            if self.root.poll() is not None:
                raise RuntimeError("{} ended with {}: {}".format(self.launch.argv, self.root.returncode, self.log_tail()))
            if ping(self.port) == 200:
                return time.monotonic() - self.started
            time.sleep(0.002)
        raise RuntimeError("{} is not ready after {} s: {}".format(self.launch.argv, START_LIMIT_SECONDS, self.log_tail()))

    def processes(self):
        """What descends from the first process, and what shares its session but lost its parent."""
        everyone = all_processes()
        found = {self.root.pid} & everyone.keys()
        found |= {process.pid for process in everyone.values() if process.session == self.root.pid}
        n_found = 0
        while n_found < len(found):
            n_found = len(found)
            found |= {process.pid for process in everyone.values() if process.parent in found}
        return [everyone[pid] for pid in found]

    def cpu_seconds(self):
        """User and system time of all, with that of children which ended and were waited for."""
        return sum(process.cpu_ticks for process in self.processes()) / TICKS_PER_SECOND

    def settle(self):
        """Wait until the requests that the last load left behind are done: they would be charged to the next."""
        deadline = time.monotonic() + SETTLE_LIMIT_SECONDS
        before = self.cpu_seconds()
        while time.monotonic() < deadline:
            time.sleep(QUIET_SECONDS)
            now = self.cpu_seconds()
            if now - before <= QUIET_CPU_SECONDS:
                break
            before = now

    def memory_mib(self):
        """Proportional set size of all: what they share counts once."""
        return sum(memory_kib("smaps_rollup", "Pss:", process.pid) for process in self.processes()) / 1024

    def front_mib(self):
        """Resident set size of the first process alone."""
        return memory_kib("status", "VmRSS:", self.root.pid) / 1024

    def stop(self):
        """Ask the server, wait, then kill what is left, each by its id."""
        children = [process.pid for process in self.processes() if process.parent == self.root.pid]
        signal_all(children if self.launch.wrapped else [self.root.pid], signal.SIGTERM)
        deadline = time.monotonic() + STOP_LIMIT_SECONDS
        while time.monotonic() < deadline and self.is_running():
            time.sleep(0.02)
        for _ in range(100):
            left = [process.pid for process in self.processes() if not process.is_zombie]
            if not left:
                break
            signal_all(left, signal.SIGKILL)
            time.sleep(0.02)
        self.is_running()

    def is_running(self):
        """Whether any process is left; those that ended are waited for where they are ours by now."""
        self.root.poll()
        for process in self.processes():
            if not process.is_zombie:
                return True
            if process.parent == os.getpid() and process.pid != self.root.pid:
                os.waitpid(process.pid, os.WNOHANG)
        return False

    def log_tail(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return "\n" + file.read()[-3000:]


class PeakMemory:
    """Used as a context: the largest sum of memory that was seen, five times a second."""

    def __init__(self, server):
        self.server = server
        self.mib = 0.0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.sample)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def sample(self):
        while not self.ended.wait(0.2):
            self.mib = max(self.mib, self.server.memory_mib())


def adopt_orphans():
    """Processes whose parent ended become ours, not init's, so that none is missed."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def ping(port):
    """The status of `/ping` on a connection of its own; None when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def all_processes():
    everyone = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            process = read_process(int(name))
            if process is not None:
                everyone[process.pid] = process
    return everyone


def read_process(pid):
    """From `/proc/PID/stat`; None once it has ended."""
    try:
        with open("/proc/{}/stat".format(pid), "rb") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field, the name in parentheses, may hold blanks; the third is the state.
    fields = text[text.rindex(b")") + 2 :].split()
    return Process(
        pid=pid,
        parent=int(fields[1]),
        session=int(fields[3]),
        cpu_ticks=sum(map(int, fields[11:15])),
        is_zombie=fields[0] in (b"Z", b"X"),
    )


def memory_kib(file_name, key, pid):
    try:
        with open("/proc/{}/{}".format(pid, file_name), encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(key):
                    return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
