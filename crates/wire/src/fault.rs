//! Every way in which a frame can be wrong.

use thiserror::Error;

use crate::{
    id::SlotIndex,
    kind::{Kind, Lane},
    limits::{
        MAX_DIMENSIONS, MAX_HEAD_BYTES, MAX_INLINE_BYTES, MAX_PAIRS, MAX_PAYLOAD_BYTES,
        SLOT_ALIGNMENT_BYTES, VERSION,
    },
};

/// A frame that breaks the protocol. After it nothing on that connection can be trusted: the worker is ended.
///
/// An encoder gives the same faults, and then has written nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Fault {
    /// The first three bytes are not the protocol's.
    #[error("the bytes `{found:02x?}` where a frame must begin")]
    Magic {
        /// What is there.
        found: [u8; 3],
    },
    /// A frame of another version.
    #[error("a frame of protocol version {found}, and only version {VERSION} is spoken")]
    Version {
        /// Its version.
        found: u8,
    },
    /// A kind that must not be skipped, and is not known.
    #[error("a frame of the unknown kind 0x{number:02x}")]
    UnknownKind {
        /// Its number.
        number: u8,
    },
    /// A kind that may be skipped, but is too long even for that.
    #[error(
        "a frame of the unknown kind 0x{number:02x} with {payload_bytes} bytes, and at most {MAX_PAYLOAD_BYTES} bytes are skipped"
    )]
    UnknownTooLong {
        /// Its number.
        number: u8,
        /// The payload that its header declares.
        payload_bytes: u64,
    },
    /// A kind that has no place on this connection, or in this direction.
    #[error("a frame {kind} on {lane}")]
    WrongLane {
        /// Its kind.
        kind: Kind,
        /// Where it came.
        lane: Lane,
    },
    /// A payload longer than its kind may have.
    #[error("a frame {kind} with {payload_bytes} bytes, and at most {} bytes are accepted", .kind.max_payload_bytes())]
    TooLong {
        /// Its kind.
        kind: Kind,
        /// The payload that its header declares.
        payload_bytes: u64,
    },
    /// A payload shorter than the numbers that its kind begins with.
    #[error("a frame {kind} that ends inside its fixed part")]
    TooShort {
        /// Its kind.
        kind: Kind,
    },
    /// A flag that this kind does not have.
    #[error("a frame {kind} with the unknown flags 0x{flags:02x}")]
    UnknownFlags {
        /// Its kind.
        kind: Kind,
        /// All of its flags.
        flags: u8,
    },
    /// A slot in a frame that has none.
    #[error("a frame {kind} that names slot {slot} and has no use for it")]
    UnexpectedSlot {
        /// Its kind.
        kind: Kind,
        /// The slot.
        slot: SlotIndex,
    },
    /// A length that leads out of the head or payload it stands in.
    #[error("a frame {kind} whose `{part}` is longer than the rest of it")]
    PartOverruns {
        /// Its kind.
        kind: Kind,
        /// The part, as the protocol's document calls it.
        part: &'static str,
    },
    /// A part whose length does not fit its length field. Of encoders only.
    #[error("a frame {kind} whose `{part}` has {n_bytes} bytes, and at most {max_bytes} bytes fit")]
    PartTooLong {
        /// Its kind.
        kind: Kind,
        /// The part, as the protocol's document calls it.
        part: &'static str,
        /// Its length.
        n_bytes: usize,
        /// The limit.
        max_bytes: usize,
    },
    /// A head that is shorter than its fixed part, longer than the payload, or longer than any honest one.
    #[error(
        "a frame {kind} whose head has {head_bytes} bytes, of a payload of {payload_bytes} bytes and at most {MAX_HEAD_BYTES} bytes"
    )]
    HeadLength {
        /// Its kind.
        kind: Kind,
        /// What it declares.
        head_bytes: u32,
        /// The payload around it.
        payload_bytes: usize,
    },
    /// More pairs than any honest head has.
    #[error("{n_pairs} pairs of names and values, and at most {MAX_PAIRS} are accepted")]
    TooManyPairs {
        /// How many.
        n_pairs: u16,
    },
    /// A name or value of a pair that its length field can't say. Of encoders only.
    #[error(
        "a name of {name_bytes} bytes with a value of {value_bytes} bytes, and at most 65535 bytes fit"
    )]
    PairTooLong {
        /// The name.
        name_bytes: usize,
        /// The value.
        value_bytes: usize,
    },
    /// A body that is neither inline, nor in a slot, nor in chunks.
    #[error("a frame {kind} with a body of no known form")]
    BodyForm {
        /// Its kind.
        kind: Kind,
    },
    /// The length of an inline body is not what follows the head.
    #[error(
        "a frame {kind} that declares a body of {declared_bytes} bytes and has one of {actual_bytes} bytes"
    )]
    InlineLength {
        /// Its kind.
        kind: Kind,
        /// What the head says.
        declared_bytes: u64,
        /// What follows it.
        actual_bytes: usize,
    },
    /// An inline body that is too long for one.
    #[error("an inline body of {n_bytes} bytes, and at most {MAX_INLINE_BYTES} bytes are accepted")]
    InlineTooLong {
        /// Its length.
        n_bytes: usize,
    },
    /// Bytes after the head of a body that is elsewhere.
    #[error("a frame {kind} with {n_bytes} bytes after its head, and its body is elsewhere")]
    BytesAfterHead {
        /// Its kind.
        kind: Kind,
        /// How many.
        n_bytes: usize,
    },
    /// An offset of a body that is not in a slot.
    #[error("a frame {kind} with an offset of {offset_bytes} bytes, and its body is not in a slot")]
    OffsetWithoutSlot {
        /// Its kind.
        kind: Kind,
        /// The offset.
        offset_bytes: u32,
    },
    /// A slot, and no arena was agreed on.
    #[error("slot {slot}, and there is no arena")]
    NoArena {
        /// The slot.
        slot: SlotIndex,
    },
    /// A slot that does not exist, or belongs to the other direction.
    #[error("slot {slot}, which a frame {kind} on {lane} can't mean")]
    WrongSlot {
        /// The frame's kind.
        kind: Kind,
        /// Where it came.
        lane: Lane,
        /// The slot.
        slot: SlotIndex,
    },
    /// Bytes that reach out of their slot.
    #[error("{n_bytes} bytes from {offset_bytes} in slot {slot}, which has {slot_bytes} bytes")]
    OutsideSlot {
        /// The slot.
        slot: SlotIndex,
        /// Where they begin.
        offset_bytes: u32,
        /// How many they are.
        n_bytes: u64,
        /// The size of the slot.
        slot_bytes: u32,
    },
    /// An arena that makes no sense.
    #[error(
        "an arena of {request_slots} and {response_slots} slots of {slot_bytes} bytes (65535 slots at most, sizes a multiple of {SLOT_ALIGNMENT_BYTES} bytes)"
    )]
    ArenaGeometry {
        /// Slots that the front writes.
        request_slots: u16,
        /// Slots that the worker writes.
        response_slots: u16,
        /// Bytes of each.
        slot_bytes: u32,
    },
    /// A type of element that is not known.
    #[error("an array of the unknown type {code}")]
    ArrayType {
        /// Its number.
        code: u8,
    },
    /// An array with more dimensions than accepted.
    #[error("an array of {n_dimensions} dimensions, and at most {MAX_DIMENSIONS} are accepted")]
    TooManyDimensions {
        /// How many.
        n_dimensions: usize,
    },
    /// An array whose shape and type do not make its body's length.
    #[error("an array whose shape does not make the {body_bytes} bytes of its body")]
    ArraySize {
        /// The length of the body; 2^64 - 1 where it is not known.
        body_bytes: u64,
    },
    /// A status that no final response or failure can have.
    #[error("a frame {kind} with status {status}")]
    Status {
        /// Its kind.
        kind: Kind,
        /// The status.
        status: u16,
    },
    /// A number that stands for nothing.
    #[error("a frame {kind} with the unknown `{part}` {code}")]
    UnknownCode {
        /// Its kind.
        kind: Kind,
        /// The part, as the protocol's document calls it.
        part: &'static str,
        /// The number.
        code: u8,
    },
    /// Text that is not UTF-8.
    #[error("a frame {kind} whose `{part}` is not UTF-8")]
    NotUtf8 {
        /// Its kind.
        kind: Kind,
        /// The part, as the protocol's document calls it.
        part: &'static str,
    },
    /// A worker that runs no requests at all.
    #[error("a worker that runs 0 requests at once")]
    NoConcurrency,
    /// The connection ended inside a frame.
    #[error("the connection ended inside a frame, after {n_bytes} bytes of it")]
    Truncated {
        /// What there is of it.
        n_bytes: usize,
    },
}

impl Fault {
    /// What the author of a worker may want to look at.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Magic { .. } => {
                "is something else written to the worker's descriptors, such as printed text?"
            }
            Self::Version { .. } => "the version goes into every frame after LOAD has named it",
            Self::UnknownKind { .. } => {
                "kinds from 0x80 on are skipped by those who don't know them"
            }
            Self::NoArena { .. } => {
                "LOADED must say that the arena is mapped before slots are used"
            }
            Self::Truncated { .. } => "the worker has ended, or closed its descriptor",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
