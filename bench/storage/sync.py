"""Output that the script leaves behind: how long after its end the last of it is in the bucket."""

import json
import statistics
from dataclasses import dataclass

from . import bucket, payloads, table
from .runs import JOB_NAME, OPTML, TOOLKIT, UNSIGNED

N_FILES, N_FOLDERS, FILE_BYTES = 5_000, 50, 1_000
LARGE_MEGABYTES = 500
PREFIX = "models"


@dataclass
class Synced:
    """Seconds from the script's end to the last upload, and of the whole job; what arrived."""

    after_end: float
    job_seconds: float
    uploaded: bucket.Uploaded


def small_files(contestants):
    script = payloads.SMALL_FILES.format(file_bytes=FILE_BYTES, n_folders=N_FOLDERS, n_files=N_FILES)
    return compare(contestants, "{:,} files of 1 KB".format(N_FILES), script, N_FILES, N_FILES * FILE_BYTES, 10)


def large_file(contestants):
    script = payloads.LARGE_FILE.format(megabytes=LARGE_MEGABYTES)
    return compare(contestants, "a file of {} MB".format(LARGE_MEGABYTES), script, 1, LARGE_MEGABYTES * 1_000_000, 3)


def compare(contestants, what, script, n_files, n_bytes, times):
    """`times`: how many times faster than the reference optml must be."""
    names = [TOOLKIT, UNSIGNED, OPTML]
    runs = {name: [] for name in names}
    hyperparameters = {"sagemaker_s3_output": json.dumps(bucket.uri(PREFIX))}
    with bucket.Stub(contestants.programs.stub, {}) as stub:
        for _ in range(contestants.rounds):
            for name in names:
                runs[name].append(once(contestants, stub, name, script, hyperparameters))
        peaks_mib = {name: contestants.peak_mib(stub, name, script, hyperparameters) for name in names}
    seconds = {name: statistics.median(run.after_end for run in runs[name]) for name in names}
    return [
        table.Row(
            "upload {}: from the script's end (whole job)".format(what),
            {name: figure(seconds[name], runs[name], n_files, n_bytes) for name in names},
            "toolkit / {:.1f}; not signed / {:.1f}".format(seconds[TOOLKIT] / seconds[OPTML], seconds[UNSIGNED] / seconds[OPTML]),
            "both / {}, and all there".format(times),
            # optml signs no bodies that stay on the machine, so the toolkit without that work is its peer too.
            all(seconds[OPTML] * times <= seconds[peer] for peer in [TOOLKIT, UNSIGNED])
            and not faults(runs[OPTML], n_files, n_bytes),
        ),
        table.memory_row("peak memory, upload {}".format(what), peaks_mib),
    ]


def once(contestants, stub, name, script, hyperparameters):
    stub.reset()
    run = contestants.job(stub, name, script, hyperparameters)
    uploaded = stub.uploaded()
    if uploaded.last_seconds is None:
        raise RuntimeError("{} uploaded nothing".format(name))
    return Synced(uploaded.last_seconds - run.end, run.seconds, uploaded)


def figure(seconds, runs, n_files, n_bytes):
    job_seconds = statistics.median(run.job_seconds for run in runs)
    text = "{} ({})".format(table.as_seconds(seconds), table.as_seconds(job_seconds))
    return "; ".join([text, *sorted(faults(runs, n_files, n_bytes))])


def faults(runs, n_files, n_bytes):
    """What is wrong in any of the rounds: the peer may miss files, optml may not."""
    found = set()
    start = "{}/{}/{}/output/intermediate/".format(bucket.NAME, PREFIX, JOB_NAME)
    for run in runs:
        sizes = [size for key, size in run.uploaded.objects.items() if key.startswith(start)]
        if len(sizes) != n_files:
            found.add("{:,} of {:,} files".format(len(sizes), n_files))
        if sum(sizes) != n_bytes:
            found.add("{:,} of {:,} bytes".format(sum(sizes), n_bytes))
        if run.uploaded.n_stored > len(run.uploaded.objects):
            found.add("{:,} uploads of {:,} objects".format(run.uploaded.n_stored, len(run.uploaded.objects)))
        if run.uploaded.n_open:
            found.add("{} uploads left open".format(run.uploaded.n_open))
    return found
