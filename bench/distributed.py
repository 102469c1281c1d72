#!/usr/bin/env python3
"""Compare a two-host MPI job under `optml train` with sagemaker-training, and with `mpirun` typed by hand.

The hosts are containers in namespaces of this machine, with Debian's Open MPI and SSH server. Contestants run in turn, several rounds; the
table shows medians. Takes root, and the packages openmpi-bin, openssh-server, iproute2. Exit code 1: the goal is missed, or a run failed.
"""

import argparse
import os
import sys
import tempfile

import reference
import train
from distributed import runs, table


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=runs.ALL, metavar="CONTESTANT", help=", ".join(runs.ALL))
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="at least 3 for figures that are to be shown")
    parser.add_argument("--optml", metavar="PATH", help="the binary; built when not given")
    parser.add_argument(
        "--cache",
        metavar="DIR",
        default=os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "optml-bench"),
        help="where the toolkit is installed",
    )
    parser.add_argument("--work", metavar="DIR", default="/dev/shm", help="what the hosts write: in memory by default, and not below `/` itself")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    return args


def main():
    args = parse_args()
    contestants = args.only or runs.ALL
    if runs.OPTML in contestants:
        optml = os.path.abspath(args.optml) if args.optml else train.build_optml()
    else:
        optml = sys.executable
    toolkit_bin = reference.prepare(os.path.abspath(args.cache), "mpi4py")
    measured = {contestant: [] for contestant in contestants}
    failures = []
    try:
        with tempfile.TemporaryDirectory(prefix="optml-bench-", dir=args.work) as work:
            bench = runs.Contestants(optml, toolkit_bin, work)
            for number in range(1, args.rounds + 1):
                for contestant in contestants:
                    print("round {}: {}".format(number, contestant), file=sys.stderr, flush=True)
                    try:
                        measured[contestant].append(bench.once(contestant))
                    except RuntimeError as error:
                        failures.append(str(error))
    finally:
        reached = table.print_table(measured)
    for failure in failures:
        print("failed: " + failure, file=sys.stderr)
    return 0 if reached and not failures else 1


if __name__ == "__main__":
    sys.exit(main())
