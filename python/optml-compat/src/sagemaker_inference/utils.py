"""Files and header fields."""

import re

CONTENT_TYPE_REGEX = re.compile(r"content-?type$", re.IGNORECASE)


def read_file(path, mode="r"):
    """The content of a file."""
    with open(path, mode) as file:
        return file.read()


def write_file(path, data, mode="w"):
    """Writes a file."""
    with open(path, mode) as file:
        file.write(data)


def retrieve_content_type_header(request_property):
    """The content type among header fields, in any case and with or without its dash; None when there is none."""
    return next((request_property[name] for name in request_property if CONTENT_TYPE_REGEX.match(name)), None)


def parse_accept(accept):
    """The content types of an `Accept` field, the most wanted first, without their parameters."""
    ranges = []
    for part in accept.split(","):
        essence, *parameters = [word.strip() for word in part.split(";")]
        if essence:
            weight = 1.0
            for parameter in parameters:
                name, _, value = parameter.partition("=")
                if name.strip().lower() == "q":
                    weight = _weight(value)
            if weight > 0:
                ranges.append((essence.lower(), weight))
    return [essence for essence, _ in sorted(ranges, key=lambda range_: -range_[1])]


def _weight(text):
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 1.0


def remove_crlf(illegal_string):
    """The text on one line."""
    return illegal_string.replace("\r", " ").replace("\n", " ")
