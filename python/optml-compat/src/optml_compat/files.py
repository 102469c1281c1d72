"""Files of a job: what says how it ended, and files as they come."""

import contextlib
import os
import shutil
import tempfile


def write_success(output_dir):
    """Says that the job has succeeded."""
    os.makedirs(output_dir, exist_ok=True)
    write_file(os.path.join(output_dir, "success"), "")


def write_failure(output_dir, message, logger):
    """Says why the job has failed, unless something says so already."""
    os.makedirs(output_dir, exist_ok=True)
    path = os.path.join(output_dir, "failure")
    if os.path.exists(path):
        logger.info("%s is there already, and is kept", path)
        return
    with open(path, "w", encoding="utf-8", errors="replace") as file:
        file.write(message)


@contextlib.contextmanager
def tmpdir(suffix="", prefix="tmp", directory=None):
    """A directory that is removed, with what is in it, when the block ends."""
    path = tempfile.mkdtemp(suffix=suffix, prefix=prefix, dir=directory)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def write_file(path, data, mode="w"):
    """Writes a file."""
    with open(path, mode) as file:
        file.write(data)


def read_file(path, mode="r"):
    """The content of a file."""
    with open(path, mode) as file:
        return file.read()
