"""Interfaces of sagemaker-containers for frameworks."""
