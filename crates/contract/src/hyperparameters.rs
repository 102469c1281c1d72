//! The job's hyperparameters: decoded, sorted into ours and the user's, and turned into argument words.
//!
//! On the platform every value is a string that may itself be JSON. What was written is kept beside what it decodes to.

use camino::{Utf8Path, Utf8PathBuf};

use crate::{
    config::{ConfigError, ConfigErrorKind, Origin, load_object},
    json::{Json, JsonErrorKind, Object},
    layout::Layout,
    python,
    source::Source,
    text::Text,
};

/// The names that are consumed here and that the script does not see.
///
/// **Source**: sagemaker-training 5.1.4.
pub const RESERVED: [&str; 9] = [
    PROGRAM,
    SUBMIT_DIRECTORY,
    "sagemaker_enable_cloudwatch_metrics",
    REGION,
    LOG_LEVEL,
    JOB_NAME,
    "default_user_module_name",
    "_tuning_objective_metric",
    S3_OUTPUT,
];

pub(crate) const PROGRAM: &str = "sagemaker_program";
pub(crate) const SUBMIT_DIRECTORY: &str = "sagemaker_submit_directory";
pub(crate) const REGION: &str = "sagemaker_region";
pub(crate) const LOG_LEVEL: &str = "sagemaker_container_log_level";
pub(crate) const JOB_NAME: &str = "sagemaker_job_name";
pub(crate) const S3_OUTPUT: &str = "sagemaker_s3_output";

/// What other reserved-looking names begin with: parameters of the framework, not of the user.
const FRAMEWORK_PREFIX: &[u8] = b"sagemaker_";

/// The hyperparameters of a job, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Hyperparameters {
    path: Utf8PathBuf,
    all: Vec<Hyperparameter>,
}

/// One hyperparameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Hyperparameter {
    /// Its name.
    pub name: Text,
    /// The value as the file has it; on the platform always a text.
    pub raw: Json,
    /// What it decodes to: the JSON in the text, or the text itself where it is not JSON.
    pub value: Json,
    /// Who it is for.
    pub role: Role,
}

/// Who a hyperparameter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The script.
    User,
    /// The framework: `sagemaker_*`.
    Framework,
    /// The container: one of [`RESERVED`].
    Reserved,
}

impl Hyperparameters {
    /// Reads `hyperparameters.json`.
    ///
    /// # Errors
    /// The file cannot be read or is no JSON object; or a value is JSON that is nested too deep.
    pub fn load(source: &dyn Source, layout: &Layout) -> Result<Self, Vec<ConfigError>> {
        let path = layout.hyperparameters_file();
        let object = load_object(source, &path).map_err(|err| vec![err])?;
        Self::parse(&object, &path)
    }

    /// Decodes what `hyperparameters.json` holds.
    ///
    /// # Errors
    /// A value is JSON that is nested too deep.
    pub fn parse(object: &Object, path: &Utf8Path) -> Result<Self, Vec<ConfigError>> {
        let mut all = Vec::with_capacity(object.len());
        let mut problems = Vec::new();
        for (name, raw) in object.iter() {
            match decode(raw) {
                Ok(value) => {
                    all.push(Hyperparameter {
                        name: name.clone(),
                        raw: raw.clone(),
                        value,
                        role: Role::of(name),
                    });
                }
                Err(kind) => problems.push(Origin::within(path, "", name).error(kind)),
            }
        }
        if problems.is_empty() {
            Ok(Self {
                path: path.to_owned(),
                all,
            })
        } else {
            Err(problems)
        }
    }

    /// Takes values as they are, without looking for JSON in texts: for a caller who has decoded them.
    pub fn given(object: &Object, path: &Utf8Path) -> Self {
        let all = object.iter().map(|(name, value)| Hyperparameter {
            name: name.clone(),
            raw: value.clone(),
            value: value.clone(),
            role: Role::of(name),
        });
        Self {
            path: path.to_owned(),
            all: all.collect(),
        }
    }

    /// Every hyperparameter.
    pub fn all(&self) -> &[Hyperparameter] {
        &self.all
    }

    /// Those of one role.
    pub fn of(&self, role: Role) -> impl Iterator<Item = &Hyperparameter> {
        self.all
            .iter()
            .filter(move |hyperparameter| hyperparameter.role == role)
    }

    /// Those of one role, as an object.
    pub fn to_object(&self, role: Role) -> Object {
        self.of(role)
            .map(|hyperparameter| (hyperparameter.name.clone(), hyperparameter.value.clone()))
            .collect()
    }

    /// The decoded value of that name, whatever its role.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.all
            .iter()
            .find(|hyperparameter| hyperparameter.name == name)
            .map(|found| &found.value)
    }

    /// The file and key of a hyperparameter.
    pub fn origin(&self, name: &Text) -> Origin {
        Origin::within(&self.path, "", name)
    }

    /// The argument words of the script: two for each of the user's hyperparameters, by name.
    ///
    /// **Source**: sagemaker-training 5.1.4.
    pub fn to_args(&self) -> Vec<Text> {
        self.sorted_args().flat_map(|(_, words)| words).collect()
    }

    /// The two words of each of the user's hyperparameters, by name.
    pub(crate) fn sorted_args(&self) -> impl Iterator<Item = (&Hyperparameter, [Text; 2])> {
        let mut user: Vec<_> = self.of(Role::User).collect();
        user.sort_by_key(|&hyperparameter| &hyperparameter.name);
        user.into_iter()
            .map(|hyperparameter| (hyperparameter, hyperparameter.to_args()))
    }
}

impl Hyperparameter {
    /// The option word, with one dash before a name of one character, and the value as Python's `str` spells it.
    pub fn to_args(&self) -> [Text; 2] {
        [option(&self.name), argument(&self.value)]
    }
}

/// The option word of a name: one dash before one character, two before more, nothing at all for the empty name.
///
/// **Source**: sagemaker-training 5.1.4.
pub fn option(name: &Text) -> Text {
    let mut option = Text::from(match name.code_points().take(2).count() {
        0 => "",
        1 => "-",
        _ => "--",
    });
    option.push_text(name);
    option
}

impl Role {
    /// Who a hyperparameter of that name is for.
    pub fn of(name: &Text) -> Self {
        if RESERVED.iter().any(|reserved| *name == *reserved) {
            Self::Reserved
        } else if name.as_bytes().starts_with(FRAMEWORK_PREFIX) {
            Self::Framework
        } else {
            Self::User
        }
    }
}

/// The value of a hyperparameter: the JSON in a text, or the text.
///
/// Python's limit on the digits of a number makes such a text "not JSON"; its limit on depth ends the job.
fn decode(raw: &Json) -> Result<Json, ConfigErrorKind> {
    let Json::Text(text) = raw else {
        return Ok(raw.clone());
    };
    match Json::parse_text(text) {
        Ok(value) => Ok(value),
        Err(err) if err.kind == JsonErrorKind::Depth => Err(ConfigErrorKind::NotJson(err)),
        Err(_) => Ok(raw.clone()),
    }
}

/// The argument word of a value: Python's `str`, but nothing for null and `k=v,…` for an object.
///
/// **Source**: sagemaker-training 5.1.4.
pub fn argument(value: &Json) -> Text {
    match value {
        Json::Null => Text::new(),
        Json::Object(object) => {
            let mut word = Text::new();
            for (i, (key, value)) in python::sorted(object).into_iter().enumerate() {
                word.push_str(if i == 0 { "" } else { "," });
                word.push_text(key);
                word.push_str("=");
                word.push_text(&python::str(value));
            }
            word
        }
        other => python::str(other),
    }
}

#[cfg(test)]
mod tests;
