//! A listener on loopback with a thread for every connection.
//!
//! Dropped, it closes every socket, wakes every thread that waits, and ends them all before it returns.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The listener.
#[derive(Debug)]
pub(crate) struct Listener {
    address: SocketAddr,
    connections: Arc<Connections>,
    thread: Option<JoinHandle<()>>,
}

/// All sockets of a server, so that it can end them.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_stopping: bool,
    n_made: u64,
    /// Those that came in, and those that were made for them.
    open: BTreeMap<u64, (Origin, Arc<TcpStream>)>,
}

/// Who made a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Client,
    Us,
}

/// One socket. The server may close it while it is in use.
#[derive(Debug)]
pub(crate) struct Peer {
    stream: Arc<TcpStream>,
    number: u64,
    connections: Arc<Connections>,
}

/// How often is looked whether a client has left while nothing is read from it.
const TICK: Duration = Duration::from_millis(10);

/// How long a connection of our own may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

impl Listener {
    /// Binds an ephemeral port, and calls `serve` with every connection, in a thread of its own.
    pub(crate) fn start(serve: impl Fn(Peer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let connections = Arc::new(Connections::default());
        let own = Arc::clone(&connections);
        let thread = thread::spawn(move || accept(&listener, &own, &Arc::new(serve)));
        Self {
            address,
            connections,
            thread: Some(thread),
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many clients are connected.
    pub(crate) fn n_clients(&self) -> usize {
        self.connections.lock().n_clients()
    }

    /// Waits until so many clients are connected; otherwise says how many are.
    pub(crate) fn wait_for_clients(&self, n: usize, limit: Duration) -> Result<(), usize> {
        let changed = &self.connections.changed;
        let state = self.connections.lock();
        let waited = changed.wait_timeout_while(state, limit, |state| state.n_clients() != n);
        match waited.expect("no panic while it is held").0.n_clients() {
            found if found == n => Ok(()),
            found => Err(found),
        }
    }

    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.connections.stop();
        // It wakes the thread that accepts. If nobody accepts any more, it has ended already.
        let _ = TcpStream::connect_timeout(&self.address, CONNECT);
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed; a test that fails because of it says what it missed.
            let _ = thread.join();
        }
    }
}

fn accept<F: Fn(Peer) + Send + Sync + 'static>(
    listener: &TcpListener,
    connections: &Arc<Connections>,
    serve: &Arc<F>,
) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        // `None`: stopping.
        let Some(peer) = connections.add(stream, Origin::Client) else {
            break;
        };
        threads.retain(|thread| !thread.is_finished());
        let serve = Arc::clone(serve);
        threads.push(thread::spawn(move || serve(peer)));
    }
    for thread in threads {
        // The same as above.
        let _ = thread.join();
    }
}

impl State {
    fn n_clients(&self) -> usize {
        let clients = self.open.values();
        clients
            .filter(|(origin, _)| *origin == Origin::Client)
            .count()
    }
}

impl Connections {
    /// Wakes all that wait, so that they look again.
    pub(crate) fn notify(&self) {
        // Taken, so that nobody is between looking and waiting.
        drop(self.lock());
        self.changed.notify_all();
    }

    fn add(self: &Arc<Self>, stream: TcpStream, origin: Origin) -> Option<Peer> {
        stream.set_nodelay(true).expect("a socket that is ours");
        let stream = Arc::new(stream);
        let mut state = self.lock();
        if state.is_stopping {
            return None;
        }
        state.n_made += 1;
        let number = state.n_made;
        state.open.insert(number, (origin, Arc::clone(&stream)));
        drop(state);
        self.changed.notify_all();
        Some(Peer {
            stream,
            number,
            connections: Arc::clone(self),
        })
    }

    fn stop(&self) {
        let mut state = self.lock();
        state.is_stopping = true;
        for (_, stream) in state.open.values() {
            // The other side may have closed it.
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while it is held")
    }
}

impl Peer {
    /// A connection to somewhere else that lives no longer than the server.
    pub(crate) fn connect(&self, address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, CONNECT)?;
        self.connections
            .add(stream, Origin::Us)
            .ok_or_else(|| io::ErrorKind::ConnectionAborted.into())
    }

    /// The same socket, for reading while this one is written to.
    pub(crate) fn reader(&self) -> Reader {
        Reader(Arc::clone(&self.stream))
    }

    /// Waits until `is_done`, the client leaves, or the server stops: an error in the last two cases.
    pub(crate) fn wait_until(&self, is_done: impl Fn() -> bool) -> io::Result<()> {
        let mut state = self.connections.lock();
        loop {
            if state.is_stopping || self.has_left() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if is_done() {
                return Ok(());
            }
            let waited = self.connections.changed.wait_timeout(state, TICK);
            state = waited.expect("no panic while it is held").0;
        }
    }

    /// Lets time pass, unless the client leaves or the server stops.
    pub(crate) fn pause(&self, time: Duration) -> io::Result<()> {
        let end = Instant::now() + time;
        self.wait_until(|| Instant::now() >= end)
    }

    /// From now on, closing the connection resets it.
    pub(crate) fn reset_at_close(&self) {
        rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO))
            .expect("a socket that is ours");
    }

    /// Whether the other side has closed, seen even with bytes that nobody has read.
    fn has_left(&self) -> bool {
        let mut sockets = [PollFd::new(&self.stream, PollFlags::RDHUP)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let gone = PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        poll(&mut sockets, Some(&now)).is_ok_and(|n| n > 0) && sockets[0].revents().intersects(gone)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let gone = self.connections.lock().open.remove(&self.number);
        drop(gone);
        self.connections.changed.notify_all();
    }
}

impl Write for Peer {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self.stream).write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The reading half of a [`Peer`]. It must be gone before the peer's end counts as the connection's.
#[derive(Debug)]
pub(crate) struct Reader(Arc<TcpStream>);

impl Read for Reader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self.0).read(buf)
    }
}
