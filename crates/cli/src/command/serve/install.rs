//! Installing what the code to be served asks for, while `/ping` says so.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use camino::Utf8PathBuf;
use optml_serve::{Prepare, PrepareError};
use optml_supervise::{Command, Console, Format, Supervisor, command::find_program};
use optml_train::install::{self, InstallRequest, InstallStep, Interpreter, Wheels};
use tracing::info;

/// What an installation needs.
#[derive(Debug)]
pub(super) struct Installation {
    pub(super) supervisor: Arc<Supervisor>,
    pub(super) console: Console,
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) python: PathBuf,
    /// It holds a `requirements.txt`.
    pub(super) code_dir: Utf8PathBuf,
    pub(super) wheels: Option<Utf8PathBuf>,
    pub(super) in_container: bool,
}

impl Installation {
    /// For the server to run on a thread that may wait.
    pub(super) fn into_prepare(self) -> Prepare {
        Box::new(move || self.run())
    }

    fn run(&self) -> Result<Vec<(OsString, OsString)>, PrepareError> {
        let wheels = self.wheels.as_deref().map(camino::Utf8Path::as_std_path);
        let request = InstallRequest {
            package: false,
            requirements: true,
            index: None,
            wheels: Wheels::find(wheels, self.code_dir.as_std_path()),
            uv: find_program(OsStr::new("uv"), self.variable("PATH")),
            interpreter: self.ask_interpreter()?,
            in_container: self.in_container,
            user_base: PathBuf::from(self.variable("TMPDIR").unwrap_or(OsStr::new("/tmp")))
                .join("optml-python"),
            python: self.python.clone(),
        };
        let plan = request.plan();
        for step in &plan.steps {
            self.step(step)?;
        }
        Ok(plan.script_env)
    }

    /// Where the interpreter keeps its packages, and whether we may write there.
    fn ask_interpreter(&self) -> Result<Interpreter, PrepareError> {
        // An interpreter on a cold, slow disk takes seconds.
        const LIMIT: Duration = Duration::from_mins(1);
        let mut command = Command::new(&self.python);
        command.arguments = ["-c", install::PROBE].map(OsString::from).to_vec();
        command.environment.clone_from(&self.environment);
        let wrong = |message: String| PrepareError {
            message,
            hint: Some(format!(
                "check that `{}` works in this image",
                self.python.display()
            )),
        };
        let answer = self
            .supervisor
            .capture(command, LIMIT)
            .map_err(|error| wrong(error.to_string()))?;
        Interpreter::parse(&answer.stdout).map_err(|error| wrong(error.to_string()))
    }

    fn step(&self, step: &InstallStep) -> Result<(), PrepareError> {
        info!(
            what = step.what,
            command = step.shown().join(" "),
            "installing"
        );
        let command = step.command(&self.environment, self.code_dir.as_std_path());
        let (exit, output) = self
            .supervisor
            .run(command, &self.console, &Format::Raw)
            .map_err(|error| PrepareError {
                message: error.to_string(),
                hint: error.hint(),
            })?;
        if exit.ended.is_success() {
            return Ok(());
        }
        let told =
            install::error_line(&output.stderr).or_else(|| install::error_line(&output.stdout));
        Err(PrepareError {
            message: told.unwrap_or_else(|| format!("the installer ended with {}", exit.ended)),
            hint: Some(format!(
                "the whole of its output is above; what is asked for stands in `{}`",
                self.code_dir.join("requirements.txt")
            )),
        })
    }

    fn variable(&self, name: &str) -> Option<&OsStr> {
        self.environment
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_os_str())
            .filter(|value| !value.is_empty())
    }
}
