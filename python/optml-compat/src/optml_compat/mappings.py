"""Mappings as variables, as words, and as objects with properties."""

import collections
import collections.abc

import optml

SplitResultSpec = collections.namedtuple("SplitResultSpec", "included excluded")

to_env_vars = optml.to_env_vars
to_cmd_args = optml.to_cmd_args


def split_by_criteria(dictionary, keys=None, prefix=None):
    """Divides a dict into the items whose key is one of `keys` or begins with `prefix`, and the others."""
    return SplitResultSpec(*optml.split_by_criteria(dictionary, keys, prefix))


class NotAProperty(KeyError, AttributeError):
    """An object was asked for an item that it has no property for.

    Both classes: the reference raises AttributeError for a name that does not exist and KeyError for a method, and a mapping
    has to raise KeyError so that `in` and `get` work.
    """

    def __str__(self):
        return Exception.__str__(self)


class MappingMixin(collections.abc.Mapping):
    """Makes a class a read-only mapping over its properties, in the order of their names."""

    def properties(self):
        """The names of all properties."""
        return [name for name in dir(type(self)) if self._is_property(name)]

    def _is_property(self, _property):
        return isinstance(getattr(type(self), _property, None), property)

    def __getitem__(self, k):
        if not isinstance(k, str) or not self._is_property(k):
            raise NotAProperty("Trying to access non property {}".format(k))
        return getattr(self, k)

    def __len__(self):
        return len(self.properties())

    def __iter__(self):
        return iter(self.properties())

    def __str__(self):
        return str(dict(self))


def stored(name, doc):
    """A read-only property that returns `self._values[name]`."""

    def get(self):
        return self._values[name]

    return property(get, doc=doc)
