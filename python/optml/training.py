"""The environment of a training job."""

from __future__ import annotations

from optml import _native, machine
from optml.files import variables
from optml.mapping import Properties

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Optional, Union


def training_env() -> TrainingEnv:
    """The environment of this job, from the files and variables of the container.

    Raises:
        ConfigError: what is wrong with them, all at once.
    """
    return TrainingEnv()


class TrainingEnv(Properties):
    """What a script can know about its job: a read-only mapping over the properties below.

    Loaded once, when it is made, from ``/opt/ml/input/config`` (or below ``SAGEMAKER_BASE_DIR``) and the variables. GPUs and Neuron
    cores are counted when something asks for them: ``num_gpus``, ``num_neurons``, ``to_env_vars()``, and the mapping as a whole.
    Each value is plain: text, number, truth value, None, list or dict; a list or dict is made once and belongs to the caller.

    Args:
        resource_config: what ``resourceconfig.json`` would hold. None: the file is read. An empty dict is an empty dict.
        input_data_config: what ``inputdataconfig.json`` would hold, the same.
        hyperparameters: what ``hyperparameters.json`` would hold; values are taken as they are, a text that looks like JSON stays one.

    Raises:
        ConfigError: every problem with the files, the variables and what is given.
        TypeError: something given is no dict, or holds what is no JSON value.

    Source: sagemaker-training 5.1.4.
    """

    __slots__ = ("_loaded", "_values", "_is_asked")

    def __init__(
        self,
        resource_config: Optional[Mapping[str, Any]] = None,
        input_data_config: Optional[Mapping[str, Any]] = None,
        hyperparameters: Optional[Mapping[str, Any]] = None,
    ) -> None:
        self._loaded: Union[_native.Training, Told] = _native.Training(
            variables(),
            (machine.is_installed("smddprun"), machine.is_installed("smddpmprun")),
            resource_config=resource_config,
            input_data_config=input_data_config,
            hyperparameters=hyperparameters,
        )
        self._values: Optional[dict[str, Any]] = None
        self._is_asked = False

    def __reduce__(self) -> tuple[Any, ...]:
        # For workers of other processes: what it says, not what it was made of.
        told = (self.to_env_vars(), self.to_cmd_args(), self.process_env(), self.sagemaker_s3_output())
        return _restore, (type(self), self._values, told)

    def to_cmd_args(self) -> list[str]:
        """The words for the script: an option and a value for each hyperparameter, by name.

        Shape: ``["--epochs", "3", "-b", "32"]``. Values as ``str()`` has them: ``True``, ``1e-05``, ``[1, 2]``; None is an empty word.
        """
        return self._loaded.to_cmd_args()

    def to_env_vars(self) -> dict[str, str]:
        """The ``SM_*`` variables for the script, in the reference's order.

        Text is itself, None is empty, everything else is compact JSON with sorted keys. See docs/variables.md.
        """
        self._ask()
        return self._loaded.to_env_vars()

    def process_env(self) -> dict[str, str]:
        """What the reference sets in its own process while it loads, and this package does not.

        Shape: ``{"SAGEMAKER_JOB_NAME": …, "CURRENT_HOST": …, "SAGEMAKER_REGION": …}``
        """
        return self._loaded.process_env()

    def sagemaker_s3_output(self) -> Optional[str]:
        """Where ``output/intermediate`` is copied while the job runs; None: nowhere."""
        return self._loaded.s3_output()

    @property
    def additional_framework_parameters(self) -> dict[str, Any]:
        """The hyperparameters for the framework: ``sagemaker_*`` but for the reserved ones."""
        return self._value("additional_framework_parameters")

    @property
    def channel_input_dirs(self) -> dict[str, str]:
        """The directory of each channel. Shape: ``{"train": "/opt/ml/input/data/train"}``"""
        return self._value("channel_input_dirs")

    @property
    def current_host(self) -> str:
        """The name of this host: ``algo-1``."""
        return self._value("current_host")

    @property
    def current_instance_group(self) -> str:
        """The instance group of this host; ``homogeneousCluster`` where the platform does not say."""
        return self._value("current_instance_group")

    @property
    def current_instance_group_hosts(self) -> list[str]:
        """The hosts of that group, in the order of the file."""
        return self._value("current_instance_group_hosts")

    @property
    def current_instance_type(self) -> str:
        """The type of this machine: ``ml.g5.xlarge``; ``local`` where the platform does not say."""
        return self._value("current_instance_type")

    @property
    def distribution_hosts(self) -> list[str]:
        """The hosts that train together, in the order of the file."""
        return self._value("distribution_hosts")

    @property
    def distribution_instance_groups(self) -> Any:
        """The groups that train together: a list of names, or what the job gives instead."""
        return self._value("distribution_instance_groups")

    @property
    def framework_module(self) -> Optional[str]:
        """``module:function`` to call instead of a script: ``SAGEMAKER_TRAINING_MODULE``."""
        return self._value("framework_module")

    @property
    def hosts(self) -> list[str]:
        """The hosts of the job, in the order of the file. At least one."""
        return self._value("hosts")

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """The hyperparameters for the script, decoded, in the order of the file."""
        return self._value("hyperparameters")

    @property
    def input_config_dir(self) -> str:
        """``/opt/ml/input/config``"""
        return self._value("input_config_dir")

    @property
    def input_data_config(self) -> dict[str, Any]:
        """What the platform says of each channel. Shape: ``{"train": {"TrainingInputMode": "File"}}``"""
        return self._value("input_data_config")

    @property
    def input_dir(self) -> str:
        """``/opt/ml/input``"""
        return self._value("input_dir")

    @property
    def instance_groups(self) -> list[str]:
        """The names of the instance groups, in the order of the file."""
        return self._value("instance_groups")

    @property
    def instance_groups_dict(self) -> dict[str, Any]:
        """Each group by its name. Shape: ``{"g": {"instance_group_name": "g", "instance_type": "ml.c5.xlarge", "hosts": ["algo-1"]}}``"""
        return self._value("instance_groups_dict")

    @property
    def is_hetero(self) -> bool:
        """Whether there is more than one instance group."""
        return self._value("is_hetero")

    @property
    def is_master(self) -> bool:
        """Whether this host leads."""
        return self._value("is_master")

    @property
    def is_modelparallel_enabled(self) -> Union[bool, str, None]:
        """Whether ``SM_HP_MP_PARAMETERS`` asks for model parallelism. Unset: None. Empty: the empty text."""
        return self._value("is_modelparallel_enabled")

    @property
    def is_smddpmprun_installed(self) -> bool:
        """Whether ``smddpmprun`` is on ``PATH``."""
        return self._value("is_smddpmprun_installed")

    @property
    def is_smddprun_installed(self) -> bool:
        """Whether ``smddprun`` is on ``PATH``."""
        return self._value("is_smddprun_installed")

    @property
    def job_name(self) -> Optional[str]:
        """The name of the job: ``TRAINING_JOB_NAME``. Unset: None."""
        return self._value("job_name")

    @property
    def log_level(self) -> Any:
        """As Python counts, 20 where the job does not say. What the job gives otherwise is passed on."""
        return self._value("log_level")

    @property
    def master_hostname(self) -> str:
        """The host that leads: the first distribution host, else the first of all."""
        return self._value("master_hostname")

    @property
    def model_dir(self) -> str:
        """Where the script leaves its model: ``/opt/ml/model``."""
        return self._value("model_dir")

    @property
    def module_dir(self) -> str:
        """Where the code comes from: hyperparameter ``sagemaker_submit_directory``, else ``/opt/ml/code``."""
        return self._value("module_dir")

    @property
    def module_name(self) -> str:
        """The entry point without one trailing ``.py``; the text ``None`` where the job names none."""
        return self._value("module_name")

    @property
    def network_interface_name(self) -> str:
        """The interface between the hosts; ``eth0`` where the platform does not say."""
        return self._value("network_interface_name")

    @property
    def num_cpus(self) -> int:
        """Processors. See `optml.num_cpus`."""
        self._ask()
        return self._value("num_cpus")

    @property
    def num_gpus(self) -> int:
        """GPUs. See `optml.num_gpus`: the first look may start a process."""
        self._ask()
        return self._value("num_gpus")

    @property
    def num_neurons(self) -> int:
        """Neuron cores. See `optml.num_neurons`: the first look may start a process."""
        self._ask()
        return self._value("num_neurons")

    @property
    def output_data_dir(self) -> str:
        """What becomes ``output.tar.gz``: ``/opt/ml/output/data``."""
        return self._value("output_data_dir")

    @property
    def output_dir(self) -> str:
        """``/opt/ml/output``"""
        return self._value("output_dir")

    @property
    def output_intermediate_dir(self) -> str:
        """What is copied away while the job runs: ``/opt/ml/output/intermediate``."""
        return self._value("output_intermediate_dir")

    @property
    def resource_config(self) -> dict[str, Any]:
        """What ``resourceconfig.json`` holds, keys that nobody knows too."""
        return self._value("resource_config")

    @property
    def topology(self) -> Any:
        """Which hosts share an UltraServer, as the platform has it. Shape: ``[{"hostName": "algo-1", "capacityUnitId": "…"}]``, mostly empty."""
        return self._value("topology")

    @property
    def user_entry_point(self) -> Optional[str]:
        """The user's file: ``SAGEMAKER_PROGRAM``, else hyperparameter ``sagemaker_program``, else None."""
        return self._value("user_entry_point")

    def _value(self, name: str) -> Any:
        if self._values is None:
            self._values = self._loaded.properties()
        return self._values[name]

    def _ask(self) -> None:
        """Counts what the machine has, once."""
        if self._is_asked or isinstance(self._loaded, Told):
            return
        counts = {"num_cpus": machine.num_cpus(), "num_gpus": machine.num_gpus(), "num_neurons": machine.num_neurons()}
        self._loaded.set_machine(*counts.values())
        if self._values is None:
            self._values = self._loaded.properties()
        else:
            # What the caller has of the others stays what it is. The module knows instance types of a fixed number.
            counted = self._loaded.properties()
            self._values.update((name, counted[name]) for name in counts)
        self._is_asked = True


class Told:
    """What an environment of another process said, in the place of what it was loaded to."""

    __slots__ = ("_told", "_values")

    def __init__(self, values: dict[str, Any], told: tuple[dict[str, str], list[str], dict[str, str], Optional[str]]) -> None:
        self._values = values
        self._told = told

    def properties(self) -> dict[str, Any]:
        return self._values

    def to_env_vars(self) -> dict[str, str]:
        return dict(self._told[0])

    def to_cmd_args(self) -> list[str]:
        return list(self._told[1])

    def process_env(self) -> dict[str, str]:
        return dict(self._told[2])

    def s3_output(self) -> Optional[str]:
        return self._told[3]


def _restore(kind: type[TrainingEnv], values: dict[str, Any], told: Any) -> TrainingEnv:
    env = kind.__new__(kind)
    env._loaded = Told(values, told)
    env._values = values
    env._is_asked = True
    return env
