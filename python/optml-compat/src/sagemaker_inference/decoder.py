"""Bodies as arrays: JSON, CSV, NPY, and sparse matrices in NPZ. Pickles in a body are never read."""

from optml.codec.second import (
    csv_to_numpy as _csv_to_numpy,
    json_to_numpy as _json_to_numpy,
    npy_to_numpy as _npy_to_numpy,
    npz_to_sparse as _npz_to_sparse,
)
from sagemaker_inference import content_types, errors

_decoder_map = {
    content_types.NPY: _npy_to_numpy,
    content_types.CSV: _csv_to_numpy,
    content_types.JSON: _json_to_numpy,
    content_types.NPZ: _npz_to_sparse,
}


def decode(obj, content_type):
    """The array of a body. Raises UnsupportedFormatError for another content type; parameters of a type don't count."""
    essence = content_type.split(";")[0].strip().lower() if content_type else content_type
    if essence not in _decoder_map:
        raise errors.UnsupportedFormatError(content_type)
    return _decoder_map[essence](obj)
