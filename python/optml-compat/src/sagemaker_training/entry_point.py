"""Running the user's entry point, from its code to its end."""

import os
import sys

from optml_compat import hosts, layout, scripts
from sagemaker_training import environment, errors, files, logging_config, modules, process, runner

logger = logging_config.get_logger()


def run(
    uri,
    user_entry_point,
    args,
    env_vars=None,
    wait=True,
    capture_error=False,
    runner_type=runner.ProcessRunnerType,
    extra_opts=None,
):
    """Fetches the code at `uri`, installs what it needs, waits for the other hosts, and runs the entry point.

    `args` are its words, and `env_vars` are set in this process for it. With `capture_error` the output on stdout counts too when
    a failure is explained. `runner_type` is a RunnerType or a runner; `extra_opts` are options of MPI by hyperparameter name.
    Returns the process. Raises ClientError and those below it: ExecuteUserScriptError when the script fails.
    """
    env_vars = dict(env_vars or {})
    files.download_and_extract(uri, environment.code_dir)
    install(user_entry_point, environment.code_dir, capture_error)
    env = environment.Environment()
    environment.write_env_vars({**env._process_env, **layout.with_names_for_shells(env_vars)})
    hosts.wait(env.hosts)
    return runner.get(runner_type, user_entry_point, args, env_vars, extra_opts).run(wait, capture_error)


def install(name, path=environment.code_dir, capture_error=False):
    """Installs the entry point `name` in the directory `path`: its package, or its requirements; a program is made executable."""
    if path not in sys.path:
        sys.path.insert(0, path)
    process.validate_entry_point(name)
    kind = scripts.kind(path, name)
    if kind == scripts.PACKAGE:
        modules.install(path, capture_error)
    elif modules.has_requirements(path):
        modules.install_requirements(path, capture_error)
    if kind == scripts.COMMAND:
        scripts.make_executable(_entry_point_path(path, name))


def _entry_point_path(path, name):
    file = scripts.inside(path, name)
    if file is None:
        raise errors.ClientError(
            "entry point `{}` leads out of {}\nhint: set the hyperparameter sagemaker_program to a file in that directory, such as "
            "`train.py` or `bin/train.sh`".format(name, path)
        )
    if not os.path.exists(file):
        raise errors.ClientError("there is no entry point `{}` in {}".format(name, path))
    return file
