"""How each server is started: two workers, the same user functions, loopback, its log kept for when it fails."""

import os
import random
import shutil
import socket
from dataclasses import dataclass, field

from . import install, processes

HERE = os.path.dirname(os.path.abspath(__file__))

CONTAINERS, INFERENCE, GRANIAN, UVICORN, ECHO, OPTML = "containers", "inference", "granian", "uvicorn", "axum", "optml"
PEERS = (CONTAINERS, INFERENCE, GRANIAN, UVICORN)
ALL = (*PEERS, ECHO, OPTML)

TOOLS = {CONTAINERS: ["nginx", "unshare"], INFERENCE: ["java", "unshare"]}

N_WORKERS = "2"

# Two of them have fixed paths in /tmp and look for their own process by its name: a private /tmp, a private process table.
PRIVATE = 'mount --make-rprivate / && mount --bind "$1" /tmp && shift && exec "$@"'

# Below the ports that clients get, and below 32,768: multi-model-server takes no higher one.
PORTS = range(20_000, 32_000)


@dataclass
class Site:
    """Where one server runs: a folder of its own with the model and code, and a port."""

    folder: str
    mode: str
    compute_loops: int
    csv_glue: str
    port: int = field(default_factory=lambda: free_port())

    @property
    def base(self):
        return os.path.join(self.folder, "ml")

    @property
    def model(self):
        return os.path.join(self.base, "model")

    @property
    def code(self):
        return os.path.join(self.model, "code")

    @property
    def apps(self):
        return os.path.join(self.folder, "apps")

    def make(self):
        """Copies, so that nothing is written into the repository and byte-code is cached."""
        shutil.copytree(os.path.join(HERE, "apps"), self.apps, ignore=shutil.ignore_patterns("__pycache__", "inference.py"))
        os.makedirs(self.code)
        shutil.copy(os.path.join(HERE, "apps", "inference.py"), self.code)
        os.makedirs(os.path.join(self.folder, "tmp"))

    def environment(self, bin_folder, **more):
        """Explicit, so that no variable of the caller (threads and kernels of BLAS, for one) changes the figures."""
        return {
            "PATH": bin_folder + ":" + install.SYSTEM_PATH,
            "HOME": self.folder,
            "LANG": "C.UTF-8",
            "MODE": self.mode,
            "COMPUTE_LOOPS": str(self.compute_loops),
            "CSV_GLUE": self.csv_glue,
            "SAGEMAKER_BASE_DIR": self.base,
            "PYTHONPATH": self.code + ":" + self.apps,
            **more,
        }


class Peers:
    """What is installed of the contestants asked for, and the command of each."""

    def __init__(self, cache, names, optml):
        self.optml = optml
        installers = {
            CONTAINERS: install.containers,
            INFERENCE: install.inference,
            GRANIAN: install.granian,
            UVICORN: install.uvicorn,
            ECHO: install.echo,
            OPTML: install.optml,
        }
        self.installed = {name: installers[name](cache) for name in names}

    def start(self, name, site, n_slots=None):
        """Started, not yet ready. `n_slots`: requests at a time in each worker, for optml only."""
        site.make()
        launch = self.launch(name, site, n_slots)
        return processes.Server(launch, site.port, os.path.join(site.folder, "log"))

    def launch(self, name, site, n_slots):
        where = self.installed[name]
        if name == CONTAINERS:
            return containers(where, site)
        if name == INFERENCE:
            return inference(where, site)
        if name == GRANIAN:
            return granian(where, site)
        if name == UVICORN:
            return uvicorn(where, site)
        if name == ECHO:
            return processes.Launch([where, str(site.port)], site.environment(""), site.folder)
        return optml(self.optml, where, site, n_slots)


def containers(bin_folder, site):
    """nginx in front of gunicorn with gevent. The name of the user's module stays unset: it would be installed by pip at each start."""
    environment = site.environment(
        bin_folder,
        # The template's `listen` takes an address as well as a port.
        SAGEMAKER_BIND_TO_PORT="127.0.0.1:{}".format(site.port),
        SAGEMAKER_MODEL_SERVER_WORKERS=N_WORKERS,
    )
    argv = [os.path.join(bin_folder, "python"), os.path.join(site.apps, "containers_start.py")]
    return private(argv, environment, site)


def inference(bin_folder, site):
    address = "http://127.0.0.1:{}".format(site.port)
    environment = site.environment(
        bin_folder,
        SAGEMAKER_BIND_TO_PORT=str(site.port),
        SAGEMAKER_MODEL_SERVER_WORKERS=N_WORKERS,
        MMS_INFERENCE_ADDRESS=address,
        MMS_MANAGEMENT_ADDRESS=address,
        LOG_LOCATION=site.folder,
        METRICS_LOCATION=site.folder,
    )
    argv = [os.path.join(bin_folder, "python"), os.path.join(site.apps, "inference_start.py")]
    return private(argv, environment, site)


def granian(bin_folder, site):
    argv = [os.path.join(bin_folder, "granian"), "--interface", "wsgi", "--workers", N_WORKERS, "--log-level", "warning"]
    argv += ["--host", "127.0.0.1", "--port", str(site.port), "wsgi_app:app"]
    return processes.Launch(argv, site.environment(bin_folder), site.apps)


def uvicorn(bin_folder, site):
    argv = [os.path.join(bin_folder, "uvicorn"), "--workers", N_WORKERS, "--log-level", "warning", "--no-access-log"]
    argv += ["--host", "127.0.0.1", "--port", str(site.port), "asgi_app:app"]
    return processes.Launch(argv, site.environment(bin_folder), site.apps)


def optml(binary, bin_folder, site, n_slots):
    environment = site.environment(
        bin_folder, SAGEMAKER_BIND_TO_PORT=str(site.port), OPTML_HOST="127.0.0.1", OPTML_WORKERS=N_WORKERS
    )
    del environment["PYTHONPATH"]
    if n_slots is not None:
        environment["OPTML_SLOTS"] = str(n_slots)
    handler = os.path.join(site.code, "inference.py")
    return processes.Launch([binary, "serve", "--model-dir", site.model, "--handler", handler], environment, site.folder)


def private(argv, environment, site):
    """In mount and process namespaces of its own; the whole dies with the process that made them."""
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        unshare.append("--map-root-user")
    shell = ["sh", "-c", PRIVATE, "private", os.path.join(site.folder, "tmp")]
    return processes.Launch(unshare + shell + argv, environment, site.folder, wrapped=True)


def free_port():
    for port in random.sample(PORTS, 100):
        with socket.socket() as probe:
            # What waits for a closed connection's last packets is no obstacle to a server either.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
    raise RuntimeError("none of 100 ports is free")
