"""Importing does nothing but import, on every Python that is promised, and not beside the originals."""

import ast
import os
import pkgutil
import subprocess
import sys

import pytest

import optml_compat

PACKAGES = ("optml_compat", "sagemaker_containers", "sagemaker_inference", "sagemaker_training")
SOURCES = os.path.dirname(os.path.dirname(os.path.abspath(optml_compat.__file__)))


def source_files():
    for package in PACKAGES:
        for folder, _, names in os.walk(os.path.join(SOURCES, package)):
            for name in names:
                if name.endswith(".py"):
                    yield os.path.join(folder, name)


IMPORT_ALL = """
import importlib, os, pkgutil, sys, threading
before = dict(os.environ), sorted(os.listdir(".")), sorted(os.listdir(os.path.expanduser("~")))
seen = []
sys.addaudithook(lambda event, args: seen.append((event, args)) if event in ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec", "os.mkdir", "os.putenv", "socket.connect") else None)
for name in ("sagemaker_containers", "sagemaker_inference", "sagemaker_training", "sagemaker_containers.beta.framework"):
    package = importlib.import_module(name)
    for found in pkgutil.walk_packages(package.__path__, name + "."):
        importlib.import_module(found.name)
assert before == (dict(os.environ), sorted(os.listdir(".")), sorted(os.listdir(os.path.expanduser("~"))))
assert not seen, seen
assert threading.active_count() == 1
heavy = {"numpy", "scipy", "boto3", "flask", "google.protobuf", "six", "psutil", "paramiko", "tensorflow", "torch"} & set(sys.modules)
assert not heavy, heavy
"""


def test_importing_everything_has_no_side_effect(run_python):
    run_python(IMPORT_ALL)


def test_nothing_is_made_where_no_platform_is(run_python, tmp_path):
    run_python("from sagemaker_training import environment; from sagemaker_containers.beta.framework import env")
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize("package", PACKAGES[1:])
def test_refused_beside_the_originals(package, run_python, tmp_path):
    for name in ("sagemaker-training", "sagemaker-containers", "sagemaker-inference"):
        folder = tmp_path / name
        info = folder / "{}-9.9.dist-info".format(name.replace("-", "_"))
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: {}\nVersion: 9.9\n".format(name))
        done = run_python("import " + package, {"PYTHONPATH": str(folder)}, check=False)
        said = done.stderr.decode()
        assert done.returncode == 1 and "ImportError" in said, said
        assert "optml-compat" in said and name + " 9.9" in said and "pip uninstall " + name in said


def test_the_syntax_is_that_of_python_3_9():
    for path in source_files():
        with open(path, encoding="utf-8") as file:
            ast.parse(file.read(), path, feature_version=(3, 9))


def test_no_name_is_newer_than_python_3_9():
    program = os.path.join(os.path.dirname(sys.executable), "vermin")
    words = [program, "--quiet", "--target=3.9-", "--violations", "--no-tips", *source_files()]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout.decode()


def test_every_module_is_documented():
    for path in source_files():
        with open(path, encoding="utf-8") as file:
            tree = ast.parse(file.read())
        assert ast.get_docstring(tree), path
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                if node in tree.body and "optml_compat" not in path:
                    assert ast.get_docstring(node), (path, node.name)


def test_the_packages_are_found_by_name():
    found = {each.name for each in pkgutil.iter_modules([SOURCES])}
    assert set(PACKAGES) <= found
