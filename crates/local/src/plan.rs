//! What will be run, with which hyperparameters and data. Pure: what is on the disk was read into a [`Project`] before.
//!
//! Order, the first that says something wins: the command line, the platform's variable, the project file, a default.

mod flags;

use std::{collections::BTreeMap, ffi::OsString, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};
use optml_contract::{json::Json, options::LocalOptions, python};

pub use self::flags::{ChannelFlag, FlagError, SetFlag};
use crate::project::{FileKind, Project};

/// What the command line and the environment ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The folder against which relative paths of the command line are read; absolute.
    pub current_directory: Utf8PathBuf,
    /// The script, if one was named: its file name, in the project's folder.
    pub script: Option<String>,
    /// `--channel`, in order.
    pub channels: Vec<ChannelFlag>,
    /// `--set`, in order.
    pub settings: Vec<SetFlag>,
    /// The words after `--`.
    pub command: Vec<OsString>,
    /// `SAGEMAKER_PROGRAM`, when set and not empty.
    pub program: Option<String>,
    /// `SAGEMAKER_TRAINING_MODULE`, when set and not empty.
    pub module: Option<String>,
    /// `--hosts`, `--host-network`.
    pub local: LocalOptions,
}

/// A job as it will be run.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalJob {
    /// The project's folder, absolute. The script runs with it as its code.
    pub project: Utf8PathBuf,
    /// What runs.
    pub program: Program,
    /// The hyperparameters.
    pub hyperparameters: BTreeMap<String, Setting>,
    /// The channels.
    pub channels: BTreeMap<String, JobChannel>,
    /// The interpreter that the project file names.
    pub python: Option<String>,
    /// How long a stopped script may go on, if the project file says so.
    pub stop_grace: Option<Duration>,
    /// How many hosts there are, and where.
    pub local: LocalOptions,
    /// What was decided by default: worth a line each.
    pub notes: Vec<String>,
}

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// A file of the project.
    Script(String),
    /// A function of an installed package: `SAGEMAKER_TRAINING_MODULE`.
    Module(String),
    /// The words after `--`.
    Command(Vec<OsString>),
}

/// A hyperparameter: always a text, as on the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The text of `hyperparameters.json`: what stood after `--set KEY=`, or the JSON form of the file's value.
    pub text: String,
    /// Where it comes from.
    pub origin: SettingOrigin,
}

/// Where a hyperparameter comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingOrigin {
    /// `--set`; with the place and the text that it replaced.
    Flag {
        /// What the project file has.
        replaced: Option<(FilePlace, String)>,
    },
    /// The project file.
    File(FilePlace),
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePlace {
    /// The file.
    pub path: Utf8PathBuf,
    /// The line, counted from 1.
    pub line: usize,
}

/// A channel of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobChannel {
    /// Its folder or file, absolute.
    pub path: Utf8PathBuf,
    /// Its media type, if known.
    pub content_type: Option<String>,
}

/// Why a job cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No script was named and none is obvious.
    #[error("choose a script in `{folder}`: there is no `train.py`, no `train.sh`, and {}", executables(.found))]
    NoScript {
        /// The project's folder.
        folder: Utf8PathBuf,
        /// The executables in it.
        found: Vec<String>,
    },
    /// The script that was named is not there.
    #[error("find the script `{name}` (from {origin}) in `{folder}`")]
    ScriptMissing {
        /// The name.
        name: String,
        /// Who named it.
        origin: &'static str,
        /// The project's folder.
        folder: Utf8PathBuf,
    },
    /// A script and a command.
    #[error("run both the script `{0}` and the command after `--`")]
    ScriptAndCommand(String),
    /// A channel was given twice.
    #[error("give the channel `{0}` twice")]
    ChannelTwice(String),
    /// A channel's name that the platform would refuse.
    #[error("name a channel `{}`: letters, digits, `.`, `-` and `_` are accepted", .0.escape_debug())]
    ChannelName(String),
    /// A channel without a folder or file.
    #[error("use `{path}` as the channel `{name}`: there is no such folder or file")]
    ChannelMissing {
        /// The channel.
        name: String,
        /// Its path.
        path: Utf8PathBuf,
    },
    /// A hyperparameter was given twice.
    #[error("set the hyperparameter `{0}` twice")]
    SettingTwice(String),
    /// A hyperparameter that says what the command line says in another way.
    #[error("set the hyperparameter `{0}`: here it follows from the project")]
    SettingReserved(String),
}

/// Joins what was asked for with what the project is.
///
/// # Errors
/// Everything that is wrong.
pub fn plan(request: &Request, project: &Project) -> Result<LocalJob, Vec<PlanError>> {
    let mut problems = Vec::new();
    let mut notes = Vec::new();
    let program = keep(choose_program(request, project), &mut problems);
    let hyperparameters = hyperparameters(request, project, &mut problems);
    let channels = channels(request, project, &mut notes, &mut problems);
    let Some(program) = program.filter(|_| problems.is_empty()) else {
        return Err(problems);
    };
    Ok(LocalJob {
        project: project.folder.clone(),
        program,
        hyperparameters,
        channels,
        python: project.file.as_ref().and_then(|file| file.python.clone()),
        stop_grace: project.file.as_ref().and_then(|file| file.stop_grace),
        local: request.local,
        notes,
    })
}

impl LocalJob {
    /// Looks whether the channels' folders and files are there.
    ///
    /// # Errors
    /// A [`PlanError::ChannelMissing`] for each that is not.
    pub fn check_channels(&self) -> Result<(), Vec<PlanError>> {
        let missing: Vec<_> = self
            .channels
            .iter()
            .filter(|(_, channel)| !channel.path.exists())
            .map(|(name, channel)| PlanError::ChannelMissing {
                name: name.clone(),
                path: channel.path.clone(),
            })
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(missing)
        }
    }
}

impl PlanError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoScript { .. } => Some(
                "name it: `optml local train FILE`, `entry_point` in the `[train]` table of optml.toml, or `-- CMD...`"
                    .to_owned(),
            ),
            Self::ScriptAndCommand(_) => Some("leave out one of the two".to_owned()),
            Self::SettingReserved(_) => Some("name the script on the command line: `optml local train FILE`".to_owned()),
            Self::ScriptMissing { .. }
            | Self::ChannelTwice(_)
            | Self::ChannelName(_)
            | Self::ChannelMissing { .. }
            | Self::SettingTwice(_) => None,
        }
    }
}

fn keep<T>(result: Result<T, PlanError>, problems: &mut Vec<PlanError>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

fn choose_program(request: &Request, project: &Project) -> Result<Program, PlanError> {
    match (&request.script, request.command.is_empty()) {
        (Some(script), false) => return Err(PlanError::ScriptAndCommand(script.clone())),
        (None, false) => return Ok(Program::Command(request.command.clone())),
        (Some(script), true) => return named_script(script, "the command line", project),
        (None, true) => {}
    }
    if let Some(module) = &request.module {
        return Ok(Program::Module(module.clone()));
    }
    if let Some(program) = &request.program {
        return named_script(program, "`SAGEMAKER_PROGRAM`", project);
    }
    match project
        .file
        .as_ref()
        .and_then(|file| file.entry_point.as_deref())
    {
        Some(name) => named_script(name, "`entry_point`", project),
        None => obvious_script(project),
    }
}

fn named_script(name: &str, origin: &'static str, project: &Project) -> Result<Program, PlanError> {
    // A name with a slash lies deeper than the survey of the folder went; `train` itself says if it is missing.
    let relative = name.strip_prefix("./").unwrap_or(name);
    if relative.contains('/') || project.files.iter().any(|file| file.name == relative) {
        return Ok(Program::Script(name.to_owned()));
    }
    Err(PlanError::ScriptMissing {
        name: name.to_owned(),
        origin,
        folder: project.folder.clone(),
    })
}

fn obvious_script(project: &Project) -> Result<Program, PlanError> {
    let executables: Vec<_> = project
        .files
        .iter()
        .filter(|file| file.kind == FileKind::Executable)
        .map(|file| &file.name)
        .collect();
    for name in ["train.py", "train.sh"] {
        if project.files.iter().any(|file| file.name == name) {
            return Ok(Program::Script(name.to_owned()));
        }
    }
    match executables.as_slice() {
        [only] => Ok(Program::Script((*only).clone())),
        _ => Err(PlanError::NoScript {
            folder: project.folder.clone(),
            found: executables.into_iter().cloned().collect(),
        }),
    }
}

fn executables(found: &[String]) -> String {
    if found.is_empty() {
        return "nothing is executable".to_owned();
    }
    format!("several files are executable: `{}`", found.join("`, `"))
}

fn hyperparameters(
    request: &Request,
    project: &Project,
    problems: &mut Vec<PlanError>,
) -> BTreeMap<String, Setting> {
    let mut settings: BTreeMap<_, _> = project
        .file
        .iter()
        .flat_map(|file| {
            file.hyperparameters
                .iter()
                .map(move |(key, value)| (&file.path, key, value))
        })
        .map(|(path, key, value)| {
            let place = FilePlace {
                path: path.clone(),
                line: value.line,
            };
            let text = python::dumps(&to_json(&value.value));
            (
                key.clone(),
                Setting {
                    text,
                    origin: SettingOrigin::File(place),
                },
            )
        })
        .collect();
    for flag in &request.settings {
        let replaced = match settings.remove(&flag.key) {
            Some(Setting {
                text,
                origin: SettingOrigin::File(place),
            }) => Some((place, text)),
            Some(Setting {
                origin: SettingOrigin::Flag { .. },
                ..
            }) => {
                problems.push(PlanError::SettingTwice(flag.key.clone()));
                None
            }
            None => None,
        };
        let setting = Setting {
            text: flag.value.clone(),
            origin: SettingOrigin::Flag { replaced },
        };
        settings.insert(flag.key.clone(), setting);
    }
    for key in ["sagemaker_program", "sagemaker_submit_directory"] {
        if settings.contains_key(key) {
            problems.push(PlanError::SettingReserved(key.to_owned()));
        }
    }
    settings
}

/// The value that a JSON reader gets: dates and times become text, which is all that JSON has for them.
fn to_json(value: &toml::Value) -> Json {
    match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => Json::parse(number.to_string().as_bytes())
            .expect("the decimal digits of 64 bits are JSON"),
        toml::Value::Float(number) => Json::Float(*number),
        toml::Value::Boolean(value) => (*value).into(),
        toml::Value::Datetime(time) => time.to_string().as_str().into(),
        toml::Value::Array(values) => values.iter().map(to_json).collect(),
        toml::Value::Table(table) => Json::Object(
            table
                .iter()
                .map(|(key, value)| (key.as_str().into(), to_json(value)))
                .collect(),
        ),
    }
}

fn channels(
    request: &Request,
    project: &Project,
    notes: &mut Vec<String>,
    problems: &mut Vec<PlanError>,
) -> BTreeMap<String, JobChannel> {
    let mut channels: BTreeMap<String, JobChannel> = BTreeMap::new();
    for flag in &request.channels {
        let path = request.current_directory.join(&flag.path);
        if channels
            .insert(
                flag.name.clone(),
                JobChannel {
                    path,
                    content_type: None,
                },
            )
            .is_some()
        {
            problems.push(PlanError::ChannelTwice(flag.name.clone()));
        }
    }
    for (name, channel) in project.file.iter().flat_map(|file| &file.channels) {
        let known = JobChannel {
            path: channel.path.clone(),
            content_type: channel.content_type.clone(),
        };
        let kept = channels.entry(name.clone()).or_insert(known);
        kept.content_type.clone_from(&channel.content_type);
    }
    for name in channels.keys().filter(|name| !is_channel_name(name)) {
        problems.push(PlanError::ChannelName(name.clone()));
    }
    match &project.data {
        Some(folders) if channels.is_empty() => {
            default_channels(&project.folder.join("data"), folders, notes)
        }
        _ => channels,
    }
}

fn default_channels(
    data: &Utf8Path,
    folders: &[String],
    notes: &mut Vec<String>,
) -> BTreeMap<String, JobChannel> {
    let (usable, odd): (Vec<_>, Vec<_>) = folders.iter().partition(|name| is_channel_name(name));
    if !odd.is_empty() {
        let odd: Vec<_> = odd
            .iter()
            .map(|name| format!("`{}`", name.escape_debug()))
            .collect();
        notes.push(format!(
            "no channel from data/: {} (not a channel name)",
            odd.join(", ")
        ));
    }
    notes.push(match usable.as_slice() {
        [] => "no channel: data/ has no subfolder".to_owned(),
        _ => "channels are the subfolders of data/, because none is configured".to_owned(),
    });
    usable
        .into_iter()
        .map(|name| {
            (
                name.clone(),
                JobChannel {
                    path: data.join(name),
                    content_type: None,
                },
            )
        })
        .collect()
}

/// Letters, digits, `.`, `-`, `_`; and not `.` or `..`, which are no folders of their own.
///
/// **Source**: platform documentation, "Channel".
fn is_channel_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..")
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

#[cfg(test)]
mod tests;
