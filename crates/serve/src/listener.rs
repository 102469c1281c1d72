//! The port, and the task that accepts connections.

use std::{io, net::SocketAddr, rc::Rc, time::Duration};

use rustix::net::{AddressFamily, SocketType, sockopt};
use tokio::{net::TcpListener, time::sleep};
use tracing::warn;

use crate::{connection::Connection, port_holder, site::Site};

/// The port can't be had.
#[derive(Debug, thiserror::Error)]
#[error("listen on {address}: {source}{}", .holder.as_deref().map(|holder| format!(" (held by {holder})")).unwrap_or_default())]
pub struct BindError {
    /// Where.
    pub address: SocketAddr,
    /// Why not.
    #[source]
    pub source: io::Error,
    /// Who has it, if that can be seen: `python3 (pid 17)`.
    pub holder: Option<String>,
}

impl BindError {
    /// What may help.
    pub fn hint(&self) -> Option<String> {
        match self.source.kind() {
            io::ErrorKind::AddrInUse => {
                Some("end that process, or choose another port with --port".to_owned())
            }
            io::ErrorKind::PermissionDenied => {
                Some("ports below 1024 are for root: choose another one with --port".to_owned())
            }
            io::ErrorKind::AddrNotAvailable => Some(
                "no interface has this address: --host 0.0.0.0 stands for all of them".to_owned(),
            ),
            _ => None,
        }
    }
}

/// Takes the port. No other process can have it as well.
pub(crate) fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    listen(address).map_err(|source| BindError {
        address,
        holder: (source.kind() == io::ErrorKind::AddrInUse)
            .then(|| port_holder::find(address.port()))
            .flatten(),
        source,
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = rustix::net::socket_with(
        family,
        SocketType::STREAM,
        rustix::net::SocketFlags::CLOEXEC | rustix::net::SocketFlags::NONBLOCK,
        None,
    )?;
    // A port whose last connections are still being forgotten can be taken again; one that is listened on can't.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Accepts connections until it is dropped.
pub(crate) async fn accept(listener: TcpListener, site: Rc<Site>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let Some(place) = site.registry.enter() else {
                    // Every connection is busy: this one is closed, which says so at once.
                    site.metrics.connection_refused();
                    continue;
                };
                let connection = Connection::new(Rc::clone(&site), stream, peer, place);
                tokio::task::spawn_local(connection.run());
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) if is_of_descriptors(&error) && site.registry.evict(EVICTED_AT_ONCE) > 0 => {
                // They close when their tasks have run.
                sleep(SHORT_PAUSE).await;
            }
            Err(error) => {
                warn!(%error, "no connection can be accepted now");
                // Descriptors or memory ran out: without a pause this would be a busy loop.
                sleep(PAUSE).await;
            }
        }
    }
}

/// The client has left before it was accepted.
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// This process, or the machine, has as many open as it may.
fn is_of_descriptors(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Idle connections that are closed when descriptors run out.
const EVICTED_AT_ONCE: usize = 32;
const SHORT_PAUSE: Duration = Duration::from_millis(5);

/// Connections that wait to be accepted while this thread is not scheduled.
const BACKLOG: i32 = 1024;
const PAUSE: Duration = Duration::from_millis(50);
