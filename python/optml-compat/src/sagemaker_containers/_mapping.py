"""Mappings as variables, as words, and as objects with properties."""

from optml_compat.mappings import MappingMixin, SplitResultSpec, split_by_criteria, to_cmd_args, to_env_vars

__all__ = ["MappingMixin", "SplitResultSpec", "split_by_criteria", "to_cmd_args", "to_env_vars"]
