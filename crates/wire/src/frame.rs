//! The header before each payload, and the two ways through a payload: taking apart and putting together.
//!
//! **Shape** of the header, 16 bytes: `OPT`, u8 version, u8 kind, u8 flags, u16 slot, u64 length of the payload. All
//! numbers on the wire are little-endian.

use crate::{
    arena::ArenaLayout,
    fault::Fault,
    id::SlotIndex,
    kind::{Kind, Lane, SKIPPABLE},
    limits::{FRAME_HEADER_BYTES, MAX_PAYLOAD_BYTES, VERSION},
};

/// What a header says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Header {
    /// A frame to be understood.
    Known(KnownHeader),
    /// A frame of a later minor addition, to be skipped.
    Skip { payload_bytes: usize },
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownHeader {
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    pub(crate) slot: SlotIndex,
    pub(crate) payload_bytes: usize,
}

impl Header {
    /// Refuses all that a header alone can tell, before a byte of payload is waited for.
    pub(crate) fn parse(bytes: [u8; FRAME_HEADER_BYTES], lane: Lane) -> Result<Self, Fault> {
        let [m0, m1, m2, version, number, flags, s0, s1, length @ ..] = bytes;
        if [m0, m1, m2] != MAGIC {
            return Err(Fault::Magic {
                found: [m0, m1, m2],
            });
        }
        if version != VERSION {
            return Err(Fault::Version { found: version });
        }
        let payload_bytes = u64::from_le_bytes(length);
        let Some(kind) = Kind::from_number(number) else {
            return skip(number, payload_bytes);
        };
        if !kind.travels(lane) {
            return Err(Fault::WrongLane { kind, lane });
        }
        let slot = SlotIndex::new(u16::from_le_bytes([s0, s1]));
        match usize::try_from(payload_bytes) {
            Ok(payload_bytes) if payload_bytes <= kind.max_payload_bytes() => {
                Ok(Self::Known(KnownHeader {
                    kind,
                    flags,
                    slot,
                    payload_bytes,
                }))
            }
            _ => Err(Fault::TooLong {
                kind,
                payload_bytes,
            }),
        }
    }
}

/// One whole frame.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    pub(crate) slot: SlotIndex,
    pub(crate) payload: &'a [u8],
    pub(crate) lane: Lane,
    pub(crate) arena: Option<ArenaLayout>,
}

impl<'a> Frame<'a> {
    pub(crate) fn cursor(&self) -> Cursor<'a> {
        Cursor {
            kind: self.kind,
            rest: self.payload,
        }
    }

    pub(crate) fn wrong_lane(&self) -> Fault {
        Fault::WrongLane {
            kind: self.kind,
            lane: self.lane,
        }
    }

    /// Refuses flags other than these.
    pub(crate) fn only_flags(&self, known: u8) -> Result<(), Fault> {
        if self.flags & !known != 0 {
            return Err(Fault::UnknownFlags {
                kind: self.kind,
                flags: self.flags,
            });
        }
        Ok(())
    }

    /// Refuses a slot.
    pub(crate) fn no_slot(&self) -> Result<(), Fault> {
        if self.slot != SlotIndex::new(0) {
            return Err(Fault::UnexpectedSlot {
                kind: self.kind,
                slot: self.slot,
            });
        }
        Ok(())
    }

    /// The head behind its fixed part, and what follows the head.
    pub(crate) fn split_head(
        &self,
        head_bytes: u32,
        fixed_bytes: usize,
        max_head_bytes: usize,
    ) -> Result<(Cursor<'a>, &'a [u8]), Fault> {
        let wrong = Fault::HeadLength {
            kind: self.kind,
            head_bytes,
            payload_bytes: self.payload.len(),
        };
        let n_bytes = usize::try_from(head_bytes).map_err(|_| wrong)?;
        if n_bytes > max_head_bytes {
            return Err(wrong);
        }
        let (head, body) = self.payload.split_at_checked(n_bytes).ok_or(wrong)?;
        let rest = head.get(fixed_bytes..).ok_or(wrong)?;
        let cursor = Cursor {
            kind: self.kind,
            rest,
        };
        Ok((cursor, body))
    }
}

/// A way through a payload that can't leave it.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    kind: Kind,
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Fault> {
        self.fixed().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Fault> {
        self.fixed().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Fault> {
        self.fixed().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Fault> {
        self.fixed().map(u64::from_le_bytes)
    }

    pub(crate) fn take(&mut self, n_bytes: usize, part: &'static str) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self
            .rest
            .split_at_checked(n_bytes)
            .ok_or(Fault::PartOverruns {
                kind: self.kind,
                part,
            })?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn text(&mut self, n_bytes: usize, part: &'static str) -> Result<&'a str, Fault> {
        str::from_utf8(self.take(n_bytes, part)?).map_err(|_| Fault::NotUtf8 {
            kind: self.kind,
            part,
        })
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(Fault::TooShort { kind: self.kind })?;
        self.rest = rest;
        Ok(*taken)
    }
}

/// A payload in the making, behind its header.
#[derive(Debug)]
pub(crate) struct Payload<'b> {
    kind: Kind,
    out: &'b mut Vec<u8>,
    /// Where the payload begins in `out`.
    start: usize,
}

impl Payload<'_> {
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(crate) fn u8(&mut self, number: u8) {
        self.out.push(number);
    }

    pub(crate) fn u16(&mut self, number: u16) {
        self.bytes(&number.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    pub(crate) fn length_u8(&mut self, bytes: &[u8], part: &'static str) -> Result<(), Fault> {
        let length = u8::try_from(bytes.len())
            .map_err(|_| self.part_too_long(bytes, part, u8::MAX.into()))?;
        self.u8(length);
        Ok(())
    }

    pub(crate) fn length_u16(&mut self, bytes: &[u8], part: &'static str) -> Result<(), Fault> {
        let length = u16::try_from(bytes.len())
            .map_err(|_| self.part_too_long(bytes, part, u16::MAX.into()))?;
        self.u16(length);
        Ok(())
    }

    pub(crate) fn length_u32(&mut self, bytes: &[u8], part: &'static str) -> Result<(), Fault> {
        let length = u32::try_from(bytes.len())
            .map_err(|_| self.part_too_long(bytes, part, MAX_PAYLOAD_BYTES))?;
        self.u32(length);
        Ok(())
    }

    /// Leaves room for the length of the head, which [`Self::end_head`] fills in.
    pub(crate) fn begin_head(&mut self) -> HeadLength {
        self.u32(0);
        HeadLength {
            at: self.out.len() - size_of::<u32>(),
        }
    }

    /// Everything so far is the head.
    pub(crate) fn end_head(
        &mut self,
        length: &HeadLength,
        max_head_bytes: usize,
    ) -> Result<(), Fault> {
        let n_bytes = self.out.len() - self.start;
        let head_bytes = u32::try_from(n_bytes).unwrap_or(u32::MAX);
        if n_bytes > max_head_bytes {
            return Err(Fault::HeadLength {
                kind: self.kind,
                head_bytes,
                payload_bytes: n_bytes,
            });
        }
        patch(self.out, length.at, head_bytes.to_le_bytes());
        Ok(())
    }

    fn part_too_long(&self, bytes: &[u8], part: &'static str, max_bytes: usize) -> Fault {
        Fault::PartTooLong {
            kind: self.kind,
            part,
            n_bytes: bytes.len(),
            max_bytes,
        }
    }
}

/// Where a head's own length goes.
#[derive(Debug)]
pub(crate) struct HeadLength {
    at: usize,
}

/// The fields of a header that a message chooses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label {
    pub(crate) kind: Kind,
    pub(crate) flags: u8,
    pub(crate) slot: SlotIndex,
}

impl Label {
    pub(crate) const fn plain(kind: Kind) -> Self {
        Self {
            kind,
            flags: 0,
            slot: SlotIndex::new(0),
        }
    }
}

/// Appends a frame up to `tail`, which is part of the payload and is left for the caller to write.
///
/// After a fault nothing has been appended.
pub(crate) fn put<'a>(
    out: &mut Vec<u8>,
    label: Label,
    tail: &'a [u8],
    fill: impl FnOnce(&mut Payload<'_>) -> Result<(), Fault>,
) -> Result<&'a [u8], Fault> {
    let frame_start = out.len();
    let filled = put_unchecked(out, label, tail, fill);
    if filled.is_err() {
        out.truncate(frame_start);
    }
    filled.map(|()| tail)
}

fn put_unchecked(
    out: &mut Vec<u8>,
    label: Label,
    tail: &[u8],
    fill: impl FnOnce(&mut Payload<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let kind = label.kind;
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, kind.number(), label.flags]);
    out.extend_from_slice(&label.slot.number().to_le_bytes());
    let length_at = out.len();
    out.extend_from_slice(&0_u64.to_le_bytes());
    let start = out.len();
    fill(&mut Payload { kind, out, start })?;
    let n_bytes = out.len() - start + tail.len();
    let payload_bytes = u64::try_from(n_bytes).unwrap_or(u64::MAX);
    if n_bytes > kind.max_payload_bytes() {
        return Err(Fault::TooLong {
            kind,
            payload_bytes,
        });
    }
    patch(out, length_at, payload_bytes.to_le_bytes());
    Ok(())
}

fn patch<const N: usize>(out: &mut [u8], at: usize, bytes: [u8; N]) {
    if let Some(place) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = bytes;
    }
}

fn skip(number: u8, payload_bytes: u64) -> Result<Header, Fault> {
    if number & SKIPPABLE == 0 {
        return Err(Fault::UnknownKind { number });
    }
    match usize::try_from(payload_bytes) {
        Ok(payload_bytes) if payload_bytes <= MAX_PAYLOAD_BYTES => {
            Ok(Header::Skip { payload_bytes })
        }
        _ => Err(Fault::UnknownTooLong {
            number,
            payload_bytes,
        }),
    }
}

const MAGIC: [u8; 3] = *b"OPT";
