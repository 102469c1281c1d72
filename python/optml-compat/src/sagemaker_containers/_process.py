"""Running the user's script as a process of its own.

What it prints is passed on byte for byte, each stream on its own descriptor, and the end of it explains a failure. A stop
signal that comes while it runs is passed on to it.
"""

import os
import subprocess

from optml_compat import layout, processes, scripts, tracebacks
from sagemaker_containers import _env, _errors, _logging

logger = _logging.get_logger()


def create(cmd, error_class, cwd=None, capture_error=False, **kwargs):
    """Starts a command and returns its process, not waited for; with `capture_error` its stderr is a pipe.

    Raises `error_class` when it can't be started.
    """
    stderr = subprocess.PIPE if capture_error else None
    try:
        return subprocess.Popen(cmd, env=os.environ, cwd=cwd or _env.code_dir, stderr=stderr, **kwargs)
    except Exception as error:
        raise error_class(error).with_traceback(error.__traceback__) from error


def check_error(cmd, error_class, capture_error=False, **kwargs):
    """Runs a command to its end, and raises `error_class` when that is a failure."""
    kwargs.setdefault("env", os.environ)
    cwd = kwargs.pop("cwd", None) or _env.code_dir
    env = kwargs.pop("env")
    try:
        process, tails = processes.run(cmd, cwd, env, ("stderr",), **kwargs)
    except Exception as error:
        raise error_class(error).with_traceback(error.__traceback__) from error
    if process.returncode:
        output = tracebacks.cause(tails.get("stderr", ""))
        raise error_class(return_code=process.returncode, cmd=" ".join(cmd), output=output)
    return process


def python_executable():
    """The path of the Python that runs this."""
    return layout.interpreter()


def _validated(name):
    return scripts.validated(name, _errors.ClientError)


class ProcessRunner:
    """Runs the user's entry point in the code directory, with the environment of this process."""

    def __init__(self, user_entry_point, args, env_vars):
        self._user_entry_point = user_entry_point
        self._args = args
        self._env_vars = env_vars

    def _create_command(self):
        return scripts.words(_env.code_dir, _validated(self._user_entry_point), self._args, self._python_command())

    def _python_command(self):
        return [python_executable()]

    def _setup(self):
        pass

    def _tear_down(self):
        pass

    def run(self, wait=True, capture_error=False):
        """Runs it to its end and returns the process; without `wait`, returns at once."""
        self._setup()
        cmd = self._create_command()
        _logging.log_script_invocation(cmd, self._env_vars)
        if not wait:
            return create(cmd, _errors.ExecuteUserScriptError, cwd=_env.code_dir, capture_error=capture_error)
        try:
            return check_error(cmd, _errors.ExecuteUserScriptError, cwd=_env.code_dir, capture_error=capture_error)
        finally:
            self._tear_down()
