"""RecordIO-protobuf, the format of the built-in algorithms: frames, and in each a message `aialgs.data.Record`. No protobuf is needed.

A frame is the magic number ``0xced7230a``, a length, the payload and zeros up to a multiple of four, all little-endian.
"""

from __future__ import annotations

from optml import _native
from optml.codec.arrays import numpy_for, of_parts
from optml.codec.content_types import RECORDIO
from optml.errors import CodecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Optional

__all__ = ["dense", "read_dense", "read_records", "sparse", "write_record"]


def write_record(payload: bytes) -> bytes:
    """A frame around a payload of less than 512 MiB.

    Raises:
        CodecError: a longer one.
    """
    return _native.write_record(payload)


def read_records(body: bytes) -> list[bytes]:
    """The payloads of a body, those of divided records together; at most 64 MiB each.

    Raises:
        CodecError: with the number of the record.
    """
    return _native.read_records(body)


def dense(array_like: Any, labels: Any = None) -> bytes:
    """A record for each row; a vector is one row. int64 becomes int32, the widest there is.

    Shape: ``(rows, columns)`` of int32, int64, float32 or float64; labels ``(rows,)``.

    Raises:
        CodecError: another type, more axes, a whole number of more than 32 bits, or not one label a row.
    """
    numpy = numpy_for(RECORDIO)
    array = numpy.asarray(array_like)
    body = _native.write_dense(_given(numpy, array), _labels(numpy, labels))
    if body is None:
        raise _unwritable(array)
    return body


def sparse(matrix: Any, labels: Any = None) -> bytes:
    """A record for each row of a scipy sparse matrix: the values that are stored, and the column of each.

    Raises:
        CodecError: as `dense`.
    """
    numpy = numpy_for(RECORDIO)
    matrix = matrix.tocsr()
    labels = _labels(numpy, labels)
    n_rows, n_columns = matrix.shape
    if labels is not None and labels[1] != (n_rows,):
        raise CodecError("the labels have the shape {}, the matrix has {} rows".format(labels[1], n_rows), "BadResult")
    values = _narrow(numpy, matrix.data)
    rows = (matrix.indices.tolist(), matrix.indptr[1:].tolist(), n_columns)
    body = _native.write_sparse(_given(numpy, values), rows, labels)
    if body is None:
        raise _unwritable(matrix)
    return body


def read_dense(body: bytes) -> tuple[Any, Optional[Any]]:
    """Features and labels of a body of dense records that are all alike.

    Shape: ``(records, values)`` and ``(records,)``; None if there are no labels. float32, float64 or int32.

    Raises:
        CodecError: with the number of the record.
    """
    numpy = numpy_for(RECORDIO)
    features, labels = _native.read_dense(body)
    return of_parts(numpy, features), None if labels is None else of_parts(numpy, labels)


def _given(numpy: ModuleType, array: Any) -> tuple[str, tuple[int, ...], bytes]:
    array = numpy.ascontiguousarray(array).reshape(array.shape)
    return array.dtype.str, array.shape, array.tobytes()


def _labels(numpy: ModuleType, labels: Any) -> Optional[tuple[str, tuple[int, ...], bytes]]:
    if labels is None:
        return None
    if hasattr(labels, "toarray"):
        labels = labels.toarray()
    array = numpy.asarray(labels)
    # A column of labels is as good as a vector.
    if array.ndim == 2 and 1 in array.shape:
        array = array.reshape(-1)
    return _given(numpy, _narrow(numpy, array))


def _narrow(numpy: ModuleType, array: Any) -> Any:
    """int64 as int32."""
    if array.dtype != numpy.int64:
        return array
    narrow = array.astype(numpy.int32)
    if not numpy.array_equal(narrow, array):
        raise CodecError("a whole number is outside of the 32-bit whole numbers", "BadResult")
    return narrow


def _unwritable(array: Any) -> CodecError:
    message = "an array of {} and {} axes can't be written as `{}`: float32, float64 or whole numbers, at most two axes"
    return CodecError(message.format(array.dtype, len(array.shape), RECORDIO), "BadResult")
