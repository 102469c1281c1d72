"""Uploading what a job writes while it runs: `optml train` does it, and this says so to those who ask for it from Python."""

import os
import urllib.parse


def start(location, directory):
    """Refuses to upload `directory` to an address in S3. For other addresses there is nothing to do; returns None."""
    if not location or os.path.exists(directory):
        return
    parts = urllib.parse.urlparse(location)
    if parts.scheme not in ("file", "s3"):
        raise ValueError("Expecting 's3' scheme, got: {} in {}".format(parts.scheme, location))
    if parts.scheme == "file":
        os.makedirs(directory)
        return
    raise RuntimeError(
        "intermediate output is uploaded by `optml train`, not from Python\nhint: start the job with `optml train` or the command "
        "`train`; the hyperparameter sagemaker_s3_output says where to"
    )
