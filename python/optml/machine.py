"""What this machine offers. Tools are asked when a number is wanted, never at import."""

from __future__ import annotations

import os

from optml import _native
from optml.files import variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

_LIMIT_S = 10
"""How long a tool may take: a driver that hangs must not hold up the script."""


def num_cpus() -> int:
    """Processors: the least of those online, those that this process may run on, and what the control group pays for (rounded up)."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return _native.num_cpus(max(os.sysconf("SC_NPROCESSORS_ONLN"), 1), affinity)


def num_gpus() -> int:
    """GPUs that ``nvidia-smi --list-gpus`` lists, as far as ``CUDA_VISIBLE_DEVICES`` shows them; 0 without the tool.

    Starts a process where ``nvidia-smi`` is installed.
    """
    listing = _ask("nvidia-smi", "--list-gpus")
    return 0 if listing is None else _native.num_gpus(listing, variables())


def num_neurons(instance_type: Optional[str] = None) -> int:
    """Neuron cores that ``neuron-ls -j`` lists; 0 without the tool. A ``trn2.48xlarge`` has 64.

    Starts a process where ``neuron-ls`` is installed.
    """
    return _native.num_neurons(_ask("neuron-ls", "-j") or b"", instance_type)


def is_installed(tool: str) -> bool:
    """Whether a program of that name is on ``PATH``."""
    return _find(tool) is not None


def _find(tool: str) -> Optional[str]:
    # `shutil.which` does this too, but importing it takes longer than all the rest.
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        path = os.path.join(folder, tool)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None


def _ask(tool: str, word: str) -> Optional[bytes]:
    """What a tool prints; nothing if it is not there, fails, or takes too long."""
    path = _find(tool)
    if path is None:
        return None
    import subprocess

    try:
        done = subprocess.run(
            [path, word], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_LIMIT_S
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
