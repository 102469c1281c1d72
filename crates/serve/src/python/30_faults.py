#part faults
"""What went wrong, in words: faults of bodies, and the status of any exception.

The texts are those of `CodecError` in crates/codec, so that a body gets the same answer whichever path read it.
"""

MAX_EXCERPT_CHARS = 120


class BodyFault(Exception):
    """A body that can't be read, or a result that can't be written. `told` is its type for clients, whichever path finds it."""

    status = 400
    told = "BadRequestException"


class BadBody(BodyFault):
    status = 400


class NotAcceptable(BodyFault):
    status = 406
    told = "NotAcceptableException"


class UnsupportedMediaType(BodyFault):
    status = 415
    told = "UnsupportedMediaTypeException"


class BadResult(BodyFault):
    status = 500
    told = "InternalServerException"


def not_utf8(error):
    return BadBody("the body is not UTF-8: byte `0x%02x` at offset %d" % (error.object[error.start], error.start))


def malformed_json(line, column, fault):
    return BadBody("malformed JSON at line %d, column %d: %s" % (line, column, fault))


def malformed_csv(line, fault):
    return BadBody("malformed CSV in line %d: %s" % (line, fault))


def numpy_missing(content_type):
    return UnsupportedMediaType(
        "reading `%s` needs numpy, which is not installed in the container" % content_type)


def unsupported(content_type, supported):
    return UnsupportedMediaType(
        "the content type `%s` is not supported, these are: %s" % (excerpt(content_type), name_list(supported)))


def not_acceptable(accept, supported):
    return NotAcceptable("none of `%s` can be produced, these can: %s" % (excerpt(accept), name_list(supported)))


def name_list(names):
    return ", ".join("`%s`" % name for name in names)


def excerpt(text):
    """As much of a header as a message may repeat, without what could break a line."""
    # Control characters as Unicode has them: both blocks of them.
    short = "".join("\ufffd" if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in text[:MAX_EXCERPT_CHARS])
    return short + ("\u2026" if len(text) > MAX_EXCERPT_CHARS else "")


def failure_of(error, stage="predict"):
    """What a front is told: status, type, message, detail, and whether this worker is spent."""
    name = type(error).__name__
    if isinstance(error, BodyFault):
        return error.status, error.told, str(error), "", False
    if isinstance(error, Unsendable):
        return 500, BadResult.told, str(error), "", False
    message = text_of(error)
    detail = detail_of(error)
    carried = carried_status(error)
    if carried is not None:
        return carried[0], name, carried[1], detail, False
    if name == "UnsupportedFormatError":
        return (406 if stage == "output" else 415), name, message, detail, False
    if is_out_of_memory(error, message):
        return 503, name, message or "out of memory", detail, True
    if isinstance(error, (SystemExit, KeyboardInterrupt)):
        said = message if isinstance(error, SystemExit) and message else "None"
        return 500, name, "user code tried to end the process: %s(%s)" % (name, said), detail, True
    return 500, name, message, detail, False


def carried_status(error):
    """The status and message that an exception has brought itself: of this package's likes, and of web frameworks."""
    for names, texts in (("status_code", ("message", "detail")), ("error_code", ("message",)), ("code", ("description",))):
        try:
            status = getattr(error, names, None)
            if not isinstance(status, int) or isinstance(status, bool) or not 400 <= status <= 599:
                continue
            if names == "code" and not hasattr(error, "description"):
                continue
            found = [getattr(error, text, None) for text in texts]
        except Exception:  # A property of user code's: it has no say then.
            continue
        for text in found:
            if text:
                return int(status), text if isinstance(text, str) else safe_text(text)
        return int(status), text_of(error)
    return None


def is_out_of_memory(error, message):
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return "CUDA out of memory" in message or "CUDA error: out of memory" in message


def text_of(error):
    # `str` of a KeyError is its key in quotes, which says nothing by itself.
    if isinstance(error, KeyError) and len(error.args) == 1:
        return safe_text(error.args[0], repr)
    return safe_text(error)


def safe_text(value, spell=str):
    try:
        return spell(value)
    except BaseException as broken:
        return "<text of %s failed with %s>" % (type(value).__name__, type(broken).__name__)


def detail_of(error):
    """The traceback with all causes, without the worker's own frames."""
    try:
        import traceback

        show_source()
        report = traceback.TracebackException(type(error), error, error.__traceback__)
        drop_own_frames(report, 0)
        return "".join(report.format()) + hint_of(error)
    except BaseException as broken:  # Even a traceback can fail, when memory is short or `__str__` is user code's.
        return "%s (its traceback could not be written: %s)" % (type(error).__name__, type(broken).__name__)


def drop_own_frames(report, depth):
    if report is None or depth > 20:
        return
    report.stack[:] = [frame for frame in report.stack if frame.filename != SOURCE_NAME]
    drop_own_frames(report.__cause__, depth + 1)
    drop_own_frames(report.__context__, depth + 1)
    for part in getattr(report, "exceptions", None) or ():
        drop_own_frames(part, depth + 1)


def hint_of(error):
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.split(".")[0]
        return "hint: `%s` is not installed; add it to requirements.txt\n" % package
    return ""
