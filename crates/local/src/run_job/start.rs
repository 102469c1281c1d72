//! What is known about a run before it starts.

use std::{ffi::OsStr, fs};

use camino::Utf8Path;
use optml_contract::{hyperparameters::Hyperparameters, layout, vars};
use optml_supervise::command::find_program;

use super::{Caller, shown};
use crate::{
    network::Network,
    plan::{LocalJob, Program},
    run_dir::RunDir,
    summary::{MAX_COUNTED_FILES, StartReport},
    tree,
};

/// A script larger than this is no script that a person wrote.
const MAX_SCRIPT_BYTES: u64 = 1 << 20;

/// `network`: how the hosts reach each other, if there are several.
pub(super) fn report(
    job: &LocalJob,
    run: &RunDir,
    network: Option<&Network>,
    caller: &Caller<'_>,
) -> StartReport {
    let channels = job
        .channels
        .iter()
        .map(|(name, channel)| (name.clone(), count_files(&channel.path)))
        .collect();
    StartReport {
        id: run.id().to_owned(),
        folder: shown(run.root(), caller.current_directory),
        words: words(job),
        channels,
        python: uses_python(job).then(|| interpreter(job, caller)),
        hosts: network.map(|network| format!("{}, {}", job.local.n_hosts, network.text())),
        hint: network.and_then(Network::hint),
        notes: job.notes.clone(),
        warnings: fixed_paths(job)
            .filter(|_| !network.is_some_and(Network::shows_tree))
            .into_iter()
            .collect(),
    }
}

/// The words that will run, as a person would type them. What `train` does with a wrong one, it says itself.
fn words(job: &LocalJob) -> Vec<String> {
    let mut words = match Form::of(job) {
        Form::Words(words) => return words,
        Form::Executable(path) => vec![format!("./{path}")],
        Form::Script(path) => vec!["python".to_owned(), path.to_owned()],
        Form::Package(name) => vec!["python".to_owned(), "-m".to_owned(), name],
    };
    let file = layout::Layout::at("").hyperparameters_file();
    if let Ok(settings) = Hyperparameters::parse(&tree::hyperparameters(job), &file) {
        words.extend(
            settings
                .to_args()
                .iter()
                .map(|word| String::from_utf8_lossy(word.as_bytes()).into_owned()),
        );
    }
    words
}

fn uses_python(job: &LocalJob) -> bool {
    match (&job.program, Form::of(job)) {
        (Program::Module(_), _) | (_, Form::Script(_) | Form::Package(_)) => true,
        (_, Form::Words(_) | Form::Executable(_)) => false,
    }
}

/// How `train` will run a program, for display.
enum Form<'a> {
    /// These words; hyperparameters are not among them.
    Words(Vec<String>),
    /// A file that is executed.
    Executable(&'a str),
    /// A file that Python runs.
    Script(&'a str),
    /// A module that Python runs, because the project is a package.
    Package(String),
}

impl<'a> Form<'a> {
    fn of(job: &'a LocalJob) -> Self {
        let script = match &job.program {
            Program::Command(words) => {
                return Self::Words(
                    words
                        .iter()
                        .map(|word| word.to_string_lossy().into_owned())
                        .collect(),
                );
            }
            Program::Module(module) => {
                return Self::Words(vec!["python".to_owned(), module.clone()]);
            }
            Program::Script(script) => Utf8Path::new(script.strip_prefix("./").unwrap_or(script)),
        };
        match script.extension() {
            Some("sh") => Self::Executable(script.as_str()),
            _ if job.project.join("setup.py").exists() => {
                let stem = script
                    .as_str()
                    .strip_suffix(".py")
                    .unwrap_or(script.as_str());
                Self::Package(stem.replace('/', "."))
            }
            Some("py") => Self::Script(script.as_str()),
            _ => Self::Executable(script.as_str()),
        }
    }
}

/// The interpreter's path, with links followed: `/usr/bin/python3.11` says more than `python3`.
fn interpreter(job: &LocalJob, caller: &Caller<'_>) -> String {
    let var = |wanted: &str| {
        let found = caller
            .environment
            .iter()
            .find(|(name, value)| name == wanted && !value.is_empty());
        found.map(|(_, value)| value.as_os_str())
    };
    let path = var("PATH");
    let named = var(vars::OPTML_PYTHON.name).or(job.python.as_deref().map(OsStr::new));
    let found = match named {
        Some(name) => find_program(name, path),
        None => ["python3", "python"]
            .iter()
            .find_map(|name| find_program(OsStr::new(name), path)),
    };
    match found {
        Some(program) => fs::canonicalize(&program)
            .unwrap_or(program)
            .display()
            .to_string(),
        None => "not found".to_owned(),
    }
}

/// Files below a folder, or 1 for a file. Counting ends at [`MAX_COUNTED_FILES`].
fn count_files(path: &Utf8Path) -> usize {
    let mut waiting = vec![path.as_std_path().to_owned()];
    let mut n_files = 0;
    while let Some(path) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&path) else {
            // Not a folder, or one that only the script itself may find unreadable.
            n_files += usize::from(path.is_file());
            continue;
        };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => waiting.push(entry.path()),
                Ok(_) => n_files += 1,
                Err(_) => {}
            }
            if n_files >= MAX_COUNTED_FILES {
                return n_files;
            }
        }
    }
    n_files
}

/// A warning when the script names `/opt/ml` in a line that reads no variable: here the tree is elsewhere.
fn fixed_paths(job: &LocalJob) -> Option<String> {
    let Program::Script(name) = &job.program else {
        return None;
    };
    let path = job.project.join(name);
    if fs::metadata(&path).ok()?.len() > MAX_SCRIPT_BYTES {
        return None;
    }
    let text = fs::read(&path).ok()?;
    let text = String::from_utf8_lossy(&text);
    let is_fixed = |line: &str| {
        let reads_variable = ["SM_", "environ", "getenv", "SAGEMAKER_"]
            .iter()
            .any(|sign| line.contains(sign));
        line.contains(layout::BASE_DIR) && !reads_variable && !line.trim_start().starts_with('#')
    };
    let line = text.lines().position(is_fixed)? + 1;
    let name = name.strip_prefix("./").unwrap_or(name);
    Some(format!(
        "{name}:{line} names `{}`, which is not this run's tree: use `SM_MODEL_DIR` and its like",
        layout::BASE_DIR
    ))
}

#[cfg(test)]
mod tests;
