//! How large anything on the wire may be. A frame past one of these is refused, and with it the connection.

/// The one version of the protocol that this crate speaks.
pub const VERSION: u8 = 1;

/// What stands before each payload.
pub const FRAME_HEADER_BYTES: usize = 16;

/// The head of a request or response: everything but the body.
///
/// 64 KiB of header fields and 8 KiB of URI, as the front accepts them by default, and once more 64 KiB for a content type and
/// an accept that take all of the header: 136 KiB. The next power of two.
pub const MAX_HEAD_BYTES: usize = 256 << 10;

/// A body in the same frame as its head. Four times the size from which an arena is worth its trouble (64 KiB).
pub const MAX_INLINE_BYTES: usize = 256 << 10;

/// The bytes of one chunk. A stream socket holds about 208 KiB: more in one frame saves no call.
pub const MAX_CHUNK_BYTES: usize = 256 << 10;

/// Frames that are mostly text: settings, failures, statistics.
pub const MAX_TEXT_PAYLOAD_BYTES: usize = 64 << 10;

/// Frames of a few numbers. They need 24 bytes at most; the rest is room to grow.
pub const MAX_SMALL_PAYLOAD_BYTES: usize = 4 << 10;

/// The largest payload: 256 KiB head + 256 KiB inline body = 512 KiB.
pub const MAX_PAYLOAD_BYTES: usize = MAX_HEAD_BYTES + MAX_INLINE_BYTES;

/// The largest frame, and the most that a decoder ever holds: 512 KiB + 16 bytes.
pub const MAX_FRAME_BYTES: usize = FRAME_HEADER_BYTES + MAX_PAYLOAD_BYTES;

/// Pairs in one head. The front takes 100 header fields by default; user code may answer with more.
pub const MAX_PAIRS: u16 = 1024;

/// Dimensions of an array. The default decoders of the front go as deep.
pub const MAX_DIMENSIONS: usize = 32;

/// Chunk bytes of one body that may be sent before the first credit, each way. A worker's stream stops when this much is
/// unread.
pub const INITIAL_WINDOW_BYTES: u32 = 1 << 20;

/// Slots are a multiple of this: the smallest page of the machines we run on, and any array's alignment.
pub const SLOT_ALIGNMENT_BYTES: u32 = 4096;
