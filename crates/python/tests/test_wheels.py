"""The wheel and the source distribution, each installed into a clean environment with nothing beside it.

`OPTML_TEST_WHEEL` names the wheel. A source distribution is made of this repository; the wheel that is built from it takes the program
that `OPTML_WHEEL_BINARY` names, if any, so that what is built here is what `MATURIN_PEP517_ARGS` says.
"""

import glob
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest
from conftest import ROOT

WHEEL = os.environ.get("OPTML_TEST_WHEEL")
if WHEEL is None:
    raise pytest.UsageError("OPTML_TEST_WHEEL names no wheel: python/test.sh makes one")

LIMIT_BYTES = 25_000_000

# What a machine without a container, and without any other package, can be asked.
TRIAL = """
import os, subprocess, sys
import optml
env = optml.TrainingEnv({"current_host": "a", "hosts": ["a", "b"]}, {"train": {}}, {"lr": 0.1})
assert env.to_cmd_args() == ["--lr", "0.1"] and len(env) == 37 and env.to_env_vars()["SM_HP_LR"] == "0.1"
assert len(optml.ServingEnv()) == 15
assert optml.codec.decode("[[1, 2]]", "application/json") == [[1, 2]]
try:
    optml.TrainingEnv({})
except optml.ConfigError as error:
    assert "`resource_config`" in str(error)
program = optml.binary()
assert program.startswith(sys.prefix), program
for name in ("optml", "train", "serve"):
    words = [os.path.join(os.path.dirname(program), name), "--help"]
    assert subprocess.run(words, stdout=subprocess.DEVNULL, timeout=60).returncode == 0, name
print(optml.__version__)
"""


def pythons():
    """Interpreters from 3.9 on that are at hand, one of each version; those of free threads load no stable module."""
    places = [os.path.join(folder, "python3.*") for folder in os.environ["PATH"].split(os.pathsep)]
    places.append(os.path.join(os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv"), "versions", "*", "bin", "python3.*"))
    found = {}
    for path in sorted(path for place in places for path in glob.glob(place)):
        version = re.search(r"python3\.(\d+)$", path)
        if version and int(version.group(1)) >= 9 and works(path):
            found.setdefault(int(version.group(1)), path)
    return [found[minor] for minor in sorted(found)]


def works(python):
    done = subprocess.run([python, "-c", "import venv, sys; sys.exit(0)"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    return done.returncode == 0


def environment(folder, python=sys.executable):
    """A clean environment, and its interpreter. It has no installer of its own: ours works on it."""
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
    return str(folder / "bin" / "python")


def install(python, *what, **more):
    words = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir"]
    subprocess.run(words + [str(word) for word in what], check=True, timeout=1500, **more)


def try_out(python, folder):
    done = subprocess.run([python, "-c", TRIAL], cwd=folder, stdout=subprocess.PIPE, text=True, timeout=120)
    assert done.returncode == 0
    return done.stdout.strip()


@pytest.mark.parametrize("python", pythons() if WHEEL else [], ids=os.path.basename)
def test_the_wheel_is_all_that_is_needed(python, tmp_path):
    venv = environment(tmp_path / "venv", python)
    before = size(tmp_path)
    install(venv, "--no-index", WHEEL)
    try_out(venv, tmp_path)
    # Quick builds are larger.
    if "manylinux" in WHEEL:
        assert size(tmp_path) - before + os.path.getsize(WHEEL) <= LIMIT_BYTES


def size(folder):
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def test_the_wheel_holds_what_it_should():
    assert re.search(r"-cp39-abi3-(manylinux|linux)[\w.]*\.whl$", WHEEL), WHEEL
    with zipfile.ZipFile(WHEEL) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
    version = re.search(r"^Version: (.*)$", metadata, re.MULTILINE).group(1)
    assert "optml-%s.data/scripts/optml" % version in names
    assert "optml/_native.abi3.so" in names and "optml/_native.pyi" in names and "optml/py.typed" in names
    assert "Requires-Dist" not in metadata and "Requires-Python: >=3.9" in metadata
    assert not [name for name in names if not name.startswith(("optml/", "optml-%s." % version))]
    # Nothing of the machine that built it.
    assert not [name for name in names if "sbom" in name]


@pytest.fixture(scope="module")
def source_distribution(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    code = "import sys; sys.path.insert(0, 'python/build'); import backend; print(backend.build_sdist(sys.argv[1]))"
    # maturin's module looks for its program on `PATH`.
    path = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        cwd=ROOT, env=dict(os.environ, PATH=path), stdout=subprocess.PIPE, check=True, text=True, timeout=300,
    )
    return folder / done.stdout.split()[-1]


def test_the_source_distribution_holds_the_workspace(source_distribution):
    with tarfile.open(source_distribution) as archive:
        names = archive.getnames()
        members = archive.getmembers()
    root = names[0].split("/")[0]
    assert {name.split("/")[0] for name in names} == {root} and re.match(r"optml-\d", root)
    within = {name.split("/", 1)[1] for name in names}
    assert {"PKG-INFO", "pyproject.toml", "Cargo.toml", "Cargo.lock", "LICENSE", "crates/cli/src/main.rs"} <= within
    assert not [name for name in within if name.startswith(("optml.data", "target", ".git/")) or name.endswith((".so", ".pyc"))]
    tracked = subprocess.run(["git", "ls-files", "crates"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if tracked.returncode == 0:
        assert set(tracked.stdout.split()) <= within
    assert {(member.uname, member.uid, member.mtime) for member in members} == {("", 0, 0)}


def test_the_source_distribution_builds_in_a_clean_environment(source_distribution, tmp_path):
    with tarfile.open(source_distribution) as archive:
        archive.extractall(tmp_path)
    folder = tmp_path / source_distribution.name[: -len(".tar.gz")]
    venv = environment(tmp_path / "venv")
    install(venv, folder)
    assert try_out(venv, tmp_path)
    shutil.rmtree(folder)
    assert pathlib.Path(venv).exists() and try_out(venv, tmp_path)
