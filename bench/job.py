"""The job trees that the benchmark runs, and the scripts in them."""

import json
import os
import random
import shutil
import tarfile

# The one host: it resolves everywhere, so that nobody waits for a name.
HOST = "localhost"

NOTHING = "pass\n"

LINES = """\
import sys
write = sys.stdout.write
for step in range({count}):
    write("epoch 3 step %d loss=0.123456\\n" % step)
"""

OUTPUT = """\
import sys
line = "x" * 999 + "\\n"
write = sys.stdout.write
for _ in range({megabytes} * 1000):
    write(line)
"""

STAMPS = """\
import sys, time
for _ in range({count}):
    sys.stdout.write("stamp %d\\n" % time.monotonic_ns())
    sys.stdout.flush()
    time.sleep(0.005)
"""

COUNT_HYPERPARAMETERS = """\
import json, os
if "SM_HPS_FILE" in os.environ:
    with open(os.environ["SM_HPS_FILE"], encoding="utf-8") as file:
        hyperparameters = json.load(file)
else:
    hyperparameters = json.loads(os.environ["SM_HPS"])
print("hyperparameters %d" % len(hyperparameters))
"""


class Job:
    """A fresh `/opt/ml` tree whose entry point is `train.py`; removed by `remove`. `resources`: of `resourceconfig.json`, one host if not given."""

    def __init__(self, folder, script, hyperparameters=None, resources=None):
        self.base = folder
        config = os.path.join(folder, "input", "config")
        for name in (config, os.path.join(folder, "model"), os.path.join(folder, "output", "data")):
            os.makedirs(name)
        write_json(
            os.path.join(config, "hyperparameters.json"),
            dict({"sagemaker_program": json.dumps("train.py")}, **(hyperparameters or {})),
        )
        write_json(os.path.join(config, "inputdataconfig.json"), {})
        write_json(
            os.path.join(config, "resourceconfig.json"),
            resources or {"current_host": HOST, "hosts": [HOST], "network_interface_name": "lo"},
        )
        if script is not None:
            os.makedirs(self.code)
            with open(os.path.join(self.code, "train.py"), "w", encoding="utf-8") as file:
                file.write(script)

    @property
    def code(self):
        return os.path.join(self.base, "code")

    @property
    def failure(self):
        """The failure report, or nothing."""
        path = os.path.join(self.base, "output", "failure")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def remove(self):
        shutil.rmtree(self.base)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)


def many_hyperparameters(count):
    return {"weight_{:06d}".format(number): "0.5" for number in range(count)}


def pack_source(path, n_files, file_bytes):
    """A source archive: `train.py`, which does nothing, and `n_files` text files of `file_bytes` in folders of 100."""
    chooser = random.Random(1)
    lines = ["".join(chooser.choices("abcdefghij klmnop", k=49)) + "\n" for _ in range(4096)]
    folder = path + ".tree"
    os.makedirs(folder)
    with open(os.path.join(folder, "train.py"), "w", encoding="utf-8") as file:
        file.write(NOTHING)
    for number in range(n_files):
        part = os.path.join(folder, "part{:03d}".format(number // 100))
        os.makedirs(part, exist_ok=True)
        with open(os.path.join(part, "file{:05d}.txt".format(number)), "w", encoding="utf-8") as file:
            file.write("".join(chooser.choices(lines, k=file_bytes // 50)))
    with tarfile.open(path, "w:gz", compresslevel=6) as archive:
        for name in sorted(os.listdir(folder)):
            archive.add(os.path.join(folder, name), arcname=name)
    shutil.rmtree(folder)
