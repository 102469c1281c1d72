#part functions
"""User functions: found, checked, called in order."""

FUNCTION_BITS = {"model_fn": 0x001, "input_fn": 0x002, "predict_fn": 0x004, "output_fn": 0x008, "transform_fn": 0x010,
                 "pre_model_fn": 0x020, "model_warmup_fn": 0x040, "execution_parameters_fn": 0x080, "ping_fn": 0x100,
                 "healthcheck_fn": 0x100, "shutdown_fn": 0x200}
PARAMETERS = {
    "model_fn": ("model_dir",),
    "input_fn": ("body", "content_type"),
    "predict_fn": ("data", "model"),
    "output_fn": ("prediction", "accept"),
    "transform_fn": ("model", "body", "content_type", "accept"),
    "pre_model_fn": ("model_dir",),
    "model_warmup_fn": ("model_dir", "model"),
    "execution_parameters_fn": (),
    "ping_fn": (),
    "healthcheck_fn": (),
    "shutdown_fn": (),
}
EXAMPLES = {
    "model_fn": "def model_fn(model_dir):\n    return joblib.load(os.path.join(model_dir, \"model.joblib\"))",
    "predict_fn": "def predict_fn(data, model):\n    return model.predict(data)",
}
# In `co_flags`.
HAS_ARGS, HAS_KWARGS, IS_COROUTINE, IS_ASYNC_GENERATOR = 0x04, 0x08, 0x80 | 0x100, 0x200


class LoadError(Exception):
    """User code that can't be served, and what to write instead."""


class Function:
    """A function of the user's, called with its usual arguments, and with a context where it wants one."""

    __slots__ = ("name", "call", "wants_context", "is_async", "is_generator")

    def __init__(self, name, function):
        self.name = name
        self.is_async, self.is_generator = kind_of(function)
        self.call, self.wants_context = bind(name, function)

    def step(self, arguments, request):
        if not self.wants_context:
            return self, arguments
        if request.context is None:
            need("context")
            request.context = Context(request)
        return self, arguments + (request.context,)


class Functions:
    """A model and the functions around it."""

    def __init__(self, module, entry):
        self.model = None
        self.entry = entry
        found = {name: getattr(module, name, None) for name in PARAMETERS} if module is not None else {}
        self.functions = {name: Function(name, function) for name, function in found.items() if function is not None}
        get = self.functions.get
        self.input_fn, self.predict_fn, self.output_fn = get("input_fn"), get("predict_fn"), get("output_fn")
        self.transform_fn = get("transform_fn")
        self.ping_fn = get("ping_fn") or get("healthcheck_fn")
        self.check()

    def check(self):
        others = [name for name in ("input_fn", "predict_fn", "output_fn") if name in self.functions]
        if self.transform_fn and others:
            raise LoadError("%s has a transform_fn and also %s: transform_fn does all of it, so keep the one or the others"
                            % (self.place, ", ".join(others)))
        missing = "model_fn" if "model_fn" not in self.functions else None
        if missing is None and not self.predict_fn and not self.transform_fn:
            missing = "predict_fn"
        if missing:
            raise LoadError("%s has no %s; add one, such as:\n\n%s\n" % (self.place, missing, EXAMPLES[missing]))

    @property
    def place(self):
        return "`%s.py`" % self.entry.replace(".", "/")

    @property
    def bits(self):
        bits = 0
        for name in self.functions:
            bits |= FUNCTION_BITS[name]
        return bits

    @property
    def is_async(self):
        return any(function.is_async for function in self.functions.values())

    @property
    def uses_arrays(self):
        return not self.transform_fn and not (self.input_fn and self.output_fn)

    @property
    def direct(self):
        """The function to call with a body that is an array, when nothing else is to be done."""
        only = self.predict_fn if not (self.input_fn or self.output_fn or self.transform_fn) else None
        return None if only is None or only.wants_context else only.call

    # ---- A request, step by step: each `yield` is a call of user code, so that it can be made in a thread or awaited.

    def steps(self, request):
        if request.method == b"GET" and request.path in (b"/ping", b"/execution-parameters"):
            return (yield from self.probe_steps(request))
        if self.transform_fn:
            arguments = (self.model, self.body_for_user(request), request.content_type, request.accept)
            request.stage = "predict"
            result = yield self.transform_fn.step(arguments, request)
            answer = answer_of(result, request)
        else:
            if self.input_fn:
                arguments = (self.body_for_user(request), request.content_type)
                data = yield self.input_fn.step(arguments, request)
            elif request.flags & IS_ARRAY:
                data = array_of(request)
            else:
                need("decode")
                data = decode(request.raw_body(), request.content_type)
            request.stage = "predict"
            prediction = yield self.predict_fn.step((data, self.model), request)
            del data
            answer = yield from self.output_steps(prediction, request)
        if request.context is not None:
            request.context.apply(answer)
        return answer

    def output_steps(self, prediction, request):
        if not self.output_fn:
            request.stage = "output"
            return default_output(prediction, request)
        request.stage = "output"
        result = yield self.output_fn.step((prediction, request.accept), request)
        return answer_of(result, request)

    def probe_steps(self, request):
        """The two questions that are not about data."""
        if request.path == b"/ping":
            is_well = True
            if self.ping_fn:
                is_well = yield self.ping_fn.step((), request)
            return Answer(status=200 if is_well else 503)
        function = self.functions.get("execution_parameters_fn")
        if function is None:
            return Answer(status=404)
        parameters = yield function.step((), request)
        if isinstance(parameters, str):
            return Answer(parameters.encode(), headers=type_header(JSON))
        need("encode")
        return Answer(compact_json(parameters), headers=type_header(JSON))

    def body_for_user(self, request):
        """Text for JSON and CSV, else bytes."""
        body = request.raw_body()
        kind = media_type(request.content_type)
        if kind.essence not in (JSON, CSV):
            return bytes(body)
        if kind.charset:
            need("decode")
            return text_body(body, kind)
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            need("faults")
            raise not_utf8(error) from None

    def execute(self, request):
        return begin_stream(run_steps(self.steps(request)), request)

    def respond(self, request, write):
        started = monotonic_ns()
        try:
            answer = self.execute(request)
        except BaseException as error:
            if request.method != b"GET" or request.path != b"/ping":
                raise
            need("faults")
            answer = Answer(text_of(error).encode("utf-8", "replace"), 503)
        request.took_us = (monotonic_ns() - started) // 1000
        return transmit(request, answer, write)


def run_steps(steps):
    result = None
    while True:
        try:
            function, arguments = steps.send(result)
        except StopIteration as stop:
            return stop.value
        result = function.call(*arguments)


def begin_stream(answer, request):
    """Waits for the first item of a stream, so that what fails before it still has a status of its own."""
    pieces = answer.pieces
    if pieces is None:
        return answer
    if is_async_stream(pieces.items):
        raise TypeError("an async generator came out of a function that is not async: write `async def`")
    for first in pieces.items:
        answer.headers += pieces.header(first)
        answer.body = pieces.encode(first)
        return answer
    answer.headers += pieces.header(b"")
    answer.pieces = None
    return answer


# ---- Signatures


def kind_of(function):
    """Whether calling it gives something to await or iterate asynchronously; whether it is a generator."""
    for candidate in unwrapped(function):
        code = getattr(candidate, "__code__", None)
        flags = getattr(code, "co_flags", 0)
        if flags & (IS_COROUTINE | IS_ASYNC_GENERATOR):
            return True, False
        if flags & 0x20:
            return False, True
        # What `inspect.markcoroutinefunction` leaves behind.
        if getattr(candidate, "_is_coroutine_mark", None) is not None:
            return True, False
    return False, False


def unwrapped(function):
    """The function itself, what a `functools.partial` holds, and the `__call__` of an object."""
    while hasattr(function, "func") and hasattr(function, "keywords"):
        function = function.func
    yield function
    call = getattr(type(function), "__call__", None)
    if getattr(call, "__code__", None) is not None:
        yield call


def parameters_of(function):
    """Pairs of a name and a kind: `required`, `optional`, `args`, `keyword`, `kwargs`. `None` where Python can't tell."""
    code = getattr(function, "__code__", None)
    is_plain = type(function) is type(parameters_of) and not hasattr(function, "__wrapped__") and not hasattr(function, "__signature__")
    if code is not None and is_plain:
        n = code.co_argcount
        n_required = n - len(function.__defaults__ or ())
        found = [(name, "required" if i < n_required else "optional") for i, name in enumerate(code.co_varnames[:n])]
        keywords = code.co_varnames[n : n + code.co_kwonlyargcount]
        defaults = function.__kwdefaults__ or {}
        found += [(name, "keyword" if name in defaults else "needed") for name in keywords]
        found += [("args", "args")] * bool(code.co_flags & HAS_ARGS)
        return found
    import inspect

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    kinds = {inspect.Parameter.VAR_POSITIONAL: "args", inspect.Parameter.VAR_KEYWORD: "kwargs"}
    found = []
    for parameter in signature.parameters.values():
        is_optional = parameter.default is not inspect.Parameter.empty
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            kind = "keyword" if is_optional else "needed"
        else:
            kind = kinds.get(parameter.kind) or ("optional" if is_optional else "required")
        found.append((parameter.name, kind))
    return found


def bind(name, function):
    """A callable that takes the usual arguments, and whether it takes a context after them."""
    base = PARAMETERS[name]
    if not callable(function):
        raise LoadError("`%s` is no function, but a %s" % (name, type(function).__name__))
    found = parameters_of(function)
    if found is None:
        return function, False
    n_base = len(base)
    positional = [parameter for parameter, kind in found if kind in ("required", "optional")]
    n_required = sum(kind == "required" for _, kind in found)
    has_args = any(kind == "args" for _, kind in found)
    needed = [parameter for parameter, kind in found if kind == "needed" and parameter != "context"]
    if not needed and any(parameter == "context" and kind in ("keyword", "needed") for parameter, kind in found):
        if n_required <= n_base and (has_args or len(positional) >= n_base):
            return lambda *arguments: function(*arguments[:-1], context=arguments[-1]), True
    elif not needed and "context" in positional:
        at = positional.index("context")
        n_others = n_required - any(parameter == "context" and kind == "required" for parameter, kind in found)
        if n_others <= n_base and (has_args or len(positional) - 1 >= n_base):
            if at >= n_base:
                # Parameters with defaults may stand between.
                return (function, True) if at == n_base else (
                    lambda *arguments: function(*arguments[:-1], context=arguments[-1]), True)
            return lambda *arguments: function(*arguments[:at], arguments[-1], *arguments[at:-1]), True
    elif not needed:
        if n_required == n_base + 1:
            return function, True
        if n_required <= n_base and has_args:
            return function, True
        if n_required <= n_base <= len(positional):
            return function, False
    raise LoadError("%s must take (%s), and may take a context after them; found %s%s" % (
        name, ", ".join(base), name, signature_text(function, found)))


def signature_text(function, found):
    try:
        import inspect

        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "(%s)" % ", ".join(parameter for parameter, _ in found)


# ---- Loading


def find_module(entry, is_explicit, searched):
    """Imports the user's module. `None`: nobody asked for it by name, and it isn't there."""
    try:
        return import_module(entry)
    except ModuleNotFoundError as error:
        if error.name is None or not (entry + ".").startswith(error.name + "."):
            raise
        if not is_explicit:
            return None
    raise ModuleNotFoundError("there is no module `%s`; looked in: %s" % (entry, ", ".join(searched) or "nothing"), name=entry)


def import_module(entry):
    """By name; but by its file where the name is taken already, by the standard library for instance."""
    head = entry.split(".")[0]
    is_taken = head in sys.modules or head in sys.builtin_module_names
    if is_taken and head == entry:
        place = os.path.join(WORKER.setting("code_dir"), entry)
        for path, folders in ((place + ".py", None), (os.path.join(place, "__init__.py"), [place])):
            if os.path.isfile(path):
                return import_file(entry, path, folders)
    __import__(entry)
    return sys.modules[entry]


def import_file(name, path, folders):
    import importlib.util

    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folders)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def load_functions(worker):
    """Import, model, warm-up: what comes before the first request."""
    entry = worker.setting("entry", "inference")
    enter_phase(1)
    module = find_module(entry, worker.is_on("explicit"), search_paths(worker))
    program = Functions(module, entry)
    need("results")
    worker.program = program
    if program.is_async:
        need("loop")
        start_loop(worker)
    call = run_now if program.is_async else run_here
    enter_phase(2)
    model_dir = worker.setting("model_dir")
    worker.may_recover = True
    for name in ("pre_model_fn", "model_fn"):
        if name in program.functions:
            result = call(program.functions[name].step((model_dir,), no_request()))
    worker.may_recover = False
    program.model = result
    enter_phase(3)
    warm_up(worker, program, call)
    return program


def no_request():
    """Stands in for the request of functions that run before there is one."""
    need("context")
    request = Request()
    request.context = Context()
    return request


def run_here(step):
    function, arguments = step
    return function.call(*arguments)


def warm_up(worker, program, call):
    warmup = program.functions.get("model_warmup_fn")
    try:
        if warmup:
            call(warmup.step((worker.setting("model_dir"), program.model), no_request()))
        else:
            folder = os.path.join(worker.setting("code_dir"), "warmup")
            if worker.setting("code_dir") and os.path.isdir(folder):
                need("warmup")
                replay(folder, program)
    except Exception as error:
        if not worker.is_on("warmup_optional"):
            raise
        need("faults")
        complain("the warm-up failed: %s: %s" % (type(error).__name__, text_of(error)))


def complain(text):
    """A line of the log that no frame has a place for."""
    try:
        os.write(2, ("warning: %s\n" % text).encode("utf-8", "backslashreplace"))
    except OSError:
        pass


def search_paths(worker):
    paths = [worker.setting("code_dir")]
    if paths[0] and os.path.isdir(os.path.join(paths[0], "lib")):
        paths.append(os.path.join(paths[0], "lib"))
    paths += worker.setting("code_paths").split("\0")
    return [path for path in paths if path]
