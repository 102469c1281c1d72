"""`sagemaker_containers` on optml: the names of sagemaker-containers 2.8.6, `beta.framework` and the modules behind it.

Importing reads the variable `SAGEMAKER_BASE_DIR` and nothing else; no directory is made and no variable set.
"""

from optml_compat import originals as _originals

_originals.refuse()


def training_env():
    """The environment of the training job of this container."""
    from sagemaker_containers import _env

    return _env.TrainingEnv()
