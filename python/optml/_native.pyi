"""What crates/python gives: names and conversions. The typed API is in the modules around it."""

from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union, final

from typing_extensions import Self, disjoint_base

__all__ = [
    "FAILURE_LIMIT_BYTES",
    "Layout",
    "Training",
    "VERSION",
    "decode_csv",
    "decode_json",
    "decode_plain_csv",
    "encode_csv",
    "encode_json",
    "is_secret_name",
    "npy_header",
    "num_cpus",
    "num_gpus",
    "num_neurons",
    "plain_text",
    "preview_npy",
    "read_dense",
    "read_hyperparameters",
    "read_input_data_config",
    "read_records",
    "read_resource_config",
    "redact",
    "redact_words",
    "serving_env",
    "signal_name",
    "signal_text",
    "to_cmd_args",
    "to_env_vars",
    "write_dense",
    "write_record",
    "write_sparse",
]

_Variables = Sequence[tuple[bytes, bytes]]
_Items = tuple[str, tuple[int, ...], bytes]
_Decoded = tuple[str, tuple[int, ...], bytearray]

FAILURE_LIMIT_BYTES: int
VERSION: str

@final
class Training:
    def __new__(
        cls,
        variables: _Variables,
        installed: tuple[bool, bool],
        *,
        resource_config: Optional[Mapping[str, Any]] = None,
        input_data_config: Optional[Mapping[str, Any]] = None,
        hyperparameters: Optional[Mapping[str, Any]] = None,
    ) -> Self: ...
    def set_machine(self, cpus: int, gpus: int, neurons: int) -> None: ...
    def properties(self) -> dict[str, Any]: ...
    def to_env_vars(self) -> dict[str, str]: ...
    def to_cmd_args(self) -> list[str]: ...
    def process_env(self) -> dict[str, str]: ...
    def s3_output(self) -> Optional[str]: ...

@disjoint_base
class Layout:
    def __new__(cls, variables: _Variables, base: Optional[str]) -> Self: ...
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    @property
    def base(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def input(self) -> str: ...
    @property
    def config(self) -> str: ...
    @property
    def data(self) -> str: ...
    @property
    def hyperparameters_file(self) -> str: ...
    @property
    def resources_file(self) -> str: ...
    @property
    def channels_file(self) -> str: ...
    @property
    def output(self) -> str: ...
    @property
    def output_data(self) -> str: ...
    @property
    def intermediate(self) -> str: ...
    @property
    def failure(self) -> str: ...
    @property
    def failure_json(self) -> str: ...
    @property
    def success(self) -> str: ...
    @property
    def checkpoints(self) -> str: ...
    def channel(self, name: str) -> str: ...

def read_hyperparameters(variables: _Variables) -> dict[str, Any]: ...
def read_resource_config(variables: _Variables) -> dict[str, Any]: ...
def read_input_data_config(variables: _Variables) -> dict[str, Any]: ...
def serving_env(variables: _Variables, n_cpus: int) -> dict[str, Any]: ...
def num_cpus(online: int, affinity: Optional[int]) -> int: ...
def num_gpus(listing: bytes, variables: _Variables) -> int: ...
def num_neurons(listing: bytes, instance_type: Optional[str] = None) -> int: ...
def to_env_vars(mapping: Mapping[str, Any]) -> dict[str, str]:
    """`SM_<KEY>` for each key, in upper case.

    Text is itself, None is empty, bytes are Latin-1, everything else is compact JSON with sorted keys.
    Of two keys with one name the later counts.

    Raises `TypeError` for a value that is no JSON.

    Source: sagemaker-training 5.1.4.
    """

def to_cmd_args(mapping: Mapping[str, Any]) -> list[str]:
    """Two words for each key, sorted by key: `--key` (or `-k`) and the value.

    None is empty, bytes are Latin-1, a mapping is `k=v,…`, everything else is its `str()`.

    Source: sagemaker-training 5.1.4.
    """

def decode_json(body: Union[str, bytes]) -> Optional[_Decoded]: ...
def decode_csv(body: Union[str, bytes]) -> Optional[_Decoded]: ...
def decode_plain_csv(body: Union[str, bytes], by_column: bool) -> Optional[_Decoded]: ...
def preview_npy(body: bytes) -> Optional[tuple[str, tuple[int, ...], int, int]]: ...
def npy_header(dtype: str, shape: Sequence[int]) -> Optional[bytes]: ...
def encode_json(dtype: str, shape: Sequence[int], items: bytes) -> Optional[str]: ...
def encode_csv(dtype: str, shape: Sequence[int], items: bytes) -> Optional[str]: ...
def write_record(payload: bytes) -> bytes: ...
def read_records(body: bytes) -> list[bytes]: ...
def read_dense(body: bytes) -> tuple[_Decoded, Optional[_Decoded]]: ...
def write_dense(features: _Items, labels: Optional[_Items] = None) -> Optional[bytes]: ...
def write_sparse(
    values: _Items, rows: tuple[Sequence[int], Sequence[int], int], labels: Optional[_Items] = None
) -> Optional[bytes]: ...
def redact(text: str) -> str:
    """The text without the values of what looks like a secret: `token=…`, passwords in addresses."""

def redact_words(words: Sequence[str]) -> list[str]:
    """The words of a command, the same: also a value that follows `--token`."""

def is_secret_name(name: str) -> bool:
    """Whether a variable or a key of that name holds a secret."""

def plain_text(output: bytes) -> str:
    """What a terminal would show of some output: no escape sequences, of a progress bar its last state."""

def signal_name(number: int) -> Optional[str]:
    """`SIGKILL` for 9; None for a signal without a name."""

def signal_text(number: int) -> str:
    """`SIGKILL (signal 9)` for 9."""
