"""Files of a job."""

from optml_compat import files, sources
from optml_compat.files import read_file, tmpdir, write_file
from optml_compat.layout import read_json
from sagemaker_containers import _env, _logging

__all__ = [
    "download_and_extract",
    "read_file",
    "read_json",
    "s3_download",
    "tmpdir",
    "write_failure_file",
    "write_file",
    "write_success_file",
]

logger = _logging.get_logger()


def write_success_file():
    """Says that the job has succeeded."""
    files.write_success(_env.output_dir)


def write_failure_file(failure_msg):
    """Says why the job has failed, unless something says so already. The platform shows the first 1,024 characters."""
    files.write_failure(_env.output_dir, failure_msg, logger)


def download_and_extract(uri, path):
    """Fills the directory `path` with code from a folder, a tar archive or a file, by path or at `s3://`.

    A directory that isn't empty is left as it is. An archive that would write outside it is refused whole.
    """
    sources.download_and_extract(uri, path, logger, s3_download)


def s3_download(url, dst):
    """Downloads an object of S3 to a file. Needs boto3."""
    sources.s3_download(url, dst)
