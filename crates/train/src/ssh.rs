//! The way by which Open MPI on the first host starts its processes on the others: ssh with keys, files and ports of
//! the job's own.
//!
//! Nothing of the image's own set-up is used, and nothing outside the job's scratch folder is written. Each of the other
//! hosts runs an `sshd` with a configuration of ours on a free port, and tells the first its port and host key; the
//! first makes a key pair for the job and tells the others its public half. So every host knows whom it talks to, and
//! the keys end with the job. What is started gets the environment of the job on *its* host: a session does not have it,
//! so the server runs [`session`] in place of a shell, which reads it from a file that only its owner can read.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::{DirBuilderExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use camino::{Utf8Path, Utf8PathBuf};
use optml_contract::Source;
use optml_supervise::{CaptureError, Command, Supervisor, command::find_program, replace_process};
use thiserror::Error;

use crate::link::SshServer;

#[cfg(test)]
mod tests;

/// How long a key may take to be made: a machine that has just started may lack random numbers.
const KEYGEN: Duration = Duration::from_secs(30);
/// The name of the file with a session's environment.
const ENVIRONMENT: &str = "session-environment";

/// The files and programs of ssh for one job.
#[derive(Debug)]
pub(crate) struct Ssh {
    folder: Utf8PathBuf,
    keygen: PathBuf,
}

/// What is to be run as the server of a host, and what the first host has to know of it.
#[derive(Debug)]
pub(crate) struct Server {
    /// In the foreground.
    pub(crate) command: Command,
    /// Its port and key.
    pub(crate) known_as: SshServer,
}

/// ssh can't be had.
#[derive(Debug, Error)]
pub(crate) enum SshError {
    #[error("`{0}` is not installed, and several hosts train by Open MPI through ssh")]
    NoProgram(&'static str),
    #[error("make a key for the job with `ssh-keygen`: {0}")]
    Keygen(String),
    #[error("write `{path}`: {error}")]
    Write { path: Utf8PathBuf, error: io::Error },
    #[error("find a free port for `sshd`: {0}")]
    Port(io::Error),
    #[error("`sshd` does not answer on port {0}")]
    Silent(u16),
}

impl SshError {
    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoProgram(_) | Self::Keygen(_) => {
                "install openssh-server and openssh-client in the image; no key and no configuration is needed"
            }
            Self::Write { .. } => "set TMPDIR to a folder that can be written",
            Self::Silent(_) => {
                "its own words are above; as root it needs the user `sshd`, which its package makes"
            }
            Self::Port(_) => return None,
        };
        Some(hint.to_owned())
    }
}

impl Ssh {
    /// Chooses the folder, below the job's own, and makes it.
    pub(crate) fn new(source: &dyn Source, scratch: &Utf8Path) -> Result<Self, SshError> {
        let folder = scratch.join("ssh");
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder);
        made.map_err(|error| SshError::Write {
            path: folder.clone(),
            error,
        })?;
        Ok(Self {
            folder,
            keygen: find(source, "ssh-keygen")?,
        })
    }

    /// Makes the key pair of the first host, and gives its public half.
    pub(crate) fn make_key(
        &self,
        source: &dyn Source,
        supervisor: &Supervisor,
    ) -> Result<String, SshError> {
        find(source, "ssh")?;
        self.keygen(supervisor, "key")
    }

    /// Prepares the server of a host: its key, its configuration, and the environment of what is started by it.
    pub(crate) fn server(
        &self,
        source: &dyn Source,
        supervisor: &Supervisor,
        environment: &[(OsString, OsString)],
    ) -> Result<Server, SshError> {
        let program = find(source, "sshd")?;
        let host_key = self.keygen(supervisor, "host-key")?;
        self.write("authorized_keys", b"")?;
        let port = free_port().map_err(SshError::Port)?;
        let ourselves = fs::read_link("/proc/self/exe").unwrap_or_else(|_| "optml".into());
        let file = self.folder.join("sshd_config");
        self.write(
            "sshd_config",
            self.server_config(port, &ourselves).as_bytes(),
        )?;
        if rustix::process::geteuid().is_root() {
            // Where the server keeps an empty folder for its unprivileged half; its package leaves it to an init script.
            // An error shows when the server starts.
            let _ = fs::create_dir_all("/run/sshd");
        }
        let mut command = Command::new(program);
        command.arguments = ["-D", "-e", "-f", file.as_str()]
            .map(OsString::from)
            .to_vec();
        command.environment = environment.to_vec();
        Ok(Server {
            command,
            known_as: SshServer { port, host_key },
        })
    }

    fn server_config(&self, port: u16, ourselves: &Path) -> String {
        let folder = &self.folder;
        // The server runs the command by the user's shell, so the paths are quoted for one.
        let command = [
            ourselves.as_os_str().as_bytes(),
            folder.join(ENVIRONMENT).as_str().as_bytes(),
        ]
        .map(|path| quoted(&String::from_utf8_lossy(path)));
        let [ourselves, environment] = command;
        format!(
            "Port {port}\n\
             HostKey {folder}/host-key\n\
             AuthorizedKeysFile {folder}/authorized_keys\n\
             AuthenticationMethods publickey\n\
             PermitRootLogin prohibit-password\n\
             PasswordAuthentication no\n\
             UsePAM no\n\
             StrictModes no\n\
             PidFile none\n\
             AllowTcpForwarding no\n\
             AllowAgentForwarding no\n\
             X11Forwarding no\n\
             PermitTunnel no\n\
             PrintMotd no\n\
             MaxStartups 1000\n\
             MaxSessions 1000\n\
             LogLevel ERROR\n\
             ForceCommand {ourselves} {SESSION} {environment}\n"
        )
    }

    /// Lets the first host in, and says what the environment of its processes here is.
    pub(crate) fn admit(
        &self,
        key: &str,
        environment: &[(OsString, OsString)],
    ) -> Result<(), SshError> {
        self.write(ENVIRONMENT, &encode(environment))?;
        // One line: whatever else it may be, it can't add options or another key.
        let key = key.lines().next().unwrap_or_default();
        self.write("authorized_keys", format!("restrict {key}\n").as_bytes())
    }

    /// The file by which `ssh` on the first host finds the others.
    pub(crate) fn client_file(&self) -> Utf8PathBuf {
        self.folder.join("ssh_config")
    }

    /// Writes what `ssh` on the first host has to know of the others. `servers` and `hosts` are by
    /// rank.
    pub(crate) fn client_config(
        &self,
        hosts: &[String],
        servers: &[Option<SshServer>],
    ) -> Result<(), SshError> {
        let folder = &self.folder;
        let mut config = Vec::new();
        let mut known_hosts = Vec::new();
        for (host, server) in hosts.iter().zip(servers) {
            let Some(server) = server else { continue };
            let SshServer { port, host_key } = server;
            config.push(format!(
                "Host {host}\n  Port {port}\n  HostKeyAlias {host}\n"
            ));
            known_hosts.push(format!("{host} {host_key}\n"));
        }
        config.push(format!(
            "Host *\n  \
             IdentityFile {folder}/key\n  \
             IdentitiesOnly yes\n  \
             UserKnownHostsFile {folder}/known_hosts\n  \
             GlobalKnownHostsFile /dev/null\n  \
             StrictHostKeyChecking yes\n  \
             CheckHostIP no\n  \
             BatchMode yes\n  \
             ConnectTimeout 30\n  \
             ServerAliveInterval 5\n  \
             ServerAliveCountMax 6\n  \
             LogLevel ERROR\n"
        ));
        self.write("known_hosts", known_hosts.concat().as_bytes())?;
        self.write("ssh_config", config.concat().as_bytes())
    }

    fn keygen(&self, supervisor: &Supervisor, name: &str) -> Result<String, SshError> {
        let file = self.folder.join(name);
        // Of an earlier try; usually there is none, and it would be asked about.
        let _ = fs::remove_file(&file);
        let mut command = Command::new(&self.keygen);
        // A curve that every build of OpenSSH accepts, also those that are restricted by law.
        command.arguments = [
            "-q",
            "-t",
            "ecdsa",
            "-b",
            "256",
            "-N",
            "",
            "-C",
            "optml",
            "-f",
            file.as_str(),
        ]
        .map(OsString::from)
        .to_vec();
        let failed = |error: &CaptureError| SshError::Keygen(error.to_string());
        let answer = supervisor
            .capture(command, KEYGEN)
            .map_err(|error| failed(&error))?;
        if !answer.ended.is_success() {
            let words = String::from_utf8_lossy(&answer.stderr).trim().to_owned();
            return Err(SshError::Keygen(words));
        }
        let public = format!("{file}.pub");
        let key = fs::read_to_string(&public)
            .map_err(|error| SshError::Keygen(format!("`{public}`: {error}")))?;
        Ok(key.trim().to_owned())
    }

    fn write(&self, name: &str, contents: &[u8]) -> Result<(), SshError> {
        let path = self.folder.join(name);
        let written = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(contents));
        written.map_err(|error| SshError::Write { path, error })
    }
}

/// Waits until a server of this host answers; `is_there` says whether it still runs.
pub(crate) fn wait_for(
    server: &SshServer,
    is_there: &dyn Fn(Duration) -> bool,
) -> Result<(), SshError> {
    const LIMIT: Duration = Duration::from_secs(10);
    const LOOK_AGAIN: Duration = Duration::from_millis(10);
    let begin = Instant::now();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port));
    // As a client would: of one that says nothing it complains in the log.
    let greet = || -> io::Result<()> {
        let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.write_all(b"SSH-2.0-optml\r\n")?;
        stream.read_exact(&mut [0; 4])
    };
    loop {
        if greet().is_ok() {
            return Ok(());
        }
        if begin.elapsed() > LIMIT || !is_there(LOOK_AGAIN) {
            return Err(SshError::Silent(server.port));
        }
    }
}

/// The word by which the server starts us.
pub const SESSION: &str = "ssh-session";

/// Becomes what a session was to run, with the environment in `file`. Returns only the reason why that can't be done.
///
/// `asked`: the value of `SSH_ORIGINAL_COMMAND`, which Open MPI has made for a shell.
pub fn session(file: &Path, asked: &OsStr) -> String {
    let environment = match fs::read(file) {
        Ok(bytes) => decode(&bytes),
        Err(error) => return format!("read `{}`: {error}", file.display()),
    };
    if asked.is_empty() {
        return "there is no shell here, only commands".to_owned();
    }
    let mut command = Command::new("/bin/sh");
    command.arguments = vec!["-c".into(), asked.to_owned()];
    command.environment = environment;
    replace_process(command).to_string()
}

/// `NAME=VALUE`, each with a NUL behind it, as in `/proc/<pid>/environ`.
fn encode(environment: &[(OsString, OsString)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in environment {
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(b'=');
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(0);
    }
    bytes
}

fn decode(bytes: &[u8]) -> Vec<(OsString, OsString)> {
    let entries = bytes.split(|byte| *byte == 0);
    let pairs = entries.filter_map(|entry| {
        let at = entry.iter().position(|byte| *byte == b'=')?;
        let owned = |part: &[u8]| OsString::from_vec(part.to_vec());
        Some((owned(&entry[..at]), owned(&entry[at + 1..])))
    });
    pairs.collect()
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// In `PATH`, else where servers are, which `PATH` often leaves out. The server insists on its whole path.
fn find(source: &dyn Source, name: &'static str) -> Result<PathBuf, SshError> {
    const ELSEWHERE: &str = "/usr/sbin:/usr/local/sbin:/sbin:/usr/bin";
    find_program(OsStr::new(name), source.var("PATH"))
        .or_else(|| find_program(OsStr::new(name), Some(OsStr::new(ELSEWHERE))))
        .ok_or(SshError::NoProgram(name))
}

/// One that nobody listens on now.
fn free_port() -> io::Result<u16> {
    let probe = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    Ok(probe.local_addr()?.port())
}
