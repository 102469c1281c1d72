//! The memory that the front shares with the workers of its model, and who has which slot of it.
//!
//! One region for all workers: a body is read from its connection into a request slot before anybody knows which worker
//! will run it. Response slots are handed out to workers in *ranges*, one to each process; a range is given to another process
//! only when nothing of it is still on its way to a client.
//!
//! A slot is as large as a body may be. That costs addresses, not memory: pages exist once they are written to, and those
//! beyond what is kept are given back when a slot falls free.
//!
//! A request slot is free, or a [`RequestSlot`] exists for it: while its body is received, waits, is worked on, and for as
//! long as the worker's user code still refers to it.

use std::{
    cell::RefCell,
    io,
    ops::Range,
    os::fd::{AsFd, OwnedFd},
    rc::Rc,
};

use optml_supervise::SharedRegion;
use optml_wire::{ArenaLayout, SlotIndex, SlotSpan, limits::SLOT_ALIGNMENT_BYTES};

#[cfg(test)]
mod tests;

/// How many slots there are, and how large each is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dimensions {
    pub(crate) n_request_slots: u16,
    /// Ranges of response slots: one a worker, and some for those that take the place of one that died.
    pub(crate) n_ranges: u16,
    /// The largest body.
    pub(crate) slot_bytes: u64,
}

/// The shared memory. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Arena {
    shared: Rc<Shared>,
}

#[derive(Debug)]
struct Shared {
    region: SharedRegion,
    layout: ArenaLayout,
    free: RefCell<Free>,
}

#[derive(Debug)]
struct Free {
    /// The one that was used last is taken first: its pages exist.
    requests: Vec<SlotIndex>,
    ranges: Vec<u16>,
}

impl Arena {
    /// Makes the memory.
    ///
    /// # Errors
    /// When the kernel has none, or refuses memory files: then bodies go over the socket.
    pub(crate) fn create(dimensions: Dimensions) -> io::Result<Self> {
        let Dimensions {
            n_request_slots,
            n_ranges,
            slot_bytes,
        } = dimensions;
        let slot_bytes = slot_bytes
            .clamp(1, MAX_SLOT_BYTES)
            .next_multiple_of(SLOT_ALIGNMENT_BYTES.into());
        let slot_bytes = u32::try_from(slot_bytes).expect("clamped to 1 GiB");
        let n_response_slots = n_ranges * SLOTS_PER_RANGE;
        let layout = ArenaLayout::try_new(n_request_slots, n_response_slots, slot_bytes)
            .map_err(io::Error::other)?;
        Ok(Self {
            shared: Rc::new(Shared {
                region: SharedRegion::create(
                    usize::try_from(layout.n_bytes()).map_err(io::Error::other)?,
                )?,
                layout,
                free: RefCell::new(Free {
                    requests: (0..n_request_slots).rev().map(SlotIndex::new).collect(),
                    ranges: (0..n_ranges).rev().collect(),
                }),
            }),
        })
    }

    /// How it is divided.
    pub(crate) fn layout(&self) -> ArenaLayout {
        self.shared.layout
    }

    /// For a worker to inherit.
    pub(crate) fn descriptor(&self) -> io::Result<OwnedFd> {
        self.shared.region.descriptor()
    }

    /// A slot for a body of this length. `None`: none is free, or it is too long for one.
    pub(crate) fn request_slot(&self, n_bytes: u64) -> Option<RequestSlot> {
        if n_bytes > self.layout().slot_bytes().into() {
            return None;
        }
        let index = self.shared.free.borrow_mut().requests.pop()?;
        Some(RequestSlot {
            arena: self.clone(),
            index,
            offset_bytes: 0,
            n_bytes: 0,
            touched_bytes: 0,
        })
    }

    /// Response slots for a process that is about to start. `None`: all are taken, or still being read.
    pub(crate) fn response_range(&self) -> Option<Rc<ResponseRange>> {
        let number = self.shared.free.borrow_mut().ranges.pop()?;
        Some(Rc::new(ResponseRange {
            arena: self.clone(),
            number,
        }))
    }

    fn start_of(&self, slot: SlotIndex) -> u64 {
        self.shared.layout.start_of(slot)
    }

    fn copy(&self, start: u64, n_bytes: u64) -> io::Result<Vec<u8>> {
        let range = in_memory(start)..in_memory(start + n_bytes);
        let mut copy = Vec::new();
        copy.try_reserve_exact(range.len())
            .map_err(io::Error::other)?;
        self.shared.region.copy_out(range, &mut copy)?;
        Ok(copy)
    }

    /// Gives back what a slot holds beyond the memory that is worth keeping.
    fn trim(&self, slot: SlotIndex, touched_bytes: u64) {
        if touched_bytes > KEPT_SLOT_BYTES {
            let start = self.start_of(slot);
            let beyond = in_memory(start + KEPT_SLOT_BYTES)..in_memory(start + touched_bytes);
            // An error costs memory, and nothing else.
            let _ = self.shared.region.release(beyond);
        }
    }
}

/// A body of a request, or the room for it.
#[derive(Debug)]
pub(crate) struct RequestSlot {
    arena: Arena,
    index: SlotIndex,
    /// Where the body begins: behind the header of an NPY file, when that was looked at here.
    offset_bytes: u32,
    n_bytes: u64,
    /// Bytes from the slot's start that were ever written through this value.
    touched_bytes: u64,
}

impl RequestSlot {
    /// Its number, for the worker.
    pub(crate) fn index(&self) -> SlotIndex {
        self.index
    }

    /// The length of the body.
    pub(crate) fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// Where the body is.
    pub(crate) fn span(&self) -> SlotSpan {
        SlotSpan {
            slot: self.index,
            offset_bytes: self.offset_bytes,
            n_bytes: self.n_bytes,
        }
    }

    /// What is left for the body to grow.
    pub(crate) fn room_bytes(&self) -> u64 {
        u64::from(self.arena.layout().slot_bytes()) - u64::from(self.offset_bytes) - self.n_bytes
    }

    /// Reads once from a descriptor, at most `max_bytes`, to the end of the body. 0: the descriptor has ended.
    ///
    /// # Errors
    /// The descriptor's.
    pub(crate) fn read_from(&mut self, source: impl AsFd, max_bytes: u64) -> io::Result<usize> {
        let n = max_bytes.min(self.room_bytes());
        let rest = in_memory(self.end())..in_memory(self.end() + n);
        let n_bytes = self.arena.shared.region.read_from(source, rest)?;
        self.grow(n_bytes);
        Ok(n_bytes)
    }

    /// Appends bytes to the body.
    ///
    /// # Errors
    /// When there is no room for them.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() as u64 > self.room_bytes() {
            return Err(io::Error::other("the slot is full"));
        }
        self.arena
            .shared
            .region
            .copy_in(in_memory(self.end()), bytes)?;
        self.grow(bytes.len());
        Ok(())
    }

    /// A copy of the body's first bytes, at most this many: what a worker could change is not looked at in place.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(crate) fn copy(&self, max_bytes: u64) -> io::Result<Vec<u8>> {
        let start = self.arena.start_of(self.index) + u64::from(self.offset_bytes);
        self.arena.copy(start, self.n_bytes.min(max_bytes))
    }

    /// The body is only this part of what was read: the elements of a file.
    pub(crate) fn cut(&mut self, part: &Range<usize>) {
        let start = (part.start as u64).min(self.n_bytes);
        let end = (part.end as u64).clamp(start, self.n_bytes);
        self.n_bytes = end - start;
        self.offset_bytes +=
            u32::try_from(start).expect("no longer than a slot, whose size is a u32");
    }

    fn end(&self) -> u64 {
        self.arena.start_of(self.index) + u64::from(self.offset_bytes) + self.n_bytes
    }

    fn grow(&mut self, n_bytes: usize) {
        self.n_bytes += n_bytes as u64;
        self.touched_bytes = self
            .touched_bytes
            .max(u64::from(self.offset_bytes) + self.n_bytes);
    }
}

impl Drop for RequestSlot {
    fn drop(&mut self) {
        self.arena.trim(self.index, self.touched_bytes);
        self.arena
            .shared
            .free
            .borrow_mut()
            .requests
            .push(self.index);
    }
}

/// The response slots of one process. Free again when the process and every [`ResponseSlot`] of it are gone.
#[derive(Debug)]
pub(crate) struct ResponseRange {
    arena: Arena,
    number: u16,
}

impl ResponseRange {
    /// The first slot, and how many there are.
    pub(crate) fn slots(&self) -> (u16, u16) {
        let first = self.arena.layout().request_slots() + self.number * SLOTS_PER_RANGE;
        (first, SLOTS_PER_RANGE)
    }

    /// Whether this slot is one of them.
    pub(crate) fn contains(&self, slot: SlotIndex) -> bool {
        let (first, n_slots) = self.slots();
        (first..first + n_slots).contains(&slot.number())
    }
}

impl Drop for ResponseRange {
    fn drop(&mut self) {
        self.arena.shared.free.borrow_mut().ranges.push(self.number);
    }
}

/// A body of a response. Dropped, it is given back to its worker.
pub(crate) struct ResponseSlot {
    range: Rc<ResponseRange>,
    span: SlotSpan,
    give_back: Option<Box<dyn FnOnce(SlotIndex)>>,
}

impl ResponseSlot {
    /// A body in one of the range's slots; `give_back` is called when it has been read.
    pub(crate) fn new(
        range: Rc<ResponseRange>,
        span: SlotSpan,
        give_back: impl FnOnce(SlotIndex) + 'static,
    ) -> Self {
        Self {
            range,
            span,
            give_back: Some(Box::new(give_back)),
        }
    }

    /// The length of the body.
    pub(crate) fn n_bytes(&self) -> u64 {
        self.span.n_bytes
    }

    /// Writes once to a descriptor: what is left of `before`, then the body from `from` on.
    ///
    /// # Errors
    /// The descriptor's.
    pub(crate) fn write_to(&self, sink: impl AsFd, before: &[u8], from: u64) -> io::Result<usize> {
        let left = self.span.n_bytes.saturating_sub(from);
        let start = self.range.arena.start_of(self.span.slot)
            + u64::from(self.span.offset_bytes)
            + from.min(self.span.n_bytes);
        let rest = in_memory(start)..in_memory(start + left);
        self.range
            .arena
            .shared
            .region
            .write_to(sink, before, rest, &[])
    }

    /// A copy of the body, which the worker can no longer change.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub(crate) fn copy(&self) -> io::Result<Vec<u8>> {
        let start = self.range.arena.start_of(self.span.slot) + u64::from(self.span.offset_bytes);
        self.range.arena.copy(start, self.span.n_bytes)
    }
}

impl Drop for ResponseSlot {
    fn drop(&mut self) {
        let touched_bytes = u64::from(self.span.offset_bytes) + self.span.n_bytes;
        self.range.arena.trim(self.span.slot, touched_bytes);
        if let Some(give_back) = self.give_back.take() {
            give_back(self.span.slot);
        }
    }
}

impl std::fmt::Debug for ResponseSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResponseSlot")
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}

/// A place in the region, which was made: so it has an address.
fn in_memory(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// What a worker that runs one call at a time can have on its way: a few, while slow clients read earlier ones.
const SLOTS_PER_RANGE: u16 = 4;

/// Larger bodies go over the socket.
const MAX_SLOT_BYTES: u64 = 1 << 30;

/// Memory that a free slot keeps: fresh pages cost more than the copy into them, and bodies are usually alike.
const KEPT_SLOT_BYTES: u64 = 8 << 20;
