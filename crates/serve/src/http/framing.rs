//! The body of a request in chunks: what of the bytes is body, and where it ends.

use std::ops::Range;

use super::{
    fault::{Excerpt, Fault},
    octets::{is_control, is_token_byte},
};

/// What of a buffer a [`ChunkDecoder`] has used up, and what it has found there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "the bytes that are consumed must be taken off the buffer"]
pub enum ChunkStep {
    /// All of the buffer was framing, and more must come. If [`ChunkDecoder::data_left`] is above 0, body bytes follow.
    NeedMore {
        /// The length of the buffer.
        consumed: usize,
    },
    /// Bytes of the body.
    Data {
        /// Where in the buffer they are. What is before them was framing; they and it are consumed.
        range: Range<usize>,
    },
    /// The body is whole, and what follows is the next request.
    Done {
        /// The framing at the beginning of the buffer.
        consumed: usize,
    },
}

impl ChunkStep {
    /// How much of the buffer is used up.
    pub const fn consumed(&self) -> usize {
        match self {
            Self::NeedMore { consumed } | Self::Done { consumed } => *consumed,
            Self::Data { range } => range.end,
        }
    }
}

/// One chunked body on its way from framing to bytes.
///
/// Give what came to [`Self::next`] until the buffer is empty or the body done. The bytes of a large chunk need not pass
/// through a buffer: [`Self::data_left`] says how many can be read to elsewhere, and [`Self::advance`] that they were.
///
/// Trailer fields are checked and dropped, extensions are dropped.
#[derive(Debug, Clone)]
pub struct ChunkDecoder {
    state: State,
    body_bytes: u64,
    /// Of all chunks so far.
    extension_bytes: u64,
    trailer_bytes: usize,
    trailer_name: TrailerName,
    fault: Option<Fault>,
}

impl ChunkDecoder {
    /// A decoder before the first chunk.
    pub const fn new() -> Self {
        Self {
            state: State::SizeStart,
            body_bytes: 0,
            extension_bytes: 0,
            trailer_bytes: 0,
            trailer_name: TrailerName::new(),
            fault: None,
        }
    }

    /// Looks at the bytes that follow those already consumed, up to the end of the first run of body bytes.
    ///
    /// # Errors
    /// A [`Fault`], and from then on always the same.
    pub fn next(&mut self, buf: &[u8]) -> Result<ChunkStep, Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let mut consumed = 0;
        loop {
            match self.state {
                State::Data { left } if consumed < buf.len() => {
                    let available_bytes = buf.len() - consumed;
                    let n_bytes = usize::try_from(left)
                        .map_or(available_bytes, |left| left.min(available_bytes));
                    self.advance(n_bytes as u64);
                    let range = consumed..consumed + n_bytes;
                    return Ok(ChunkStep::Data { range });
                }
                State::Done => return Ok(ChunkStep::Done { consumed }),
                _ => {}
            }
            let Some(byte) = buf.get(consumed) else {
                return Ok(ChunkStep::NeedMore { consumed });
            };
            self.state = self
                .step(*byte)
                .inspect_err(|fault| self.fault = Some(*fault))?;
            consumed += 1;
        }
    }

    /// Body bytes that come next, before any more framing: what is left of the current chunk.
    pub const fn data_left(&self) -> u64 {
        match self.state {
            State::Data { left } => left,
            _ => 0,
        }
    }

    /// That many of the bytes that were left of the chunk went another way. More than were left count as those.
    pub fn advance(&mut self, n_bytes: u64) {
        if let State::Data { left } = self.state {
            let n_bytes = n_bytes.min(left);
            self.body_bytes = self.body_bytes.saturating_add(n_bytes);
            self.state = if n_bytes == left {
                State::DataCr
            } else {
                State::Data {
                    left: left - n_bytes,
                }
            };
        }
    }

    /// Body bytes so far.
    pub const fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// What a byte of framing leads to.
    fn step(&mut self, byte: u8) -> Result<State, Fault> {
        match self.state {
            State::SizeStart => first_digit(byte),
            State::Size { size, n_digits } => size_byte(byte, size, n_digits),
            State::Extension { size, n_bytes } => self.extension_byte(byte, size, n_bytes),
            State::SizeLf { size } => line_feed(byte).map(|()| match size {
                0 => State::TrailerStart,
                left => State::Data { left },
            }),
            State::DataCr => match byte {
                b'\r' => Ok(State::DataLf),
                found => Err(unexpected(found, "CR LF after the bytes of a chunk")),
            },
            State::DataLf => line_feed(byte).map(|()| State::SizeStart),
            State::TrailerStart
            | State::TrailerName
            | State::TrailerValue
            | State::TrailerLf
            | State::LastLf => self.trailer_byte(byte),
            // These are for `next`.
            State::Data { .. } | State::Done => Ok(self.state),
        }
    }

    fn extension_byte(&mut self, byte: u8, size: u64, n_bytes: usize) -> Result<State, Fault> {
        if byte == b'\r' {
            return Ok(State::SizeLf { size });
        }
        if is_control(byte) {
            return Err(unexpected(byte, "a chunk extension"));
        }
        if n_bytes >= MAX_EXTENSION_BYTES {
            return Err(Fault::ChunkExtensionTooLong);
        }
        self.extension_bytes += 1;
        if self.extension_bytes > EXTENSION_ALLOWANCE_BYTES.saturating_add(self.body_bytes) {
            return Err(Fault::ChunkExtensionsOutweighBody);
        }
        Ok(State::Extension {
            size,
            n_bytes: n_bytes + 1,
        })
    }

    fn trailer_byte(&mut self, byte: u8) -> Result<State, Fault> {
        self.trailer_bytes += 1;
        if self.trailer_bytes > MAX_TRAILER_BYTES {
            return Err(Fault::TrailersTooLong);
        }
        match (self.state, byte) {
            (State::LastLf, _) => line_feed(byte).map(|()| State::Done),
            (State::TrailerLf, _) => line_feed(byte).map(|()| State::TrailerStart),
            (State::TrailerStart, b'\r') => Ok(State::LastLf),
            (State::TrailerStart, b' ' | b'\t') => Err(Fault::FoldedField),
            (State::TrailerStart, _) if is_token_byte(byte) => {
                self.trailer_name = TrailerName::new();
                self.trailer_name.push(byte);
                Ok(State::TrailerName)
            }
            (State::TrailerName, b':') => {
                self.trailer_name.check()?;
                Ok(State::TrailerValue)
            }
            (State::TrailerName, _) if is_token_byte(byte) => {
                self.trailer_name.push(byte);
                Ok(State::TrailerName)
            }
            (State::TrailerValue, b'\r') => Ok(State::TrailerLf),
            (State::TrailerValue, _) if !is_control(byte) => Ok(State::TrailerValue),
            (State::TrailerValue, _) => Err(unexpected(byte, "the value of a trailer field")),
            (State::TrailerName, _) => Err(unexpected(byte, "the colon of a trailer field")),
            _ => Err(unexpected(byte, "a trailer field or CR LF")),
        }
    }
}

impl Default for ChunkDecoder {
    fn default() -> Self {
        Self::new()
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy)]
enum State {
    SizeStart,
    Size {
        size: u64,
        n_digits: u8,
    },
    Extension {
        size: u64,
        /// Of this chunk.
        n_bytes: usize,
    },
    SizeLf {
        size: u64,
    },
    /// Never with nothing left.
    Data {
        left: u64,
    },
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    LastLf,
    Done,
}

fn first_digit(byte: u8) -> Result<State, Fault> {
    match hex_digit(byte) {
        Some(size) => Ok(State::Size { size, n_digits: 1 }),
        None => Err(unexpected(byte, "a chunk size in hexadecimal digits")),
    }
}

fn size_byte(byte: u8, size: u64, n_digits: u8) -> Result<State, Fault> {
    if let Some(digit) = hex_digit(byte) {
        if n_digits >= 16 || size > MAX_CHUNK_BYTES >> 4 {
            return Err(Fault::ChunkTooLarge);
        }
        return Ok(State::Size {
            size: size << 4 | digit,
            n_digits: n_digits + 1,
        });
    }
    match byte {
        b'\r' => Ok(State::SizeLf { size }),
        b';' => Ok(State::Extension { size, n_bytes: 0 }),
        found => Err(unexpected(
            found,
            "a hexadecimal digit of a chunk size, `;` or CR LF",
        )),
    }
}

fn line_feed(byte: u8) -> Result<(), Fault> {
    match byte {
        b'\n' => Ok(()),
        found => Err(unexpected(found, "the LF of CR LF")),
    }
}

fn hex_digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

const fn unexpected(found: u8, expected: &'static str) -> Fault {
    Fault::ChunkByte { found, expected }
}

/// As much of the name of a trailer field as is needed to know that it is none of the forbidden ones.
#[derive(Debug, Clone, Copy)]
struct TrailerName {
    bytes: [u8; MAX_NAME_BYTES],
    n_bytes: usize,
}

impl TrailerName {
    const fn new() -> Self {
        Self {
            bytes: [0; MAX_NAME_BYTES],
            n_bytes: 0,
        }
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.n_bytes) {
            *place = byte;
        }
        self.n_bytes += 1;
    }

    fn check(&self) -> Result<(), Fault> {
        // A name that did not fit is longer than all of the list.
        let Some(name) = self.bytes.get(..self.n_bytes) else {
            return Ok(());
        };
        if FORBIDDEN_TRAILERS
            .iter()
            .any(|forbidden| name.eq_ignore_ascii_case(forbidden.as_bytes()))
        {
            let name = Excerpt::of(name);
            return Err(Fault::ForbiddenTrailer { name });
        }
        Ok(())
    }
}

/// Extensions of one chunk. Nobody here reads them.
pub(super) const MAX_EXTENSION_BYTES: usize = 4 * 1024;

/// Extensions of a whole body, beyond one byte for each byte of it: signed uploads have about 85 bytes for each 64 KiB, and
/// a client that sends 4 KiB for each byte wants to keep us busy.
pub(super) const EXTENSION_ALLOWANCE_BYTES: u64 = 64 * 1024;

/// All trailer fields, with the empty line behind them.
pub(super) const MAX_TRAILER_BYTES: usize = 8 * 1024;

/// Lengths are signed 64-bit numbers in much of what stands before us: a larger one could be read as another there.
const MAX_CHUNK_BYTES: u64 = i64::MAX as u64;

const MAX_NAME_BYTES: usize = 32;

/// What decides about framing, routing, access or the body's meaning. RFC 9110, 6.5.1.
const FORBIDDEN_TRAILERS: &[&str] = &[
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
];

#[cfg(test)]
mod tests;
