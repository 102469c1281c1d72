"""The newest reference toolkit in an environment of its own."""

import os
import subprocess
import sys

VERSION = "5.1.4"


def prepare(cache, *packages):
    """Install the toolkit once, with other packages if any; returns the environment's `bin` folder.

    It has a C extension: gcc and Python's headers are needed.
    """
    name = "-".join(["sagemaker-training-{}-py{}.{}".format(VERSION, *sys.version_info[:2]), *packages])
    folder = os.path.join(cache, name)
    marker = os.path.join(folder, "complete")
    if not os.path.exists(marker):
        print("installing sagemaker-training {} into {}".format(VERSION, folder), file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run(pip + ["setuptools<80", "wheel"], check=True)
        subprocess.run(pip + ["sagemaker-training==" + VERSION, *packages], check=True)
        with open(marker, "w", encoding="ascii"):
            pass
    return os.path.join(folder, "bin")
