//! The kinds of frames: their numbers, where each may appear, how long it may be.

use std::fmt;

use crate::limits::{
    MAX_CHUNK_BYTES, MAX_PAYLOAD_BYTES, MAX_SMALL_PAYLOAD_BYTES, MAX_TEXT_PAYLOAD_BYTES,
};

/// One direction of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Data, from the front.
    DataToWorker,
    /// Data, from the worker.
    DataToFront,
    /// Control, from the front.
    ControlToWorker,
    /// Control, from the worker.
    ControlToFront,
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DataToWorker => "the data connection to the worker",
            Self::DataToFront => "the data connection to the server",
            Self::ControlToWorker => "the control connection to the worker",
            Self::ControlToFront => "the control connection to the server",
        })
    }
}

/// A kind of frame that version 1 knows.
///
/// Reserved, and an error until they are given a meaning: 0x40 to 0x4f for WebSocket messages, 0x50 to 0x5f for batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The worker is there, and speaks these versions.
    Hello = 0x01,
    /// What to load, and how.
    Load = 0x02,
    /// How far loading is.
    Loading = 0x03,
    /// The worker takes requests.
    Loaded = 0x04,
    /// The worker never will.
    LoadFail = 0x05,
    /// Are you there?
    Ping = 0x06,
    /// I am.
    Pong = 0x07,
    /// No more requests will come.
    Drain = 0x08,
    /// The end: asked for by the front, announced by the worker.
    Bye = 0x09,
    /// An answer is no longer wanted.
    Cancel = 0x0a,
    /// More chunk bytes may be sent.
    Credit = 0x0b,
    /// A request, with its body or the start of it.
    Req = 0x10,
    /// Some of a request's body.
    ReqChunk = 0x11,
    /// The end of a request's body.
    ReqEnd = 0x12,
    /// A response, with its body or the start of it.
    RespHead = 0x20,
    /// Some of a response's body.
    RespChunk = 0x21,
    /// The end of a response's body.
    RespEnd = 0x22,
    /// A request ended without a response, or in the middle of one.
    Error = 0x23,
    /// A request's execution has begun.
    Started = 0x24,
    /// A slot may be written again by the side that owns it.
    SlotFree = 0x30,
    /// A slot is still looked at by user code.
    SlotHeld = 0x31,
    /// Numbers for people.
    Stats = 0x80,
}

/// Set in the number of a kind that a receiver may skip when it doesn't know it.
pub(crate) const SKIPPABLE: u8 = 0x80;

impl Kind {
    /// The kind of this number, if version 1 has it.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0x01 => Self::Hello,
            0x02 => Self::Load,
            0x03 => Self::Loading,
            0x04 => Self::Loaded,
            0x05 => Self::LoadFail,
            0x06 => Self::Ping,
            0x07 => Self::Pong,
            0x08 => Self::Drain,
            0x09 => Self::Bye,
            0x0a => Self::Cancel,
            0x0b => Self::Credit,
            0x10 => Self::Req,
            0x11 => Self::ReqChunk,
            0x12 => Self::ReqEnd,
            0x20 => Self::RespHead,
            0x21 => Self::RespChunk,
            0x22 => Self::RespEnd,
            0x23 => Self::Error,
            0x24 => Self::Started,
            0x30 => Self::SlotFree,
            0x31 => Self::SlotHeld,
            0x80 => Self::Stats,
            _ => return None,
        })
    }

    /// The number on the wire.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// As the protocol's document writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hello => "HELLO",
            Self::Load => "LOAD",
            Self::Loading => "LOADING",
            Self::Loaded => "LOADED",
            Self::LoadFail => "LOAD_FAIL",
            Self::Ping => "PING",
            Self::Pong => "PONG",
            Self::Drain => "DRAIN",
            Self::Bye => "BYE",
            Self::Cancel => "CANCEL",
            Self::Credit => "CREDIT",
            Self::Req => "REQ",
            Self::ReqChunk => "REQ_CHUNK",
            Self::ReqEnd => "REQ_END",
            Self::RespHead => "RESP_HEAD",
            Self::RespChunk => "RESP_CHUNK",
            Self::RespEnd => "RESP_END",
            Self::Error => "ERROR",
            Self::Started => "STARTED",
            Self::SlotFree => "SLOT_FREE",
            Self::SlotHeld => "SLOT_HELD",
            Self::Stats => "STATS",
        }
    }

    /// Whether it may be sent there.
    pub const fn travels(self, lane: Lane) -> bool {
        match self {
            Self::Hello
            | Self::Loading
            | Self::Loaded
            | Self::LoadFail
            | Self::Pong
            | Self::Stats => matches!(lane, Lane::ControlToFront),
            Self::Load | Self::Ping | Self::Drain | Self::Cancel => {
                matches!(lane, Lane::ControlToWorker)
            }
            Self::Bye | Self::Credit => {
                matches!(lane, Lane::ControlToFront | Lane::ControlToWorker)
            }
            Self::Req | Self::ReqChunk | Self::ReqEnd => matches!(lane, Lane::DataToWorker),
            Self::RespHead
            | Self::RespChunk
            | Self::RespEnd
            | Self::Error
            | Self::Started
            | Self::SlotHeld => matches!(lane, Lane::DataToFront),
            Self::SlotFree => matches!(lane, Lane::DataToFront | Lane::DataToWorker),
        }
    }

    /// The longest payload that is accepted.
    pub const fn max_payload_bytes(self) -> usize {
        match self {
            Self::Req | Self::RespHead => MAX_PAYLOAD_BYTES,
            Self::ReqChunk | Self::RespChunk => CHUNK_ID_BYTES + MAX_CHUNK_BYTES,
            Self::Load | Self::LoadFail | Self::Error | Self::Stats => MAX_TEXT_PAYLOAD_BYTES,
            Self::Hello
            | Self::Loading
            | Self::Loaded
            | Self::Ping
            | Self::Pong
            | Self::Drain
            | Self::Bye
            | Self::Cancel
            | Self::Credit
            | Self::ReqEnd
            | Self::RespEnd
            | Self::Started
            | Self::SlotFree
            | Self::SlotHeld => MAX_SMALL_PAYLOAD_BYTES,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The request's number, before the bytes of a chunk.
const CHUNK_ID_BYTES: usize = 8;
