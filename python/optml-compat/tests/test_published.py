"""Packages that others have published and that import the reference libraries, installed from PyPI and run on ours.

They are installed without their dependencies, as decided for packages that depend on the originals. `OPTML_TEST_WHEEL` and
`OPTML_TEST_COMPAT_WHEEL` name our two wheels. The Python is that of the system, which has torch for processors
(python3-torch) where the packages need one.
"""

import json
import os
import subprocess
import sys

import pytest

from conftest import Tree
from server import Server

WHEELS = [os.environ.get(name) for name in ("OPTML_TEST_WHEEL", "OPTML_TEST_COMPAT_WHEEL")]
SYSTEM = "/usr/bin/python3"

if None in WHEELS:
    raise pytest.UsageError("OPTML_TEST_WHEEL and OPTML_TEST_COMPAT_WHEEL name no wheels: python/test.sh makes them")

# With the versions that were run; see docs/compatibility.md.
PLAIN = ("retrying==1.4.2", "six==1.17.0")
TRAINING = ("sagemaker-pytorch-training==3.0.0", "sagemaker-mxnet-training==4.3.0")
INFERENCE = ("sagemaker-pytorch-inference==2.0.25", "sagemaker-huggingface-inference-toolkit==2.6.0", "multi-model-server==1.1.11")
HUGGING_FACE = ("transformers==4.30.2", "Pillow")

SCRIPT = """
import argparse, json, os, sys
import torch

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--fail", type=int, default=0)
args = parser.parse_args()
rank = 0
if "LOCAL_RANK" in os.environ:
    torch.distributed.init_process_group("gloo")
    one = torch.ones(1)
    torch.distributed.all_reduce(one)
    rank = torch.distributed.get_rank()
    print("sum", int(one), flush=True)
# One alone: two that print at once print into each other.
if args.fail and rank == 0:
    raise ValueError("asked for")
torch.manual_seed(0)
x = torch.randn(64, 3)
y = x @ torch.tensor([[1.0], [2.0], [3.0]])
model = torch.nn.Linear(3, 1)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
for epoch in range(args.epochs):
    optimizer.zero_grad()
    loss = ((model(x) - y) ** 2).mean()
    loss.backward()
    optimizer.step()
if rank == 0:
    torch.save(model.state_dict(), os.path.join(os.environ["SM_MODEL_DIR"], "model.pt"))
    print("loss", float(loss), os.environ.get("MASTER_ADDR"), os.environ.get("NCCL_SOCKET_IFNAME"))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A clean environment with our wheels and the published packages, and the path of its Python."""
    folder = tmp_path_factory.mktemp("published") / "venv"
    subprocess.run([SYSTEM, "-m", "venv", "--without-pip", "--system-site-packages", str(folder)], check=True, timeout=120)
    python = str(folder / "bin" / "python")

    def install(*words):
        pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *words], check=True, timeout=900)

    # What builds source distributions here: the environment of the tests has it.
    install("setuptools", "wheel", *PLAIN, *HUGGING_FACE)
    install("--no-deps", "--no-build-isolation", *TRAINING, *INFERENCE)
    # Last: one of the published packages holds a copy of `sagemaker_inference`.
    install("--no-deps", *WHEELS)
    return python


@pytest.fixture
def job(environment, tmp_path):
    """Runs the command `train` for a framework's entry, with the script above unless another is given."""
    tree = Tree(tmp_path / "opt-ml")
    # The published packages wait for names by themselves: one that everybody knows.
    resources = {"current_host": "localhost", "hosts": ["localhost"], "network_interface_name": "lo"}
    tree.write("input/config/resourceconfig.json", json.dumps(resources))

    def run(hook, script=SCRIPT, **hyperparameters):
        tree.write("code/train.py", script)
        tree.hyperparameters(sagemaker_program="train.py", **hyperparameters)
        folder = os.path.dirname(environment)
        variables = {
            "PATH": folder + ":/usr/bin:/bin",
            "HOME": str(tmp_path),
            "SAGEMAKER_TRAINING_MODULE": hook,
            # torchrun 1.13 on Python 3.11 has to be told where output goes.
            "OPTML_TORCHRUN_OPTIONS": "-r 1 -t 1",
            **tree.variables,
        }
        done = subprocess.run(
            [os.path.join(folder, "train")], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300
        )
        done.text = done.stdout.decode("utf-8", "replace")
        return done

    run.tree = tree
    return run


PYTORCH = "sagemaker_pytorch_container.training:main"
MXNET = "sagemaker_mxnet_container.training:main"


def test_pytorch_training(job):
    done = job(PYTORCH, epochs=3)
    assert done.returncode == 0, done.text
    assert "localhost lo" in done.text and os.path.exists(job.tree.path("model/model.pt"))
    assert os.path.exists(job.tree.path("output/success")) and not os.path.exists(job.tree.path("output/failure"))


def test_pytorch_training_of_several_processes(job):
    done = job(PYTORCH, epochs=3, sagemaker_torch_distributed_enabled=True, sagemaker_mpi_num_of_processes_per_host=2)
    assert done.returncode == 0, done.text
    assert done.text.count("sum 2") == 2 and os.path.exists(job.tree.path("model/model.pt"))


@pytest.mark.parametrize("distributed", [False, True])
def test_pytorch_training_that_fails(job, distributed):
    more = dict(sagemaker_torch_distributed_enabled=True, sagemaker_mpi_num_of_processes_per_host=2) if distributed else {}
    done = job(PYTORCH, epochs=3, fail=1, **more)
    assert done.returncode == 1, done.text
    failure = job.tree.read("output/failure")
    assert "ExecuteUserScriptError" in failure[:1024] and "ValueError: asked for" in failure[:1024], failure
    assert not os.path.exists(job.tree.path("output/success"))


def test_mxnet_training(job):
    script = "import json, os, sys\nprint(json.dumps([sys.argv, os.environ['SM_HPS'], os.environ['SM_HOSTS']]))\n"
    done = job(MXNET, script, epochs=3)
    assert done.returncode == 0, done.text
    said = json.loads(next(line for line in done.text.splitlines() if line.startswith("[")))
    assert said == [["train.py", "--epochs", "3"], '{"epochs":3}', '["localhost"]']


@pytest.fixture
def server(environment, tmp_path):
    """Starts a handler service of a published package, with a model that `make` has written."""
    tree = Tree(tmp_path / "opt-ml")
    started = []

    def start(service, make, **variables):
        done = subprocess.run([environment, "-c", make, tree.path("model")], stderr=subprocess.PIPE, timeout=300)
        assert done.returncode == 0, done.stderr.decode()
        code = "from sagemaker_inference import model_server; model_server.start_model_server({!r})".format(service)
        new = Server(code, {**tree.variables, "OPTML_WORKERS": "1", "HOME": str(tmp_path), **variables}, python=environment)
        started.append(new)
        return new.ready()

    yield start
    for each in started:
        each.stop()


def test_pytorch_inference(server):
    make = """
import sys, torch
model = torch.nn.Linear(2, 1)
torch.nn.init.constant_(model.weight, 2.0)
torch.nn.init.constant_(model.bias, 1.0)
torch.jit.script(model).save(sys.argv[1] + "/model.pt")
"""
    running = server("sagemaker_pytorch_serving_container.handler_service", make)
    assert running.post(b"[[1, 2]]") == (200, "application/json", b"[[7.0]]")
    assert running.post(b"1,2\n3,4", "text/csv", Accept="text/csv") == (200, "text/csv", b"7.0\n15.0\n")
    assert running.post(b"x", "image/png")[0] == 415
    assert running.post(b"[1,")[0] == 400


def test_hugging_face_inference(server):
    make = """
import sys, torch
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer
folder = sys.argv[1]
with open(folder + "/vocab.txt", "w") as file:
    file.write("\\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film"]))
torch.manual_seed(0)
BertTokenizer(folder + "/vocab.txt").save_pretrained(folder)
small = dict(vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
BertForSequenceClassification(BertConfig(**small)).save_pretrained(folder)
"""
    running = server("sagemaker_huggingface_inference_toolkit.handler_service", make, HF_TASK="text-classification")
    status, content_type, body = running.post(b'{"inputs": ["good film", "bad film"]}')
    assert (status, content_type) == (200, "application/json"), body
    answers = json.loads(body)
    assert len(answers) == 2 and set(answers[0]) == {"label", "score"}
    status, _, body = running.post(b'{"inputs": ')
    assert status == 400 and b"PredictionException" in body


def test_the_names_are_ours_beside_a_copy_of_theirs(environment):
    code = "import sagemaker_inference as ours; from sagemaker_inference import decoder; print(ours.__doc__, decoder._npy_to_numpy.__module__)"
    said = subprocess.run([environment, "-c", code], stdout=subprocess.PIPE, check=True, timeout=60).stdout.decode()
    assert "on optml" in said and "optml.codec" in said
