"""The context that a handler's functions may ask for, for annotations. The worker of `optml serve` makes the objects.

    from optml import Context

    def predict_fn(data, model, context: Context):
        context.set_response_header(0, "X-Model", context.model_name)
        return model.predict(data)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Accepted", "Context", "ContentType", "Metrics", "RequestProcessor"]


class ContentType(Protocol):
    """A media type, taken apart."""

    essence: str
    """What stands before ``;``, in lower case: ``text/csv``."""

    parameters: dict[str, str]
    """By lower-case name: ``{"charset": "utf-8"}``."""


class Accepted(Protocol):
    """One element of an ``Accept`` list."""

    essence: str
    """``text/csv``, ``text/*`` or ``*/*``."""

    weight: float
    """0 to 1; 1 where none is given."""


class RequestProcessor(Protocol):
    """One request, by the names that handlers of batches use."""

    def get_request_property(self, key: str) -> Optional[str]:
        """A header field, by its name in any case."""

    def get_request_properties(self) -> Mapping[str, str]:
        """All of them."""

    def report_status(self, code: int, reason_phrase: Optional[str] = None) -> None:
        """Sets the status of the answer; the phrase is not sent."""

    def get_response_status_code(self) -> int:
        """The status that was set, else 200."""

    def add_response_property(self, key: str, value: str) -> None:
        """Sets a header field of the answer."""

    def get_response_headers(self) -> dict[str, str]:
        """The header fields that were set."""

    def get_response_header(self) -> dict[str, str]:
        """The same, by its other name."""


class Metrics(Protocol):
    """Takes metrics and writes each as one line of CloudWatch's embedded format to stdout.

    ``dimensions`` are pairs of name and value, or objects with both.
    """

    def add_counter(self, name: str, value: float, idx: Any = None, dimensions: Optional[Iterable[Any]] = None) -> None:
        """A number of things."""

    def add_time(
        self, name: str, value: float, idx: Any = None, unit: str = "ms", dimensions: Optional[Iterable[Any]] = None
    ) -> None:
        """A time, in ``ms``, ``s`` or ``us``."""

    def add_size(
        self, name: str, value: float, idx: Any = None, unit: str = "MB", dimensions: Optional[Iterable[Any]] = None
    ) -> None:
        """A size, in ``B``, ``kB``, ``MB`` or ``GB``."""

    def add_percent(self, name: str, value: float, idx: Any = None, dimensions: Optional[Iterable[Any]] = None) -> None:
        """A share, 0 to 100."""

    def add_error(self, name: str, value: Any, dimensions: Optional[Iterable[Any]] = None) -> None:
        """Something that went wrong, as text."""

    def add_metric(
        self, name: str, value: Any, idx: Any = None, unit: Optional[str] = None, dimensions: Optional[Iterable[Any]] = None
    ) -> None:
        """Any other."""


class Context(Protocol):
    """The request around a call of user code, and what it wants to say about the answer.

    While a model is loaded there is no request: the fields of one are empty or None. ``idx`` is always 0, there are no batches.

    Source: multi-model-server's context, and what is ours below ``body_view``.
    """

    system_properties: dict[str, Any]
    """``model_dir``, ``gpu_id`` (int or None), ``batch_size`` (1), ``server_name``, ``server_version``."""

    model_name: str
    manifest: dict[str, Any]

    request_processor: list[RequestProcessor]
    """One item."""

    metrics: Metrics

    @property
    def body_view(self) -> Optional[memoryview]:
        """The body as it came, without a copy. Whoever keeps it keeps the memory of the request."""

    @property
    def content_type(self) -> ContentType:
        """The parsed ``Content-Type``; ``application/json`` where there is none."""

    @property
    def accept(self) -> list[Accepted]:
        """The parsed ``Accept``, in the client's order."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields by name in any case; repeated ones are joined with commas."""

    @property
    def method(self) -> Optional[str]:
        """``POST``, mostly."""

    @property
    def path(self) -> Optional[str]:
        """``/invocations``, mostly."""

    @property
    def query(self) -> Optional[str]:
        """What stands behind ``?``."""

    @property
    def deadline(self) -> Optional[float]:
        """When the answer is due, in seconds on the clock of ``time.monotonic()``. None: no limit."""

    def get_request_id(self, idx: int = 0) -> str:
        """The client's id (``X-Amzn-RequestId``, ``X-Request-Id``), else ours."""

    def get_request_header(self, idx: int, key: str) -> Optional[str]:
        """A header field, by its name in any case."""

    def get_all_request_header(self, idx: int = 0) -> Mapping[str, str]:
        """All of them."""

    def set_response_content_type(self, idx: int, value: str) -> None:
        """Sets ``Content-Type`` of the answer."""

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        """Sets the status of the answer; the phrase is not sent."""

    def set_all_response_status(self, code: int = 200, phrase: str = "") -> None:
        """The same."""

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        """Sets a header field of the answer, instead of one of the same name."""

    def get_response_headers(self, idx: int = 0) -> dict[str, str]:
        """The header fields that were set."""
