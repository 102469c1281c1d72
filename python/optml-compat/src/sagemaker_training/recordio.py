"""Records of RecordIO."""

from optml_compat.records import (
    read_records as _read_recordio,
    resolve_type as _resolve_type,
    write_dense as _write_numpy_to_dense_tensor,
    write_record as _write_recordio,
    write_sparse as _write_spmatrix_to_sparse_tensor,
)

__all__ = [
    "_read_recordio",
    "_resolve_type",
    "_write_numpy_to_dense_tensor",
    "_write_recordio",
    "_write_spmatrix_to_sparse_tensor",
]
