//! Typed values out of the schedulers' variables, with what is wrong with them.
//!
//! An empty variable is like one that is not set, but for lists of hosts: an empty list is an error.

use std::{collections::HashSet, num::NonZeroU16};

use super::{
    MAX_HOSTS, MAX_PROCESSES,
    claim::Draft,
    engine::Engine,
    nodes::{self, is_host_name},
    problem::ClusterProblem,
};
use crate::{
    config::{ConfigError, ConfigErrorKind, Origin, parse_int},
    source::Source,
    text::Text,
    vars::{self, Variable},
};

/// Where the kernel tells the name of this machine.
const KERNEL_HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// A value, and where it came from.
#[derive(Clone, Debug)]
pub(super) struct Said<T> {
    pub(super) value: T,
    pub(super) origin: Origin,
}

/// Reads variables and notes what is wrong with them.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) problems: Vec<ConfigError>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a dyn Source) -> Self {
        Self {
            source,
            problems: Vec::new(),
        }
    }

    /// The one engine that is to be heard, if `OPTML_CLUSTER` names one.
    pub(super) fn chosen_engine(&mut self) -> Option<Engine> {
        let Said { value, origin } = self.text(vars::OPTML_CLUSTER)?;
        let found = Engine::WORDS.iter().find(|(word, _)| value == *word);
        if found.is_none() {
            let allowed = Engine::WORDS.iter().map(|(word, _)| *word).collect();
            self.problem(origin, ConfigErrorKind::NotOneOf { value, allowed });
        }
        found.map(|(_, engine)| *engine)
    }

    /// A claim of an engine, to be filled.
    pub(super) fn draft(&self, engine: Engine) -> Draft {
        Draft::new(engine, self.problems.len())
    }

    pub(super) fn is_set(&self, variable: Variable) -> bool {
        self.text(variable).is_some()
    }

    /// The text of a variable that is set to something.
    pub(super) fn text(&self, variable: Variable) -> Option<Said<Text>> {
        let value = self.source.var(variable.name)?;
        (!value.is_empty()).then(|| Said {
            value: Text::from_os(value),
            origin: Origin::variable(variable.name),
        })
    }

    /// The first of some variables that is set to something; the last of them if none is.
    pub(super) fn first_set<const N: usize>(&self, variables: [Variable; N]) -> Option<Variable> {
        variables
            .into_iter()
            .find(|&variable| self.is_set(variable))
    }

    /// How many hosts there are.
    pub(super) fn n_hosts(&mut self, variable: Variable) -> Option<Said<u32>> {
        self.number(variable, 1, MAX_HOSTS)
    }

    /// The number of a host or of a rank, from 0.
    pub(super) fn index(&mut self, variable: Variable) -> Option<Said<u32>> {
        self.number(variable, 0, u32::MAX - 1)
    }

    /// How many processes a host is to have; none for 0, which says that the host has no accelerators.
    pub(super) fn n_processes(&mut self, variable: Variable) -> Option<u32> {
        self.number(variable, 0, MAX_PROCESSES)
            .map(|said| said.value)
            .filter(|&n| n > 0)
    }

    pub(super) fn port(&mut self, variable: Variable) -> Option<NonZeroU16> {
        let port = self.number(variable, 1, u32::from(u16::MAX))?.value;
        u16::try_from(port).ok().and_then(NonZeroU16::new)
    }

    /// A whole number in a range.
    pub(super) fn number(&mut self, variable: Variable, min: u32, max: u32) -> Option<Said<u32>> {
        let value = self.source.var(variable.name)?;
        if value.is_empty() {
            return None;
        }
        let origin = Origin::variable(variable.name);
        let out_of_range = || ConfigErrorKind::OutOfRange {
            value: Text::from_os(value),
            min: min.into(),
            max: max.into(),
        };
        let number = parse_int(value).and_then(|n| {
            let number = u32::try_from(n).ok();
            number
                .filter(|n| (min..=max).contains(n))
                .ok_or_else(out_of_range)
        });
        match number {
            Ok(value) => Some(Said { value, origin }),
            Err(kind) => {
                self.problem(origin, kind);
                None
            }
        }
    }

    /// The name or address of one host.
    pub(super) fn host(&mut self, variable: Variable) -> Option<Text> {
        let Said { value, origin } = self.text(variable)?;
        self.checked_host(value, &origin)
    }

    /// A name or address, if a host can have it.
    pub(super) fn checked_host(&mut self, value: Text, origin: &Origin) -> Option<Text> {
        if value.as_str().is_some_and(is_host_name) {
            return Some(value);
        }
        self.refuse(origin.clone(), ClusterProblem::NotAHost { value });
        None
    }

    /// A list of hosts with white space or commas between them.
    pub(super) fn hosts(&mut self, variable: Variable) -> Option<Said<Vec<Text>>> {
        let value = Text::from_os(self.source.var(variable.name)?).to_string();
        let names = value
            .split(|c: char| c.is_whitespace() || c == ',')
            .filter(|name| !name.is_empty());
        self.checked_hosts(names, Origin::variable(variable.name))
    }

    /// A list of hosts in Slurm's short form.
    pub(super) fn node_list(&mut self, variable: Variable) -> Option<Said<Vec<Text>>> {
        let value = Text::from_os(self.source.var(variable.name)?).to_string();
        let origin = Origin::variable(variable.name);
        if value.is_empty() {
            self.problem(origin, ConfigErrorKind::Empty);
            return None;
        }
        match nodes::expand(&value) {
            Ok(names) => self.checked_hosts(names.iter().map(String::as_str), origin),
            Err(err) => {
                self.refuse(origin, ClusterProblem::NodeList(err));
                None
            }
        }
    }

    /// Hosts, if there is at least one, each can be a host, none is there twice, and they are not too many.
    pub(super) fn checked_hosts<'n>(
        &mut self,
        names: impl Iterator<Item = &'n str>,
        origin: Origin,
    ) -> Option<Said<Vec<Text>>> {
        let mut hosts = Vec::new();
        let mut seen = HashSet::new();
        for name in names {
            let host = self.checked_host(name.into(), &origin)?;
            if !seen.insert(name) {
                self.problem(origin, ConfigErrorKind::Repeated { host });
                return None;
            }
            if hosts.len() == MAX_HOSTS as usize {
                self.refuse(origin, ClusterProblem::TooManyHosts);
                return None;
            }
            hosts.push(host);
        }
        if hosts.is_empty() {
            self.problem(origin, ConfigErrorKind::Empty);
            return None;
        }
        Some(Said {
            value: hosts,
            origin,
        })
    }

    /// The name of this machine: the kernel's, else variable `HOSTNAME`.
    pub(super) fn own_name(&self) -> Option<Text> {
        let kernel = self.source.read(KERNEL_HOST_NAME.into()).ok();
        let kernel = kernel.and_then(|name| String::from_utf8(name).ok());
        let variable = self.text(vars::HOSTNAME).map(|said| said.value.to_string());
        let names = [kernel, variable].into_iter().flatten();
        names
            .map(|name| name.trim().to_owned())
            .find(|name| is_host_name(name))
            .map(Text::from)
    }

    /// Where this machine is in a list; names are compared up to their first point.
    pub(super) fn own_place(&self, hosts: &[Text]) -> Option<usize> {
        let own = self.own_name()?;
        hosts
            .iter()
            .position(|host| host_label(host) == host_label(&own))
    }

    pub(super) fn problem(&mut self, origin: Origin, kind: ConfigErrorKind) {
        self.problems.push(origin.error(kind));
    }

    pub(super) fn refuse(&mut self, origin: Origin, problem: ClusterProblem) {
        self.problem(origin, ConfigErrorKind::Cluster(problem));
    }
}

/// A name up to its first point; an address whole.
fn host_label(host: &Text) -> &[u8] {
    let bytes = host.as_bytes();
    let is_address = bytes
        .iter()
        .all(|byte| byte.is_ascii_digit() || b".:".contains(byte));
    if is_address {
        return bytes;
    }
    bytes.split(|&byte| byte == b'.').next().unwrap_or(bytes)
}
