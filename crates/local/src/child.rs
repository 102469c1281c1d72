//! The child: this same binary as `train`, in the tree of a run.

use std::{ffi::OsString, path::Path};

use optml_contract::vars;
use optml_supervise::{Command, Stdin};

use crate::{
    hosts::Host,
    plan::{LocalJob, Program},
    run_dir::RunDir,
};

/// Variables of ours or of the platform that would contradict the plan.
const REPLACED: [&str; 7] = [
    vars::OPTML_LOCAL_HOSTS.name,
    vars::OPTML_LOCAL_NETWORK.name,
    vars::OPTML_LOG_WRAP.name,
    vars::SAGEMAKER_BASE_DIR.name,
    vars::SAGEMAKER_PROGRAM.name,
    vars::SAGEMAKER_SUBMIT_DIRECTORY.name,
    vars::SAGEMAKER_TRAINING_MODULE.name,
];

/// The command that trains on one host: `EXE train`, with `-- CMD...` if the job is a command.
///
/// The environment is the inherited one but for what names the job, the tree and the program. Standard input is empty.
pub fn command(
    job: &LocalJob,
    run: &RunDir,
    host: &Host,
    exe: &Path,
    inherited: impl IntoIterator<Item = (OsString, OsString)>,
) -> Command {
    let mut command = Command::new(exe);
    command.arguments = arguments(job);
    command.environment = environment(job, run, host, inherited);
    command.directory = Some(job.project.clone().into_std_path_buf());
    command.stdin = Stdin::Null;
    command
}

fn arguments(job: &LocalJob) -> Vec<OsString> {
    let mut words = vec!["train".into()];
    if let Program::Command(command) = &job.program {
        words.push("--".into());
        words.extend_from_slice(command);
    }
    words
}

fn environment(
    job: &LocalJob,
    run: &RunDir,
    host: &Host,
    inherited: impl IntoIterator<Item = (OsString, OsString)>,
) -> Vec<(OsString, OsString)> {
    let mut variables: Vec<_> = inherited
        .into_iter()
        .filter(|(name, _)| !REPLACED.iter().any(|replaced| name == *replaced))
        .collect();
    variables.push((
        vars::SAGEMAKER_BASE_DIR.name.into(),
        run.host(host).into_string().into(),
    ));
    if let Program::Module(module) = &job.program {
        variables.push((vars::SAGEMAKER_TRAINING_MODULE.name.into(), module.into()));
    }
    // The project file comes after the variables of the caller.
    let stop_grace = job.stop_grace.map(|grace| grace.as_secs().to_string());
    for (name, value) in [
        (vars::TRAINING_JOB_NAME.name, Some(run.id())),
        (vars::OPTML_PYTHON.name, job.python.as_deref()),
        (vars::OPTML_STOP_GRACE_S.name, stop_grace.as_deref()),
        // The summary says the rest.
        (vars::OPTML_LOG_LEVEL.name, Some("warn")),
    ] {
        let is_set = variables
            .iter()
            .any(|(known, value)| known == name && !value.is_empty());
        if let Some(value) = value.filter(|_| !is_set) {
            variables.retain(|(known, _)| known != name);
            variables.push((name.into(), value.into()));
        }
    }
    variables
}

#[cfg(test)]
mod tests;
