//! Parameter servers of `MXNet`: a scheduler on the first host, a server on each, and the script as worker.
//!
//! **Source**: sagemaker-mxnet-training 4.3.0.

use std::ffi::OsString;

use optml_contract::{python, vars};

use super::{LauncherError, Part, Plan, Process, Site, words::Variables};

#[cfg(test)]
mod tests;

const NAME: &str = "mxnet";

/// The port of the scheduler, if hyperparameter `_ps_port` names none.
const PORT: &str = "8000";

/// Importing it as scheduler or server serves, and ends when the workers have.
const SERVE: &str = "import mxnet";

/// What all processes of a job agree on.
struct Agreed {
    n_hosts: String,
    root: String,
    port: String,
    verbose: OsString,
}

/// A worker and a server on each host, and a scheduler on the first.
pub(super) fn plan(site: &Site<'_>) -> Result<Plan, LauncherError> {
    let rank = site.rank(NAME)?;
    let python = site.python(NAME)?;
    site.must_have("mxnet", NAME)?;
    let agreed = Agreed::read(site)?;
    let helper = |role| Process {
        rank: None,
        part: Part::Helps,
        program: python.to_owned(),
        words: ["-c", SERVE].map(OsString::from).to_vec(),
        variables: agreed.variables(site, role),
    };
    let mut processes = Vec::new();
    if rank == 0 {
        processes.push(helper("scheduler"));
    }
    processes.push(helper("server"));
    processes.push(site.script(Some(rank), agreed.variables(site, "worker")));
    let mut plan = Plan::runs(processes);
    if site.master_ip.is_none() {
        let master = &site.cluster.master_address;
        // It listens on what it is told, which can't be a name.
        let note = format!("`{master}` has no address here: MXNet's scheduler may not start");
        plan.notes.push(note);
    }
    Ok(plan)
}

impl Agreed {
    fn read(site: &Site<'_>) -> Result<Self, LauncherError> {
        let given = |name: &'static str, default: &str| {
            let given = site.env.all_hyperparameters().get(name).map(python::str);
            given.map_or_else(
                || Ok(default.into()),
                |text| {
                    text.into_os()
                        .map_err(|problem| LauncherError::Hyperparameter {
                            name,
                            reason: problem.to_string(),
                        })
                },
            )
        };
        let port: OsString = given("_ps_port", PORT)?;
        let port = port.to_string_lossy();
        let Some(port) = port.trim().parse::<u16>().ok().filter(|&port| port > 0) else {
            return Err(LauncherError::Hyperparameter {
                name: "_ps_port",
                reason: format!("`{port}` is no port"),
            });
        };
        let named = || site.cluster.master_address.to_string();
        Ok(Self {
            n_hosts: site.cluster.n_hosts.to_string(),
            root: site.master_ip.map_or_else(named, |ip| ip.to_string()),
            port: port.to_string(),
            verbose: given("_ps_verbose", "0")?,
        })
    }

    fn variables(&self, site: &Site<'_>, role: &str) -> Vec<(OsString, OsString)> {
        let mut all = Variables::new(site);
        all.set(vars::DMLC_NUM_WORKER, &self.n_hosts);
        all.set(vars::DMLC_NUM_SERVER, &self.n_hosts);
        all.set(vars::DMLC_ROLE, role);
        all.set(vars::DMLC_PS_ROOT_URI, &self.root);
        all.set(vars::DMLC_PS_ROOT_PORT, &self.port);
        all.set(vars::PS_VERBOSE, &self.verbose);
        all.into_all()
    }
}
