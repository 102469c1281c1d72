"""What the `serve` of an image built on sagemaker-containers does, but for where its nginx is configured: not in /etc."""

import os

from sagemaker_containers.beta.framework import server

server.nginx_config_file = os.path.join(os.environ["HOME"], "nginx.conf")
server.start("containers_app:app")
