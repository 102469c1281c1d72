"""The log of a server."""

from __future__ import absolute_import

import logging


def configure_logger():
    """Sends the log to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s - %(name)s - %(levelname)s - %(message)s"))
    get_logger().addHandler(handler)


def get_logger():
    """The logger of this library."""
    return logging.getLogger("sagemaker-inference")
