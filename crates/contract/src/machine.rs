//! What this machine offers: processors, GPUs, Neuron cores, each with the reason for the number.
//!
//! Nothing is measured here. `train` runs the probes, once each, and passes in what they printed.

use std::ffi::OsStr;

use crate::{
    cgroup::CpuQuota,
    json::{Json, JsonError},
};

/// What a job can use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Processors.
    pub cpus: Count,
    /// GPUs.
    pub gpus: Count,
    /// Neuron cores.
    pub neurons: Count,
}

/// A number, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub value: u32,
    /// Why that many.
    pub source: String,
}

/// Why a probe's output says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// `neuron-ls` printed something that is not JSON.
    #[error("`neuron-ls -j` printed no JSON: {0}")]
    NotJson(#[source] JsonError),
    /// `neuron-ls` printed JSON of another form.
    #[error("`neuron-ls -j` printed no list of devices with `nc_count`")]
    NotDevices,
}

/// The instance type whose cores `neuron-ls` does not tell.
const TRN2: &str = "trn2.48xlarge";

/// The Neuron cores of a [`TRN2`].
///
/// **Source**: sagemaker-training 5.1.4.
const TRN2_NEURONS: u32 = 64;

impl Count {
    /// A number, and where it came from.
    pub fn new(value: u32, source: impl Into<String>) -> Self {
        Self {
            value,
            source: source.into(),
        }
    }

    /// Processors: the least of what is online, what we may run on, and what the cgroup pays for (rounded up).
    pub fn cpus(online: u32, affinity: Option<u32>, quota: Option<&CpuQuota>) -> Self {
        let online = Self::new(online.max(1), "processors online");
        let affinity = affinity.map(|n| Self::new(n.max(1), "processor affinity"));
        let quota =
            quota.map(|quota| Self::new(quota.cpus(), format!("CPU quota in `{}`", quota.file)));
        [Some(online), affinity, quota]
            .into_iter()
            .flatten()
            .min_by_key(|count| count.value)
            .expect("what is online is always there")
    }

    /// GPUs: the lines of `nvidia-smi --list-gpus`, as far as `CUDA_VISIBLE_DEVICES` shows them.
    ///
    /// **Unset** shows all. **Empty** shows none. Otherwise a list of indices, `GPU-` and `MIG-` identifiers, of which
    /// a beginning is enough; it ends before the first that is not there, and a repeated one makes it empty, as in CUDA.
    pub fn gpus(listing: &[u8], visible: Option<&OsStr>) -> Self {
        let listing = String::from_utf8_lossy(listing);
        let devices = Devices::parse(&listing);
        let Some(visible) = visible else {
            let n_gpus = u32::try_from(devices.gpus.len()).unwrap_or(u32::MAX);
            return Self::new(n_gpus, "`nvidia-smi --list-gpus`");
        };
        let value = devices.n_visible(&visible.to_string_lossy());
        Self::new(
            value,
            "`nvidia-smi --list-gpus` and variable `CUDA_VISIBLE_DEVICES`",
        )
    }

    /// Neuron cores: the sum of `nc_count` over what `neuron-ls -j` prints.
    ///
    /// # Errors
    /// The text is not JSON, or not a list of devices.
    pub fn neurons(listing: &[u8]) -> Result<Self, ProbeError> {
        let listing = Json::parse(listing).map_err(ProbeError::NotJson)?;
        let devices = listing.as_array().ok_or(ProbeError::NotDevices)?;
        let cores = devices.iter().map(|device| match device.get("nc_count") {
            Some(Json::Int(n)) => n.to_u64().and_then(|n| u32::try_from(n).ok()),
            _ => None,
        });
        let sum = cores
            .into_iter()
            .try_fold(0_u32, |sum, n| sum.checked_add(n?));
        Ok(Self::new(
            sum.ok_or(ProbeError::NotDevices)?,
            "`neuron-ls -j`",
        ))
    }

    /// Neuron cores of an instance type that is known to have a fixed number.
    pub fn neurons_of(instance_type: &str) -> Option<Self> {
        instance_type
            .contains(TRN2)
            .then(|| Self::new(TRN2_NEURONS, format!("instance type `{instance_type}`")))
    }
}

/// The identifiers that `nvidia-smi` lists.
#[derive(Debug, Default)]
struct Devices<'a> {
    gpus: Vec<&'a str>,
    slices: Vec<&'a str>,
}

impl<'a> Devices<'a> {
    fn parse(listing: &'a str) -> Self {
        let mut devices = Self::default();
        for line in listing.lines() {
            let uuid = line
                .split_once("(UUID: ")
                .and_then(|(_, rest)| rest.split_once(')'))
                .map_or("", |(uuid, _)| uuid);
            if line.starts_with("GPU ") {
                devices.gpus.push(uuid);
            } else if line.trim_start().starts_with("MIG ") {
                devices.slices.push(uuid);
            }
        }
        devices
    }

    fn n_visible(&self, list: &str) -> u32 {
        let mut seen = Vec::new();
        for name in list.split(',').map(str::trim) {
            let Some(device) = self.find(name) else { break };
            if seen.contains(&device) {
                return 0;
            }
            seen.push(device);
        }
        u32::try_from(seen.len()).unwrap_or(u32::MAX)
    }

    /// The number of a device in the listing, slices after GPUs.
    fn find(&self, name: &str) -> Option<usize> {
        if name.starts_with("GPU-") || name.starts_with("MIG-") {
            let all = self.gpus.iter().chain(&self.slices).enumerate();
            let mut found = all
                .filter(|(_, uuid)| uuid.starts_with(name))
                .map(|(i, _)| i);
            let first = found.next();
            return if found.next().is_none() { first } else { None };
        }
        name.parse().ok().filter(|&index| index < self.gpus.len())
    }
}

#[cfg(test)]
mod tests;
