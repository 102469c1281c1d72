"""Users' scripts, run by `entry_point.run` of both generations: real processes in a tree of their own."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

RUN = """
import json, os, sys
{imports}
env = environment()
words = json.loads(sys.argv[1])
try:
    process = entry_point.run(env.module_dir, env.user_entry_point, env.to_cmd_args(), env.to_env_vars(), **words)
    print("ENDED", process.returncode, flush=True)
except Exception as error:
    names = [each.__name__ for each in type(error).__mro__]
    print("RAISED " + json.dumps([names, str(error), getattr(error, "return_code", None)]), flush=True)
"""
GENERATIONS = {
    "training": "from sagemaker_training import entry_point\nfrom sagemaker_training.environment import Environment as environment",
    "containers": "from sagemaker_containers.beta.framework import entry_point, training_env as environment",
}


@pytest.fixture(params=sorted(GENERATIONS))
def job(request, tree, run_python):
    """Runs the entry point `name` with its text and hyperparameters; gives what the process said and what was raised."""

    def run(name, text, options=None, hyperparameters=None):
        tree.hyperparameters(**{"sagemaker_program": name, **(hyperparameters or {})})
        if text is not None:
            tree.write("code/" + name, text)
        code = RUN.format(imports=GENERATIONS[request.param])
        done = run_python(code, tree.variables, words=[json.dumps(options or {})])
        stdout, stderr = done.stdout.decode("utf-8", "surrogateescape"), done.stderr.decode("utf-8", "surrogateescape")
        raised = None
        for line in stdout.splitlines():
            if line.startswith("RAISED "):
                raised = json.loads(line[len("RAISED ") :])
        return stdout, stderr, raised

    job = run
    job.generation = request.param
    return job


PRINTS = """
import json, os, sys
print(json.dumps([sys.argv, os.getcwd(), os.environ["SM_HP_LEARNING-RATE"], os.environ["SM_CURRENT_HOST"], os.environ["CURRENT_HOST"]]))
"""


def test_a_script_gets_words_directory_and_variables(job, tree):
    stdout, _, raised = job("train.py", PRINTS, hyperparameters={"learning-rate": 0.1, "words": "it's $HOME; *"})
    assert raised is None and "ENDED 0" in stdout
    said = json.loads(stdout.splitlines()[0])
    assert said[0] == ["train.py", "--learning-rate", "0.1", "--words", "it's $HOME; *"]
    assert os.path.samefile(said[1], tree.path("code")) and said[2:] == ["0.1", "algo-1", "algo-1"]


def test_a_shell_script_gets_its_words_and_every_variable(job):
    script = '#!/bin/sh\nfor word; do echo "<$word>"; done\nenv\n'
    stdout, _, raised = job("run.sh", script, hyperparameters={"learning-rate": 0.1, "q": "it's `x` $(y)"})
    assert raised is None
    assert stdout.splitlines()[:4] == ["<--learning-rate>", "<0.1>", "<-q>", "<it's `x` $(y)>"]
    # Some shells drop the name with a dash; the other is there for them.
    assert "SM_HP_LEARNING_RATE=0.1" in stdout


def test_a_shell_script_that_does_not_say_who_runs_it(job):
    stdout, _, raised = job("run.sh", "echo plain $1\n", hyperparameters={"a": 1})
    assert raised is None and stdout.startswith("plain -a")


@pytest.mark.parametrize("capture", [False, True])
def test_a_failure_says_code_message_and_command(job, capture):
    stdout, stderr, raised = job(
        "train.py", "print('begun')\nraise ValueError('no such column: é')", {"capture_error": capture}, {"lr": 1}
    )
    names, text, code = raised
    assert names[0] == "ExecuteUserScriptError" and "ClientError" in names
    assert "begun" in stdout and "Traceback" in stderr
    if job.generation == "training":
        assert code == "1"
        assert text.startswith('ExecuteUserScriptError:\nExitCode 1\nErrorMessage "ValueError: no such column: é\n')
        assert text.endswith('Command "{} -- train.py --lr 1"'.format(sys.executable))
    else:
        assert code == 1
        assert text.startswith(
            'ExecuteUserScriptError:\nCommand "{} -- train.py --lr 1"\nValueError: no such column: é'.format(sys.executable)
        )


def test_the_exit_code_is_told(job):
    _, _, raised = job("train.py", "import sys; sys.exit(3)")
    assert str(raised[2]) == "3"


def test_a_script_that_is_killed_may_have_been_for_its_memory(job):
    _, _, raised = job("train.py", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert str(raised[2]) == "-9"
    if job.generation == "training":
        assert 'ExtraInfo "OutOfMemory: Process killed by SIGKILL (signal 9)"' in raised[1]


def test_output_is_passed_on_byte_for_byte(job):
    script = r"""
import os
os.write(1, b"    indented\n\n10%\r20%\ncaf\xc3")
os.write(1, b"\xa9 \xff\n")
os.write(2, b"  two  \n\n")
"""
    stdout, stderr, raised = job("train.py", script, {"capture_error": True})
    assert raised is None
    assert stdout.startswith("    indented\n\n10%\r20%\ncafé \udcff\n")
    assert "  two  \n\n" in stderr


@pytest.mark.parametrize(
    "given,printed",
    [
        ([b"[1,9]<stdout>:hi\n"], b"[1,mpirank:9,algo-2]<stdout>:hi\n"),
        ([b"[12,3]<stderr>:hi\n[x] [1,2]<stderr>\n"], b"[12,mpirank:3,algo-1]<stderr>:hi\n[x] [1,2]<stderr>\n"),
        ([b"[1,1", b"7]<std", b"out>:hi", b"\n"], b"[1,mpirank:17,algo-3]<stdout>:hi\n"),
        ([b"[no mark"], b"[no mark"),
        ([b"10%\r", b"20%\r[1,0]<stdout>\n"], b"10%\r20%\r[1,0]<stdout>\n"),
        ([b"a\r\nb\r\n"], b"a\r\nb\r\n"),
    ],
)
def test_marks_of_ranks_name_the_host(given, printed):
    from optml_compat.processes import Marks

    marks = Marks(8)
    assert b"".join([marks.feed(data) for data in given] + [marks.end()]) == printed


def test_the_lowest_rank_that_raised_explains_a_failure():
    from optml_compat import tracebacks

    text = (
        "[1,1]<stderr>:Traceback (most recent call last):\n[1,0]<stderr>:Traceback (most recent call last):\n"
        '[1,1]<stderr>:  File "t.py", line 1\n[1,0]<stderr>:  File "t.py", line 2\n'
        "[1,1]<stderr>:ConnectionError: peer\n[1,0]<stderr>:pkg.errors.BadInput: first\nmpirun has exited\n"
    )
    found = tracebacks.cause(text)
    assert found.startswith("pkg.errors.BadInput: first") and tracebacks.exception_name(found) == "BadInput"


def test_what_torchrun_raises_is_the_consequence_of_a_rank():
    from optml_compat import tracebacks

    rank = 'Traceback (most recent call last):\n  File "t.py", line 1\nValueError: of the rank\n'
    launcher = 'Traceback (most recent call last):\n  File "run.py", line 9\nx.ChildFailedError: \n====\n'
    assert tracebacks.cause(rank + launcher).startswith("ValueError: of the rank\n")
    marked = "".join("[default1]:" + line + "\n" for line in rank.splitlines())
    assert tracebacks.cause(marked + launcher).startswith("ValueError: of the rank\n")
    assert tracebacks.cause(launcher).startswith("x.ChildFailedError")


def test_a_stream_of_asyncio_is_watched():
    import asyncio

    from sagemaker_training import process

    code = "import sys; print('[1,0]<stdout>:on'); sys.exit('x') if len(sys.argv) > 1 else {}['gone']"

    async def run(*words):
        return await process.run_async([sys.executable, "-c", code, *words], 1, dict(os.environ), None, asyncio.subprocess.PIPE)

    return_code, output, _ = asyncio.run(run())
    assert return_code == 1 and output[0] == "" and output[1].startswith("KeyError: 'gone'")


def test_chained_exceptions_tell_the_last_one(job):
    script = "try:\n    {}['a']\nexcept KeyError:\n    raise RuntimeError('last\\nof two lines')\n"
    _, _, raised = job("train.py", script, {"capture_error": True})
    assert "RuntimeError: last\nof two lines" in raised[1] and raised[1].index("RuntimeError") < raised[1].index("line 4")


def test_a_class_of_the_scripts_own_is_told(job):
    script = "class ConfigError(Exception):\n    pass\nraise ConfigError('mine')"
    _, _, raised = job("train.py", script)
    assert "ConfigError: mine" in raised[1]


def test_a_missing_script_is_named(job):
    _, _, raised = job("gone.sh", None)
    assert raised[0][0] == "ClientError" and "gone.sh" in raised[1]
    _, _, raised = job("gone.py", None)
    assert str(raised[2]) == "2" and "gone.py" in raised[1]


@pytest.mark.parametrize("name", ["../train.py", "/bin/sh", "-c", "a b.py", "train.py\n"])
def test_a_name_that_leads_elsewhere_is_refused(job, name):
    _, _, raised = job(name, None)
    assert "ClientError" in raised[0] and "hint: " in raised[1]


def test_a_link_that_leads_elsewhere_is_refused(job, tree):
    os.symlink("/bin/true", tree.path("code/run.sh"))
    _, _, raised = job("run.sh", None)
    assert "ClientError" in raised[0] and "leads out" in raised[1]


def test_without_waiting_the_process_is_given_at_once(tree, run_python):
    tree.hyperparameters(sagemaker_program="train.py")
    tree.write("code/train.py", "import sys; sys.stdin.readline(); print('done', flush=True)")
    for imports in GENERATIONS.values():
        code = """
import os, sys
{}
reading, writing = os.pipe()
os.dup2(reading, 0)
env = environment()
process = entry_point.run(env.module_dir, env.user_entry_point, [], {{}}, wait=False)
assert process.poll() is None
os.write(writing, b"\\n")
assert process.wait(60) == 0
""".format(imports)
        assert b"done" in run_python(code, tree.variables).stdout


def test_a_signal_reaches_the_script_once(tree):
    tree.hyperparameters(sagemaker_program="train.py")
    tree.write(
        "code/train.py",
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: os.write(1, b'saved\\n'))\n"
        "signal.signal(signal.SIGUSR1, lambda *_: sys.exit(0))\n"
        "os.write(1, b'ready\\n')\n"
        "while True: time.sleep(120)\n",
    )
    code = RUN.format(imports=GENERATIONS["training"])
    process = subprocess.Popen(
        [sys.executable, "-c", code, "{}"],
        env={**os.environ, **tree.variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert process.stdout.readline() == b"ready\n"
        os.killpg(process.pid, signal.SIGTERM)
        assert process.stdout.readline() == b"saved\n"
        process.send_signal(signal.SIGUSR1)
        assert process.stdout.read() == b"ENDED 0\n"
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_process_left_behind_does_not_keep_a_failure_from_being_told(job):
    script = "import subprocess, sys\nsubprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL)\nsys.exit(4)"
    begin = time.monotonic()
    # It holds the pipe of stderr; what it may still say is not waited for.
    code, _, raised = job("train.py", script, {"capture_error": False})
    assert str(raised[2]) == "4" and time.monotonic() - begin < 50 and "ENDED" not in code


def test_a_package_and_its_requirements_are_installed(tree, run_python, tmp_path):
    """Into an environment of its own, from folders: nothing is downloaded."""
    site = tmp_path / "site"
    wheels = tmp_path / "needed"
    (wheels / "src").mkdir(parents=True)
    (wheels / "src" / "needed_thing.py").write_text("VALUE = 5\n")
    (wheels / "setup.py").write_text(
        "from setuptools import setup\nsetup(name='needed-thing', version='1', package_dir={'': 'src'}, py_modules=['needed_thing'])\n"
    )
    tree.hyperparameters(sagemaker_program="mine.py")
    tree.write("code/setup.py", "from setuptools import setup\nsetup(name='mine', version='1', py_modules=['mine'])\n")
    tree.write("code/mine.py", "import needed_thing\nprint('value', needed_thing.VALUE)\n")
    tree.write("code/requirements.txt", str(wheels) + "\n")
    variables = {
        **tree.variables,
        "PIP_TARGET": str(site),
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_NO_INDEX": "1",
        "PYTHONPATH": str(site),
    }
    code = RUN.format(imports=GENERATIONS["training"])
    done = run_python(code, variables, words=["{}"], timeout=300)
    assert b"value 5" in done.stdout and b"ENDED 0" in done.stdout, done.stdout + done.stderr


def test_an_installation_that_fails_has_a_class_of_its_own(job, tree):
    tree.write("code/requirements.txt", "./there-is-no-such-folder\n")
    _, _, raised = job("train.py", "print('never')", {"capture_error": True})
    wanted = "InstallRequirementsError" if job.generation == "training" else "InstallModuleError"
    assert raised[0][0] == wanted and "there-is-no-such-folder" in raised[1] and "pip install" in raised[1]


def test_secrets_are_not_logged(tree, run_python):
    tree.hyperparameters(sagemaker_program="train.py", api_token="hunter2hunter2", lr=1)
    tree.write("code/train.py", "")
    code = "from sagemaker_training import logging_config\nlogging_config.configure_logger('INFO')\n" + RUN.format(
        imports=GENERATIONS["training"]
    )
    done = run_python(code, tree.variables, words=["{}"])
    log = done.stderr.decode()
    assert "Invoking user script" in log and "train.py" in log and '"lr": 1' in log
    assert "hunter2" not in log
