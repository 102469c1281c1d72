"""Both wheels in clean environments, on every Python from 3.9 on that is at hand, and the source distribution.

`OPTML_TEST_WHEEL` and `OPTML_TEST_COMPAT_WHEEL` name the wheels. Nothing is downloaded.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

WHEELS = [os.environ.get(name) for name in ("OPTML_TEST_WHEEL", "OPTML_TEST_COMPAT_WHEEL")]
PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

if None in WHEELS:
    raise pytest.UsageError("OPTML_TEST_WHEEL and OPTML_TEST_COMPAT_WHEEL name no wheels: python/test.sh makes them")

TRIAL = """
import importlib, pkgutil, sys
for name in ("sagemaker_containers", "sagemaker_inference", "sagemaker_training"):
    package = importlib.import_module(name)
    assert package.__file__.startswith(sys.prefix), package.__file__
    for found in pkgutil.walk_packages(package.__path__, name + "."):
        importlib.import_module(found.name)
from sagemaker_containers.beta import framework
from sagemaker_inference import encoder
from sagemaker_training import environment, functions, mapping, runner
env = environment.Environment({"current_host": "a", "hosts": ["a", "b"]}, {"train": {}}, {"lr": 0.1})
assert env.to_cmd_args() == ["--lr", "0.1"] and env.to_env_vars()["SM_HP_LR"] == "0.1" and env.is_master
assert framework.training_env({"current_host": "b", "hosts": ["a", "b"]}, {}, {}).is_master is False
assert functions.matching_args(lambda lr: None, {"lr": 1, "x": 2}) == {"lr": 1}
assert encoder.encode([1, 2], "application/json") == "[1, 2]"
print(sys.version_info[:2])
"""


def pythons():
    """Interpreters from 3.9 on, one of each version."""
    places = [os.path.join(folder, "python3.*") for folder in os.environ["PATH"].split(os.pathsep)]
    places.append(os.path.join(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"), "versions", "*", "bin", "python3.*"))
    found = {}
    for path in sorted(path for place in places for path in glob.glob(place)):
        version = re.search(r"python3\.(\d+)$", path)
        if version and int(version.group(1)) >= 9:
            done = subprocess.run([path, "-c", "import venv"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if done.returncode == 0:
                found.setdefault(int(version.group(1)), path)
    return [found[minor] for minor in sorted(found)]


def fresh(folder, python):
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    return str(folder / "bin" / "python")


def install(python, *words):
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    return subprocess.run([*pip, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)


@pytest.mark.parametrize("python", pythons() if None not in WHEELS else [], ids=os.path.basename)
def test_both_wheels_are_all_that_is_needed(python, tmp_path):
    venv = fresh(tmp_path / "venv", python)
    # By name: what the wheel says that it needs is `optml` and nothing else.
    links = [word for wheel in WHEELS for word in ("--find-links", os.path.dirname(wheel))]
    done = install(venv, *links, "optml-compat")
    assert done.returncode == 0, done.stdout.decode()
    subprocess.run([venv, "-c", TRIAL], cwd=str(tmp_path), check=True, timeout=120)


def test_the_wheel_is_pure_and_whole():
    assert WHEELS[1].endswith("-py3-none-any.whl")
    with zipfile.ZipFile(WHEELS[1]) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
    assert re.findall(r"^Requires-Dist: (.*)$", metadata, re.MULTILINE) == ["optml"]
    assert "Requires-Python: >=3.9" in metadata
    sources = []
    for folder, _, files in os.walk(os.path.join(PROJECT, "src")):
        sources += [
            os.path.relpath(os.path.join(folder, file), os.path.join(PROJECT, "src")) for file in files if file.endswith(".py")
        ]
    assert sorted(sources) == sorted(name for name in names if ".dist-info/" not in name)


def test_the_source_distribution_builds(tmp_path):
    code = "import os, sys; from hatchling import build; os.chdir(sys.argv[1]); print(getattr(build, sys.argv[2])(sys.argv[3]))"

    def build(project, what):
        done = subprocess.run(
            [sys.executable, "-c", code, str(project), what, str(tmp_path)],
            stdout=subprocess.PIPE,
            check=True,
            timeout=120,
            text=True,
        )
        return tmp_path / done.stdout.split()[-1]

    project = tmp_path / "project"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("__pycache__"))
    sdist = build(project, "build_sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked")
    wheel = build(tmp_path / "unpacked" / sdist.name[: -len(".tar.gz")], "build_wheel")
    with zipfile.ZipFile(wheel) as ours, zipfile.ZipFile(WHEELS[1]) as tested:
        assert sorted(ours.namelist()) == sorted(tested.namelist())
