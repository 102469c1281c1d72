//! TensorFlow's own ways to train on several hosts, which it reads from `TF_CONFIG`.
//!
//! Parameter servers: each host has a server on the processor beside its worker; the first worker is the master. Workers
//! of a multi-worker strategy are all alike. Whoever has set `TF_CONFIG` has arranged the hosts already, and keeps them.
//!
//! **Source**: sagemaker-tensorflow-training 20.5.0.

use std::{ffi::OsString, fmt::Write as _};

use optml_contract::{json::Json, python, text::Text, vars};

use super::{LauncherError, Part, Plan, Process, Site, words::Variables};

#[cfg(test)]
mod tests;

const NAME_OF_SERVERS: &str = "tensorflow-ps";
const NAME_OF_WORKERS: &str = "tensorflow";

const WORKER_PORT: u16 = 2222;
const SERVER_PORT: u16 = 2223;

/// The port of a worker in a multi-worker strategy.
const STRATEGY_PORT: u16 = 8890;

/// A parameter server, which serves until it is ended. Its task is in `TF_CONFIG`.
const SERVER: &str = "import json, os
import tensorflow as tf
config = json.loads(os.environ['TF_CONFIG'])
task = config['task']
start = getattr(tf.distribute, 'Server', None) or tf.train.Server
start(tf.train.ClusterSpec(config['cluster']), job_name=task['type'], task_index=task['index']).join()
";

/// A worker and a parameter server on each host.
pub(super) fn parameter_servers(site: &Site<'_>) -> Result<Plan, LauncherError> {
    if let Some(plan) = arranged_already(site) {
        return Ok(plan);
    }
    let rank = site.rank(NAME_OF_SERVERS)?;
    if !site.has_several_hosts() {
        let mut plan = Plan::runs(vec![site.script(Some(rank), common(site).into_all())]);
        let note = "parameter servers are for several hosts: none is started";
        plan.notes.push(note.to_owned());
        return Ok(plan);
    }
    let python = site.python(NAME_OF_SERVERS)?;
    site.must_have("tensorflow", NAME_OF_SERVERS)?;
    let hosts = site.host_names(NAME_OF_SERVERS)?;
    let (masters, workers) = hosts.split_at(1);
    let cluster = [
        ("master", at(masters, WORKER_PORT)),
        ("ps", at(&hosts, SERVER_PORT)),
        ("worker", at(workers, WORKER_PORT)),
    ];
    let config = |kind: &str, index: u32| config(&cluster, kind, index);
    let own = match rank.checked_sub(1) {
        None => config("master", 0),
        Some(index) => config("worker", index),
    };
    let mut of_server = common(site);
    of_server.set(vars::TF_CONFIG, config("ps", rank));
    // Two processes of TensorFlow on one GPU take each other's memory.
    of_server.set(vars::CUDA_VISIBLE_DEVICES, "");
    let server = Process {
        rank: None,
        part: Part::Helps,
        program: python.to_owned(),
        words: ["-c", SERVER].map(OsString::from).to_vec(),
        variables: of_server.into_all(),
    };
    let mut of_worker = common(site);
    of_worker.set(vars::TF_CONFIG, own);
    let worker = site.script(Some(rank), of_worker.into_all());
    Ok(Plan::runs(vec![server, worker]))
}

/// A worker on each host.
pub(super) fn workers(site: &Site<'_>) -> Result<Plan, LauncherError> {
    if let Some(plan) = arranged_already(site) {
        return Ok(plan);
    }
    let rank = site.rank(NAME_OF_WORKERS)?;
    let hosts = site.host_names(NAME_OF_WORKERS)?;
    let cluster = [("worker", at(&hosts, STRATEGY_PORT))];
    let mut variables = common(site);
    variables.set(vars::TF_CONFIG, config(&cluster, "worker", rank));
    let worker = site.script(Some(rank), variables.into_all());
    Ok(Plan::runs(vec![worker]))
}

/// A scheduler for TensorFlow names ports that only it knows, and starts servers itself.
fn arranged_already(site: &Site<'_>) -> Option<Plan> {
    site.var(vars::TF_CONFIG)
        .filter(|config| !config.is_empty())?;
    let mut plan = Plan::runs(vec![
        site.script(site.cluster.rank, common(site).into_all()),
    ]);
    let note = "variable `TF_CONFIG` is set already: it stays, and no server is started";
    plan.notes.push(note.to_owned());
    Some(plan)
}

/// What TensorFlow gets on the platform.
fn common<'a>(site: &'a Site<'_>) -> Variables<'a> {
    let mut all = Variables::new(site);
    let region = site.env.region();
    if let Some(region) = region.to_os().ok().filter(|region| !region.is_empty()) {
        // The reference asks S3 where the bucket of `model_dir` is. Nothing is asked over the network here.
        all.set_unless_given(vars::S3_REGION, region);
    }
    all.set_unless_given(vars::TF_CPP_MIN_LOG_LEVEL, "1");
    all.set_unless_given(vars::S3_USE_HTTPS, "1");
    all
}

fn at(hosts: &[String], port: u16) -> Json {
    hosts
        .iter()
        .map(|host| Text::from(format!("{host}:{port}")))
        .collect()
}

/// `TF_CONFIG`, as Python's `json.dumps` writes it without options.
fn config(cluster: &[(&str, Json)], kind: &str, index: u32) -> String {
    let mut addresses = String::new();
    for (name, hosts) in cluster {
        let comma = if addresses.is_empty() { "" } else { ", " };
        let hosts = hosts.as_array().unwrap_or_default();
        let hosts: Vec<String> = hosts.iter().map(python::dumps).collect();
        // A String takes everything.
        let _ = write!(addresses, "{comma}\"{name}\": [{}]", hosts.join(", "));
    }
    format!(
        "{{\"cluster\": {{{addresses}}}, \"environment\": \"cloud\", \"task\": {{\"index\": {index}, \"type\": \"{kind}\"}}}}"
    )
}
