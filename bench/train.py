#!/usr/bin/env python3
"""Compare `optml train` with sagemaker-training on the same job trees, and with the script run directly.

Every cell runs its contestants in turn, several rounds; the table shows medians. Exit code 1: a goal is missed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass

import job
import measure
import reference

HERE = os.path.dirname(os.path.abspath(__file__))

DIRECT, TOOLKIT, CAPTURE, OPTML = "direct", "sagemaker-training", "capturing", "optml"


@dataclass
class Row:
    """One line of the table: a figure for each contestant that ran, and the goal of optml."""

    cell: str
    figures: dict
    ratio: str
    goal: str
    holds: bool


class Bench:
    """Knows how each contestant is started."""

    def __init__(self, optml, toolkit_bin, work, rounds):
        self.optml = optml
        self.toolkit_bin = toolkit_bin
        self.work = work
        self.rounds = rounds

    def path(self, name):
        return os.path.join(self.work, name)

    def command(self, contestant, base):
        python = os.path.join(self.toolkit_bin, "python")
        if contestant == DIRECT:
            return [python, "--", "train.py"], os.path.join(base, "code")
        if contestant == TOOLKIT:
            return [os.path.join(self.toolkit_bin, "train")], base
        if contestant == CAPTURE:
            return [python, os.path.join(HERE, "capture_driver.py")], base
        return [self.optml, "train"], base

    def environment(self, base):
        """The same for everyone: `python` is the toolkit's, so that all run the script with one interpreter."""
        return {
            "PATH": self.toolkit_bin + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": self.work,
            "LANG": "C.UTF-8",
            "AWS_REGION": "eu-west-1",
            "SAGEMAKER_BASE_DIR": base,
        }

    def once(self, contestant, measured, script, hyperparameters=None):
        """One run in a fresh tree; a run that fails ends the benchmark."""
        run, failure = self.attempt(contestant, measured, script, hyperparameters)
        if run.exit_code != 0:
            raise RuntimeError("{} ended with {}: {}".format(contestant, run.exit_code, failure))
        return run

    def attempt(self, contestant, measured, script, hyperparameters=None):
        tree = job.Job(tempfile.mkdtemp(dir=self.work), script, hyperparameters)
        argv, folder = self.command(contestant, tree.base)
        try:
            return measured(argv, self.environment(tree.base), folder), tree.failure
        finally:
            tree.remove()

    def rounds_of(self, contestants, measured, script, hyperparameters=None, rounds=None):
        """Each contestant's runs, one of each in every round."""
        runs = {contestant: [] for contestant in contestants}
        for _ in range(rounds or self.rounds):
            for contestant in contestants:
                runs[contestant].append(self.once(contestant, measured, script, hyperparameters))
        return runs


def start_up(bench):
    """Seconds above the script run directly, for a script that does nothing; short, so five times the rounds."""
    runs = bench.rounds_of([DIRECT, TOOLKIT, CAPTURE, OPTML], measure.run, job.NOTHING, rounds=5 * bench.rounds)
    seconds = median_seconds(runs)
    above = {contestant: seconds[contestant] - seconds[DIRECT] for contestant in (TOOLKIT, CAPTURE, OPTML)}
    share = above[OPTML] / above[TOOLKIT]
    return [
        Row(
            "start-up above the script",
            dict({DIRECT: as_ms(seconds[DIRECT])}, **{name: "+" + as_ms(value) for name, value in above.items()}),
            "1/{:.0f} of the toolkit".format(1 / share),
            "at most 20 ms and 1/20",
            above[OPTML] <= 0.020 and share <= 1 / 20,
        )
    ]


def memory(bench):
    """Peak memory of the launcher alone, idle and while 200 MB of log pass through it."""
    rows = []
    for cell, script in (
        ("peak memory, script that does nothing", job.NOTHING),
        ("peak memory, 200 MB of log", job.OUTPUT.format(megabytes=200)),
    ):
        contestants = [TOOLKIT, OPTML] if script != job.NOTHING else [TOOLKIT, CAPTURE, OPTML]
        runs = bench.rounds_of(contestants, measure.run_for_memory, script)
        mib = {name: statistics.median(run.peak_kib for run in runs[name]) / 1024 for name in contestants}
        rows.append(
            Row(
                cell,
                {name: "{:.1f} MiB".format(value) for name, value in mib.items()},
                "1/{:.0f} of the toolkit".format(mib[TOOLKIT] / mib[OPTML]),
                "at most 12 MB",
                mib[OPTML] * 1.048576 <= 12,
            )
        )
    return rows


def log_lines(bench):
    return [throughput(bench, "1,000,000 log lines", job.LINES.format(count=1_000_000))]


def log_bytes(bench):
    return [throughput(bench, "200 MB of log", job.OUTPUT.format(megabytes=200))]


def throughput(bench, cell, script):
    """Wall time of the whole run, output into a file."""

    def measured(argv, environment, folder):
        path = bench.path("output.log")
        try:
            return measure.run(argv, environment, folder, stdout_path=path)
        finally:
            os.unlink(path)

    seconds = median_seconds(bench.rounds_of([DIRECT, TOOLKIT, CAPTURE, OPTML], measured, script))
    slower = seconds[OPTML] / seconds[DIRECT]
    faster = seconds[CAPTURE] / seconds[OPTML]
    return Row(
        cell,
        {name: as_seconds(value) for name, value in seconds.items()},
        "{:.2f} x direct, capturing / {:.0f}".format(slower, faster),
        "within 1.3 x direct, capturing / 10",
        slower <= 1.3 and faster >= 10,
    )


def line_delay(bench):
    """Time from the flush of one line in the script to its arrival at the reader of the launcher's stdout."""
    script = job.STAMPS.format(count=1000)
    contestants = [DIRECT, TOOLKIT, CAPTURE, OPTML]
    runs = bench.rounds_of(contestants, measure.run_for_delays, script)
    figures = {name: [percentiles(run.delays_ms) for run in runs[name]] for name in contestants}
    medians = {name: [statistics.median(column) for column in zip(*figures[name])] for name in contestants}
    return [
        Row(
            "delay of a flushed line: p50 / p99 / max",
            {name: "{:.2f} / {:.2f} / {:.1f} ms".format(*values) for name, values in medians.items()},
            "p99 capturing / {:.0f}".format(medians[CAPTURE][1] / medians[OPTML][1]),
            "p99 under 5 ms",
            medians[OPTML][1] < 5,
        )
    ]


def unpack(bench):
    """The whole run with an archive as source, beside `tar xzf` of it."""
    archive = bench.path("source.tar.gz")
    job.pack_source(archive, n_files=20_000, file_bytes=5_000)
    source = {"sagemaker_submit_directory": json.dumps(archive)}
    runs = {DIRECT: [], TOOLKIT: [], OPTML: []}
    for _ in range(bench.rounds):
        runs[DIRECT].append(untar(bench, archive))
        for contestant in (TOOLKIT, OPTML):
            runs[contestant].append(bench.once(contestant, measure.run, None, source))
    os.unlink(archive)
    seconds = median_seconds(runs)
    slower = seconds[OPTML] / seconds[DIRECT]
    return [
        Row(
            "unpack 20,000 files, 100 MB (direct: `tar xzf`)",
            {name: as_seconds(value) for name, value in seconds.items()},
            "{:.2f} x tar, toolkit / {:.1f}".format(slower, seconds[TOOLKIT] / seconds[OPTML]),
            "within 1.2 x tar",
            slower <= 1.2,
        )
    ]


def untar(bench, archive):
    tree = job.Job(tempfile.mkdtemp(dir=bench.work), "")
    try:
        return measure.run(["tar", "xzf", archive], bench.environment(tree.base), tree.code)
    finally:
        tree.remove()


def hyperparameters(bench):
    """How many hyperparameters a job may have: the toolkit with 10,000, optml with 100,000."""
    toolkit, failure = bench.attempt(
        TOOLKIT, measure.run, job.COUNT_HYPERPARAMETERS, job.many_hyperparameters(10_000)
    )
    output = bench.path("output.log")

    def measured(argv, environment, folder):
        return measure.run(argv, environment, folder, stdout_path=output)

    run, _ = bench.attempt(OPTML, measured, job.COUNT_HYPERPARAMETERS, job.many_hyperparameters(100_000))
    with open(output, "rb") as file:
        seen = b"hyperparameters 100000\n" in file.read()
    os.unlink(output)
    last_line = (failure.strip().splitlines() or ["no failure report"])[-1]
    return [
        Row(
            "100,000 hyperparameters (toolkit: 10,000)",
            {
                TOOLKIT: "exit {}: {}".format(toolkit.exit_code, last_line),
                OPTML: "exit {}, {} seen, {}".format(run.exit_code, "all" if seen else "not all", as_seconds(run.seconds)),
            },
            "",
            "the script runs and sees all",
            run.exit_code == 0 and seen,
        )
    ]


CELLS = {
    "start-up": start_up,
    "memory": memory,
    "lines": log_lines,
    "bytes": log_bytes,
    "delay": line_delay,
    "unpack": unpack,
    "hyperparameters": hyperparameters,
}


def median_seconds(runs):
    return {name: statistics.median(run.seconds for run in those) for name, those in runs.items()}


def percentiles(delays_ms):
    ordered = sorted(delays_ms)
    return [ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], ordered[-1]]


def as_ms(seconds):
    return "{:.1f} ms".format(seconds * 1000)


def as_seconds(seconds):
    return "{:.2f} s".format(seconds)


def print_table(rows):
    """A Markdown table, which docs/benchmarks.md takes as it is."""
    contestants = [DIRECT, TOOLKIT, CAPTURE, OPTML]
    lines = [["", *contestants, "ratio", "goal", "holds"]]
    lines += [
        [row.cell, *(row.figures.get(name, "") for name in contestants), row.ratio, row.goal, "yes" if row.holds else "NO"]
        for row in rows
    ]
    lines.insert(1, ["---"] * len(lines[0]))
    for line in lines:
        print("| " + " | ".join(line) + " |")


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
    parser.add_argument("--only", action="append", choices=list(CELLS), metavar="NAME", help=", ".join(CELLS))
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--optml", metavar="PATH", help="the binary; built when not given")
    parser.add_argument(
        "--cache",
        metavar="DIR",
        default=os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "optml-bench"),
        help="where the toolkit is installed",
    )
    parser.add_argument(
        "--work",
        metavar="DIR",
        default="/dev/shm" if os.path.isdir("/dev/shm") else None,
        help="where the job trees are made: in memory by default, so that the disk is not measured (needs 1 GB)",
    )
    args = parser.parse_args()
    if args.rounds < 3:
        parser.error("--rounds must be at least 3")
    return args


def main():
    args = parse_args()
    optml = os.path.abspath(args.optml) if args.optml else build_optml()
    toolkit_bin = reference.prepare(os.path.abspath(args.cache))
    rows = []
    with tempfile.TemporaryDirectory(prefix="optml-bench-", dir=args.work) as work:
        bench = Bench(optml, toolkit_bin, work, args.rounds)
        for name in args.only or CELLS:
            print("running {}".format(name), file=sys.stderr, flush=True)
            rows += CELLS[name](bench)
    print_table(rows)
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
