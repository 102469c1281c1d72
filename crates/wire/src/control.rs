//! Messages of the control connection: the life of a worker, and what must not wait behind a body.

mod load;

pub use self::load::{Capabilities, Functions, Load, Loaded, Phase, Recovery, setting};
use crate::{
    data::Failure,
    fault::Fault,
    frame::{Cursor, Frame, Label, Payload, put},
    id::RequestId,
    kind::{Kind, Lane},
    message::Message,
    pairs::Pairs,
};

/// From the front, on the control connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlToWorker<'a> {
    /// `LOAD`: what to load, and how.
    Load(Load<'a>),
    /// `PING`: to be answered with the same number.
    Ping(u64),
    /// `CANCEL`: nobody waits for this request any more.
    Cancel(RequestId),
    /// `CREDIT`: so many more bytes of this response's chunks may be sent.
    Credit {
        /// Whose response.
        id: RequestId,
        /// How many.
        n_bytes: u32,
    },
    /// `DRAIN`: no more requests will come.
    Drain {
        /// The last one that was sent, which may still be on its way. 0: none ever was.
        last: RequestId,
    },
    /// `BYE`: end now, whatever runs.
    Bye,
}

/// From the worker, on the control connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlToFront<'a> {
    /// `HELLO`: the first frame of all.
    Hello(Hello<'a>),
    /// `LOADING`: how far it is.
    Loading(Phase),
    /// `LOADED`: requests may come.
    Loaded(Loaded),
    /// `LOAD_FAIL`: none ever may.
    LoadFail {
        /// How far it was.
        phase: Phase,
        /// Whether trying again makes sense.
        recovery: Recovery,
        /// What went wrong.
        failure: Failure<'a>,
    },
    /// `PONG`: the number of a `PING`.
    Pong(u64),
    /// `CREDIT`: so many more bytes of this request's chunks may be sent.
    Credit {
        /// Whose request.
        id: RequestId,
        /// How many.
        n_bytes: u32,
    },
    /// `STATS`: names, and values as decimal text. For people and dashboards; nothing is decided by them.
    Stats(Pairs<'a>),
    /// `BYE`: every request is answered, and the worker ends.
    Bye,
}

/// Who a worker is. Its frame is the same in all versions of the protocol, and says version 1.
///
/// **Shape**: u16 lowest and u16 highest version, u16 lengths of runtime and its version; then the two, in UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hello<'a> {
    /// The lowest version of the protocol that it speaks.
    pub min_version: u16,
    /// The highest one.
    pub max_version: u16,
    /// What runs it: `cpython`.
    pub runtime: &'a str,
    /// Which one: `3.12.4`.
    pub runtime_version: &'a str,
}

impl<'a> Hello<'a> {
    fn take(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        let (min_version, max_version) = (cursor.u16()?, cursor.u16()?);
        let (runtime, runtime_version) = (cursor.u16()?, cursor.u16()?);
        Ok(Self {
            min_version,
            max_version,
            runtime: cursor.text(runtime.into(), "runtime")?,
            runtime_version: cursor.text(runtime_version.into(), "runtime_version")?,
        })
    }

    fn put(&self, payload: &mut Payload<'_>) -> Result<(), Fault> {
        payload.u16(self.min_version);
        payload.u16(self.max_version);
        payload.length_u16(self.runtime.as_bytes(), "runtime")?;
        payload.length_u16(self.runtime_version.as_bytes(), "runtime_version")?;
        payload.bytes(self.runtime.as_bytes());
        payload.bytes(self.runtime_version.as_bytes());
        Ok(())
    }
}

impl<'a> Message<'a> for ControlToWorker<'a> {
    const LANE: Lane = Lane::ControlToWorker;

    fn from_frame(frame: &Frame<'a>) -> Result<Self, Fault> {
        frame.only_flags(0)?;
        frame.no_slot()?;
        let mut cursor = frame.cursor();
        match frame.kind {
            Kind::Load => Load::take(&mut cursor).map(Self::Load),
            Kind::Ping => cursor.u64().map(Self::Ping),
            Kind::Cancel => cursor.u64().map(RequestId::new).map(Self::Cancel),
            Kind::Credit => {
                take_credit(&mut cursor).map(|(id, n_bytes)| Self::Credit { id, n_bytes })
            }
            Kind::Drain => cursor.u64().map(|last| Self::Drain {
                last: RequestId::new(last),
            }),
            Kind::Bye => Ok(Self::Bye),
            _ => Err(frame.wrong_lane()),
        }
    }

    fn encode_head(&self, out: &mut Vec<u8>) -> Result<&'a [u8], Fault> {
        let kind = match self {
            Self::Load(_) => Kind::Load,
            Self::Ping(_) => Kind::Ping,
            Self::Cancel(_) => Kind::Cancel,
            Self::Credit { .. } => Kind::Credit,
            Self::Drain { .. } => Kind::Drain,
            Self::Bye => Kind::Bye,
        };
        put(out, Label::plain(kind), &[], |payload| {
            match *self {
                Self::Load(ref load) => load.put(payload),
                Self::Ping(number) => payload.u64(number),
                Self::Cancel(id) | Self::Drain { last: id } => payload.u64(id.number()),
                Self::Credit { id, n_bytes } => put_credit(payload, id, n_bytes),
                Self::Bye => {}
            }
            Ok(())
        })
    }
}

impl<'a> Message<'a> for ControlToFront<'a> {
    const LANE: Lane = Lane::ControlToFront;

    fn from_frame(frame: &Frame<'a>) -> Result<Self, Fault> {
        frame.only_flags(0)?;
        frame.no_slot()?;
        let mut cursor = frame.cursor();
        match frame.kind {
            Kind::Hello => Hello::take(&mut cursor).map(Self::Hello),
            Kind::Loading => Phase::take(&mut cursor).map(Self::Loading),
            Kind::Loaded => Loaded::take(&mut cursor).map(Self::Loaded),
            Kind::LoadFail => Ok(Self::LoadFail {
                phase: Phase::take(&mut cursor)?,
                recovery: Recovery::take(&mut cursor)?,
                failure: Failure::take(&mut cursor)?,
            }),
            Kind::Pong => cursor.u64().map(Self::Pong),
            Kind::Credit => {
                take_credit(&mut cursor).map(|(id, n_bytes)| Self::Credit { id, n_bytes })
            }
            Kind::Stats => {
                let n_pairs = cursor.u16()?;
                Pairs::take(&mut cursor, n_pairs, "stats").map(Self::Stats)
            }
            Kind::Bye => Ok(Self::Bye),
            _ => Err(frame.wrong_lane()),
        }
    }

    fn encode_head(&self, out: &mut Vec<u8>) -> Result<&'a [u8], Fault> {
        let kind = match self {
            Self::Hello(_) => Kind::Hello,
            Self::Loading(_) => Kind::Loading,
            Self::Loaded(_) => Kind::Loaded,
            Self::LoadFail { .. } => Kind::LoadFail,
            Self::Pong(_) => Kind::Pong,
            Self::Credit { .. } => Kind::Credit,
            Self::Stats(_) => Kind::Stats,
            Self::Bye => Kind::Bye,
        };
        put(out, Label::plain(kind), &[], |payload| {
            match *self {
                Self::Hello(ref hello) => hello.put(payload)?,
                Self::Loading(phase) => payload.u8(phase.code()),
                Self::Loaded(ref loaded) => loaded.put(payload)?,
                Self::LoadFail {
                    phase,
                    recovery,
                    ref failure,
                } => {
                    payload.u8(phase.code());
                    payload.u8(recovery.code());
                    failure.put(payload)?;
                }
                Self::Pong(number) => payload.u64(number),
                Self::Credit { id, n_bytes } => put_credit(payload, id, n_bytes),
                Self::Stats(pairs) => {
                    payload.u16(pairs.n_pairs());
                    payload.bytes(pairs.bytes());
                }
                Self::Bye => {}
            }
            Ok(())
        })
    }
}

fn take_credit(cursor: &mut Cursor<'_>) -> Result<(RequestId, u32), Fault> {
    Ok((RequestId::new(cursor.u64()?), cursor.u32()?))
}

fn put_credit(payload: &mut Payload<'_>, id: RequestId, n_bytes: u32) {
    payload.u64(id.number());
    payload.u32(n_bytes);
}
