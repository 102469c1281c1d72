"""The environments as mappings: equal to the recorded ones, and what the reference does not have."""

import copy
import json
import os
import pickle
import stat

import pytest
from conftest import CONFORMANCE, lines

import optml

CASES = [json.loads(line) for line in lines("env/cases.jsonl")]
assert len(CASES) == 82
VECTORS = json.loads((CONFORMANCE / "training" / "vectors.json").read_text(encoding="utf-8"))


def placed(value, base):
    """A recorded value on this machine: its directory, and its processors."""
    text = json.dumps(value).replace('"num_cpus": "${CPUS}"', '"num_cpus": %d' % optml.num_cpus())
    return json.loads(text.replace("${BASE}", str(base)).replace("${CPUS}", str(optml.num_cpus())))


def load(container, case, monkeypatch):
    base = container(files=case["files"], env=case["env"])
    # No tool of this machine counts anything.
    monkeypatch.setenv("PATH", str(base))
    return base, optml.training_env


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_environment_is_the_recorded_one(case, container, monkeypatch):
    base, make = load(container, case, monkeypatch)
    expected = placed(case["training"], base)
    if "error" in expected:
        with pytest.raises(optml.ConfigError):
            make()
        return
    env = make()
    assert same(dict(env), expected["training_env"])
    assert env.to_env_vars() == expected["env_vars"]
    assert env.to_cmd_args() == expected["cmd_args"]
    assert env.process_env() == expected["process_env"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_the_older_reference_has_is_the_same(case, container, monkeypatch):
    base, make = load(container, case, monkeypatch)
    expected = placed(case["containers"], base)
    if "error" in expected:
        with pytest.raises(optml.ConfigError):
            make()
        return
    env = make()
    # With several groups the older one takes the first of all hosts for the master.
    differs = {"is_master", "master_hostname"} if env.is_hetero else set()
    for name, value in expected["training_env"].items():
        assert name in differs or same(env[name], value), name
    for name, value in expected["env_vars"].items():
        assert name == "SM_TRAINING_ENV" or env.to_env_vars()[name] == value, name
    assert env.to_cmd_args() == expected["cmd_args"]


def same(a, b):
    """Equal, with the types, and NaN equal to itself."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


@pytest.mark.parametrize("example", VECTORS["environment_examples"], ids=lambda example: str(example.get("name", "")))
def test_the_order_of_the_variables_is_the_reference_s(example, container):
    container(
        files={
            "hyperparameters.json": json.dumps(example["hyperparameters"]),
            "resourceconfig.json": json.dumps(example["resourceconfig"]),
            "inputdataconfig.json": json.dumps(example["inputdataconfig"]),
        },
        env=example["process_env"],
    )
    assert list(optml.training_env().to_env_vars()) == list(example["expected_env"])


def test_the_mapping_is_over_the_properties(container):
    container({"lr": "0.1"})
    env = optml.training_env()
    assert list(env) == sorted(env) and len(env) == 37
    assert env["hosts"] == env.hosts == ["algo-1"]
    assert env["hyperparameters"] is env.hyperparameters
    assert str(env) == str(dict(env))
    with pytest.raises(KeyError):
        env["to_env_vars"]
    with pytest.raises(KeyError):
        env["nothing_of_that_name"]
    with pytest.raises(AttributeError):
        env["nothing_of_that_name"]
    assert "nothing_of_that_name" not in env and "hosts" in env
    assert env.get("nothing_of_that_name", 5) == 5
    with pytest.raises(AttributeError):
        env.hosts = []
    with pytest.raises(TypeError):
        env["hosts"] = []


def test_an_environment_can_be_handed_to_another_process(container, monkeypatch):
    container({"lr": "0.1", "sagemaker_s3_output": '"s3://b"'}, env={"SAGEMAKER_PROGRAM": "a.py"})
    for env in (optml.training_env(), optml.ServingEnv()):
        text = pickle.dumps(env)
        other = pickle.loads(text)
        assert type(other) is type(env) and dict(other) == dict(env)
        assert dict(pickle.loads(pickle.dumps(other))) == dict(copy.deepcopy(env)) == dict(env)
    env = optml.training_env()
    # It says what it said, wherever it is.
    text = pickle.dumps(env)
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", "/nothing")
    other = pickle.loads(text)
    assert other.to_env_vars() == env.to_env_vars() and other.to_cmd_args() == env.to_cmd_args()
    assert other.process_env() == env.process_env() and other.sagemaker_s3_output() == "s3://b"
    assert other.num_gpus == env.num_gpus


def test_what_is_given_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path / "nothing"))
    env = optml.TrainingEnv(
        resource_config={"current_host": "a", "hosts": ("a", "b")},
        input_data_config={"train": {"TrainingInputMode": "File"}},
        hyperparameters={"lr": 0.1, "text": "5", "sagemaker_program": "train.py", "sagemaker_mpi_enabled": True},
    )
    assert env.hosts == ["a", "b"]
    assert env.channel_input_dirs == {"train": str(tmp_path / "nothing/input/data/train")}
    # A text that looks like JSON was decoded by the caller, or is a text.
    assert env.hyperparameters == {"lr": 0.1, "text": "5"}
    assert env.user_entry_point == "train.py"
    assert env.additional_framework_parameters == {"sagemaker_mpi_enabled": True}
    assert env.to_cmd_args() == ["--lr", "0.1", "--text", "5"]


def test_an_empty_dict_is_given_too(container):
    container({"lr": "0.1"})
    assert optml.TrainingEnv(hyperparameters={}).hyperparameters == {}
    with pytest.raises(optml.ConfigError, match="`resource_config` at `/hosts`"):
        optml.TrainingEnv(resource_config={})


@pytest.mark.parametrize("given", [{"a": object()}, {1: 2}, [("a", 1)], {"a": {"b": {2}}}])
def test_what_is_given_must_be_json(given, container):
    container()
    with pytest.raises(TypeError, match="hyperparameters"):
        optml.TrainingEnv(hyperparameters=given)


def test_all_problems_are_told_with_their_hints(container):
    container(files={"hyperparameters.json": "{", "inputdataconfig.json": "[]"})
    with pytest.raises(optml.ConfigError) as found:
        optml.training_env()
    problems = found.value.problems
    assert len(problems) == 3
    assert "hyperparameters.json`: not JSON: line 1 column 2" in problems[0][0]
    assert problems[1][0].endswith("resourceconfig.json`: no such file")
    assert problems[1][1].startswith("the platform writes this file")
    assert str(found.value).count("\nhint: ") == 2
    assert isinstance(found.value, ValueError)


def test_the_messages_are_those_of_the_program(container, tmp_path):
    import subprocess

    container(files={"hyperparameters.json": "{}", "resourceconfig.json": "{}", "inputdataconfig.json": "{}"})
    with pytest.raises(optml.ConfigError) as found:
        optml.training_env()
    told = subprocess.run([optml.binary(), "env"], stderr=subprocess.PIPE, text=True, timeout=60)
    assert told.returncode == 3
    for message, _ in found.value.problems:
        assert message in told.stderr


def test_text_that_is_no_unicode_survives(container):
    container(files={
        "hyperparameters.json": '{"half": "\\"\\\\ud83d\\""}',
        "resourceconfig.json": '{"current_host": "a", "hosts": ["a"]}',
        "inputdataconfig.json": "{}",
    }, env={"TRAINING_JOB_NAME": os.fsdecode(b"job-\xff")})
    env = optml.training_env()
    assert env.hyperparameters == {"half": "\ud83d"}
    assert env.job_name == "job-\udcff"
    assert optml.to_cmd_args({"half": "\ud83d"}) == ["--half", "\ud83d"]


def test_numbers_keep_their_digits(container):
    container({"big": str(10**40), "inf": "1e400", "f": "1e-5"})
    hyperparameters = optml.training_env().hyperparameters
    assert hyperparameters["big"] == 10**40 and type(hyperparameters["big"]) is int
    assert hyperparameters["inf"] == float("inf") and hyperparameters["f"] == 1e-05


def test_gpus_are_counted_when_they_are_asked_for(container, tmp_path, monkeypatch):
    container()
    tool = tmp_path / "tools" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho >> %s/asked\necho 'GPU 0: A (UUID: GPU-1)'\necho 'GPU 1: A (UUID: GPU-2)'\n" % tmp_path)
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", "%s:%s" % (tool.parent, os.environ["PATH"]))
    env = optml.training_env()
    assert env.hosts and not (tmp_path / "asked").exists()
    assert env.num_gpus == 2
    assert env.to_env_vars()["SM_NUM_GPUS"] == "2" and dict(env)["num_gpus"] == 2
    assert (tmp_path / "asked").read_text() == "\n"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert optml.num_gpus() == 1
    assert optml.ServingEnv().num_gpus == 1
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert optml.num_gpus() == 0


def test_neuron_cores_are_counted(container, tmp_path, monkeypatch):
    container(resourceconfig={"current_host": "a", "hosts": ["a"], "current_instance_type": "ml.trn2.48xlarge"})
    assert optml.training_env().num_neurons == 64
    assert optml.num_neurons("ml.trn2.48xlarge") == 64 and optml.num_neurons() == 0
    tool = tmp_path / "neuron-ls"
    tool.write_text("#!/bin/sh\necho '[{\"nc_count\": 2}, {\"nc_count\": 2}]'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", "%s:%s" % (tmp_path, os.environ["PATH"]))
    assert optml.num_neurons() == 4


def test_the_three_files_can_be_read_alone(container):
    container({"lr": "0.1", "sagemaker_program": '"a.py"'}, inputdataconfig={"train": {"TrainingInputMode": "File"}})
    assert optml.read_hyperparameters() == {"lr": 0.1, "sagemaker_program": "a.py"}
    assert optml.read_resource_config() == {"current_host": "algo-1", "hosts": ["algo-1"]}
    assert optml.read_input_data_config() == {"train": {"TrainingInputMode": "File"}}


def test_the_output_address_is_no_property(container):
    container({"sagemaker_s3_output": '"s3://bucket/prefix"'})
    env = optml.training_env()
    assert env.sagemaker_s3_output() == "s3://bucket/prefix" and "sagemaker_s3_output" not in env


def test_paths(container, monkeypatch):
    base = str(container())
    layout = optml.Layout()
    assert (layout.base, layout.model, layout.failure) == (base, base + "/model", base + "/output/failure")
    assert layout.channel("train") == optml.channel_path("train") == base + "/input/data/train"
    assert optml.Layout("/x").output_data == "/x/output/data"
    assert optml.Layout("/x") == optml.Layout("/x") != layout
    assert repr(optml.Layout("/x")) == "Layout('/x')"
    monkeypatch.delenv("SAGEMAKER_BASE_DIR")
    assert optml.Layout().base == "/opt/ml"
    with pytest.raises(optml.ConfigError, match="`../x` leads out of"):
        layout.channel("../x")


def test_the_serving_environment_has_its_defaults(container):
    base = str(container())
    assert dict(optml.ServingEnv()) == {
        "current_host": None,
        "default_accept": "application/json",
        "framework_module": None,
        "http_port": "8080",
        "log_level": 20,
        "model_dir": base + "/model",
        "model_server_timeout": 60,
        "model_server_workers": optml.num_cpus(),
        "module_dir": base + "/code",
        "module_name": None,
        "num_cpus": optml.num_cpus(),
        "num_gpus": optml.num_gpus(),
        "safe_port_range": None,
        "use_nginx": True,
        "user_entry_point": None,
    }


def test_the_serving_environment_reads_its_variables(container):
    container(env={
        "SAGEMAKER_USE_NGINX": "no", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "7", "SAGEMAKER_MODEL_SERVER_WORKERS": "3",
        "SAGEMAKER_SERVING_MODULE": "a.b:c", "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv",
        "SAGEMAKER_BIND_TO_PORT": "1234", "SAGEMAKER_SAFE_PORT_RANGE": "1111-2222", "SAGEMAKER_PROGRAM": "a.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/code", "CURRENT_HOST": "h", "SAGEMAKER_CONTAINER_LOG_LEVEL": "10",
    })
    env = optml.ServingEnv()
    assert (env.use_nginx, env.model_server_timeout, env.model_server_workers) == (False, 7, 3)
    assert (env.framework_module, env.default_accept, env.http_port) == ("a.b:c", "text/csv", "1234")
    assert (env.safe_port_range, env.user_entry_point, env.module_name) == ("1111-2222", "a.py", "a")
    assert (env.module_dir, env.current_host, env.log_level) == ("/code", "h", 10)
    container(env={"SAGEMAKER_USE_NGINX": "maybe", "SAGEMAKER_BIND_TO_PORT": "x"})
    with pytest.raises(optml.ConfigError) as found:
        optml.ServingEnv()
    assert [message for message, _ in found.value.problems] == [
        "read variable `SAGEMAKER_BIND_TO_PORT`: `x` is not a whole number",
        "read variable `SAGEMAKER_USE_NGINX`: `maybe` is neither true nor false",
    ]
