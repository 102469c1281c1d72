//! Reading a body to where it is needed.

use std::io;

use tokio::{
    io::{AsyncReadExt, Interest},
    time::timeout,
};

use super::Connection;
use crate::{
    arena::RequestSlot,
    call::CallBody,
    http::{BodyFraming, ChunkDecoder, ChunkStep},
    problem::Problem,
    site::{Bounds, BudgetShare},
};

/// Where a body is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    /// It is looked at here.
    Heap,
    /// Straight into shared memory, when it is large enough for that.
    Slot,
}

impl Connection {
    /// Reads the body; the head is off the buffer already.
    ///
    /// `share`: what was set aside for it. A body that nobody announced takes more of the budget as it grows.
    pub(super) async fn read_body(
        &mut self,
        to: Destination,
        share: &mut BudgetShare,
    ) -> Result<CallBody, Problem> {
        match self.head.framing() {
            BodyFraming::Empty => Ok(CallBody::Heap(Vec::new())),
            BodyFraming::Length(n_bytes) => self.read_sized(n_bytes, to).await,
            BodyFraming::Chunked => self.read_chunked(to, share).await,
        }
    }

    async fn read_sized(&mut self, n_bytes: u64, to: Destination) -> Result<CallBody, Problem> {
        let Bounds { body_bytes, .. } = self.site.bounds;
        if n_bytes > body_bytes {
            return Err(Problem::TooLarge {
                n_bytes: Some(n_bytes),
                limit_bytes: body_bytes,
            });
        }
        if let Some(mut slot) = self.slot_for(n_bytes, to) {
            self.read_to_slot(&mut slot, n_bytes).await?;
            return Ok(CallBody::Slot(slot));
        }
        let n_bytes = usize::try_from(n_bytes).map_err(|_| NO_MEMORY)?;
        let mut body = Vec::new();
        body.try_reserve_exact(n_bytes).map_err(|_| NO_MEMORY)?;
        self.read_to_heap(&mut body, n_bytes).await?;
        Ok(CallBody::Heap(body))
    }

    /// A slot, where the body is to go there, is worth one, and one is free.
    fn slot_for(&self, n_bytes: u64, to: Destination) -> Option<RequestSlot> {
        if to == Destination::Heap || n_bytes < self.site.bounds.slot_from_bytes {
            return None;
        }
        self.site.shared_memory()?.request_slot(n_bytes)
    }

    /// Adds `n_bytes` of the connection to the heap.
    async fn read_to_heap(&mut self, body: &mut Vec<u8>, n_bytes: usize) -> Result<(), Problem> {
        let end = body.len() + n_bytes;
        let there = n_bytes.min(self.input.bytes().len());
        body.extend_from_slice(&self.input.bytes()[..there]);
        self.input.consume(there);
        let limit = self.site.bounds.body_idle;
        while body.len() < end {
            let left = (end - body.len()) as u64;
            let mut rest = (&mut self.stream).take(left);
            match timeout(limit, rest.read_buf(body)).await {
                Ok(Ok(0) | Err(_)) => return Err(Problem::ShortBody),
                Ok(Ok(_)) => {}
                Err(_) => return Err(Problem::SlowBody { limit }),
            }
        }
        Ok(())
    }

    /// Adds `n_bytes` of the connection to a slot, without a copy of ours.
    async fn read_to_slot(&mut self, slot: &mut RequestSlot, n_bytes: u64) -> Result<(), Problem> {
        /// So that a fast client leaves time for others: copying this takes some 0.2 ms.
        const BYTES_AT_ONCE: u64 = 1 << 20;
        let end = slot.n_bytes() + n_bytes;
        let there = self.input.bytes();
        let there = &there[..usize::try_from(n_bytes).map_or(there.len(), |n| n.min(there.len()))];
        slot.append(there).map_err(|_| NO_MEMORY)?;
        let n_there = there.len();
        self.input.consume(n_there);
        let limit = self.site.bounds.body_idle;
        while slot.n_bytes() < end {
            match timeout(limit, self.stream.readable()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(Problem::ShortBody),
                Err(_) => return Err(Problem::SlowBody { limit }),
            }
            let max = (end - slot.n_bytes()).min(BYTES_AT_ONCE);
            let stream = &self.stream;
            match stream.try_io(Interest::READABLE, || slot.read_from(stream, max)) {
                Ok(0) => return Err(Problem::ShortBody),
                Ok(_) => tokio::task::coop::consume_budget().await,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Problem::ShortBody),
            }
        }
        Ok(())
    }

    async fn read_chunked(
        &mut self,
        to: Destination,
        share: &mut BudgetShare,
    ) -> Result<CallBody, Problem> {
        let mut decoder = ChunkDecoder::new();
        let mut body = CallBody::Heap(Vec::new());
        let limit = self.site.bounds.body_idle;
        loop {
            match decoder.next(self.input.bytes()).map_err(Problem::Http)? {
                ChunkStep::Data { range } => {
                    self.check_size(decoder.body_bytes(), share)?;
                    body = self.promote(body, to, range.len())?;
                    let bytes = &self.input.bytes()[range.clone()];
                    match &mut body {
                        CallBody::Heap(heap) => heap.extend_from_slice(bytes),
                        CallBody::Slot(slot) => slot.append(bytes).map_err(|_| NO_MEMORY)?,
                    }
                    self.input.consume(range.end);
                    continue;
                }
                ChunkStep::Done { consumed } => {
                    self.input.consume(consumed);
                    return Ok(body);
                }
                ChunkStep::NeedMore { consumed } => self.input.consume(consumed),
            }
            let left = decoder.data_left();
            if left >= LARGE_CHUNK_BYTES {
                self.check_size(decoder.body_bytes().saturating_add(left), share)?;
                body = self.promote(body, to, usize::try_from(left).unwrap_or(usize::MAX))?;
                match &mut body {
                    CallBody::Heap(heap) => {
                        let n_bytes = usize::try_from(left).map_err(|_| NO_MEMORY)?;
                        heap.try_reserve(n_bytes).map_err(|_| NO_MEMORY)?;
                        self.read_to_heap(heap, n_bytes).await?;
                    }
                    CallBody::Slot(slot) => self.read_to_slot(slot, left).await?,
                }
                decoder.advance(left);
                continue;
            }
            match timeout(limit, self.input.fill(&mut self.stream)).await {
                Ok(Ok(n)) if n > 0 => {}
                Ok(_) => return Err(Problem::ShortBody),
                Err(_) => return Err(Problem::SlowBody { limit }),
            }
        }
    }

    fn check_size(&self, n_bytes: u64, share: &mut BudgetShare) -> Result<(), Problem> {
        let limit_bytes = self.site.bounds.body_bytes;
        if n_bytes > limit_bytes {
            return Err(Problem::TooLarge {
                n_bytes: None,
                limit_bytes,
            });
        }
        // No waiting here: many bodies that are half there could wait for each other.
        if share.grow(&self.site.budget, n_bytes) {
            Ok(())
        } else {
            Err(Problem::NoRoom)
        }
    }

    /// A body whose length nobody said begins on the heap, and moves to shared memory when it has become large; and back, when it
    /// outgrows its slot.
    fn promote(&self, body: CallBody, to: Destination, more: usize) -> Result<CallBody, Problem> {
        let n_bytes = body.n_bytes().saturating_add(more as u64);
        match body {
            CallBody::Heap(heap) => {
                let arena = self.site.shared_memory();
                let largest = arena.map_or(0, |arena| arena.layout().slot_bytes().into());
                let slot = self.slot_for(n_bytes, to).filter(|_| n_bytes <= largest);
                let Some(mut slot) = slot else {
                    return Ok(CallBody::Heap(heap));
                };
                slot.append(&heap).map_err(|_| NO_MEMORY)?;
                Ok(CallBody::Slot(slot))
            }
            CallBody::Slot(slot) if more as u64 > slot.room_bytes() => {
                Ok(CallBody::Heap(slot.copy(u64::MAX).map_err(|_| NO_MEMORY)?))
            }
            CallBody::Slot(slot) => Ok(CallBody::Slot(slot)),
        }
    }
}

const NO_MEMORY: Problem = Problem::Internal("there is no memory for the body");

/// From this size on the rest of a chunk is read to where it belongs, without a copy.
const LARGE_CHUNK_BYTES: u64 = 16 << 10;
