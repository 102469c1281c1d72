//! Where the bytes of a body are, and what they are when they are an array.

use crate::{
    arena::{SlotSpan, slot_of},
    fault::Fault,
    frame::{Cursor, Frame, Payload},
    id::SlotIndex,
    kind::Kind,
    limits::{MAX_DIMENSIONS, MAX_INLINE_BYTES},
};

/// Where the body of a request or response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body<'a> {
    /// Here, all of it. No body at all is the same as one of 0 bytes.
    Inline(&'a [u8]),
    /// In the arena, all of it.
    Slot(SlotSpan),
    /// In the frames that follow.
    Chunks {
        /// The length, where it is known beforehand.
        declared_bytes: Option<u64>,
    },
}

/// The numbers of a body that are part of its message's fixed part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyNumbers {
    pub(crate) n_bytes: u64,
    pub(crate) offset_bytes: u32,
}

impl<'a> Body<'a> {
    /// Bits of the flags.
    pub(crate) const FORM_FLAGS: u8 = 0b11;

    /// `rest` is what follows the head.
    pub(crate) fn parse(
        frame: &Frame<'a>,
        numbers: BodyNumbers,
        rest: &'a [u8],
    ) -> Result<Self, Fault> {
        let kind = frame.kind;
        let form = frame.flags & Self::FORM_FLAGS;
        if form != FORM_INLINE && !rest.is_empty() {
            return Err(Fault::BytesAfterHead {
                kind,
                n_bytes: rest.len(),
            });
        }
        if form != FORM_SLOT {
            frame.no_slot()?;
            if numbers.offset_bytes != 0 {
                return Err(Fault::OffsetWithoutSlot {
                    kind,
                    offset_bytes: numbers.offset_bytes,
                });
            }
        }
        match form {
            FORM_INLINE => inline(kind, numbers.n_bytes, rest),
            FORM_SLOT => {
                let arena = slot_of(frame.arena, kind, frame.lane, frame.slot)?;
                let span = SlotSpan {
                    slot: frame.slot,
                    offset_bytes: numbers.offset_bytes,
                    n_bytes: numbers.n_bytes,
                };
                span.check(arena).map(Self::Slot)
            }
            FORM_CHUNKS => Ok(Self::Chunks {
                declared_bytes: (numbers.n_bytes != UNKNOWN_LENGTH).then_some(numbers.n_bytes),
            }),
            _ => Err(Fault::BodyForm { kind }),
        }
    }

    pub(crate) const fn form(&self) -> u8 {
        match self {
            Self::Inline(_) => FORM_INLINE,
            Self::Slot(_) => FORM_SLOT,
            Self::Chunks { .. } => FORM_CHUNKS,
        }
    }

    pub(crate) const fn slot(&self) -> SlotIndex {
        match self {
            Self::Slot(span) => span.slot,
            Self::Inline(_) | Self::Chunks { .. } => SlotIndex::new(0),
        }
    }

    pub(crate) fn numbers(&self) -> Result<BodyNumbers, Fault> {
        let (n_bytes, offset_bytes) = match self {
            Self::Inline(bytes) if bytes.len() > MAX_INLINE_BYTES => {
                return Err(Fault::InlineTooLong {
                    n_bytes: bytes.len(),
                });
            }
            Self::Inline(bytes) => (bytes.len() as u64, 0),
            Self::Slot(span) => (span.n_bytes, span.offset_bytes),
            Self::Chunks { declared_bytes } => (declared_bytes.unwrap_or(UNKNOWN_LENGTH), 0),
        };
        Ok(BodyNumbers {
            n_bytes,
            offset_bytes,
        })
    }

    /// What follows the head.
    pub(crate) const fn tail(&self) -> &'a [u8] {
        match self {
            Self::Inline(bytes) => bytes,
            Self::Slot(_) | Self::Chunks { .. } => &[],
        }
    }
}

/// A body that is the elements of an array, without gaps, in C order, little-endian.
///
/// **Shape**: u8 type, u8 number of dimensions, 6 bytes of 0, then each dimension as u64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Array<'a> {
    /// The type of its elements.
    pub dtype: Dtype,
    /// Its dimensions, each as the 8 bytes of a little-endian u64; none for a single element. At most 32.
    pub dimensions: &'a [[u8; 8]],
}

impl<'a> Array<'a> {
    /// The dimensions as numbers.
    pub fn shape(&self) -> impl ExactSizeIterator<Item = u64> + use<'a> {
        self.dimensions.iter().copied().map(u64::from_le_bytes)
    }

    /// The length of its elements, unless that is more than 2^64 - 1.
    pub fn n_bytes(&self) -> Option<u64> {
        if self.shape().any(|dimension| dimension == 0) {
            return Some(0);
        }
        self.shape()
            .try_fold(self.dtype.item_bytes(), u64::checked_mul)
    }

    /// Says that there is one.
    pub(crate) const FLAG: u8 = 0b100;

    pub(crate) const fn flag(array: Option<Self>) -> u8 {
        if array.is_some() { Self::FLAG } else { 0 }
    }

    pub(crate) fn take_if_flagged(
        flags: u8,
        cursor: &mut Cursor<'a>,
        body: BodyNumbers,
    ) -> Result<Option<Self>, Fault> {
        if flags & Self::FLAG == 0 {
            return Ok(None);
        }
        let array = Self::take(cursor)?;
        array.check(body)?;
        Ok(Some(array))
    }

    pub(crate) fn put_if_any(
        array: Option<Self>,
        payload: &mut Payload<'_>,
        body: BodyNumbers,
    ) -> Result<(), Fault> {
        let Some(array) = array else { return Ok(()) };
        array.check(body)?;
        array.put(payload)
    }

    fn take(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        let code = cursor.u8()?;
        let n_dimensions = usize::from(cursor.u8()?);
        cursor.take(RESERVED.len(), "array")?;
        if n_dimensions > MAX_DIMENSIONS {
            return Err(Fault::TooManyDimensions { n_dimensions });
        }
        let dtype = Dtype::from_code(code).ok_or(Fault::ArrayType { code })?;
        let bytes = cursor.take(n_dimensions * size_of::<u64>(), "array")?;
        let (dimensions, _) = bytes.as_chunks();
        Ok(Self { dtype, dimensions })
    }

    fn put(&self, payload: &mut Payload<'_>) -> Result<(), Fault> {
        let too_many = Fault::TooManyDimensions {
            n_dimensions: self.dimensions.len(),
        };
        let n_dimensions = u8::try_from(self.dimensions.len()).map_err(|_| too_many)?;
        if usize::from(n_dimensions) > MAX_DIMENSIONS {
            return Err(too_many);
        }
        payload.u8(self.dtype.code());
        payload.u8(n_dimensions);
        payload.bytes(&RESERVED);
        payload.bytes(self.dimensions.as_flattened());
        Ok(())
    }

    /// Whether this body can be this array.
    fn check(&self, body: BodyNumbers) -> Result<(), Fault> {
        if self.n_bytes() != Some(body.n_bytes) || body.n_bytes == UNKNOWN_LENGTH {
            return Err(Fault::ArraySize {
                body_bytes: body.n_bytes,
            });
        }
        Ok(())
    }
}

/// The type of an array's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Dtype {
    /// One byte, 0 or 1.
    Bool = 1,
    /// Signed, 8 bits.
    I8 = 2,
    /// Signed, 16 bits.
    I16 = 3,
    /// Signed, 32 bits.
    I32 = 4,
    /// Signed, 64 bits.
    I64 = 5,
    /// Unsigned, 8 bits.
    U8 = 6,
    /// Unsigned, 16 bits.
    U16 = 7,
    /// Unsigned, 32 bits.
    U32 = 8,
    /// Unsigned, 64 bits.
    U64 = 9,
    /// IEEE 754, 16 bits.
    F16 = 10,
    /// IEEE 754, 32 bits.
    F32 = 11,
    /// IEEE 754, 64 bits.
    F64 = 12,
}

impl Dtype {
    /// The type of this number.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Bool,
            2 => Self::I8,
            3 => Self::I16,
            4 => Self::I32,
            5 => Self::I64,
            6 => Self::U8,
            7 => Self::U16,
            8 => Self::U32,
            9 => Self::U64,
            10 => Self::F16,
            11 => Self::F32,
            12 => Self::F64,
            _ => return None,
        })
    }

    /// The number on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The size of one element.
    pub const fn item_bytes(self) -> u64 {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }
}

fn inline(kind: Kind, declared_bytes: u64, rest: &[u8]) -> Result<Body<'_>, Fault> {
    if rest.len() as u64 != declared_bytes {
        return Err(Fault::InlineLength {
            kind,
            declared_bytes,
            actual_bytes: rest.len(),
        });
    }
    if rest.len() > MAX_INLINE_BYTES {
        return Err(Fault::InlineTooLong {
            n_bytes: rest.len(),
        });
    }
    Ok(Body::Inline(rest))
}

const FORM_INLINE: u8 = 0;
const FORM_SLOT: u8 = 1;
const FORM_CHUNKS: u8 = 2;
const UNKNOWN_LENGTH: u64 = u64::MAX;
/// So that the dimensions begin at a multiple of 8.
const RESERVED: [u8; 6] = [0; 6];
