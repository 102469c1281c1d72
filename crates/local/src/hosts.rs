//! The hosts of a run: what they are called, and where.

use std::{fmt::Write as _, net::Ipv4Addr};

use camino::Utf8Path;

/// One host of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Counted from 1.
    pub number: u8,
    /// `algo-1`, `algo-2`, …: its folder, and what its lines are marked with.
    pub label: String,
    /// What the others call it: its label, or an address where names can't be made.
    pub name: String,
}

/// All hosts of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    all: Vec<Host>,
    network_interface: &'static str,
}

impl Hosts {
    /// The only one, on the machine's own network.
    pub fn one() -> Self {
        Self {
            network_interface: network_interface(Utf8Path::new("/sys/class/net")),
            ..Self::named(1)
        }
    }

    /// Each in a network namespace, where it has a name.
    pub fn named(n_hosts: u8) -> Self {
        let host = |number| Host {
            number,
            label: label(number),
            name: label(number),
        };
        Self {
            all: (1..=n_hosts).map(host).collect(),
            network_interface: "eth0",
        }
    }

    /// Each with an address of the loopback interface, which is its name.
    pub fn on_loopback(n_hosts: u8) -> Self {
        let host = |number| Host {
            number,
            label: label(number),
            // The network 127.0.0 is left to what else runs on the machine.
            name: Ipv4Addr::new(127, 0, 1, number).to_string(),
        };
        Self {
            all: (1..=n_hosts).map(host).collect(),
            network_interface: "lo",
        }
    }

    /// In the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Host> {
        self.all.iter()
    }

    /// How many there are; at least one.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// The interface on which they reach each other.
    pub fn network_interface(&self) -> &'static str {
        self.network_interface
    }

    /// Their names as the platform sorts them: as text, so that `algo-10` comes before `algo-2`.
    pub fn sorted_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.all.iter().map(|host| host.name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The `/etc/hosts` of hosts that have names.
    pub fn to_hosts_file(&self) -> String {
        let mut text = "127.0.0.1 localhost\n::1 localhost\n".to_owned();
        for host in &self.all {
            let _ = writeln!(text, "{} {}", address(host.number), host.name); // A String takes everything.
        }
        text
    }
}

/// The address of a host in a network namespace. Nothing outside is reached from there, so it can be anybody's.
pub(crate) fn address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, number)
}

/// `algo-2`, as the platform calls its hosts.
pub(crate) fn label(number: u8) -> String {
    format!("algo-{number}")
}

/// The platform's own name where such an interface exists; it must exist, because scripts hand it to gloo and NCCL.
fn network_interface(interfaces: &Utf8Path) -> &'static str {
    if interfaces.join("eth0").exists() {
        "eth0"
    } else {
        "lo"
    }
}

#[cfg(test)]
mod tests;
