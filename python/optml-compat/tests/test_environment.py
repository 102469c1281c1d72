"""The recorded environments of conformance/env, through the classes of both generations."""

import json
import math
import os

import pytest

from conftest import CONFORMANCE

import optml

with open(os.path.join(CONFORMANCE, "env", "cases.jsonl"), encoding="utf-8") as lines:
    CASES = [json.loads(line) for line in lines]

LOAD = """
import json, sys
names = json.loads(sys.argv[1])
out = {}
for side, (module, name) in names.items():
    try:
        env = getattr(__import__(module, fromlist=[name]), name)()
        out[side] = {"env_vars": env.to_env_vars(), "cmd_args": env.to_cmd_args(), "training_env": dict(env)}
    except Exception as error:
        out[side] = {"error": type(error).__name__, "text": str(error), "mro": [each.__name__ for each in type(error).__mro__]}
print(json.dumps(out))
"""
SIDES = {"training": ("sagemaker_training.environment", "Environment"), "containers": ("sagemaker_containers._env", "TrainingEnv")}


def filled(value, base, cpus):
    if isinstance(value, str):
        return value.replace("${BASE}", base).replace("${CPUS}", cpus)
    if isinstance(value, list):
        return [filled(each, base, cpus) for each in value]
    if isinstance(value, dict):
        return {filled(key, base, cpus): filled(each, base, cpus) for key, each in value.items()}
    return value


def same(left, right):
    """Equality in which NaN is NaN and 1 is not True."""
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return type(left) is type(right) and left == right


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_recorded_environments(case, tmp_path, run_python):
    base = str(tmp_path / "base")
    os.makedirs(os.path.join(base, "input", "config"))
    for name, text in case["files"].items():
        with open(os.path.join(base, "input", "config", name), "w", encoding="utf-8") as file:
            file.write(text)
    variables = {"SAGEMAKER_BASE_DIR": base}
    variables.update({name: filled(value, base, "0") for name, value in case["env"].items()})
    done = run_python(LOAD, variables, words=[json.dumps(SIDES)])
    ours = json.loads(done.stdout)
    cpus = str(optml.num_cpus())
    for side in SIDES:
        wanted, found = filled(case[side], base, cpus), ours[side]
        if "error" in found:
            # Refused, with the place of the fault: what the reference fails at, or loads and fails at later.
            assert "ValueError" in found["mro"] or "OSError" in found["mro"], found
            assert found["text"], found
            if "error" in wanted and wanted["error"] == "FileNotFoundError":
                assert found["error"] == "FileNotFoundError"
            assert "error" in wanted, (case["name"], found)
            continue
        assert "error" not in wanted, (case["name"], found)
        for kind in ("cmd_args", "training_env", "env_vars"):
            if kind == "cmd_args":
                assert same(wanted[kind], found[kind])
                continue
            assert wanted[kind].keys() == found[kind].keys(), (side, kind)
            for key in wanted[kind]:
                left, right = wanted[kind][key], found[kind][key]
                if key == "SM_TRAINING_ENV":
                    left, right = json.loads(left), json.loads(right)
                    for name in CONTESTED.get(side, ()):
                        left.pop(name), right.pop(name)
                if key in CONTESTED.get(side, ()):
                    continue
                assert same(number(left, key), right), (side, kind, key)


@pytest.mark.parametrize("module,name", SIDES.values(), ids=SIDES)
def test_a_class_derived_from_ours_may_have_properties(module, name, tree, run_python):
    code = (
        "from {module} import {name}\n"
        "class Framework({name}):\n"
        "    version = property(lambda self: 'of ' + self.current_host)\n"
        "env = Framework()\n"
        "assert env.version == env['version'] == 'of algo-1' and env.num_cpus >= 1\n"
    )
    run_python(code.format(module=module, name=name), tree.variables)


def number(value, key):
    """A count is a text in the recorded file where it stands for one of this machine."""
    return int(value) if key == "num_cpus" and isinstance(value, str) else value


# With several groups of hosts the newer generation is right about the master; both are given its answer.
CONTESTED = {"containers": ("is_master", "master_hostname")}
