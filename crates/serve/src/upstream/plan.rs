//! How the program is started, and what it is asked: from what the options say. Pure, but for the look at `PATH`.

use std::{
    ffi::{OsStr, OsString},
    num::NonZeroUsize,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
    time::Duration,
};

use optml_contract::serving::{HttpProgram, Listens, PORT_PLACEHOLDER, SOCKET_PLACEHOLDER};
use optml_supervise::{Command, Stdin, command::find_program};

use super::place::{Place, PlaceError};
use crate::plan::PlanError;

#[cfg(test)]
mod tests;

/// How the program is started, and what it is asked.
#[derive(Debug)]
pub(crate) struct Plan {
    program: PathBuf,
    /// With placeholders: another port can be chosen for each start.
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    /// Files that count the kernel's kills for memory.
    memory_events: Vec<PathBuf>,
    listens: Listens,
    /// The path that tells whether it is ready.
    pub(super) health: String,
    /// The path that invocations go to.
    pub(super) invocations: String,
    pub(super) limits: Limits,
}

/// Bounds on the life of the program and on its calls.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// From the start to the first good answer of the health path.
    pub(super) load: Duration,
    /// From SIGTERM to SIGKILL.
    pub(super) kill_grace: Duration,
    /// Between two questions for its health, once it is ready.
    pub(super) ping_period: Duration,
    /// Calls, and connections for them, at once.
    pub(super) concurrency: NonZeroUsize,
}

impl Plan {
    /// What becomes of a program in this environment.
    ///
    /// # Errors
    /// When there is no such program.
    pub(super) fn try_new(
        program: &HttpProgram,
        environment: Vec<(OsString, OsString)>,
        limits: Limits,
    ) -> Result<Self, PlanError> {
        let command = &program.command;
        let path = variable(&environment, "PATH");
        let found = find_program(&command.program, path)
            .ok_or_else(|| PlanError::NoProgram(command.program.to_string_lossy().into_owned()))?;
        Ok(Self {
            program: found,
            arguments: command.arguments.clone(),
            environment,
            memory_events: Vec::new(),
            listens: program.listens.value.clone(),
            health: program.health.value.clone(),
            invocations: program.invocations.value.clone(),
            limits,
        })
    }

    /// The same, with these files to tell a kill for memory from another one.
    pub(crate) fn counting(self, memory_events: Vec<PathBuf>) -> Self {
        Self {
            memory_events,
            ..self
        }
    }

    /// A command, and where the program that it starts will listen. Its output is left to the caller.
    ///
    /// # Errors
    /// When there is no place for it.
    pub(super) fn launch(&self) -> Result<(Command, Place), PlaceError> {
        let place = Place::choose(&self.listens, variable(&self.environment, "TMPDIR"))?;
        let mut command = Command::new(&self.program);
        command.memory_events.clone_from(&self.memory_events);
        command.stdin = Stdin::Null;
        command.environment.clone_from(&self.environment);
        let (placeholder, value) = match &place {
            Place::Port(port) => {
                let port = OsString::from(port.to_string());
                // What many frameworks and platforms look at.
                command.environment.retain(|(name, _)| name != PORT_VAR);
                command.environment.push((PORT_VAR.into(), port.clone()));
                (PORT_PLACEHOLDER, port)
            }
            Place::Socket { path, .. } => (SOCKET_PLACEHOLDER, path.clone().into_os_string()),
        };
        command.arguments = self
            .arguments
            .iter()
            .map(|word| filled(word, placeholder, &value))
            .collect();
        Ok((command, place))
    }
}

fn variable<'e>(environment: &'e [(OsString, OsString)], name: &str) -> Option<&'e OsStr> {
    let found = environment.iter().find(|(found, _)| found == name);
    found.map(|(_, value)| value.as_os_str())
}

/// The word with every `placeholder` in it replaced.
fn filled(word: &OsStr, placeholder: &str, value: &OsStr) -> OsString {
    let mut rest = word.as_bytes();
    let mut whole = Vec::with_capacity(rest.len());
    while let Some((first, after)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix(placeholder.as_bytes()) {
            whole.extend_from_slice(value.as_bytes());
            rest = behind;
        } else {
            whole.push(*first);
            rest = after;
        }
    }
    OsString::from_vec(whole)
}

/// Variable of the program's environment: the port that it is to listen at.
const PORT_VAR: &str = "PORT";
