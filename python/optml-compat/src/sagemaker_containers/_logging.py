"""The log of a job."""

import logging

from optml_compat import banner


def get_logger():
    """The logger of this library."""
    return logging.getLogger("sagemaker-containers")


def configure_logger(level, log_format="%(asctime)s %(name)-12s %(levelname)-8s %(message)s"):
    """Sends the log to stderr, from `level` on: a number, or a name such as `INFO`. Clients of AWS say little."""
    if isinstance(level, str):
        level = level.upper()
    logging.basicConfig(format=log_format, level=level)
    if logging.getLogger().getEffectiveLevel() >= logging.INFO:
        logging.getLogger("boto3").setLevel(logging.INFO)
        logging.getLogger("s3transfer").setLevel(logging.INFO)
        logging.getLogger("botocore").setLevel(logging.WARNING)


def log_script_invocation(cmd, env_vars, logger=None):
    """Logs the command, its variables and the environment of the job. Values that are secret by name are not shown."""
    from sagemaker_containers import _env

    (logger or get_logger()).info(banner.text(cmd, env_vars, dict(_env.TrainingEnv())))
