"""What the `serve` of an image built on sagemaker-inference does, but for where its server is configured: not in /etc."""

import os

from sagemaker_inference import model_server

model_server.MMS_CONFIG_FILE = os.path.join(os.environ["HOME"], "mms.properties")
model_server.start_model_server(handler_service="sagemaker_inference.default_handler_service")
