//! `PyTorch` on XLA with GPUs, through the spawner that the platform's images bring.
//!
//! **Source**: sagemaker-training 5.1.4, `pytorch_xla`. No image with it can be had freely: the command line and the
//! variables are tested, a run is not.

use std::ffi::OsString;

use optml_contract::vars;

use super::{LauncherError, Part, Plan, Process, Site, XLA_SPAWN, words::Variables};

#[cfg(test)]
mod tests;

const NAME: &str = "xla";

/// The port of each host's workers.
const WORKER_PORT: u16 = 43857;

/// The port at which the first host tells the others about the mesh.
const MESH_PORT: u16 = 53957;

/// The spawner, once a host; it starts a process for each GPU.
pub(super) fn plan(site: &Site<'_>) -> Result<Plan, LauncherError> {
    let n_gpus = site.env.machine().gpus.value;
    if n_gpus == 0 {
        return Err(LauncherError::NoGpu { launcher: NAME });
    }
    site.must_be_a_script(NAME)?;
    site.must_have(XLA_SPAWN, NAME)?;
    let n_gpus = n_gpus.to_string();
    let spawner = ["-m", XLA_SPAWN, "--num_gpus", &n_gpus];
    let mut words: Vec<OsString> = spawner.map(OsString::from).to_vec();
    words.extend_from_slice(&site.launch.words);
    Ok(Plan::runs(vec![Process {
        rank: None,
        part: Part::Trains,
        program: site.launch.program.clone(),
        words,
        variables: variables(site, n_gpus)?,
    }]))
}

fn variables(site: &Site<'_>, n_gpus: String) -> Result<Vec<(OsString, OsString)>, LauncherError> {
    let hosts = site.host_names(NAME)?;
    let workers: Vec<String> = (0..).zip(&hosts).map(|(i, host)| worker(i, host)).collect();
    let mut all = Variables::new(site);
    all.set_unless_given(vars::NCCL_DEBUG, "info");
    all.set_unless_given(vars::NCCL_PROTO, "simple");
    all.set_unless_given(vars::FI_EFA_USE_DEVICE_RDMA, "1");
    // Several connections a GPU, to use all of EFA's bandwidth.
    all.set_unless_given(vars::OFI_NCCL_NIC_DUP_CONNS, n_gpus.as_str());
    all.set(vars::XRT_HOST_ORDINAL, site.rank(NAME)?.to_string());
    all.set(vars::XRT_SHARD_WORLD_SIZE, hosts.len().to_string());
    all.set(vars::XRT_WORKERS, workers.join("|"));
    all.set(vars::GPU_NUM_DEVICES, n_gpus);
    if let [first, _, ..] = hosts.as_slice() {
        all.set(
            vars::XRT_MESH_SERVICE_ADDRESS,
            format!("{first}:{MESH_PORT}"),
        );
    }
    Ok(all.into_all())
}

fn worker(i: usize, host: &str) -> String {
    format!("localservice:{i};{host}:{WORKER_PORT}")
}
