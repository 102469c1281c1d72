//! How the hosts of a run reach each other: in network namespaces, or on addresses of the loopback interface.
//!
//! # Theory of operation
//!
//! Namespaces are asked for by doing it, because nothing else tells whether a kernel gives them. A process of its own
//! ([`hub`]) makes a network namespace with a bridge in it, and, where this user has no right to that, a user namespace
//! around both. Then it does all that a host does, as a rehearsal. If that went well it hands over descriptors of its
//! namespaces and ends: as long as somebody holds them they live on, and no process needs to.
//!
//! Each host is a process that joins those namespaces, makes a network namespace of its own, a pair of links between the
//! two, a host name and an `/etc/hosts` ([`host`]), and then becomes `optml train`. It is our child as any other: signals,
//! exit code and death with its parent are the usual ones. When the last descriptor and the last host are gone, so are
//! links, mounts and namespaces. The machine's own network is never touched.
//!
//! Both processes do this before they have a second thread.

use std::{
    fmt,
    io::{self, IoSliceMut},
    mem::MaybeUninit,
    os::fd::OwnedFd,
    path::Path,
    time::Duration,
};

use camino::Utf8Path;
use optml_contract::{layout, options::LocalNetwork};
use optml_supervise::{Command, Supervisor};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
    recvmsg, socketpair,
};

use crate::hosts::{Host, Hosts};

pub mod host;
pub mod hub;

mod netlink;

/// Where the hosts of a run are.
#[derive(Debug)]
pub enum Network {
    /// Each in namespaces of its own.
    Namespaces(Hub),
    /// On the loopback interface of this machine; with the reason, if namespaces would have been preferred.
    Loopback(Option<NetworkRefused>),
}

/// The namespaces where the hosts' links meet.
#[derive(Debug)]
pub struct Hub {
    network: OwnedFd,
    /// If there had to be one.
    users: Option<OwnedFd>,
}

/// Hosts cannot be in namespaces here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("put hosts in network namespaces: {because}")]
pub struct NetworkRefused {
    /// Why.
    pub because: String,
}

/// A step to namespaces that the kernel refuses.
#[derive(Debug, thiserror::Error)]
#[error("the kernel refuses {wanted} ({})", reason(.source))]
pub struct KernelRefused {
    /// What it refuses.
    pub wanted: Wanted,
    /// How it says so.
    pub source: io::Error,
}

/// What the kernel may refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the messages say what the variants are")]
pub enum Wanted {
    SingleThread,
    UserNamespace,
    Namespaces,
    Bridge,
    Link,
    Address,
    HostName,
    OwnMounts,
    HostsFile,
    Tree,
    Handover,
    DeathSignal,
}

/// Decides where the hosts will be, by trying.
///
/// # Errors
/// They are to be in namespaces, and the kernel refuses.
pub fn choose(
    wanted: LocalNetwork,
    supervisor: &Supervisor,
    exe: &Path,
) -> Result<Network, NetworkRefused> {
    if wanted == LocalNetwork::Loopback {
        return Ok(Network::Loopback(None));
    }
    match (Hub::make(supervisor, exe), wanted) {
        (Ok(hub), _) => Ok(Network::Namespaces(hub)),
        (Err(refused), LocalNetwork::Namespaces) => Err(refused),
        (Err(refused), _) => Ok(Network::Loopback(Some(refused))),
    }
}

impl Network {
    /// The hosts, as they are called there.
    pub fn hosts(&self, n_hosts: u8) -> Hosts {
        match self {
            Self::Namespaces(_) => Hosts::named(n_hosts),
            Self::Loopback(_) => Hosts::on_loopback(n_hosts),
        }
    }

    /// Where the hosts are, in words.
    pub fn text(&self) -> String {
        match self {
            Self::Namespaces(_) => "in network namespaces (no way to the outside)".to_owned(),
            Self::Loopback(None) => "on loopback addresses".to_owned(),
            Self::Loopback(Some(refused)) => {
                format!("on loopback addresses: {}", refused.because)
            }
        }
    }

    /// What to do when that is not what is wanted.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Namespaces(_) => Some(
                "a script that needs a package index or a store: `--host-network loopback`"
                    .to_owned(),
            ),
            Self::Loopback(_) => None,
        }
    }

    /// Whether the tree of each host is also at `/opt/ml`.
    pub fn shows_tree(&self) -> bool {
        matches!(self, Self::Namespaces(_)) && has_base_dir()
    }
}

impl NetworkRefused {
    /// What to do about it.
    pub fn hint(&self) -> String {
        "allow user namespaces (sysctl `user.max_user_namespaces`, `kernel.apparmor_restrict_unprivileged_userns`), be root, or use \
         `--host-network loopback`"
            .to_owned()
    }
}

impl Hub {
    fn make(supervisor: &Supervisor, exe: &Path) -> Result<Self, NetworkRefused> {
        // Making namespaces takes milliseconds; a machine under load takes longer.
        const LIMIT: Duration = Duration::from_secs(10);
        let refused = |because: String| NetworkRefused { because };
        let (here, there) = socketpair(
            AddressFamily::UNIX,
            SocketType::DGRAM,
            SocketFlags::CLOEXEC,
            None,
        )
        .map_err(|error| refused(error.to_string()))?;
        let mut command = Command::new(exe);
        command.arguments = ["local", "hub"].map(Into::into).to_vec();
        command.descriptors = vec![(SOCKET_VAR.into(), there)];
        let captured = supervisor
            .capture(command, LIMIT)
            .map_err(|error| refused(error.to_string()))?;
        if captured.ended.is_success() {
            return received(&here).map_err(|error| refused(error.to_string()));
        }
        let said = String::from_utf8_lossy(&captured.stdout);
        Err(refused(match said.trim() {
            "" => format!("making them ended with {}", captured.ended),
            said => said.to_owned(),
        }))
    }

    /// Has a command run as a host. `hosts_file` and `tree` become its `/etc/hosts` and, where there is one, its `/opt/ml`.
    ///
    /// # Errors
    /// No more descriptors are to be had.
    pub fn place(
        &self,
        mut command: Command,
        host: &Host,
        hosts_file: &Utf8Path,
        tree: &Utf8Path,
    ) -> io::Result<Command> {
        let mut words = vec!["local".into(), "host".into(), "--number".into()];
        words.push(host.number.to_string().into());
        words.push("--hosts-file".into());
        words.push(hosts_file.into());
        words.push("--tree".into());
        words.push(tree.into());
        words.push("--".into());
        words.append(&mut command.arguments);
        command.arguments = words;
        let mut descriptors = vec![(NETWORK_VAR.into(), self.network.try_clone()?)];
        if let Some(users) = &self.users {
            descriptors.push((USERS_VAR.into(), users.try_clone()?));
        }
        command.descriptors = descriptors;
        Ok(command)
    }
}

/// The descriptors that [`hub`] has sent: that of the network, and that of the users if it needed one.
fn received(socket: &OwnedFd) -> io::Result<Hub> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut byte)],
        &mut ancillary,
        flags,
    )?;
    let mut descriptors = ancillary
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
            _ => None,
        })
        .flatten();
    let network = descriptors.next().ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(Hub {
        network,
        users: descriptors.next(),
    })
}

impl Wanted {
    /// For `map_err`: what was wanted when the kernel refused.
    fn refused(self) -> impl FnOnce(io::Error) -> KernelRefused {
        move |source| KernelRefused {
            wanted: self,
            source,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SingleThread => "a process of one thread",
            Self::UserNamespace => "user namespaces",
            Self::Namespaces => "network namespaces",
            Self::Bridge => "a bridge between network namespaces",
            Self::Link => "a link between network namespaces",
            Self::Address => "an address in a network namespace",
            Self::HostName => "a host name in a namespace",
            Self::OwnMounts => "mounts in a namespace",
            Self::HostsFile => "a mount at `/etc/hosts`",
            Self::Tree => "a mount at `/opt/ml`",
            Self::Handover => "descriptors of namespaces",
            Self::DeathSignal => "to end a host with its parent",
        })
    }
}

/// The words of an error, without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        // The kernel has one number for a limit and for a full disk.
        Some(_) if error.kind() == io::ErrorKind::StorageFull => {
            "a limit on namespaces is reached, see `user.max_*_namespaces`".to_owned()
        }
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

/// Whether there is a folder at `/opt/ml` that a tree can be shown in. None is made: that would stay.
fn has_base_dir() -> bool {
    Path::new(layout::BASE_DIR).is_dir()
}

/// What hosts name their own addresses with.
const HOSTS_FILE: &str = "/etc/hosts";

/// The variable with the number of the socket that the hub answers on.
const SOCKET_VAR: &str = "OPTML_LOCAL_SOCKET_FD";
/// The variable with the number of the hub's network namespace.
const NETWORK_VAR: &str = "OPTML_LOCAL_NETWORK_FD";
/// The variable with the number of the hub's user namespace.
const USERS_VAR: &str = "OPTML_LOCAL_USERS_FD";

#[cfg(test)]
mod tests;
