"""Running one process: how long it takes, how much memory it needs itself, and how late its lines arrive."""

import os
import select
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field

# No run may take longer: the slowest known, the reference's capturing mode, needs 20 s.
LIMIT_SECONDS = 300


@dataclass
class Run:
    """What one process did. `peak_kib` is its own peak, without its children's."""

    exit_code: int
    seconds: float
    peak_kib: int = 0
    delays_ms: list = field(default_factory=list)


def run(argv, environment, folder, stdout_path=os.devnull, stderr_path=os.devnull):
    """Run to the end with both streams in files, as a log collector that is never slow."""
    with open(stdout_path, "wb") as stdout, open(stderr_path, "wb") as stderr:
        started = time.monotonic()
        process = start(argv, environment, folder, stdout, stderr)
        exit_code = wait(process)
        return Run(exit_code, time.monotonic() - started)


def run_for_memory(argv, environment, folder):
    """Run to the end and sample the peak of the process itself every millisecond.

    `wait4` would give the peak of the children too, and what the benchmark had mapped when it forked.
    """
    started = time.monotonic()
    process = start(argv, environment, folder, subprocess.DEVNULL, subprocess.DEVNULL)
    peak_kib = 0
    ended = threading.Event()

    def sample():
        nonlocal peak_kib
        while not ended.is_set():
            peak_kib = max(peak_kib, high_water_kib(process.pid))
            time.sleep(0.001)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        exit_code = wait(process)
    finally:
        ended.set()
        sampler.join()
    return Run(exit_code, time.monotonic() - started, peak_kib)


def run_for_delays(argv, environment, folder):
    """Read the process's stdout through a pipe; each line `stamp N` gives the delay since the monotonic time N."""
    started = time.monotonic()
    process = start(argv, environment, folder, subprocess.PIPE, subprocess.DEVNULL)
    delays_ms = []
    rest = b""
    with process.stdout:
        while True:
            ready, _, _ = select.select([process.stdout], [], [], LIMIT_SECONDS)
            piece = os.read(process.stdout.fileno(), 1 << 16) if ready else b""
            now = time.monotonic_ns()
            if not piece:
                break
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line.startswith(b"stamp "):
                    delays_ms.append((now - int(line[6:])) / 1e6)
    return Run(wait(process), time.monotonic() - started, 0, delays_ms)


def start(argv, environment, folder, stdout, stderr):
    # A session of its own, so that a run past its limit is ended with all that it started.
    return subprocess.Popen(
        argv,
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


def wait(process):
    try:
        return process.wait(timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise RuntimeError("{} took more than {} s".format(process.args[0], LIMIT_SECONDS)) from None


def high_water_kib(pid):
    """`VmHWM` of the process, 0 once it has ended."""
    try:
        with open("/proc/{}/status".format(pid), encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0
