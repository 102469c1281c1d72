//! Archives byte by byte, honest and hostile.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// A tar archive that is being written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Archive(Vec<u8>);

/// A header and the content after it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    block: [u8; 512],
    content: Vec<u8>,
}

impl Archive {
    pub(crate) fn with(mut self, entry: &Entry) -> Self {
        self.0.extend(entry.bytes());
        self
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Without the blocks of zeros.
    pub(crate) fn unfinished(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.raw(&[0; 1024]).0
    }
}

impl Entry {
    /// A ustar header: type byte, name, content.
    pub(crate) fn new(kind: u8, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        let mut entry = Self {
            block: [0; 512],
            content: content.as_ref().to_vec(),
        };
        let size = format!("{:011o}\0", entry.content.len());
        entry.put(0, name);
        entry.put(100, "0000644\0");
        entry.put(108, "0000000\0");
        entry.put(116, "0000000\0");
        entry.put(124, size);
        entry.put(136, "14371573400\0");
        entry.put(156, [kind]);
        entry.put(257, "ustar\x0000");
        entry.seal()
    }

    pub(crate) fn file(name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        Self::new(b'0', name, content)
    }

    pub(crate) fn directory(name: impl AsRef<[u8]>) -> Self {
        Self::new(b'5', name, "").mode("0000755\0")
    }

    pub(crate) fn symlink(name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        Self::new(b'2', name, "").mode("0000777\0").target(target)
    }

    pub(crate) fn hard_link(name: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        Self::new(b'1', name, "").target(target)
    }

    pub(crate) fn gnu_long_name(content: impl AsRef<[u8]>) -> Self {
        Self::new(b'L', "././@LongLink", content)
    }

    /// A PAX header for the next member, its records with true lengths.
    pub(crate) fn pax(records: &[(&str, &[u8])]) -> Self {
        Self::new(b'x', "PaxHeaders/x", pax_records(records))
    }

    pub(crate) fn target(self, target: impl AsRef<[u8]>) -> Self {
        self.field(157, target)
    }

    pub(crate) fn mode(self, mode: impl AsRef<[u8]>) -> Self {
        self.field(100, mode)
    }

    pub(crate) fn size(self, size: impl AsRef<[u8]>) -> Self {
        self.field(124, size)
    }

    /// Overwrites bytes of the header, and makes its checksum right again.
    pub(crate) fn field(mut self, offset: usize, bytes: impl AsRef<[u8]>) -> Self {
        self.put(offset, bytes);
        self.seal()
    }

    /// Overwrites bytes of the header, and leaves its checksum wrong.
    pub(crate) fn damaged(mut self, offset: usize, bytes: impl AsRef<[u8]>) -> Self {
        self.put(offset, bytes);
        self
    }

    fn put(&mut self, offset: usize, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.block[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn seal(mut self) -> Self {
        self.put(148, "        ");
        let sum: u32 = self.block.iter().map(|byte| u32::from(*byte)).sum();
        self.put(148, format!("{sum:06o}\0 "));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.block.to_vec();
        bytes.extend_from_slice(&self.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }
}

pub(crate) fn pax_records(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut data = Vec::new();
    for (key, value) in records {
        let n_rest = key.len() + value.len() + 3;
        let mut n = n_rest;
        while n != n_rest + n.to_string().len() {
            n = n_rest + n.to_string().len();
        }
        data.extend(format!("{n} {key}=").bytes());
        data.extend_from_slice(value);
        data.push(b'\n');
    }
    data
}

pub(crate) fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(data: &[u8]) -> Vec<u8> {
    compress_to_vec(data, CompressionLevel::Fastest)
}
