use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use camino::Utf8Path;
use optml_contract::options::LocalOptions;
use optml_supervise::{Command, Stdin};

use super::command;
use crate::{
    hosts::Hosts,
    plan::{LocalJob, Program},
    run_dir::RunDir,
};

fn job() -> LocalJob {
    LocalJob {
        project: "/p".into(),
        program: Program::Script("train.py".to_owned()),
        hyperparameters: BTreeMap::new(),
        channels: BTreeMap::new(),
        python: None,
        stop_grace: None,
        local: LocalOptions::default(),
        notes: Vec::new(),
    }
}

/// The command, and its environment without the two variables that hold the run's path and id.
fn planned(job: &LocalJob, inherited: &[(&str, &str)]) -> (Command, Vec<(String, String)>) {
    let folder = tempfile::tempdir().unwrap();
    let run = RunDir::create(Utf8Path::from_path(folder.path()).unwrap(), UNIX_EPOCH).unwrap();
    let inherited = inherited
        .iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let hosts = Hosts::one();
    let host = hosts.iter().next().unwrap();
    let command = command(job, &run, host, Path::new("/exe"), inherited);
    let mut environment: Vec<_> = command
        .environment
        .iter()
        .map(|(name, value)| {
            (
                name.to_str().unwrap().to_owned(),
                value.to_str().unwrap().to_owned(),
            )
        })
        .collect();
    let base = (
        "SAGEMAKER_BASE_DIR".to_owned(),
        run.host(host).into_string(),
    );
    assert!(environment.contains(&base));
    environment.retain(|variable| *variable != base);
    environment.sort();
    for (_, value) in &mut environment {
        *value = value.replace(run.id(), "ID");
    }
    (command, environment)
}

#[track_caller]
fn check(job: &LocalJob, inherited: &[(&str, &str)], expected: &[(&str, &str)]) {
    let (_, environment) = planned(job, inherited);
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(environment, expected);
}

#[test]
fn the_child_is_this_binary_in_the_project() {
    let (command, _) = planned(&job(), &[]);
    assert_eq!(
        (command.program.as_path(), command.arguments.as_slice()),
        (Path::new("/exe"), &["train".into()][..])
    );
    assert_eq!(
        (command.directory.as_deref(), command.stdin),
        (Some(Path::new("/p")), Stdin::Null)
    );
    assert!(command.output.is_none(), "the script's output is not ours");
}

#[test]
fn a_command_follows_the_dashes() {
    let words = vec![OsString::from("-x"), "a b".into()];
    let (command, _) = planned(
        &LocalJob {
            program: Program::Command(words),
            ..job()
        },
        &[],
    );
    assert_eq!(command.arguments, ["train", "--", "-x", "a b"]);
}

#[test]
fn what_names_another_job_is_not_inherited() {
    check(
        &job(),
        &[
            ("HOME", "/h"),
            ("OPTML_LOCAL_HOSTS", "1"),
            ("OPTML_LOCAL_NETWORK", "auto"),
            ("OPTML_LOG_WRAP", "json"),
            ("SAGEMAKER_BASE_DIR", "/elsewhere"),
            ("SAGEMAKER_PROGRAM", "x.py"),
            ("SAGEMAKER_SUBMIT_DIRECTORY", "s3://b/k"),
            ("SAGEMAKER_TRAINING_MODULE", "m:f"),
        ],
        &[
            ("HOME", "/h"),
            ("OPTML_LOG_LEVEL", "warn"),
            ("TRAINING_JOB_NAME", "ID"),
        ],
    );
}

#[test]
fn a_module_is_passed_on() {
    let job = LocalJob {
        program: Program::Module("m:f".to_owned()),
        ..job()
    };
    check(
        &job,
        &[],
        &[
            ("OPTML_LOG_LEVEL", "warn"),
            ("SAGEMAKER_TRAINING_MODULE", "m:f"),
            ("TRAINING_JOB_NAME", "ID"),
        ],
    );
}

#[test]
fn the_caller_comes_before_the_project_file() {
    let job = LocalJob {
        python: Some("py".to_owned()),
        stop_grace: Some(Duration::from_secs(7)),
        ..job()
    };
    check(
        &job,
        &[],
        &[
            ("OPTML_LOG_LEVEL", "warn"),
            ("OPTML_PYTHON", "py"),
            ("OPTML_STOP_GRACE_S", "7"),
            ("TRAINING_JOB_NAME", "ID"),
        ],
    );
    check(
        &job,
        &[
            ("OPTML_PYTHON", ""),
            ("OPTML_STOP_GRACE_S", "9"),
            ("TRAINING_JOB_NAME", "mine"),
        ],
        &[
            ("OPTML_LOG_LEVEL", "warn"),
            ("OPTML_PYTHON", "py"),
            ("OPTML_STOP_GRACE_S", "9"),
            ("TRAINING_JOB_NAME", "mine"),
        ],
    );
}
