"""A time limit for a block of code."""

from optml_compat.timeouts import TimeoutError, timeout

__all__ = ["TimeoutError", "timeout"]
