"""What an installation takes: the packages and all that they ask for, without the installer itself."""

import glob
import os
import subprocess

from .contestants import OPTML, TRAINING
from .table import Row

# What an environment has by itself, and what only building the reference takes.
TOOLS = ("pip", "setuptools", "wheel", "_distutils_hack", "pkg_resources", "distutils-precedence", "numpy", "__pycache__")
LIMIT_MB = 25


def cell(everybody, work, rounds):
    theirs, n_theirs = installed(everybody[TRAINING], without_numpy=False)
    ours, n_ours = installed(everybody[OPTML], without_numpy=True)
    return [
        Row(
            "installed, with dependencies",
            "{:.0f} MB, {} packages".format(theirs, n_theirs),
            "{:.1f} MB, {} package".format(ours, n_ours),
            "{:.0f}".format(theirs / ours),
            "at most {} MB".format(LIMIT_MB),
            ours <= LIMIT_MB,
        )
    ]


def installed(python, without_numpy):
    """Megabytes and packages."""
    tools = [name for name in TOOLS if without_numpy or name != "numpy"]
    code = "import sysconfig; print(sysconfig.get_path('platlib'))"
    folder = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout.strip()
    total = sum(
        size(entry.path) for entry in os.scandir(folder) if not entry.name.split("-")[0].split(".")[0] in tools
    )
    # The program of the wheel is beside the interpreter.
    total += sum(os.path.getsize(path) for path in glob.glob(os.path.join(os.path.dirname(python), "optml")))
    names = [entry.name.split("-")[0] for entry in os.scandir(folder) if entry.name.endswith(".dist-info")]
    return total / 1e6, len([name for name in names if name not in tools])


def size(path):
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(
        os.path.getsize(os.path.join(folder, name)) for folder, _, files in os.walk(path) for name in files if not name.endswith(".pyc")
    )
