"""What the tests of optml-compat share.

Needs pytest, numpy, scipy, protobuf, and the wheels `optml` and `optml-compat` installed.
"""

import json
import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
CONFORMANCE = os.environ.get("OPTML_CONFORMANCE") or os.path.join(REPOSITORY, "conformance")


def pytest_configure():
    sys.path.insert(0, HERE)


@pytest.fixture
def run_python(tmp_path):
    """Runs Python text in a process of its own, with the variables given and the base directory of `tree`, if there is one."""

    def run(code, variables=None, check=True, words=(), python=None, timeout=120):
        environment = {
            "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(tmp_path),
            "LANG": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        environment.update(variables or {})
        done = subprocess.run(
            [python or sys.executable, "-c", code, *words],
            env=environment,
            cwd=str(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=timeout,
        )
        if check:
            assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        return done

    return run


class Tree:
    """The `/opt/ml` of a job."""

    def __init__(self, base):
        self.base = str(base)
        for folder in ("input/config", "input/data", "model", "output/data", "code"):
            os.makedirs(os.path.join(self.base, folder), exist_ok=True)
        self.write("input/config/hyperparameters.json", "{}")
        self.write("input/config/inputdataconfig.json", "{}")
        self.write("input/config/resourceconfig.json", json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))

    def path(self, name):
        return os.path.join(self.base, name)

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def hyperparameters(self, **values):
        self.write("input/config/hyperparameters.json", json.dumps({k: json.dumps(v) for k, v in values.items()}))

    @property
    def variables(self):
        return {"SAGEMAKER_BASE_DIR": self.base}


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "opt-ml")
