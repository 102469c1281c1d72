//! What a file is, judged by its first bytes and never by its name.

use std::io::{self, Cursor, Read};

use super::member;

/// What the first bytes of a file say that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A tar archive.
    Tar,
    /// A gzip stream, in which a tar archive is expected.
    Gzip,
    /// A zstd stream, in which a tar archive is expected.
    Zstd,
    /// A zip archive: it can be unpacked from a file, and not from a stream, because its directory is at its end.
    Zip,
    /// Anything else, and its name if that is known.
    Other(Option<&'static str>),
}

/// How many of the first bytes tell.
pub const HEAD_BYTES: usize = member::BLOCK_BYTES;

/// The kind of a file that begins with `first_bytes`: 512 of them, fewer only where the file has no more.
pub fn kind_of(first_bytes: &[u8]) -> Kind {
    let starts = |magic: &[u8]| first_bytes.starts_with(magic);
    if starts(b"\x1f\x8b") {
        return Kind::Gzip;
    } else if starts(b"\x28\xb5\x2f\xfd")
        || matches!(first_bytes, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
    {
        return Kind::Zstd;
    } else if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
        return Kind::Zip;
    }
    for (magic, name) in OTHERS {
        if starts(magic) {
            return Kind::Other(Some(name));
        }
    }
    match first_bytes.first_chunk() {
        Some(block) if member::is_header(block) || *block == [0; member::BLOCK_BYTES] => Kind::Tar,
        _ if first_bytes.is_empty() => Kind::Other(Some(NOTHING)),
        _ => Kind::Other(None),
    }
}

impl Kind {
    /// Whether it is an archive or compressed, of a kind that is accepted or not.
    pub fn is_archive(self) -> bool {
        !matches!(self, Self::Other(None | Some(NOTHING)))
    }
}

/// The first bytes of a stream.
#[derive(Debug)]
pub(super) struct Head(Vec<u8>);

impl Head {
    /// Reads as much as tells the kinds apart, less only at the end of the source.
    pub(super) fn read(source: &mut impl Read) -> io::Result<Self> {
        let mut head = Vec::with_capacity(member::BLOCK_BYTES);
        source
            .take(member::BLOCK_BYTES as u64)
            .read_to_end(&mut head)?;
        Ok(Self(head))
    }

    pub(super) fn kind(&self) -> Kind {
        kind_of(&self.0)
    }

    /// The whole stream again.
    pub(super) fn chain<R: Read>(self, rest: R) -> impl Read {
        Cursor::new(self.0).chain(rest)
    }
}

/// First bytes of formats that are not accepted, and what to call them.
const OTHERS: [(&[u8], &str); 9] = [
    (b"PK\x07\x08", "a part of a zip archive that was split"),
    (b"PK00PK\x03\x04", "a zip archive written to be split"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\x00", "xz data"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"\x04\x22\x4d\x18", "lz4 data"),
    (b"\x1f\x9d", "compress (`.Z`) data"),
    (b"LZIP", "lzip data"),
];
const NOTHING: &str = "an empty file";
