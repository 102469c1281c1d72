#part results
"""From what user code returns to an answer."""

need("media")

BYTES = (bytes, bytearray, memoryview)


def written_by_front(value, form):
    """The array that the front will write in that format, or `None`."""
    if numpy is None or form not in WRITABLE:
        return None
    if not isinstance(value, numpy.ndarray):
        # Nobody else writes this format. Labels have no way here: rows only.
        if form != RECORDIO or not isinstance(value, (list, tuple, numpy.generic)):
            return None
        value = numpy.array(value)
    try:
        # Subclasses have their own ideas, of masks for instance, that only they can write.
        is_plain = type(value) is numpy.ndarray and value.dtype in CODES and value.ndim <= 32
    except TypeError:  # A dtype without a hash.
        return None
    return value if is_plain else None


def default_output(prediction, request):
    """The answer of a user without an `output_fn`; `accept` is one type that was negotiated."""
    accept = request.accept
    form = media_type(accept).format()
    kind = media_type(accept).essence
    own_type = request.context.answer_type() if request.context is not None else None
    if own_type is None:
        array = written_by_front(prediction, form)
        if array is not None:
            return Answer(array=array)
    if is_stream(prediction) or is_response(prediction):
        return answer_of(prediction, request)
    if isinstance(prediction, BYTES):
        return Answer(as_bytes(prediction), headers=type_header(kind))
    if isinstance(prediction, str) and form not in WRITABLE:
        return Answer(prediction.encode(), headers=type_header(kind))
    need("encode")
    if form not in WRITABLE:
        raise not_acceptable(accept, WRITABLE)
    return Answer(encode(prediction, form), headers=type_header(kind))


def answer_of(result, request):
    """The answer that an `output_fn` or `transform_fn` has made: a body alone, with its type, with its status, or all in one
    object."""
    content_type, status = None, 200
    if type(result) is tuple and 2 <= len(result) <= 3 and is_type(result[1]) and (len(result) == 2 or is_status(result[2])):
        content_type = result[1]
        status = int(result[2]) if len(result) == 3 else 200
        result = result[0]
    if is_response(result):
        answer = answer_of_response(result, request)
        if content_type is not None:
            answer.headers = [pair for pair in answer.headers if pair[0].lower() != b"content-type"]
            answer.headers += type_header(content_type)
        return answer
    if is_stream(result):
        return stream_of(result, request, content_type, status)
    body, kind = body_of(result, request, content_type)
    return Answer(body, status, type_header(kind) if kind else ())


def is_type(value):
    return value is None or isinstance(value, str)


def is_status(value):
    return isinstance(value, int) and not isinstance(value, bool)


def body_of(result, request, content_type):
    """The bytes of a result, and their type."""
    if isinstance(result, str):
        return result.encode(), content_type or preferred_type(request.accept) or JSON
    if isinstance(result, BYTES):
        return as_bytes(result), content_type or preferred_type(request.accept) or OCTETS
    if result is None:
        return b"", content_type
    if not isinstance(result, (dict, list, tuple, int, float)) and not hasattr(result, "tolist"):
        raise TypeError("a result of type %s can't be sent: return bytes, text, an array, or what JSON can hold"
                        % type(result).__name__)
    need("encode")
    kind = media_type(content_type or preferred_type(request.accept) or JSON)
    form = kind.format()
    if hasattr(result, "tolist") and form in WRITABLE:
        if form == RECORDIO:
            raise BadResult("an array that comes out of `output_fn` can't be written as `%s`" % RECORDIO)
        return encode(result, form), content_type or kind.essence
    if form == JSON_LINES:
        return encode_json_lines(result), content_type or kind.essence
    if content_type is None and form != JSON:
        return compact_json(result), JSON
    return compact_json(result), content_type or kind.essence


def as_bytes(value):
    """Contiguous bytes; the object itself where it is."""
    if isinstance(value, memoryview):
        return value.cast("B") if value.contiguous and value.nbytes else value.tobytes()
    return value


def type_header(content_type):
    return [(b"content-type", as_field(content_type))] if content_type else []


# ---- Responses of web frameworks, by what they look like


def is_response(value):
    if value is None or isinstance(value, (str, bytes, dict, list, tuple)):
        return False
    has_status = hasattr(value, "status_code") or hasattr(value, "status")
    return has_status and any(hasattr(value, name) for name in ("get_data", "data", "body", "body_iterator"))


def answer_of_response(response, request):
    status = getattr(response, "status_code", None)
    if not is_status(status):
        status = getattr(response, "status", 200)
        # `200 OK` is how some say it.
        status = int(str(status).split()[0]) if not is_status(status) else status
    headers = []
    fields = getattr(response, "headers", None)
    if fields is not None:
        pairs = fields.items() if hasattr(fields, "items") else fields
        headers = [(as_field(name), as_field(value)) for name, value in pairs]
        # The length is that of the body; it is the front's to say.
        headers = [pair for pair in headers if pair[0].lower() != b"content-length"]
    content_type = next((value.decode("latin-1") for name, value in headers if name.lower() == b"content-type"), None)
    if content_type is None:
        named = [getattr(response, name, None) for name in ("media_type", "mimetype", "content_type")]
        content_type = next((name for name in named if isinstance(name, str) and name), None)
        headers += type_header(content_type)
    body = getattr(response, "body_iterator", None)
    if body is None:
        if hasattr(response, "get_data"):
            body = response.get_data()
        else:
            body = response.data if hasattr(response, "data") else response.body
    if is_stream(body):
        answer = stream_of(body, request, content_type, status)
        # A type that it has found is not among these.
        answer.headers = headers if content_type else headers + answer.headers
        return answer
    raw, kind = body_of(body, request, content_type)
    return Answer(raw, status, headers if content_type or not kind else headers + type_header(kind))


# ---- Streams


def is_stream(value):
    kind = type(value)
    return hasattr(kind, "__next__") or hasattr(kind, "__anext__") or (
        hasattr(kind, "__aiter__") and not hasattr(kind, "__len__"))


def is_async_stream(value):
    return hasattr(type(value), "__anext__") or hasattr(type(value), "__aiter__")


def stream_of(items, request, content_type, status):
    """An answer in pieces. The type may still change when the first item is known: `begin_stream`."""
    if content_type is None and request.context is not None:
        content_type = request.context.answer_type()
    if content_type is None:
        # The front has negotiated for formats of arrays; events are asked for by the header itself.
        wants = b",".join(value for name, value in request.headers if name.lower() == b"accept")
        content_type = EVENTS if preferred_type(as_text(wants)) == EVENTS else None
    answer = Answer(status=status, headers=type_header(content_type))
    answer.pieces = Pieces(items, request, content_type)
    return answer


class Pieces:
    """Items of user code, and how they become bytes."""

    def __init__(self, items, request, content_type):
        self.items = items
        self.accept = request.accept
        self.kind = media_type(content_type).essence if content_type else None

    def header(self, first):
        """The content type when user code has named none, now that the first item is there."""
        if self.kind is not None:
            return []
        self.kind = preferred_type(self.accept) or (OCTETS if isinstance(first, BYTES) else JSON)
        if self.kind == JSON and not isinstance(first, (str,) + BYTES):
            # Several values are no JSON document; a line for each is what this is.
            self.kind = JSON_LINES
        return type_header(self.kind)

    def encode(self, item):
        if isinstance(item, str):
            return item.encode()
        if isinstance(item, BYTES):
            return as_bytes(item)
        need("encode")
        text = compact_json(item)
        return b"data: " + text + b"\n\n" if self.kind == EVENTS else text + b"\n"

    def last_words(self, failure):
        """How a stream tells of its failure in its own format. `None`: it has no way, and is broken off."""
        if self.kind != EVENTS and self.kind not in JSON_LINES_NAMES:
            return None
        need("encode")
        _, kind, message, _, _ = failure
        text = compact_json({"error": {"type": kind, "message": message}})
        return b"event: error\ndata: " + text + b"\n\n" if self.kind == EVENTS else text + b"\n"
