//! Hosts on one machine: a network of their own, names for each other, and a cable that can be pulled.
//!
//! A host is a set of namespaces (network, mounts, host name, System V memory) that one process holds open. A switch, a bridge in a
//! network namespace of its own, joins them; nothing leads outside. No namespace has a name and no file lies outside a
//! temporary folder, so that tests run beside each other, and all of it is gone with the processes. A holder reads from a
//! pipe of ours: it ends with this process, whatever ends that.
//!
//! What hosts share: `/tmp`, where job trees and tools are, and everything else of the machine's file system but `/etc/hosts`,
//! `/sys` and `/dev/shm`. The last is private because libraries put memory there under names that are made of the host's name.

use std::{
    ffi::OsStr,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal};

use crate::{Proc, Streams};

/// Hosts `algo-1` to `algo-N`, counted from 1 as the platform does. Dropped, they take along whatever runs in them.
#[derive(Debug)]
pub struct Hosts {
    each: Vec<Host>,
    switch: Proc,
    folder: tempfile::TempDir,
}

#[derive(Debug)]
struct Host {
    /// Does nothing; the namespaces are its own.
    holder: Proc,
}

impl Hosts {
    /// So many hosts, each of which calls itself by its name.
    #[track_caller]
    pub fn new(n_hosts: u8) -> Self {
        Self::make(n_hosts, name)
    }

    /// The same, but `gethostname` answers the same on all of them, as it did on the platform.
    #[track_caller]
    pub fn all_called(own_name: &str, n_hosts: u8) -> Self {
        Self::make(n_hosts, |_| own_name.to_owned())
    }

    /// The name by which the others find a host.
    pub fn name(&self, host: u8) -> String {
        self.host(host);
        name(host)
    }

    /// Its address on the network of the hosts, where its interface is `eth0`.
    pub fn address(&self, host: u8) -> Ipv4Addr {
        self.host(host);
        address(host)
    }

    /// A program on a host, with an empty environment but for `PATH` and the given variables, in the folder `/`. The
    /// process is the program itself: its id, its signals and its end are those of what is started.
    pub fn command(
        &self,
        host: u8,
        program: impl AsRef<Path>,
        words: impl IntoIterator<Item = impl AsRef<OsStr>>,
        variables: &[(&str, &OsStr)],
    ) -> Command {
        let target = self.host(host).holder.id().to_string();
        let entered = [
            "--target", &target, "--net", "--mount", "--uts", "--ipc", "--",
        ];
        let mut command = Proc::command("nsenter", entered, variables);
        command.arg(program.as_ref()).args(words);
        command
    }

    /// Starts what [`Hosts::command`] prepares.
    #[track_caller]
    pub fn start(
        &self,
        host: u8,
        program: impl AsRef<Path>,
        words: impl IntoIterator<Item = impl AsRef<OsStr>>,
        variables: &[(&str, &OsStr)],
    ) -> Proc {
        Proc::start_command(self.command(host, program, words, variables))
    }

    /// Every packet to and from a host is lost from now on. Its interface stays up: neither side is told.
    #[track_caller]
    pub fn cut(&self, host: u8) {
        self.host(host);
        self.at_switch(&format!("ip link set port{host} nomaster"));
    }

    /// Undoes [`Hosts::cut`].
    #[track_caller]
    pub fn heal(&self, host: u8) {
        self.host(host);
        self.at_switch(&format!("ip link set port{host} master switch"));
    }

    /// A host loses its power: it falls silent, without a word of farewell on any connection, and nothing runs on it.
    #[track_caller]
    pub fn crash(&self, host: u8) {
        self.cut(host);
        self.host(host).end_all();
    }

    /// A name that a host can't resolve from now on.
    #[track_caller]
    pub fn hide_name(&self, host: u8, name: &str) {
        let file = self.names(host);
        let names = fs::read_to_string(&file).expect("a file of our own");
        let left = names
            .split_inclusive('\n')
            .filter(|line| !line.split_whitespace().skip(1).any(|word| word == name));
        // The file that is there is written over: it is mounted, and another one would not be seen.
        fs::write(file, left.collect::<String>()).expect("a file of our own");
    }

    /// Makes a host find another by its name again, or under one more name.
    #[track_caller]
    pub fn show_name(&self, host: u8, name: &str, other: u8) {
        let file = self.names(host);
        let names = fs::read_to_string(&file).expect("a file of our own");
        self.host(other);
        fs::write(file, names + &line(other, name)).expect("a file of our own");
    }

    /// Every process on a host but for the one that holds it.
    #[track_caller]
    pub fn members(&self, host: u8) -> Vec<i32> {
        self.host(host).members()
    }

    #[track_caller]
    fn make(n_hosts: u8, own_name: impl Fn(u8) -> String) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "hosts are made by root: run the tests as root"
        );
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut all = Self {
            each: Vec::new(),
            switch: hold(&["--net"], SWITCH, &[]),
            folder,
        };
        let mut names = "127.0.0.1 localhost\n".to_owned();
        for host in 1..=n_hosts {
            names += &line(host, &name(host));
        }
        for host in 1..=n_hosts {
            let file = all.names(host);
            fs::write(&file, &names).expect("a temporary folder");
            let own_name = own_name(host);
            let variables: [(&str, &OsStr); 3] = [
                ("OWN_NAME", own_name.as_ref()),
                ("NAMES", file.as_ref()),
                ("FOLDER", all.folder.path().as_ref()),
            ];
            let holder = hold(&["--net", "--mount", "--uts", "--ipc"], HOST, &variables);
            all.each.push(Host { holder });
            all.connect(host);
        }
        all
    }

    /// Lays the cable between a host and the switch.
    #[track_caller]
    fn connect(&self, host: u8) {
        let target = self.host(host).holder.id();
        self.at_switch(&format!(
            "ip link add port{host} type veth peer name eth0 netns {target}\n\
             ip link set port{host} master switch up"
        ));
        let address = address(host);
        run(
            target,
            &format!(
                "ip address add {address}/24 dev eth0\nip link set lo up\nip link set eth0 up"
            ),
        );
    }

    #[track_caller]
    fn at_switch(&self, lines: &str) {
        run(self.switch.id(), lines);
    }

    /// What is mounted at `/etc/hosts` of a host.
    fn names(&self, host: u8) -> PathBuf {
        self.folder.path().join(format!("names-{host}"))
    }

    #[track_caller]
    fn host(&self, host: u8) -> &Host {
        usize::from(host)
            .checked_sub(1)
            .and_then(|index| self.each.get(index))
            .unwrap_or_else(|| panic!("there is no host {host} of {}", self.each.len()))
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for host in &self.each {
            host.end_all();
        }
    }
}

impl Host {
    fn members(&self) -> Vec<i32> {
        let holder = self.holder.id();
        let namespace = |pid: i32| fs::read_link(format!("/proc/{pid}/ns/net"));
        let Ok(ours) = namespace(holder) else {
            return Vec::new();
        };
        let all = fs::read_dir("/proc").expect("a machine with /proc");
        all.flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|&pid| pid != holder && namespace(pid).is_ok_and(|other| other == ours))
            .collect()
    }

    /// Kills until nobody is left: a process may start another one between the look and the blow.
    fn end_all(&self) {
        let deadline = Instant::now() + END;
        while Instant::now() < deadline {
            let members = self.members();
            if members.is_empty() {
                return;
            }
            for pid in members.into_iter().filter_map(Pid::from_raw) {
                // It may have ended by itself in the meantime.
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
            // The end of a process that is not our child has no channel to wait on.
            thread::park_timeout(Duration::from_millis(2));
        }
    }
}

fn name(host: u8) -> String {
    format!("algo-{host}")
}

fn address(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, host)
}

/// A line of `/etc/hosts`.
fn line(host: u8, name: &str) -> String {
    format!("{} {name}\n", address(host))
}

/// A process that stays in new namespaces after it has furnished them.
#[track_caller]
fn hold(namespaces: &[&str], lines: &str, variables: &[(&str, &OsStr)]) -> Proc {
    let mut command = Proc::command("unshare", namespaces, variables);
    command.args(["sh", "-euc", &format!("{lines}\necho furnished\nexec cat")]);
    let streams = Streams {
        stdin: Stdio::piped(),
        ..Streams::default()
    };
    let holder = Proc::start_with(command, streams);
    holder.stdout_line("furnished");
    holder
}

/// Runs lines of shell in the network of a process.
#[track_caller]
fn run(target: i32, lines: &str) {
    let target = target.to_string();
    let words = ["--target", &target, "--net", "sh", "-euc", lines];
    let finished = Proc::start("nsenter", words, &[]).wait();
    assert_eq!(finished.code, Some(0), "{lines}: {}", finished.stderr);
}

const SWITCH: &str = "ip link add switch type bridge\nip link set switch up";

/// `/sys` lists the interfaces of the network that it was mounted in; the control groups below it stay.
const HOST: &str = r#"hostname "$OWN_NAME"
mount --bind "$NAMES" /etc/hosts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t sysfs sysfs "$FOLDER"
mount --rbind /sys/fs/cgroup "$FOLDER/fs/cgroup"
mount --move "$FOLDER" /sys"#;

/// Killed processes take no longer to be gone.
const END: Duration = Duration::from_secs(10);
