//! The few messages that make links between network namespaces, and the socket that carries them to the kernel.
//!
//! A message is built whole and sent whole; the kernel answers each before the next. Numbers are in the machine's own
//! order, names end with a NUL, and everything is filled up to four bytes.
//!
//! **Source**: rtnetlink(7), netlink(7), and `linux/rtnetlink.h`, `linux/if_link.h`, `linux/veth.h`.

use std::{
    io,
    net::Ipv4Addr,
    os::fd::{OwnedFd, RawFd},
};

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with,
};

/// The loopback interface: the kernel makes it first in every namespace.
pub(super) const LOOPBACK: u32 = 1;

/// A pair of links: what goes into one comes out of the other, which is in another namespace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<'a> {
    /// The name of the one here.
    pub(super) name: &'a str,
    /// Its number here.
    pub(super) index: u32,
    /// The number of the bridge that it is plugged into.
    pub(super) bridge: u32,
    /// The name of the one there.
    pub(super) peer_name: &'a str,
    /// Its number there.
    pub(super) peer_index: u32,
    /// The namespace where it is: a descriptor of this process.
    pub(super) peer_namespace: RawFd,
}

/// Makes a bridge, which is up at once.
pub(super) fn bridge(name: &str, index: u32) -> Vec<u8> {
    let mut message = Message::new(NEW_LINK, CREATE | EXCLUSIVE, &link(index, UP));
    message.text(ATTRIBUTE_NAME, name);
    message.nested(ATTRIBUTE_KIND_AND_DATA, |kind| {
        kind.attribute(ATTRIBUTE_KIND, b"bridge");
    });
    message.finish()
}

/// Makes a pair of links. The one here is up at once.
pub(super) fn pair(pair: &Pair<'_>) -> Vec<u8> {
    let mut message = Message::new(NEW_LINK, CREATE | EXCLUSIVE, &link(pair.index, UP));
    message.text(ATTRIBUTE_NAME, pair.name);
    message.attribute(ATTRIBUTE_BRIDGE, &pair.bridge.to_ne_bytes());
    message.nested(ATTRIBUTE_KIND_AND_DATA, |kind| {
        kind.attribute(ATTRIBUTE_KIND, b"veth");
        kind.nested(ATTRIBUTE_DATA, |data| {
            data.nested(ATTRIBUTE_PEER, |peer| {
                // A kernel cannot set it up before both are there.
                peer.0.extend_from_slice(&link(pair.peer_index, 0));
                peer.text(ATTRIBUTE_NAME, pair.peer_name);
                peer.attribute(ATTRIBUTE_NAMESPACE, &pair.peer_namespace.to_ne_bytes());
            });
        });
    });
    message.finish()
}

/// Sets a link up.
pub(super) fn up(index: u32) -> Vec<u8> {
    Message::new(NEW_LINK, 0, &link(index, UP)).finish()
}

/// Gives a link an address, in a network of 254.
pub(super) fn address(index: u32, address: Ipv4Addr) -> Vec<u8> {
    const PREFIX_BITS: u8 = 24;
    let mut body = vec![INET, PREFIX_BITS, 0, 0];
    body.extend_from_slice(&index.to_ne_bytes());
    let mut message = Message::new(NEW_ADDRESS, CREATE | EXCLUSIVE, &body);
    message.attribute(ATTRIBUTE_LOCAL, &address.octets());
    message.attribute(ATTRIBUTE_ADDRESS, &address.octets());
    message.finish()
}

/// A socket that asks the kernel about one network namespace: the one in which it was opened.
#[derive(Debug)]
pub(super) struct Socket(OwnedFd);

impl Socket {
    pub(super) fn open() -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        Ok(Self(socket))
    }

    /// Has the kernel do what a message says.
    pub(super) fn ask(&self, message: &[u8]) -> io::Result<()> {
        // The answer to a message that is refused holds that message again.
        let mut buffer = vec![0; message.len() + 256];
        send(&self.0, message, SendFlags::empty())?;
        let (n_bytes, _) = recv(&self.0, &mut *buffer, RecvFlags::empty())?;
        answer(&buffer[..n_bytes])
    }
}

/// What an answer says: a number, 0 or the negative of an error.
fn answer(bytes: &[u8]) -> io::Result<()> {
    let kind = bytes.get(4..6).and_then(|kind| kind.try_into().ok());
    let code = bytes.get(16..20).and_then(|code| code.try_into().ok());
    match (kind.map(u16::from_ne_bytes), code.map(i32::from_ne_bytes)) {
        (Some(ANSWER), Some(0)) => Ok(()),
        (Some(ANSWER), Some(code)) => Err(io::Error::from_raw_os_error(code.wrapping_neg())),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// A link that is to have these flags, and nothing else about it.
fn link(index: u32, flags: u32) -> [u8; 16] {
    let mut body = [0; 16];
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    body[8..12].copy_from_slice(&flags.to_ne_bytes());
    // Which of the flags count.
    body[12..16].copy_from_slice(&flags.to_ne_bytes());
    body
}

/// A message in the making: its length is known at the end.
#[derive(Debug)]
struct Message(Vec<u8>);

impl Message {
    fn new(kind: u16, flags: u16, body: &[u8]) -> Self {
        let mut bytes = vec![0; 4];
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&(flags | REQUEST | ACKNOWLEDGE).to_ne_bytes());
        // A number of the message and of the sender: there is one of each.
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(body);
        Self(bytes)
    }

    fn text(&mut self, kind: u16, text: &str) {
        self.attribute(kind, &[text.as_bytes(), &[0]].concat());
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.nested(kind, |attribute| attribute.0.extend_from_slice(value));
    }

    fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.0.extend_from_slice(&[0; 2]);
        self.0.extend_from_slice(&kind.to_ne_bytes());
        fill(self);
        let n_bytes = u16::try_from(self.0.len() - start).expect("a few short names");
        self.0[start..start + 2].copy_from_slice(&n_bytes.to_ne_bytes());
        // The length is without what fills up.
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    fn finish(mut self) -> Vec<u8> {
        let n_bytes = u32::try_from(self.0.len()).expect("a few short names");
        self.0[..4].copy_from_slice(&n_bytes.to_ne_bytes());
        self.0
    }
}

const ANSWER: u16 = 2;
const NEW_LINK: u16 = 16;
const NEW_ADDRESS: u16 = 20;

const REQUEST: u16 = 0x1;
const ACKNOWLEDGE: u16 = 0x4;
const EXCLUSIVE: u16 = 0x200;
const CREATE: u16 = 0x400;

const INET: u8 = 2;
const UP: u32 = 1;

const ATTRIBUTE_ADDRESS: u16 = 1;
const ATTRIBUTE_LOCAL: u16 = 2;
const ATTRIBUTE_NAME: u16 = 3;
const ATTRIBUTE_BRIDGE: u16 = 10;
const ATTRIBUTE_KIND_AND_DATA: u16 = 18;
const ATTRIBUTE_NAMESPACE: u16 = 28;
const ATTRIBUTE_KIND: u16 = 1;
const ATTRIBUTE_DATA: u16 = 2;
const ATTRIBUTE_PEER: u16 = 1;

#[cfg(test)]
mod tests;
