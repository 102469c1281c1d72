//! What the script's process really gets: the complete environment and the argument words.
//!
//! Beyond the reference's variables a script gets names that a shell can use, the names of the newer SDK, and files in
//! place of values that are too large for `execve`. All of it is a pure function; the caller writes the files.

mod fit;
mod names;

use std::{
    collections::HashSet,
    ffi::{OsStr, OsString},
    fmt,
};

use camino::Utf8Path;

use crate::{
    config::{ConfigError, ConfigErrorKind, Origin},
    setting::Setting,
    source::Source,
    text::Text,
    training::TrainingEnv,
};

/// The environment and the arguments of the script.
#[derive(Debug)]
pub struct Exported {
    /// Every variable: first what is inherited, then ours in the order of the reference.
    pub vars: Vec<(OsString, OsString)>,
    /// What follows the script on its command line.
    pub args: Vec<OsString>,
    /// What was too large and has to be written to files. See [`Exported::place_spills`].
    pub spills: Vec<Spill>,
    /// What a person should know, for the log.
    pub notes: Vec<Note>,
}

/// A value for a file instead of a variable. It may hold secrets: only the owner should read the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spill {
    /// The variable that would have held it.
    pub variable: String,
    /// A name for the file.
    pub file_name: String,
    /// The value.
    pub contents: Vec<u8>,
}

/// Something that a person should know about the script's environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// Two values have one name; the reference's rule picks the later.
    Shared {
        /// The variable.
        variable: Text,
        /// Where the value that counts came from.
        kept: Origin,
        /// Where the other came from.
        dropped: Origin,
    },
    /// A name for shells could not be given, because it means something else.
    AliasTaken {
        /// The name for shells.
        alias: Text,
        /// The variable that goes without.
        variable: Text,
        /// Where the value under that name came from.
        kept: Origin,
    },
    /// A variable is too large; a file or `SM_HPS_FILE` has its value.
    TooLong {
        /// The variable.
        variable: String,
        /// Its size.
        bytes: usize,
        /// What one string may have.
        limit_bytes: usize,
    },
    /// The argument words were left out.
    NoArguments {
        /// How many.
        n_words: usize,
    },
    /// Environment and arguments together are too large; the variables of hyperparameters were left out.
    TooMuch {
        /// How many were left out.
        n_variables: usize,
        /// The size with them.
        bytes: usize,
        /// What there may be.
        limit_bytes: usize,
    },
}

/// How much `execve` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecLimits {
    /// Environment and arguments together, with a pointer for each string.
    pub total_bytes: usize,
    /// One string, with its NUL.
    pub string_bytes: usize,
}

impl Exported {
    /// Makes the environment of the script: what we inherit, and on top of it what the job says.
    ///
    /// # Errors
    /// Every name that holds `=`, and every name, value or argument that no process can be given.
    pub fn render(
        env: &TrainingEnv,
        inherited: &dyn Source,
        limits: ExecLimits,
    ) -> Result<Self, Vec<ConfigError>> {
        let (settings, notes) = names::all(env, inherited);
        let mut problems = Vec::new();
        let kept = inherited
            .vars()
            .filter(|(name, _)| settings.get(&Text::from_os(name)).is_none());
        let kept = kept
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let mut ours = Vec::with_capacity(settings.all().len());
        for setting in settings.into_all() {
            match encode(setting.name, setting.value) {
                Ok(pair) => ours.push(pair),
                Err(kind) => problems.push(setting.origin.error(kind)),
            }
        }
        let mut args = Vec::new();
        for (hyperparameter, words) in env.all_hyperparameters().sorted_args() {
            for word in words {
                match word.into_os() {
                    Ok(word) => args.push(word),
                    Err(err) => {
                        let origin = env.all_hyperparameters().origin(&hyperparameter.name);
                        problems.push(origin.error(ConfigErrorKind::NotEncodable(err)));
                    }
                }
            }
        }
        if !problems.is_empty() {
            // One value shows up in several places; its owner hears of it once.
            let mut seen = HashSet::new();
            problems.retain(|problem| seen.insert(problem.origin.to_string()));
            return Err(problems);
        }
        Ok(fit::fit(kept, ours, args, notes, limits))
    }

    /// Names the files of [`Exported::spills`] in the environment, once it is known where they are.
    pub fn place_spills(&mut self, directory: &Utf8Path) {
        for spill in &self.spills {
            let name = OsString::from(format!("{}_FILE", spill.variable));
            self.vars.retain(|(other, _)| *other != name);
            self.vars
                .push((name, directory.join(&spill.file_name).into_os_string()));
        }
    }

    /// The value of a variable.
    pub fn var(&self, name: &str) -> Option<&OsStr> {
        self.vars
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_os_str())
    }
}

/// Every variable that we set for the script, with where its value came from: for people who ask.
pub fn settings(env: &TrainingEnv, inherited: &dyn Source) -> Vec<Setting> {
    names::all(env, inherited).0.into_all()
}

impl ExecLimits {
    /// The limits of Linux for a stack limit (none: unlimited) and a page size.
    ///
    /// A quarter of the stack, at least 128 KiB and at most 6 MiB; one string has at most 32 pages.
    ///
    /// **Source**: execve(2), "Limits on size of arguments and environment".
    pub fn linux(stack_bytes: Option<u64>, page_bytes: usize) -> Self {
        const LEAST: u64 = 128 << 10;
        const MOST: u64 = 6 << 20;
        let total = stack_bytes.map_or(MOST, |stack| (stack / 4).clamp(LEAST, MOST));
        Self {
            total_bytes: usize::try_from(total).expect("at most 6 MiB"),
            string_bytes: page_bytes * 32,
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shared {
                variable,
                kept,
                dropped,
            } => {
                write!(
                    f,
                    "variable `{variable}` has the value of {kept}; {dropped} has the same name in upper case"
                )
            }
            Self::AliasTaken {
                alias,
                variable,
                kept,
            } => {
                write!(
                    f,
                    "variable `{variable}` has no name for shells: `{alias}` has the value of {kept}"
                )
            }
            Self::TooLong {
                variable,
                bytes,
                limit_bytes,
            } => write!(
                f,
                "variable `{variable}` is left out: {bytes} bytes, and a process takes {limit_bytes}; its value is in a file"
            ),
            Self::NoArguments { n_words } => {
                write!(
                    f,
                    "{n_words} argument words are left out: they are in the file that `SM_USER_ARGS_FILE` names"
                )
            }
            Self::TooMuch {
                n_variables,
                bytes,
                limit_bytes,
            } => write!(
                f,
                "{n_variables} hyperparameter variables are left out: environment and arguments would have {bytes} bytes, \
                 and {limit_bytes} are safe; `SM_HPS_FILE` names a file with all of them"
            ),
        }
    }
}

fn encode(name: Text, value: Text) -> Result<(OsString, OsString), ConfigErrorKind> {
    if name.as_bytes().contains(&b'=') {
        return Err(ConfigErrorKind::NameHoldsEquals { name });
    }
    let name = name.into_os().map_err(ConfigErrorKind::NotEncodable)?;
    Ok((
        name,
        value.into_os().map_err(ConfigErrorKind::NotEncodable)?,
    ))
}

#[cfg(test)]
mod tests;
