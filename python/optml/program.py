"""The program `optml` that came with this package, and the commands `train` and `serve` that are it."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def binary() -> str:
    """The path of the program `optml` of this package.

    Raises:
        FileNotFoundError: it is not where the installer puts programs; the message lists where that is.
    """
    looked_at = []
    for folder in _folders():
        path = os.path.join(folder, "optml")
        if path not in looked_at:
            looked_at.append(path)
            if os.access(path, os.X_OK) and os.path.isfile(path):
                return path
    raise FileNotFoundError(
        "the program `optml` is not there, looked at {}; reinstall with `pip install --force-reinstall optml`".format(
            ", ".join("`{}`".format(path) for path in looked_at)
        )
    )


def train() -> NoReturn:
    """The command `train`."""
    _become("train")


def serve() -> NoReturn:
    """The command `serve`."""
    _become("serve")


def _become(name: str) -> NoReturn:
    # User code belongs to the interpreter that this package is installed for, unless somebody says otherwise.
    variables = dict(os.environb)
    if not variables.get(b"OPTML_PYTHON"):
        variables[b"OPTML_PYTHON"] = os.fsencode(sys.executable)
    path = binary()
    # The program looks at the name that it is called by.
    os.execve(path, [name] + sys.argv[1:], variables)


def _folders() -> list[str]:
    """Where an installer puts programs, likeliest first."""
    called = os.path.dirname(os.path.realpath(sys.argv[0])) if sys.argv and sys.argv[0] else ""
    folders = [called] if os.path.basename(sys.argv[0] if sys.argv else "") in ("train", "serve") else []
    folders.append(os.path.dirname(sys.executable))
    import sysconfig

    folders.append(sysconfig.get_path("scripts"))
    user = "osx_framework_user" if sys.platform == "darwin" else os.name + "_user"
    if user in sysconfig.get_scheme_names():
        folders.append(sysconfig.get_path("scripts", user))
    # `pip install --target` puts them beside the package.
    folders.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bin"))
    return folders
