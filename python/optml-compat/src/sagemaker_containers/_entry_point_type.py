"""What kind of program an entry point is."""

from optml_compat.entry_points import COMMAND, PYTHON_PACKAGE, PYTHON_PROGRAM, _EntryPointType, get

__all__ = ["COMMAND", "PYTHON_PACKAGE", "PYTHON_PROGRAM", "_EntryPointType", "get"]
