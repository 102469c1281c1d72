//! Messages of the data connection: requests, responses, and the slots that carry their bodies.

mod failure;
mod request;
mod response;

pub use self::{
    failure::Failure,
    request::{HttpVersion, Request, Start},
    response::{Fitness, ResponseHead},
};
use crate::{
    arena::slot_of,
    fault::Fault,
    frame::{Frame, Label, put},
    id::{RequestId, SlotIndex},
    kind::{Kind, Lane},
    message::Message,
};

/// From the front, on the data connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataToWorker<'a> {
    /// `REQ`: a request, with its body or the start of it.
    Request(Request<'a>),
    /// `REQ_CHUNK`: some of a body.
    Chunk {
        /// Whose body.
        id: RequestId,
        /// At most 256 KiB.
        bytes: &'a [u8],
    },
    /// `REQ_END`: no more of a body.
    End {
        /// Whose body.
        id: RequestId,
        /// Whether it is all there.
        body: BodyEnd,
    },
    /// `SLOT_FREE`: the worker may write this response slot again.
    SlotFree(SlotIndex),
}

/// How a request's chunks end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// That was all of it.
    Complete,
    /// The client sent no more. Reading on is an error, and nobody waits for an answer.
    Broken,
}

/// From the worker, on the data connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataToFront<'a> {
    /// `RESP_HEAD`: a response, with its body or the start of it.
    Head(ResponseHead<'a>),
    /// `RESP_CHUNK`: some of a body.
    Chunk {
        /// Whose body.
        id: RequestId,
        /// At most 256 KiB.
        bytes: &'a [u8],
    },
    /// `RESP_END`: that was all of the body.
    End {
        /// Whose body.
        id: RequestId,
        /// The state that the worker is in.
        fitness: Fitness,
    },
    /// `ERROR`: there is no response, or no more of it.
    Error {
        /// Whose request.
        id: RequestId,
        /// What went wrong.
        failure: Failure<'a>,
        /// The state that the worker is in.
        fitness: Fitness,
    },
    /// `STARTED`: this request's execution begins now.
    Started(RequestId),
    /// `SLOT_FREE`: nothing refers to this request slot any more.
    SlotFree(SlotIndex),
    /// `SLOT_HELD`: user code still refers to this request slot.
    SlotHeld(SlotIndex),
}

impl<'a> Message<'a> for DataToWorker<'a> {
    const LANE: Lane = Lane::DataToWorker;

    fn from_frame(frame: &Frame<'a>) -> Result<Self, Fault> {
        match frame.kind {
            Kind::Req => Request::from_frame(frame).map(Self::Request),
            Kind::ReqChunk => chunk(frame).map(|(id, bytes)| Self::Chunk { id, bytes }),
            Kind::ReqEnd => {
                frame.only_flags(BROKEN)?;
                frame.no_slot()?;
                Ok(Self::End {
                    id: id_of(frame)?,
                    body: if frame.flags & BROKEN == 0 {
                        BodyEnd::Complete
                    } else {
                        BodyEnd::Broken
                    },
                })
            }
            Kind::SlotFree => slot_given_back(frame).map(Self::SlotFree),
            _ => Err(frame.wrong_lane()),
        }
    }

    fn encode_head(&self, out: &mut Vec<u8>) -> Result<&'a [u8], Fault> {
        match *self {
            Self::Request(ref request) => request.encode_head(out),
            Self::Chunk { id, bytes } => put_chunk(out, Kind::ReqChunk, id, bytes),
            Self::End { id, body } => {
                let flags = match body {
                    BodyEnd::Complete => 0,
                    BodyEnd::Broken => BROKEN,
                };
                put_id(out, Kind::ReqEnd, flags, id)
            }
            Self::SlotFree(slot) => put_slot(out, Kind::SlotFree, slot),
        }
    }
}

impl<'a> Message<'a> for DataToFront<'a> {
    const LANE: Lane = Lane::DataToFront;

    fn from_frame(frame: &Frame<'a>) -> Result<Self, Fault> {
        match frame.kind {
            Kind::RespHead => ResponseHead::from_frame(frame).map(Self::Head),
            Kind::RespChunk => chunk(frame).map(|(id, bytes)| Self::Chunk { id, bytes }),
            Kind::RespEnd => {
                frame.only_flags(Fitness::FLAG)?;
                frame.no_slot()?;
                Ok(Self::End {
                    id: id_of(frame)?,
                    fitness: Fitness::from_flags(frame.flags),
                })
            }
            Kind::Error => {
                frame.only_flags(Fitness::FLAG)?;
                frame.no_slot()?;
                let mut cursor = frame.cursor();
                Ok(Self::Error {
                    id: RequestId::new(cursor.u64()?),
                    failure: Failure::take(&mut cursor)?,
                    fitness: Fitness::from_flags(frame.flags),
                })
            }
            Kind::Started => {
                frame.only_flags(0)?;
                frame.no_slot()?;
                id_of(frame).map(Self::Started)
            }
            Kind::SlotFree => slot_given_back(frame).map(Self::SlotFree),
            Kind::SlotHeld => slot_given_back(frame).map(Self::SlotHeld),
            _ => Err(frame.wrong_lane()),
        }
    }

    fn encode_head(&self, out: &mut Vec<u8>) -> Result<&'a [u8], Fault> {
        match *self {
            Self::Head(ref head) => head.encode_head(out),
            Self::Chunk { id, bytes } => put_chunk(out, Kind::RespChunk, id, bytes),
            Self::End { id, fitness } => put_id(out, Kind::RespEnd, fitness.flags(), id),
            Self::Error {
                id,
                failure,
                fitness,
            } => {
                let label = Label {
                    flags: fitness.flags(),
                    ..Label::plain(Kind::Error)
                };
                put(out, label, &[], |payload| {
                    payload.u64(id.number());
                    failure.put(payload)
                })
            }
            Self::Started(id) => put_id(out, Kind::Started, 0, id),
            Self::SlotFree(slot) => put_slot(out, Kind::SlotFree, slot),
            Self::SlotHeld(slot) => put_slot(out, Kind::SlotHeld, slot),
        }
    }
}

fn id_of(frame: &Frame<'_>) -> Result<RequestId, Fault> {
    frame.cursor().u64().map(RequestId::new)
}

fn chunk<'a>(frame: &Frame<'a>) -> Result<(RequestId, &'a [u8]), Fault> {
    frame.only_flags(0)?;
    frame.no_slot()?;
    let mut cursor = frame.cursor();
    let id = RequestId::new(cursor.u64()?);
    Ok((id, cursor.rest()))
}

fn slot_given_back(frame: &Frame<'_>) -> Result<SlotIndex, Fault> {
    frame.only_flags(0)?;
    slot_of(frame.arena, frame.kind, frame.lane, frame.slot)?;
    Ok(frame.slot)
}

fn put_id<'a>(out: &mut Vec<u8>, kind: Kind, flags: u8, id: RequestId) -> Result<&'a [u8], Fault> {
    let label = Label {
        flags,
        ..Label::plain(kind)
    };
    put(out, label, &[], |payload| {
        payload.u64(id.number());
        Ok(())
    })
}

fn put_chunk<'a>(
    out: &mut Vec<u8>,
    kind: Kind,
    id: RequestId,
    bytes: &'a [u8],
) -> Result<&'a [u8], Fault> {
    put(out, Label::plain(kind), bytes, |payload| {
        payload.u64(id.number());
        Ok(())
    })
}

fn put_slot<'a>(out: &mut Vec<u8>, kind: Kind, slot: SlotIndex) -> Result<&'a [u8], Fault> {
    let label = Label {
        slot,
        ..Label::plain(kind)
    };
    put(out, label, &[], |_| Ok(()))
}

/// `REQ_END`: the body is not all there.
const BROKEN: u8 = 0x10;
