//! What the network of this machine can do: EFA, with or without RDMA.
//!
//! Asked of the machine. The reference has lists of instance types instead, in which the newer ones are missing: their
//! jobs fall back to TCP silently, or hang. The lists are used only where the machine can't be asked.

use std::{fs, path::Path};

#[cfg(test)]
mod tests;

/// What the network can do, and how that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fabric {
    /// There is an Elastic Fabric Adapter.
    pub efa: bool,
    /// It can read and write the memory of others.
    pub rdma: bool,
    /// How that is known.
    pub why: String,
}

/// The vendor of the adapters.
const AMAZON: u32 = 0x1d0f;

/// The first model that can do RDMA; the one before it, `0xefa0`, can't.
const FIRST_WITH_RDMA: u32 = 0xefa1;

/// **Source**: sagemaker-training 5.1.4.
const WITH_EFA: [&str; 10] = [
    "ml.g4dn.8xlarge",
    "ml.g4dn.12xlarge",
    "ml.g5.48xlarge",
    "ml.p3dn.24xlarge",
    "ml.p4d.24xlarge",
    "ml.p4de.24xlarge",
    "ml.p5.48xlarge",
    "ml.p5e.48xlarge",
    "ml.trn1.32xlarge",
    "ml.p6e-gb200.36xlarge",
];

/// **Source**: sagemaker-training 5.1.4.
const WITH_RDMA: [&str; 6] = [
    "ml.p4d.24xlarge",
    "ml.p4de.24xlarge",
    "ml.p5.48xlarge",
    "ml.p5e.48xlarge",
    "ml.trn1.32xlarge",
    "ml.p6e-gb200.36xlarge",
];

impl Fabric {
    /// Looks below `root`, which is `/` but in tests, at the adapters that the kernel knows and the devices that this
    /// container has.
    pub fn of_machine(root: &Path, instance_type: &str) -> Self {
        let Some(classes) = names(&root.join("sys/class")) else {
            return Self::of_instance_type(instance_type, "`/sys/class` can't be read");
        };
        let has_device = names(&root.join("dev/infiniband"))
            .is_some_and(|names| names.iter().any(|name| name.starts_with("uverbs")));
        let adapters = root.join("sys/class/infiniband");
        let known = if classes.iter().any(|class| class == "infiniband") {
            names(&adapters).unwrap_or_default()
        } else {
            Vec::new()
        };
        if known.is_empty() && has_device {
            // The container has been given a device whose make the kernel does not tell here.
            let listed = Self::of_instance_type(instance_type, "");
            return Self {
                efa: true,
                rdma: listed.rdma,
                why: format!("`/dev/infiniband/uverbs*`, instance type `{instance_type}`"),
            };
        }
        let models: Vec<u32> = known
            .iter()
            .map(|name| adapters.join(name).join("device"))
            .filter(|device| number(&device.join("vendor")) == Some(AMAZON))
            .map(|device| number(&device.join("device")).unwrap_or_default())
            .collect();
        match (models.is_empty(), has_device) {
            (true, _) => Self::none("no adapter of Amazon in `/sys/class/infiniband`"),
            // The kernel shows the adapters of the whole machine, to containers that can't open them too.
            (false, false) => {
                Self::none("no `/dev/infiniband/uverbs*` for the adapters of this machine")
            }
            (false, true) => Self {
                efa: true,
                rdma: models.iter().all(|&model| model >= FIRST_WITH_RDMA),
                why: format!("{} in `/sys/class/infiniband`", counted(models.len())),
            },
        }
    }

    fn none(why: &str) -> Self {
        Self {
            efa: false,
            rdma: false,
            why: why.to_owned(),
        }
    }

    fn of_instance_type(instance_type: &str, because: &str) -> Self {
        Self {
            efa: WITH_EFA.contains(&instance_type),
            rdma: WITH_RDMA.contains(&instance_type),
            why: format!("instance type `{instance_type}`: {because}"),
        }
    }
}

/// What a folder holds; `None` where that can't be found out.
fn names(folder: &Path) -> Option<Vec<String>> {
    let entries = fs::read_dir(folder).ok()?;
    let names = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    Some(names.collect())
}

/// A number as the kernel writes it: `0x1d0f`.
fn number(file: &Path) -> Option<u32> {
    let text = fs::read_to_string(file).ok()?;
    u32::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok()
}

fn counted(n_adapters: usize) -> String {
    match n_adapters {
        1 => "1 adapter of Amazon".to_owned(),
        n => format!("{n} adapters of Amazon"),
    }
}
