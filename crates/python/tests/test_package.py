"""What importing does, what the commands do, and whether types, syntax and the context are what they say."""

import ast
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import ROOT

import optml

PACKAGE = pathlib.Path(optml.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))

IMPORTING = """
import json, os, sys
before = dict(os.environ), os.getcwd(), sorted(os.listdir()), sorted(os.listdir(os.environ["HOME"])), set(sys.modules)
threads = len(os.listdir("/proc/self/task"))
import optml
env = optml.training_env()
assert env.hosts == ["a"]
added = sorted(set(sys.modules) - before[4])
import optml.codec, optml.failure
assert optml.codec.decode
assert dict(os.environ) == before[0] and os.getcwd() == before[1]
assert sorted(os.listdir()) == before[2] and sorted(os.listdir(os.environ["HOME"])) == before[3]
assert threads == len(os.listdir("/proc/self/task"))
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    pass
else:
    raise AssertionError("there was a child")
print(json.dumps(added))
"""


def test_importing_has_no_side_effect(container, tmp_path):
    base = container(resourceconfig={"current_host": "a", "hosts": ["a"]})
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    home.mkdir()
    environment = dict(os.environ, HOME=str(home), SAGEMAKER_BASE_DIR=str(base), PYTHONDONTWRITEBYTECODE="1")
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING], cwd=work, env=environment, stdout=subprocess.PIPE, check=True, timeout=60
    )
    added = json.loads(done.stdout)
    for name in ("numpy", "json", "subprocess", "typing", "csv", "shutil", "socket", "threading", "logging"):
        assert name not in added, added
    assert not (base / "code").exists()


def test_importing_reads_no_file_of_the_container(tmp_path):
    environment = dict(os.environ, SAGEMAKER_BASE_DIR=str(tmp_path / "nothing"))
    subprocess.run([sys.executable, "-c", "import optml, optml.codec"], env=environment, check=True, timeout=60)


def test_names_can_be_found():
    for name in optml.__all__:
        assert getattr(optml, name) is not None, name
    assert set(optml.__all__) <= set(dir(optml))
    with pytest.raises(AttributeError):
        optml.nothing_of_that_name
    assert re.match(r"\d+\.\d+\.\d+", optml.__version__)


def test_everything_public_says_what_it_is():
    for name in optml.__all__:
        assert name == "__version__" or getattr(optml, name).__doc__, name
    for kind in (optml.TrainingEnv, optml.ServingEnv):
        for name in kind._names:
            assert getattr(kind, name).__doc__, name
    for module in (optml.codec.first, optml.codec.second, optml.codec.recordio, optml.failure):
        for name in module.__all__:
            assert getattr(module, name).__doc__, name


def test_the_commands_are_the_program(tmp_path):
    folder = os.path.dirname(sys.executable)
    assert optml.binary() == os.path.join(folder, "optml")
    version = subprocess.run([optml.binary(), "--version"], stdout=subprocess.PIPE, check=True, text=True, timeout=60)
    assert version.stdout.split()[-1] == optml.__version__
    # A job of its own, by the command's name and with this interpreter, wherever `PATH` leads.
    code = tmp_path / "code"
    code.mkdir()
    (code / "train.py").write_text("import sys, optml\nprint(sys.prefix, optml.training_env().hosts)\n")
    config = tmp_path / "input" / "config"
    config.mkdir(parents=True)
    (config / "hyperparameters.json").write_text('{"sagemaker_program": "train.py"}')
    (config / "resourceconfig.json").write_text('{"current_host": "localhost", "hosts": ["localhost"]}')
    (config / "inputdataconfig.json").write_text("{}")
    environment = {"SAGEMAKER_BASE_DIR": str(tmp_path), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run(
        [os.path.join(folder, "train")], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "%s ['localhost']\n" % sys.prefix
    help_of_serve = subprocess.run([os.path.join(folder, "serve"), "--help"], stdout=subprocess.PIPE, text=True, timeout=60)
    assert "--handler" in help_of_serve.stdout


def test_a_program_that_is_not_there_is_told(monkeypatch, tmp_path):
    from optml import program

    monkeypatch.setattr(program, "_folders", lambda: [str(tmp_path)])
    with pytest.raises(FileNotFoundError, match="looked at `%s/optml`" % tmp_path):
        program.binary()


def test_types_are_what_they_say(tmp_path):
    """The stub against the module, and the typed Python against itself."""
    environment = dict(os.environ, MYPY_CACHE_DIR=str(tmp_path / "cache"))
    for words in (["mypy.stubtest", "optml"], ["mypy", "--strict", "--no-warn-return-any", "--package", "optml"]):
        done = subprocess.run(
            [sys.executable, "-m"] + words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", SOURCES + [ROOT / "python" / "build" / "backend.py"], ids=lambda path: path.name)
def test_the_syntax_is_that_of_python_3_9(path):
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_the_modules_are_those_of_python_3_9():
    subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "vermin"), "--target=3.9-", "--no-tips", "--violations", "--eval-annotations"]
        + [str(path) for path in SOURCES],
        check=True, timeout=120,
    )


def test_the_context_is_the_worker_s():
    """Every member of the type is one of the class that handlers get, with the same parameters."""
    from optml import context

    source = (ROOT / "crates" / "serve" / "src" / "python" / "50_context.py").read_text(encoding="utf-8")
    worker = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
    declared = {
        node.name: node for node in ast.parse(pathlib.Path(context.__file__).read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)
    }
    for name in ("Context", "RequestProcessor", "Metrics"):
        theirs = {node.name: parameters(node) for node in worker[name].body if isinstance(node, ast.FunctionDef)}
        ours = {node.name: parameters(node) for node in declared[name].body if isinstance(node, ast.FunctionDef)}
        assert ours == {key: value for key, value in theirs.items() if not key.startswith("_") and key not in ("answer_type", "apply")}
    assigned = {
        target.attr for node in ast.walk(worker["Context"]) if isinstance(node, ast.Assign) for target in node.targets
        if isinstance(target, ast.Attribute)
    }
    fields = {node.target.id for node in declared["Context"].body if isinstance(node, ast.AnnAssign)}
    assert fields == {name for name in assigned if not name.startswith("_") and name not in ("status", "headers")}


def parameters(function):
    return [argument.arg for argument in function.args.args]
