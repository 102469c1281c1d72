//! Connections to the program: opened, used for one call at a time, kept for the next one.
//!
//! A connection that was kept is used again only for a moment ([`KEPT`]). That is shorter than any server keeps one by
//! itself, so that a call does not meet a connection that is just being closed; and a server that has one thread for one
//! connection is soon free for another.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    convert::Infallible,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use hyper::{
    Request, Response,
    body::{Body, Bytes, Frame, Incoming, SizeHint},
    client::conn::{TrySendError, http1},
};
use tokio::{
    task::{AbortHandle, spawn_local},
    time::{Instant, sleep_until, timeout},
};

use super::place::Place;

/// One connection. Dropped, it is closed, whatever is on it.
#[derive(Debug)]
pub(super) struct Link {
    sender: http1::SendRequest<Upload>,
    driver: AbortHandle,
}

/// No connection can be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("{0}")]
    Connect(#[source] io::Error),
    #[error("{0}")]
    Setup(#[source] hyper::Error),
}

impl Link {
    /// A fresh one.
    pub(super) async fn open(place: &Place) -> Result<Self, LinkError> {
        let wire = place.connect().await.map_err(LinkError::Connect)?;
        let (sender, connection) = http1::Builder::new()
            .max_headers(MAX_FIELDS)
            .max_header_size(MAX_HEAD_BYTES)
            .handshake(wire)
            .await
            .map_err(LinkError::Setup)?;
        let driver = spawn_local(async move {
            // Whoever waits for an answer is told as well.
            let _ = connection.await;
        });
        Ok(Self {
            sender,
            driver: driver.abort_handle(),
        })
    }

    /// Sends a request, and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Upload>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Upload>>> {
        self.sender.try_send_request(request).await
    }

    /// Whether another request can be sent, now or within a moment.
    async fn is_reusable(&mut self) -> bool {
        matches!(timeout(SETTLED, self.sender.ready()).await, Ok(Ok(())))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Connections that are kept.
#[derive(Debug)]
pub(super) struct Kept {
    /// The oldest first.
    links: RefCell<VecDeque<(Link, Instant)>>,
    max_links: usize,
    is_swept: Cell<bool>,
}

impl Kept {
    /// None yet, and never more than this.
    pub(super) fn new(max_links: usize) -> Rc<Self> {
        Rc::new(Self {
            links: RefCell::default(),
            max_links,
            is_swept: Cell::new(false),
        })
    }

    /// The one that was used last, if the program has not closed it.
    pub(super) fn take(&self) -> Option<Link> {
        let mut links = self.links.borrow_mut();
        while let Some((link, since)) = links.pop_back() {
            if since.elapsed() < KEPT && link.sender.is_ready() {
                return Some(link);
            }
        }
        None
    }

    /// Keeps one whose answer has been read to its end, if it can be used again.
    pub(super) async fn put(self: &Rc<Self>, mut link: Link) {
        if !link.is_reusable().await || self.links.borrow().len() >= self.max_links {
            return;
        }
        self.links.borrow_mut().push_back((link, Instant::now()));
        if !self.is_swept.replace(true) {
            spawn_local(sweep(Rc::clone(self)));
        }
    }
}

/// Closes what was kept long enough, until nothing is.
async fn sweep(kept: Rc<Kept>) {
    loop {
        let oldest = kept.links.borrow().front().map(|(_, since)| *since);
        let Some(since) = oldest else {
            kept.is_swept.set(false);
            return;
        };
        sleep_until(since + KEPT).await;
        let mut links = kept.links.borrow_mut();
        while links
            .front()
            .is_some_and(|(_, since)| since.elapsed() >= KEPT)
        {
            links.pop_front();
        }
    }
}

/// The body of a request.
#[derive(Debug)]
pub(super) struct Upload {
    left: Bytes,
    is_used: Rc<Cell<bool>>,
}

impl Upload {
    /// These bytes. The flag is raised when some of them have been handed out.
    pub(super) fn new(bytes: Bytes, is_used: Rc<Cell<bool>>) -> Self {
        Self {
            left: bytes,
            is_used,
        }
    }

    /// Nothing.
    pub(super) fn empty() -> Self {
        Self::new(Bytes::new(), Rc::default())
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if this.left.is_empty() {
            return Poll::Ready(None);
        }
        this.is_used.set(true);
        let piece = this.left.split_to(this.left.len().min(PIECE_BYTES));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}

/// How long a connection waits for its next call.
const KEPT: Duration = Duration::from_secs(1);
/// From the end of an answer to a connection that is ready again: one turn of its task, when the request was sent.
const SETTLED: Duration = Duration::from_millis(50);
/// Written at once: bounds what one connection may do before the next one has its turn.
const PIECE_BYTES: usize = 256 << 10;
/// The bounds of what an answer may have for a worker, too.
const MAX_FIELDS: usize = 1024;
const MAX_HEAD_BYTES: usize = 64 << 10;
