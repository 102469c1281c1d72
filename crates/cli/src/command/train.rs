//! `optml train`.

use std::{ffi::OsString, fs, io};

use camino::Utf8Path;
use optml::session::Session;
use optml_contract::{
    ConfigError, Origin, Source,
    config::ConfigErrorKind,
    source::Process,
    vars::{self, Variable},
};
use optml_local::config::ProjectFile;
use optml_train::Job;

/// What the project file that `OPTML_CONFIG` names says about running, as the variables that say the same; those that
/// are set count more. Its hyperparameters and channels are for `optml local`: in a container the platform gives them.
pub(super) fn with_project_file(environment: Process) -> (Process, Option<ConfigError>) {
    let Some(path) = set(&environment, &vars::OPTML_CONFIG).map(str::to_owned) else {
        return (environment, None);
    };
    let file = match read(Utf8Path::new(&path)) {
        Ok(file) => file,
        Err(error) => {
            let origin = Origin::variable(vars::OPTML_CONFIG.name);
            let kind = ConfigErrorKind::Unreadable(error);
            return (environment, Some(ConfigError { origin, kind }));
        }
    };
    let grace = file.stop_grace.map(|grace| grace.as_secs().to_string());
    let said: Vec<(OsString, OsString)> = [
        (&vars::SAGEMAKER_PROGRAM, file.entry_point),
        (&vars::OPTML_PYTHON, file.python),
        (&vars::OPTML_STOP_GRACE_S, grace),
    ]
    .into_iter()
    .filter(|(variable, _)| set(&environment, variable).is_none())
    .filter_map(|(variable, value)| Some((variable.name.into(), value?.into())))
    .collect();
    (environment.with(said), None)
}

fn set<'a>(environment: &'a Process, variable: &Variable) -> Option<&'a str> {
    environment
        .var(variable.name)?
        .to_str()
        .filter(|value| !value.is_empty())
}

fn read(path: &Utf8Path) -> io::Result<ProjectFile> {
    let wrong = |text: String| io::Error::other(format!("`{path}`: {text}"));
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    ProjectFile::parse(path, &text).map_err(|error| io::Error::other(error.to_string()))
}

pub(super) fn run(session: &mut Session, command: Option<&[OsString]>) -> u8 {
    Job {
        source: &session.source,
        options: &session.options,
        option_problems: std::mem::take(&mut session.option_problems),
        command,
        supervisor: &session.supervisor,
        console: &session.console,
    }
    .run()
}
