"""Bringing the user's code into a directory."""

import os
import shutil
import tarfile
import tempfile
import urllib.parse

from optml_compat import archives


def download_and_extract(uri, path, logger, download):
    """Fills the directory `path` from a folder, an archive or a single file, by path or as `s3://`.

    A directory that isn't empty is left as it is, and the log says so: its code may be part of the image. `download` is called
    with an address and a file name.
    """
    os.makedirs(path, exist_ok=True)
    if os.path.isdir(uri) and os.path.samefile(uri, path):
        return
    if os.listdir(path):
        logger.warning("%s is not empty: its code is used, and nothing is fetched from %s", path, uri)
        return
    if uri.startswith("s3://"):
        with tempfile.TemporaryDirectory() as folder:
            archive = os.path.join(folder, "code")
            download(uri, archive)
            archives.extract_tar(archive, path)
        return
    local = uri[len("file://") :] if uri.startswith("file://") else uri
    if os.path.isdir(local):
        shutil.copytree(local, path, dirs_exist_ok=True)
    elif os.path.isfile(local) and tarfile.is_tarfile(local):
        archives.extract_tar(local, path)
    else:
        shutil.copy2(local, path)


def s3_download(url, dst):
    """Downloads one object of S3 to a file, with boto3 where that is installed."""
    parts = urllib.parse.urlparse(url)
    if parts.scheme != "s3":
        raise ValueError("Expecting 's3' scheme, got: {} in {}".format(parts.scheme, url))
    try:
        import boto3
    except ImportError as error:
        raise ImportError(
            "{} can't be fetched from Python: boto3 is not installed\nhint: `optml train` fetches code by itself (it has a client of "
            "its own), or: pip install boto3".format(url),
            name="boto3",
        ) from error
    region = os.environ.get("AWS_REGION") or os.environ.get("SAGEMAKER_REGION")
    resource = boto3.resource("s3", region_name=region, endpoint_url=os.environ.get("S3_ENDPOINT_URL"))
    resource.Bucket(parts.netloc).download_file(parts.path.lstrip("/"), dst)
