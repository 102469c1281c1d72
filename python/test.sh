#!/usr/bin/env bash
# Tests the Python packages in an environment of their own: python/test.sh [WHEEL]. Without a wheel, one is made of quick builds.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
venv=$target/test-package
if ! "$venv/bin/python" -c 'import google.protobuf, hatchling, hypothesis, maturin, mypy, numpy, pytest, scipy, setuptools, vermin, wheel' 2>/dev/null; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check hatchling hypothesis maturin mypy numpy protobuf pytest scipy setuptools vermin wheel
fi
PATH=$venv/bin:$PATH
# What is built of a source distribution elsewhere finds the dependencies built.
CARGO_TARGET_DIR=$target
export PATH CARGO_TARGET_DIR

wheel=${1:-}
if [ -z "$wheel" ]; then
    # The program of the other tests, without what only a debugger wants: it would be most of the wheel.
    program=${OPTML_TEST_BIN:-$target/debug/optml}
    [ -x "$program" ] || cargo build --locked -p optml
    rm -rf "$target/test-wheel"
    mkdir -p "$target/test-wheel"
    strip -o "$target/test-wheel/optml" "$program"
    export OPTML_WHEEL_BINARY=$target/test-wheel/optml
    export MATURIN_PEP517_ARGS="--profile dev"
    pip wheel --no-cache-dir --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir "$target/test-wheel" .
    wheel=$(echo "$target"/test-wheel/optml-*.whl)
fi
pip install --quiet --disable-pip-version-check --force-reinstall --no-deps "$wheel"

OPTML_TEST_WHEEL=$(realpath "$wheel")
export OPTML_TEST_WHEEL
python -m pytest --quiet crates/python/tests

# The names of the reference on top of it. Published packages that import them come from PyPI.
rm -rf "$target/test-wheel-compat"
pip wheel --no-cache-dir --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir "$target/test-wheel-compat" python/optml-compat
OPTML_TEST_COMPAT_WHEEL=$(realpath "$target"/test-wheel-compat/optml_compat-*.whl)
export OPTML_TEST_COMPAT_WHEEL
pip install --quiet --disable-pip-version-check --force-reinstall --no-deps "$OPTML_TEST_COMPAT_WHEEL"
python -m pytest --quiet python/optml-compat/tests
