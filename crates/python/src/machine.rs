//! What this machine offers, from what Python has asked it. No process is started here.

use optml_contract::{
    Source as _,
    cgroup::Cgroup,
    machine::{Count, Machine},
};
use pyo3::prelude::*;

use crate::environ::{Variables, process};

/// Processors: the least of those online, those that we may run on, and what the control group pays for.
#[pyfunction]
pub(crate) fn num_cpus(online: u32, affinity: Option<u32>) -> u32 {
    // The files of control groups are found without a variable.
    let source = process(&Variables::new());
    let quota = Cgroup::find(&source).cpu_quota(&source);
    Count::cpus(online, affinity, quota.as_ref()).value
}

/// GPUs in what `nvidia-smi --list-gpus` printed, as far as `CUDA_VISIBLE_DEVICES` shows them.
#[pyfunction]
pub(crate) fn num_gpus(listing: &[u8], variables: Variables) -> u32 {
    let source = process(&variables);
    Count::gpus(listing, source.var("CUDA_VISIBLE_DEVICES")).value
}

/// Neuron cores in what `neuron-ls -j` printed; 0 where that says nothing. Some instance types have a fixed number.
#[pyfunction]
#[pyo3(signature = (listing, instance_type=None))]
pub(crate) fn num_neurons(listing: &[u8], instance_type: Option<&str>) -> u32 {
    let fixed = instance_type.and_then(Count::neurons_of);
    // As in a job: a tool that prints nonsense counts as not there.
    let listed = || Count::neurons(listing).unwrap_or_else(|_| none());
    fixed.unwrap_or_else(listed).value
}

/// A machine that has not been asked yet.
pub(crate) fn unasked() -> Machine {
    Machine {
        cpus: none(),
        gpus: none(),
        neurons: none(),
    }
}

/// A machine of which Python knows these.
pub(crate) fn asked(cpus: u32, gpus: u32, neurons: u32) -> Machine {
    let count = |value| Count::new(value, "asked");
    Machine {
        cpus: count(cpus),
        gpus: count(gpus),
        neurons: count(neurons),
    }
}

fn none() -> Count {
    Count::new(0, "not asked")
}
