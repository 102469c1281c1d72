"""Where things are in a container, and what the platform's three files say.

Nothing here is remembered: each call looks at the variables and the files as they are then.
"""

from __future__ import annotations

import os

from optml import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from typing_extensions import Self


class Layout(_native.Layout):
    """The paths of one container, as texts. Nothing is made or looked at.

    ``base`` is where the tree begins; without it the directory that ``SAGEMAKER_BASE_DIR`` names, else ``/opt/ml``.

    Raises:
        ConfigError: ``SAGEMAKER_BASE_DIR`` is not UTF-8.

    Source: the SageMaker developer guide.
    """

    __slots__ = ()

    def __new__(cls, base: Optional[str] = None) -> Self:
        return super().__new__(cls, variables(), base)

    def __repr__(self) -> str:
        return "Layout({!r})".format(self.base)


def channel_path(channel: str) -> str:
    """The directory of a channel: ``/opt/ml/input/data/<channel>``. It need not be there.

    Raises:
        ConfigError: the name is absolute or holds ``..``.
    """
    return Layout().channel(channel)


def read_hyperparameters() -> dict[str, Any]:
    """What ``hyperparameters.json`` holds, the reserved ones (``sagemaker_*``) too.

    On the platform every value is a text; a text that is JSON is decoded, any other stays as it is.

    Raises:
        ConfigError: the file is not there, or holds no JSON object.
    """
    return _native.read_hyperparameters(variables())


def read_resource_config() -> dict[str, Any]:
    """What ``resourceconfig.json`` holds: hosts, and who we are.

    Shape: ``{"current_host": "algo-1", "hosts": ["algo-1", "algo-2"], "network_interface_name": "eth0", …}``

    Raises:
        ConfigError: the file is not there, holds no JSON object, or lacks ``hosts`` or ``current_host``.
    """
    return _native.read_resource_config(variables())


def read_input_data_config() -> dict[str, Any]:
    """What ``inputdataconfig.json`` holds: what the platform says of each channel.

    Shape: ``{"train": {"TrainingInputMode": "File", "ContentType": "text/csv", …}}``

    Raises:
        ConfigError: the file is not there, holds no JSON object, or a channel's name leads out of the data directory.
    """
    return _native.read_input_data_config(variables())


def variables() -> list[tuple[bytes, bytes]]:
    """The variables of this process, for the module that decides what they mean."""
    return list(os.environb.items())
