#!/usr/bin/env python3
"""Compare object storage in `optml train` with boto3 as sagemaker-training uses it, and with a plain parallel reader.

The bucket is a stub on loopback, written for this: a server that does more would be what is measured. Contestants run in turn, several
rounds; the table shows medians. Everything is in memory: needs 5 GB of /dev/shm. Exit code 1: a goal is missed, or a run failed.
"""

import argparse
import os
import sys
import tempfile

import reference
import train
from storage import bucket, fetch, runs, sync, table

CELLS = {
    "get-1g": fetch.file,
    "get-1g-tar": fetch.tar,
    "get-1g-gz": fetch.gzip,
    "sync-5000": sync.small_files,
    "sync-500m": sync.large_file,
}


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=list(CELLS), metavar="CELL", help=", ".join(CELLS))
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="at least 3 for figures that are to be shown")
    parser.add_argument("--optml", metavar="PATH", help="the binary; built when not given")
    parser.add_argument(
        "--cache",
        metavar="DIR",
        default=os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "optml-bench"),
        help="where the toolkit is installed and the stub is built",
    )
    parser.add_argument("--work", metavar="DIR", default="/dev/shm", help="where objects and job trees are made: in memory by default")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds must be at least 1")
    return args


def main():
    args = parse_args()
    cache = os.path.abspath(args.cache)
    os.makedirs(cache, exist_ok=True)
    optml = os.path.abspath(args.optml) if args.optml else train.build_optml()
    toolkit_bin = reference.prepare(cache)
    programs = bucket.build(cache)
    rows, failures = [], []
    try:
        with tempfile.TemporaryDirectory(prefix="optml-bench-", dir=args.work) as work:
            contestants = runs.Contestants(optml, toolkit_bin, programs, work, args.rounds)
            for name in args.only or CELLS:
                print("running {}".format(name), file=sys.stderr, flush=True)
                try:
                    rows += CELLS[name](contestants)
                except RuntimeError as error:
                    failures.append("{}: {}".format(name, error))
    finally:
        table.print_table(rows)
    for failure in failures:
        print("failed: " + failure, file=sys.stderr)
    return 0 if all(row.holds for row in rows) and not failures else 1


if __name__ == "__main__":
    sys.exit(main())
