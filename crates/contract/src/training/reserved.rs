//! What the reserved hyperparameters say, each together with the variable that may say it instead.

use crate::{
    config::{ConfigError, ConfigErrorKind, Origin},
    hyperparameters::{
        Hyperparameters, JOB_NAME, LOG_LEVEL, PROGRAM, REGION, S3_OUTPUT, SUBMIT_DIRECTORY,
    },
    json::Json,
    layout::Layout,
    python,
    source::Source,
    text::Text,
    vars,
};

/// A value, and where it came from.
#[derive(Clone, Debug)]
pub(super) struct Sourced<T> {
    pub(super) value: T,
    pub(super) origin: Origin,
}

/// The values of the reserved hyperparameters.
#[derive(Clone, Debug)]
pub(super) struct Reserved {
    pub(super) user_entry_point: Sourced<Option<Text>>,
    pub(super) module_name: Sourced<Text>,
    pub(super) module_dir: Sourced<Text>,
    pub(super) log_level: Sourced<Json>,
    pub(super) job_name: Sourced<Text>,
    pub(super) region: Sourced<Text>,
    pub(super) s3_output: Option<Text>,
}

/// What a level is if nobody says: Python's `INFO`.
const DEFAULT_LOG_LEVEL: u32 = 20;

impl Reserved {
    pub(super) fn read(
        all: &Hyperparameters,
        source: &dyn Source,
        layout: &Layout,
        problems: &mut Vec<ConfigError>,
    ) -> Self {
        let mut reader = Reader { all, problems };
        let program = reader.optional_text(PROGRAM);
        let variable = source.var(vars::SAGEMAKER_PROGRAM.name).map(Text::from_os);
        let from_variable = |value| Sourced {
            value,
            origin: Origin::variable(vars::SAGEMAKER_PROGRAM.name),
        };
        // An empty variable is passed over for the entry point, but not for the module: that is the reference's rule.
        let user_entry_point = match &variable {
            Some(name) if !name.is_empty() => from_variable(variable.clone()),
            _ => program.clone(),
        };
        let module = if variable.is_some() {
            from_variable(variable)
        } else {
            program
        };
        Self {
            user_entry_point,
            module_name: Sourced {
                value: module_name(module.value),
                origin: module.origin,
            },
            module_dir: reader.value(SUBMIT_DIRECTORY, python::str, || {
                layout.code().as_str().into()
            }),
            log_level: reader.value(LOG_LEVEL, Json::clone, || DEFAULT_LOG_LEVEL.into()),
            job_name: reader.text(JOB_NAME),
            region: reader.region(source),
            s3_output: reader.optional_text(S3_OUTPUT).value,
        }
    }
}

struct Reader<'a> {
    all: &'a Hyperparameters,
    problems: &'a mut Vec<ConfigError>,
}

impl Reader<'_> {
    fn value<T>(
        &self,
        name: &str,
        read: fn(&Json) -> T,
        default: impl FnOnce() -> T,
    ) -> Sourced<T> {
        match self.all.get(name) {
            Some(value) => Sourced {
                value: read(value),
                origin: self.all.origin(&name.into()),
            },
            None => Sourced {
                value: default(),
                origin: Origin::Default,
            },
        }
    }

    /// A text; null counts as absent.
    fn optional_text(&mut self, name: &str) -> Sourced<Option<Text>> {
        if self.all.get(name) == Some(&Json::Null) {
            return Sourced {
                value: None,
                origin: self.all.origin(&name.into()),
            };
        }
        let found = self.value(name, Json::clone, || Json::Null);
        let value = self.check(found.value, &found.origin);
        Sourced {
            value,
            origin: found.origin,
        }
    }

    /// A text, empty if it is absent.
    fn text(&mut self, name: &str) -> Sourced<Text> {
        let found = self.value(name, Json::clone, || "".into());
        if found.value == Json::Null {
            self.problems.push(
                found
                    .origin
                    .clone()
                    .error(ConfigErrorKind::wrong_type("a string", &found.value)),
            );
        }
        Sourced {
            value: self.check(found.value, &found.origin).unwrap_or_default(),
            origin: found.origin,
        }
    }

    /// A hyperparameter that is there wins, even if it is empty.
    fn region(&mut self, source: &dyn Source) -> Sourced<Text> {
        if let Some(value) = self.all.get(REGION) {
            let origin = self.all.origin(&REGION.into());
            let value = if value.is_truthy() {
                value.clone()
            } else {
                "".into()
            };
            return Sourced {
                value: self.check(value, &origin).unwrap_or_default(),
                origin,
            };
        }
        match source.var(vars::AWS_DEFAULT_REGION.name) {
            Some(region) => Sourced {
                value: Text::from_os(region),
                origin: Origin::variable(vars::AWS_DEFAULT_REGION.name),
            },
            None => Sourced {
                value: Text::new(),
                origin: Origin::Default,
            },
        }
    }

    fn check(&mut self, value: Json, origin: &Origin) -> Option<Text> {
        match value {
            Json::Text(text) => Some(text),
            Json::Null => None,
            other => {
                self.problems.push(
                    origin
                        .clone()
                        .error(ConfigErrorKind::wrong_type("a string", &other)),
                );
                None
            }
        }
    }
}

fn module_name(program: Option<Text>) -> Text {
    program.map_or_else(|| "None".into(), |program| module_of(&program))
}

/// A program without one trailing `.py`.
pub(crate) fn module_of(program: &Text) -> Text {
    let mut module = Text::new();
    module.push_encoded(
        program
            .as_bytes()
            .strip_suffix(b".py")
            .unwrap_or(program.as_bytes()),
    );
    module
}
