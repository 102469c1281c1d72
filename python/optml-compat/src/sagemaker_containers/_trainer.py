"""Running a job. `optml train` does it."""

from optml_compat import binary
from sagemaker_containers import _logging

logger = _logging.get_logger()

SUCCESS_CODE = 0
DEFAULT_FAILURE_CODE = 1


def train():
    """Runs the job of this container, and does not return: this process becomes `optml train`."""
    binary.become("train")
