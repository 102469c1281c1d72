#!/usr/bin/env bash
# Sets up what the tests need, and runs all of them. Words are handed to nextest: ./test.sh signals::
# The tests of whole containers and of many hosts make namespaces and control groups, which takes root.
set -euo pipefail
cd "$(dirname "$0")"

# Real parts that the tests run: a static shell for images made of nothing, namespaces to put them in, a compiler to link.
missing=()
[ -x /bin/busybox ] || [ -x /usr/bin/busybox ] || missing+=(busybox-static)
command -v unshare >/dev/null && command -v setpriv >/dev/null || missing+=(util-linux)
command -v cc >/dev/null || missing+=(gcc libc6-dev)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
# Hosts on one machine, and the engines that train on many: Debian's torch is for the CPU, and works with Debian's Python alone.
command -v ip >/dev/null || missing+=(iproute2)
command -v mpirun >/dev/null || missing+=(openmpi-bin)
[ -x /usr/sbin/sshd ] || missing+=(openssh-server)
/usr/bin/python3 -c 'from importlib.util import find_spec; exit(find_spec("torch") is None)' 2>/dev/null || missing+=(python3-torch)
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing: ${missing[*]}"
    if [ "$(id -u)" != 0 ]; then
        echo "error: that takes root; as root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi
command -v cargo-nextest >/dev/null || cargo install --locked cargo-nextest

# A Python of the tests' own: what they install goes nowhere else.
venv=${CARGO_TARGET_DIR:-$PWD/target}/test-python
if [ ! -x "$venv/bin/uv" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check setuptools wheel uv
fi
# What the tests of the server serve: real models and applications. A bucket, with the client that others use. And Open MPI for Python.
if ! "$venv/bin/python" -c 'import boto3, flask, moto.server, mpi4py, numpy, pytest, scipy, sklearn, starlette, xgboost' 2>/dev/null; then
    "$venv/bin/pip" install --quiet --disable-pip-version-check boto3 flask 'moto[server]' mpi4py numpy pytest scikit-learn scipy starlette vermin xgboost-cpu
fi
PATH=$venv/bin:$PATH
export PATH

# A choice of tests is one of nextest's.
if [ $# -eq 0 ]; then
    cargo test --workspace --locked --doc --quiet
    python3 -m pytest --quiet crates/serve/tests/python
fi
cargo nextest run --workspace --locked "$@"

# With the program that these have built.
if [ $# -eq 0 ]; then
    python/test.sh
fi
