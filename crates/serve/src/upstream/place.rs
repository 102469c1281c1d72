//! Where the program listens: chosen when that is left to us, and connected to.

use std::{
    ffi::OsStr,
    fmt, fs,
    hash::{BuildHasher, RandomState},
    io,
    net::{Ipv4Addr, TcpListener},
    ops::RangeInclusive,
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt},
        net::UnixStream as StdUnixStream,
    },
    path::{Path, PathBuf},
};

use optml_contract::serving::Listens;
use tokio::net::{TcpStream, UnixStream};

use super::wire::Wire;

/// Where the program listens, on this machine alone.
#[derive(Debug)]
pub(super) enum Place {
    Port(u16),
    Socket {
        path: PathBuf,
        /// Where it is, when we have made that: it goes when nobody needs the place any more.
        _folder: Option<SocketFolder>,
    },
}

/// There is no place for the program to listen at.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlaceError {
    #[error("choose a port for the program: {0}")]
    Port(#[source] io::Error),
    #[error("make a folder for the socket of the program: {0}")]
    Folder(#[source] io::Error),
}

impl Place {
    /// A place as the options want it. `temporary`: the folder for temporary files, if somebody named one.
    pub(super) fn choose(listens: &Listens, temporary: Option<&OsStr>) -> Result<Self, PlaceError> {
        match listens {
            Listens::Port(port) => Ok(Self::Port(*port)),
            Listens::ChosenPort(range) => {
                let port = free_port(range.as_ref()).map_err(PlaceError::Port)?;
                Ok(Self::Port(port))
            }
            Listens::Socket(path) => {
                let path = path.clone().into_std_path_buf();
                remove_stale(&path);
                Ok(Self::Socket {
                    path,
                    _folder: None,
                })
            }
            Listens::ChosenSocket => {
                let folder = SocketFolder::make(temporary).map_err(PlaceError::Folder)?;
                Ok(Self::Socket {
                    path: folder.path.join(SOCKET_NAME),
                    _folder: Some(folder),
                })
            }
        }
    }

    /// What a request says in `Host`.
    pub(super) fn host(&self) -> String {
        match self {
            Self::Port(port) => format!("127.0.0.1:{port}"),
            Self::Socket { .. } => "localhost".to_owned(),
        }
    }

    /// A fresh connection.
    pub(super) async fn connect(&self) -> io::Result<Wire> {
        match self {
            Self::Port(port) => {
                let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).await?;
                stream.set_nodelay(true)?;
                Ok(Wire::of_tcp(stream))
            }
            Self::Socket { path, .. } => Ok(Wire::of_unix(UnixStream::connect(path).await?)),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => write!(f, "127.0.0.1:{port}"),
            Self::Socket { path, .. } => write!(f, "{}", path.display()),
        }
    }
}

/// A folder that nobody else can look into. Removed when dropped, with the socket in it.
#[derive(Debug)]
pub(super) struct SocketFolder {
    path: PathBuf,
}

impl SocketFolder {
    fn make(temporary: Option<&OsStr>) -> io::Result<Self> {
        let parent = temporary
            .map(Path::new)
            .filter(|path| path.is_absolute() && path.as_os_str().len() <= MAX_PARENT_BYTES)
            .unwrap_or(Path::new("/tmp"));
        let mut taken = None;
        for _ in 0..ATTEMPTS {
            // A hasher's keys are random: so is the name, which nobody can have taken beforehand.
            let path = parent.join(format!("optml-{:016x}", RandomState::new().hash_one(0)));
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => taken = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(taken.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into()))
    }
}

impl Drop for SocketFolder {
    fn drop(&mut self) {
        // A program that tidies up after itself has removed it already.
        let _ = fs::remove_file(self.path.join(SOCKET_NAME));
        // What else the program has put there is its own.
        let _ = fs::remove_dir(&self.path);
    }
}

/// A port that nobody listens at now. Another process may take it before the program does: then that ends, and the next
/// start chooses again.
fn free_port(range: Option<&RangeInclusive<u16>>) -> io::Result<u16> {
    let probe = |port| {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port))?
            .local_addr()
            .map(|address| address.port())
    };
    let Some(range) = range else { return probe(0) };
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in range.clone() {
        match probe(port) {
            Ok(port) => return Ok(port),
            Err(error) => last = error,
        }
    }
    Err(io::Error::new(
        last.kind(),
        format!(
            "none of {} to {} is free: {last}",
            range.start(),
            range.end()
        ),
    ))
}

/// A socket that nobody listens at any more keeps most programs from listening there.
fn remove_stale(path: &Path) {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    let is_stale = || {
        StdUnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    };
    if is_socket && is_stale() {
        // If it can't be removed, the program says so.
        let _ = fs::remove_file(path);
    }
}

const SOCKET_NAME: &str = "http.sock";
/// The 107 bytes that the path of a socket may have, less `/optml-` with 16 digits and `/http.sock`.
const MAX_PARENT_BYTES: usize = 107 - 23 - 10;
const ATTEMPTS: u32 = 8;
