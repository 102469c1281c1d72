"""The texts of a failure report, as `optml train` writes them."""

from __future__ import annotations

from optml._native import (
    FAILURE_LIMIT_BYTES,
    is_secret_name,
    plain_text,
    redact,
    redact_words,
    signal_name,
    signal_text,
)

__all__ = [
    "TEXT_LIMIT_BYTES",
    "is_secret_name",
    "plain_text",
    "redact",
    "redact_words",
    "signal_name",
    "signal_text",
]

TEXT_LIMIT_BYTES: int = FAILURE_LIMIT_BYTES
"""As much of ``output/failure`` as the platform shows: 1,024 bytes."""
