//! Buffers that were used, for the pieces to come: fresh memory costs more than what is done with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// A few buffers. Copies share them.
#[derive(Debug, Clone)]
pub(super) struct Spare {
    buffers: Arc<Mutex<Vec<Vec<u8>>>>,
    max_buffers: usize,
}

/// A buffer that comes back when nobody needs it any more.
struct Lent {
    buffer: Vec<u8>,
    spare: Spare,
}

impl Spare {
    /// Keeps so many at most.
    pub(super) fn new(max_buffers: usize) -> Self {
        Self {
            buffers: Arc::default(),
            max_buffers,
        }
    }

    /// A buffer with nothing in it.
    pub(super) fn empty(&self) -> Vec<u8> {
        let mut buffer = self.take();
        buffer.clear();
        buffer
    }

    /// A buffer of this length, with anything in it.
    pub(super) fn of_length(&self, n_bytes: usize) -> Vec<u8> {
        let mut buffer = self.take();
        buffer.resize(n_bytes, 0);
        buffer
    }

    /// Takes a buffer back.
    pub(super) fn give(&self, buffer: Vec<u8>) {
        let mut all = self.lock();
        if all.len() < self.max_buffers {
            all.push(buffer);
        }
    }

    /// Bytes to be sent; the buffer comes back after that.
    pub(super) fn lend(&self, buffer: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent {
            buffer,
            spare: self.clone(),
        })
    }

    fn take(&self) -> Vec<u8> {
        self.lock().pop().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        // Nothing that holds it can panic.
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.spare.give(std::mem::take(&mut self.buffer));
    }
}

#[cfg(test)]
mod tests;
