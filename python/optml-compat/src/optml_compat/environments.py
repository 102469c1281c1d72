"""What the environments of training jobs and of servers have in common, in both generations."""

from optml_compat import mappings
from optml_compat.mappings import stored


class Environment(mappings.MappingMixin):
    """What every environment says. The values are those of `optml`, taken over when it is built."""

    # Properties that are counted or looked up when they are asked for.
    _MEASURED = ("num_cpus", "num_gpus")

    current_host = stored("current_host", "The name of this host.")
    log_level = stored("log_level", "The level of the log, 20 for INFO.")
    model_dir = stored("model_dir", "Where the model is, or is to be saved.")
    module_dir = stored("module_dir", "Where the user's code comes from.")
    module_name = stored("module_name", "The user's script without `.py`.")
    user_entry_point = stored("user_entry_point", "The user's script, or None.")

    def _take(self, env):
        """Takes over what `optml` says. What it does not know is a property of a class that somebody has derived from ours."""
        names = [name for name in self.properties() if name not in self._MEASURED]
        self._values = {name: getattr(env, name) for name in names if hasattr(env, name)}

    def _measured(self, name, measure):
        if name not in self._values:
            self._values[name] = measure()
        return self._values[name]

    @staticmethod
    def _parse_module_name(program_param):
        if program_param and program_param.endswith(".py"):
            return program_param[: -len(".py")]
        return program_param


class Training(Environment):
    """What the environment of a training job says in both generations."""

    additional_framework_parameters = stored(
        "additional_framework_parameters", "Settings of the platform that no other property has."
    )
    channel_input_dirs = stored("channel_input_dirs", "The directory of each channel.")
    framework_module = stored("framework_module", "`module:function` of a framework's own entry, or None.")
    hosts = stored("hosts", "The names of all hosts.")
    hyperparameters = stored("hyperparameters", "The user's hyperparameters.")
    input_config_dir = stored("input_config_dir", "Where the three files are.")
    input_data_config = stored("input_data_config", "The content of `inputdataconfig.json`.")
    input_dir = stored("input_dir", "Where data and configuration are.")
    is_master = stored("is_master", "Whether this host is the first of those that train together.")
    job_name = stored("job_name", "The name of the job, or None.")
    master_hostname = stored("master_hostname", "The first of the hosts that train together.")
    network_interface_name = stored("network_interface_name", "The network interface between hosts.")
    output_data_dir = stored("output_data_dir", "Where results that are no model are to be saved.")
    output_dir = stored("output_dir", "Where success and failure are written.")
    output_intermediate_dir = stored("output_intermediate_dir", "What is uploaded while the job runs.")
    resource_config = stored("resource_config", "The content of `resourceconfig.json`.")

    def _take(self, env):
        super()._take(env)
        self._process_env = env.process_env()
        self._sagemaker_s3_output = env.sagemaker_s3_output()

    def sagemaker_s3_output(self):
        """Where intermediate output is uploaded to, or None."""
        return self._sagemaker_s3_output

    def to_cmd_args(self):
        """The hyperparameters as words of a command."""
        return mappings.to_cmd_args(self.hyperparameters)

    def _variables(self, exported, more):
        """The `SM_*` variables: of the properties that are `exported`, of `more`, of channels and of hyperparameters."""
        values = {name: getattr(self, attribute) if attribute else None for name, attribute in exported}
        values["channels"] = sorted(self.channel_input_dirs)
        values["training_env"] = dict(self)
        values["user_args"] = self.to_cmd_args()
        values.update(more)
        values.update(("channel_{}".format(name), path) for name, path in self.channel_input_dirs.items())
        values.update(("hp_{}".format(name), value) for name, value in self.hyperparameters.items())
        return mappings.to_env_vars(values)
