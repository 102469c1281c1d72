"""Runs the reference as the PyTorch and TensorFlow images do: the script's output is captured for the error report."""

import sys

from sagemaker_training import entry_point, environment, errors, logging_config

env = environment.Environment()
logging_config.configure_logger(env.log_level)
try:
    entry_point.run(
        uri=env.module_dir,
        user_entry_point=env.user_entry_point,
        args=env.to_cmd_args(),
        env_vars=env.to_env_vars(),
        capture_error=True,
    )
except errors.ClientError as error:
    print(error, file=sys.stderr)
    sys.exit(1)
