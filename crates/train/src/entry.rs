//! The entry point: which names `sagemaker_program` may hold, and how each kind is run.
//!
//! The name goes to an interpreter or to the kernel as one argument, so the rule is about surprises (a flag, a path
//! out of the code directory), not about shells.

use std::{fmt, fs};

use camino::Utf8Path;
use thiserror::Error;

/// A name that may be run: relative to the code directory, and staying in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPoint(String);

/// How an entry point is run.
///
/// **Source** — sagemaker-training 5.1.4 6.4, vectors `entry_point_types`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// The code directory is a package: install it, then `python -m NAME`.
    Module,
    /// `python -- NAME`.
    Script,
    /// Executed as it is: anything with a `#!` line or a program header.
    Command,
}

/// The file that makes a code directory installable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageFile {
    /// `setup.py`, with or without a `pyproject.toml` beside it.
    SetupPy,
    /// A `pyproject.toml` with a `[project]` or `[build-system]` table, and no `setup.py`.
    Pyproject,
}

/// A name that is not an entry point.
#[derive(Debug, Error)]
#[error("accept `{}` as the entry point (`sagemaker_program`): {reason}", name.escape_debug())]
pub struct EntryPointError {
    /// The name as given.
    pub name: String,
    /// What is wrong with it.
    pub reason: EntryPointFault,
}

/// What is wrong with a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EntryPointFault {
    /// No name at all.
    #[error("it is empty")]
    Empty,
    /// An absolute path.
    #[error("it starts with `/`, and names are relative to the code directory")]
    Absolute,
    /// `a//b` or `a/`.
    #[error("it has an empty part between or after its slashes")]
    EmptyPart,
    /// `.` or `..` as a part, other than one `./` in front.
    #[error("its part `{0}` does not name a file in the code directory")]
    DotPart(String),
    /// A first character that an interpreter or a shell would read as something else.
    #[error("it starts with `{}`, and only a letter, a digit, `.` or `_` may come first", .0.escape_debug())]
    FirstCharacter(char),
    /// A character outside the accepted set.
    #[error("it holds `{}`, and only ASCII letters, digits and `._+-/` are accepted", .0.escape_debug())]
    Character(char),
}

impl EntryPoint {
    /// Takes `name` if it may be run.
    ///
    /// One leading `./` is accepted and dropped. A trailing newline is refused: it is a character of a file name.
    ///
    /// # Errors
    /// The first thing that is wrong with the name.
    ///
    /// **Source** — sagemaker-training 5.1.4 6.3, vectors `entry_point_names`; the two differences are decisions of ours.
    pub fn parse(name: &str) -> Result<Self, EntryPointError> {
        let relative = name.strip_prefix("./").unwrap_or(name);
        match fault(relative) {
            None => Ok(Self(relative.to_owned())),
            Some(reason) => Err(EntryPointError {
                name: name.to_owned(),
                reason,
            }),
        }
    }

    /// The name, relative to the code directory, without a leading `./`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows `python -m`: no trailing `.py`, and dots for slashes.
    ///
    /// The reference leaves the slashes, which no interpreter can import.
    pub fn module_name(&self) -> String {
        let stem = self.0.strip_suffix(".py").unwrap_or(&self.0);
        stem.replace('/', ".")
    }

    /// How this name is run, given whether `setup.py` is in the code directory.
    pub fn kind(&self, has_setup_py: bool) -> EntryKind {
        EntryKind::of(&self.0, has_setup_py)
    }

    /// How this name is run from `code_dir`.
    ///
    /// `setup.py` decides as in the reference. A `pyproject.toml` alone makes a package only of a name that is no file
    /// in the code directory: many projects keep one for their linters' sake beside a plain `train.py`, and the
    /// reference runs that file.
    pub fn kind_in(&self, code_dir: &Utf8Path) -> EntryKind {
        let is_package = match PackageFile::find(code_dir) {
            Some(PackageFile::SetupPy) => true,
            Some(PackageFile::Pyproject) => !code_dir.join(&self.0).is_file(),
            None => false,
        };
        self.kind(is_package)
    }
}

impl fmt::Display for EntryPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl EntryKind {
    /// The kind of any name, valid or not.
    pub fn of(name: &str, has_setup_py: bool) -> Self {
        // Case counts: `train.PY` is no Python script to the reference either. And `.py` alone is one.
        match name.rsplit_once('.') {
            Some((_, "sh")) => Self::Command,
            _ if has_setup_py => Self::Module,
            Some((_, "py")) => Self::Script,
            _ => Self::Command,
        }
    }
}

impl PackageFile {
    /// The file that makes `code_dir` a package, if it is one.
    pub fn find(code_dir: &Utf8Path) -> Option<Self> {
        if code_dir.join("setup.py").exists() {
            return Some(Self::SetupPy);
        }
        let pyproject = fs::read_to_string(code_dir.join("pyproject.toml")).ok()?;
        let is_package = pyproject
            .lines()
            .any(|line| matches!(table_name(line), Some("project" | "build-system")));
        is_package.then_some(Self::Pyproject)
    }
}

impl EntryPointError {
    /// What to write instead.
    pub fn hint(&self) -> Option<String> {
        Some(
            "name a file relative to the code directory, such as `train.py` or `src/train.sh`; \
             any other command goes into ContainerEntrypoint"
                .to_owned(),
        )
    }
}

fn fault(name: &str) -> Option<EntryPointFault> {
    let first = name.chars().next();
    match first {
        None => return Some(EntryPointFault::Empty),
        Some('/') => return Some(EntryPointFault::Absolute),
        Some(_) => {}
    }
    for part in name.split('/') {
        match part {
            "" => return Some(EntryPointFault::EmptyPart),
            "." | ".." => return Some(EntryPointFault::DotPart(part.to_owned())),
            _ => {}
        }
    }
    if let Some(stranger) = name.chars().find(|c| !is_accepted(*c)) {
        return Some(EntryPointFault::Character(stranger));
    }
    first
        .filter(|c| matches!(c, '+' | '-'))
        .map(EntryPointFault::FirstCharacter)
}

fn is_accepted(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-' | '/')
}

/// `project` for the line ` [project]  # comment`.
fn table_name(line: &str) -> Option<&str> {
    let (name, _) = line.trim_start().strip_prefix('[')?.split_once(']')?;
    Some(name.trim())
}

#[cfg(test)]
mod tests;
