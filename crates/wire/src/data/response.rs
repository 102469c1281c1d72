//! A response.

use std::time::Duration;

use crate::{
    body::{Array, Body, BodyNumbers},
    fault::Fault,
    frame::{Frame, Label, put},
    id::RequestId,
    kind::Kind,
    limits::MAX_HEAD_BYTES,
    pairs::Pairs,
};

/// A response, with its body or the start of it.
///
/// **Shape**, 32 bytes and then the parts: u64 id, u64 length of the body, u32 offset of the body, u32 length of the head,
/// u32 microseconds, u16 status, u16 number of headers. The array if there is one, headers. The rest of the head is
/// skipped; after it comes an inline body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHead<'a> {
    /// The request that it answers.
    pub id: RequestId,
    /// 200 to 599.
    pub status: u16,
    /// How long user code ran so far. Microseconds on the wire, at most 71 minutes. 0: not measured.
    pub took: Duration,
    /// The state that the worker is in.
    pub fitness: Fitness,
    /// Header fields, in their order.
    pub headers: Pairs<'a>,
    /// What the body is, when the front shall write it as the negotiated type.
    pub array: Option<Array<'a>>,
    /// The body.
    pub body: Body<'a>,
}

/// Whether a worker can go on after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fitness {
    /// It can.
    Fit,
    /// It shall be replaced: user code ran out of memory, or tried to end the process.
    Spent,
}

impl Fitness {
    /// Of `RESP_HEAD`, `RESP_END` and `ERROR`.
    pub(crate) const FLAG: u8 = 0x20;

    pub(crate) const fn from_flags(flags: u8) -> Self {
        if flags & Self::FLAG == 0 {
            Self::Fit
        } else {
            Self::Spent
        }
    }

    pub(crate) const fn flags(self) -> u8 {
        match self {
            Self::Fit => 0,
            Self::Spent => Self::FLAG,
        }
    }
}

impl<'a> ResponseHead<'a> {
    pub(crate) fn from_frame(frame: &Frame<'a>) -> Result<Self, Fault> {
        frame.only_flags(Body::FORM_FLAGS | Array::FLAG | Fitness::FLAG)?;
        let mut fixed = frame.cursor();
        let id = RequestId::new(fixed.u64()?);
        let numbers = BodyNumbers {
            n_bytes: fixed.u64()?,
            offset_bytes: fixed.u32()?,
        };
        let head_bytes = fixed.u32()?;
        let took = Duration::from_micros(fixed.u32()?.into());
        let (status, n_headers) = (fixed.u16()?, fixed.u16()?);
        check_status(status)?;
        let (mut parts, rest) = frame.split_head(head_bytes, FIXED_BYTES, MAX_HEAD_BYTES)?;
        Ok(Self {
            id,
            status,
            took,
            fitness: Fitness::from_flags(frame.flags),
            // In the order of the wire from here on.
            array: Array::take_if_flagged(frame.flags, &mut parts, numbers)?,
            headers: Pairs::take(&mut parts, n_headers, "headers")?,
            body: Body::parse(frame, numbers, rest)?,
        })
    }

    pub(crate) fn encode_head(&self, out: &mut Vec<u8>) -> Result<&'a [u8], Fault> {
        check_status(self.status)?;
        let numbers = self.body.numbers()?;
        let label = Label {
            kind: Kind::RespHead,
            flags: self.body.form() | Array::flag(self.array) | self.fitness.flags(),
            slot: self.body.slot(),
        };
        put(out, label, self.body.tail(), |payload| {
            payload.u64(self.id.number());
            payload.u64(numbers.n_bytes);
            payload.u32(numbers.offset_bytes);
            let head_length = payload.begin_head();
            payload.u32(u32::try_from(self.took.as_micros()).unwrap_or(u32::MAX));
            payload.u16(self.status);
            payload.u16(self.headers.n_pairs());
            Array::put_if_any(self.array, payload, numbers)?;
            payload.bytes(self.headers.bytes());
            payload.end_head(&head_length, MAX_HEAD_BYTES)
        })
    }
}

fn check_status(status: u16) -> Result<(), Fault> {
    if !(200..=599).contains(&status) {
        return Err(Fault::Status {
            kind: Kind::RespHead,
            status,
        });
    }
    Ok(())
}

const FIXED_BYTES: usize = 32;
