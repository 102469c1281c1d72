"""What kind of program an entry point is."""

import enum

from optml_compat import scripts


class _EntryPointType(enum.Enum):
    PYTHON_PACKAGE = scripts.PACKAGE
    PYTHON_PROGRAM = scripts.PROGRAM
    COMMAND = scripts.COMMAND


PYTHON_PACKAGE = _EntryPointType.PYTHON_PACKAGE
PYTHON_PROGRAM = _EntryPointType.PYTHON_PROGRAM
COMMAND = _EntryPointType.COMMAND


def get(path, name):
    """The kind of the entry point `name` in the directory `path`."""
    return _EntryPointType(scripts.kind(path, name))
