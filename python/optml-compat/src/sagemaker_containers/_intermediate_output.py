"""Uploading what a job writes while it runs. `optml train` does it."""

import os

from optml_compat import uploads
from sagemaker_containers import _env, _logging

logger = _logging.get_logger()

intermediate_path = _env.output_intermediate_dir
failure_file_path = os.path.join(_env.output_dir, "failure")
success_file_path = os.path.join(_env.output_dir, "success")
tmp_dir_path = os.path.join(intermediate_path, ".tmp.sagemaker_s3_sync")


def start_sync(s3_output_location, region, endpoint_url=None):
    """None where there is nothing to do: no address, a directory that somebody looks after already, an address of this machine.

    There is no uploader in Python: for an address in S3 this raises, and says what uploads.
    """
    return uploads.start(s3_output_location, intermediate_path)
