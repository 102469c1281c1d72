//! Namespaces: a network, a host name and mounts of this process's own, that no other process sees.
//!
//! All of it is done before a process has a second thread, and mostly must be: the kernel moves threads, not processes,
//! and gives a user namespace to a process of one thread only. [`OnlyThread`] is the proof, and everything here asks for it.
//!
//! What is made here ends with the last process in it and the last descriptor of it: nothing is to be cleaned up.

use std::{
    fs, io,
    os::fd::{BorrowedFd, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{Mode, OFlags},
    mount::{MountPropagationFlags, mount_bind_recursive, mount_change},
    process::{Pid, Signal},
    thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space},
};

use crate::sys;

#[cfg(test)]
mod tests;

/// What a process can have of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespace {
    /// Users, and with them the right to the other kinds.
    User,
    /// Interfaces, addresses, ports.
    Network,
    /// What is mounted where.
    Mount,
    /// The host name.
    HostName,
}

/// Proof that this process has one thread. It stays true as long as the value is not kept beyond the start of a second.
#[derive(Debug)]
pub struct OnlyThread(());

impl OnlyThread {
    /// Counts the threads.
    ///
    /// # Errors
    /// There are more, or `/proc` is not there.
    pub fn prove() -> io::Result<Self> {
        let n_threads = fs::read_dir("/proc/self/task")?.count();
        if n_threads == 1 {
            Ok(Self(()))
        } else {
            Err(io::Error::other(format!(
                "this process has {n_threads} threads"
            )))
        }
    }

    /// Moves into new namespaces of these kinds; for [`Namespace::User`] there is [`Self::own_users`].
    ///
    /// # Errors
    /// The kernel refuses one: then nothing has changed.
    pub fn own(&self, kinds: &[Namespace]) -> io::Result<()> {
        let flags = kinds.iter().map(|kind| kind.to_flag()).collect();
        Ok(sys::unshare(flags)?)
    }

    /// Moves into a new user namespace, in which this process may do everything until it becomes another program. User and
    /// group are called there as they are outside.
    ///
    /// # Errors
    /// The kernel refuses the namespace or the names; in the second case this process is in the namespace, and is nobody.
    pub fn own_users(&self) -> io::Result<()> {
        // Inside, before the names are given, both would be the number of nobody.
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        self.own(&[Namespace::User])?;
        let (user, group) = (user.as_raw(), group.as_raw());
        // Who has no right to change its groups outside must give up that right inside before it may name a group.
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
        fs::write("/proc/self/gid_map", format!("{group} {group} 1"))
    }

    /// A handle of a namespace that this process is in. It keeps the namespace alive.
    ///
    /// # Errors
    /// `/proc` is not there, or no descriptor is to be had.
    pub fn handle(&self, kind: Namespace) -> io::Result<OwnedFd> {
        let path = format!("/proc/self/ns/{}", kind.file());
        Ok(rustix::fs::open(
            path,
            OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )?)
    }

    /// Moves into a namespace of this kind by its handle.
    ///
    /// # Errors
    /// The kernel refuses, or the handle is one of something else.
    pub fn join(&self, kind: Namespace, handle: BorrowedFd<'_>) -> io::Result<()> {
        Ok(move_into_link_name_space(handle, Some(kind.to_link()))?)
    }

    /// Names the host, in a [`Namespace::HostName`] of its own.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn name_host(&self, name: &str) -> io::Result<()> {
        Ok(rustix::system::sethostname(name.as_bytes())?)
    }

    /// Keeps what is mounted from now on in this process's own [`Namespace::Mount`], and keeps out what is mounted outside.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn own_mounts(&self) -> io::Result<()> {
        // A new namespace shares its mounts with the old one as long as they are marked so.
        let flags = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        Ok(mount_change("/", flags)?)
    }

    /// Shows a file or folder, with all that is mounted below it, in the place of another.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn bind(&self, source: &Path, target: &Path) -> io::Result<()> {
        Ok(mount_bind_recursive(source, target)?)
    }

    /// Asks the kernel again to kill this process when the thread that started it ends, `parent` being its process: another
    /// set of rights may have made the kernel forget it.
    ///
    /// # Errors
    /// `parent` has ended.
    pub fn die_with(&self, parent: Option<Pid>) -> io::Result<()> {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // It may have ended before: then nobody would ever be told.
        if rustix::process::getppid() == parent {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(libc::ESRCH))
        }
    }
}

impl Namespace {
    fn to_flag(self) -> UnshareFlags {
        match self {
            Self::User => UnshareFlags::NEWUSER,
            Self::Network => UnshareFlags::NEWNET,
            Self::Mount => UnshareFlags::NEWNS,
            Self::HostName => UnshareFlags::NEWUTS,
        }
    }

    fn to_link(self) -> LinkNameSpaceType {
        match self {
            Self::User => LinkNameSpaceType::User,
            Self::Network => LinkNameSpaceType::Network,
            Self::Mount => LinkNameSpaceType::Mount,
            Self::HostName => LinkNameSpaceType::HostNameAndNISDomainName,
        }
    }

    fn file(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Network => "net",
            Self::Mount => "mnt",
            Self::HostName => "uts",
        }
    }
}
