#!/usr/bin/env python3
"""Compare `optml serve` with the servers that people use now: the same functions, two workers each, load from wrk on the same cores.

A cell is one body at one number of connections. Its servers are measured in turn, several rounds; the table shows medians: requests a
second, p50 / p99 of the time of an answer, CPU time of the whole server for each request, peak memory (PSS of all its processes). Every
server gives one right answer before it is measured. Exit code 1: a goal is missed, or a server failed.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from serve import cells, install, measure, payloads, peers, processes, table

HERE = os.path.dirname(os.path.abspath(__file__))

COMPUTE_SECONDS = 0.005

CELLS = ["start", *(cell.name for cell in cells.LOADED), "ping"]


def run(args, cache, work):
    """Measure what was asked for and print the table; returns the exit code."""
    optml = None
    if peers.OPTML in args.peers:
        optml = os.path.abspath(args.optml) if args.optml else build_optml()
    compute_loops = calibrate()
    bench = measure.Bench(
        measure.Settings(
            peers=peers.Peers(cache, args.peers, optml),
            names=args.peers,
            payloads=payloads.all_payloads(compute_loops),
            work=work,
            rounds=args.rounds,
            seconds=args.seconds,
            compute_loops=compute_loops,
            csv_glue=args.csv_glue,
        )
    )
    rows = []
    try:
        for name in chosen(args.only):
            if name == "start":
                rows += bench.started()
            elif name == "ping":
                rows += bench.pinged()
            else:
                rows += bench.loaded(next(cell for cell in cells.LOADED if cell.name == name))
    finally:
        table.print_table(rows, args.peers)
    for failure in bench.failures:
        print("failed: " + failure, file=sys.stderr)
    return 0 if all(row.holds for row in rows) and not bench.failures else 1


def chosen(only):
    """In the order of the table; `json` stands for all that begin with `json-`."""
    return [name for name in CELLS if not only or name in only or name.rsplit("-", 1)[0] in only]


def calibrate():
    """How many turns of the user's loop take 5 ms; the best of many tries, because others may be using the machine."""

    def seconds(loops):
        started = time.perf_counter()
        total = 0
        for number in range(loops):
            total += number & 7
        return time.perf_counter() - started

    return int(COMPUTE_SECONDS / min(seconds(100_000) for _ in range(50)) * 100_000)


def build_optml():
    """The release binary of this repository."""
    built = subprocess.run(
        ["cargo", "build", "--release", "--locked", "--package", "optml", "--message-format=json"],
        cwd=os.path.dirname(HERE),
        stdout=subprocess.PIPE,
        check=True,
    )
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message["reason"] == "compiler-artifact" and message["target"]["name"] == "optml" and message["executable"]:
            return message["executable"]
    raise RuntimeError("cargo named no executable `optml`")


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", metavar="CELL", help=", ".join(CELLS) + "; or a name without its number")
    parser.add_argument(
        "--peers", metavar="LIST", default=",".join(peers.ALL), help="separated by commas; by default {}".format(",".join(peers.ALL))
    )
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="at least 3 for figures that are to be shown")
    parser.add_argument("--seconds", type=int, default=5, metavar="S", help="of each measurement")
    parser.add_argument("--optml", metavar="PATH", help="the binary; built when not given")
    parser.add_argument(
        "--csv-glue",
        choices=["inference", "containers"],
        default="inference",
        help="whose CSV functions granian and uvicorn get: those of sagemaker-inference, or the cheaper ones of sagemaker-containers",
    )
    parser.add_argument(
        "--cache",
        metavar="DIR",
        default=os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "optml-bench"),
        help="where the peers are installed, and where the servers run; not below /tmp",
    )
    parser.add_argument("--keep", action="store_true", help="keep the folders of the servers, with their logs")
    args = parser.parse_args()
    args.peers = args.peers.split(",")
    check_args(parser, args)
    return args


def check_args(parser, args):
    unknown = [name for name in args.peers if name not in peers.ALL]
    if unknown:
        parser.error("--peers: {} is none of {}".format(", ".join(unknown), ", ".join(peers.ALL)))
    for name in args.only or []:
        if not chosen([name]):
            parser.error("--only: {} is none of {}".format(name, ", ".join(CELLS)))
    if args.rounds < 1 or args.seconds < 1:
        parser.error("--rounds and --seconds must be at least 1")
    # Two of the peers get a /tmp of their own, in which nothing of the real one is seen.
    if os.path.realpath(args.cache).startswith("/tmp/"):
        parser.error("--cache must not be below /tmp")
    missing = install.missing_tools(["wrk", *(tool for name in args.peers for tool in peers.TOOLS.get(name, []))])
    if missing:
        parser.error("missing: apt-get install " + " ".join(sorted(set(missing))))


@contextlib.contextmanager
def work_folder(cache, keep):
    folder = tempfile.mkdtemp(prefix="work-", dir=cache)
    try:
        yield folder
    finally:
        if keep:
            print("kept {}".format(folder), file=sys.stderr)
        else:
            shutil.rmtree(folder)


def end_like_an_interrupt(*_):
    raise KeyboardInterrupt


def main():
    args = parse_args()
    cache = os.path.abspath(args.cache)
    os.makedirs(cache, exist_ok=True)
    signal.signal(signal.SIGTERM, end_like_an_interrupt)
    processes.adopt_orphans()
    try:
        with work_folder(cache, args.keep) as work:
            return run(args, cache, work)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
