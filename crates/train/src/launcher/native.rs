//! Processes that we start ourselves: one, or one for each accelerator.

use std::ffi::OsString;

use optml_contract::vars;

use super::{LauncherError, Plan, Process, Site, words};

#[cfg(test)]
mod tests;

const NAME: &str = "native";

/// One process, which gets what it would get without a launcher and nothing else.
pub(super) fn plain(site: &Site<'_>) -> Plan {
    Plan::runs(vec![site.script(None, Vec::new())])
}

/// One process for each accelerator (or as many as the job asks for), with the variables that torchrun sets.
///
/// Not among them are `TORCHELASTIC_*`: they promise an agent with a store, and there is none.
///
/// **Source**: `PyTorch`, "torchrun (Elastic Launch)", environment variables.
pub(super) fn plan(site: &Site<'_>) -> Result<Plan, LauncherError> {
    let host = site.rank(NAME)?;
    let n_local = site.n_processes();
    let first = u64::from(host) * u64::from(n_local);
    let processes = (0..n_local).map(|local| {
        let rank = first + u64::from(local);
        let variables = variables(site, host, (rank, local));
        site.script(u32::try_from(rank).ok(), variables)
    });
    let processes: Vec<Process> = processes.collect();
    let mut plan = Plan::runs(processes);
    plan.notes.extend(words::missing_interface(site));
    Ok(plan)
}

/// The variables of one process: by its host, and its number in the job and on the host.
fn variables(site: &Site<'_>, host: u32, (rank, local): (u64, u32)) -> Vec<(OsString, OsString)> {
    let n_local = site.n_processes();
    let cluster = site.cluster;
    let n_ranks = site.n_ranks().to_string();
    let host = host.to_string();
    // A host that is alone may have a name that resolves nowhere.
    let master = if site.has_several_hosts() {
        cluster.master_address.to_string()
    } else {
        "127.0.0.1".to_owned()
    };
    let mut all = words::Variables::new(site);
    all.set(vars::RANK, rank.to_string());
    all.set(vars::LOCAL_RANK, local.to_string());
    all.set(vars::WORLD_SIZE, &n_ranks);
    all.set(vars::LOCAL_WORLD_SIZE, n_local.to_string());
    all.set(vars::GROUP_RANK, &host);
    all.set(vars::GROUP_WORLD_SIZE, cluster.n_hosts.to_string());
    all.set(vars::NODE_RANK, &host);
    all.set(vars::ROLE_RANK, rank.to_string());
    all.set(vars::ROLE_WORLD_SIZE, &n_ranks);
    all.set(vars::MASTER_ADDR, master);
    all.set(vars::MASTER_PORT, cluster.master_port.to_string());
    if n_local > 1 {
        // Each rank would start a thread for every processor. torchrun does the same.
        all.set_unless_given(vars::OMP_NUM_THREADS, "1");
    }
    all.add_network();
    all.into_all()
}
