#part application
"""Which kind of application `module:attribute` names."""


def load_application(worker):
    entry = worker.setting("entry")
    module_name, _, path = entry.partition(":")
    enter_phase(1)
    need("functions")
    module = find_module(module_name, True, search_paths(worker))
    application = module
    for name in (path or "app").split("."):
        if not hasattr(application, name):
            raise LoadError("`%s` has no `%s`" % (module_name, path or "app"))
        application = getattr(application, name)
    kind = worker.setting("kind")
    if kind not in ("wsgi", "asgi"):
        kind = application_kind(application, entry)
    enter_phase(2)
    need("replies", "results")
    if kind == "asgi":
        need("loop", "asgi")
        start_loop(worker)
        program = worker.program = AsgiApplication(application)
        program.start()
        enter_phase(3)
    else:
        need("wsgi")
        program = worker.program = WsgiApplication(application)
        enter_phase(3)
        program.warm_up()
    return program


def application_kind(application, entry):
    """ASGI is a coroutine of three parameters, WSGI a function of two."""
    if not callable(application):
        raise LoadError("`%s` is a %s, which can't be called: neither a WSGI nor an ASGI application"
                        % (entry, type(application).__name__))
    is_async, _ = kind_of(application)
    if is_async:
        return "asgi"
    # A class takes the scope or the environment when it is made.
    target = application.__init__ if isinstance(application, type) else application
    parameters = parameters_of(target)
    if parameters is None:
        return "wsgi"
    n_required = sum(kind == "required" for _, kind in parameters)
    if isinstance(application, type):
        n_required -= not hasattr(target, "__self__")
    if n_required == 3:
        return "asgi"
    if n_required == 1:
        raise LoadError("`%s` takes one argument, as ASGI applications before version 3 did: it must be "
                        "`async def app(scope, receive, send)`, or WSGI's `def app(environ, start_response)`" % entry)
    return "wsgi"
