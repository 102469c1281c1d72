//! Frames on their way to a worker: two buffers, one a socket, filled by whoever has something to say.

use std::{
    cell::{Cell, RefCell},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use optml_wire::{ControlToWorker, DataToWorker, Fault, Message, RequestId, SlotIndex};
use tokio::{io::AsyncWrite, net::UnixStream};

use crate::{
    admission::Ticket,
    pool::{Mailbox, Withdrawal},
};

/// Both ways to a worker. Answers that are still being read hold it, to give back slots and credit.
#[derive(Debug)]
pub(crate) struct Outbound {
    data: RefCell<Buffer>,
    control: RefCell<Buffer>,
    mailbox: Rc<Mailbox>,
    is_closed: Cell<bool>,
}

/// Which of the two sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Data,
    Control,
}

impl Outbound {
    /// Nothing to send. `mailbox` is woken when there is.
    pub(crate) fn new(mailbox: Rc<Mailbox>) -> Rc<Self> {
        Rc::new(Self {
            data: RefCell::default(),
            control: RefCell::default(),
            mailbox,
            is_closed: Cell::new(false),
        })
    }

    /// The worker is gone: what others still want to tell it is thrown away.
    pub(crate) fn close(&self) {
        self.is_closed.set(true);
    }

    /// Adds a data frame.
    ///
    /// # Errors
    /// When it can't be one: then nothing was added.
    pub(crate) fn data(&self, message: &DataToWorker<'_>) -> Result<(), Fault> {
        message.encode(&mut self.data.borrow_mut().bytes)
    }

    /// Adds a control frame.
    ///
    /// # Errors
    /// When it can't be one: then nothing was added.
    pub(crate) fn control(&self, message: &ControlToWorker<'_>) -> Result<(), Fault> {
        message.encode(&mut self.control.borrow_mut().bytes)
    }

    /// Gives a response slot back.
    pub(crate) fn give_back(&self, slot: SlotIndex) {
        if !self.is_closed.get() {
            self.data(&DataToWorker::SlotFree(slot))
                .expect("a slot's frame has no parts that could be too long");
            self.mailbox.wake();
        }
    }

    /// Lets the worker send more of a stream.
    pub(crate) fn credit(&self, id: RequestId, n_bytes: u32) {
        if !self.is_closed.get() {
            self.control(&ControlToWorker::Credit { id, n_bytes })
                .expect("a frame of two numbers has no parts that could be too long");
            self.mailbox.wake();
        }
    }

    /// Nobody reads the rest of this call's answer.
    pub(crate) fn withdraw(&self, ticket: Ticket, why: Withdrawal) {
        if !self.is_closed.get() {
            self.mailbox.withdraw(ticket, why);
        }
    }

    /// Where the frame that was added last ends, in all bytes that ever were to be written this way.
    pub(crate) fn end(&self, way: Way) -> u64 {
        self.n_written(way) + self.n_pending(way) as u64
    }

    /// How many bytes the socket has taken so far.
    pub(crate) fn n_written(&self, way: Way) -> u64 {
        self.buffer(way).borrow().n_written
    }

    /// How many bytes are left to write.
    pub(crate) fn n_pending(&self, way: Way) -> usize {
        let buffer = self.buffer(way).borrow();
        buffer.bytes.len() - buffer.start
    }

    /// Writes what the socket takes now. Pending: not all is out, and the task is woken when more can be.
    ///
    /// # Errors
    /// The socket's: the worker is gone.
    pub(crate) fn poll_flush(
        &self,
        way: Way,
        socket: &mut UnixStream,
        cx: &mut Context<'_>,
    ) -> io::Result<Poll<()>> {
        let mut buffer = self.buffer(way).borrow_mut();
        while buffer.start < buffer.bytes.len() {
            match Pin::new(&mut *socket).poll_write(cx, &buffer.bytes[buffer.start..]) {
                Poll::Ready(written) => {
                    let n_bytes = written?;
                    buffer.start += n_bytes;
                    buffer.n_written += n_bytes as u64;
                }
                Poll::Pending => {
                    buffer.compact();
                    return Ok(Poll::Pending);
                }
            }
        }
        buffer.reset();
        Ok(Poll::Ready(()))
    }

    fn buffer(&self, way: Way) -> &RefCell<Buffer> {
        match way {
            Way::Data => &self.data,
            Way::Control => &self.control,
        }
    }
}

#[derive(Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    /// What is before it was written.
    start: usize,
    n_written: u64,
}

impl Buffer {
    /// Memory that an empty buffer keeps.
    const KEPT_BYTES: usize = 256 << 10;

    fn compact(&mut self) {
        if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
    }

    fn reset(&mut self) {
        self.bytes.clear();
        self.start = 0;
        if self.bytes.capacity() > Self::KEPT_BYTES {
            self.bytes.shrink_to(Self::KEPT_BYTES);
        }
    }
}
