"""One run of one contestant: two hosts that are alike but for what is started on them, and when what happened."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

import job

from . import hosts

BY_HAND, TOOLKIT, OPTML = "mpirun by hand", "sagemaker-training", "optml"
ALL = [BY_HAND, TOOLKIT, OPTML]

NUMBERS = [1, 2]
MASTER = 1

# One line a rank, written at once; its end is noted when MPI has been finalised, which comes last.
HELLO = """\
import atexit, os, sys, time
base = os.environ.get("SM_OUTPUT_DATA_DIR", "/opt/ml/output/data")
def note_end():
    with open(os.path.join(base, "ended-%d" % rank), "w") as file:
        file.write(repr(time.monotonic()))
atexit.register(note_end)
from mpi4py import MPI
world = MPI.COMM_WORLD
rank = world.Get_rank()
total = world.allreduce(rank)
sys.stdout.write("hello from rank %d of %d, sum %d\\n" % (rank, world.Get_size(), total))
sys.stdout.flush()
"""
HELLOS = ["hello from rank {} of {}, sum 1".format(rank, len(NUMBERS)).encode() for rank in range(len(NUMBERS))]

# As one would type it, once the other host answers.
MPIRUN = """\
for attempt in $(seq 600); do
    if ssh algo-2 true 2>/dev/null; then break; fi
    sleep 0.05
done
exec mpirun --host algo-1,algo-2 -np 2 --allow-run-as-root -mca btl_tcp_if_include eth0 -mca oob_tcp_if_include eth0 \\
    -x PATH python -m mpi4py /opt/ml/code/train.py
"""

SSH_CONFIG = """\
Host *
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
"""


@dataclass
class Run:
    """Seconds: from the start to the first line of a rank, from the end of the last rank to that of the last host, and from start to end."""

    first_line: float
    last_end: float
    overall: float


class Contestants:
    """Knows how each is started."""

    def __init__(self, optml, toolkit_bin, work):
        self.optml = optml
        self.toolkit_bin = toolkit_bin
        self.work = work
        self.key = os.path.join(work, "key")
        # The reference takes it that the image has one key pair for all hosts, and cannot do without.
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)

    def argv(self, contestant, number):
        if contestant == BY_HAND:
            return ["sh", "-euc", MPIRUN] if number == MASTER else ["/usr/sbin/sshd", "-D"]
        if contestant == TOOLKIT:
            return [os.path.join(self.toolkit_bin, "train")]
        return [self.optml, "train"]

    def environment(self):
        """The same for everyone: `python` is the toolkit's, so that all run the script with one interpreter."""
        return {
            "PATH": self.toolkit_bin + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "AWS_REGION": "eu-west-1",
        }

    def once(self, contestant):
        """One job on fresh hosts; one that fails ends the benchmark."""
        work = tempfile.mkdtemp(dir=self.work)
        machines = [hosts.Host(number, work) for number in NUMBERS]
        try:
            with hosts.Switch() as switch:
                for machine in machines:
                    self.prepare(machine)
                    machine.furnish(self.argv(contestant, machine.number), self.environment(), self.folders())
                    switch.connect(machine)
                return self.measure(contestant, machines)
        finally:
            for machine in machines:
                machine.end()
            shutil.rmtree(work)

    def folders(self):
        """What may lie on another file system than the root folder."""
        folders = (sys.base_prefix, os.path.dirname(self.toolkit_bin), os.path.dirname(self.optml))
        return [os.path.realpath(folder) for folder in folders]

    def prepare(self, machine):
        """An image for the reference: keys, a folder for its server, and accounting for logins off, which a container can't do."""
        names = ["{} {}\n".format(hosts.address(number), hosts.name(number)) for number in NUMBERS]
        machine.write("/etc/hosts", "127.0.0.1 localhost\n" + "".join(names))
        machine.write("/etc/environment", "")
        with open("/etc/pam.d/sshd", encoding="utf-8") as file:
            pam = "".join(line for line in file if "pam_loginuid" not in line)
        machine.write("/etc/pam.d/sshd", pam)
        machine.make_folder("/run/sshd")
        machine.make_folder("/tmp", 0o1777)
        machine.make_folder("/root/.ssh", 0o700)
        machine.write("/root/.ssh/config", SSH_CONFIG)
        for source, target in ((self.key, "id_ed25519"), (self.key + ".pub", "authorized_keys")):
            with open(source, encoding="ascii") as file:
                machine.write("/root/.ssh/" + target, file.read(), 0o600)
        resources = {
            "current_host": hosts.name(machine.number),
            "hosts": [hosts.name(number) for number in NUMBERS],
            "network_interface_name": hosts.INTERFACE,
        }
        machine.make_folder("/opt")
        enabled = {"sagemaker_mpi_enabled": json.dumps(True)}
        job.Job(machine.path("upper", "opt", "ml"), HELLO, enabled, resources)

    def measure(self, contestant, machines):
        started = time.monotonic()
        for machine in machines:
            machine.go()
        deadline = started + hosts.LIMIT_SECONDS
        # Nobody ends the server of the worker when it was started by hand.
        ending = machines[:MASTER] if contestant == BY_HAND else machines
        for machine in ending:
            machine.wait(deadline)
        ended = max(machine.ended for machine in ending)
        logs = "".join(machine.tail() for machine in machines)
        if any(machine.exit_code != 0 for machine in ending):
            codes = ", ".join("{} with {}".format(hosts.name(machine.number), machine.exit_code) for machine in ending)
            raise RuntimeError("{}: {} ended: {}".format(contestant, codes, logs))
        said = [[at for machine in machines for at, line in machine.lines if hello in line] for hello in HELLOS]
        ends = [read_end(machine, rank) for rank, machine in enumerate(machines)]
        if [] in said or None in ends:
            raise RuntimeError("{}: a rank did not run on each host: {}".format(contestant, logs))
        return Run(min(map(min, said)) - started, ended - max(ends), ended - started)


def read_end(machine, rank):
    path = machine.path("upper", "opt", "ml", "output", "data", "ended-{}".format(rank))
    if not os.path.exists(path):
        return None
    with open(path, encoding="ascii") as file:
        return float(file.read())
