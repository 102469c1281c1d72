//! A body on its way from a worker to a client, piece by piece: one writer, one reader, and a bound between them.
//!
//! What the writer adds while the reader is busy is handed over as one piece: a body of a million tiny pieces costs no
//! more than its bytes. The bound is the worker's credit: whoever takes bytes out gives as much back.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use tokio::sync::Notify;

use crate::{call::Refusal, pool::Withdrawal};

#[cfg(test)]
mod tests;

/// How a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StreamEnd {
    /// That was all of it.
    Complete,
    /// There is more, but it will not come.
    Broken(Refusal),
}

/// What a reader gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Some bytes, at least one.
    Bytes(Vec<u8>),
    /// No more.
    End(StreamEnd),
}

/// The side that adds bytes.
#[derive(Debug)]
pub(crate) struct StreamWriter {
    shared: Rc<Shared>,
}

/// The side that takes them.
pub(crate) struct ChunkStream {
    shared: Rc<Shared>,
    /// Told how many bytes were taken.
    on_taken: Box<dyn Fn(u32)>,
    /// Told why nobody reads any more, if the body was not at its end then.
    on_left: Option<Box<dyn FnOnce(Withdrawal)>>,
}

#[derive(Debug, Default)]
struct Shared {
    bytes: RefCell<Vec<u8>>,
    end: RefCell<Option<StreamEnd>>,
    changed: Notify,
    has_reader: Cell<bool>,
}

/// Two ends of a stream. `on_taken` is called with every number of bytes that the reader takes, `on_left` when the reader goes
/// before the end.
pub(crate) fn stream(
    on_taken: impl Fn(u32) + 'static,
    on_left: impl FnOnce(Withdrawal) + 'static,
) -> (StreamWriter, ChunkStream) {
    let shared = Rc::new(Shared::default());
    shared.has_reader.set(true);
    let reader = ChunkStream {
        shared: Rc::clone(&shared),
        on_taken: Box::new(on_taken),
        on_left: Some(Box::new(on_left)),
    };
    (StreamWriter { shared }, reader)
}

impl StreamWriter {
    /// Adds bytes. Without a reader they are thrown away.
    pub(crate) fn push(&self, bytes: &[u8]) {
        if self.shared.has_reader.get() {
            self.shared.bytes.borrow_mut().extend_from_slice(bytes);
            self.shared.changed.notify_one();
        }
    }

    /// Says how it ended.
    pub(crate) fn end(self, end: StreamEnd) {
        *self.shared.end.borrow_mut() = Some(end);
    }
}

impl Drop for StreamWriter {
    /// Whoever drops it without a word leaves the body broken, not endless.
    fn drop(&mut self) {
        self.shared
            .end
            .borrow_mut()
            .get_or_insert(StreamEnd::Broken(Refusal::Cancelled));
        self.shared.changed.notify_one();
    }
}

impl ChunkStream {
    /// The bytes that have come since the last call; waits until there are some.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Piece {
        loop {
            let bytes = std::mem::take(&mut *self.shared.bytes.borrow_mut());
            if !bytes.is_empty() {
                (self.on_taken)(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
                return Piece::Bytes(bytes);
            }
            if let Some(end) = self.shared.end.borrow().clone() {
                return Piece::End(end);
            }
            self.shared.changed.notified().await;
        }
    }

    /// It took too long: nobody waits for more.
    pub(crate) fn give_up(mut self) {
        self.leave(Withdrawal::Deadline);
    }

    fn leave(&mut self, why: Withdrawal) {
        self.shared.has_reader.set(false);
        if let Some(on_left) = self.on_left.take()
            && self.shared.end.borrow().is_none()
        {
            on_left(why);
        }
    }
}

impl Drop for ChunkStream {
    fn drop(&mut self) {
        self.leave(Withdrawal::ClientGone);
    }
}

impl std::fmt::Debug for ChunkStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChunkStream").finish_non_exhaustive()
    }
}
