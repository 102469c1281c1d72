"""The S3 that everyone talks to, and the plain reader: built from bench/s3."""

import json
import os
import subprocess
import urllib.request
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(os.path.dirname(HERE), "s3")

NAME = "bench"


@dataclass
class Programs:
    stub: str
    reader: str


@dataclass
class Uploaded:
    """What arrived since the last reset. `n_stored` is above the number of objects when one came more than once."""

    n_stored: int
    n_open: int
    last_seconds: float | None
    objects: dict


def build(cache):
    """Built outside the workspace, in release."""
    target = os.path.join(cache, "storage-s3")
    cargo = ["cargo", "build", "--quiet", "--release", "--locked", "--target-dir", target]
    subprocess.run(cargo, cwd=SOURCE, check=True)
    release = os.path.join(target, "release")
    return Programs(os.path.join(release, "stub"), os.path.join(release, "reader"))


class Stub:
    """Used as a context. `objects`: the path of the file behind each key."""

    def __init__(self, program, objects):
        options = [word for key, path in objects.items() for word in ("--object", "{}/{}={}".format(NAME, key, path))]
        # It ends when its input does, so also when the benchmark is killed.
        self.process = subprocess.Popen([program, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.endpoint = "http://" + self.process.stdout.readline().decode("ascii").strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=10)

    def url(self, key):
        """As the plain reader takes it."""
        return "{}/{}/{}".format(self.endpoint, NAME, key)

    def reset(self):
        self.ask("POST", "/_reset")

    def uploaded(self):
        stats = json.loads(self.ask("GET", "/_stats"))
        return Uploaded(stats["n_stored"], stats["n_open"], stats["last_seconds"], stats["objects"])

    def ask(self, method, path):
        with urllib.request.urlopen(urllib.request.Request(self.endpoint + path, method=method), timeout=10) as answer:
            return answer.read()


def uri(key):
    """As a job names it."""
    return "s3://{}/{}".format(NAME, key)
