"""A container for each test: its files below a temporary directory, and no variable but those of the test.

Needs the package itself, installed, with pytest, numpy, scipy, hypothesis, maturin, mypy and vermin beside it.
"""

import json
import os
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
CONFORMANCE = pathlib.Path(os.environ.get("OPTML_CONFORMANCE") or ROOT / "conformance")

# What the environments look at, so that the machine that runs the tests has no say.
FOREIGN = ("SAGEMAKER_", "SM_", "AWS_", "TRAINING_JOB_NAME", "CURRENT_HOST", "CUDA_VISIBLE_DEVICES", "OPTML_")


@pytest.fixture
def container(tmp_path, monkeypatch):
    """Makes a container: `container(hyperparameters={...}, env={...})` writes the files; `None` leaves one out."""

    def make(hyperparameters=(), resourceconfig=None, inputdataconfig=(), env=(), files=None):
        for name in list(os.environ):
            if name.startswith(FOREIGN):
                monkeypatch.delenv(name)
        config = tmp_path / "input" / "config"
        config.mkdir(parents=True, exist_ok=True)
        if files is None:
            resources = {"current_host": "algo-1", "hosts": ["algo-1"]} if resourceconfig is None else resourceconfig
            files = {
                "hyperparameters.json": json.dumps(dict(hyperparameters)),
                "resourceconfig.json": json.dumps(resources),
                "inputdataconfig.json": json.dumps(dict(inputdataconfig)),
            }
        for name, text in files.items():
            (config / name).write_text(text, encoding="utf-8")
        monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
        for name, value in dict(env).items():
            monkeypatch.setenv(name, value)
        return tmp_path

    return make


def lines(name):
    """The cases of a recorded file."""
    with open(CONFORMANCE / name, encoding="utf-8") as file:
        return file.read().splitlines()
