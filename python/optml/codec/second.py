"""The second generation: as sagemaker-inference 1.10.1 reads and writes. CSV is what `np.genfromtxt` and `np.savetxt` make of it."""

from __future__ import annotations

from optml import _native
from optml.codec.arrays import (
    array_to_json,
    array_to_npy,
    has_items,
    is_array,
    json_to_numpy,
    npy_to_numpy,
    numpy_for,
    numpy_or_none,
    of_parts,
    of_type,
    text_of,
    text_or_bytes,
)
from optml.codec.content_types import CSV, JSON, NPY, NPZ
from optml.errors import CodecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Union

    from optml.codec.arrays import _Body

__all__ = [
    "array_to_csv",
    "array_to_json",
    "array_to_npy",
    "csv_to_numpy",
    "decode",
    "encode",
    "json_to_numpy",
    "npy_to_numpy",
    "npz_to_sparse",
]


def csv_to_numpy(string_like: _Body, dtype: Any = None) -> Any:
    """The rows of a CSV body, as `np.genfromtxt` reads them; without numpy nested lists, as `optml.codec.first` has them.

    ``#`` begins a comment, quotes are data, a missing whole number is 0 or -1, and columns of different types make a structure.

    Shape: ``(rows, columns)`` without axes of length 1. int64, float64 or text by column.

    Raises:
        ValueError: rows of different lengths.
    """
    numpy = numpy_or_none()
    if numpy is None:
        from optml.codec import first

        return first.csv_to_numpy(string_like, dtype)
    body = text_or_bytes(string_like)
    if dtype is None:
        parts = _native.decode_plain_csv(body, True)
        if parts is not None:
            return of_parts(numpy, parts)
    import io

    return numpy.genfromtxt(io.StringIO(text_of(body)), dtype=dtype, delimiter=",")


def array_to_csv(array_like: Any) -> str:
    """CSV, as `np.savetxt` writes it: a line for each row; a vector is a column. Text is not quoted.

    Raises:
        ValueError: a scalar, or more than two axes.
        CodecError: numpy is not installed.
    """
    numpy = numpy_for(CSV)
    array = numpy.asarray(array_like)
    # Without an item, numpy's writer has a way of its own.
    if is_array(array) and array.ndim in (1, 2) and array.size and has_items(array):
        text = _native.encode_csv(array.dtype.str, array.shape, array.tobytes())
        if text is not None:
            return text
    import io

    out = io.StringIO()
    numpy.savetxt(out, array_like, delimiter=",", fmt="%s")
    return out.getvalue()


def npz_to_sparse(npz_bytes: Union[bytes, bytearray, memoryview]) -> Any:
    """The scipy sparse matrix that `scipy.sparse.save_npz` wrote. Nothing is unpickled.

    Raises:
        CodecError: not such an archive, or scipy is not installed.
    """
    try:
        from scipy import sparse  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise CodecError("`{}` needs scipy, which is not installed".format(NPZ), "UnsupportedMediaType") from None
    import io
    import zipfile

    try:
        return sparse.load_npz(io.BytesIO(npz_bytes))
    except (ValueError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise CodecError("malformed NPZ: {}".format(error)) from error


def decode(obj: _Body, content_type: str) -> Any:
    """The array that a body of that type is: JSON, CSV or NPY; NPZ is a sparse matrix.

    Raises:
        UnsupportedFormatError: another type; compared as it stands, without parameters.
    """
    return of_type(_DECODERS, content_type)(obj)


def encode(array_like: Any, content_type: str) -> Union[str, bytes]:
    """A value as a body of that type: JSON and CSV are text, NPY is bytes.

    Raises:
        UnsupportedFormatError: another type.
    """
    return of_type(_ENCODERS, content_type)(array_like)


_DECODERS: dict[str, Callable[[Any], Any]] = {JSON: json_to_numpy, CSV: csv_to_numpy, NPY: npy_to_numpy, NPZ: npz_to_sparse}
_ENCODERS: dict[str, Callable[[Any], Union[str, bytes]]] = {JSON: array_to_json, CSV: array_to_csv, NPY: array_to_npy}
