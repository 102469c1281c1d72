"""Uploading what a job writes while it runs. `optml train` does it."""

import os
import urllib.parse

from sagemaker_training import environment, logging_config

logger = logging_config.get_logger()

intermediate_path = environment.output_intermediate_dir
failure_file_path = os.path.join(environment.output_dir, "failure")
success_file_path = os.path.join(environment.output_dir, "success")
tmp_dir_path = os.path.join(intermediate_path, ".tmp.sagemaker_s3_sync")


def start_sync(s3_output_location, region, endpoint_url=None):
    """None where there is nothing to do: no address, a directory that somebody looks after already, an address of this machine.

    There is no uploader in Python: for an address in S3 this raises, and says what uploads.
    """
    if not s3_output_location or os.path.exists(intermediate_path):
        return None
    parts = urllib.parse.urlparse(s3_output_location)
    if parts.scheme not in ("file", "s3"):
        raise ValueError("Expecting 's3' scheme, got: {} in {}".format(parts.scheme, s3_output_location))
    if parts.scheme == "file":
        os.makedirs(intermediate_path)
        return None
    raise RuntimeError(
        "intermediate output is uploaded by `optml train`, not from Python\nhint: start the job with `optml train` or the command "
        "`train`; the hyperparameter sagemaker_s3_output says where to"
    )
