"""Ranks of Open MPI, started from Python: `optml train --launcher mpirun` and a real mpirun, on this machine."""

import json
import os
import shutil
import subprocess
import sys

import pytest

SCRIPT = """
import os, sys
print("rank", os.environ["OMPI_COMM_WORLD_RANK"], "of", os.environ["OMPI_COMM_WORLD_SIZE"], os.environ["SM_HP_LR"], flush=True)
if "--fail" in sys.argv and os.environ["OMPI_COMM_WORLD_RANK"] == "1":
    raise ValueError("of rank 1")
"""

HOOK = """
from sagemaker_training import entry_point, environment, runner

def main():
    env = environment.Environment()
    entry_point.run(
        env.module_dir,
        env.user_entry_point,
        env.to_cmd_args(),
        env.to_env_vars(),
        capture_error=True,
        runner_type=runner.MPIRunnerType,
    )
"""


@pytest.fixture
def job(tree):
    """Runs the hook above as a framework's entry, with two ranks."""
    assert shutil.which("mpirun"), "apt-get install openmpi-bin"
    resources = {"current_host": "localhost", "hosts": ["localhost"], "network_interface_name": "lo"}
    tree.write("input/config/resourceconfig.json", json.dumps(resources))
    tree.write("code/train.py", SCRIPT)
    tree.write("framework/with_ranks.py", HOOK)

    def run(**hyperparameters):
        tree.hyperparameters(
            sagemaker_program="train.py",
            sagemaker_mpi_enabled=True,
            sagemaker_mpi_num_of_processes_per_host=2,
            sagemaker_mpi_custom_mpi_options="--oversubscribe",
            lr=0.5,
            **hyperparameters,
        )
        folder = os.path.dirname(sys.executable)
        variables = {
            "PATH": folder + ":/usr/bin:/bin",
            "HOME": tree.base,
            "SAGEMAKER_TRAINING_MODULE": "with_ranks:main",
            "PYTHONPATH": tree.path("framework"),
            **tree.variables,
        }
        done = subprocess.run(
            [os.path.join(folder, "train")], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120
        )
        done.text = done.stdout.decode("utf-8", "replace")
        return done

    return run


def test_ranks_run_and_their_lines_name_their_host(job, tree):
    done = job()
    assert done.returncode == 0, done.text
    for rank in (0, 1):
        assert "[1,mpirank:{0},localhost]<stdout>:rank {0} of 2 0.5\n".format(rank) in done.text
    assert os.path.exists(tree.path("output/success"))


def test_the_exception_of_a_rank_is_the_reason_of_the_job(job, tree):
    done = job(fail=1)
    assert done.returncode == 1, done.text
    failure = tree.read("output/failure")
    assert failure.startswith("ValueError: of rank 1") and "rank 1" in failure[:1024], failure
    assert not os.path.exists(tree.path("output/success"))
    assert 'ErrorMessage "ValueError: of rank 1' in done.text
