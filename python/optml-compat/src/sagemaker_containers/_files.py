"""Files of a job."""

import contextlib
import json
import os
import shutil
import tempfile

from optml_compat import sources
from sagemaker_containers import _env, _logging

logger = _logging.get_logger()


def write_success_file():
    """Says that the job has succeeded."""
    os.makedirs(_env.output_dir, exist_ok=True)
    write_file(os.path.join(_env.output_dir, "success"), "")


def write_failure_file(failure_msg):
    """Says why the job has failed, unless something says so already. The platform shows the first 1,024 characters."""
    os.makedirs(_env.output_dir, exist_ok=True)
    path = os.path.join(_env.output_dir, "failure")
    if os.path.exists(path):
        logger.info("%s is there already, and is kept", path)
        return
    with open(path, "w", encoding="utf-8", errors="replace") as file:
        file.write(failure_msg)


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


def read_json(path):
    """The content of a JSON file."""
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def download_and_extract(uri, path):
    """Fills the directory `path` with code from a folder, a tar archive or a file, by path or at `s3://`.

    A directory that isn't empty is left as it is. An archive that would write outside it is refused whole.
    """
    sources.download_and_extract(uri, path, logger, s3_download)


def s3_download(url, dst):
    """Downloads an object of S3 to a file. Needs boto3."""
    sources.s3_download(url, dst)
