//! A cluster as others see it: one JSON object, and rows for people.

use std::fmt;

use super::{Cluster, Learnt, Placement};
use crate::json::{Json, Object};

impl Cluster {
    /// All of it as one object.
    pub fn to_json(&self) -> Json {
        let groups = self.instance_groups.iter();
        let groups: Object = groups
            .map(|group| (group.name.clone(), group.hosts.iter().collect()))
            .collect();
        let engines = self.agreeing.iter().map(ToString::to_string);
        let members: [(&str, Json); 12] = [
            ("n_hosts", self.n_hosts.into()),
            ("hosts", self.hosts.iter().collect()),
            ("current_host", self.current_host.as_ref().into()),
            ("rank", self.rank.into()),
            ("master_address", (&self.master_address).into()),
            ("master_port", u32::from(self.master_port.get()).into()),
            ("processes_per_host", self.processes_per_host.into()),
            ("network_interface", self.network_interface.as_ref().into()),
            ("instance_groups", groups.into()),
            ("placement", self.placement.name().into()),
            ("learnt_from", (&*self.learnt_from.to_string()).into()),
            (
                "agreeing",
                engines.map(|engine| Json::from(&*engine)).collect(),
            ),
        ];
        let members = members.into_iter();
        Json::Object(members.map(|(name, value)| (name.into(), value)).collect())
    }

    /// What a person wants to know: names and values.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let or_unknown = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
        let hosts: Vec<_> = self.hosts.iter().map(ToString::to_string).collect();
        let counted = match self.n_hosts {
            n if hosts.is_empty() => format!("{n}, without names"),
            n => format!("{n}: {}", hosts.join(", ")),
        };
        let mut rows = vec![
            ("hosts", counted),
            (
                "current host",
                or_unknown(self.current_host.as_ref().map(ToString::to_string)),
            ),
            ("rank", self.rank_for_people()),
            ("master address", self.master_address.to_string()),
            ("master port", self.master_port.to_string()),
            ("processes a host", self.processes_per_host.to_string()),
            (
                "interface",
                or_unknown(self.network_interface.as_ref().map(ToString::to_string)),
            ),
        ];
        if let Placement::InsideARank { shown_by } = &self.placement {
            rows.push(("inside a rank", format!("shown by {shown_by}")));
        }
        rows.push(("learnt from", self.learnt_from.to_string()));
        let agreeing = self.agreeing.iter();
        rows.extend(agreeing.map(|learnt| ("the same says", learnt.to_string())));
        rows
    }

    fn rank_for_people(&self) -> String {
        match self.rank {
            Some(rank) => rank.to_string(),
            None => "none: this machine is none of the hosts".to_owned(),
        }
    }
}

impl Placement {
    /// Its name in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Outside => "outside",
            Self::InsideARank { .. } => "inside_a_rank",
        }
    }
}

impl fmt::Display for Learnt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.engine, self.origin)
    }
}
