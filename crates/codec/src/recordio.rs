//! `RecordIO` bodies: frames, each with a protobuf message `aialgs.data.Record`.
//!
//! A frame is the magic number, a length, the payload and zeros up to a multiple of four, all little-endian. The upper
//! three bits of the length say which part of a divided record it is.
//!
//! [`frames`] and [`Record`] are the two layers; [`decode`] and [`encode`] put dense arrays through both.

mod dense;
mod protobuf;

use std::borrow::Cow;

pub use self::{
    dense::{Dataset, decode, encode},
    protobuf::{Record, Tensor, Value},
};
use crate::error::{CodecError, EncodeError, RecordFault};

/// How much a body may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of one record, its parts together. Default 64 MiB.
    pub record_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            record_bytes: 64 << 20,
        }
    }
}

/// Begins every frame.
pub const MAGIC: u32 = 0xced7_230a;
/// Most bytes of one part: 29 bits of the length are its own.
pub const MAX_PART_BYTES: usize = (1 << 29) - 1;

/// The payloads of a body, in order. Ends at the first fault.
///
/// **Units and limits**: undivided records are views; the parts of a divided one are copied together.
pub fn frames(body: &[u8], limits: Limits) -> Frames<'_> {
    Frames {
        rest: body,
        limits,
        n_records: 0,
    }
}

/// Appends a frame.
///
/// # Errors
/// [`CodecError::TooLarge`] for a payload of more than [`MAX_PART_BYTES`].
pub fn frame(payload: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let length = u32::try_from(payload.len())
        .ok()
        .filter(|_| payload.len() <= MAX_PART_BYTES)
        .ok_or(CodecError::TooLarge {
            content_type: CONTENT_TYPE,
            limit: MAX_PART_BYTES as u64,
        })?;
    out.extend_from_slice(&MAGIC.to_le_bytes());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(payload);
    out.extend(std::iter::repeat_n(0, padding(payload.len())));
    Ok(())
}

/// What [`frames`] gives.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    rest: &'a [u8],
    limits: Limits,
    n_records: usize,
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Cow<'a, [u8]>, CodecError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        self.n_records += 1;
        let payload = self.payload().map_err(|fault| {
            self.rest = &[];
            CodecError::MalformedRecord {
                record: self.n_records,
                fault,
            }
        });
        Some(payload)
    }
}

impl<'a> Frames<'a> {
    fn payload(&mut self) -> Result<Cow<'a, [u8]>, RecordFault> {
        let (part, first) = self.part()?;
        match part {
            Part::Whole => return self.within_limit(first.len()).map(|()| first.into()),
            Part::First => {}
            Part::Middle | Part::Last => return Err(RecordFault::Parts),
        }
        let mut joined = first.to_vec();
        loop {
            if self.rest.is_empty() {
                return Err(RecordFault::Parts);
            }
            let (part, bytes) = self.part()?;
            // A writer divides a record where the magic number is in the data, and leaves it out.
            joined.extend_from_slice(&MAGIC.to_le_bytes());
            joined.extend_from_slice(bytes);
            self.within_limit(joined.len())?;
            match part {
                Part::Middle => {}
                Part::Last => return Ok(joined.into()),
                Part::Whole | Part::First => return Err(RecordFault::Parts),
            }
        }
    }

    fn part(&mut self) -> Result<(Part, &'a [u8]), RecordFault> {
        let short = |expected, actual| RecordFault::Short { expected, actual };
        let n_left = self.rest.len();
        let (magic, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| short(HEADER_BYTES, n_left))?;
        let magic = u32::from_le_bytes(*magic);
        if magic != MAGIC {
            return Err(RecordFault::Magic(magic));
        }
        let (word, rest) = rest
            .split_first_chunk()
            .ok_or_else(|| short(HEADER_BYTES, n_left))?;
        let word = u32::from_le_bytes(*word);
        let length = word as usize & MAX_PART_BYTES;
        let part = match word >> 29 {
            0 => Part::Whole,
            1 => Part::First,
            2 => Part::Middle,
            3 => Part::Last,
            _ => return Err(RecordFault::Parts),
        };
        let (payload, rest) = rest
            .split_at_checked(length)
            .ok_or_else(|| short(length, rest.len()))?;
        // The zeros after the last record may be missing; the reference doesn't look at them.
        self.rest = rest.get(padding(length)..).unwrap_or_default();
        Ok((part, payload))
    }

    fn within_limit(&self, n_bytes: usize) -> Result<(), RecordFault> {
        let limit = self.limits.record_bytes;
        if n_bytes > limit {
            return Err(RecordFault::TooLong { limit });
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Part {
    Whole,
    First,
    Middle,
    Last,
}

fn padding(length: usize) -> usize {
    length.wrapping_neg() % 4
}

const HEADER_BYTES: usize = 8;
const CONTENT_TYPE: &str = "application/x-recordio-protobuf";

#[cfg(test)]
mod tests;
