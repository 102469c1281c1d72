"""`sagemaker_inference` on optml: the names of sagemaker-inference 1.10.1. Importing has no side effect."""

from optml_compat import originals as _originals

_originals.refuse()
