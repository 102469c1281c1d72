"""The four functions of a model, put together for a `Worker`."""

import http
import json

import optml

from sagemaker_containers import _content_types, _encoders, _env, _errors, _functions, _worker


def default_model_fn(model_dir):
    """There is no model without a function that loads it."""
    raise NotImplementedError("model_fn(model_dir) is missing\nhint: define it, and return the loaded model")


def default_input_fn(input_data, content_type):
    """The array that a body holds."""
    return _encoders.decode(input_data, content_type)


def default_predict_fn(data, model):
    """There is no prediction without a function that makes it."""
    raise NotImplementedError("predict_fn(data, model) is missing\nhint: define it, and return the prediction")


def default_output_fn(prediction, accept):
    """The answer that holds an array."""
    return _worker.Response(response=_encoders.encode(prediction, accept), mimetype=accept)


class Transformer:
    """Answers the request that is being answered, by `transform_fn` or by `input_fn`, `predict_fn` and `output_fn`.

    An exception of one of them is raised as `error_class`. A content type that the default functions don't know is answered with
    415 or 406.
    """

    def __init__(
        self, model_fn=None, input_fn=None, predict_fn=None, output_fn=None, transform_fn=None, error_class=_errors.ClientError
    ):
        if transform_fn and (input_fn or predict_fn or output_fn):
            raise ValueError("Cannot use transform_fn implementation with input_fn, predict_fn, and/or output_fn")

        def guarded(fn, default):
            return _functions.error_wrapper(fn, error_class) if fn else default

        self._model = None
        self._model_fn = guarded(model_fn, default_model_fn)
        self._input_fn = guarded(input_fn, default_input_fn)
        self._predict_fn = guarded(predict_fn, default_predict_fn)
        self._output_fn = guarded(output_fn, default_output_fn)
        self._transform_fn = guarded(transform_fn, self._default_transform_fn)
        self._error_class = error_class

    def initialize(self):
        """Loads the model."""
        self._model = self._model_fn(_env.model_dir)

    def transform(self):
        """The answer to the request that is being answered."""
        request = _worker.Request()
        result = self._transform_fn(self._model, request.content, request.content_type, request.accept)
        if isinstance(result, tuple):
            return _worker.Response(response=result[0], mimetype=result[1])
        return result

    def _default_transform_fn(self, model, content, content_type, accept):
        try:
            data = self._input_fn(content, content_type)
        except _errors.UnsupportedFormatError as error:
            return self._error_response(error, http.HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        except (optml.CodecError, json.JSONDecodeError) as error:
            return self._error_response(error, http.HTTPStatus.BAD_REQUEST)
        prediction = self._predict_fn(data, model)
        try:
            return self._output_fn(prediction, accept)
        except _errors.UnsupportedFormatError as error:
            return self._error_response(error, http.HTTPStatus.NOT_ACCEPTABLE)

    def _error_response(self, error, status_code):
        # The trace of the stack is for the log of a server, not for its clients.
        body = json.dumps({"error": type(error).__name__, "error-message": str(error), "stack-trace": ""})
        return _worker.Response(response=body, status=status_code, mimetype=_content_types.JSON)
