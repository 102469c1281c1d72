"""A handler service: what a server of the reference's kind calls for each batch of requests."""

import os
import sys

from sagemaker_inference.transformer import Transformer

PYTHON_PATH_ENV = "PYTHONPATH"


class DefaultHandlerService:
    """Answers requests with a `Transformer`."""

    def __init__(self, transformer=None):
        self._service = transformer if transformer else Transformer()

    def handle(self, data, context):
        """The answers to a batch."""
        return self._service.transform(data, context)

    def initialize(self, context):
        """Loads the user's module and the model. The code of the model can be imported from then on."""
        model_dir = context.system_properties.get("model_dir")
        code_dir = os.path.join(model_dir, "code")
        if code_dir not in sys.path:
            sys.path.insert(0, code_dir)
        self._service.validate_and_initialize(model_dir=model_dir, context=context)
