"""What can go wrong, each with what to do about it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


class ConfigError(ValueError):
    """The files or variables of the container say what cannot be. All problems are reported at once.

    ``str()`` is what the program `optml` would print: a line for each problem, and below it a line `hint: …` where there is a remedy.
    """

    problems: tuple[tuple[str, Optional[str]], ...]
    """Message and hint of each problem, in the order of reading."""

    def __init__(self, problems: list[tuple[str, Optional[str]]]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(message + ("\nhint: " + hint if hint else "") for message, hint in self.problems)


class CodecError(ValueError):
    """A body that cannot be read, or a value that cannot be written. The message names the place of the fault."""

    kind: str
    """Whose fault it is: ``BadBody``, ``NotAcceptable``, ``UnsupportedMediaType`` (of the client) or ``BadResult`` (of the model)."""

    hint: Optional[str]
    """What may help, where that can be said."""

    def __init__(self, message: str, kind: str = "BadBody", hint: Optional[str] = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.hint = hint

    def __reduce__(self) -> tuple[type[CodecError], tuple[object, ...]]:
        return type(self), (str(self), self.kind, self.hint)


class UnsupportedFormatError(CodecError):
    """There is no codec for that media type."""

    content_type: object
    """What was asked for."""

    def __init__(self, content_type: object, supported: tuple[str, ...] = ()) -> None:
        these = ", ".join("`{}`".format(name) for name in supported)
        message = "the content type `{}` is not supported".format(content_type)
        super().__init__(message + (", these are: " + these if these else ""), "UnsupportedMediaType")
        self.content_type = content_type
        self._supported = supported

    def __reduce__(self) -> tuple[type[CodecError], tuple[object, ...]]:
        return type(self), (self.content_type, self._supported)
