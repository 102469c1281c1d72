"""Starting the processes of a distributed job.

Engines that need all hosts at once (Open MPI, SMDDP) are started by `optml train --launcher`, which waits for the hosts, makes the
keys, and ends everything when one of them fails. torchrun and PyTorch/XLA start their own processes on each host, so that a
command is all there is to them.
"""

import glob
import importlib.util
import os
import re

import optml

# Names of the reference's modules for Open MPI and SMDDP that have no meaning here, and what there is instead.
GONE = dict.fromkeys(
    (
        "MPI_FINISHED_STATUS_FILE",
        "_can_connect",
        "_parse_custom_mpi_options",
        "_start_sshd_daemon",
        "_write_status_file",
    ),
    "`optml train --launcher` waits for hosts, makes keys and runs a daemon of its own",
)


def words(launcher, processes_per_host, command):
    """The command that starts `command` on this host under a launcher of `optml train`."""
    return [
        optml.binary(),
        "train",
        "--launcher",
        launcher,
        "--processes-per-host",
        str(processes_per_host),
        "--",
        *command,
    ]


def rank_words():
    """What `python` is given before a script that is a rank: mpi4py, where it is installed, ends all ranks when one raises."""
    return ["-m", "mpi4py"] if importlib.util.find_spec("mpi4py") else []


def must_be_read(name, value, hyperparameters):
    """Refuses an option that only the caller knows: what is started reads the job's hyperparameters."""
    if value and str(value) != str(hyperparameters.get(name) or ""):
        raise ValueError(
            "`{}` is `{}` here and `{}` in the job: its processes are started by `optml train`, which reads the job's\nhint: give it "
            "as a hyperparameter of the job".format(name, value, hyperparameters.get(name, ""))
        )


def ranked(hosts, master):
    """The hosts by rank: the master, then the others by number."""

    def number(host):
        return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", host)]

    return [master] + sorted((host for host in hosts if host != master), key=number)


def has_fast_network():
    """Whether this machine has a network adapter for EFA."""
    return bool(glob.glob("/dev/infiniband/uverbs*"))


def set_defaults(variables):
    """Sets variables that the user has not set."""
    for name, value in variables.items():
        os.environ.setdefault(name, value)
