"""Arrays as bodies: JSON, CSV, NPY."""

from optml.codec.second import (
    array_to_csv as _array_to_csv,
    array_to_json as _array_to_json,
    array_to_npy as _array_to_npy,
)
from sagemaker_inference import content_types, errors

_encoder_map = {
    content_types.NPY: _array_to_npy,
    content_types.CSV: _array_to_csv,
    content_types.JSON: _array_to_json,
}

SUPPORTED_CONTENT_TYPES = set(_encoder_map)


def encode(array_like, content_type):
    """The body of an array. Raises UnsupportedFormatError for another content type."""
    if content_type not in _encoder_map:
        raise errors.UnsupportedFormatError(content_type)
    return _encoder_map[content_type](array_like)
