//! What `optml local` alone reads: a container's `train` is not to fail over it.

use super::Reader;
use crate::{config::ConfigError, source::Source, vars};

/// How a run is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalOptions {
    /// How many hosts there are: 1 to 64.
    pub n_hosts: u8,
    /// Where they are, when there are several.
    pub network: LocalNetwork,
}

/// Where several hosts of a run are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LocalNetwork {
    /// In namespaces where the kernel allows them, else on loopback addresses.
    #[default]
    Auto,
    /// In namespaces, or not at all.
    Namespaces,
    /// On loopback addresses.
    Loopback,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            n_hosts: 1,
            network: LocalNetwork::default(),
        }
    }
}

impl LocalOptions {
    /// Reads both variables. A bad one keeps its default and is reported.
    pub fn read(source: &dyn Source) -> (Self, Vec<ConfigError>) {
        // More than anybody's laptop holds, and as many as one network of them has room for.
        const MAX_HOSTS: u8 = 64;
        let mut problems = Vec::new();
        let mut read = Reader {
            source,
            problems: &mut problems,
        };
        let n_hosts = read
            .whole(&vars::OPTML_LOCAL_HOSTS, 1..=u64::from(MAX_HOSTS))
            .and_then(|number| u8::try_from(number).ok());
        let network = read.word(
            &vars::OPTML_LOCAL_NETWORK,
            &[
                ("auto", LocalNetwork::Auto),
                ("namespaces", LocalNetwork::Namespaces),
                ("loopback", LocalNetwork::Loopback),
            ],
        );
        let options = Self {
            n_hosts: n_hosts.unwrap_or(Self::default().n_hosts),
            network,
        };
        (options, problems)
    }
}

#[cfg(test)]
mod tests;
