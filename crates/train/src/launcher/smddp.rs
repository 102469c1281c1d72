//! SageMaker's data parallel library, which Open MPI starts through `smddprun`.
//!
//! **Source**: sagemaker-training 5.1.4, `smdataparallel`. The library is in the platform's images alone: the command
//! line and the variables are tested, a run is not.

use optml_contract::{python, text::Text, vars};

use super::{
    LauncherError, Plan, Site,
    mpirun::{self, Mpirun},
};

#[cfg(test)]
mod tests;

const NAME: &str = "smddp";

const CUSTOM_OPTIONS: &str = "sagemaker_distributed_dataparallel_custom_mpi_options";
const INSTANCE_TYPE: &str = "sagemaker_instance_type";

/// The port of the library's server on the first host.
const SERVER_PORT: &str = "7592";

/// What this host has to do for the library.
pub(super) fn plan(site: &Site<'_>) -> Result<Plan, LauncherError> {
    if let Some(plan) = mpirun::serving(site, NAME)? {
        return Ok(plan);
    }
    let hosts = site.host_names(NAME)?;
    let several = site.has_several_hosts();
    let n_local = site.n_processes();
    let mut line = Mpirun::new(site, NAME, CUSTOM_OPTIONS)?;
    line.option("--host", mpirun::host_list(&hosts, n_local, several));
    line.option("-np", site.n_ranks().to_string());
    line.word("--allow-run-as-root");
    line.word("--tag-output");
    line.word("--oversubscribe");
    line.interface();
    line.parameter("plm_rsh_no_tree_spawn", "1");
    line.parameter("pml", "ob1");
    line.parameter("btl", "^openib");
    line.parameter("orte_abort_on_non_zero_status", "1");
    line.parameter("btl_vader_single_copy_mechanism", "none");
    line.parameter("plm_rsh_num_concurrent", site.cluster.n_hosts.to_string());
    line.nccl_and_paths();
    line.set(
        if several {
            vars::SMDATAPARALLEL_USE_HOMOGENEOUS
        } else {
            vars::SMDATAPARALLEL_USE_SINGLENODE
        },
        "1",
    );
    if site.fabric.efa {
        // The reference sets it everywhere; without the device libfabric finds no provider, and jobs hang.
        line.set_unless_given(vars::FI_PROVIDER, "efa");
    }
    line.set_unless_given(vars::RDMAV_FORK_SAFE, "1");
    line.reach_and_custom();
    if site.fabric.efa {
        line.set_unless_given(vars::NCCL_PROTO, "simple");
    }
    if site.fabric.rdma {
        line.set_unless_given(vars::FI_EFA_USE_DEVICE_RDMA, "1");
    }
    if several {
        line.set(
            vars::SMDATAPARALLEL_SERVER_ADDR,
            site.cluster.master_address.to_string(),
        );
        line.set(vars::SMDATAPARALLEL_SERVER_PORT, SERVER_PORT);
        line.set(
            vars::SAGEMAKER_INSTANCE_TYPE,
            instance_type(site).to_string(),
        );
    }
    if site.env.is_smddprun_installed() {
        line.word("smddprun");
    } else {
        line.note(
            "`smddprun` is not on PATH: the ranks start without SageMaker's data parallel library",
        );
    }
    line.script();
    Ok(line.into_plan())
}

/// The type that the job names, else that of this machine.
fn instance_type(site: &Site<'_>) -> Text {
    let named = site.env.all_hyperparameters().get(INSTANCE_TYPE);
    let named = named.filter(|named| named.is_truthy()).map(python::str);
    named.unwrap_or_else(|| site.env.resources().current_instance_type().clone())
}
