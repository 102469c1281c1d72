"""Code of 1 GB: how long after the start of the launcher the script's first line comes, less the same with code that is already there."""

import json
import os
import statistics

from . import bucket, payloads, table
from .runs import BOTO, LAUNCHERS, OPTML, READER, TAR, TOOLKIT

# A plain reader that writes to memory does what a download must do at least; one that drops the bytes shows the limit of the stub.
LIMIT = 1.15


def file(contestants):
    """A download and nothing else: the entry point itself is 1 GB."""
    path = contestants.path("train.sh")
    payloads.write_script(path)
    fetched = Fetched(contestants, "train.sh", path, payloads.SHELL_BEGIN)
    seconds = fetched.measure([READER, BOTO, OPTML])
    return [
        table.Row(
            "fetch a file of 1 GB",
            fetched.figures(seconds),
            "{:.2f} x reader, boto3 / {:.1f}".format(seconds[OPTML] / seconds[READER], seconds[BOTO] / seconds[OPTML]),
            "within {} x reader".format(LIMIT),
            seconds[OPTML] <= LIMIT * seconds[READER],
        ),
        fetched.memory([OPTML]),
    ]


def tar(contestants):
    """An archive that is not compressed: unpacking is writing, as in the reader."""
    path = contestants.path("code.tar")
    payloads.write_archive(path, "w:")
    fetched = Fetched(contestants, "code.tar", path, payloads.BEGIN)
    seconds = fetched.measure([READER, BOTO, OPTML])
    return [
        table.Row(
            "fetch and unpack a tar of 1 GB",
            fetched.figures(seconds),
            "{:.2f} x reader, boto3 / {:.1f}".format(seconds[OPTML] / seconds[READER], seconds[BOTO] / seconds[OPTML]),
            "within {} x reader".format(LIMIT),
            seconds[OPTML] <= LIMIT * seconds[READER],
        ),
        fetched.memory([OPTML]),
    ]


def gzip(contestants):
    """What jobs really have, and all that the reference takes: download and `tar xzf` in turn are what unpacking on arrival must beat."""
    path = contestants.path("code.tar.gz")
    payloads.write_archive(path, "w:gz")
    fetched = Fetched(contestants, "code.tar.gz", path, payloads.BEGIN)
    seconds = fetched.measure([READER, TAR, TOOLKIT, OPTML])
    in_turn = seconds[READER] + seconds[TAR]
    return [
        table.Row(
            "fetch and unpack a tar.gz of 1 GB (tar: `tar xzf` of the local file)",
            fetched.figures(seconds),
            "{:.2f} x reader and tar in turn, toolkit / {:.1f}".format(seconds[OPTML] / in_turn, seconds[TOOLKIT] / seconds[OPTML]),
            "less than reader and tar in turn",
            seconds[OPTML] < in_turn,
        ),
        fetched.memory([TOOLKIT, OPTML]),
    ]


class Fetched:
    """One object, the file behind it, and a small script that does the same as the one in it."""

    def __init__(self, contestants, key, path, small_script):
        self.contestants = contestants
        self.key = key
        self.path = path
        self.small_script = small_script
        self.dropped_seconds = None
        self.peaks_mib = {}

    def measure(self, names):
        """Median seconds of each, one run of each in every round, and the peaks of those that are launchers."""
        rounds = {name: [] for name in names}
        dropped = []
        with bucket.Stub(self.contestants.programs.stub, {self.key: self.path}) as stub:
            for _ in range(self.contestants.rounds):
                dropped.append(self.contestants.read(stub, self.key))
                for name in names:
                    rounds[name].append(self.once(stub, name))
            for name in names:
                if name in LAUNCHERS:
                    self.peaks_mib[name] = self.contestants.peak_mib(stub, name, None, self.remote())
        os.unlink(self.path)
        self.dropped_seconds = statistics.median(dropped)
        return {name: statistics.median(seconds) for name, seconds in rounds.items()}

    def once(self, stub, name):
        if name == READER:
            return self.contestants.read(stub, self.key, self.contestants.path("downloaded"))
        if name == BOTO:
            return self.contestants.boto(stub, self.key)
        if name == TAR:
            return self.contestants.untar(stub, self.path)
        local = self.contestants.job(stub, name, None, self.local())
        remote = self.contestants.job(stub, name, None, self.remote(), check_size)
        return (remote.begin - remote.started) - (local.begin - local.started)

    def remote(self):
        return self.hyperparameters(bucket.uri(self.key))

    def local(self):
        """The same job with a folder as its source: one small file is copied, nothing is fetched."""
        folder = self.contestants.path("small")
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, self.program())
        with open(path, "w", encoding="ascii") as file:
            file.write(self.small_script)
        os.chmod(path, 0o755)
        return self.hyperparameters(folder)

    def hyperparameters(self, source):
        return {"sagemaker_program": json.dumps(self.program()), "sagemaker_submit_directory": json.dumps(source)}

    def program(self):
        return self.key if self.key.endswith(".sh") else "train.py"

    def figures(self, seconds):
        figures = {name: table.as_seconds(value) for name, value in seconds.items()}
        figures[READER] += " (bytes dropped: {})".format(table.as_seconds(self.dropped_seconds))
        return figures

    def memory(self, names):
        return table.memory_row("peak memory, " + self.key, {name: self.peaks_mib[name] for name in names})


def check_size(code):
    """All of the object must have arrived; an archive has some bytes of headers."""
    n_bytes = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(code) for name in names)
    if n_bytes < payloads.FETCHED_BYTES:
        raise RuntimeError("only {:,} bytes of code arrived".format(n_bytes))
