"""Which runner is made of a job, and the command that it starts. Engines themselves are started by `optml train`."""

import importlib.util
import json
import sys

import pytest

import optml


@pytest.fixture
def commands(tree, run_python):
    """The command of each runner type for a job of hosts, as host `current`."""

    def make(hosts, current, package="sagemaker_training", groups=True, **hyperparameters):
        resources = {"current_host": current, "hosts": hosts, "network_interface_name": "eth7"}
        if groups:
            resources["current_group_name"] = "g"
            resources["instance_groups"] = [{"instance_group_name": "g", "instance_type": "ml.m5.xlarge", "hosts": hosts}]
        tree.write("input/config/resourceconfig.json", json.dumps(resources))
        tree.write("code/train.py", "")
        tree.hyperparameters(**{"sagemaker_program": "train.py", "lr": 1, **hyperparameters})
        code = """
import json, os, sys
from {package} import {runner} as runner, {process} as process
process.python_executable()
out = {{}}
for kind in runner.RunnerType:
    try:
        made = runner.get(kind)
        made._setup()
        out[kind.name] = [type(made).__name__, made._create_command(), {{k: v for k, v in os.environ.items() if k[:5] in ("NCCL_", "FI_PR")}}]
    except Exception as error:
        out[kind.name] = [type(error).__name__, str(error), None]
print(json.dumps(out))
"""
        names = ("runner", "process") if package == "sagemaker_training" else ("_runner", "_process")
        code = code.format(package=package, runner=names[0], process=names[1])
        found = json.loads(run_python(code, {**tree.variables, "NCCL_DEBUG": "MINE"}).stdout)
        return {kind: [name, _short(words, sys.executable), variables] for kind, (name, words, variables) in found.items()}

    return make


def _short(words, python):
    if isinstance(words, str):
        return words
    return ["PYTHON" if word == python else "OPTML" if word == optml.binary() else word for word in words]


ALL = dict(sagemaker_torch_distributed_enabled=True)
SCRIPT = ["train.py", "--lr", "1"]


def test_one_host(commands):
    found = commands(["algo-1"], "algo-1", **ALL)
    assert found["Process"][:2] == ["ProcessRunner", ["PYTHON", "--", *SCRIPT]]
    assert found["TorchDistributed"][:2] == [
        "TorchDistributedRunner",
        ["torchrun", "--nnodes", "1", "--nproc_per_node", "1", *SCRIPT],
    ]
    assert found["TorchDistributed"][2]["NCCL_SOCKET_IFNAME"] == "eth7" and found["TorchDistributed"][2]["NCCL_DEBUG"] == "MINE"
    assert "NCCL_PROTO" not in found["TorchDistributed"][2]
    # With mpi4py, or the mark that ends the options of a bare interpreter.
    before = ["-m", "mpi4py"] if importlib.util.find_spec("mpi4py") else ["--"]
    rank = ["--processes-per-host", "1", "--", "PYTHON", *before, *SCRIPT]
    assert found["MPI"][:2] == ["MasterRunner", ["OPTML", "train", "--launcher", "mpirun", *rank]]
    assert found["SMDataParallel"][:2] == ["SMDataParallelRunner", ["OPTML", "train", "--launcher", "smddp", *rank]]
    assert found["PyTorchXLA"][0] == "SMTrainingCompilerConfigurationError" and "has none" in found["PyTorchXLA"][1]


def test_several_hosts(commands):
    hosts = ["algo-1", "algo-10", "algo-2"]
    found = commands(hosts, "algo-10", sagemaker_mpi_num_of_processes_per_host=4, **ALL)
    assert found["MPI"][0] == "WorkerRunner" and found["MPI"][1][4:6] == ["--processes-per-host", "4"]
    torch = found["TorchDistributed"][1]
    # Ranks by number, whatever the order of the texts: algo-1, algo-2, algo-10.
    assert torch == (
        "torchrun --nnodes 3 --nproc_per_node 4 --master_addr algo-1 --master_port 7777 --node_rank 2".split() + SCRIPT
    )


def test_options_that_only_the_caller_knows_are_refused(tree, run_python):
    tree.write("code/train.py", "")
    tree.hyperparameters(sagemaker_program="train.py", sagemaker_mpi_custom_mpi_options="--NCCL_DEBUG=WARN")
    code = """
from sagemaker_training import runner, params
runner.get(runner.MPIRunnerType)._setup()
made = runner.get(runner.MPIRunnerType, extra_opts={params.MPI_CUSTOM_OPTIONS: "-x OTHER"})
try:
    made._setup()
except ValueError as error:
    assert "sagemaker_mpi_custom_mpi_options" in str(error) and "hint: " in str(error)
else:
    raise AssertionError
assert runner.get(made) is made
try:
    runner.get("MPI")
except ValueError as error:
    assert "Invalid identifier MPI" in str(error)
else:
    raise AssertionError
"""
    run_python(code, tree.variables)


def test_the_older_generation(commands):
    found = commands(["algo-1", "algo-2"], "algo-1", package="sagemaker_containers", sagemaker_mpi_num_of_processes_per_host=2)
    assert sorted(found) == ["MPI", "Process"]
    assert found["MPI"][0] == "MasterRunner" and found["MPI"][1][1:7] == [
        "train",
        "--launcher",
        "mpirun",
        "--processes-per-host",
        "2",
        "--",
    ]
    assert commands(["algo-1", "algo-2"], "algo-2", package="sagemaker_containers")["MPI"][0] == "WorkerRunner"


def test_packages_under_torchrun(commands, tree):
    tree.write("code/setup.py", "")
    found = commands(["algo-1"], "algo-1", **ALL)
    assert found["TorchDistributed"][1][-4:] == ["-m", "train", "--lr", "1"]
