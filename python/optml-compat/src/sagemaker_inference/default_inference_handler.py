"""The functions of a model that are there without the user's."""

from sagemaker_inference import decoder, encoder, errors, utils


class DefaultInferenceHandler:
    """Bodies are read and written by their content types; a model and a prediction have to come from somebody else."""

    def default_model_fn(self, model_dir, context=None):
        """There is no model without a function that loads it."""
        raise NotImplementedError(
            "model_fn(model_dir) is missing\nhint: define it in the user's module, and return the loaded model"
        )

    def default_input_fn(self, input_data, content_type, context=None):
        """The array that a body holds."""
        return decoder.decode(input_data, content_type)

    def default_predict_fn(self, data, model, context=None):
        """There is no prediction without a function that makes it."""
        raise NotImplementedError(
            "predict_fn(data, model) is missing\nhint: define it in the user's module, and return the prediction"
        )

    def default_output_fn(self, prediction, accept, context=None):
        """The body that holds an array, and its content type: the first of `accept` that can be written."""
        for content_type in utils.parse_accept(accept):
            if content_type in encoder.SUPPORTED_CONTENT_TYPES:
                return encoder.encode(prediction, content_type), content_type
        raise errors.UnsupportedFormatError(accept)
