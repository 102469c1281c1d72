//! Decompression, strict where the decompressors leave it to their caller: every checksum and length is compared, all
//! members or frames are read, and nothing may follow the last.

use std::{
    io::{self, BufRead, Read},
    mem,
};

use flate2::bufread::GzDecoder;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use super::stream::{Format, StreamError};

/// The unpacked stream of any format.
pub(super) enum Decoder<R: BufRead> {
    Plain(R),
    Gzip(GzipMembers<R>),
    Zstd(Box<ZstdFrames<R>>),
}

impl<R: BufRead> Decoder<R> {
    pub(super) fn new(source: R, format: Format, max_window_bytes: u64) -> Self {
        match format {
            Format::Tar => Self::Plain(source),
            Format::Gzip => Self::Gzip(GzipMembers::new(source)),
            Format::Zstd => Self::Zstd(Box::new(ZstdFrames::new(source, max_window_bytes))),
        }
    }

    /// As `Read` does; 0 only at the stream's end, when all its checksums were right.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> Result<usize, StreamError> {
        match self {
            Self::Plain(source) => source.read(buf).map_err(StreamError::Read),
            Self::Gzip(members) => members.read(buf).map_err(|err| decoder_error("gzip", err)),
            Self::Zstd(frames) => frames.read(buf),
        }
    }
}

pub(super) enum GzipMembers<R> {
    Inside(Box<GzDecoder<R>>),
    Ended,
}

impl<R: BufRead> GzipMembers<R> {
    fn new(source: R) -> Self {
        Self::Inside(Box::new(GzDecoder::new(source)))
    }

    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while let Self::Inside(member) = self {
            let n = member.read(buf)?;
            if n > 0 {
                return Ok(n);
            }
            // The member's checksum and length were right.
            let Self::Inside(member) = mem::replace(self, Self::Ended) else {
                break;
            };
            let mut source = member.into_inner();
            match source.fill_buf()?.first() {
                None => {}
                // Tapes and block devices are padded with zeros; gzip itself takes them.
                Some(0) => require_zeros(&mut source)?,
                Some(_) => *self = Self::new(source),
            }
        }
        Ok(0)
    }
}

fn require_zeros(source: &mut impl BufRead) -> io::Result<()> {
    loop {
        let padding = source.fill_buf()?;
        if padding.is_empty() {
            return Ok(());
        } else if padding.iter().any(|byte| *byte != 0) {
            return Err(io::Error::other("there is data after its end"));
        }
        let n = padding.len();
        source.consume(n);
    }
}

pub(super) struct ZstdFrames<R> {
    source: R,
    decoder: FrameDecoder,
    max_window_bytes: u64,
    /// Bytes that the frame gave so far; `None` between frames.
    n_frame_bytes: Option<u64>,
}

impl<R: BufRead> ZstdFrames<R> {
    fn new(source: R, max_window_bytes: u64) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(max_window_bytes);
        Self {
            source,
            decoder,
            max_window_bytes,
            n_frame_bytes: None,
        }
    }

    fn read(&mut self, buf: &mut [u8]) -> Result<usize, StreamError> {
        loop {
            let Some(n_frame_bytes) = self.n_frame_bytes else {
                if self
                    .source
                    .fill_buf()
                    .map_err(StreamError::Read)?
                    .is_empty()
                {
                    return Ok(0);
                }
                self.start_frame()?;
                continue;
            };
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(|err| zstd_error(err, self.max_window_bytes))?;
            }
            let n = self.decoder.read(buf).map_err(StreamError::Read)?;
            if n > 0 {
                self.n_frame_bytes = Some(n_frame_bytes + n as u64);
                return Ok(n);
            }
            self.end_frame(n_frame_bytes)?;
        }
    }

    fn start_frame(&mut self) -> Result<(), StreamError> {
        match self.decoder.reset(&mut self.source) {
            Ok(()) => {
                self.n_frame_bytes = Some(0);
                Ok(())
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                length,
                ..
            })) => {
                let length = u64::from(length);
                let n_skipped = io::copy(&mut self.source.by_ref().take(length), &mut io::sink())
                    .map_err(|err| decoder_error("zstd", err))?;
                if n_skipped < length {
                    return Err(StreamError::Truncated { format: "zstd" });
                }
                Ok(())
            }
            Err(err) => Err(zstd_error(err, self.max_window_bytes)),
        }
    }

    fn end_frame(&mut self, n_frame_bytes: u64) -> Result<(), StreamError> {
        self.n_frame_bytes = None;
        let damaged = |reason| {
            let reason = io::Error::other(reason);
            Err(StreamError::Damaged {
                format: "zstd",
                reason,
            })
        };
        // The decoder computes the checksum and leaves the comparison to its caller.
        let expected = self.decoder.get_checksum_from_data();
        if expected.is_some() && expected != self.decoder.get_calculated_checksum() {
            return damaged("wrong checksum");
        }
        // 0 also stands for a frame that does not say.
        let declared_bytes = self.decoder.content_size();
        if declared_bytes != 0 && declared_bytes != n_frame_bytes {
            return damaged("wrong length");
        }
        Ok(())
    }
}

fn zstd_error(err: FrameDecoderError, max_bytes: u64) -> StreamError {
    match err {
        FrameDecoderError::WindowSizeTooBig { requested, .. } => StreamError::Window {
            window_bytes: requested,
            max_bytes,
        },
        err => decoder_error("zstd", io::Error::other(err)),
    }
}

fn decoder_error(format: &'static str, reason: io::Error) -> StreamError {
    if is_early_end(&reason) {
        return StreamError::Truncated { format };
    }
    StreamError::Damaged { format, reason }
}

/// Whether an "unexpected end" is anywhere among the causes.
fn is_early_end(err: &io::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(err);
    while let Some(err) = cause {
        let io_error = err.downcast_ref::<io::Error>();
        if io_error.is_some_and(|err| err.kind() == io::ErrorKind::UnexpectedEof) {
            return true;
        }
        // An error inside an `io::Error` is not its source, but the thing itself.
        cause = io_error
            .and_then(|err| err.get_ref())
            .map(|inner| inner as &(dyn std::error::Error + 'static))
            .or_else(|| err.source());
    }
    false
}
