"""How long a script waits until it knows its job: import and environment, in a process of its own."""

import json
import os
import statistics
import subprocess
import time

from .contestants import OPTML, TRAINING
from .table import Row

GOAL = 20

SCRIPTS = {
    "python": "pass",
    TRAINING: "from sagemaker_training import environment; environment.Environment().hosts",
    OPTML: "import optml; optml.training_env().hosts",
}
# What is timed from inside, beside the whole process.
TIMED = "import time; started = time.perf_counter()\n{}\nprint(time.perf_counter() - started)"
# The property that asks the machine, as the reference does in any case.
ASKING = "import optml; optml.training_env().num_gpus"


def cell(everybody, work, rounds):
    base = make_job(os.path.join(work, "job"))
    programs = [
        ("python", everybody[OPTML], SCRIPTS["python"]),
        (TRAINING, everybody[TRAINING], SCRIPTS[TRAINING]),
        (OPTML, everybody[OPTML], SCRIPTS[OPTML]),
        ("asking", everybody[OPTML], ASKING),
    ]
    seconds = {name: [] for name, _, _ in programs}
    # The first run of each writes byte-code and fills the page cache.
    for _, python, script in programs:
        run(python, script, base)
    for _ in range(rounds * 3):
        for name, python, script in programs:
            seconds[name].append(run(python, script, base))
    inside = {name: statistics.median(own for own, _ in runs) for name, runs in seconds.items()}
    whole = {name: statistics.median(all_of_it for _, all_of_it in runs) for name, runs in seconds.items()}
    holds = inside[TRAINING] >= GOAL * inside[OPTML]
    return [
        row("import and `training_env()`", inside[TRAINING], inside[OPTML], "at least {}".format(GOAL), holds),
        row("the same with `num_gpus`", inside[TRAINING], inside["asking"], "", True),
        row("the whole process ({} bare)".format(ms(whole["python"])), whole[TRAINING], whole[OPTML], "", True),
    ]


def row(name, theirs, ours, goal, holds):
    return Row(name, ms(theirs), ms(ours), "{:.0f}".format(theirs / ours), goal, holds)


def ms(seconds):
    return "{:.1f} ms".format(1000 * seconds)


def run(python, script, base):
    """Seconds by the script's own clock, and of the whole process."""
    environment = {"PATH": os.path.dirname(python) + ":/usr/bin:/bin", "HOME": base, "SAGEMAKER_BASE_DIR": base}
    started = time.monotonic()
    words = [python, "-c", TIMED.format(script)]
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, timeout=120)
    return float(done.stdout), time.monotonic() - started


def make_job(base):
    config = os.path.join(base, "input", "config")
    os.makedirs(config, exist_ok=True)
    files = {
        "hyperparameters.json": {"epochs": "3", "lr": "0.1", "sagemaker_program": '"train.py"'},
        "resourceconfig.json": {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"], "network_interface_name": "eth0"},
        "inputdataconfig.json": {"train": {"TrainingInputMode": "File"}},
    }
    for name, content in files.items():
        with open(os.path.join(config, name), "w", encoding="utf-8") as file:
            json.dump(content, file)
    return base
