//! protobuf's encoding: numbered fields, each a varint, 4 bytes, 8 bytes, or a length and as many bytes.

use crate::error::RecordFault;

/// The fields of a message, one after the other.
pub(super) struct Message<'a> {
    rest: &'a [u8],
    /// Where `rest` begins in the payload, for messages.
    offset: usize,
}

/// The value of a field, as its wire type has it.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    content: Content<'a>,
    offset: usize,
}

#[derive(Clone, Copy)]
enum Content<'a> {
    Varint(u64),
    Fixed(&'a [u8]),
    Bytes(&'a [u8]),
}

impl<'a> Message<'a> {
    pub(super) fn new(bytes: &'a [u8], offset: usize) -> Self {
        Self {
            rest: bytes,
            offset,
        }
    }

    /// The next field's number and value.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Field<'a>)>, RecordFault> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let content = match tag & 7 {
            0 => Content::Varint(self.varint()?),
            1 => Content::Fixed(self.take(8)?),
            2 => {
                let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                Content::Bytes(self.take(length)?)
            }
            5 => Content::Fixed(self.take(4)?),
            _ => return Err(self.fault("a field of an unknown kind")),
        };
        let offset = self.offset - content.n_bytes();
        Ok(Some((tag >> 3, Field { content, offset })))
    }

    fn varint(&mut self) -> Result<u64, RecordFault> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let &byte = self.take(1)?.first().ok_or_else(|| self.fault("the end"))?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.fault("a number of more than ten bytes"))
    }

    fn take(&mut self, n_bytes: usize) -> Result<&'a [u8], RecordFault> {
        let (taken, rest) = self
            .rest
            .split_at_checked(n_bytes)
            .ok_or_else(|| self.fault("the end, within a field"))?;
        self.rest = rest;
        self.offset += n_bytes;
        Ok(taken)
    }

    fn fault(&self, what: &'static str) -> RecordFault {
        RecordFault::Protobuf {
            offset: self.offset,
            what,
        }
    }
}

impl<'a> Field<'a> {
    pub(super) fn bytes(&self) -> Result<&'a [u8], RecordFault> {
        match self.content {
            Content::Bytes(bytes) => Ok(bytes),
            _ => Err(self.fault("a number in the place of bytes")),
        }
    }

    pub(super) fn text(&self) -> Result<&'a str, RecordFault> {
        str::from_utf8(self.bytes()?).map_err(|_| self.fault("text that is not UTF-8"))
    }

    pub(super) fn message(&self) -> Result<Message<'a>, RecordFault> {
        Ok(Message::new(self.bytes()?, self.offset))
    }

    /// Numbers of 4 or 8 bytes: one, or several packed.
    pub(super) fn fixed(&self, item_bytes: usize) -> Result<&'a [u8], RecordFault> {
        match self.content {
            Content::Bytes(bytes) if bytes.len() % item_bytes == 0 => Ok(bytes),
            Content::Fixed(bytes) if bytes.len() == item_bytes => Ok(bytes),
            _ => Err(self.fault("a number of the wrong size")),
        }
    }

    /// Whole numbers: one, or several packed.
    pub(super) fn varints(&self, mut push: impl FnMut(u64)) -> Result<(), RecordFault> {
        match self.content {
            Content::Varint(value) => push(value),
            Content::Bytes(bytes) => {
                let mut message = Message::new(bytes, self.offset);
                while !message.rest.is_empty() {
                    push(message.varint()?);
                }
            }
            Content::Fixed(_) => return Err(self.fault("a number of the wrong size")),
        }
        Ok(())
    }

    pub(super) fn fault(&self, what: &'static str) -> RecordFault {
        RecordFault::Protobuf {
            offset: self.offset,
            what,
        }
    }
}

impl Content<'_> {
    fn n_bytes(self) -> usize {
        match self {
            Self::Varint(_) => 0,
            Self::Fixed(bytes) | Self::Bytes(bytes) => bytes.len(),
        }
    }
}

/// A field of bytes, text or a message.
pub(super) fn push_bytes(number: u64, bytes: &[u8], out: &mut Vec<u8>) {
    push_varint(number << 3 | 2, out);
    push_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

pub(super) fn push_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}
