"""Arrays as bodies, and bodies as arrays: JSON, CSV, NPY, and RecordIO for writing."""

from optml.codec.first import array_to_csv, array_to_json, array_to_npy, array_to_recordio_protobuf, json_to_numpy, npy_to_numpy
from optml_compat import encoders
from sagemaker_training import errors

__all__ = [
    "array_to_csv",
    "array_to_json",
    "array_to_npy",
    "array_to_recordio_protobuf",
    "csv_to_numpy",
    "decode",
    "encode",
    "encoders_map",
    "json_to_numpy",
    "npy_to_numpy",
]


def csv_to_numpy(string_like, dtype=None):
    """The array of a CSV text: numbers where all cells are numbers, else texts. Raises ClientError for what is no CSV."""
    return encoders.csv_to_numpy(string_like, dtype, errors.ClientError)


encoders_map = dict(encoders.ENCODERS)
_decoders_map = encoders.decoders(csv_to_numpy)


def decode(obj, content_type):
    """The array of a body. Raises UnsupportedFormatError for another content type."""
    return encoders.convert(obj, content_type, _decoders_map, errors.UnsupportedFormatError)


def encode(array_like, content_type):
    """The body of an array. Raises UnsupportedFormatError for another content type."""
    return encoders.convert(array_like, content_type, encoders_map, errors.UnsupportedFormatError)
