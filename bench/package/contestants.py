"""Who takes part, each in an environment of its own: the wheel, and the two references from the package index."""

import glob
import os
import subprocess
import sys

import reference
from serve import install

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

TRAINING, INFERENCE, OPTML = "sagemaker-training", "sagemaker-inference", "optml"
ALL = (TRAINING, INFERENCE, OPTML)


def prepare(cache, work, wheel):
    """The interpreter of each. That of optml is made anew, with numpy, which is no dependency but what arrays are made of."""
    folder = os.path.join(work, "optml")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = os.path.join(folder, "bin", "python")
    subprocess.run(pip(python) + ["numpy", wheel or build_wheel(work)], check=True)
    return {
        TRAINING: os.path.join(reference.prepare(cache), "python"),
        INFERENCE: os.path.join(install.inference(cache), "python"),
        OPTML: python,
    }


def pip(python):
    return [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


def build_wheel(work):
    print("building the wheel", file=sys.stderr, flush=True)
    environment = dict(os.environ)
    environment.setdefault("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
    words = [sys.executable, "-m", "pip", "wheel", "--no-cache-dir", "--quiet", "--disable-pip-version-check", "--no-deps", "--wheel-dir", work, ROOT]
    subprocess.run(words, check=True, env=environment)
    return glob.glob(os.path.join(work, "optml-*.whl"))[0]
