"""Installing the user's code and what it needs, with the pip of this interpreter."""

import os
import re
import sys

REPOSITORY_VARIABLE = "CA_REPOSITORY_ARN"
REPOSITORY = re.compile(
    r"arn:(?P<partition>[^:]+):codeartifact:(?P<region>[^:]+):(?P<account>[^:]+):repository/(?P<domain>[^/]+)/(?P<repository>.+)"
)

SETUP = """from setuptools import setup

setup(name={name!r}, version="1.0.0", packages=[""], include_package_data=True)
"""
MANIFEST = """recursive-include . *
recursive-exclude . __pycache__*
recursive-exclude . *.pyc
recursive-exclude . *.pyo
"""


def has_requirements(path):
    """Whether there is a `requirements.txt` in a directory."""
    return os.path.exists(os.path.join(path, "requirements.txt"))


def prepare(path, name, logger):
    """Makes a directory of modules something that pip installs, unless it has a `setup.py`."""
    setup = os.path.join(path, "setup.py")
    if os.path.exists(setup):
        return
    logger.info("no setup.py in %s: one is written for module %s", path, name)
    files = {"setup.py": SETUP.format(name=name), "setup.cfg": "[wheel]\nuniversal = 1\n", "MANIFEST.in": MANIFEST}
    for file, text in files.items():
        with open(os.path.join(path, file), "w", encoding="utf-8") as out:
            out.write(text)


def package_command(path):
    """Installs the package in `path`, with its requirements."""
    return pip() + ["install", "."] + (["-r", "requirements.txt"] if has_requirements(path) else [])


def requirements_command():
    """Installs the requirements in the working directory."""
    return pip() + ["install", "-r", "requirements.txt"]


def pip():
    if not sys.executable:
        raise RuntimeError("this process does not know the path of its Python interpreter")
    return [sys.executable, "-m", "pip"]


def environment():
    """The variables of pip: those of this process, and the index of `CA_REPOSITORY_ARN` when one is named.

    The token of an index stands in a variable of pip alone: everybody on a machine can read the words of its commands.
    """
    variables = dict(os.environ)
    arn = variables.get(REPOSITORY_VARIABLE)
    if arn:
        variables["PIP_INDEX_URL"] = index_url(arn)
    return variables


def index_url(arn):
    """The address of a CodeArtifact repository for pip, with a token in it."""
    match = REPOSITORY.match(arn)
    if not match:
        raise ValueError(
            "{}: `{}` is not the ARN of a CodeArtifact repository\nhint: "
            "arn:aws:codeartifact:REGION:ACCOUNT:repository/DOMAIN/REPOSITORY".format(REPOSITORY_VARIABLE, arn)
        )
    try:
        import boto3
    except ImportError as error:
        raise ImportError(
            "{} is set, and boto3 is not installed\nhint: `optml train` installs requirements by itself, or: pip install "
            "boto3".format(REPOSITORY_VARIABLE),
            name="boto3",
        ) from error
    client = boto3.client("codeartifact", region_name=match["region"])
    owner = {"domain": match["domain"], "domainOwner": match["account"]}
    token = client.get_authorization_token(**owner)["authorizationToken"]
    endpoint = client.get_repository_endpoint(repository=match["repository"], format="pypi", **owner)["repositoryEndpoint"]
    return endpoint.replace("https://", "https://aws:{}@".format(token), 1).rstrip("/") + "/simple/"
