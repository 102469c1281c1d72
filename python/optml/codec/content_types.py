"""The names of media types."""

from __future__ import annotations

JSON = "application/json"
CSV = "text/csv"
NPY = "application/x-npy"
NPZ = "application/x-npz"
OCTET_STREAM = "application/octet-stream"
RECORDIO = "application/x-recordio-protobuf"

ANY = "*/*"
"""A client that takes whatever there is."""

UTF8_TYPES = [JSON, CSV]
"""Those whose bodies are text."""
