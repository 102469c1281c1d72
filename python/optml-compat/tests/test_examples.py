"""What the documentation of the reference libraries shows, in scripts of our own: each runs as its readers would run it."""

import json
import os
import subprocess
import sys

import pytest

from conftest import Tree
from server import Server

NETWORK = """
import json, os
import numpy as np
import sagemaker_containers

# A user's script asks for the environment of its job.
env = sagemaker_containers.training_env()
data = np.load(os.path.join(env.channel_input_dirs["training"], env.hyperparameters["training_data_file"]))
weights = data["x"].T @ data["y"] * env.hyperparameters["learning-rate"]
np.save(os.path.join(env.model_dir, "model.npy"), weights)
with open(os.path.join(env.output_data_dir, "facts.json"), "w") as file:
    json.dump({"hosts": env.hosts, "gpus": env.num_gpus, "interface": env.network_interface_name}, file)
"""

WITH_ARGUMENTS = """
import argparse, json, os

# The same job, told by words and variables.
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=1)
parser.add_argument("--learning-rate", type=float, default=0.05)
parser.add_argument("--hosts", type=json.loads, default=os.environ["SM_HOSTS"])
parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
parser.add_argument("--training", default=os.environ["SM_CHANNEL_TRAINING"])
args, _ = parser.parse_known_args()
with open(os.path.join(args.model_dir, "facts.json"), "w") as file:
    json.dump({"epochs": args.epochs, "rate": args.learning_rate, "hosts": args.hosts, "training": args.training}, file)
"""

# A framework's own entry, for SAGEMAKER_TRAINING_MODULE.
FRAMEWORK = """
from sagemaker_containers.beta import framework

def main():
    env = framework.training_env()
    framework.logging.configure_logger(env.log_level)
    module = framework.modules.import_module(env.module_dir, env.module_name)
    arguments = framework.functions.matching_args(module.train, {**env.hyperparameters, "channels": env.channel_input_dirs})
    model = module.train(**arguments)
    framework.files.write_file(env.model_dir + "/model.txt", str(model))
"""

# And one of the newer generation, which runs a script.
LAUNCHER = """
from sagemaker_training import entry_point, environment

def main():
    env = environment.Environment()
    entry_point.run(uri=env.module_dir, user_entry_point=env.user_entry_point, args=env.to_cmd_args(), env_vars=env.to_env_vars())
"""

# The entry point of an image that brings its own algorithm.
ALGORITHM = """
import sys
from sagemaker_training import environment, errors, files

env = environment.Environment()
try:
    channel = "validation"
    if channel not in env.channel_input_dirs:
        raise errors.ChannelDoesNotExistError(channel)
except Exception as error:
    files.write_failure_file(str(error))
    sys.exit(1)
"""

# The four functions of a served model, called by a framework's application.
SERVING = """
from sagemaker_containers.beta.framework import encoders, transformer, worker

def default_input_fn(body, content_type):
    return encoders.decode(body, content_type)

import inference as user_module
made = transformer.Transformer(model_fn=user_module.model_fn, input_fn=default_input_fn, predict_fn=user_module.predict_fn)
made.initialize()
app = worker.Worker(transform_fn=made.transform, module_name="inference")
"""


@pytest.fixture
def job(tmp_path):
    """The tree of a job with one channel, and what runs it by the command `train`."""
    import numpy

    tree = Tree(tmp_path / "opt-ml")
    tree.write("input/config/inputdataconfig.json", json.dumps({"training": {"TrainingInputMode": "File"}}))
    os.makedirs(tree.path("input/data/training"))
    numpy.savez(tree.path("input/data/training/data.npz"), x=numpy.eye(2), y=numpy.array([1.0, 2.0]))

    def train(**variables):
        folder = os.path.dirname(sys.executable)
        environment = {
            "PATH": folder + ":/usr/bin:/bin",
            "HOME": str(tmp_path),
            "OPTML_PYTHON": sys.executable,
            **tree.variables,
            **variables,
        }
        done = subprocess.run(
            [os.path.join(folder, "train")], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300
        )
        return done.returncode, done.stdout.decode("utf-8", "replace")

    tree.train = train
    return tree


def test_a_script_that_asks_for_its_environment(job):
    job.write("code/network.py", NETWORK)
    job.hyperparameters(sagemaker_program="network.py", training_data_file="data.npz", **{"learning-rate": 0.5})
    code, log = job.train()
    assert code == 0, log
    import numpy

    assert numpy.load(job.path("model/model.npy")).tolist() == [0.5, 1.0]
    assert json.loads(job.read("output/data/facts.json")) == {"hosts": ["algo-1"], "gpus": 0, "interface": "eth0"}


def test_a_script_that_is_told_by_words_and_variables(job):
    job.write("code/script.py", WITH_ARGUMENTS)
    job.hyperparameters(sagemaker_program="script.py", epochs=7, **{"learning-rate": 0.5})
    code, log = job.train()
    assert code == 0, log
    assert json.loads(job.read("model/facts.json")) == {
        "epochs": 7,
        "rate": 0.5,
        "hosts": ["algo-1"],
        "training": job.path("input/data/training"),
    }


def test_a_framework_that_imports_the_users_module(job, tmp_path):
    job.write("framework/my_framework.py", FRAMEWORK)
    job.write("source/user_code.py", "def train(epochs, channels):\n    return [epochs, sorted(channels)]\n")
    job.hyperparameters(sagemaker_program="user_code.py", sagemaker_submit_directory=job.path("source"), epochs=3, unused="x")
    site = str(tmp_path / "site")
    code, log = job.train(
        SAGEMAKER_TRAINING_MODULE="my_framework:main",
        PYTHONPATH=job.path("framework") + os.pathsep + site,
        PIP_TARGET=site,
        PIP_NO_INDEX="1",
        PIP_NO_BUILD_ISOLATION="0",
    )
    assert code == 0, log
    assert job.read("model/model.txt") == "[3, ['training']]"


def test_a_framework_that_runs_a_script(job):
    job.write("framework/my_launcher.py", LAUNCHER)
    job.write("source/script.py", WITH_ARGUMENTS)
    job.hyperparameters(sagemaker_program="script.py", sagemaker_submit_directory=job.path("source"), epochs=2)
    code, log = job.train(SAGEMAKER_TRAINING_MODULE="my_launcher:main", PYTHONPATH=job.path("framework"))
    assert code == 0, log
    assert json.loads(job.read("model/facts.json"))["epochs"] == 2


def test_an_algorithm_that_reports_its_own_failure(job):
    job.write("code/algorithm.py", ALGORITHM)
    job.hyperparameters(sagemaker_program="algorithm.py")
    code, log = job.train()
    assert code == 1, log
    assert job.read("output/failure") == "Channel validation is not a valid channel"


def test_the_train_of_a_framework_is_the_binary(job, run_python):
    job.write("code/script.py", WITH_ARGUMENTS)
    job.hyperparameters(sagemaker_program="script.py", epochs=4)
    for module in ("sagemaker_training.cli.train", "sagemaker_containers.cli.train"):
        done = run_python("from {} import main; main()".format(module), job.variables)
        assert b"optml" in done.stderr and json.loads(job.read("model/facts.json"))["epochs"] == 4
        os.remove(job.path("model/facts.json"))


def test_a_served_model(job):
    job.write(
        "model/code/inference.py", "def model_fn(model_dir):\n    return 3\ndef predict_fn(data, model):\n    return data * model\n"
    )
    job.write("model/code/serving_app.py", SERVING)
    code = "from sagemaker_containers.beta.framework import server; server.start('serving_app:app')"
    running = Server(
        code, {**job.variables, "SAGEMAKER_SUBMIT_DIRECTORY": job.path("model/code"), "SAGEMAKER_PROGRAM": "inference.py"}
    )
    try:
        running.ready()
        assert running.post(b"[1, 2]") == (200, "application/json", b"[3, 6]")
        assert running.post(b"1,2", "text/csv", Accept="application/x-npy")[1] == "application/x-npy"
    finally:
        running.stop()


STOPPED = """
import os, signal, sys, time

def stop(*_):
    os.write(1, b"saved\\n")
    if {obeys}:
        sys.exit(0)

signal.signal(signal.SIGTERM, stop)
with open(os.environ["SM_MODEL_DIR"] + "/pid", "w") as file:
    file.write(str(os.getpid()))
os.write(1, b"ready\\n")
while True:
    time.sleep(60)
"""


@pytest.mark.parametrize("obeys", [True, False])
def test_a_job_that_is_stopped_ends_with_its_script(job, obeys):
    job.write("framework/my_launcher.py", LAUNCHER)
    job.write("code/script.py", STOPPED.format(obeys=obeys))
    job.hyperparameters(sagemaker_program="script.py")
    folder = os.path.dirname(sys.executable)
    process = subprocess.Popen(
        [os.path.join(folder, "train"), "--stop-grace", "2"],
        env={
            "PATH": folder + ":/usr/bin:/bin",
            "SAGEMAKER_TRAINING_MODULE": "my_launcher:main",
            "PYTHONPATH": job.path("framework"),
            **job.variables,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
        # Once, though the signal goes to everybody.
        assert process.stdout.read() == b"saved\n"
        code = process.wait(60)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert code == (0 if obeys else 137)
    pid = int(job.read("model/pid"))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
