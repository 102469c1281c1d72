//! The process that makes the namespaces where the hosts' links meet, finds out whether hosts can be there, and ends.

use std::{
    ffi::OsStr,
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::fd::{AsFd, OwnedFd},
    path::Path,
};

use camino::Utf8Path;
use optml_contract::{Source, layout};
use optml_supervise::{Namespace, OnlyThread, inherited};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::{
    HOSTS_FILE, KernelRefused, SOCKET_VAR, Wanted, has_base_dir,
    host::{Place, settle},
    netlink::{self, Socket},
};

/// The number of the bridge: beyond what a kernel makes in a new namespace by itself.
pub(super) const BRIDGE: u32 = 1000;

/// No host has it: the rehearsal is over before the first begins.
const REHEARSAL: u8 = 254;

/// Makes the namespaces, rehearses a host, and sends the namespaces' descriptors to whoever started this process.
///
/// # Errors
/// What the kernel refuses, of what it refused last.
pub fn run(source: &dyn Source) -> Result<(), KernelRefused> {
    let thread = OnlyThread::prove().map_err(Wanted::SingleThread.refused())?;
    let socket = descriptor(source.var(SOCKET_VAR)).map_err(Wanted::Handover.refused())?;
    // Without a user namespace first: root inside has all of its rights, and groups and owners of files are what they are.
    let (network, users) = if let Ok(network) = make(&thread) {
        (network, None)
    } else {
        thread
            .own_users()
            .map_err(Wanted::UserNamespace.refused())?;
        let users = thread
            .handle(Namespace::User)
            .map_err(Wanted::Handover.refused())?;
        (make(&thread)?, Some(users))
    };
    send(&socket, &network, users.as_ref()).map_err(Wanted::Handover.refused())
}

/// The descriptor that a variable names.
pub(super) fn descriptor(value: Option<&OsStr>) -> io::Result<OwnedFd> {
    let number = value
        .and_then(OsStr::to_str)
        .and_then(|text| text.parse().ok());
    inherited(number.ok_or(io::ErrorKind::InvalidInput)?)
}

/// A network namespace with a bridge, in which a host has been.
fn make(thread: &OnlyThread) -> Result<OwnedFd, KernelRefused> {
    thread
        .own(&[Namespace::Network])
        .map_err(Wanted::Namespaces.refused())?;
    let network = thread
        .handle(Namespace::Network)
        .map_err(Wanted::Handover.refused())?;
    let hub = Socket::open().map_err(Wanted::Bridge.refused())?;
    hub.ask(&netlink::bridge("hub", BRIDGE))
        .map_err(Wanted::Bridge.refused())?;
    // What is there already is shown in its own place.
    let place = Place {
        number: REHEARSAL,
        hosts_file: Path::new(HOSTS_FILE),
        tree: has_base_dir().then(|| Utf8Path::new(layout::BASE_DIR).as_std_path()),
    };
    settle(thread, &hub, &place)?;
    Ok(network)
}

fn send(socket: &OwnedFd, network: &OwnedFd, users: Option<&OwnedFd>) -> io::Result<()> {
    let descriptors: Vec<_> = std::iter::once(network)
        .chain(users)
        .map(AsFd::as_fd)
        .collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    assert!(
        ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)),
        "there is space for two"
    );
    let byte = [IoSlice::new(&[0])];
    sendmsg(socket, &byte, &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}
