//! The training environment: everything that a script can know about its job.
//!
//! [`TrainingEnv::load`] reads the three files and the variables, and reports every problem at once. The result is a
//! value: what the script sees is a pure function of it, equal to the reference's byte for byte.

mod reserved;
mod view;

use std::ffi::OsStr;

use camino::Utf8Path;

pub(crate) use self::reserved::module_of;
use self::reserved::{Reserved, Sourced};
pub use self::view::variable_name;
use crate::{
    channels::Channels,
    cluster::{Cluster, Engine},
    config::{ConfigError, ConfigErrorKind, Origin, parse_int},
    hyperparameters::{Hyperparameters, Role},
    json::{Json, Object},
    layout::Layout,
    machine::{Count, Machine},
    resources::Resources,
    source::Source,
    text::Text,
    vars,
};

/// What only the machine can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What this machine offers.
    pub machine: Machine,
    /// `smddprun` is on `PATH`.
    pub smddprun_installed: bool,
    /// `smddpmprun` is on `PATH`.
    pub smddpmprun_installed: bool,
}

/// The environment of a training job. Each property of the reference is a method.
///
/// **Source**: sagemaker-training 5.1.4.
#[derive(Clone, Debug)]
pub struct TrainingEnv {
    layout: Layout,
    base_origin: Origin,
    hyperparameters: Hyperparameters,
    resources: Resources,
    channels: Channels,
    facts: Facts,
    reserved: Reserved,
    distribution_instance_groups: Sourced<Json>,
    job_name: Option<Text>,
    framework_module: Option<Text>,
    model_parallel_parameters: Option<Text>,
}

/// Hyperparameters that make the group of this machine a distribution group.
///
/// **Source**: sagemaker-training 5.1.4.
const DISTRIBUTION_FLAGS: [&str; 7] = [
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_torch_distributed_enabled",
];

/// The contents of the three files, where a caller has them already; what is absent is read.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// What `hyperparameters.json` would hold. Taken as it is: a text that looks like JSON stays a text.
    pub hyperparameters: Option<Object>,
    /// What `resourceconfig.json` would hold.
    pub resources: Option<Object>,
    /// What `inputdataconfig.json` would hold.
    pub channels: Option<Object>,
}

const DISTRIBUTION_GROUPS: &str = "sagemaker_distribution_instance_groups";

/// The arguments of the reference's constructor.
const HYPERPARAMETERS: &str = "hyperparameters";
const RESOURCE_CONFIG: &str = "resource_config";
const INPUT_DATA_CONFIG: &str = "input_data_config";

impl TrainingEnv {
    /// Reads the environment of a job. Nothing is written.
    ///
    /// # Errors
    /// Everything that is wrong with the files and the variables, in the order of reading.
    pub fn load(
        source: &dyn Source,
        layout: &Layout,
        facts: &Facts,
    ) -> Result<Self, Vec<ConfigError>> {
        Self::load_with(source, layout, facts, Given::default())
    }

    /// As [`TrainingEnv::load`], with some of the files' contents given.
    ///
    /// # Errors
    /// As [`TrainingEnv::load`]. A place in what was given is named by the argument of the reference's constructor.
    pub fn load_with(
        source: &dyn Source,
        layout: &Layout,
        facts: &Facts,
        given: Given,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut problems = Vec::new();
        let scheduled = match given.resources {
            Some(_) => None,
            // The files that are missing then are no problem of their own.
            None => scheduled(source, layout, &facts.machine)?,
        };
        // Who is no platform leaves no files, and need not.
        let is_left_out = |file: &Utf8Path| scheduled.is_some() && !source.exists(file);
        let file = layout.hyperparameters_file();
        let hyperparameters = match given.hyperparameters {
            Some(object) => Ok(Hyperparameters::given(&object, HYPERPARAMETERS.into())),
            None if is_left_out(&file) => Hyperparameters::parse(&Object::default(), &file),
            None => Hyperparameters::load(source, layout),
        };
        let hyperparameters = keep(hyperparameters, &mut problems);
        let resources = match (given.resources, &scheduled) {
            (Some(object), _) => Resources::parse(object, RESOURCE_CONFIG.into()),
            (None, Some(cluster)) => Resources::of_cluster(cluster, &layout.resources_file()),
            (None, None) => Resources::load(source, layout),
        };
        let resources = keep(resources, &mut problems);
        let file = layout.channels_file();
        let channels = match given.channels {
            Some(object) => Channels::parse(object, INPUT_DATA_CONFIG.into(), &layout.data()),
            None if is_left_out(&file) => Channels::parse(Object::default(), &file, &layout.data()),
            None => Channels::load(source, layout),
        };
        let channels = keep(channels, &mut problems);
        check_log_level(source, &mut problems);
        let reserved = hyperparameters
            .as_ref()
            .map(|all| Reserved::read(all, source, layout, &mut problems));
        let groups = hyperparameters.as_ref().zip(resources.as_ref());
        let groups =
            groups.map(|(all, resources)| distribution_groups(all, resources, &mut problems));
        let (Some(hyperparameters), Some(resources), Some(channels)) =
            (hyperparameters, resources, channels)
        else {
            return Err(problems);
        };
        let (Some(reserved), Some(distribution_instance_groups), true) =
            (reserved, groups, problems.is_empty())
        else {
            return Err(problems);
        };
        let text = |variable: vars::Variable| source.var(variable.name).map(Text::from_os);
        let mut env = Self {
            layout: layout.clone(),
            base_origin: base_origin(source),
            hyperparameters,
            resources,
            channels,
            facts: facts.clone(),
            reserved,
            distribution_instance_groups,
            job_name: text(vars::TRAINING_JOB_NAME),
            framework_module: text(vars::SAGEMAKER_TRAINING_MODULE),
            model_parallel_parameters: text(vars::SM_HP_MP_PARAMETERS),
        };
        env.set_machine(facts.machine.clone());
        Ok(env)
    }

    /// The same job on a machine that was asked later.
    ///
    /// The cores of an instance type that is known to have a fixed number stay.
    pub fn set_machine(&mut self, mut machine: Machine) {
        let instance_type = self.resources.current_instance_type().to_string();
        machine.neurons = Count::neurons_of(&instance_type).unwrap_or(machine.neurons);
        self.facts.machine = machine;
    }

    /// The paths of the job.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Every hyperparameter, the reserved ones too.
    pub fn all_hyperparameters(&self) -> &Hyperparameters {
        &self.hyperparameters
    }

    /// The hosts and groups of the job.
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// The channels of the job.
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    /// What this machine offers.
    pub fn machine(&self) -> &Machine {
        &self.facts.machine
    }

    /// The hyperparameters for the script.
    pub fn hyperparameters(&self) -> Object {
        self.hyperparameters.to_object(Role::User)
    }

    /// The hyperparameters for the framework.
    pub fn additional_framework_parameters(&self) -> Object {
        self.hyperparameters.to_object(Role::Framework)
    }

    /// The entry point; none if the job names none.
    pub fn user_entry_point(&self) -> Option<&Text> {
        self.reserved.user_entry_point.value.as_ref()
    }

    /// The entry point without one trailing `.py`; the text `None` if the job names none.
    pub fn module_name(&self) -> &Text {
        &self.reserved.module_name.value
    }

    /// Where the code is to be fetched from; the code directory if the job does not say.
    pub fn module_dir(&self) -> &Text {
        &self.reserved.module_dir.value
    }

    /// The log level, as the job gives it; 20 if it does not. Mostly a number.
    pub fn log_level(&self) -> &Json {
        &self.reserved.log_level.value
    }

    /// Where `output/intermediate` is to be copied while the job runs, if anywhere.
    pub fn s3_output(&self) -> Option<&Text> {
        self.reserved.s3_output.as_ref()
    }

    /// The name of the job, as the platform has it.
    pub fn job_name(&self) -> Option<&Text> {
        self.job_name.as_ref()
    }

    /// The region that `SAGEMAKER_REGION` will say; may be empty.
    pub fn region(&self) -> &Text {
        &self.reserved.region.value
    }

    /// The name of the job in hyperparameter `sagemaker_job_name`; may be empty.
    pub fn sagemaker_job_name(&self) -> &Text {
        &self.reserved.job_name.value
    }

    /// `module:function` to call instead of a script.
    pub fn framework_module(&self) -> Option<&Text> {
        self.framework_module.as_ref()
    }

    /// The hosts of the job, in the order of the file.
    pub fn hosts(&self) -> &[Text] {
        self.resources.hosts()
    }

    /// Our own name.
    pub fn current_host(&self) -> &Text {
        self.resources.current_host()
    }

    /// True with more than one instance group.
    pub fn is_hetero(&self) -> bool {
        self.resources.instance_groups().len() > 1
    }

    /// The groups that train together: an array of names, or what the job gives instead.
    pub fn distribution_instance_groups(&self) -> &Json {
        &self.distribution_instance_groups.value
    }

    /// The hosts of these groups, in the order of the file; without groups in the file, all hosts.
    pub fn distribution_hosts(&self) -> Vec<&Text> {
        let groups = self.resources.instance_groups();
        if groups.is_empty() {
            return self.hosts().iter().collect();
        }
        let is_named =
            |name: &Text| contains(&self.distribution_instance_groups.value, name) == Some(true);
        groups
            .iter()
            .filter(|group| is_named(&group.name))
            .flat_map(|group| &group.hosts)
            .collect()
    }

    /// The host that leads: the first distribution host, else the first of all.
    pub fn master_hostname(&self) -> &Text {
        let all = self.hosts().first();
        self.distribution_hosts()
            .first()
            .copied()
            .or(all)
            .expect("loading refuses an empty list of hosts")
    }

    /// True if we lead.
    pub fn is_master(&self) -> bool {
        self.master_hostname() == self.current_host()
    }

    /// Whether `SM_HP_MP_PARAMETERS` asks for model parallelism: null if it is unset, empty if it is empty.
    pub fn is_modelparallel_enabled(&self) -> Json {
        match &self.model_parallel_parameters {
            Some(parameters) if !parameters.is_empty() => (*parameters != "{}").into(),
            other => other.clone().into(),
        }
    }

    /// True if `smddprun` is installed.
    pub fn is_smddprun_installed(&self) -> bool {
        self.facts.smddprun_installed
    }

    /// True if `smddpmprun` is installed.
    pub fn is_smddpmprun_installed(&self) -> bool {
        self.facts.smddpmprun_installed
    }

    /// What the script is called with: two words for each of its hyperparameters.
    pub fn to_cmd_args(&self) -> Vec<Text> {
        self.hyperparameters.to_args()
    }
}

/// The hosts as a scheduler says, where no platform has left `resourceconfig.json`.
fn scheduled(
    source: &dyn Source,
    layout: &Layout,
    machine: &Machine,
) -> Result<Option<Cluster>, Vec<ConfigError>> {
    if source.exists(&layout.resources_file()) {
        return Ok(None);
    }
    let cluster = Cluster::of_machine(source, machine)?;
    Ok((cluster.learnt_from.engine != Engine::Nobody).then_some(cluster))
}

fn keep<T>(result: Result<T, Vec<ConfigError>>, problems: &mut Vec<ConfigError>) -> Option<T> {
    result.map_err(|errors| problems.extend(errors)).ok()
}

/// The reference reads this variable as a number, fails if it is none, and never uses it.
fn check_log_level(source: &dyn Source, problems: &mut Vec<ConfigError>) {
    let name = vars::SAGEMAKER_CONTAINER_LOG_LEVEL.name;
    if let Some(Err(kind)) = source.var(name).map(parse_int) {
        problems.push(Origin::variable(name).error(kind));
    }
}

fn base_origin(source: &dyn Source) -> Origin {
    let name = vars::SAGEMAKER_BASE_DIR.name;
    if source.var(name).is_some_and(|base| base != OsStr::new("")) {
        Origin::variable(name)
    } else {
        Origin::Default
    }
}

fn distribution_groups(
    hyperparameters: &Hyperparameters,
    resources: &Resources,
    problems: &mut Vec<ConfigError>,
) -> Sourced<Json> {
    if let Some(value) = hyperparameters.get(DISTRIBUTION_GROUPS) {
        let origin = hyperparameters.origin(&DISTRIBUTION_GROUPS.into());
        if contains(value, resources.current_group_name()).is_none() {
            problems.push(
                origin
                    .clone()
                    .error(ConfigErrorKind::wrong_type("an array", value)),
            );
        }
        return Sourced {
            value: value.clone(),
            origin,
        };
    }
    let flag = DISTRIBUTION_FLAGS
        .into_iter()
        .find(|flag| hyperparameters.get(flag).is_some_and(Json::is_truthy));
    match flag {
        Some(flag) => Sourced {
            value: [resources.current_group_name()].into_iter().collect(),
            origin: hyperparameters.origin(&flag.into()),
        },
        None => Sourced {
            value: Json::Array(Vec::new()),
            origin: Origin::Default,
        },
    }
}

/// Python's `name in value`; none where Python would raise.
fn contains(value: &Json, name: &Text) -> Option<bool> {
    match value {
        Json::Array(values) => Some(values.iter().any(|value| value.as_text() == Some(name))),
        Json::Object(object) => Some(object.iter().any(|(key, _)| key == name)),
        Json::Text(_) if name.is_empty() => Some(true),
        Json::Text(text) => Some(
            text.as_bytes()
                .windows(name.as_bytes().len())
                .any(|part| part == name.as_bytes()),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
