"""Arrays as bodies, and bodies as arrays, with errors of the caller's own classes."""

from optml import CodecError
from optml.codec import first
from optml.codec.content_types import CSV, JSON, NPY

ENCODERS = {NPY: first.array_to_npy, CSV: first.array_to_csv, JSON: first.array_to_json}


def decoders(csv_to_numpy):
    """The decoder of each content type; that of CSV is the caller's own."""
    return {NPY: first.npy_to_numpy, CSV: csv_to_numpy, JSON: first.json_to_numpy}


def csv_to_numpy(string_like, dtype, error_class):
    """The array of a CSV text. Raises `error_class` for what is no CSV."""
    try:
        return first.csv_to_numpy(string_like, dtype)
    except (CodecError, ValueError) as error:
        raise error_class("Error while decoding csv: {}".format(error)) from error


def convert(value, content_type, converters, error_class):
    """What the converter of a content type makes of a value. Raises `error_class` for another content type."""
    if content_type not in converters:
        raise error_class(content_type)
    return converters[content_type](value)
