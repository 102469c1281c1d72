"""Any mapping as environment variables and as argument words, and environments that are mappings."""

from __future__ import annotations

# `collections.abc` is this module; importing the package around it takes longer than all the rest.
from _collections_abc import Mapping

from optml._native import to_cmd_args, to_env_vars

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, ClassVar, Optional

__all__ = ["Properties", "split_by_criteria", "to_cmd_args", "to_env_vars"]


def split_by_criteria(
    dictionary: Mapping[str, Any], keys: Optional[Iterable[str]] = None, prefix: Optional[str] = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two dicts: the entries whose key is in ``keys`` or begins with ``prefix``, and the others, each in their order."""
    wanted = frozenset(keys or ())
    included: dict[str, Any] = {}
    excluded: dict[str, Any] = {}
    for key, value in dictionary.items():
        is_included = key in wanted or (prefix is not None and key.startswith(prefix))
        (included if is_included else excluded)[key] = value
    return included, excluded


class Properties(Mapping):  # type: ignore[type-arg]
    """A read-only mapping over the properties of its class, in alphabetical order.

    ``env["name"]`` is ``env.name``. A method is no key: ``KeyError``. What is no attribute at all raises an error that is a
    ``KeyError`` and an ``AttributeError``, so that both ``in`` and code that was written for the reference work.
    ``str(env)`` is that of ``dict(env)``.

    Source: sagemaker-training 5.1.4.
    """

    __slots__ = ()
    _names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._names = tuple(name for name in sorted(dir(cls)) if isinstance(getattr(cls, name, None), property))

    def __getitem__(self, key: str) -> Any:
        if key in self._names:
            return getattr(self, key)
        if isinstance(key, str) and hasattr(type(self), key):
            raise KeyError(key)
        raise NoProperty(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __str__(self) -> str:
        return str(dict(self))

    def __repr__(self) -> str:
        return "{}({})".format(type(self).__name__, dict(self))


class NoProperty(KeyError, AttributeError):
    """Neither a property nor anything else of the environment."""
