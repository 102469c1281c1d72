//! The packed stream, and its decompression on a thread of its own.
//!
//! The thread fills buffers and sends them over; the reader sends empty ones back. Both channels are bounded, and so is
//! memory. A stream may consist of several gzip members or zstd frames, as parallel compressors write them.

use std::{
    cell::Cell,
    io::{self, BufRead, BufReader, Read},
    mem,
    sync::mpsc::{self, Receiver, SyncSender},
};

use thiserror::Error;

use super::{decoder::Decoder, error::CUT_SHORT, limits::Limits};

/// What can be wrong with the packed stream.
#[derive(Debug, Error)]
pub enum StreamError {
    /// The source failed.
    #[error("the source cannot be read: {0}")]
    Read(#[source] io::Error),
    /// The compressed data contradicts itself: wrong codes, checksum or length, garbage at its end.
    #[error("the {format} data is damaged: {reason}")]
    Damaged {
        /// `gzip` or `zstd`.
        format: &'static str,
        /// What the decompressor says.
        #[source]
        reason: io::Error,
    },
    /// The compressed data ends in its middle.
    #[error("the {format} data ends early")]
    Truncated {
        /// `gzip` or `zstd`.
        format: &'static str,
    },
    /// A decompression bomb.
    #[error(
        "{unpacked_bytes} bytes came out of {packed_bytes}, and at most {max_ratio} times are accepted"
    )]
    Ratio {
        /// Bytes in.
        packed_bytes: u64,
        /// Bytes out so far.
        unpacked_bytes: u64,
        /// The limit.
        max_ratio: u64,
    },
    /// A zstd stream that needs more memory than is given.
    #[error("the zstd window is {window_bytes} bytes, and at most {max_bytes} are accepted")]
    Window {
        /// What it asks for.
        window_bytes: u64,
        /// The limit.
        max_bytes: u64,
    },
    /// No thread for the decompressor.
    #[error("no thread can be started: {0}")]
    Thread(#[source] io::Error),
}

/// How a stream is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Tar,
    Gzip,
    Zstd,
}

/// The writing end: buffers to send, and empty ones that come back.
#[derive(Debug)]
pub(super) struct Ends {
    full: SyncSender<Result<Vec<u8>, StreamError>>,
    empty: Receiver<Vec<u8>>,
}

/// The reading end: the unpacked stream in pieces.
#[derive(Debug)]
pub(super) struct Chunks {
    full: Receiver<Result<Vec<u8>, StreamError>>,
    empty: SyncSender<Vec<u8>>,
    current: Vec<u8>,
    offset: usize,
}

impl StreamError {
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Damaged { .. } | Self::Truncated { .. } => Some(CUT_SHORT),
            Self::Window { .. } => Some("pack with zstd level 19 or lower, and without `--long`"),
            Self::Read(_) | Self::Ratio { .. } | Self::Thread(_) => None,
        }
    }
}

/// Two ends with all buffers lying ready.
pub(super) fn channel() -> (Ends, Chunks) {
    let (full_tx, full_rx) = mpsc::sync_channel(N_CHUNKS);
    let (empty_tx, empty_rx) = mpsc::sync_channel(N_CHUNKS);
    for _ in 0..N_CHUNKS {
        // The channel is new, open at both ends, and has room for all of them.
        let _ = empty_tx.try_send(Vec::with_capacity(CHUNK_BYTES));
    }
    let ends = Ends {
        full: full_tx,
        empty: empty_rx,
    };
    let chunks = Chunks {
        full: full_rx,
        empty: empty_tx,
        current: Vec::new(),
        offset: 0,
    };
    (ends, chunks)
}

/// Unpacks `source` into `ends` until its end, an error, or nobody listens.
///
/// The end of the stream is an empty buffer.
pub(super) fn pump(
    source: impl Read,
    format: Format,
    n_source_bytes: Option<u64>,
    limits: &Limits,
    ends: &Ends,
) {
    let meter = Meter::default();
    let source = BufReader::with_capacity(
        SOURCE_BUFFER_BYTES,
        Metered {
            source,
            meter: &meter,
        },
    );
    let mut decoder = Decoder::new(source, format, limits.max_window_bytes);
    let mut unpacked_bytes: u64 = 0;
    while let Ok(mut chunk) = ends.empty.recv() {
        let mut result = fill(&mut chunk, &mut decoder);
        if let Some(err) = meter.failure.take() {
            // What the decoder made of it is of no interest.
            result = Err(StreamError::Read(err));
        }
        unpacked_bytes += chunk.len() as u64;
        let packed_bytes = n_source_bytes.unwrap_or(0).max(meter.n_bytes.get());
        let is_bomb = unpacked_bytes > limits.ratio_floor_bytes
            && unpacked_bytes / limits.max_ratio.max(1) > packed_bytes;
        if is_bomb && result.is_ok() {
            result = Err(StreamError::Ratio {
                packed_bytes,
                unpacked_bytes,
                max_ratio: limits.max_ratio,
            });
        }
        let is_last = result.is_err() || chunk.is_empty();
        // When nobody listens, the archive was refused on the other side.
        if ends.full.send(result.map(|()| chunk)).is_err() || is_last {
            return;
        }
    }
}

impl Chunks {
    /// The next bytes, `max` at most; none at the end of the stream.
    pub(super) fn take(&mut self, max: usize) -> Result<&[u8], StreamError> {
        if self.offset == self.current.len() {
            self.refill()?;
        }
        let start = self.offset;
        self.offset = self.current.len().min(start.saturating_add(max));
        Ok(&self.current[start..self.offset])
    }

    fn refill(&mut self) -> Result<(), StreamError> {
        // After the end nothing is sent any more, and what is here stays empty.
        let Ok(next) = self.full.recv() else {
            return Ok(());
        };
        let used = mem::replace(&mut self.current, next?);
        self.offset = 0;
        if used.capacity() > 0 {
            // There are as many places as buffers. The thread may be gone, having sent the end.
            let _ = self.empty.try_send(used);
        }
        Ok(())
    }
}

/// What passed through a source, seen from outside the decoders that own it.
#[derive(Default)]
struct Meter {
    n_bytes: Cell<u64>,
    failure: Cell<Option<io::Error>>,
}

struct Metered<'a, R> {
    source: R,
    meter: &'a Meter,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.source.read(buf) {
                Ok(n) => {
                    self.meter.n_bytes.set(self.meter.n_bytes.get() + n as u64);
                    return Ok(n);
                }
                Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
                Err(err) => {
                    let kind = err.kind();
                    self.meter.failure.set(Some(err));
                    return Err(kind.into());
                }
            }
        }
    }
}

fn fill<R: BufRead>(chunk: &mut Vec<u8>, decoder: &mut Decoder<R>) -> Result<(), StreamError> {
    // Only a new buffer is filled with zeros: one that came back is full of old bytes, all of them overwritten.
    chunk.resize(CHUNK_BYTES, 0);
    let mut n_filled = 0;
    let mut result = Ok(());
    while n_filled < CHUNK_BYTES {
        match decoder.read(&mut chunk[n_filled..]) {
            Ok(0) => break,
            Ok(n) => n_filled += n,
            Err(err) => {
                result = Err(err);
                break;
            }
        }
    }
    chunk.truncate(n_filled);
    result
}

const N_CHUNKS: usize = 4;
const CHUNK_BYTES: usize = 256 << 10;
const SOURCE_BUFFER_BYTES: usize = 128 << 10;
