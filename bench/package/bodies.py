"""Bodies of 1 MB, read and written: each reference beside the module that stands in for it."""

import json
import os
import statistics
import subprocess

from .contestants import INFERENCE, OPTML, TRAINING
from .table import Row

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "calls.py")
PAIRS = [(TRAINING, "sagemaker_training.encoders", "optml.codec.first"), (INFERENCE, "sagemaker_inference", "optml.codec.second")]
# Not slower is what can be asked where both only copy: within the noise of the clock.
GOALS = {"json": 3.0, "csv": 3.0, "npy": 0.95}


def cell(everybody, work, rounds):
    rows = []
    for peer, theirs, ours in PAIRS:
        times = {theirs: [], ours: []}
        for _ in range(rounds):
            times[theirs].append(run(everybody[peer], theirs))
            times[ours].append(run(everybody[OPTML], ours))
        for name in times[ours][0]:
            reference, optml = (statistics.median(run[name] for run in times[module]) for module in (theirs, ours))
            goal = GOALS[name.split()[1]]
            ratio = reference / optml
            wanted = "at least {:.0f}".format(goal) if goal >= 1 else "not slower"
            rows.append(Row("{}, {}".format(peer, name), ms(reference), ms(optml), "{:.1f}".format(ratio), wanted, ratio >= goal))
    return rows


def run(python, module):
    """Seconds of a call, by name."""
    done = subprocess.run([python, SCRIPT, module], stdout=subprocess.PIPE, check=True, timeout=300)
    return json.loads(done.stdout)


def ms(seconds):
    return "{:.2f} ms".format(1000 * seconds)
