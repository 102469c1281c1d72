"""Running the user's entry point, from its code to its end."""

import os
import sys

from optml_compat import hosts, layout, scripts
from sagemaker_containers import _env, _errors, _files, _modules, _process, _runner


def run(
    uri,
    user_entry_point,
    args,
    env_vars=None,
    wait=True,
    capture_error=False,
    runner=_runner.ProcessRunnerType,
    extra_opts=None,
):
    """Fetches the code at `uri`, installs what it needs, waits for the other hosts, and runs the entry point.

    `args` are its words, and `env_vars` are set in this process for it. `runner` is a RunnerType or a runner; `extra_opts` are
    options of MPI by hyperparameter name. Returns the process. Raises ClientError and those below it: ExecuteUserScriptError when
    the script fails.
    """
    env_vars = dict(env_vars or {})
    _files.download_and_extract(uri, _env.code_dir)
    install(user_entry_point, _env.code_dir, capture_error)
    env = _env.TrainingEnv()
    _env.write_env_vars({**env._process_env, **layout.with_names_for_shells(env_vars)})
    hosts.wait(env.hosts)
    return _runner.get(runner, user_entry_point, args, env_vars, extra_opts).run(wait, capture_error)


def install(name, dst, capture_error=False):
    """Installs the entry point `name` in the directory `dst`: its package, or its requirements; a program is made executable."""
    if dst not in sys.path:
        sys.path.insert(0, dst)
    _process._validated(name)
    kind = scripts.kind(dst, name)
    if kind == scripts.PACKAGE:
        _modules.install(dst, capture_error)
    elif _modules.has_requirements(dst):
        _modules.install_requirements(dst, capture_error)
    if kind == scripts.COMMAND:
        file = scripts.inside(dst, name)
        if file is None:
            raise _errors.ClientError("entry point `{}` leads out of {}".format(name, dst))
        if not os.path.exists(file):
            raise _errors.ClientError("there is no entry point `{}` in {}".format(name, dst))
        scripts.make_executable(file)
