"""Functions about functions."""

import collections
import functools
import inspect

# What `inspect.ArgSpec` was until CPython 3.10.
ArgSpec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")


def getargspec(fn):
    """The names of a function's arguments, of its `*` and `**` arguments, and the default values of the last ones."""
    spec = inspect.getfullargspec(fn)
    return ArgSpec(spec.args, spec.varargs, spec.varkw, spec.defaults)


def matching_args(fn, dictionary):
    """The items of a dict that `fn` has a parameter for; all of them when it takes `**`."""
    spec = getargspec(fn)
    if spec.keywords:
        return dictionary
    names = set(spec.args)
    return {name: dictionary[name] for name in dictionary if name in names}


def error_wrapper(fn, error_class):
    """A function that calls `fn`, and raises `error_class` with the exception as its argument when that fails."""

    @functools.wraps(fn, updated=())
    def wrapper(*args, **kwargs):
        try:
            return fn(*args, **kwargs)
        except Exception as error:
            raise error_class(error).with_traceback(error.__traceback__) from error

    return wrapper
