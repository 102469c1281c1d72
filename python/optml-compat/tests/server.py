"""A server for a test: what a container's `serve` command runs, asked over HTTP, and gone after the test."""

import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

START_S = 60


class Server:
    """Runs Python text that starts a server, and asks it."""

    def __init__(self, code, variables, python=sys.executable):
        environment = {
            "PATH": os.path.dirname(python) + os.pathsep + os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "OPTML_HOST": "127.0.0.1",
            "OPTML_PORT": "0",
            **variables,
        }
        self.process = subprocess.Popen([python, "-c", code], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.log = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.log += line

    def until(self, condition, what):
        """Waits for something, but not for ever, and not for a process that has ended."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError("{}: {}".format(what, self.log.decode("utf-8", "replace")))

    def ready(self):
        self.until(lambda: self.port() and self.get("/ping")[0] == 200, "not ready")
        return self

    def port(self):
        found = re.search(rb"127\.0\.0\.1:(\d+)", self.log)
        return int(found.group(1)) if found else None

    def get(self, path):
        return self._ask(urllib.request.Request("http://127.0.0.1:{}{}".format(self.port(), path)))

    def post(self, body, content_type="application/json", path="/invocations", **headers):
        fields = {"Content-Type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self._ask(urllib.request.Request("http://127.0.0.1:{}{}".format(self.port(), path), data=body, headers=fields))

    def _ask(self, request):
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.headers.get("Content-Type"), answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers.get("Content-Type"), error.read()
        except (urllib.error.URLError, ConnectionError) as error:
            return 0, None, str(error).encode()

    def ended(self):
        """The exit code of a server that ends by itself."""
        return self.process.wait(START_S)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(10)
        self.process.stdout.close()
