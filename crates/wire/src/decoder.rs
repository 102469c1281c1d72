//! From bytes, in whatever pieces they come, to messages.

use crate::{
    arena::ArenaLayout,
    fault::Fault,
    frame::{Frame, Header, KnownHeader},
    kind::Lane,
    limits::{FRAME_HEADER_BYTES, MAX_FRAME_BYTES},
    message::Message,
};

/// One lane's bytes on their way to messages. One for each connection and direction.
///
/// Read into [`Self::space`], say how much with [`Self::advance`], and call [`Self::next`] until it has no more. A message
/// borrows its bytes from here: they are copied by whoever keeps them, and nowhere else but for the part of a frame that
/// is moved to the front of the buffer, at most once.
///
/// **Units and limits**: nothing before the first use, then 80 KiB, and as much as the largest frame seen: at most
/// [`MAX_FRAME_BYTES`].
#[derive(Debug, Default)]
pub struct Decoder {
    /// All of it can be read into; the frames are in `start..end`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The length of the frame that begins at `start`, as far as it is known to be incomplete.
    needed_bytes: usize,
    /// What is left of a frame that nobody here understands.
    skip_bytes: usize,
    arena: Option<ArenaLayout>,
    fault: Option<Fault>,
}

impl Decoder {
    /// A decoder that has seen nothing, and knows no arena.
    pub const fn new() -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            end: 0,
            needed_bytes: 0,
            skip_bytes: 0,
            arena: None,
            fault: None,
        }
    }

    /// From now on slots are those of this arena. Before this, each slot is [`Fault::NoArena`].
    pub const fn set_arena(&mut self, arena: ArenaLayout) {
        self.arena = Some(arena);
    }

    /// Where to read the next bytes to. Never empty after [`Self::next`] had nothing more.
    pub fn space(&mut self) -> &mut [u8] {
        self.make_room();
        self.buffer.get_mut(self.end..).unwrap_or_default()
    }

    /// `n_bytes` were read into [`Self::space`]. More than its length counts as its length.
    pub fn advance(&mut self, n_bytes: usize) {
        self.end = self.end.saturating_add(n_bytes).min(self.buffer.len());
    }

    /// The next message, or `None` until more bytes have come.
    ///
    /// # Errors
    /// A [`Fault`], from then on always the same: what follows a bad frame can't be told from its payload.
    pub fn next<'a, M: Message<'a>>(&'a mut self) -> Result<Option<M>, Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let decoded = match self.locate(M::LANE) {
            Ok(None) => return Ok(None),
            Ok(Some((header, start))) => {
                let payload = self.buffer.get(start..start + header.payload_bytes);
                M::from_frame(&Frame {
                    kind: header.kind,
                    flags: header.flags,
                    slot: header.slot,
                    payload: payload.unwrap_or_default(),
                    lane: M::LANE,
                    arena: self.arena,
                })
            }
            Err(fault) => Err(fault),
        };
        match decoded {
            Ok(message) => Ok(Some(message)),
            Err(fault) => {
                self.fault = Some(fault);
                Err(fault)
            }
        }
    }

    /// The connection has ended.
    ///
    /// # Errors
    /// [`Fault::Truncated`], when it ended inside a frame; an earlier fault.
    pub fn finish(&self) -> Result<(), Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if self.start < self.end || self.skip_bytes > 0 {
            return Err(Fault::Truncated {
                n_bytes: self.end - self.start,
            });
        }
        Ok(())
    }

    /// The memory that it holds.
    pub const fn allocated_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Passes over the next whole frame, and says where its payload begins.
    fn locate(&mut self, lane: Lane) -> Result<Option<(KnownHeader, usize)>, Fault> {
        loop {
            let skipped_bytes = self.skip_bytes.min(self.end - self.start);
            self.start += skipped_bytes;
            self.skip_bytes -= skipped_bytes;
            let waiting = self.buffer.get(self.start..self.end).unwrap_or_default();
            let Some(bytes) = waiting.first_chunk() else {
                self.needed_bytes = FRAME_HEADER_BYTES;
                return Ok(None);
            };
            match Header::parse(*bytes, lane)? {
                Header::Skip { payload_bytes } => {
                    self.start += FRAME_HEADER_BYTES;
                    self.skip_bytes = payload_bytes;
                }
                Header::Known(header) => {
                    let frame_bytes = FRAME_HEADER_BYTES + header.payload_bytes;
                    if waiting.len() < frame_bytes {
                        self.needed_bytes = frame_bytes;
                        return Ok(None);
                    }
                    let payload_start = self.start + FRAME_HEADER_BYTES;
                    self.start += frame_bytes;
                    return Ok(Some((header, payload_start)));
                }
            }
        }
    }

    /// Makes the buffer large enough for the frame that is incomplete, and puts that frame at its start.
    fn make_room(&mut self) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let wanted_bytes = self.needed_bytes.clamp(USUAL_BYTES, MAX_FRAME_BYTES);
        if let Some(more_bytes) = wanted_bytes.checked_sub(self.buffer.len()) {
            // Exactly: doubling would pass the limit.
            self.buffer.reserve_exact(more_bytes);
            self.buffer.resize(wanted_bytes, 0);
        }
    }
}

/// Several small requests in one read, or a body just under the size from which it goes into a slot (64 KiB) with its head.
const USUAL_BYTES: usize = 80 << 10;
