//! The conversation with one worker that is loaded: calls out, answers in, until it ends.
//!
//! One task owns both sockets. Calls come through its mailbox and are written as frames, all that have come together with one
//! write; what comes back is handed to whoever waits for it. The task ends when the worker has ended, has broken the
//! protocol, or had to be killed; then calls that had begun are refused, and all others go back to the queue.

mod inbound;
mod withdrawal;

use std::{
    future::{Future, poll_fn},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use optml_wire::{
    Body, ControlToFront, ControlToWorker, DataToWorker, Decoder, Fault, RequestId,
    data::{BodyEnd, HttpVersion, Request, Start as WireStart},
    limits::{INITIAL_WINDOW_BYTES, MAX_CHUNK_BYTES},
};
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::UnixStream,
    task::yield_now,
    time::{Sleep, timeout},
};
use tracing::warn;

use crate::{
    admission::{Assignment, FAST, SeatId, Start},
    arena::{RequestSlot, ResponseRange},
    call::{ArrayForm, CallBody, Refusal},
    pool::{Mailbox, Pending, Pool},
    worker::{
        flight::{Breach, Flight},
        outbound::{Outbound, Way},
    },
};

/// Both sockets of a worker, nonblocking.
#[derive(Debug)]
pub(crate) struct Sockets {
    pub(crate) data: UnixStream,
    pub(crate) control: UnixStream,
}

/// Why a worker is to be replaced, or why its conversation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// It closed its sockets: it has ended, or is about to.
    Hangup,
    /// It said good-bye when it was asked to.
    Bye,
    /// It broke the protocol.
    Broken(String),
    /// A call did not end in time.
    Overdue,
}

/// What the task tells its owner while the worker lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// It has answered so many calls.
    Served(u64),
    /// It shall get no more calls: it said so itself.
    Spent,
}

/// What a worker has when nobody speaks to it any more.
#[derive(Debug)]
pub(crate) struct Remains {
    /// Slots that it can still write to.
    pub(crate) lent: Vec<RequestSlot>,
    /// It ends at once when these are closed.
    pub(crate) sockets: Sockets,
}

/// The conversation.
pub(crate) struct Exchange {
    pub(crate) pool: Rc<Pool>,
    pub(crate) seat: SeatId,
    pub(crate) mailbox: Rc<Mailbox>,
    pub(crate) outbound: Rc<Outbound>,
    pub(crate) sockets: Sockets,
    pub(crate) data_in: Decoder,
    pub(crate) control_in: Decoder,
    /// Response slots of this process.
    pub(crate) range: Option<Rc<ResponseRange>>,
    /// A `CANCEL` ends a call that runs.
    pub(crate) can_cancel: bool,
    /// How long a call that was cancelled may go on.
    pub(crate) patience: Duration,
    /// How long a generator may take from one item to the next, which is when it notices that it was cancelled.
    pub(crate) stream_idle: Duration,
    pub(crate) flights: Vec<Flight>,
    pub(crate) uploads: Vec<Upload>,
    /// Request slots that the worker has not given back.
    pub(crate) lent: Vec<RequestSlot>,
    pub(crate) n_sent: u64,
    /// Rings when a call whose time is over must have ended.
    pub(crate) overdue: Option<Pin<Box<Sleep>>>,
    pub(crate) is_draining: bool,
    /// The worker has closed its data socket, and had not read all that was in it.
    pub(crate) left_bytes_unread: bool,
    /// What the last call took of user code.
    pub(crate) last_took: Duration,
    /// Runs while calls are gathered for one write.
    pub(crate) gathering: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

/// A body that is too large for one frame and is not in a slot.
#[derive(Debug)]
pub(crate) struct Upload {
    id: RequestId,
    start: usize,
    credit_bytes: u64,
}

impl Exchange {
    /// Runs until the worker ends, and tells `notice` what its owner has to know before that.
    pub(crate) async fn run(&mut self, notice: &mut impl FnMut(Notice)) -> End {
        let end = poll_fn(|cx| match self.poll_turns(cx, notice) {
            Ok(()) => Poll::Pending,
            Err(end) => Poll::Ready(end),
        })
        .await;
        match end {
            // One socket has ended, and in the other there may still be answers.
            End::Hangup | End::Bye => self.hear_out(notice).await.unwrap_or(end),
            End::Broken(_) | End::Overdue => end,
        }
    }

    /// Reads what the worker has said about calls before its end: what it has answered is not lost, and what it has begun is not
    /// begun again. Returns how it broke the protocol in that, if it did.
    async fn hear_out(&mut self, notice: &mut impl FnMut(Notice)) -> Option<End> {
        let heard = poll_fn(|cx| {
            loop {
                match self.read_data(cx, notice) {
                    Ok(true) => {}
                    Ok(false) => return Poll::Pending,
                    Err(end) => return Poll::Ready(end),
                }
            }
        });
        let end = timeout(LAST_WORDS, heard).await.ok()?;
        matches!(end, End::Broken(_)).then_some(end)
    }

    /// Ends the conversation: who had begun is refused, who had not goes back to the queue. Returned is what the worker still
    /// has, as long as it lives.
    pub(crate) fn finish(mut self, refusal: &Refusal) -> Remains {
        self.outbound.close();
        let mut not_begun = Vec::new();
        for mut flight in std::mem::take(&mut self.flights) {
            let has_begun = flight.has_begun && !self.was_never_read(&flight);
            if !has_begun && !flight.is_answered() && flight.withdrawn.is_none() {
                not_begun.push((flight.ticket, flight.pending));
                continue;
            }
            flight.refuse(refusal);
            if let CallBody::Slot(slot) = flight.pending.call.body {
                self.lent.push(slot);
            }
        }
        let assigned = self.mailbox.take_calls().into_iter();
        not_begun.extend(assigned.map(|assignment| (assignment.ticket, assignment.call)));
        self.pool.lose(self.seat, not_begun);
        Remains {
            lent: self.lent,
            sockets: self.sockets,
        }
    }

    /// Whether the worker can't have seen all of this request: it is not all out, or it is the last that went out and the kernel
    /// says that not all was read. A worker that dies idle takes nothing along so.
    fn was_never_read(&self, flight: &Flight) -> bool {
        let n_written = self.outbound.n_written(Way::Data);
        flight.frame_end > n_written || (self.left_bytes_unread && flight.frame_end == n_written)
    }

    /// No more calls will come: the worker answers what it has, and ends.
    fn drain(&mut self) {
        if !self.is_draining {
            self.is_draining = true;
            self.pool.close(self.seat);
            let last = RequestId::new(self.n_sent);
            self.outbound
                .control(&ControlToWorker::Drain { last })
                .expect("a frame of one number has no parts that could be too long");
        }
    }

    /// Everything that can be done without waiting. The task is woken when there is more.
    fn poll_turns(
        &mut self,
        cx: &mut Context<'_>,
        notice: &mut impl FnMut(Notice),
    ) -> Result<(), End> {
        loop {
            let mut has_news = self.poll_mailbox(cx);
            has_news |= self.read_control(cx)?;
            has_news |= self.read_data(cx, notice)?;
            if !has_news {
                self.write(cx)?;
                return self.poll_overdue(cx);
            }
            for assignment in self.mailbox.take_calls() {
                self.send(assignment);
            }
            for (ticket, why) in self.mailbox.take_withdrawn() {
                self.withdraw(ticket, why);
            }
            if self.mailbox.is_retired() {
                self.drain();
            }
        }
    }

    /// Whether calls have come. Where calls are fast the first one waits until all tasks that are ready have run: whoever has a
    /// call for this worker too gets it into the same write. Where they are slow each goes out at once.
    fn poll_mailbox(&mut self, cx: &mut Context<'_>) -> bool {
        if self.mailbox.poll_changed(cx) {
            if self.last_took >= FAST {
                return true;
            }
            self.gathering.get_or_insert_with(|| Box::pin(yield_now()));
        }
        let is_over = self
            .gathering
            .as_mut()
            .is_some_and(|gathering| gathering.as_mut().poll(cx).is_ready());
        if is_over {
            self.gathering = None;
        }
        is_over
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        loop {
            self.feed_uploads();
            let is_out = self
                .outbound
                .poll_flush(Way::Data, &mut self.sockets.data, cx)
                .map_err(|_| End::Hangup)?;
            if is_out.is_pending() || self.uploads.is_empty() || !self.can_feed() {
                break;
            }
        }
        // When it can't go out now, the task is woken later.
        let _ = self
            .outbound
            .poll_flush(Way::Control, &mut self.sockets.control, cx)
            .map_err(|_| End::Hangup)?;
        Ok(())
    }

    fn can_feed(&self) -> bool {
        self.uploads.iter().any(|upload| upload.credit_bytes > 0)
    }

    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let Some(overdue) = &mut self.overdue else {
            return Ok(());
        };
        match overdue.as_mut().poll(cx) {
            Poll::Ready(()) => Err(End::Overdue),
            Poll::Pending => Ok(()),
        }
    }

    fn read_control(&mut self, cx: &mut Context<'_>) -> Result<bool, End> {
        if !poll_fill(&mut self.sockets.control, &mut self.control_in, cx)? {
            return Ok(false);
        }
        while let Some(message) = self
            .control_in
            .next::<ControlToFront<'_>>()
            .map_err(broken)?
        {
            match message {
                ControlToFront::Credit { id, n_bytes } => {
                    if let Some(upload) = self.uploads.iter_mut().find(|upload| upload.id == id) {
                        upload.credit_bytes += u64::from(n_bytes);
                    }
                }
                ControlToFront::Bye => return Err(End::Bye),
                ControlToFront::Pong(_) | ControlToFront::Stats(_) => {}
                ControlToFront::Hello(_)
                | ControlToFront::Loading(_)
                | ControlToFront::Loaded(_)
                | ControlToFront::LoadFail { .. } => {
                    return Err(End::Broken("it loaded a second time".to_owned()));
                }
            }
        }
        Ok(true)
    }

    fn read_data(
        &mut self,
        cx: &mut Context<'_>,
        notice: &mut impl FnMut(Notice),
    ) -> Result<bool, End> {
        let filled = poll_fill(&mut self.sockets.data, &mut self.data_in, cx);
        if filled == Err(Closed::Unread) {
            self.left_bytes_unread = true;
        }
        if !filled? {
            return Ok(false);
        }
        let mut n_ended = 0;
        let mut decoder = std::mem::take(&mut self.data_in);
        let read = self.read_messages(&mut decoder, notice, &mut n_ended);
        self.data_in = decoder;
        read?;
        if n_ended > 0 {
            notice(Notice::Served(n_ended));
            self.pool.dispatch();
        }
        Ok(true)
    }

    fn send(&mut self, assignment: Assignment<Box<Pending>>) {
        let Assignment {
            ticket,
            call: pending,
            start,
            ..
        } = assignment;
        self.n_sent += 1;
        let id = RequestId::new(self.n_sent);
        let mut flight = Flight::new(id, ticket, start == Start::Now, pending);
        match self
            .outbound
            .data(&DataToWorker::Request(request(&flight, start)))
        {
            Ok(()) => {
                flight.frame_end = self.outbound.end(Way::Data);
                if let CallBody::Heap(bytes) = &flight.pending.call.body
                    && bytes.len() > INLINE_BYTES
                {
                    self.uploads.push(Upload {
                        id,
                        start: 0,
                        credit_bytes: INITIAL_WINDOW_BYTES.into(),
                    });
                }
                self.flights.push(flight);
            }
            Err(fault) => {
                // The bounds of HTTP are below those of the protocol.
                warn!(%fault, "a request could not be put into a frame");
                self.n_sent -= 1;
                flight.refuse(&Refusal::Cancelled);
                self.pool.done(self.seat, ticket, Duration::ZERO);
                self.pool.dispatch();
            }
        }
    }

    /// Sends more of large bodies, as far as there is credit and the socket keeps up.
    fn feed_uploads(&mut self) {
        let mut place = 0;
        while let Some(upload) = self.uploads.get_mut(place) {
            let flight = self.flights.iter().find(|flight| flight.id == upload.id);
            let Some(CallBody::Heap(bytes)) = flight.map(|flight| &flight.pending.call.body) else {
                self.uploads.swap_remove(place);
                continue;
            };
            while upload.start < bytes.len()
                && upload.credit_bytes > 0
                && self.outbound.n_pending(Way::Data) < MAX_CHUNK_BYTES
            {
                let credit = usize::try_from(upload.credit_bytes).unwrap_or(usize::MAX);
                let n_bytes = (bytes.len() - upload.start)
                    .min(MAX_CHUNK_BYTES)
                    .min(credit);
                let chunk = DataToWorker::Chunk {
                    id: upload.id,
                    bytes: &bytes[upload.start..upload.start + n_bytes],
                };
                self.outbound
                    .data(&chunk)
                    .expect("a chunk of at most the limit fits its frame");
                upload.start += n_bytes;
                upload.credit_bytes -= n_bytes as u64;
            }
            if upload.start < bytes.len() {
                place += 1;
                continue;
            }
            let end = DataToWorker::End {
                id: upload.id,
                body: BodyEnd::Complete,
            };
            self.outbound
                .data(&end)
                .expect("a frame of one number has no parts that could be too long");
            self.uploads.swap_remove(place);
        }
    }
}

/// The frame's view of a call.
fn request(flight: &Flight, start: Start) -> Request<'_> {
    let call = &flight.pending.call;
    let head = &call.head;
    Request {
        id: flight.id,
        start: match start {
            Start::Now => WireStart::Implied,
            Start::Announced => WireStart::Announced,
        },
        deadline_ns: call.deadline_ns,
        method: &head.method,
        path: &head.path,
        query: &head.query,
        version: HttpVersion {
            major: head.version.0,
            minor: head.version.1,
        },
        peer: head.peer.as_bytes(),
        peer_port: head.peer_port,
        content_type: &head.content_type,
        accept: &head.accept,
        headers: head.fields.as_pairs(),
        array: call.array.as_ref().map(ArrayForm::as_wire),
        body: match &call.body {
            CallBody::Heap(bytes) if bytes.len() <= INLINE_BYTES => Body::Inline(bytes),
            CallBody::Heap(bytes) => Body::Chunks {
                declared_bytes: Some(bytes.len() as u64),
            },
            CallBody::Slot(slot) => Body::Slot(slot.span()),
        },
    }
}

/// A worker's end of a socket is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// It had read all that was in it, as far as is known.
    Read,
    /// It had not: this is how the kernel tells.
    Unread,
}

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        Self::Hangup
    }
}

/// Reads once. `false`: there is nothing now, and the task is woken when there is.
pub(crate) fn poll_fill(
    socket: &mut UnixStream,
    decoder: &mut Decoder,
    cx: &mut Context<'_>,
) -> Result<bool, Closed> {
    let mut space = ReadBuf::new(decoder.space());
    match Pin::new(socket).poll_read(cx, &mut space) {
        Poll::Pending => Ok(false),
        Poll::Ready(Ok(())) => match space.filled().len() {
            0 => Err(Closed::Read),
            n_bytes => {
                decoder.advance(n_bytes);
                Ok(true)
            }
        },
        Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => {
            Err(Closed::Unread)
        }
        Poll::Ready(Err(_)) => Err(Closed::Read),
    }
}

fn broken(fault: Fault) -> End {
    End::Broken(fault.to_string())
}

fn breach(breach: Breach) -> End {
    End::Broken(breach.to_string())
}

/// The sockets of a process that has ended are at their end too, unless a child of its own has them.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The largest body that goes into the frame of its head.
const INLINE_BYTES: usize = optml_wire::limits::MAX_INLINE_BYTES;
