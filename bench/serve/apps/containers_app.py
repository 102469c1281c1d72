"""The framework module of sagemaker-containers: its own transformer and worker around the user's functions."""

import inference
from sagemaker_containers.beta.framework import transformer, worker

FUNCTIONS = ("model_fn", "input_fn", "predict_fn", "output_fn")

transform = transformer.Transformer(**{name: getattr(inference, name, None) for name in FUNCTIONS})
app = worker.Worker(transform_fn=transform.transform, initialize_fn=transform.initialize, module_name="inference")
