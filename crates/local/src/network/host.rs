//! The process that becomes a host: into the namespaces, and then another program.

use std::{
    ffi::OsString,
    os::fd::{AsFd, AsRawFd},
    path::{Path, PathBuf},
};

use optml_contract::{Source, layout};
use optml_supervise::{Command, Namespace, OnlyThread, SpawnError, replace_process};

use super::{
    HOSTS_FILE, KernelRefused, NETWORK_VAR, USERS_VAR, Wanted, has_base_dir,
    hub::{BRIDGE, descriptor},
    netlink::{self, Pair, Socket},
};
use crate::hosts::{address, label};

/// What a host is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostWords {
    /// Counted from 1.
    pub number: u8,
    /// The file that is to be its `/etc/hosts`.
    pub hosts_file: PathBuf,
    /// The folder that is to be its `/opt/ml`, where there is one.
    pub tree: PathBuf,
    /// The words of our own binary that it is to run.
    pub command: Vec<OsString>,
}

/// Why a host does not run.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// What was possible in the rehearsal is refused.
    #[error(transparent)]
    Refused(#[from] KernelRefused),
    /// The binary itself is not to be had.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
}

/// Enters the namespaces and becomes the command. Returns only when that failed.
pub fn run(source: &dyn Source, exe: &Path, words: &HostWords) -> HostError {
    if let Err(refused) = enter(source, words) {
        return refused.into();
    }
    let mut command = Command::new(exe);
    command.arguments.clone_from(&words.command);
    command.environment = source
        .vars()
        .filter(|(name, _)| *name != NETWORK_VAR && *name != USERS_VAR)
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    replace_process(command).into()
}

fn enter(source: &dyn Source, words: &HostWords) -> Result<(), KernelRefused> {
    let parent = rustix::process::getppid();
    let thread = OnlyThread::prove().map_err(Wanted::SingleThread.refused())?;
    if let Some(number) = source.var(USERS_VAR) {
        descriptor(Some(number))
            .and_then(|users| thread.join(Namespace::User, users.as_fd()))
            .map_err(Wanted::UserNamespace.refused())?;
    }
    descriptor(source.var(NETWORK_VAR))
        .and_then(|network| thread.join(Namespace::Network, network.as_fd()))
        .map_err(Wanted::Namespaces.refused())?;
    let hub = Socket::open().map_err(Wanted::Link.refused())?;
    let place = Place {
        number: words.number,
        hosts_file: &words.hosts_file,
        tree: has_base_dir().then_some(&words.tree),
    };
    settle(&thread, &hub, &place)?;
    thread
        .die_with(parent)
        .map_err(Wanted::DeathSignal.refused())
}

/// The number of the link in a host: beyond what a kernel makes in a new namespace by itself.
const ETH0: u32 = 1000;

/// What a host is to have.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) number: u8,
    pub(super) hosts_file: &'a Path,
    pub(super) tree: Option<&'a Path>,
}

/// Makes namespaces of this process's own, and in them all that a host has. `hub` asks about the hub's namespace.
pub(super) fn settle(
    thread: &OnlyThread,
    hub: &Socket,
    place: &Place<'_>,
) -> Result<(), KernelRefused> {
    let name = label(place.number);
    thread
        .own(&[Namespace::Network, Namespace::HostName, Namespace::Mount])
        .map_err(Wanted::Namespaces.refused())?;
    let own = thread
        .handle(Namespace::Network)
        .map_err(Wanted::Link.refused())?;
    // The end in the hub goes when this end does, which is with the namespace.
    hub.ask(&netlink::pair(&Pair {
        name: &name,
        index: BRIDGE + u32::from(place.number),
        bridge: BRIDGE,
        peer_name: "eth0",
        peer_index: ETH0,
        peer_namespace: own.as_raw_fd(),
    }))
    .map_err(Wanted::Link.refused())?;
    let socket = Socket::open().map_err(Wanted::Address.refused())?;
    socket
        .ask(&netlink::up(netlink::LOOPBACK))
        .and_then(|()| socket.ask(&netlink::address(ETH0, address(place.number))))
        .and_then(|()| socket.ask(&netlink::up(ETH0)))
        .map_err(Wanted::Address.refused())?;
    thread
        .name_host(&name)
        .map_err(Wanted::HostName.refused())?;
    thread.own_mounts().map_err(Wanted::OwnMounts.refused())?;
    thread
        .bind(place.hosts_file, Path::new(HOSTS_FILE))
        .map_err(Wanted::HostsFile.refused())?;
    if let Some(tree) = place.tree {
        thread
            .bind(tree, Path::new(layout::BASE_DIR))
            .map_err(Wanted::Tree.refused())?;
    }
    Ok(())
}
