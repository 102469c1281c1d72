//! As much of zip as numpy writes: stored and deflated entries, one disk, no encryption, sizes of 32 bits.
//!
//! The directory at the end is what counts; the header in front of each entry must agree with it, and no two entries
//! may share a byte.

use std::{borrow::Cow, collections::HashSet};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::Limits;
use crate::error::{CodecError, EncodeError, ZipFault};

/// An archive that has been checked, and not decompressed.
pub(super) struct Archive<'a> {
    pub(super) entries: Vec<Entry<'a>>,
}

/// One file.
pub(super) struct Entry<'a> {
    /// Without `.npy`.
    pub(super) name: String,
    /// From 1.
    number: usize,
    data: &'a [u8],
    n_bytes: usize,
    method: Method,
    crc: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Stored,
    Deflated,
}

impl<'a> Archive<'a> {
    pub(super) fn parse(body: &'a [u8], limits: Limits) -> Result<Self, ZipFault> {
        let directory = Directory::find(body)?;
        if directory.n_entries > limits.n_entries {
            return Err(ZipFault::TooManyEntries {
                n_entries: directory.n_entries,
                limit: limits.n_entries,
            });
        }
        let mut fields = Fields::new(
            body.get(directory.start..directory.end)
                .ok_or(ZipFault::Directory)?,
        );
        let mut entries = Vec::with_capacity(directory.n_entries);
        let mut places = Vec::with_capacity(directory.n_entries);
        let mut names = HashSet::with_capacity(directory.n_entries);
        let mut inflated_bytes = 0u64;
        for number in 1..=directory.n_entries {
            let listed = Listed::parse(&mut fields).ok_or(ZipFault::Directory)?;
            listed.check(number)?;
            inflated_bytes = inflated_bytes.saturating_add(listed.n_bytes.into());
            check_size(&listed, inflated_bytes, limits)?;
            // What is behind the directory can't be an entry.
            let (entry, end) =
                listed.locate(body.get(..directory.start).unwrap_or_default(), number)?;
            if !names.insert(entry.name.clone()) {
                return Err(ZipFault::Name { entry: number });
            }
            places.push((listed.offset as usize, end, number));
            entries.push(entry);
        }
        if !fields.rest.is_empty() {
            return Err(ZipFault::Directory);
        }
        check_disjoint(&mut places)?;
        Ok(Self { entries })
    }
}

impl<'a> Entry<'a> {
    /// The file, decompressed; exactly as long as the directory says, and with its checksum.
    pub(super) fn contents(&self) -> Result<Cow<'a, [u8]>, ZipFault> {
        let contents = match self.method {
            Method::Stored => Cow::Borrowed(self.data),
            Method::Deflated => Cow::Owned(self.inflate()?),
        };
        let mut crc = Crc::new();
        crc.update(&contents);
        if crc.sum() == self.crc {
            Ok(contents)
        } else {
            Err(self.damaged())
        }
    }

    fn inflate(&self) -> Result<Vec<u8>, ZipFault> {
        // One more than announced, so that a longer stream shows.
        let mut out = Vec::with_capacity(self.n_bytes + 1);
        let mut decompress = Decompress::new(false);
        let status = decompress
            .decompress_vec(self.data, &mut out, FlushDecompress::Finish)
            .map_err(|_| self.damaged())?;
        if status == Status::StreamEnd && out.len() == self.n_bytes {
            Ok(out)
        } else {
            Err(self.damaged())
        }
    }

    fn damaged(&self) -> ZipFault {
        ZipFault::Damaged { entry: self.number }
    }
}

/// Where the list of entries is.
struct Directory {
    n_entries: usize,
    start: usize,
    end: usize,
}

impl Directory {
    /// The last 22 bytes, or further up if there is a comment, whose length must then fit.
    fn find(body: &[u8]) -> Result<Self, ZipFault> {
        let last = body
            .len()
            .checked_sub(END_BYTES)
            .ok_or(ZipFault::Directory)?;
        let first = last.saturating_sub(usize::from(u16::MAX));
        let end = (first..=last)
            .rev()
            .find(|&at| is_end_record(body.get(at..).unwrap_or_default()))
            .ok_or(ZipFault::Directory)?;
        let mut fields = Fields::new(body.get(end + 4..).unwrap_or_default());
        let directory = (|| {
            let disks = (fields.u16()?, fields.u16()?);
            let (n_here, n_entries) = (fields.u16()?, fields.u16()?);
            let (n_bytes, start) = (fields.u32()?, fields.u32()?);
            Some((disks, n_here, n_entries, n_bytes, start))
        })();
        let (disks, n_here, n_entries, n_bytes, start) = directory.ok_or(ZipFault::Directory)?;
        if n_entries == u16::MAX || n_bytes == u32::MAX || start == u32::MAX {
            return Err(ZipFault::Feature {
                entry: 1,
                feature: "zip64",
            });
        }
        let start = start as usize;
        if disks != (0, 0) || n_here != n_entries || start + n_bytes as usize != end {
            return Err(ZipFault::Directory);
        }
        Ok(Self {
            n_entries: n_entries.into(),
            start,
            end,
        })
    }
}

fn is_end_record(bytes: &[u8]) -> bool {
    bytes.starts_with(END_SIGNATURE)
        && bytes
            .get(20..END_BYTES)
            .and_then(|length| length.try_into().ok())
            .is_some_and(|length| {
                usize::from(u16::from_le_bytes(length)) == bytes.len() - END_BYTES
            })
}

/// An entry as the directory lists it.
struct Listed<'a> {
    flags: u16,
    method: u16,
    crc: u32,
    n_compressed: u32,
    n_bytes: u32,
    offset: u32,
    name: &'a [u8],
}

impl<'a> Listed<'a> {
    fn parse(fields: &mut Fields<'a>) -> Option<Self> {
        if fields.take(4)? != ENTRY_SIGNATURE {
            return None;
        }
        fields.take(4)?; // versions
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.take(4)?; // time and date
        let (crc, n_compressed, n_bytes) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let (n_name, n_extra, n_comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
        fields.take(8)?; // disk and attributes
        let offset = fields.u32()?;
        let name = fields.take(n_name.into())?;
        fields.take(usize::from(n_extra) + usize::from(n_comment))?;
        Some(Self {
            flags,
            method,
            crc,
            n_compressed,
            n_bytes,
            offset,
            name,
        })
    }

    fn check(&self, entry: usize) -> Result<(), ZipFault> {
        let feature = |feature| Err(ZipFault::Feature { entry, feature });
        if self.flags & ENCRYPTED != 0 {
            return feature("encryption");
        }
        if [self.n_compressed, self.n_bytes, self.offset].contains(&u32::MAX) {
            return feature("zip64");
        }
        match self.method {
            STORED if self.n_compressed != self.n_bytes => Err(ZipFault::Entry {
                entry,
                what: "its two sizes differ, and it is not compressed",
            }),
            STORED | DEFLATED => Ok(()),
            _ => feature("another compression than deflate"),
        }
    }

    /// The entry with its data, and where that ends.
    fn locate<'b>(&self, body: &'b [u8], entry: usize) -> Result<(Entry<'b>, usize), ZipFault> {
        let contradiction = |what| ZipFault::Entry { entry, what };
        let start = self.offset as usize;
        let mut fields = Fields::new(body.get(start..).unwrap_or_default());
        let local = (|| {
            let signature = fields.take(4)?;
            fields.take(4)?; // version and flags
            let method = fields.u16()?;
            fields.take(16)?; // time, date, and sizes, which may stand behind the data
            let (n_name, n_extra) = (fields.u16()?, fields.u16()?);
            let name = fields.take(n_name.into())?;
            fields.take(n_extra.into())?;
            Some((signature, method, name))
        })();
        let (signature, method, name) = local.ok_or_else(|| contradiction("its place"))?;
        if signature != LOCAL_SIGNATURE {
            return Err(contradiction("its place"));
        }
        if method != self.method || name != self.name {
            return Err(contradiction("its two headers differ"));
        }
        let data = fields
            .take(self.n_compressed as usize)
            .ok_or_else(|| contradiction("its length"))?;
        let entry = Entry {
            name: key(name).ok_or(ZipFault::Name { entry })?,
            number: entry,
            data,
            n_bytes: self.n_bytes as usize,
            method: if method == STORED {
                Method::Stored
            } else {
                Method::Deflated
            },
            crc: self.crc,
        };
        Ok((entry, body.len() - fields.rest.len()))
    }
}

fn check_size(listed: &Listed<'_>, inflated_bytes: u64, limits: Limits) -> Result<(), ZipFault> {
    let n_bytes = u64::from(listed.n_bytes);
    if inflated_bytes > limits.inflated_bytes {
        return Err(ZipFault::TooLarge {
            limit: limits.inflated_bytes,
        });
    }
    let by_ratio = u64::from(listed.n_compressed).saturating_mul(limits.ratio);
    if n_bytes > Limits::RATIO_FROM_BYTES && n_bytes > by_ratio {
        return Err(ZipFault::TooLarge {
            limit: by_ratio.max(Limits::RATIO_FROM_BYTES),
        });
    }
    Ok(())
}

/// Entries that share bytes make a small archive a large one without any ratio showing it.
fn check_disjoint(places: &mut [(usize, usize, usize)]) -> Result<(), ZipFault> {
    places.sort_unstable();
    for pair in places.windows(2) {
        if let [(_, end, _), (start, _, entry)] = pair
            && start < end
        {
            return Err(ZipFault::Entry {
                entry: *entry,
                what: "it overlaps another",
            });
        }
    }
    Ok(())
}

/// The name of the array: the file's without `.npy`. Nothing if a path could lead out of a folder by it.
fn key(name: &[u8]) -> Option<String> {
    let key = str::from_utf8(name.strip_suffix(b".npy")?).ok()?;
    let is_plain = !key.contains(|c: char| c.is_control() || c == '\\' || c == ':')
        && key
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..");
    is_plain.then(|| key.to_owned())
}

/// Writes stored entries and their directory.
pub(super) struct Writer<'o> {
    out: &'o mut Vec<u8>,
    /// Where the archive begins in it.
    base: usize,
    n_entries: u16,
    directory: Vec<u8>,
}

impl<'o> Writer<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>, n_entries: usize) -> Result<Self, EncodeError> {
        let limit = usize::from(u16::MAX) - 1;
        let n_entries = u16::try_from(n_entries)
            .ok()
            .filter(|&n_entries| usize::from(n_entries) <= limit)
            .ok_or(ZipFault::TooManyEntries { n_entries, limit })?;
        Ok(Self {
            base: out.len(),
            out,
            n_entries,
            directory: Vec::new(),
        })
    }

    pub(super) fn entry(
        &mut self,
        name: &str,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let file_name = format!("{name}.npy");
        let n_name = u16::try_from(file_name.len())
            .ok()
            .filter(|_| key(file_name.as_bytes()).is_some())
            .ok_or(ZipFault::Name { entry: 1 })?;
        let offset = self.offset()?;
        // Common to both headers: from the version needed to the lengths, checksum and sizes filled in below.
        let start = self.out.len();
        self.out.extend_from_slice(LOCAL_SIGNATURE);
        self.out.extend_from_slice(&[0; 26]);
        self.out.extend_from_slice(file_name.as_bytes());
        let data_start = self.out.len();
        write(self.out)?;
        let data = self.out.get(data_start..).unwrap_or_default();
        let n_bytes = u32::try_from(data.len()).map_err(|_| too_large())?;
        let mut crc = Crc::new();
        crc.update(data);
        let mut common = Vec::with_capacity(26);
        common.extend_from_slice(&20u16.to_le_bytes());
        common.extend_from_slice(&UTF8_NAME.to_le_bytes());
        common.extend_from_slice(&STORED.to_le_bytes());
        common.extend_from_slice(&[0, 0, 0x21, 0]); // 1980-01-01, the first day there is
        common.extend_from_slice(&crc.sum().to_le_bytes());
        common.extend_from_slice(&n_bytes.to_le_bytes());
        common.extend_from_slice(&n_bytes.to_le_bytes());
        common.extend_from_slice(&n_name.to_le_bytes());
        common.extend_from_slice(&[0, 0]);
        self.out[start + 4..start + 30].copy_from_slice(&common);
        self.directory.extend_from_slice(ENTRY_SIGNATURE);
        self.directory.extend_from_slice(&20u16.to_le_bytes());
        self.directory.extend_from_slice(&common);
        self.directory.extend_from_slice(&[0; 10]);
        self.directory.extend_from_slice(&offset.to_le_bytes());
        self.directory.extend_from_slice(file_name.as_bytes());
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), EncodeError> {
        let start = self.offset()?;
        let n_bytes = u32::try_from(self.directory.len()).map_err(|_| too_large())?;
        self.out.extend_from_slice(&self.directory);
        self.out.extend_from_slice(END_SIGNATURE);
        self.out.extend_from_slice(&[0; 4]);
        self.out.extend_from_slice(&self.n_entries.to_le_bytes());
        self.out.extend_from_slice(&self.n_entries.to_le_bytes());
        self.out.extend_from_slice(&n_bytes.to_le_bytes());
        self.out.extend_from_slice(&start.to_le_bytes());
        self.out.extend_from_slice(&[0, 0]);
        Ok(())
    }

    fn offset(&self) -> Result<u32, EncodeError> {
        u32::try_from(self.out.len() - self.base)
            .ok()
            .filter(|&offset| offset < u32::MAX)
            .ok_or_else(too_large)
    }
}

fn too_large() -> EncodeError {
    CodecError::TooLarge {
        content_type: "application/x-npz",
        limit: u32::MAX.into(),
    }
    .into()
}

/// Little-endian numbers one after the other.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    fn take(&mut self, n_bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n_bytes)?;
        self.rest = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u16::from_le_bytes(*bytes))
    }

    fn u32(&mut self) -> Option<u32> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u32::from_le_bytes(*bytes))
    }
}

const LOCAL_SIGNATURE: &[u8] = b"PK\x03\x04";
const ENTRY_SIGNATURE: &[u8] = b"PK\x01\x02";
const END_SIGNATURE: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const ENCRYPTED: u16 = 1;
const UTF8_NAME: u16 = 0x0800;
