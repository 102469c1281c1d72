//! Where `serve` listens.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{
    given::Given,
    problem::ServingProblem,
    reader::{Number, Reader},
};
use crate::{config::Origin, layout::BASE_DIR, vars};

/// How we were started: what tells a container from somebody's own machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// We are process 1.
    pub is_pid_1: bool,
    /// The name that we were called by is `serve`.
    pub called_serve: bool,
    /// There is an `/opt/ml`.
    pub has_opt_ml: bool,
}

/// The address of `/ping` and `/invocations`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// The interface. Its origin says by which rule.
    pub host: Given<IpAddr>,
    /// The port; 0 is any that is free.
    pub port: Given<u16>,
}

impl Circumstances {
    /// Something else than a person at a terminal has started us.
    pub fn is_container(self) -> bool {
        self.is_pid_1 || self.called_serve || self.has_opt_ml
    }
}

impl Bind {
    /// The address to listen at.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host.value, self.port.value)
    }

    pub(super) fn read(reader: &mut Reader<'_>, circumstances: Circumstances) -> Self {
        let numbers = [vars::OPTML_PORT, vars::SAGEMAKER_BIND_TO_PORT]
            .map(|variable| Number::new(variable, 0..=u64::from(u16::MAX)));
        let port = reader.number(&numbers).map(|port| port.map(to_port));
        Self {
            host: host(reader, circumstances),
            port: Given::or(port, 8080),
        }
    }
}

pub(super) fn to_port(number: u64) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// Every interface where the platform, or whoever asks for it, must reach us; else this machine alone.
fn host(reader: &mut Reader<'_>, circumstances: Circumstances) -> Given<IpAddr> {
    let named = reader.parse(vars::OPTML_HOST, |raw| {
        let text = raw.to_string_lossy();
        let problem = |_| ServingProblem::NotAnAddress {
            value: text.trim().to_owned(),
        };
        text.trim().parse().map_err(problem)
    });
    if let Some(host) = named {
        return host;
    }
    let derived = |why: &str| Some(Origin::Derived(why.to_owned()));
    let outside = if circumstances.is_pid_1 {
        derived("we are process 1")
    } else if circumstances.called_serve {
        derived("we are called `serve`")
    } else if circumstances.has_opt_ml {
        derived(&format!("`{BASE_DIR}` exists"))
    } else if reader.is_set(vars::SAGEMAKER_BIND_TO_PORT) {
        Some(Origin::variable(vars::SAGEMAKER_BIND_TO_PORT.name))
    } else {
        None
    };
    match outside {
        Some(origin) => Given::new(Ipv4Addr::UNSPECIFIED.into(), origin),
        None => Given::default(Ipv4Addr::LOCALHOST.into()),
    }
}
