"""The first generation: as sagemaker-containers 2.8.6 and sagemaker-training 5.1.4 read and write, wherever they succeed."""

from __future__ import annotations

from optml import _native
from optml.codec import recordio
from optml.codec.arrays import (
    array_to_json,
    array_to_npy,
    has_items,
    is_array,
    json_to_numpy,
    npy_to_numpy,
    numpy_or_none,
    of_parts,
    of_type,
    text_of,
    text_or_bytes,
)
from optml.codec.content_types import CSV, JSON, NPY
from optml.errors import CodecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Union

    from optml.codec.arrays import _Body

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


def csv_to_numpy(string_like: _Body, dtype: Any = None) -> Any:
    """The rows of a CSV body; without numpy nested lists.

    Quoted cells, doubled quotes; a header is data, and there are no comments. Blank lines are skipped.

    Shape: ``(rows, columns)`` without axes of length 1, so that one row and one column are the same. float64 if every cell is a
    number, else text; an empty cell makes all of it text.

    Raises:
        CodecError: rows of different lengths, an open quote, or cells that are no ``dtype``.
    """
    numpy = numpy_or_none()
    body = text_or_bytes(string_like)
    if numpy is None:
        return _lists(_rows(body))
    if dtype is None:
        parts = _native.decode_plain_csv(body, False)
        if parts is not None:
            return of_parts(numpy, parts)
    array = numpy.array(_rows(body)).squeeze()
    try:
        return array.astype(dtype)
    except ValueError as error:
        if dtype is None:
            return array
        raise CodecError("the CSV cells are no {}: {}".format(numpy.dtype(dtype), error)) from error


def array_to_csv(array_like: Any) -> str:
    """CSV, as Python's `csv` writes it with line feeds: a line for each row; a vector is a column.

    Raises:
        TypeError: a scalar.
    """
    if is_array(array_like) and array_like.ndim in (1, 2) and has_items(array_like):
        text = _native.encode_csv(array_like.dtype.str, array_like.shape, array_like.tobytes())
        if text is not None:
            return text
    numpy = numpy_or_none()
    if numpy is None:
        rows: Iterable[Any] = [row if isinstance(row, (list, tuple)) else [row] for row in array_like]
    else:
        array = numpy.array(array_like)
        if is_array(array) and array.ndim in (1, 2) and has_items(array) and not is_array(array_like):
            return array_to_csv(array)
        rows = array.reshape(-1, 1) if array.ndim == 1 else array
    import csv
    import io

    out = io.StringIO()
    csv.writer(out, lineterminator="\n", strict=True).writerows(rows)
    return out.getvalue()


def array_to_recordio_protobuf(array_like: Any, labels: Any = None) -> bytes:
    """A record for each row of an array or of a scipy sparse matrix, perhaps with a label each. See `optml.codec.recordio`."""
    return recordio.sparse(array_like, labels) if hasattr(array_like, "tocsr") else recordio.dense(array_like, labels)


def decode(obj: _Body, content_type: str) -> Any:
    """The array that a body of that type is: JSON, CSV or NPY.

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


def _rows(body: Union[str, bytes]) -> list[list[str]]:
    """All rows that aren't blank.

    Raises:
        CodecError: with the line.
    """
    import csv
    import io

    text = text_of(body)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), strict=True) if row]
    except csv.Error as error:
        # The reader of `optml serve` knows the line and what is wrong there.
        _native.decode_csv(text.encode("utf-8", "surrogatepass"))
        raise CodecError("malformed CSV: {}".format(error)) from error
    if any(len(row) != len(rows[0]) for row in rows):
        _native.decode_csv(text.encode("utf-8", "surrogatepass"))
        raise CodecError("malformed CSV: the rows have different numbers of cells")
    return rows


def _lists(rows: list[list[str]]) -> Any:
    """Rows as numbers if all are, without axes of length 1."""
    try:
        table: list[list[Any]] = [[float(cell) for cell in row] for row in rows]
    except ValueError:
        table = [list(row) for row in rows]
    if len(table) > 1 and len(table[0]) > 1:
        return table
    cells = [cell for row in table for cell in row]
    return cells[0] if len(cells) == 1 else cells


_DECODERS: dict[str, Callable[[Any], Any]] = {JSON: json_to_numpy, CSV: csv_to_numpy, NPY: npy_to_numpy}
_ENCODERS: dict[str, Callable[[Any], Union[str, bytes]]] = {JSON: array_to_json, CSV: array_to_csv, NPY: array_to_npy}
