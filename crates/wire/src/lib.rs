//! Frames between the server (the *front*) and a worker process: bytes in, messages out; messages in, bytes out.
//!
//! No sockets, no processes, no clock: the owner of a descriptor reads into [`Decoder::space`], takes messages out with
//! [`Decoder::next`], and writes what [`Message::encode`] made. docs/worker-protocol.md describes the bytes and what the
//! two sides owe each other; this crate knows the bytes alone. Who sent which request, how much credit is left and which
//! slot is lent out is for the front to remember.
//!
//! Two stream sockets connect a front and a worker. [`data`] has the messages of the one with the bodies, [`control`] those
//! of the one that must never wait behind a body. [`body`] and [`arena`] say where a body is, [`pairs`] is how headers
//! are written, [`kind`] numbers the frames, [`limits`] bounds them and [`fault`] is every way in which one can be wrong.
//!
//! Whatever the bytes: no panic, and a decoder holds at most [`limits::MAX_FRAME_BYTES`].

pub mod arena;
pub mod body;
pub mod control;
pub mod data;
pub mod decoder;
pub mod fault;
mod frame;
pub mod fuzzing;
pub mod id;
pub mod kind;
pub mod limits;
pub mod message;
pub mod pairs;

pub use self::{
    arena::{ArenaLayout, SlotSpan},
    body::{Array, Body, Dtype},
    control::{ControlToFront, ControlToWorker},
    data::{DataToFront, DataToWorker},
    decoder::Decoder,
    fault::Fault,
    id::{RequestId, SlotIndex},
    message::Message,
    pairs::{PairBuf, Pairs},
};

/// Variable of a worker's environment: the number of its data descriptor, a connected stream socket.
pub const DATA_FD_VAR: &str = "OPTML_DATA_FD";

/// Variable of a worker's environment: the number of its control descriptor, a connected stream socket.
pub const CONTROL_FD_VAR: &str = "OPTML_CONTROL_FD";

/// Variable of a worker's environment: the number of a descriptor to map, readable and writable.
///
/// **Unset**: there is no arena, and no body comes in a slot. **Empty**: the same.
pub const ARENA_FD_VAR: &str = "OPTML_ARENA_FD";

#[cfg(test)]
mod tests;
