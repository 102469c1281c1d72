"""One run of one contestant: how it is started, and what its script said."""

import os
import tempfile
import time
from dataclasses import dataclass

import job
import measure

from . import bucket

READER, TAR, BOTO, TOOLKIT, OPTML = "plain reader", "tar", "boto3", "sagemaker-training", "optml"
# boto3 hashes every body for its signature when there is no TLS, as here; with TLS, as on the platform, it does not.
UNSIGNED = "sagemaker-training, bodies not signed"
ALL = [READER, TAR, BOTO, TOOLKIT, UNSIGNED, OPTML]
LAUNCHERS = [TOOLKIT, UNSIGNED, OPTML]

JOB_NAME = "job-1"

NOT_SIGNED = """\
[default]
s3 =
  payload_signing_enabled = false
"""

# The function with which the reference downloads, between two looks at the clock: its imports do not count.
DOWNLOAD = """\
import sys, time
from sagemaker_training import files
begin = time.monotonic()
files.s3_download(sys.argv[1], sys.argv[2])
print("begin %r" % begin)
print("end %r" % time.monotonic())
"""


@dataclass
class Job:
    """Times by `time.monotonic()`: when the launcher was started, when its script began and ended, None where it does not say."""

    seconds: float
    started: float
    begin: float | None
    end: float | None


class Contestants:
    """Knows how each is started; `rounds` is how often."""

    def __init__(self, optml, toolkit_bin, programs, work, rounds):
        self.optml = optml
        self.toolkit_bin = toolkit_bin
        self.programs = programs
        self.work = work
        self.rounds = rounds
        with open(self.path("aws-not-signed"), "w", encoding="ascii") as file:
            file.write(NOT_SIGNED)

    def path(self, name):
        return os.path.join(self.work, name)

    def train(self, contestant):
        return [self.optml, "train"] if contestant == OPTML else [os.path.join(self.toolkit_bin, "train")]

    def environment(self, stub, base, contestant=None):
        """The same for everyone but for one setting of boto3. Temporary files are in memory too: the reference downloads into one."""
        return {
            "PATH": self.toolkit_bin + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": self.work,
            "TMPDIR": self.work,
            "LANG": "C.UTF-8",
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "a-secret-of-no-use",
            "AWS_CONFIG_FILE": self.path("aws-not-signed") if contestant == UNSIGNED else os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "S3_ENDPOINT_URL": stub.endpoint,
            "TRAINING_JOB_NAME": JOB_NAME,
            "SAGEMAKER_BASE_DIR": base,
        }

    def job(self, stub, contestant, script, hyperparameters, check=None):
        """One job in a fresh tree; `check` looks at its code folder before the tree is removed."""
        output, log = self.path("output"), self.path("log")
        tree = job.Job(tempfile.mkdtemp(dir=self.work), script, hyperparameters)
        try:
            started = time.monotonic()
            environment = self.environment(stub, tree.base, contestant)
            run = measure.run(self.train(contestant), environment, tree.base, stdout_path=output, stderr_path=log)
            if run.exit_code != 0:
                raise RuntimeError("{} ended with {}: {}{}".format(contestant, run.exit_code, tree.failure, tail(log)))
            if check is not None:
                check(tree.code)
        finally:
            tree.remove()
        stamps = read_stamps(output)
        return Job(run.seconds, started, stamps.get("begin"), stamps.get("end"))

    def peak_mib(self, stub, contestant, script, hyperparameters):
        """Of the launcher's own process, in a run of its own: looking costs time."""
        tree = job.Job(tempfile.mkdtemp(dir=self.work), script, hyperparameters)
        try:
            run = measure.run_for_memory(self.train(contestant), self.environment(stub, tree.base, contestant), tree.base)
        finally:
            tree.remove()
        if run.exit_code != 0:
            raise RuntimeError("{} ended with {} when its memory was measured".format(contestant, run.exit_code))
        return run.peak_kib / 1024

    def read(self, stub, key, path=None):
        """Seconds of the plain reader: bytes dropped, or written to a file in memory as everyone else must."""
        argv = [self.programs.reader, stub.url(key), *([path] if path else [])]
        run = self.plain(argv, stub)
        if path:
            os.unlink(path)
        return run.seconds

    def boto(self, stub, key):
        """Seconds of the reference's download alone, into a file in memory."""
        path, output = self.path("downloaded"), self.path("output")
        self.plain([os.path.join(self.toolkit_bin, "python"), "-c", DOWNLOAD, bucket.uri(key), path], stub, output)
        os.unlink(path)
        stamps = read_stamps(output)
        return stamps["end"] - stamps["begin"]

    def untar(self, stub, archive):
        """Seconds of `tar xzf` of the local file."""
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            return self.plain(["tar", "xzf", archive, "-C", folder], stub).seconds

    def plain(self, argv, stub, output=os.devnull):
        log = self.path("log")
        run = measure.run(argv, self.environment(stub, self.work), self.work, stdout_path=output, stderr_path=log)
        if run.exit_code != 0:
            raise RuntimeError("{} ended with {}: {}".format(argv[0], run.exit_code, tail(log)))
        return run


def read_stamps(path):
    """The lines `begin SECONDS` and `end SECONDS`."""
    stamps = {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            word, _, seconds = line.strip().partition(" ")
            if word in ("begin", "end"):
                stamps[word] = float(seconds)
    return stamps


def tail(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return "\n" + file.read()[-3000:]
