"""The log of a job."""

import logging

from optml_compat import banner


def get_logger():
    """The logger of this library."""
    return logging.getLogger("sagemaker-training-toolkit")


def configure_logger(level, log_format="%(asctime)s %(name)-12s %(levelname)-8s %(message)s"):
    """Sends the log to stderr, from `level` on: a number, or a name such as `INFO`. Clients of AWS say no more than that."""
    if isinstance(level, str):
        level = level.upper()
    logging.basicConfig(format=log_format, level=level)
    if logging.getLogger().getEffectiveLevel() >= logging.INFO:
        for name in ("boto3", "s3transfer", "botocore"):
            logging.getLogger(name).setLevel(level)


def log_script_invocation(cmd, env_vars, logger=None):
    """Logs the command, its variables and the environment of the job. Values that are secret by name are not shown."""
    from sagemaker_training import environment

    (logger or get_logger()).info(banner.text(cmd, env_vars, dict(environment.Environment())))
