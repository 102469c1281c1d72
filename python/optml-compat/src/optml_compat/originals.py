"""The reference libraries themselves must not be installed beside this distribution.

Both would own the same files, and which of the two a file comes from would depend on the order of installation. A wheel has
no say in that, so the first import is where it can be refused.
"""

import os
import sys

# The distributions whose import names are provided here.
ORIGINALS = ("sagemaker-training", "sagemaker-containers", "sagemaker-inference")


def refuse():
    """Raises an ImportError when one of the reference libraries is installed too."""
    if not _may_be_there():
        return
    from importlib import metadata

    found = []
    for name in ORIGINALS:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            pass
    if found:
        raise ImportError(
            "optml-compat provides the import names sagemaker_training, sagemaker_containers and sagemaker_inference, "
            "and {names} is installed too: which of the two is imported would be chance\n"
            "hint: pip uninstall {remove}, then pip install --force-reinstall --no-deps optml-compat; or the other way "
            "round: pip uninstall optml-compat, then pip install --force-reinstall --no-deps {remove}".format(
                names=" and ".join(" ".join(each) for each in found), remove=" ".join(name for name, _ in found)
            )
        )


def _may_be_there():
    """Whether a folder of `sys.path` says so. Asking `importlib.metadata` takes longer than all other imports together."""
    beginnings = tuple(name.replace("-", "_") + end for name in ORIGINALS for end in "-.")
    for folder in sys.path:
        try:
            names = os.listdir(folder or os.curdir)
        except OSError:
            # An archive, or a folder that isn't there.
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")):
                plain = name.lower().replace("sagemaker-", "sagemaker_", 1)
                if plain.startswith(beginnings):
                    return True
    return False
