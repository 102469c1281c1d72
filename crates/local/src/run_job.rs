//! One run from its plan to its last line.

mod crew;
mod start;

use std::{
    ffi::OsString,
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use camino::Utf8Path;
use optml_contract::{layout::Layout, options::LogWrap};
use optml_supervise::{Command, Console, Ended, SpawnError, SpawnErrorKind, Supervisor};
use tracing::warn;

use self::crew::Ends;
use crate::{
    artifacts::{self, Artifact, ArtifactError, Part, Remark},
    child,
    hosts::{Host, Hosts},
    network::{self, Network, NetworkRefused},
    plan::{LocalJob, PlanError},
    run_dir::{RunDir, RunDirError},
    summary::{self, ArtifactLine, EndReport, Ending, Failure, HostLine, Paint},
    tree::{self, TreeError},
};

/// What a run needs of the process that it is in.
#[derive(Debug)]
pub struct Caller<'a> {
    /// Starts and stops each child, which has a grace of its own: this one's must be longer, and a second signal passed on.
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
    /// The form in which the lines of several hosts say whose they are.
    pub log_wrap: LogWrap,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the exit code is the child's"]
pub struct Outcome {
    /// The run's folder.
    pub run: RunDir,
    /// The exit code of the child, or of the one that failed first; or 128 and the number of the signal that ended it.
    pub exit_code: u8,
}

/// Why a run could not be made, or its results not be packed.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The plan names what is not there.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Plan(Vec<PlanError>),
    /// The network that was asked for.
    #[error(transparent)]
    Network(#[from] NetworkRefused),
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

/// Makes the run's folder and the tree of each host, trains in them, packs the results, and says so.
///
/// # Errors
/// The run could not be made, or its results not be packed. A script that fails is an [`Outcome`].
pub fn run_job(job: &LocalJob, caller: &Caller<'_>) -> Result<Outcome, LocalError> {
    job.check_channels().map_err(LocalError::Plan)?;
    let n_hosts = job.local.n_hosts;
    let network = (n_hosts > 1)
        .then(|| network::choose(job.local.network, caller.supervisor, caller.exe))
        .transpose()?;
    let hosts = network
        .as_ref()
        .map_or_else(Hosts::one, |network| network.hosts(n_hosts));
    let run = RunDir::create(&job.project, SystemTime::now())?;
    let layouts = hosts
        .iter()
        .map(|host| tree::write(job, &run, &hosts, host))
        .collect::<Result<Vec<_>, _>>()?;
    let start = start::report(job, &run, network.as_ref(), caller);
    say(caller, &start.to_text(caller.paint));
    let ends = match &network {
        None => {
            let host = hosts.iter().next().expect("there is one");
            let command = command(job, &run, host, caller);
            Ends::of_one(caller.supervisor.spawn(command)?.wait())
        }
        Some(network) => {
            if matches!(network, Network::Namespaces(_)) {
                tree::write_hosts_file(&run, &hosts)?;
            }
            crew::run(commands(job, &run, &hosts, network, caller)?, caller)?
        }
    };
    let run = Run {
        job,
        folder: &run,
        hosts: &hosts,
        layouts: &layouts,
        ends: &ends,
    };
    let report = run.end_report(caller)?;
    say(caller, &report.to_text(caller.paint));
    Ok(Outcome {
        run: run.folder.clone(),
        exit_code: report.exit_code,
    })
}

impl LocalError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Plan(problems) => problems.iter().find_map(PlanError::hint),
            Self::Network(refused) => Some(refused.hint()),
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

fn command(job: &LocalJob, run: &RunDir, host: &Host, caller: &Caller<'_>) -> Command {
    child::command(
        job,
        run,
        host,
        caller.exe,
        caller.environment.iter().cloned(),
    )
}

/// The command of each of several hosts, with its label.
fn commands<'a>(
    job: &LocalJob,
    run: &RunDir,
    hosts: &'a Hosts,
    network: &Network,
    caller: &Caller<'_>,
) -> Result<Vec<(&'a str, Command)>, SpawnError> {
    let placed = |host: &'a Host| {
        let command = command(job, run, host, caller);
        let command = match network {
            Network::Loopback(_) => command,
            Network::Namespaces(hub) => hub
                .place(command, host, &run.hosts_file(), &run.host(host))
                .map_err(|error| SpawnError {
                    program: caller.exe.to_owned(),
                    kind: SpawnErrorKind::Os(error),
                })?,
        };
        Ok((host.label.as_str(), command))
    };
    hosts.iter().map(placed).collect()
}

/// A run that is over.
#[derive(Debug)]
struct Run<'a> {
    job: &'a LocalJob,
    folder: &'a RunDir,
    hosts: &'a Hosts,
    /// The tree of each host, in their order.
    layouts: &'a [Layout],
    ends: &'a Ends,
}

impl Run<'_> {
    /// Packs the results and says what came out.
    fn end_report(&self, caller: &Caller<'_>) -> Result<EndReport, LocalError> {
        let exits = &self.ends.exits;
        let ending = match (self.ends.failed, exits.iter().find_map(|exit| exit.stop)) {
            (None, None) => Ending::Completed,
            (None, Some(stop)) => Ending::Stopped {
                signal: stop.signal.name(),
            },
            (Some(host), _) => Ending::Failed(self.failure(host, caller.current_directory)),
        };
        let mut warnings = Vec::new();
        let mut archives = Vec::new();
        // After a failure the platform keeps no model; a stopped job has one.
        let labels: &[&'static str] = match ending {
            Ending::Failed(_) => &["output"],
            Ending::Completed | Ending::Stopped { .. } => &["model", "output"],
        };
        for &label in labels {
            match self.pack(label)? {
                Some(artifact) => {
                    warnings.extend(artifact.remarks.iter().map(Remark::text));
                    let conflicts = artifact.conflicts.texts();
                    warnings.extend(
                        conflicts
                            .iter()
                            .map(|text| format!("{label}.tar.gz: {text}")),
                    );
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
        let longest = exits.iter().map(|exit| exit.took).max();
        let largest = exits.iter().map(|exit| exit.peak_rss_bytes).max();
        Ok(EndReport {
            ending,
            took: longest.unwrap_or_default(),
            peak_rss_bytes: largest.unwrap_or_default(),
            exit_code: self
                .ends
                .failed
                .map_or(0, |host| exits[host].ended.exit_code()),
            hosts: self.host_lines(),
            artifacts: archives,
            warnings,
        })
    }

    /// The archive of `model` or `output`, of all hosts.
    fn pack(&self, label: &str) -> Result<Option<Artifact>, ArtifactError> {
        let parts: Vec<_> = self
            .hosts
            .iter()
            .zip(self.layouts)
            .map(|(host, layout)| Part {
                host: host.label.clone(),
                folder: if label == "model" {
                    layout.model()
                } else {
                    layout.output_data()
                },
            })
            .collect();
        let archive = self.folder.artifacts().join(format!("{label}.tar.gz"));
        artifacts::pack_parts(&parts, &archive)
    }

    /// A line for each host, if there are several.
    fn host_lines(&self) -> Vec<HostLine> {
        if self.hosts.count() == 1 {
            return Vec::new();
        }
        self.hosts
            .iter()
            .zip(&self.ends.exits)
            .enumerate()
            .map(|(number, (host, exit))| HostLine {
                host: host.label.clone(),
                how: how(&exit.ended),
                took: exit.took,
                peak_rss_bytes: exit.peak_rss_bytes,
                note: self
                    .ends
                    .is_aftermath(number)
                    .then_some("asked to stop, because another had failed"),
            })
            .collect()
    }

    fn failure(&self, number: usize, current_directory: &Utf8Path) -> Failure {
        let layout = &self.layouts[number];
        let files: Vec<_> = [layout.failure(), layout.failure_json()]
            .into_iter()
            .filter(|file| file.exists())
            .collect();
        let cause = fs::read(layout.failure()).map_or_else(
            |_| "no failure report was written".to_owned(),
            |report| String::from_utf8_lossy(&report).into_owned(),
        );
        let settings = self
            .job
            .hyperparameters
            .iter()
            .map(|(key, setting)| (key.as_str(), &*setting.text, &setting.origin));
        let hint = summary::blame(&cause, settings);
        let files = files
            .iter()
            .map(|file| shown(file, current_directory))
            .collect();
        let host = self.hosts.iter().nth(number);
        Failure {
            host: host.map(|host| host.label.clone()).unwrap_or_default(),
            how: how(&self.ends.exits[number].ended),
            cause,
            hint,
            files,
        }
    }
}

fn how(ended: &Ended) -> String {
    match ended {
        Ended::Exited { code } => format!("exit {code}"),
        Ended::Signaled { signal, .. } => format!("signal {signal}"),
        Ended::OutOfMemory { .. } => "out of memory".to_owned(),
    }
}

/// A path as a person would type it from the current directory.
fn shown(path: &Utf8Path, current_directory: &Utf8Path) -> String {
    path.strip_prefix(current_directory)
        .map_or_else(|_| path.to_string(), |relative| format!("./{relative}"))
}

#[cfg(test)]
mod tests;
