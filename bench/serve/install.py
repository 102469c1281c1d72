"""Each peer in an environment of its own, installed once into the cache; all from the interpreter that runs the benchmark."""

import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ECHO = os.path.join(os.path.dirname(HERE), "echo")

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# The last versions with which sagemaker-containers 2.8.6 still starts; what it asks for itself is older still, hence `--no-deps`.
CONTAINERS = [
    ["setuptools<70", "wheel"],
    ["numpy<2", "scipy", "boto3", "six", "typing", "retrying>=1.3.3", "gevent", "gunicorn", "inotify_simple==1.2.1"]
    + ["paramiko>=2.4.2", "psutil>=5.6.7", "protobuf<3.21", "flask==1.1.1", "werkzeug==1.0.1", "jinja2<3.1"]
    + ["markupsafe<2.1", "itsdangerous<2.1"],
    ["--no-deps", "--no-build-isolation", "sagemaker-containers==2.8.6.post2"],
]
INFERENCE = [
    ["setuptools<70", "wheel"],
    ["numpy", "scipy", "boto3", "six", "psutil", "retrying>=1.3.3,<1.4"],
    ["--no-build-isolation", "multi-model-server", "sagemaker-inference==1.10.1"],
]
GRANIAN = [["granian", "numpy"]]
UVICORN = [["uvicorn[standard]", "fastapi", "numpy"]]
OPTML = [["numpy"]]

# sagemaker-containers is older than Python 3.10 and 3.11: what they took away has the same thing under another name.
RENAMED = {"_mapping.py": ("collections.Mapping", "collections.abc.Mapping"), "_functions.py": ("getargspec", "getfullargspec")}


def environment(cache, name, steps, patches=None):
    """The `bin` folder of an environment in which each step's packages are installed."""
    folder = os.path.join(cache, "serve-{}-py{}.{}".format(name, *sys.version_info[:2]))
    marker = os.path.join(folder, "complete")
    if not os.path.exists(marker):
        print("installing {} into {}".format(name, folder), file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [os.path.join(folder, "bin", "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for step in steps:
            subprocess.run(pip + step, check=True)
        for path, (old, new) in (patches or {}).items():
            rename(folder, path, old, new)
        with open(marker, "w", encoding="ascii"):
            pass
    return os.path.join(folder, "bin")


def containers(cache):
    package = os.path.join("lib", "python{}.{}".format(*sys.version_info[:2]), "site-packages", "sagemaker_containers")
    patches = {os.path.join(package, name): names for name, names in RENAMED.items()}
    return environment(cache, "containers", CONTAINERS, patches)


def inference(cache):
    return environment(cache, "inference", INFERENCE)


def granian(cache):
    return environment(cache, "granian", GRANIAN)


def uvicorn(cache):
    return environment(cache, "uvicorn", UVICORN)


def optml(cache):
    """What the user's functions run in: numpy and nothing else."""
    return environment(cache, "optml", OPTML)


def echo(cache):
    """The bare echo server, built outside the workspace; returns its path."""
    target = os.path.join(cache, "serve-echo")
    cargo = ["cargo", "build", "--quiet", "--release", "--locked", "--target-dir", target]
    subprocess.run(cargo, cwd=ECHO, check=True)
    return os.path.join(target, "release", "echo")


def missing_tools(names):
    """The Debian packages of the programs that are not there."""
    packages = {"wrk": "wrk", "nginx": "nginx-light", "java": "openjdk-17-jre-headless", "unshare": "util-linux"}
    return [packages[name] for name in names if shutil.which(name, path=SYSTEM_PATH) is None]


def rename(folder, path, old, new):
    """Replace whole words in one file of an environment."""
    path = os.path.join(folder, path)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text, n_replaced = re.subn(r"\b{}\b".format(re.escape(old)), new, text)
    if n_replaced == 0:
        raise RuntimeError("{} names no `{}`".format(path, old))
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
