//! The tree that the platform makes before it starts a container: configuration, data, places for results.
//!
//! Nothing is copied: `code` and the channels are links to the project and its data.

use std::{fs, io, os::unix::fs::symlink};

use camino::{Utf8Path, Utf8PathBuf};
use optml_contract::{
    json::{Json, Object},
    layout::Layout,
};

use crate::{
    hosts::{Host, Hosts},
    plan::{LocalJob, Program},
    run_dir::RunDir,
};

/// The name of the only instance group, as the platform calls it.
const GROUP: &str = "homogeneousCluster";

/// The instance type of a run on no instance.
const INSTANCE_TYPE: &str = "local";

/// Why the tree cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("make `{path}`: {source}")]
pub struct TreeError {
    /// What could not be made.
    pub path: Utf8PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Writes the tree of one host of a job into the run's folder.
///
/// # Errors
/// The first file, folder or link that could not be made.
pub fn write(
    job: &LocalJob,
    run: &RunDir,
    hosts: &Hosts,
    host: &Host,
) -> Result<Layout, TreeError> {
    let layout = Layout::at(run.host(host));
    for folder in [
        layout.config(),
        layout.data(),
        layout.model(),
        layout.output_data(),
    ] {
        done(&folder, fs::create_dir_all(&folder))?;
    }
    for (path, content) in [
        (layout.hyperparameters_file(), hyperparameters(job).into()),
        (layout.resources_file(), resources(hosts, host)),
        (layout.channels_file(), channels(job)),
    ] {
        done(&path, fs::write(&path, content.to_pretty() + "\n"))?;
    }
    done(&layout.code(), symlink(&job.project, layout.code()))?;
    for (name, channel) in &job.channels {
        link_channel(&channel.path, &layout.data().join(name))?;
    }
    Ok(layout)
}

/// Writes the `/etc/hosts` of all hosts into the run's folder.
///
/// # Errors
/// The file cannot be written.
pub fn write_hosts_file(run: &RunDir, hosts: &Hosts) -> Result<(), TreeError> {
    let path = run.hosts_file();
    done(&path, fs::write(&path, hosts.to_hosts_file()))
}

/// `hyperparameters.json`: every value is a text.
pub(crate) fn hyperparameters(job: &LocalJob) -> Object {
    let program = match &job.program {
        // As the SDK writes it: in JSON's quotes, so that a name such as `1e5` stays what it is.
        Program::Script(name) => Some((
            "sagemaker_program".into(),
            Json::from(format!("\"{name}\"").as_str()),
        )),
        Program::Module(_) | Program::Command(_) => None,
    };
    let settings = job
        .hyperparameters
        .iter()
        .map(|(key, setting)| (key.as_str().into(), setting.text.as_str().into()));
    program.into_iter().chain(settings).collect()
}

/// `resourceconfig.json` of one host.
fn resources(all: &Hosts, host: &Host) -> Json {
    let hosts: Json = all.sorted_names().into_iter().collect();
    let group = object([
        ("instance_group_name", GROUP.into()),
        ("instance_type", INSTANCE_TYPE.into()),
        ("hosts", hosts.clone()),
    ]);
    object([
        ("current_host", host.name.as_str().into()),
        ("current_instance_type", INSTANCE_TYPE.into()),
        ("current_group_name", GROUP.into()),
        ("hosts", hosts),
        ("instance_groups", [group].into_iter().collect()),
        ("network_interface_name", all.network_interface().into()),
    ])
}

/// `inputdataconfig.json`: every channel is in File mode, whole on this host.
fn channels(job: &LocalJob) -> Json {
    let entries = job.channels.iter().map(|(name, channel)| {
        let content_type = channel
            .content_type
            .as_deref()
            .map(|text| ("ContentType", text.into()));
        let rest = [
            ("TrainingInputMode", "File".into()),
            ("S3DistributionType", "FullyReplicated".into()),
            ("RecordWrapperType", "None".into()),
        ];
        (
            name.as_str().into(),
            object(content_type.into_iter().chain(rest)),
        )
    });
    Json::Object(entries.collect())
}

fn object(entries: impl IntoIterator<Item = (&'static str, Json)>) -> Json {
    Json::Object(
        entries
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect::<Object>(),
    )
}

/// A channel is always a folder: a single file becomes a link in one.
fn link_channel(source: &Utf8Path, channel: &Utf8Path) -> Result<(), TreeError> {
    if source.is_dir() {
        return done(channel, symlink(source, channel));
    }
    done(channel, fs::create_dir(channel))?;
    let link = channel.join(source.file_name().unwrap_or("data"));
    done(&link, symlink(source, &link))
}

fn done(path: &Utf8Path, result: io::Result<()>) -> Result<(), TreeError> {
    result.map_err(|source| TreeError {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
