//! The hosts of a job: `resourceconfig.json`.
//!
//! The file belongs to the platform: keys that we don't know are kept, and the whole of it is passed on.

use std::{cmp::Ordering, collections::HashSet};

use camino::{Utf8Path, Utf8PathBuf};

use crate::{
    cluster::Cluster,
    config::{ConfigError, ConfigErrorKind, Keys, Origin, load_object},
    json::{Json, Object},
    layout::Layout,
    source::Source,
    text::Text,
};

/// Who takes part in a job, and who we are.
///
/// **Shape**
/// ```json
/// {"current_host": "algo-1", "hosts": ["algo-1", "algo-2"], "current_instance_type": "ml.g5.xlarge",
///  "current_group_name": "g", "network_interface_name": "eth0",
///  "instance_groups": [{"instance_group_name": "g", "instance_type": "ml.g5.xlarge", "hosts": ["algo-2", "algo-1"]}],
///  "topology": [{"hostName": "algo-1", "capacityUnitId": "…"}]}
/// ```
/// **Source**: the SageMaker developer guide, and files of real jobs.
#[derive(Clone, Debug, PartialEq)]
pub struct Resources {
    path: Utf8PathBuf,
    object: Object,
    scheduler: Option<Origin>,
    hosts: Vec<Text>,
    current_host: Text,
    current_instance_type: Text,
    current_group_name: Text,
    network_interface_name: Text,
    instance_groups: Vec<InstanceGroup>,
}

/// Hosts of one instance type.
#[derive(Clone, Debug, PartialEq)]
pub struct InstanceGroup {
    /// Its name.
    pub name: Text,
    /// Its hosts, in the order of the file.
    pub hosts: Vec<Text>,
    /// The whole entry.
    pub object: Object,
}

impl Resources {
    /// Reads `resourceconfig.json`.
    ///
    /// # Errors
    /// The file cannot be read or is no JSON object, `hosts` or `current_host` is missing, or a key has another type.
    pub fn load(source: &dyn Source, layout: &Layout) -> Result<Self, Vec<ConfigError>> {
        let path = layout.resources_file();
        let object = load_object(source, &path).map_err(|err| vec![err])?;
        Self::parse(object, &path)
    }

    /// Reads what `resourceconfig.json` holds.
    ///
    /// # Errors
    /// `hosts` or `current_host` is missing, or a key has another type.
    pub fn parse(object: Object, path: &Utf8Path) -> Result<Self, Vec<ConfigError>> {
        let mut problems = Vec::new();
        let mut keys = Keys {
            path,
            pointer: String::new(),
            object: &object,
            problems: &mut problems,
        };
        let hosts = keys.texts("hosts");
        if object
            .get("hosts")
            .and_then(Json::as_array)
            .is_some_and(<[Json]>::is_empty)
        {
            keys.problem("hosts", ConfigErrorKind::Empty);
        }
        let current_host = keys.text("current_host");
        let current_instance_type = keys.text_or("current_instance_type", "local");
        let current_group_name = keys.text_or("current_group_name", "homogeneousCluster");
        let network_interface_name = keys.text_or("network_interface_name", "eth0");
        let instance_groups = groups(&mut keys);
        if keys.problems.is_empty() {
            check_hosts(&hosts, &current_host, &mut keys);
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            path: path.to_owned(),
            scheduler: None,
            hosts,
            current_host,
            current_instance_type,
            current_group_name,
            network_interface_name,
            instance_groups,
            object,
        })
    }

    /// What the file would say if the platform had started the hosts of `cluster`. `path`: where it would be.
    ///
    /// Hosts that a scheduler only counts are called `host-1` and so on, but for the first and the current one. A machine
    /// that is none of the hosts is alone.
    pub(crate) fn of_cluster(cluster: &Cluster, path: &Utf8Path) -> Result<Self, Vec<ConfigError>> {
        let current = cluster.current_host.clone();
        let current = current.unwrap_or_else(|| "localhost".into());
        let hosts: Vec<Text> = match cluster.rank {
            None => vec![current.clone()],
            Some(_) if !cluster.hosts.is_empty() => cluster.hosts.clone(),
            Some(own) => {
                let name = |rank: u32| match rank {
                    rank if rank == own => current.clone(),
                    0 => cluster.master_address.clone(),
                    rank => format!("host-{rank}").as_str().into(),
                };
                (0..cluster.n_hosts).map(name).collect()
            }
        };
        let own = cluster.rank.and_then(|rank| hosts.get(rank as usize));
        let mut members: Vec<(Text, Json)> = vec![
            ("current_host".into(), own.unwrap_or(&current).into()),
            ("hosts".into(), hosts.iter().collect()),
        ];
        if let Some(interface) = &cluster.network_interface {
            members.push(("network_interface_name".into(), interface.into()));
        }
        let resources = Self::parse(members.into_iter().collect(), path)?;
        Ok(Self {
            scheduler: Some(cluster.learnt_from.origin.clone()),
            ..resources
        })
    }

    /// True if the platform has left the file; else a scheduler has started the hosts.
    pub fn is_of_platform(&self) -> bool {
        self.scheduler.is_none()
    }

    /// The whole file.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// The hosts of the job, in the order of the file; at least one.
    pub fn hosts(&self) -> &[Text] {
        &self.hosts
    }

    /// Our own name.
    pub fn current_host(&self) -> &Text {
        &self.current_host
    }

    /// The type of this machine; `local` if the file does not say.
    pub fn current_instance_type(&self) -> &Text {
        &self.current_instance_type
    }

    /// The group of this machine; `homogeneousCluster` if the file does not say.
    pub fn current_group_name(&self) -> &Text {
        &self.current_group_name
    }

    /// The network interface between the hosts; `eth0` if the file does not say.
    pub fn network_interface_name(&self) -> &Text {
        &self.network_interface_name
    }

    /// The groups, in the order of the file; none on old platforms and in local modes.
    pub fn instance_groups(&self) -> &[InstanceGroup] {
        &self.instance_groups
    }

    /// The hosts of our own group, in the order of the file.
    pub fn current_group_hosts(&self) -> &[Text] {
        let own = self
            .instance_groups
            .iter()
            .find(|group| group.name == self.current_group_name);
        own.map_or(&[], |group| &group.hosts)
    }

    /// Which hosts share an `UltraServer`, as the file has it; an empty array if it does not say.
    pub fn topology(&self) -> Json {
        self.object
            .get("topology")
            .cloned()
            .unwrap_or(Json::Array(Vec::new()))
    }

    /// The hosts by rank: the master, then the rest by name, where numbers count as numbers (`algo-2`, `algo-10`).
    pub fn ranked(&self, master: &Text) -> Vec<&Text> {
        rank(self.hosts.iter().collect(), master)
    }

    /// Our own rank.
    pub fn current_rank(&self, master: &Text) -> usize {
        self.ranked(master)
            .iter()
            .position(|host| **host == self.current_host)
            .expect("a file whose list lacks the current host is not loaded")
    }

    /// Where the value of a key came from.
    pub fn origin(&self, key: &str) -> Origin {
        match &self.scheduler {
            _ if self.object.get(key).is_none() => Origin::Default,
            Some(scheduler) => scheduler.clone(),
            None => Origin::key(&self.path, key),
        }
    }
}

/// Hosts by rank: the master, then the rest by name and number.
pub(crate) fn rank<'a>(mut hosts: Vec<&'a Text>, master: &Text) -> Vec<&'a Text> {
    hosts.sort_by(|a, b| {
        (*b == master)
            .cmp(&(*a == master))
            .then_with(|| by_number(a, b))
    });
    hosts
}

/// A host that is not in the list has no rank, and one that is there twice has two. The reference takes both.
fn check_hosts(hosts: &[Text], current_host: &Text, keys: &mut Keys<'_>) {
    if !hosts.contains(current_host) {
        let host = current_host.clone();
        keys.problem("current_host", ConfigErrorKind::NotAHost { host });
    }
    let mut seen = HashSet::new();
    if let Some(host) = hosts.iter().find(|host| !seen.insert(*host)) {
        let host = host.clone();
        keys.problem("hosts", ConfigErrorKind::Repeated { host });
    }
}

fn groups(keys: &mut Keys<'_>) -> Vec<InstanceGroup> {
    let Some(value) = keys.object.get("instance_groups") else {
        return Vec::new();
    };
    let Some(entries) = value.as_array() else {
        keys.problem(
            "instance_groups",
            ConfigErrorKind::wrong_type("an array", value),
        );
        return Vec::new();
    };
    let mut groups = Vec::with_capacity(entries.len());
    for (i, entry) in entries.iter().enumerate() {
        let Some(object) = entry.as_object() else {
            keys.problem(
                &format!("instance_groups/{i}"),
                ConfigErrorKind::wrong_type("an object", entry),
            );
            continue;
        };
        let pointer = format!("/instance_groups/{i}");
        let mut group = Keys {
            path: keys.path,
            pointer,
            object,
            problems: &mut *keys.problems,
        };
        let name = group.text("instance_group_name");
        groups.push(InstanceGroup {
            name,
            hosts: group.texts("hosts"),
            object: object.clone(),
        });
    }
    groups
}

/// Orders names that end in a number by that number.
fn by_number(a: &Text, b: &Text) -> Ordering {
    let ((a_stem, a_number), (b_stem, b_number)) = (split_number(a), split_number(b));
    // Without leading zeros the longer number is the larger one.
    a_stem
        .cmp(b_stem)
        .then(a_number.len().cmp(&b_number.len()))
        .then_with(|| a_number.cmp(b_number))
        .then_with(|| a.cmp(b))
}

fn split_number(name: &Text) -> (&[u8], &[u8]) {
    let bytes = name.as_bytes();
    let n_digits = bytes
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (stem, digits) = bytes.split_at(bytes.len() - n_digits);
    let n_zeros = digits.iter().take_while(|&&byte| byte == b'0').count();
    (stem, &digits[n_zeros..])
}

#[cfg(test)]
mod tests;
