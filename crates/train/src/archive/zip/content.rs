//! The content of one member: all of what it claims, and nothing else.

use std::fs::File;

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::{Method, directory::Entry, fault::ZipFault, fill_at};
use crate::archive::error::ArchiveFault;

/// Reads one member after the other, with the same buffers.
#[derive(Debug)]
pub(super) struct Content {
    method: Method,
    /// Where the next packed bytes lie, and how many are left there.
    offset: u64,
    n_unread: u64,
    input: Vec<u8>,
    n_used: usize,
    inflater: Decompress,
    /// The deflated data said itself that it ends.
    is_inflated: bool,
    output: Vec<u8>,
    n_given: u64,
    n_bytes: u64,
    crc: Crc,
    expected_crc: u32,
}

impl Default for Content {
    fn default() -> Self {
        Self {
            method: Method::Stored,
            offset: 0,
            n_unread: 0,
            input: Vec::new(),
            n_used: 0,
            inflater: Decompress::new(false),
            is_inflated: false,
            output: Vec::new(),
            n_given: 0,
            n_bytes: 0,
            crc: Crc::new(),
            expected_crc: 0,
        }
    }
}

impl Content {
    /// Turns to a member whose packed bytes start at `offset`.
    pub(super) fn begin(&mut self, entry: &Entry, method: Method, offset: u64) {
        self.method = method;
        self.offset = offset;
        self.n_unread = entry.packed_bytes;
        self.input.clear();
        self.n_used = 0;
        self.inflater.reset(false);
        self.is_inflated = false;
        self.n_given = 0;
        self.n_bytes = entry.unpacked_bytes;
        self.crc.reset();
        self.expected_crc = entry.crc;
    }

    /// The next piece, which may be empty; `None` at the end, when size and checksum were right.
    pub(super) fn piece(&mut self, file: &File) -> Result<Option<&[u8]>, ArchiveFault> {
        if self.n_used == self.input.len() {
            self.refill(file)?;
        }
        let piece = match self.method {
            Method::Stored if self.input.is_empty() => return self.end(),
            Method::Stored => {
                self.n_used = self.input.len();
                &self.input[..]
            }
            Method::Deflated if self.is_inflated => return self.end(),
            Method::Deflated => {
                let n = self.inflate()?;
                &self.output[..n]
            }
        };
        self.crc.update(piece);
        self.n_given += piece.len() as u64;
        if self.n_given > self.n_bytes {
            return Err(self.wrong_size());
        }
        Ok(Some(piece))
    }

    fn refill(&mut self, file: &File) -> Result<(), ArchiveFault> {
        let n = usize::try_from(self.n_unread).map_or(INPUT_BYTES, |n| n.min(INPUT_BYTES));
        self.input.resize(n, 0);
        self.n_used = 0;
        fill_at(file, self.offset, &mut self.input)?;
        self.offset += n as u64;
        self.n_unread -= n as u64;
        Ok(())
    }

    /// One step; how many bytes of the output it filled.
    fn inflate(&mut self) -> Result<usize, ZipFault> {
        self.output.resize(OUTPUT_BYTES, 0);
        let (n_in, n_out) = (self.inflater.total_in(), self.inflater.total_out());
        let status = self
            .inflater
            .decompress(
                &self.input[self.n_used..],
                &mut self.output,
                FlushDecompress::None,
            )
            .map_err(|_| ZipFault::Damaged)?;
        let advanced = |now: u64, before: u64| {
            usize::try_from(now - before).expect("no more than the buffer holds")
        };
        let n_in = advanced(self.inflater.total_in(), n_in);
        let n_out = advanced(self.inflater.total_out(), n_out);
        self.n_used += n_in;
        match status {
            Status::StreamEnd => self.is_inflated = true,
            // No input is left, and it is not the end.
            Status::Ok | Status::BufError if n_in == 0 && n_out == 0 => {
                return Err(ZipFault::Damaged);
            }
            Status::Ok | Status::BufError => {}
        }
        Ok(n_out)
    }

    fn end(&self) -> Result<Option<&[u8]>, ArchiveFault> {
        let is_all_used = self.n_unread == 0 && self.n_used == self.input.len();
        if !is_all_used || self.n_given != self.n_bytes {
            return Err(self.wrong_size());
        } else if self.crc.sum() != self.expected_crc {
            return Err(ZipFault::Checksum.into());
        }
        Ok(None)
    }

    fn wrong_size(&self) -> ArchiveFault {
        let n_bytes = self.n_bytes;
        ZipFault::Size { n_bytes }.into()
    }
}

const INPUT_BYTES: usize = 128 << 10;
const OUTPUT_BYTES: usize = 256 << 10;
