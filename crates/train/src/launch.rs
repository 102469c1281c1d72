//! What to start: from the job and what lies in the code directory to a program and its words. Starts nothing.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::Read,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};

use camino::{Utf8Path, Utf8PathBuf};
use optml_contract::{Source, TrainingEnv, text::Text};
use optml_supervise::command::find_program;
use thiserror::Error;

use crate::entry::{EntryKind, EntryPoint, EntryPointError};

#[cfg(test)]
mod tests;

/// Runs `module:function` as the reference runs a framework's hook: import, then call without arguments.
const HOOK: &str = "import importlib, sys
module, function = sys.argv[1:]
sys.argv[:] = ['train']
getattr(importlib.import_module(module), function)()
";

/// What the job asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A command, given on our own command line.
    Command(Vec<OsString>),
    /// A framework's own training entry: `SAGEMAKER_TRAINING_MODULE`.
    Hook {
        /// The module.
        module: String,
        /// The function in it.
        function: String,
    },
    /// The user's script.
    EntryPoint(EntryPoint),
}

/// A program with its words, ready for the supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its words.
    pub words: Vec<OsString>,
    /// The working directory; ours when `None`.
    pub directory: Option<Utf8PathBuf>,
    /// The program is the user's interpreter, and the words begin with a script, or with `-m` and a module.
    pub is_python: bool,
}

/// Nothing can be started.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "the messages say what the fields are")]
pub enum LaunchError {
    #[error("no entry point is named")]
    NoEntryPoint,
    #[error(transparent)]
    EntryPoint(#[from] EntryPointError),
    #[error("the entry point `{name}` is not in `{code_dir}`, which holds {found}")]
    EntryPointMissing {
        name: String,
        code_dir: Utf8PathBuf,
        found: String,
    },
    #[error("`{value}` is not MODULE:FUNCTION")]
    Hook { value: String },
    #[error("no Python interpreter {looked_for} is on PATH")]
    NoPython { looked_for: String },
    #[error("no program `{name}` is on PATH")]
    NoProgram { name: String },
}

impl LaunchError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoEntryPoint => "set the variable SAGEMAKER_PROGRAM or the hyperparameter `sagemaker_program` to a file \
                                   in the code directory, or give a command: `optml train -- COMMAND`"
                .to_owned(),
            Self::EntryPoint(error) => return error.hint(),
            Self::EntryPointMissing { .. } => {
                "check the name, and that the code was copied or fetched to where it is looked for".to_owned()
            }
            Self::Hook { .. } => "set SAGEMAKER_TRAINING_MODULE to something like `my_framework.training:main`".to_owned(),
            Self::NoPython { .. } => "install Python in the image, or name the interpreter in OPTML_PYTHON".to_owned(),
            Self::NoProgram { .. } => "install it in the image, or give its path".to_owned(),
        })
    }
}

impl Work {
    /// The command, else the framework's hook, else the user's entry point.
    ///
    /// # Errors
    ///
    /// When there is none, or it has no valid name.
    pub fn choose(command: Option<&[OsString]>, env: &TrainingEnv) -> Result<Self, LaunchError> {
        if let Some(words) = command {
            return Ok(Self::Command(words.to_vec()));
        }
        if let Some(hook) = env.framework_module().filter(|hook| !hook.is_empty()) {
            return Self::hook(&hook.to_string());
        }
        let name = env
            .user_entry_point()
            .filter(|name| !name.is_empty())
            .map(Text::to_string);
        Ok(Self::EntryPoint(EntryPoint::parse(
            &name.ok_or(LaunchError::NoEntryPoint)?,
        )?))
    }

    fn hook(value: &str) -> Result<Self, LaunchError> {
        match value.split(':').collect::<Vec<_>>()[..] {
            [module, function] if !module.is_empty() && !function.is_empty() => Ok(Self::Hook {
                module: module.to_owned(),
                function: function.to_owned(),
            }),
            _ => Err(LaunchError::Hook {
                value: value.to_owned(),
            }),
        }
    }
}

/// The user's interpreter: the one that is named (`OPTML_PYTHON`), else `python3`, else `python`. Never one of ours.
///
/// # Errors
///
/// When it isn't there.
pub fn find_python(source: &dyn Source, named: Option<&str>) -> Result<PathBuf, LaunchError> {
    let path = source.var("PATH");
    let found = match named {
        Some(name) => find_program(OsStr::new(name), path),
        None => ["python3", "python"]
            .into_iter()
            .find_map(|name| find_program(OsStr::new(name), path)),
    };
    found.ok_or_else(|| LaunchError::NoPython {
        looked_for: named.map_or_else(
            || "`python3` or `python`".to_owned(),
            |name| format!("`{name}`"),
        ),
    })
}

impl Launch {
    /// How `work` is started. `arguments` are the hyperparameters as words; a command of its own doesn't get them.
    ///
    /// # Errors
    ///
    /// When the entry point, the interpreter or the program isn't there.
    pub fn plan(
        work: &Work,
        code_dir: &Utf8Path,
        source: &dyn Source,
        settings: Settings<'_>,
    ) -> Result<Self, LaunchError> {
        let Settings { python, arguments } = settings;
        match work {
            Work::Command(words) => Self::command(words, source),
            Work::Hook { module, function } => Ok(Self {
                program: find_python(source, python)?,
                words: ["-c", HOOK, module, function].map(OsString::from).to_vec(),
                directory: None,
                is_python: false,
            }),
            Work::EntryPoint(entry) => {
                let kind = entry.kind_in(code_dir);
                let (program, mut words) = match kind {
                    EntryKind::Module => (
                        find_python(source, python)?,
                        vec![OsString::from("-m"), entry.module_name().into()],
                    ),
                    EntryKind::Script => {
                        must_be_there(entry, code_dir)?;
                        (
                            find_python(source, python)?,
                            vec![OsString::from(entry.as_str())],
                        )
                    }
                    EntryKind::Command => executable(&must_be_there(entry, code_dir)?, source),
                };
                words.extend_from_slice(arguments);
                Ok(Self {
                    program,
                    words,
                    directory: Some(code_dir.to_owned()),
                    is_python: kind != EntryKind::Command,
                })
            }
        }
    }

    fn command(words: &[OsString], source: &dyn Source) -> Result<Self, LaunchError> {
        let (name, rest) = words.split_first().ok_or(LaunchError::NoEntryPoint)?;
        let program =
            find_program(name, source.var("PATH")).ok_or_else(|| LaunchError::NoProgram {
                name: name.to_string_lossy().into_owned(),
            })?;
        Ok(Self {
            program,
            words: rest.to_vec(),
            directory: None,
            is_python: false,
        })
    }

    /// The program and its words, for people and for the report.
    pub fn display_words(&self) -> Vec<String> {
        words_for_people(&self.program, &self.words)
    }
}

/// A program, without its folder, and its words.
pub(crate) fn words_for_people(program: &Path, words: &[OsString]) -> Vec<String> {
    let program = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(program)
        .chain(words.iter().map(OsString::as_os_str))
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

/// What is the same for every kind of work.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    /// The interpreter that is named.
    pub python: Option<&'a str>,
    /// The hyperparameters as words.
    pub arguments: &'a [OsString],
}

fn must_be_there(entry: &EntryPoint, code_dir: &Utf8Path) -> Result<Utf8PathBuf, LaunchError> {
    let file = code_dir.join(entry.as_str());
    if file.exists() {
        return Ok(file);
    }
    Err(LaunchError::EntryPointMissing {
        name: entry.as_str().to_owned(),
        code_dir: code_dir.to_owned(),
        found: listing(code_dir),
    })
}

/// The first few names in a folder: usually the right one is among them, spelled otherwise.
fn listing(folder: &Utf8Path) -> String {
    const MOST: usize = 8;
    let Ok(entries) = fs::read_dir(folder) else {
        return "nothing that can be listed".to_owned();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .map(|entry| format!("`{}`", entry.file_name().to_string_lossy()))
        .collect();
    names.sort();
    match names.len() {
        0 => "nothing".to_owned(),
        n if n > MOST => format!("{} and {} more", names[..MOST].join(", "), n - MOST),
        _ => names.join(", "),
    }
}

/// How to run a file that is its own program. Directly where that is possible: a shell between would drop every
/// variable whose name is no identifier, and swallow signals.
fn executable(file: &Utf8Path, source: &dyn Source) -> (PathBuf, Vec<OsString>) {
    let shell = || {
        find_program(OsStr::new("sh"), source.var("PATH"))
            .unwrap_or_else(|| PathBuf::from("/bin/sh"))
    };
    let first_line = first_line(file.as_std_path());
    match &first_line {
        Some(interpreter) if !make_executable(file.as_std_path()) => {
            // A read-only file system, or somebody else's file: do what the kernel would.
            let mut words = interpreter.clone();
            let program = words.remove(0);
            words.push(file.into());
            (program.into(), words)
        }
        // The reference runs every `.sh` by a shell, so some have no first line.
        None if file.extension() == Some("sh") => (shell(), vec![file.into()]),
        _ => {
            make_executable(file.as_std_path());
            (file.into(), Vec::new())
        }
    }
}

/// The interpreter of a `#!` line and its one argument.
fn first_line(file: &Path) -> Option<Vec<OsString>> {
    let mut head = Vec::new();
    File::open(file)
        .ok()?
        .take(256)
        .read_to_end(&mut head)
        .ok()?;
    let line = head
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?
        .trim_ascii();
    let (interpreter, argument) = match line.iter().position(u8::is_ascii_whitespace) {
        Some(at) => (&line[..at], line[at..].trim_ascii()),
        None => (line, &b""[..]),
    };
    let words = [interpreter, argument]
        .into_iter()
        .filter(|word| !word.is_empty());
    let words: Vec<OsString> = words
        .map(|word| OsStr::from_bytes(word).to_owned())
        .collect();
    (!words.is_empty()).then_some(words)
}

/// Gives everybody who may read a file the right to run it. `false`: it isn't executable, and can't be made so.
fn make_executable(file: &Path) -> bool {
    let Ok(meta) = fs::metadata(file) else {
        return false;
    };
    let mode = meta.permissions().mode();
    if mode & 0o111 != 0 {
        return true;
    }
    fs::set_permissions(
        file,
        fs::Permissions::from_mode(mode | ((mode & 0o444) >> 2)),
    )
    .is_ok()
}
