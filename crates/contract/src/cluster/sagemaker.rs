//! What `resourceconfig.json` and the hyperparameters say.

use std::collections::HashSet;

use super::{
    MAX_HOSTS, MAX_PROCESSES,
    claim::Claim,
    engine::Engine,
    problem::ClusterProblem,
    reader::{Reader, Said},
};
use crate::{
    config::ConfigErrorKind, json::Json, resources::rank, text::Text, training::TrainingEnv,
};

/// How many processes a host is to have. Zero and null leave it to the machine.
///
/// **Source**: sagemaker-training 5.1.4.
const N_PROCESSES: &str = "sagemaker_mpi_num_of_processes_per_host";

/// The hosts that train together: those of the distribution groups, or all where no group is one.
///
/// The master is the reference's; the rest follow by name and number. A host whose group takes no part has no rank.
pub(super) fn claim(env: &TrainingEnv, reader: &mut Reader<'_>) -> Option<Claim> {
    let resources = env.resources();
    if !resources.is_of_platform() {
        return None;
    }
    let mut hosts = env.distribution_hosts();
    let mut key = "instance_groups";
    if hosts.is_empty() || resources.instance_groups().is_empty() {
        hosts = resources.hosts().iter().collect();
        key = "hosts";
    }
    let origin = resources.origin(key);
    let n_hosts = u32::try_from(hosts.len()).ok().filter(|&n| n <= MAX_HOSTS);
    let Some(n_hosts) = n_hosts else {
        reader.refuse(origin, ClusterProblem::TooManyHosts);
        return None;
    };
    let mut seen = HashSet::new();
    if let Some(host) = hosts.iter().find(|host| !seen.insert(**host)) {
        let host = (*host).clone();
        reader.problem(origin, ConfigErrorKind::Repeated { host });
        return None;
    }
    let ranked = rank(hosts, env.master_hostname());
    let place = ranked.iter().position(|host| *host == env.current_host());
    let own = place.and_then(|place| u32::try_from(place).ok());
    Some(Claim {
        engine: Engine::SageMaker,
        n_hosts: Said {
            value: n_hosts,
            origin,
        },
        rank: own.map(|value| Said {
            value,
            origin: resources.origin("current_host"),
        }),
        hosts: ranked.into_iter().cloned().collect(),
        current_host: Some(env.current_host().clone()),
        master: Some(env.master_hostname().clone()),
        port: None,
        n_processes: n_processes(env, reader),
        network_interface: Some(resources.network_interface_name().clone()),
        instance_groups: resources.instance_groups().to_vec(),
    })
}

fn n_processes(env: &TrainingEnv, reader: &mut Reader<'_>) -> Option<u32> {
    let all = env.all_hyperparameters();
    let given = all.get(N_PROCESSES).filter(|value| value.is_truthy())?;
    let text: Text = match given {
        Json::Int(n) => n.as_str().into(),
        Json::Text(text) => text.clone(),
        other => {
            let kind = ConfigErrorKind::wrong_type("a number", other);
            reader.problem(all.origin(&N_PROCESSES.into()), kind);
            return None;
        }
    };
    let n = text.as_str().and_then(|text| text.parse::<u32>().ok());
    match n {
        Some(0) => None,
        Some(n) if n <= MAX_PROCESSES => Some(n),
        _ => {
            let kind = ConfigErrorKind::OutOfRange {
                value: text,
                min: 0,
                max: MAX_PROCESSES.into(),
            };
            reader.problem(all.origin(&N_PROCESSES.into()), kind);
            None
        }
    }
}
