"""The functions of a model, the user's and the default ones, put together."""

import importlib
import importlib.util
import inspect
import json
import traceback

import optml

from sagemaker_inference import content_types, environment, errors, logging, utils
from sagemaker_inference.default_inference_handler import DefaultInferenceHandler
from sagemaker_inference.errors import BaseInferenceToolkitError, GenericInferenceToolkitError

logger = logging.get_logger()


def _takes_context(func, count):
    """Whether a function wants the context after `count` arguments. Raises TypeError when it can't be called so."""
    parameters = inspect.signature(func).parameters.values()
    if any(parameter.name == "context" for parameter in parameters):
        return True
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return True
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    required = [each for each in positional if each.default is each.empty]
    if len(required) == count + 1:
        return True
    if len(required) <= count <= len(positional):
        return False
    name = getattr(func, "__name__", repr(func))
    raise TypeError("{} takes {} arguments but {} were given.".format(name, len(positional), count))


class Transformer:
    """Answers batches of requests with the functions of the user's module, and the default ones for those that it lacks."""

    def __init__(self, default_inference_handler=None):
        self._default_inference_handler = default_inference_handler or DefaultInferenceHandler()
        self._initialized = False
        self._failure = None
        self._environment = None
        self._model = None
        self._pre_model_fn = None
        self._model_warmup_fn = None
        self._model_fn = None
        self._transform_fn = None
        self._input_fn = None
        self._predict_fn = None
        self._output_fn = None
        self._context = None

    @staticmethod
    def handle_error(context, inference_exception, trace):
        """The answer to a batch that failed: the status and the message. `trace` goes to the log, not to clients."""
        logger.error("%s", trace)
        context.set_response_status(code=inference_exception.status_code, phrase=utils.remove_crlf(str(inference_exception.phrase)))
        context.set_response_content_type(0, "text/plain")
        return [inference_exception.message]

    def transform(self, data, context):
        """The answers to a batch; of a batch that fails, one answer."""
        try:
            self.validate_and_initialize(model_dir=context.system_properties.get("model_dir"), context=context)
            self._context = context
            return [self._answer(index, item, context) for index, item in enumerate(data)]
        except BaseInferenceToolkitError as error:
            return self.handle_error(context, error, traceback.format_exc())
        except Exception as error:
            failure = GenericInferenceToolkitError(500, str(error) or type(error).__name__)
            return self.handle_error(context, failure, traceback.format_exc())

    def _answer(self, index, item, context):
        processors = context.request_processor
        fields = processors[index if index < len(processors) else 0].get_request_properties()
        content_type = utils.retrieve_content_type_header(fields)
        accept = fields.get("Accept") or fields.get("accept")
        if not accept or accept == content_types.ANY:
            accept = self._environment.default_accept
        body = item.get("body")
        if _essence(content_type) in content_types.UTF8_TYPES and not isinstance(body, str):
            try:
                body = bytes(body).decode("utf-8")
            except UnicodeDecodeError as error:
                raise GenericInferenceToolkitError(400, "the body is not UTF-8: {}".format(error)) from error
        result = self._run_handler_function(self._transform_fn, self._model, body, content_type, accept)
        response_type = accept
        if isinstance(result, tuple):
            result, response_type = result[0], result[1]
        elif "," in accept or ";" in accept:
            response_type = (utils.parse_accept(accept) or [self._environment.default_accept])[0]
        context.set_response_content_type(index, response_type)
        return result

    def validate_and_initialize(self, model_dir=environment.model_dir, context=None):
        """Loads the user's module and the model, once. A load that failed fails again, with the same exception."""
        if self._initialized:
            return
        if self._failure is not None:
            raise self._failure
        self._context = context
        try:
            self._environment = environment.Environment()
            self._validate_user_module_and_set_functions()
            if self._pre_model_fn is not None:
                self._run_handler_function(self._pre_model_fn, model_dir)
            self._model = self._run_handler_function(self._model_fn, model_dir)
            if self._model_warmup_fn is not None:
                self._run_handler_function(self._model_warmup_fn, model_dir, self._model)
        except Exception as error:
            self._failure = error
            raise
        self._initialized = True

    def _validate_user_module_and_set_functions(self):
        name = self._environment.module_name
        module = importlib.import_module(name) if importlib.util.find_spec(name) is not None else None
        handler = self._default_inference_handler

        def function(name, default):
            own = getattr(module, name, None)
            return default if own is None else own

        parts = [getattr(module, part, None) for part in ("input_fn", "predict_fn", "output_fn")]
        if getattr(module, "transform_fn", None) and any(parts):
            raise ValueError(
                "Cannot use transform_fn implementation in conjunction with input_fn, predict_fn, and/or output_fn implementation"
            )
        self._pre_model_fn = function("pre_model_fn", getattr(handler, "default_pre_model_fn", None))
        self._model_fn = function("model_fn", handler.default_model_fn)
        self._model_warmup_fn = function("model_warmup_fn", getattr(handler, "default_model_warmup_fn", None))
        self._transform_fn = function("transform_fn", self._default_transform_fn)
        self._input_fn = function("input_fn", handler.default_input_fn)
        self._predict_fn = function("predict_fn", handler.default_predict_fn)
        self._output_fn = function("output_fn", handler.default_output_fn)

    def _default_transform_fn(self, model, input_data, content_type, accept, context=None):
        try:
            data = self._run_handler_function(self._input_fn, input_data, content_type)
        except errors.UnsupportedFormatError as error:
            raise GenericInferenceToolkitError(415, str(error), "Unsupported Media Type") from error
        except (optml.CodecError, json.JSONDecodeError) as error:
            raise GenericInferenceToolkitError(400, str(error), "Bad Request") from error
        prediction = self._run_handler_function(self._predict_fn, data, model)
        try:
            return self._run_handler_function(self._output_fn, prediction, accept)
        except errors.UnsupportedFormatError as error:
            raise GenericInferenceToolkitError(406, str(error), "Not Acceptable") from error

    def _run_handler_function(self, func, *argv):
        if not _takes_context(func, len(argv)):
            return func(*argv)
        parameter = inspect.signature(func).parameters.get("context")
        if parameter is not None and parameter.kind is not parameter.POSITIONAL_ONLY:
            return func(*argv, context=self._context)
        return func(*argv, self._context)


def _essence(content_type):
    return content_type.split(";")[0].strip().lower() if content_type else content_type
