#part media
"""Media types: `Content-Type` and `Accept` taken apart, and which formats there are."""

import codecs

JSON, CSV, NPY, NPZ = "application/json", "text/csv", "application/x-npy", "application/x-npz"
JSON_LINES, RECORDIO = "application/jsonlines", "application/x-recordio-protobuf"
OCTETS, TEXT, EVENTS = "application/octet-stream", "text/plain", "text/event-stream"
# What can be read, and what an array can be written as; each by its first name.
READABLE = (JSON, CSV, NPY, NPZ, JSON_LINES, RECORDIO, OCTETS, TEXT)
WRITABLE = (JSON, CSV, NPY, NPZ, JSON_LINES, RECORDIO)
JSON_LINES_NAMES = (JSON_LINES, "application/x-jsonlines", "application/x-ndjson", "application/jsons")


class MediaType:
    """A parsed media type: `essence` in lower case, `parameters` by lower-case name."""

    def __init__(self, header):
        essence, _, rest = header.partition(";")
        self.essence = essence.strip().lower() or JSON
        self.parameters = {}
        while rest:
            parameter, rest = split_parameter(rest)
            name, equals, value = parameter.partition("=")
            if equals:
                self.parameters.setdefault(name.strip().lower(), unquoted(value.strip()))

    @property
    def charset(self):
        return self.parameters.get("charset", "")

    def format(self):
        """The name by which this part knows the format; `None` for those that nobody can read."""
        if self.essence in JSON_LINES_NAMES:
            return JSON_LINES
        if self.essence in READABLE:
            return self.essence
        is_json = self.essence.startswith("application/") and self.essence.endswith("+json")
        return JSON if is_json and self.essence != "application/+json" else None

    def codec(self):
        """The name of Python's codec for the charset."""
        if self.charset.lower() in ("", "utf-8", "utf8", "us-ascii", "ascii"):
            return "utf-8"
        need("faults")
        try:
            found = codecs.lookup(self.charset)
            # Not those from bytes to bytes, such as `zip`.
            if not getattr(found, "_is_text_encoding", True):
                raise LookupError
        except (LookupError, ValueError):
            raise UnsupportedMediaType("the charset `%s` is not known" % excerpt(self.charset)) from None
        return found.name

    def __str__(self):
        return self.essence + "".join("; %s=%s" % pair for pair in self.parameters.items())

    def __repr__(self):
        return "MediaType(%r)" % str(self)


class Range:
    """One element of an `Accept` list."""

    def __init__(self, element):
        essence, _, rest = element.partition(";")
        essence = essence.strip().lower()
        self.essence = "*/*" if essence == "*" else essence
        self.weight = 1.0
        for parameter in rest.split(";"):
            name, equals, value = parameter.partition("=")
            if equals and name.strip().lower() == "q":
                self.weight = weight_of(value.strip())
                break

    def __repr__(self):
        return "Range(%r, weight=%r)" % (self.essence, self.weight)


def split_parameter(rest):
    """Up to the next semicolon that isn't within quotes, and what is behind it."""
    is_quoted = is_escaped = False
    for at, c in enumerate(rest):
        if is_escaped:
            is_escaped = False
        elif c == "\\" and is_quoted:
            is_escaped = True
        elif c == '"':
            is_quoted = not is_quoted
        elif c == ";" and not is_quoted:
            return rest[:at], rest[at + 1 :]
    return rest, ""


def unquoted(value):
    if not value.startswith('"'):
        return value
    plain, at = [], 1
    while at < len(value) and value[at] != '"':
        at += value[at] == "\\"
        plain.append(value[at : at + 1])
        at += 1
    return "".join(plain)


def weight_of(text):
    """A weight that isn't one counts as 1."""
    whole, _, fraction = text.partition(".")
    if whole not in ("0", "1") or len(fraction) > 3 or not all("0" <= c <= "9" for c in fraction):
        return 1.0
    weight = float(text)
    return weight if weight <= 1 else 1.0


def ranges_of(accept):
    return [item for item in map(Range, accept.split(",")) if item.essence == "*/*" or "/" in item.essence]


_KNOWN_TYPES = {}


def media_type(header):
    """A parsed media type. The few that clients really send are parsed once."""
    found = _KNOWN_TYPES.get(header)
    if found is None:
        found = MediaType(header)
        if len(_KNOWN_TYPES) < 64:
            _KNOWN_TYPES[header] = found
    return found


def preferred_type(accept):
    """The type that a client likes best, for results of user code that don't name theirs. `None`: it named none."""
    named = [item for item in ranges_of(accept) if "*" not in item.essence and item.weight > 0]
    return max(named, key=lambda item: item.weight).essence if named else None
