//! The memory that a front and a worker share: how it is divided, and pieces of it.

use crate::{
    fault::Fault,
    id::SlotIndex,
    kind::{Kind, Lane},
    limits::SLOT_ALIGNMENT_BYTES,
};

/// How an arena is divided.
///
/// **Shape**: slots of one size, without gaps, from the start: first those that the front writes requests into, then those
/// that the worker writes responses into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArenaLayout {
    request_slots: u16,
    response_slots: u16,
    slot_bytes: u32,
}

impl ArenaLayout {
    /// An arena of this many slots, of this size each.
    ///
    /// # Errors
    /// [`Fault::ArenaGeometry`]: no slot at all, more than 65,535 of them, or a size that is not a multiple of 4 KiB.
    pub const fn try_new(
        request_slots: u16,
        response_slots: u16,
        slot_bytes: u32,
    ) -> Result<Self, Fault> {
        let n_slots = request_slots.checked_add(response_slots);
        let sane = slot_bytes != 0 && slot_bytes.is_multiple_of(SLOT_ALIGNMENT_BYTES);
        if !sane || !matches!(n_slots, Some(1..)) {
            return Err(Fault::ArenaGeometry {
                request_slots,
                response_slots,
                slot_bytes,
            });
        }
        Ok(Self {
            request_slots,
            response_slots,
            slot_bytes,
        })
    }

    /// Slots that the front writes: from 0 on.
    pub const fn request_slots(self) -> u16 {
        self.request_slots
    }

    /// Slots that the worker writes: those after the request slots.
    pub const fn response_slots(self) -> u16 {
        self.response_slots
    }

    /// The size of each slot.
    pub const fn slot_bytes(self) -> u32 {
        self.slot_bytes
    }

    /// The size of the whole mapping.
    pub const fn n_bytes(self) -> u64 {
        (self.request_slots as u64 + self.response_slots as u64) * self.slot_bytes as u64
    }

    /// Where a slot begins in the mapping.
    pub fn start_of(self, slot: SlotIndex) -> u64 {
        u64::from(slot.number()) * u64::from(self.slot_bytes)
    }

    const fn is_request(self, slot: SlotIndex) -> bool {
        slot.number() < self.request_slots
    }

    const fn is_response(self, slot: SlotIndex) -> bool {
        // No overflow: the constructor has added them.
        slot.number() >= self.request_slots
            && slot.number() < self.request_slots + self.response_slots
    }
}

/// A piece of one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotSpan {
    /// The slot.
    pub slot: SlotIndex,
    /// Where the piece begins in it. Not 0 where something else stands before it, such as the header of an NPY file.
    pub offset_bytes: u32,
    /// How long it is.
    pub n_bytes: u64,
}

impl SlotSpan {
    /// Whether the piece lies in its slot.
    pub(crate) fn check(self, arena: ArenaLayout) -> Result<Self, Fault> {
        let end = self.n_bytes.checked_add(u64::from(self.offset_bytes));
        if end.is_none_or(|end| end > u64::from(arena.slot_bytes)) {
            return Err(Fault::OutsideSlot {
                slot: self.slot,
                offset_bytes: self.offset_bytes,
                n_bytes: self.n_bytes,
                slot_bytes: arena.slot_bytes,
            });
        }
        Ok(self)
    }
}

/// Whether a frame on this lane can mean this slot, and in which arena.
///
/// A body is in a slot of its sender; a slot is given back by the other side.
pub(crate) fn slot_of(
    arena: Option<ArenaLayout>,
    kind: Kind,
    lane: Lane,
    slot: SlotIndex,
) -> Result<ArenaLayout, Fault> {
    let arena = arena.ok_or(Fault::NoArena { slot })?;
    let gives_back = matches!(kind, Kind::SlotFree | Kind::SlotHeld);
    let possible = if (lane == Lane::DataToWorker) == gives_back {
        arena.is_response(slot)
    } else {
        arena.is_request(slot)
    };
    if !possible {
        return Err(Fault::WrongSlot { kind, lane, slot });
    }
    Ok(arena)
}
