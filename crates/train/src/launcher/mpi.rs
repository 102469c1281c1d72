//! Open MPI: the first host runs `mpirun`, which starts the ranks of all hosts.
//!
//! **Source**: sagemaker-training 5.1.4, `mpi`: the words and their order, but for what `mpirun` and the comments say.

use std::ffi::OsStr;

use optml_contract::{json::Json, vars};

use super::{
    LauncherError, Plan, Site,
    mpirun::{self, Mpirun},
    words,
};

#[cfg(test)]
mod tests;

const NAME: &str = "mpirun";

const N_PROCESSES: &str = "sagemaker_mpi_num_processes";
const CUSTOM_OPTIONS: &str = "sagemaker_mpi_custom_mpi_options";

/// What this host has to do under Open MPI.
pub(super) fn plan(site: &Site<'_>) -> Result<Plan, LauncherError> {
    if let Some(plan) = mpirun::serving(site, NAME)? {
        return Ok(plan);
    }
    let hosts = site.host_names(NAME)?;
    let n_local = site.n_processes();
    let n_ranks = mpirun::count(site, N_PROCESSES)?;
    let n_ranks = n_ranks.map_or_else(|| site.n_ranks(), u64::from);
    let mut line = Mpirun::new(site, NAME, CUSTOM_OPTIONS)?;
    line.option("--host", mpirun::host_list(&hosts, n_local, n_local != 1));
    line.option("-np", n_ranks.to_string());
    line.word("--allow-run-as-root");
    line.word("--display-map");
    line.word("--tag-output");
    line.interface();
    line.parameter("plm_rsh_no_tree_spawn", "1");
    line.option("-bind-to", "none");
    line.option("-map-by", "slot");
    line.parameter("pml", "ob1");
    line.parameter("btl", "^openib");
    line.parameter("orte_abort_on_non_zero_status", "1");
    line.parameter("btl_vader_single_copy_mechanism", "none");
    line.set_unless_given(vars::NCCL_MIN_NRINGS, "4");
    line.nccl_and_paths();
    line.reach_and_custom();
    if site.fabric.efa {
        line.set_unless_given(vars::FI_PROVIDER, "efa");
        // EFA delivers out of order, which the other protocols don't expect.
        line.set_unless_given(vars::NCCL_PROTO, "simple");
    }
    if site.fabric.rdma {
        line.set_unless_given(vars::FI_EFA_USE_DEVICE_RDMA, "1");
    }
    for name in words::of_all_hosts(site) {
        line.export(name);
    }
    add_model_parallel(site, &mut line);
    line.script();
    Ok(line.into_plan())
}

/// What SageMaker's model parallel library needs, if the job uses it.
fn add_model_parallel(site: &Site<'_>, line: &mut Mpirun<'_>) {
    let parameters = site.var(vars::SM_HP_MP_PARAMETERS).unwrap_or_default();
    if parameters.is_empty() || parameters == "{}" {
        return;
    }
    let torch = site.var(vars::SM_DLC_TORCH_VERSION).and_then(OsStr::to_str);
    if let Some(version) = torch.filter(|version| !version.is_empty()) {
        line.set_unless_given(vars::NCCL_PROTO, "simple");
        let major = version
            .split('.')
            .next()
            .and_then(|major| major.parse::<u32>().ok());
        if major.is_some_and(|major| major > 1) {
            // Other algorithms may hang from torch 2.0 on.
            line.set_unless_given(vars::NCCL_ALGO, "ring");
        }
    }
    let backend = Json::parse(parameters.as_encoded_bytes()).ok();
    let backend = backend
        .as_ref()
        .and_then(|parameters| parameters.get("ddp_dist_backend"));
    let is_automatic =
        backend.is_none_or(|backend| backend.as_text().is_some_and(|name| *name == "auto"));
    if is_automatic && site.env.is_smddpmprun_installed() {
        let instance_type = site.env.resources().current_instance_type();
        for word in [
            "smddpmprun",
            "-i",
            &instance_type.to_string(),
            "--allow-bypass",
        ] {
            line.word(word);
        }
    }
}
