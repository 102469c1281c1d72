"""Functions about functions."""

from optml_compat.functions import error_wrapper, getargspec, matching_args

__all__ = ["error_wrapper", "getargspec", "matching_args"]
