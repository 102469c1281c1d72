"""The clients: one that looks at an answer, wrk for the load, and one that asks for `/ping` under load."""

import http.client
import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))

ANSWER_LIMIT_SECONDS = 30
PING_PERIOD_SECONDS = 0.02


@dataclass
class Load:
    """What wrk saw."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float


def check(port, payload):
    """Raise unless the answer is the right one; a server may say that it is ready before its workers are."""
    deadline = time.monotonic() + ANSWER_LIMIT_SECONDS
    while True:
        status, answer = invoke(port, payload)
        if status == 200 or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    if status != 200 or not payload.matches(answer):
        raise RuntimeError("wrong answer for {}: status {}, body {!r}".format(payload.name, status, answer[:500]))


def invoke(port, payload):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_LIMIT_SECONDS)
    headers = {"Content-Type": payload.content_type, "Accept": payload.content_type}
    try:
        connection.request("POST", "/invocations", payload.body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        return None, str(error).encode()
    finally:
        connection.close()


def run(port, payload, body_path, n_connections, seconds):
    """The load of `n_connections`, from one thread of wrk; a request that failed is an error."""
    argv = ["wrk", "-t1", "-c{}".format(n_connections), "-d{}s".format(seconds), "--timeout", "30s"]
    argv += ["-s", os.path.join(HERE, "load.lua"), "http://127.0.0.1:{}/invocations".format(port)]
    environment = dict(os.environ, LOAD_BODY=body_path, LOAD_TYPE=payload.content_type)
    ended = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, timeout=seconds + 90, check=True)
    seen = json.loads(ended.stdout.splitlines()[-1])
    if seen["failed"] or not seen["requests"]:
        raise RuntimeError("{} of {} requests failed".format(seen["failed"], seen["requests"]))
    return Load(seen["requests"], seen["duration"] / 1e6, seen["p50"] / 1e3, seen["p99"] / 1e3)


class Pings:
    """Used as a context: how long `/ping` takes meanwhile, each on a new connection as the platform's are."""

    def __init__(self, port):
        self.port = port
        self.delays_ms = []
        self.n_failed = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.ask)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def ask(self):
        run_first()
        while not self.ended.wait(PING_PERIOD_SECONDS):
            started = time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            try:
                connection.request("GET", "/ping")
                good = connection.getresponse().status == 200
            except (OSError, http.client.HTTPException):
                good = False
            finally:
                connection.close()
            self.delays_ms.append((time.monotonic() - started) * 1000)
            self.n_failed += not good


def run_first():
    """The thread that asks goes before all others where that is allowed: its own wait for a core is not the server's."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        pass
