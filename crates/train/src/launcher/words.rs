//! The variables that several engines set, and whose they are.

use std::ffi::{OsStr, OsString};

use optml_contract::vars::{self, Variable};

use super::Site;

/// Exported variables that say something about one host. An engine must not carry them to another: each host has its own.
const OF_ONE_HOST: [Variable; 12] = [
    vars::SM_NETWORK_INTERFACE_NAME,
    vars::SM_RESOURCE_CONFIG,
    vars::SM_CURRENT_HOST,
    vars::SM_CURRENT_HOST_RANK,
    vars::SM_CURRENT_INSTANCE_TYPE,
    vars::SM_CURRENT_INSTANCE_GROUP,
    vars::SM_CURRENT_INSTANCE_GROUP_HOSTS,
    vars::SM_NUM_CPUS,
    vars::SM_NUM_GPUS,
    vars::SM_NUM_NEURONS,
    vars::SM_TRAINING_ENV,
    vars::CURRENT_HOST,
];

/// Variables over the environment of the script, in order.
#[derive(Debug)]
pub(super) struct Variables<'a> {
    site: &'a Site<'a>,
    all: Vec<(OsString, OsString)>,
}

impl<'a> Variables<'a> {
    pub(super) fn new(site: &'a Site<'a>) -> Self {
        let all = Vec::new();
        Self { site, all }
    }

    /// Sets one that is the launcher's business, whatever was there.
    pub(super) fn set(&mut self, variable: Variable, value: impl Into<OsString>) {
        self.all.push((variable.name.into(), value.into()));
    }

    /// Sets one that the job or its image may have set: theirs stays, also when it is empty.
    pub(super) fn set_unless_given(&mut self, variable: Variable, value: impl Into<OsString>) {
        if self.site.var(variable).is_none() {
            self.set(variable, value);
        }
    }

    /// What NCCL, gloo and libfabric should know about the network of this host.
    ///
    /// **Source**: sagemaker-training 5.1.4 for torchrun. It sets all of them over what the job says, and
    /// `NCCL_PROTO=simple` where there is no EFA too.
    pub(super) fn add_network(&mut self) {
        if self.site.has_several_hosts() {
            if let Some(interface) = self.site.interface {
                self.set_unless_given(vars::NCCL_SOCKET_IFNAME, interface);
                self.set_unless_given(vars::GLOO_SOCKET_IFNAME, interface);
            }
            self.add_host_id();
        }
        if self.site.fabric.efa {
            // EFA delivers out of order, which the other protocols don't expect.
            self.set_unless_given(vars::NCCL_PROTO, "simple");
            self.set_unless_given(vars::FI_PROVIDER, "efa");
        }
        if self.site.fabric.rdma {
            self.set_unless_given(vars::FI_EFA_USE_DEVICE_RDMA, "1");
            self.set_unless_given(vars::RDMAV_FORK_SAFE, "1");
        }
    }

    /// NCCL tells hosts apart by their own name, which is the same in all containers of the platform.
    pub(super) fn add_host_id(&mut self) {
        if self.site.has_several_hosts() {
            self.set_unless_given(vars::NCCL_HOSTID, self.site.host_name());
        }
    }

    pub(super) fn into_all(self) -> Vec<(OsString, OsString)> {
        self.all
    }
}

/// The exported variables that are the same on all hosts, in the order of the environment.
pub(super) fn of_all_hosts<'a>(site: &'a Site<'_>) -> impl Iterator<Item = &'a OsStr> {
    let names = site.environment.iter().map(|(name, _)| name.as_os_str());
    names.filter(|name| is_exported(name) && !is_of_one_host(name))
}

fn is_exported(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"SM_") || name == vars::PYTHONPATH.name
}

fn is_of_one_host(name: &OsStr) -> bool {
    let bytes = name.as_encoded_bytes();
    // Those of hyperparameters and channels may end so too, and are no files of ours.
    let is_named_by_user = bytes.starts_with(b"SM_HP_") || bytes.starts_with(b"SM_CHANNEL_");
    let is_file_of_ours = bytes.ends_with(b"_FILE") && !is_named_by_user;
    is_file_of_ours || OF_ONE_HOST.iter().any(|variable| name == variable.name)
}

/// What to say when the cluster names an interface that this machine does not have.
pub(super) fn missing_interface(site: &Site<'_>) -> Option<String> {
    let named = site.cluster.network_interface.as_ref()?;
    (site.has_several_hosts() && site.interface.is_none())
        .then(|| format!("this machine has no network interface `{named}`: which one is used is left to the engine"))
}
