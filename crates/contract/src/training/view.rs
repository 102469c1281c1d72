//! The environment as others see it: variables, one JSON object, a table with origins.

use super::TrainingEnv;
use crate::{
    config::Origin,
    hyperparameters::Role,
    json::{Json, Object},
    python,
    setting::{Setting, Settings},
    text::Text,
    vars,
};

impl TrainingEnv {
    /// The `SM_*` variables, in the order of the reference. Of two with one name the later counts.
    pub fn to_env_vars(&self) -> Vec<(Text, Text)> {
        self.settings()
            .into_all()
            .into_iter()
            .map(|setting| (setting.name, setting.value))
            .collect()
    }

    /// The variables that the reference sets while it reads: job name, host, region.
    pub fn process_env(&self) -> Vec<(&'static str, Text)> {
        vec![
            (
                vars::SAGEMAKER_JOB_NAME.name,
                self.reserved.job_name.value.clone(),
            ),
            (vars::CURRENT_HOST.name, self.current_host().clone()),
            (
                vars::SAGEMAKER_REGION.name,
                self.reserved.region.value.clone(),
            ),
        ]
    }

    /// Every variable of the reference, with where its value came from.
    pub fn origins(&self) -> Vec<Setting> {
        let mut settings = self.settings();
        self.put_process_env(&mut settings);
        settings.into_all()
    }

    /// Every property, by name: what `SM_TRAINING_ENV` holds.
    pub fn training_env(&self) -> Json {
        let path = |path: camino::Utf8PathBuf| Json::from(path.as_str());
        let resources = &self.resources;
        let channel_dirs: Object = self
            .channels
            .all()
            .iter()
            .map(|channel| (channel.name.clone(), (&channel.directory).into()))
            .collect();
        let properties: [(&str, Json); 37] = [
            (
                "additional_framework_parameters",
                self.additional_framework_parameters().into(),
            ),
            ("channel_input_dirs", channel_dirs.into()),
            ("current_host", self.current_host().into()),
            (
                "current_instance_group",
                resources.current_group_name().into(),
            ),
            (
                "current_instance_group_hosts",
                resources.current_group_hosts().iter().collect(),
            ),
            (
                "current_instance_type",
                resources.current_instance_type().into(),
            ),
            (
                "distribution_hosts",
                self.distribution_hosts().into_iter().collect(),
            ),
            (
                "distribution_instance_groups",
                self.distribution_instance_groups().clone(),
            ),
            ("framework_module", self.framework_module().into()),
            ("hosts", self.hosts().iter().collect()),
            ("hyperparameters", self.hyperparameters().into()),
            ("input_config_dir", path(self.layout.config())),
            ("input_data_config", self.channels.object().clone().into()),
            ("input_dir", path(self.layout.input())),
            ("instance_groups", self.instance_group_names()),
            ("instance_groups_dict", self.instance_groups_dict()),
            ("is_hetero", self.is_hetero().into()),
            ("is_master", self.is_master().into()),
            ("is_modelparallel_enabled", self.is_modelparallel_enabled()),
            (
                "is_smddpmprun_installed",
                self.is_smddpmprun_installed().into(),
            ),
            ("is_smddprun_installed", self.is_smddprun_installed().into()),
            ("job_name", self.job_name().into()),
            ("log_level", self.log_level().clone()),
            ("master_hostname", self.master_hostname().into()),
            ("model_dir", path(self.layout.model())),
            ("module_dir", self.module_dir().into()),
            ("module_name", self.module_name().into()),
            (
                "network_interface_name",
                resources.network_interface_name().into(),
            ),
            ("num_cpus", self.facts.machine.cpus.value.into()),
            ("num_gpus", self.facts.machine.gpus.value.into()),
            ("num_neurons", self.facts.machine.neurons.value.into()),
            ("output_data_dir", path(self.layout.output_data())),
            ("output_dir", path(self.layout.output())),
            ("output_intermediate_dir", path(self.layout.intermediate())),
            ("resource_config", resources.object().clone().into()),
            ("topology", resources.topology()),
            ("user_entry_point", self.user_entry_point().into()),
        ];
        Json::Object(
            properties
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    }

    /// All of it as one object: `env_vars`, `cmd_args`, `training_env`, `process_env`.
    pub fn to_json(&self) -> Json {
        let process_env = self
            .process_env()
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        let env_vars = self
            .to_env_vars()
            .into_iter()
            .map(|(name, value)| (name, value.into()));
        let views = [
            ("env_vars", Json::Object(env_vars.collect())),
            ("cmd_args", self.to_cmd_args().into_iter().collect()),
            ("training_env", self.training_env()),
            ("process_env", Json::Object(process_env.collect())),
        ];
        Json::Object(
            views
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    }

    /// The `SM_*` variables with their origins.
    pub(crate) fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        self.put_job(&mut settings);
        self.put_hosts(&mut settings);
        self.put_machine_and_paths(&mut settings);
        let args: Json = self.to_cmd_args().into_iter().collect();
        let derived = |from: &str| Origin::Derived(from.to_owned());
        settings.put(
            "SM_MODEL_DIR",
            self.layout.model().as_str(),
            self.base_origin.clone(),
        );
        settings.put(
            "SM_MODULE_DIR",
            self.module_dir().clone(),
            self.module_dir_origin(),
        );
        settings.put(
            "SM_TRAINING_ENV",
            python::dumps(&self.training_env()),
            derived("all properties"),
        );
        settings.put(
            "SM_USER_ARGS",
            python::dumps(&args),
            derived("hyperparameters"),
        );
        settings.put(
            "SM_OUTPUT_INTERMEDIATE_DIR",
            self.layout.intermediate().as_str(),
            self.base_origin.clone(),
        );
        let topology = self.resources.topology();
        if topology.is_truthy() {
            settings.put(
                "SM_TOPOLOGY",
                python::variable(&topology),
                self.resources.origin("topology"),
            );
        }
        for channel in self.channels.all() {
            let name = prefixed("SM_CHANNEL_", &channel.name);
            settings.put(
                name,
                channel.directory.clone(),
                self.channels.origin(&channel.name),
            );
        }
        for hyperparameter in self.hyperparameters.of(Role::User) {
            let name = prefixed("SM_HP_", &hyperparameter.name);
            let origin = self.hyperparameters.origin(&hyperparameter.name);
            settings.put(name, python::variable(&hyperparameter.value), origin);
        }
        settings
    }

    /// The variables of [`TrainingEnv::process_env`] with their origins.
    pub(crate) fn put_process_env(&self, settings: &mut Settings) {
        let origins = [
            self.reserved.job_name.origin.clone(),
            self.resources.origin("current_host"),
            self.reserved.region.origin.clone(),
        ];
        for ((name, value), origin) in self.process_env().into_iter().zip(origins) {
            settings.put(name, value, origin);
        }
    }

    /// The first variables: the job.
    fn put_job(&self, settings: &mut Settings) {
        let resources = &self.resources;
        let hosts: Json = self.hosts().iter().collect();
        let channels: Json = self.channels.sorted_names().into_iter().collect();
        let framework_params = Json::from(self.additional_framework_parameters());
        let hyperparameters = || Origin::file(&self.layout.hyperparameters_file());
        let channels_file = || Origin::file(&self.layout.channels_file());
        let mut put = |name: &str, value: Json, origin: Origin| {
            settings.put(name, python::variable(&value), origin);
        };
        put("SM_HOSTS", hosts, resources.origin("hosts"));
        let interface = resources.network_interface_name().into();
        put(
            "SM_NETWORK_INTERFACE_NAME",
            interface,
            resources.origin("network_interface_name"),
        );
        put("SM_HPS", self.hyperparameters().into(), hyperparameters());
        put(
            "SM_USER_ENTRY_POINT",
            self.user_entry_point().into(),
            self.reserved.user_entry_point.origin.clone(),
        );
        put("SM_FRAMEWORK_PARAMS", framework_params, hyperparameters());
        put(
            "SM_RESOURCE_CONFIG",
            resources.object().clone().into(),
            Origin::file(&self.layout.resources_file()),
        );
        put(
            "SM_INPUT_DATA_CONFIG",
            self.channels.object().clone().into(),
            channels_file(),
        );
        put(
            "SM_OUTPUT_DATA_DIR",
            self.layout.output_data().as_str().into(),
            self.base_origin.clone(),
        );
        put("SM_CHANNELS", channels, channels_file());
    }

    /// The variables after these: this host and the groups.
    fn put_hosts(&self, settings: &mut Settings) {
        let resources = &self.resources;
        let group_hosts: Json = resources.current_group_hosts().iter().collect();
        let groups = || resources.origin("instance_groups");
        let mut put = |name: &str, value: Json, origin: Origin| {
            settings.put(name, python::variable(&value), origin);
        };
        put(
            "SM_CURRENT_HOST",
            self.current_host().into(),
            resources.origin("current_host"),
        );
        let instance_type = resources.current_instance_type().into();
        put(
            "SM_CURRENT_INSTANCE_TYPE",
            instance_type,
            resources.origin("current_instance_type"),
        );
        let group = resources.current_group_name().into();
        put(
            "SM_CURRENT_INSTANCE_GROUP",
            group,
            resources.origin("current_group_name"),
        );
        put("SM_CURRENT_INSTANCE_GROUP_HOSTS", group_hosts, groups());
        put("SM_INSTANCE_GROUPS", self.instance_group_names(), groups());
        put(
            "SM_INSTANCE_GROUPS_DICT",
            self.instance_groups_dict(),
            groups(),
        );
        let distribution = &self.distribution_instance_groups;
        put(
            "SM_DISTRIBUTION_INSTANCE_GROUPS",
            distribution.value.clone(),
            distribution.origin.clone(),
        );
        put("SM_IS_HETERO", self.is_hetero().into(), groups());
    }

    /// The variables in the middle: the module, the directories, the counts.
    fn put_machine_and_paths(&self, settings: &mut Settings) {
        let mut put = |name: &str, value: Json, origin: Origin| {
            settings.put(name, python::variable(&value), origin);
        };
        put(
            "SM_MODULE_NAME",
            self.module_name().into(),
            self.reserved.module_name.origin.clone(),
        );
        put(
            "SM_LOG_LEVEL",
            self.log_level().clone(),
            self.reserved.log_level.origin.clone(),
        );
        let module_origin = match self.framework_module() {
            Some(_) => Origin::variable(vars::SAGEMAKER_TRAINING_MODULE.name),
            None => Origin::Default,
        };
        put(
            "SM_FRAMEWORK_MODULE",
            self.framework_module().into(),
            module_origin,
        );
        put(
            "SM_INPUT_DIR",
            self.layout.input().as_str().into(),
            self.base_origin.clone(),
        );
        put(
            "SM_INPUT_CONFIG_DIR",
            self.layout.config().as_str().into(),
            self.base_origin.clone(),
        );
        put(
            "SM_OUTPUT_DIR",
            self.layout.output().as_str().into(),
            self.base_origin.clone(),
        );
        let machine = &self.facts.machine;
        let counts = [
            ("SM_NUM_CPUS", &machine.cpus),
            ("SM_NUM_GPUS", &machine.gpus),
            ("SM_NUM_NEURONS", &machine.neurons),
        ];
        for (name, count) in counts {
            put(
                name,
                count.value.into(),
                Origin::Probe(count.source.clone()),
            );
        }
    }

    fn instance_group_names(&self) -> Json {
        self.resources
            .instance_groups()
            .iter()
            .map(|group| &group.name)
            .collect()
    }

    fn instance_groups_dict(&self) -> Json {
        let groups = self.resources.instance_groups().iter();
        Json::Object(
            groups
                .map(|group| (group.name.clone(), group.object.clone().into()))
                .collect(),
        )
    }

    fn module_dir_origin(&self) -> Origin {
        match &self.reserved.module_dir.origin {
            Origin::Default => self.base_origin.clone(),
            given => given.clone(),
        }
    }
}

/// The name of the variable of a key: `SM_` before it, in upper case. The empty key has the empty name.
///
/// **Source**: sagemaker-training 5.1.4.
pub fn variable_name(key: &Text) -> Text {
    if key.is_empty() {
        return Text::new();
    }
    prefixed("SM_", key)
}

fn prefixed(prefix: &str, name: &Text) -> Text {
    let upper = name.to_upper();
    let mut prefixed = Text::with_capacity(prefix.len() + upper.as_bytes().len());
    prefixed.push_str(prefix);
    prefixed.push_text(&upper);
    prefixed
}
