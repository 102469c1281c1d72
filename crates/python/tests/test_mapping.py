"""Any mapping as variables and words: the recorded spellings, and objects that are no JSON."""

import collections
import enum
import json

import numpy
import pytest
from conftest import CONFORMANCE

import optml

VECTORS = json.loads((CONFORMANCE / "training" / "vectors.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS["hyperparameter_keys"], ids=lambda vector: repr(vector["key"]))
def test_keys(vector):
    assert optml.to_cmd_args({vector["key"]: "v"}) == vector["argv"]
    name = vector["env"].replace("SM_HP_", "SM_", 1) if vector["key"] else ""
    assert optml.to_env_vars({vector["key"]: "v"}) == {name: "v"}


@pytest.mark.parametrize("vector", VECTORS["key_order"])
def test_words_are_in_the_order_of_code_points(vector):
    assert optml.to_cmd_args({key: "v" for key in vector["keys"]})[::2] == vector["argv_names"]


@pytest.mark.parametrize(
    "mapping, words",
    [
        ({}, []),
        ({"": ""}, ["", ""]),
        ({"U": "1", "b": b"2", "T": "", "": "42"}, ["", "42", "-T", "", "-U", "1", "-b", "2"]),
        ({"unicode": "¡ø", "bytes": b"2", "floats": 4.0, "int": 2}, "--bytes 2 --floats 4.0 --int 2 --unicode ¡ø".split()),
        ({"nested": ["1", ["2", "3", [["6"]]]]}, ["--nested", "['1', ['2', '3', [['6']]]]"]),
        (
            {"map": {"a": [1, 3, 4]}, "channel_dirs": {"train": "foo", "eval": "bar"}},
            ["--channel_dirs", "eval=bar,train=foo", "--map", "a=[1, 3, 4]"],
        ),
        ({"truthy": True, "falsy": False}, ["--falsy", "False", "--truthy", "True"]),
        ({"none": None, "latin": b"\xe9"}, ["--latin", "é", "--none", ""]),
    ],
)
def test_words(mapping, words):
    assert optml.to_cmd_args(mapping) == words


def test_what_is_no_json_is_spelt_by_python():
    class Color(enum.IntEnum):
        RED = 1

    values = {
        "tuple": (1, "a"),
        "float": numpy.float64(0.5),
        "enum": Color.RED,
        "inside": [numpy.float32(0.5)],
        "set": {1},
        "ordered": collections.OrderedDict(b=1, a=(2,)),
        "numbers": {1: numpy.int64(2)},
    }
    words = dict(zip(*[iter(optml.to_cmd_args(values))] * 2))
    for name in ("tuple", "float", "enum", "inside", "set"):
        assert words["--" + name] == str(values[name])
    assert words["--ordered"] == "a=(2,),b=1"
    assert words["--numbers"] == "1=2"
    assert optml.to_env_vars({"tuple": (1, "a"), "enum": Color.RED, "keys": {1: 2}}) == {
        "SM_TUPLE": '[1,"a"]',
        "SM_ENUM": "1",
        "SM_KEYS": '{"1":2}',
    }
    with pytest.raises(TypeError):
        optml.to_env_vars({"set": {1}})


def test_variables():
    values = {"none": None, "bytes": b"\xe9", "text": "a b", "list": ["é", 1e-5, float("inf")], "flag": True, "ß": 1, "n": -0.0}
    assert optml.to_env_vars(values) == {
        "SM_NONE": "", "SM_BYTES": "é", "SM_TEXT": "a b", "SM_LIST": '["\\u00e9",1e-05,Infinity]', "SM_FLAG": "true", "SM_SS": "1",
        "SM_N": "-0.0",
    }
    # Of two keys with one name the later counts.
    assert optml.to_env_vars({"lr": 1, "LR": 2}) == {"SM_LR": "2"}


def test_split():
    mapping = {"a": 1, "sagemaker_b": 2, "c": 3}
    assert optml.split_by_criteria(mapping, keys=["c"], prefix="sagemaker_") == ({"sagemaker_b": 2, "c": 3}, {"a": 1})
    assert optml.split_by_criteria(mapping) == ({}, mapping)


def test_deep_values_are_refused():
    deep = []
    for _ in range(2000):
        deep = [deep]
    with pytest.raises(ValueError):
        optml.to_env_vars({"deep": deep})


def test_texts_of_failures():
    assert optml.failure.signal_text(9) == "SIGKILL (signal 9)" and optml.failure.signal_name(0) is None
    assert optml.failure.is_secret_name("API_TOKEN") and not optml.failure.is_secret_name("epochs")
    assert "hunter2" not in optml.failure.redact("password=hunter2")
    assert "hunter2" not in " ".join(optml.failure.redact_words(["--password", "hunter2"]))
    assert optml.failure.plain_text(b"\x1b[31mred\x1b[0m\rgreen") == "green"
    assert optml.failure.TEXT_LIMIT_BYTES == 1024
