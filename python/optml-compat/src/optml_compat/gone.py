"""Names of the reference that have no meaning here: asking for one says what to use instead."""


def attribute(module, names):
    """The `__getattr__` of a module: `names` says for each name that is gone why, and what to use."""

    def get(name):
        if name in names:
            raise AttributeError("{}.{} does not exist in optml-compat\nhint: {}".format(module, name, names[name]))
        raise AttributeError("module {!r} has no attribute {!r}".format(module, name))

    return get
