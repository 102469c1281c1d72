"""Bodies: bytes and text to arrays and back.

    from optml import codec

    codec.decode("1,2\\n3,4", "text/csv")          # array([[1., 2.], [3., 4.]])
    codec.encode(predictions, "application/json")  # "[0.1, 0.9]"

`first` reads and writes as sagemaker-containers and sagemaker-training do, `second` as sagemaker-inference does; `decode`, `encode` and
the functions here are those of `first`. `recordio` is the format of the built-in algorithms.

Rectangular bodies of numbers are read and written by compiled code; everything else is, as in the reference, numpy's and the standard
library's business, with their results and their errors. Nothing is ever unpickled. numpy is imported when an array is asked for; where
it is not installed, JSON and CSV become lists.
"""

from __future__ import annotations

from optml.codec import content_types, first, recordio, second
from optml.codec.first import (
    array_to_csv,
    array_to_json,
    array_to_npy,
    array_to_recordio_protobuf,
    csv_to_numpy,
    decode,
    encode,
    json_to_numpy,
    npy_to_numpy,
)

__all__ = [
    "array_to_csv",
    "array_to_json",
    "array_to_npy",
    "array_to_recordio_protobuf",
    "content_types",
    "csv_to_numpy",
    "decode",
    "encode",
    "first",
    "json_to_numpy",
    "npy_to_numpy",
    "recordio",
    "second",
]
