"""Arrays on their way to the compiled code and back, and what both generations of the reference have in common."""

from __future__ import annotations

import sys

from optml import _native
from optml.codec.content_types import NPY
from optml.errors import CodecError, UnsupportedFormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType
    from typing import Any, Optional, TypeVar, Union

    _Body = Union[str, bytes, bytearray, memoryview]
    """Text, or its UTF-8."""
    _Converter = TypeVar("_Converter")


def numpy_or_none() -> Optional[ModuleType]:
    """numpy, where it is installed."""
    try:
        import numpy
    except ImportError:
        return None
    return numpy


def numpy_for(content_type: str) -> ModuleType:
    """numpy, which that type cannot do without.

    Raises:
        CodecError: it is not installed.
    """
    numpy = numpy_or_none()
    if numpy is None:
        raise CodecError(
            "`{}` needs numpy, which is not installed".format(content_type),
            "UnsupportedMediaType",
            "install numpy, or use `application/json` or `text/csv`",
        )
    return numpy


def of_type(converters: Mapping[str, _Converter], content_type: str) -> _Converter:
    """The converter of that type.

    Raises:
        UnsupportedFormatError: there is none.
    """
    converter = converters.get(content_type)
    if converter is None:
        raise UnsupportedFormatError(content_type, tuple(converters))
    return converter


def is_array(value: Any) -> bool:
    """Whether it is an array of numpy itself: subclasses (masked arrays, matrices) have rules of their own."""
    # Whoever has an array has imported numpy.
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is getattr(numpy, "ndarray", None)


def has_items(array: Any) -> bool:
    """Whether the compiled code can have the bytes: in Python's own byte order, and no Python objects."""
    return array.dtype.kind in "biuf" and array.dtype.isnative


def of_parts(numpy: ModuleType, parts: tuple[str, tuple[int, ...], bytearray]) -> Any:
    """A decoded array. Its memory is its own, and can be written to."""
    dtype, shape, items = parts
    # `frombuffer` refuses memory without an item.
    return numpy.frombuffer(items, dtype).reshape(shape) if items else numpy.zeros(shape, dtype)


def array_to_npy(array_like: Any) -> bytes:
    """An NPY file, as `np.save` writes it.

    Raises:
        CodecError: an array of Python objects, which would have to be pickled; or numpy is not installed.
    """
    numpy = numpy_for(NPY)
    array = numpy.asanyarray(array_like)
    if array.dtype.hasobject:
        raise CodecError("an array of Python objects can't be written as `{}`".format(NPY), "BadResult")
    header = _native.npy_header(array.dtype.str, array.shape) if array.flags.c_contiguous and array.dtype.names is None else None
    if header is not None:
        # One copy, into the result.
        return b"".join((header, array.data)) if array.nbytes and has_items(array) else header + array.tobytes()
    import io

    out = io.BytesIO()
    numpy.lib.format.write_array(out, array, allow_pickle=False)
    return out.getvalue()


def npy_to_numpy(npy_array: Union[bytes, bytearray, memoryview]) -> Any:
    """The array in an NPY file. Its memory is its own. Nothing is unpickled.

    Raises:
        CodecError: not an NPY file, one that ends too early, or one of Python objects; or numpy is not installed.
    """
    numpy = numpy_for(NPY)
    body = as_bytes(npy_array)
    found = _native.preview_npy(body)
    if found is not None:
        dtype, shape, start, end = found
        if start == end:
            return numpy.zeros(shape, dtype)
        kind = numpy.dtype(dtype)
        return numpy.frombuffer(body, kind, (end - start) // kind.itemsize, start).reshape(shape).copy()
    import io

    try:
        return numpy.lib.format.read_array(io.BytesIO(body), allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise CodecError("malformed NPY: {}".format(error)) from error


def array_to_json(array_like: Any) -> str:
    """JSON, as `json.dumps` writes it, with numpy's values as lists and numbers. ``NaN`` and ``Infinity`` stay.

    Raises:
        TypeError: something that is no JSON and has no ``tolist``.
    """
    if is_array(array_like) and has_items(array_like):
        text = _native.encode_json(array_like.dtype.str, array_like.shape, array_like.tobytes())
        if text is not None:
            return text
    import json

    return json.dumps(array_like, default=_tolist)


def json_to_numpy(string_like: _Body, dtype: Any = None) -> Any:
    """`np.array` of JSON; without numpy the lists and numbers themselves.

    Shape: that of the lists. Whole numbers are int64, others float64; objects are an array without axes that holds a dict.

    Raises:
        ValueError: not JSON, or lists that have no common shape.
    """
    numpy = numpy_or_none()
    body = text_or_bytes(string_like)
    if numpy is not None and dtype is None:
        parts = _native.decode_json(body)
        if parts is not None:
            return of_parts(numpy, parts)
    import json

    value = json.loads(body)
    return value if numpy is None else numpy.array(value, dtype=dtype)


def text_or_bytes(body: _Body) -> Union[str, bytes]:
    """A body in a form that cannot change while it is read."""
    return body if isinstance(body, str) else as_bytes(body)


def as_bytes(body: Union[bytes, bytearray, memoryview]) -> bytes:
    """The bytes of a body. Not `bytes()`, which makes zeros of a number."""
    return body if isinstance(body, bytes) else memoryview(body).tobytes()


def text_of(body: _Body) -> str:
    """A body as text.

    Raises:
        CodecError: it is not UTF-8.
    """
    if isinstance(body, str):
        return body
    try:
        return as_bytes(body).decode()
    except UnicodeDecodeError as error:
        message = "the body is not UTF-8: byte `0x{:02x}` at offset {}".format(error.object[error.start], error.start)
        raise CodecError(message) from None


def _tolist(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError("Object of type {} is not JSON serializable".format(type(value).__name__))
