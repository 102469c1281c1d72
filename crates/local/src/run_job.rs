//! One run from its plan to its last line.

mod start;

use std::{
    ffi::OsString,
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use camino::Utf8Path;
use optml_contract::layout::Layout;
use optml_supervise::{Console, Ended, Exit, SpawnError, Supervisor};
use tracing::warn;

use crate::{
    artifacts::{self, ArtifactError, Remark},
    child,
    plan::{LocalJob, PlanError},
    run_dir::{HOST, RunDir, RunDirError},
    summary::{self, ArtifactLine, EndReport, Ending, Failure, Paint},
    tree::{self, TreeError},
};

/// What a run needs of the process that it is in.
#[derive(Debug)]
pub struct Caller<'a> {
    /// Starts and stops the child, which has a grace of its own: this one's must be longer, and a second signal passed on.
    pub supervisor: &'a Supervisor,
    /// Where our lines go; the script's output goes to the descriptors behind it.
    pub console: &'a Console,
    /// The binary to run as `train`: our own.
    pub exe: &'a Path,
    /// Our environment.
    pub environment: &'a [(OsString, OsString)],
    /// The folder that paths are shown relative to.
    pub current_directory: &'a Utf8Path,
    /// Whether our lines are coloured.
    pub paint: Paint,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the exit code is the child's"]
pub struct Outcome {
    /// The run's folder.
    pub run: RunDir,
    /// The child's exit code, or 128 and the number of the signal that ended it.
    pub exit_code: u8,
}

/// Why a run could not be made, or its results not be packed.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The plan names what is not there.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Plan(Vec<PlanError>),
    /// The run's folder.
    #[error(transparent)]
    RunDir(#[from] RunDirError),
    /// The tree in it.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The child.
    #[error("start the child that trains")]
    Spawn(#[from] SpawnError),
    /// The results.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
}

/// Makes the run's folder and tree, trains in it, packs the results, and says so.
///
/// # Errors
/// The run could not be made, or its results not be packed. A script that fails is an [`Outcome`].
pub fn run_job(job: &LocalJob, caller: &Caller<'_>) -> Result<Outcome, LocalError> {
    job.check_channels().map_err(LocalError::Plan)?;
    let run = RunDir::create(&job.project, SystemTime::now())?;
    let layout = tree::write(job, &run)?;
    say(
        caller,
        &start::report(job, &run, caller).to_text(caller.paint),
    );
    let command = child::command(job, &run, caller.exe, caller.environment.iter().cloned());
    let exit = caller.supervisor.spawn(command)?.wait();
    let report = end_report(job, &run, &layout, &exit, caller)?;
    say(caller, &report.to_text(caller.paint));
    Ok(Outcome {
        run,
        exit_code: report.exit_code,
    })
}

impl LocalError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Plan(problems) => problems.iter().find_map(PlanError::hint),
            Self::Spawn(error) => error.hint(),
            Self::RunDir(_) | Self::Tree(_) | Self::Artifact(_) => None,
        }
    }
}

/// Writes our lines, before the child or after it: it writes to the same descriptors by itself.
fn say(caller: &Caller<'_>, text: &str) {
    const PATIENCE: Duration = Duration::from_secs(5);
    caller.console.log(text.as_bytes());
    let n_lost_bytes = caller.console.flush(PATIENCE);
    if n_lost_bytes > 0 {
        warn!(
            n_lost_bytes,
            "lines of the summary were lost: nothing reads standard error"
        );
    }
}

fn end_report(
    job: &LocalJob,
    run: &RunDir,
    layout: &Layout,
    exit: &Exit,
    caller: &Caller<'_>,
) -> Result<EndReport, LocalError> {
    let ending = match (exit.ended.is_success(), exit.stop) {
        (true, None) => Ending::Completed,
        (true, Some(stop)) => Ending::Stopped {
            signal: stop.signal.name(),
        },
        (false, _) => Ending::Failed(failure(job, layout, &exit.ended, caller.current_directory)),
    };
    let mut warnings = Vec::new();
    let mut archives = Vec::new();
    // After a failure the platform keeps no model; a stopped job has one.
    let model = match ending {
        Ending::Failed(_) => None,
        Ending::Completed | Ending::Stopped { .. } => Some(("model", layout.model())),
    };
    for (label, folder) in model.into_iter().chain([("output", layout.output_data())]) {
        match artifacts::pack(&folder, &run.artifacts().join(format!("{label}.tar.gz")))? {
            Some(artifact) => {
                warnings.extend(artifact.remarks.iter().map(Remark::text));
                archives.push(ArtifactLine::new(
                    label,
                    shown(&artifact.path, caller.current_directory),
                    &artifact,
                ));
            }
            None if label == "model" => {
                warnings.push(
                    "there is no model: the script wrote nothing to `SM_MODEL_DIR`".to_owned(),
                );
            }
            None => {}
        }
    }
    Ok(EndReport {
        ending,
        took: exit.took,
        peak_rss_bytes: exit.peak_rss_bytes,
        exit_code: exit.ended.exit_code(),
        artifacts: archives,
        warnings,
    })
}

fn failure(
    job: &LocalJob,
    layout: &Layout,
    ended: &Ended,
    current_directory: &Utf8Path,
) -> Failure {
    let how = match ended {
        Ended::Exited { code } => format!("exit {code}"),
        Ended::Signaled { signal, .. } => format!("signal {signal}"),
        Ended::OutOfMemory { .. } => "out of memory".to_owned(),
    };
    let files: Vec<_> = [layout.failure(), layout.failure_json()]
        .into_iter()
        .filter(|file| file.exists())
        .collect();
    let cause = fs::read(layout.failure()).map_or_else(
        |_| "no failure report was written".to_owned(),
        |report| String::from_utf8_lossy(&report).into_owned(),
    );
    let settings = job
        .hyperparameters
        .iter()
        .map(|(key, setting)| (key.as_str(), &*setting.text, &setting.origin));
    let hint = summary::blame(&cause, settings);
    let files = files
        .iter()
        .map(|file| shown(file, current_directory))
        .collect();
    Failure {
        host: HOST.to_owned(),
        how,
        cause,
        hint,
        files,
    }
}

/// A path as a person would type it from the current directory.
fn shown(path: &Utf8Path, current_directory: &Utf8Path) -> String {
    path.strip_prefix(current_directory)
        .map_or_else(|_| path.to_string(), |relative| format!("./{relative}"))
}

#[cfg(test)]
mod tests;
