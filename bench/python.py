#!/usr/bin/env python3
"""Compare the Python package with sagemaker-training and sagemaker-inference: import, size, and bodies of 1 MB.

Each contestant has an environment of its own. Processes and calls run in turn, several rounds; the table shows medians. Needs a package
index for the contestants, once. Exit code 1: a goal is missed, or a run failed.
"""

import argparse
import os
import subprocess
import sys
import tempfile

from package import bodies, contestants, size, start, table

CELLS = {"import": start.cell, "size": size.cell, "bodies": bodies.cell}


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=list(CELLS), metavar="CELL", help=", ".join(CELLS))
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="at least 3 for figures that are to be shown")
    parser.add_argument("--wheel", metavar="PATH", help="the wheel; built when not given")
    parser.add_argument(
        "--cache",
        metavar="DIR",
        default=os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "optml-bench"),
        help="where the contestants are installed",
    )
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    return args


def main():
    args = parse_args()
    cache = os.path.abspath(args.cache)
    os.makedirs(cache, exist_ok=True)
    rows, failures = [], []
    try:
        with tempfile.TemporaryDirectory(prefix="optml-bench-") as work:
            everybody = contestants.prepare(cache, work, args.wheel and os.path.abspath(args.wheel))
            for name in args.only or CELLS:
                print("running {}".format(name), file=sys.stderr, flush=True)
                try:
                    rows += CELLS[name](everybody, work, args.rounds)
                except (RuntimeError, subprocess.SubprocessError) as error:
                    failures.append("{}: {}".format(name, error))
    finally:
        table.print_table(rows)
    for failure in failures:
        print("failed: " + failure, file=sys.stderr)
    return 0 if all(row.holds for row in rows) and not failures else 1


if __name__ == "__main__":
    sys.exit(main())
