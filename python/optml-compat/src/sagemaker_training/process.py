"""Running the user's script as a process of its own.

What it prints is passed on byte for byte, each stream on its own descriptor, and the end of it explains a failure. A stop
signal that comes while it runs is passed on to it.
"""

import asyncio
import inspect
import os
import subprocess

from optml_compat import launchers, layout, processes, scripts, tracebacks
from sagemaker_training import SM_TRAINING_COMPILER_PATHS, environment, errors, logging_config

logger = logging_config.get_logger()

DEFAULT_ERROR_CLASS = errors.ExecuteUserScriptError


def validate_entry_point(user_entry_point):
    """The name of an entry point, when it is a relative path inside the code directory; else raises ClientError."""
    return scripts.validated(user_entry_point, errors.ClientError)


def get_debugger_exception_classes():
    """The names of the exceptions of smdebug, where it is installed and `USE_SMDEBUG` is not 0."""
    if os.environ.get("USE_SMDEBUG") == "0":
        return [DEFAULT_ERROR_CLASS]
    try:
        from smdebug import exceptions
    except ImportError:
        return [DEFAULT_ERROR_CLASS]
    return _class_names(exceptions) or [DEFAULT_ERROR_CLASS]


def get_tensorflow_exception_classes():
    """The names of the exceptions of TensorFlow, where it is installed. Importing it takes seconds."""
    try:
        from tensorflow.python.framework import errors_impl
    except ImportError:
        return [DEFAULT_ERROR_CLASS]
    return _class_names(errors_impl) + ["XlaRuntimeError"]


def _class_names(module):
    return [name for name in dir(module) if inspect.isclass(getattr(module, name))]


def process_error_classes(error_classes):
    """The names of one or several classes; a name stands for itself."""
    if not error_classes:
        return []
    if not isinstance(error_classes, list):
        error_classes = [error_classes]
    return [error.__name__ if inspect.isclass(error) else error for error in error_classes]


async def watch(stream, proc_per_host, error_classes=None):
    """Prints what comes from a stream, and returns what explains a failure in it: the last exception, else nothing."""
    tail = processes.Tail()
    marks = processes.Marks(proc_per_host)
    write = processes.output_of("stdout")
    while stream is not None:
        data = await stream.read(processes.CHUNK_BYTES)
        if not data:
            write(marks.end())
            break
        tail.add(data)
        write(marks.feed(data))
    found = tracebacks.cause(tail.text())
    return found if _is_error(found, process_error_classes(error_classes)) else ""


def _is_error(text, names):
    """Whether a text of `tracebacks.cause` is about an exception."""
    name = tracebacks.exception_name(text)
    return name is not None and (name in names or name.endswith(("Error", "Exception", "Interrupt", "Exit")))


async def run_async(cmd, processes_per_host, env, cwd, stderr, error_classes=None, **kwargs):
    """Runs a command. Returns its exit code, what explains a failure on each stream, and the process."""
    process = await asyncio.create_subprocess_exec(*cmd, env=env, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=stderr, **kwargs)
    output = await asyncio.gather(
        watch(process.stdout, processes_per_host, error_classes), watch(process.stderr, processes_per_host, error_classes)
    )
    return await process.wait(), output, process


def _start(cmd, **kwargs):
    """Starts a command, not waited for."""
    try:
        return subprocess.Popen(cmd, **kwargs)
    except Exception as error:
        raise DEFAULT_ERROR_CLASS(error).with_traceback(error.__traceback__) from error


def create(cmd, error_classes, processes_per_host, cwd=None, env=None, capture_error=False, **kwargs):
    """Runs a command to its end. Returns its exit code, the end of what it said on stdout and stderr, and the process.

    Without `capture_error` only stderr is looked at; stdout is inherited. Raises ExecuteUserScriptError when it can't be started.
    """
    keep = ("stdout", "stderr") if capture_error else ("stderr",)
    try:
        process, tails = processes.run(cmd, cwd or environment.code_dir, env or os.environ, keep, processes_per_host, **kwargs)
    except Exception as error:
        raise DEFAULT_ERROR_CLASS(error).with_traceback(error.__traceback__) from error
    return process.returncode, [tails.get("stdout", ""), tails.get("stderr", "")], process


def check_error(cmd, error_classes, processes_per_host, cwd=None, capture_error=True, **kwargs):
    """Runs a command to its end, and raises when that is a failure.

    The class: the first of `error_classes` that `errors` has, such as InstallModuleError; else ExecuteUserScriptError, or a class
    of the exception's own name below it when that is one of `error_classes`.
    """
    return _checked(cmd, lambda: error_classes, processes_per_host, cwd=cwd, capture_error=capture_error, **kwargs)


def _checked(cmd, error_classes, processes_per_host, **kwargs):
    """`check_error` with classes that are made when a failure asks for them: some take seconds to import."""
    return_code, output, process = create(cmd, None, processes_per_host, **kwargs)
    if return_code:
        raise _failure(cmd, return_code, _explanation(output), process_error_classes(error_classes()))
    return process


def _explanation(output):
    """What explains a failure: stderr, unless only stdout tells of an exception."""
    stdout, stderr = (tracebacks.cause(text) for text in output)
    if stderr and (_is_error(stderr, []) or not _is_error(stdout, [])):
        return stderr
    return stdout or stderr


def _failure(cmd, return_code, text, names):
    info = None
    if processes.was_killed(return_code):
        info = "OutOfMemory: Process killed by SIGKILL (signal 9)"
    if any(path in text for path in SM_TRAINING_COMPILER_PATHS):
        info = "SMTrainingCompiler Error: Error occurred in SMTrainingCompiler."
    error_class = next((getattr(errors, name) for name in names if hasattr(errors, name)), DEFAULT_ERROR_CLASS)
    name = tracebacks.exception_name(text)
    if error_class is DEFAULT_ERROR_CLASS and name == errors.SMTrainingCompilerConfigurationError.__name__:
        return errors.SMTrainingCompilerConfigurationError(text)
    if error_class is DEFAULT_ERROR_CLASS and name in names:
        error_class = type(name, (DEFAULT_ERROR_CLASS,), {})
    words = cmd if isinstance(cmd, str) else " ".join(str(word) for word in cmd)
    return error_class(cmd=words, return_code=return_code, output=text, info=info)


def python_executable():
    """The path of the Python that runs this."""
    return layout.interpreter()


class ProcessRunner:
    """Runs the user's entry point in the code directory, with the environment of this process."""

    def __init__(self, user_entry_point, args, env_vars, processes_per_host):
        self._user_entry_point = user_entry_point
        self._args = args
        self._env_vars = env_vars
        self._processes_per_host = processes_per_host

    def _create_command(self):
        name = validate_entry_point(self._user_entry_point)
        return scripts.words(environment.code_dir, name, self._args, self._python_command())

    def _python_command(self):
        return [python_executable()]

    def _setup(self):
        pass

    def _tear_down(self):
        pass

    def _error_classes(self):
        return get_debugger_exception_classes() + get_tensorflow_exception_classes()

    def _ranked_hosts(self):
        """The hosts by rank, where several write to one output; None: they are called `algo-1` and so on."""
        return None

    def run(self, wait=True, capture_error=False):
        """Runs it to its end and returns the process; without `wait`, returns at once."""
        self._setup()
        cmd = self._create_command()
        logging_config.log_script_invocation(cmd, self._env_vars)
        if not wait:
            return _start(cmd, cwd=environment.code_dir, env=os.environ)
        try:
            return _checked(
                cmd,
                self._error_classes,
                self._processes_per_host,
                cwd=environment.code_dir,
                capture_error=capture_error,
                hosts=self._ranked_hosts(),
            )
        finally:
            self._tear_down()


class _RankRunner(ProcessRunner):
    """One host of a job of several; which of them it is, `optml train` knows from the job's own files."""

    # The launcher of `optml train`.
    _LAUNCHER: str

    def _python_command(self):
        return super()._python_command() + launchers.rank_words()

    def _create_command(self):
        return launchers.words(self._LAUNCHER, self._processes_per_host, super()._create_command())
