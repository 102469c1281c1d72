"""Arrays as bodies, and bodies as arrays: JSON, CSV, NPY, and RecordIO for writing."""

from optml import CodecError
from optml.codec import first as _first
from optml.codec.first import array_to_csv, array_to_json, array_to_npy, array_to_recordio_protobuf, json_to_numpy, npy_to_numpy
from sagemaker_containers import _content_types as content_types, _errors as errors

__all__ = [
    "array_to_csv",
    "array_to_json",
    "array_to_npy",
    "array_to_recordio_protobuf",
    "csv_to_numpy",
    "decode",
    "encode",
    "json_to_numpy",
    "npy_to_numpy",
]


def csv_to_numpy(string_like, dtype=None):
    """The array of a CSV text: numbers where all cells are numbers, else texts. Raises ClientError for what is no CSV."""
    try:
        return _first.csv_to_numpy(string_like, dtype)
    except (CodecError, ValueError) as error:
        raise errors.ClientError("Error while decoding csv: {}".format(error)) from error


_encoders_map = {
    content_types.NPY: array_to_npy,
    content_types.CSV: array_to_csv,
    content_types.JSON: array_to_json,
}
_decoders_map = {
    content_types.NPY: npy_to_numpy,
    content_types.CSV: csv_to_numpy,
    content_types.JSON: json_to_numpy,
}


def decode(obj, content_type):
    """The array of a body. Raises UnsupportedFormatError for another content type."""
    if content_type not in _decoders_map:
        raise errors.UnsupportedFormatError(content_type)
    return _decoders_map[content_type](obj)


def encode(array_like, content_type):
    """The body of an array. Raises UnsupportedFormatError for another content type."""
    if content_type not in _encoders_map:
        raise errors.UnsupportedFormatError(content_type)
    return _encoders_map[content_type](array_like)
