"""Mappings, functions, errors, entry points: the small parts, in both generations."""

import functools
import importlib
import json
import os
import signal
import time

import pytest

from conftest import CONFORMANCE

GENERATIONS = ("sagemaker_training.{}", "sagemaker_containers._{}")

with open(os.path.join(CONFORMANCE, "training", "vectors.json"), encoding="utf-8") as file:
    VECTORS = json.load(file)


def both(name):
    return [importlib.import_module(form.format(name)) for form in GENERATIONS]


@pytest.mark.parametrize("mapping", both("mapping"), ids=GENERATIONS)
class TestMapping:
    def test_words(self, mapping):
        for given, words in (
            ({}, []),
            ({"": ""}, ["", ""]),
            ({"U": "1", "b": b"2", "T": "", "": "42"}, ["", "42", "-T", "", "-U", "1", "-b", "2"]),
            ({"unicode": "¡ø", "bytes": b"2", "floats": 4.0, "int": 2}, "--bytes 2 --floats 4.0 --int 2 --unicode ¡ø".split()),
            ({"nested": ["1", ["2", "3", [["6"]]]]}, ["--nested", "['1', ['2', '3', [['6']]]]"]),
            ({"map": {"a": [1, 3, 4]}, "d": {"train": "foo", "eval": "bar"}}, ["-d", "eval=bar,train=foo", "--map", "a=[1, 3, 4]"]),
            ({"truthy": True, "falsy": False}, ["--falsy", "False", "--truthy", "True"]),
        ):
            assert mapping.to_cmd_args(given) == words

    def test_recorded_keys(self, mapping):
        for vector in VECTORS["hyperparameter_keys"]:
            assert mapping.to_cmd_args({vector["key"]: "v"}) == vector["argv"]
            assert list(mapping.to_env_vars({"hp_" + vector["key"]: "v"})) == [vector["env"]]

    def test_variables(self, mapping):
        assert mapping.to_env_vars({"a": None, "b": b"\xe9", "c": "text", "d": {"z": 1, "a": [True, None]}, "": 1}) == {
            "SM_A": "",
            "SM_B": "é",
            "SM_C": "text",
            "SM_D": '{"a":[true,null],"z":1}',
            "": "1",
        }

    def test_dividing(self, mapping):
        result = mapping.split_by_criteria({"sm_a": 1, "b": 2, "c": 3}, keys=["b"], prefix="sm_")
        assert result == mapping.SplitResultSpec(included={"sm_a": 1, "b": 2}, excluded={"c": 3})
        assert result.included == {"sm_a": 1, "b": 2}
        assert mapping.split_by_criteria({"a": 1}) == ({}, {"a": 1})

    def test_a_mapping_over_properties(self, mapping):
        class Numbers(mapping.MappingMixin):
            two = property(lambda self: 2)
            one = property(lambda self: 1)

            def method(self):
                return 3

        numbers = Numbers()
        assert dict(numbers) == {"one": 1, "two": 2} and list(numbers) == ["one", "two"] and len(numbers) == 2
        assert str(numbers) == "{'one': 1, 'two': 2}"
        assert "one" in numbers and "method" not in numbers and "nothing" not in numbers and numbers.get("nothing", 5) == 5
        with pytest.raises(KeyError, match="Trying to access non property method"):
            numbers["method"]
        with pytest.raises(AttributeError):
            numbers["nothing"]


@pytest.mark.parametrize("functions", both("functions"), ids=GENERATIONS)
class TestFunctions:
    def test_arguments(self, functions):
        def fn(a, b=2, *c, **d):
            return a, b, c, d

        spec = functions.getargspec(fn)
        assert spec == (["a", "b"], "c", "d", (2,)) and spec.keywords == "d"

    def test_matching(self, functions):
        given = {"a": 1, "b": 2, "c": 3}
        assert functions.matching_args(lambda a, c: None, given) == {"a": 1, "c": 3}
        assert functions.matching_args(lambda a, **rest: None, given) is given

    def test_errors_are_wrapped(self, functions):
        class Wrapped(Exception):
            pass

        def fails():
            raise ValueError("inner")

        with pytest.raises(Wrapped, match="inner") as raised:
            functions.error_wrapper(fails, Wrapped)()
        assert raised.traceback[-1].name == "fails"
        assert functions.error_wrapper(functools.partial(max, 3), Wrapped)(5) == 5


@pytest.mark.parametrize("module", both("timeout"), ids=GENERATIONS)
def test_a_block_that_takes_too_long(module):
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(module.TimeoutError, match="timed out after 0.05 seconds"):
        with module.timeout(seconds=0.05):
            time.sleep(10)
    with module.timeout(hours=1):
        pass
    assert signal.getsignal(signal.SIGALRM) is before and signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_texts_of_errors():
    from sagemaker_containers import _errors
    from sagemaker_training import errors

    for vector in VECTORS["error_strings"]:
        arguments = dict(vector["args"])
        if isinstance(arguments.get("output"), str):
            # Recorded from bytes.
            arguments["output"] = arguments["output"].encode("latin-1")
        assert str(getattr(errors, vector["class"])(**arguments)) == vector["str"]
    error = _errors.ExecuteUserScriptError(cmd="python t.py", return_code=3, output=b"boom")
    assert str(error) == 'ExecuteUserScriptError:\nCommand "python t.py"\nboom' and error.return_code == 3
    assert str(_errors.InstallModuleError("pip")) == 'InstallModuleError:\nCommand "pip"'
    assert (
        str(errors.ChannelDoesNotExistError("x"))
        == str(_errors.ChannelDoesNotExistException("x"))
        == "Channel x is not a valid channel"
    )
    assert issubclass(errors.ExecuteUserScriptError, errors.ClientError)
    assert not issubclass(errors.SMTrainingCompilerConfigurationError, errors.ClientError)


def test_kinds_of_entry_points(tmp_path):
    from sagemaker_containers import _entry_point_type as older
    from sagemaker_training import _entry_point_type as newer

    for has_setup in (False, True):
        folder = tmp_path / str(has_setup)
        folder.mkdir()
        if has_setup:
            (folder / "setup.py").write_text("")
        for vector in VECTORS["entry_point_types"]:
            if vector["setup_py"] == has_setup:
                for module in (newer, older):
                    assert module.get(str(folder), vector["name"]) is getattr(module, vector["type"])


def test_names_of_entry_points():
    from sagemaker_training import errors, process

    # Written by people, and harmless; and a name that no file has.
    mended = {"./train.py": True, "train.py\n": False}
    for vector in VECTORS["entry_point_names"]:
        if mended.get(vector["name"], vector["ok"]):
            assert process.validate_entry_point(vector["name"]) == vector["name"]
        else:
            with pytest.raises(errors.ClientError, match="entry point"):
                process.validate_entry_point(vector["name"])


def test_safe_ports():
    from sagemaker_containers import _server

    assert _server.next_safe_port("1000-1002") == "1000"
    assert _server.next_safe_port("1000-1002", "1000") == "1001"
    for after in ("1002", "998"):
        with pytest.raises(ValueError, match="outside of the acceptable port range"):
            _server.next_safe_port("1000-1002", after)


def test_paths_and_files(tree, run_python):
    code = """
import os, sys
from {package} import {files} as files
environment = __import__("{package}.{environment}", fromlist=["base_dir"])
assert environment.code_dir == os.path.join(environment.base_dir, "code")
assert environment.channel_path("train") == environment.base_dir + "/input/data/train"
files.write_success_file()
files.write_failure_file("first é")
files.write_failure_file("second")
assert os.path.getsize(environment.output_dir + "/success") == 0
assert open(environment.output_dir + "/failure", encoding="utf-8").read() == "first é"
with files.tmpdir(prefix="x") as folder:
    files.write_file(folder + "/a", b"b", mode="wb")
    assert files.read_file(folder + "/a") == "b"
assert not os.path.exists(folder)
assert files.read_json(environment.resource_config_file_dir)["hosts"] == ["algo-1"]
"""
    for package, environment, files in (
        ("sagemaker_training", "environment", "files"),
        ("sagemaker_containers", "_env", "_files"),
    ):
        run_python(code.format(package=package, environment=environment, files=files), tree.variables)
        os.remove(tree.path("output/failure"))


def test_variables_for_a_script_are_written_without_the_packages_of_this_interpreter(tree, run_python):
    code = """
import os
from sagemaker_training import environment
given = {"A-B": "1"}
environment.write_env_vars(given)
assert given == {"A-B": "1"} and os.environ["A-B"] == "1"
assert os.environ["PYTHONPATH"] == environment.code_dir + ":/mine", os.environ["PYTHONPATH"]
"""
    run_python(code, {**tree.variables, "PYTHONPATH": "/mine"})


def test_a_user_may_change_what_an_environment_gives(tree, run_python):
    tree.hyperparameters(lr=0.1, sagemaker_program="train.py")
    code = """
import json
from sagemaker_training import environment, mapping
env = environment.Environment()
env.hyperparameters["model_dir"] = "s3://b/k"
assert env.to_cmd_args() == ["--lr", "0.1", "--model_dir", "s3://b/k"]
variables = env.to_env_vars()
assert variables["SM_HP_MODEL_DIR"] == "s3://b/k" and json.loads(variables["SM_HPS"]) == {"lr": 0.1, "model_dir": "s3://b/k"}
given = environment.Environment(hyperparameters={})
assert given.hyperparameters == {} and given.user_entry_point is None
assert environment.Environment(hyperparameters={"a": "1"}).hyperparameters == {"a": "1"}
assert env.get_current_instance_group() == "homogeneousCluster"
assert env.get_master_hostname() == "algo-1" and env.get_distribution_hosts() == ["algo-1"]
"""
    run_python(code, tree.variables)


def test_a_missing_file_is_what_it_is_for_open(tree, run_python):
    os.remove(tree.path("input/config/hyperparameters.json"))
    code = """
import errno
from sagemaker_containers.beta.framework import env as older
from sagemaker_training import environment
for call in (environment.Environment, environment.read_hyperparameters, older.TrainingEnv, older.read_hyperparameters):
    try:
        call()
    except FileNotFoundError as error:
        assert error.errno == errno.ENOENT and error.filename.endswith("hyperparameters.json"), error
        assert "hyperparameters.json" in str(error)
    else:
        raise AssertionError(call)
assert environment.read_resource_config() == {"current_host": "algo-1", "hosts": ["algo-1"]}
"""
    run_python(code, tree.variables)


def test_settings_of_a_server(run_python):
    code = """
from sagemaker_containers.beta.framework import env
serving = env.ServingEnv()
assert serving.use_nginx is True and serving.model_server_timeout == 60 and serving.http_port == "8080"
assert serving.default_accept == "application/json" and serving.safe_port_range is None
assert serving.model_server_workers >= 1 and dict(serving)["framework_module"] is None
"""
    run_python(code)
    more = """
from sagemaker_containers.beta.framework import env
from sagemaker_inference import environment
serving, newer = env.ServingEnv(), environment.Environment()
assert (serving.use_nginx, serving.model_server_timeout, serving.http_port) == (False, 7, "1234")
assert newer.module_name == "mine" and newer.inference_http_port == newer.management_http_port == "1234"
assert newer.model_server_timeout == 7 and newer.max_request_size == 2 * 1024 * 1024 and newer.startup_timeout == 600
assert newer.default_accept == serving.default_accept == "text/csv"
"""
    run_python(
        more,
        {
            "SAGEMAKER_USE_NGINX": "no",
            "SAGEMAKER_MODEL_SERVER_TIMEOUT": "7",
            "SAGEMAKER_BIND_TO_PORT": "1234",
            "SAGEMAKER_PROGRAM": "mine.py",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": "2",
            "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv",
        },
    )
