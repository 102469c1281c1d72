"""Errors of requests."""


class UnsupportedFormatError(Exception):
    """There is no encoder or decoder for a content type."""

    def __init__(self, content_type, **kwargs):
        self._message = (
            "Content type {} is not supported by this framework.\n\nhint: read such a body in an input_fn of your own, or write "
            "such an answer in an output_fn".format(content_type)
        )
        super().__init__(self._message, **kwargs)


class BaseInferenceToolkitError(Exception):
    """An answer with a status of its own. `phrase` goes beside the status, `message` is the body."""

    def __init__(self, status_code, message, phrase):
        self.status_code = status_code
        self.message = message
        self.phrase = phrase
        super().__init__(status_code, message, phrase)


class GenericInferenceToolkitError(BaseInferenceToolkitError):
    """The same, with a message and a phrase for those who name none."""

    def __init__(self, status_code, message=None, phrase=None):
        message = message or "Invalid Request"
        super().__init__(status_code, message, phrase or message)
