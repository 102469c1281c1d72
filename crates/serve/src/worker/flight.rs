//! One call on a worker: what is owed to whom.

use std::{cell::Cell, rc::Rc};

use optml_wire::{RequestId, limits::INITIAL_WINDOW_BYTES};
use tokio::time::Instant;

use crate::{
    admission::Ticket,
    call::{Answer, AnswerBody, Refusal},
    pool::{Pending, Withdrawal},
    stream::{self, StreamEnd, StreamWriter},
    worker::outbound::Outbound,
};

/// A call that was sent to a worker.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) id: RequestId,
    pub(crate) ticket: Ticket,
    /// The worker executes it, as far as we know.
    pub(crate) has_begun: bool,
    pub(crate) begun_at: Instant,
    /// Where its frame ends, in all bytes of the data socket.
    pub(crate) frame_end: u64,
    /// Nobody waits for it any more.
    pub(crate) withdrawn: Option<Withdrawal>,
    /// When it must have ended, once nobody waits for it.
    pub(crate) must_end_by: Option<Instant>,
    pub(crate) pending: Box<Pending>,
    stream: Option<Inflow>,
}

/// A body that comes in pieces.
#[derive(Debug)]
struct Inflow {
    writer: StreamWriter,
    /// Bytes that the worker may send before it gets more credit.
    window: Rc<Cell<u32>>,
}

/// The worker sent what it was not allowed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Breach {
    /// A second head for one request.
    #[error("a second answer to request {0}")]
    Twice(RequestId),
    /// A chunk or an end without a head before it.
    #[error("a piece of an answer to request {0}, and no head before it")]
    NoHead(RequestId),
    /// More bytes of a stream than it had credit for.
    #[error("more of the answer to request {0} than it had credit for")]
    NoCredit(RequestId),
}

impl Flight {
    /// A call that is about to be sent.
    pub(crate) fn new(
        id: RequestId,
        ticket: Ticket,
        has_begun: bool,
        pending: Box<Pending>,
    ) -> Self {
        Self {
            id,
            ticket,
            has_begun,
            begun_at: Instant::now(),
            frame_end: u64::MAX,
            withdrawn: None,
            must_end_by: None,
            pending,
            stream: None,
        }
    }

    /// Hands the whole answer over.
    pub(crate) fn answer(&mut self, answer: Answer) -> Result<(), Breach> {
        let reply = self.pending.reply.take().ok_or(Breach::Twice(self.id))?;
        // An error: the client left, and the answer is thrown away.
        let _ = reply.send(Ok(answer));
        Ok(())
    }

    /// Hands the head over; the body follows by [`Flight::chunk`].
    pub(crate) fn start_stream(
        &mut self,
        answer: impl FnOnce(AnswerBody) -> Answer,
        declared_bytes: Option<u64>,
        outbound: &Rc<Outbound>,
    ) -> Result<(), Breach> {
        // Small enough that the worker never waits for it, large enough that it is no frame for each piece.
        const CREDIT_BYTES: u32 = INITIAL_WINDOW_BYTES / 4;
        let window = Rc::new(Cell::new(INITIAL_WINDOW_BYTES));
        let (id, outbound, granted) = (self.id, Rc::clone(outbound), Rc::clone(&window));
        let taken = Cell::new(0_u32);
        let (ticket, told) = (self.ticket, Rc::clone(&outbound));
        let on_taken = move |n_bytes| {
            taken.set(taken.get().saturating_add(n_bytes));
            if taken.get() >= CREDIT_BYTES {
                granted.set(granted.get().saturating_add(taken.get()));
                outbound.credit(id, taken.take());
            }
        };
        let (writer, chunks) = stream::stream(on_taken, move |why| told.withdraw(ticket, why));
        self.answer(answer(AnswerBody::Stream {
            declared_bytes,
            chunks,
        }))?;
        self.stream = Some(Inflow { writer, window });
        Ok(())
    }

    /// Passes on a piece of the body.
    pub(crate) fn chunk(&mut self, bytes: &[u8]) -> Result<(), Breach> {
        let stream = self.stream.as_ref().ok_or(Breach::NoHead(self.id))?;
        let left = u32::try_from(bytes.len())
            .ok()
            .and_then(|n_bytes| stream.window.get().checked_sub(n_bytes))
            .ok_or(Breach::NoCredit(self.id))?;
        stream.window.set(left);
        stream.writer.push(bytes);
        Ok(())
    }

    /// The body is complete.
    pub(crate) fn end_stream(&mut self) -> Result<(), Breach> {
        let stream = self.stream.take().ok_or(Breach::NoHead(self.id))?;
        stream.writer.end(StreamEnd::Complete);
        Ok(())
    }

    /// Ends it without an answer, or without the rest of one.
    pub(crate) fn refuse(&mut self, refusal: &Refusal) {
        if let Some(reply) = self.pending.reply.take() {
            // An error: the client left.
            let _ = reply.send(Err(refusal.clone()));
        }
        if let Some(stream) = self.stream.take() {
            stream.writer.end(StreamEnd::Broken(refusal.clone()));
        }
    }

    /// Whether its body comes in pieces, and some of them are still to come.
    pub(crate) fn is_streaming(&self) -> bool {
        self.stream.is_some()
    }

    /// Whether its head has been handed over.
    pub(crate) fn is_answered(&self) -> bool {
        self.pending.reply.is_none()
    }
}
