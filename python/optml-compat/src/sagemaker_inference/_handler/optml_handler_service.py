"""A handler service as a model of `optml serve`: what it is given as OPTML_HANDLER.

`COMPAT_HANDLER_SERVICE` names the service: a module or a file, which has a function of the name after `:` (`handle` without one),
or else defines exactly one class with the methods `initialize` and `handle`. It is set by `model_server.start_model_server`.
"""

import importlib
import importlib.util
import inspect
import os


def load(spec):
    """The handler that a text names: a callable of data and context, and what initializes it, or None."""
    module_name, _, function = spec.partition(":")
    if os.path.isfile(module_name):
        found = importlib.util.spec_from_file_location(os.path.splitext(os.path.basename(module_name))[0], module_name)
        if found is None or found.loader is None:
            raise ImportError("handler service `{}` is no Python file".format(module_name))
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
    else:
        module = importlib.import_module(module_name[:-3] if module_name.endswith(".py") else module_name)
    handle = getattr(module, function or "handle", None)
    if handle is not None:
        # Such a function is told of the model by a call without data.
        return handle, lambda context: handle(None, context)
    own = [
        each
        for each in vars(module).values()
        if inspect.isclass(each) and each.__module__ == module.__name__ and hasattr(each, "initialize") and hasattr(each, "handle")
    ]
    if len(own) != 1:
        raise ValueError(
            "handler service `{}` has no function `{}`, and defines {} classes with `initialize` and `handle` instead of one".format(
                spec, function or "handle", len(own)
            )
        )
    service = own[0]()
    return service.handle, service.initialize


def model_fn(model_dir, context):
    """The handler, initialized. A failure of that is a failure to load the model."""
    handle, initialize = load(os.environ["COMPAT_HANDLER_SERVICE"])
    initialize(context)
    return handle


def transform_fn(model, body, content_type, accept, context):
    """The handler's answer to a batch of one. It gets bytes, whatever the content type."""
    answers = model([{"body": bytearray(context.body_view)}], context)
    if not isinstance(answers, (list, tuple)):
        return answers
    if len(answers) != 1:
        raise ValueError("the handler gave {} answers to 1 request".format(len(answers)))
    return answers[0]
