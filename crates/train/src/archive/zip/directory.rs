//! The directory at the end of a zip archive, and the records that lead to it.
//!
//! It must lie right before its end record, and that must be the last thing in the file.

use std::fs::File;

use jiff::{civil::DateTime, tz::TimeZone};

use super::{extra::Extra, fault::ZipFault, fields::Fields, read_at};
use crate::archive::error::ArchiveFault;

/// All entries, and where their members lie.
#[derive(Debug)]
pub(super) struct Directory {
    bytes: Vec<u8>,
    /// Where it starts, which is where the last member ends.
    start: u64,
    /// In the order of the members in the file.
    places: Vec<Place>,
    unpacked_bytes: u64,
}

/// What the directory says about a member.
#[derive(Debug)]
pub(super) struct Entry {
    /// Counted from 1, in the order of the directory.
    pub(super) number: u64,
    pub(super) name: Vec<u8>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) packed_bytes: u64,
    pub(super) unpacked_bytes: u64,
    /// Seconds since 1970.
    pub(super) modified: i64,
    /// Where its header starts.
    pub(super) offset: u64,
    creator: u8,
    attributes: u32,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    /// Of the member's header in the file.
    offset: u64,
    /// Of the entry in the directory.
    at: usize,
    number: u64,
}

impl Directory {
    pub(super) fn read(
        file: &File,
        n_file_bytes: u64,
        max_entries: u64,
    ) -> Result<Self, ArchiveFault> {
        let end = End::read(file, n_file_bytes)?;
        let n_bytes = end.directory_bytes;
        if end.n_entries > max_entries {
            return Err(ArchiveFault::TooManyEntries { max: max_entries });
        } else if end.directory_start.checked_add(n_bytes) != Some(end.start) {
            return Err(ZipFault::DirectoryElsewhere.into());
        }
        let n_directory_bytes = usize::try_from(n_bytes).ok().filter(|n| *n <= MAX_BYTES);
        let Some(n_directory_bytes) = n_directory_bytes else {
            let max_bytes = MAX_BYTES as u64;
            return Err(ZipFault::DirectoryTooLong { n_bytes, max_bytes }.into());
        };
        let mut directory = Self {
            bytes: read_at(file, end.directory_start, n_directory_bytes)?,
            start: end.directory_start,
            places: Vec::new(),
            unpacked_bytes: 0,
        };
        directory.scan(end.n_entries)?;
        Ok(directory)
    }

    /// What all members claim to unpack to.
    pub(super) fn unpacked_bytes(&self) -> u64 {
        self.unpacked_bytes
    }

    /// The entry of the nth member in the file, and where that member must end.
    pub(super) fn entry(&self, index: usize) -> Result<Option<(Entry, u64)>, ZipFault> {
        let Some(place) = self.places.get(index) else {
            return Ok(None);
        };
        let mut fields = Fields::new(&self.bytes[place.at..]);
        let entry = Entry::parse(&mut fields, place.number)?;
        let end = self
            .places
            .get(index + 1)
            .map_or(self.start, |next| next.offset);
        Ok(Some((entry, end)))
    }

    fn scan(&mut self, n_entries: u64) -> Result<(), ZipFault> {
        let mut fields = Fields::new(&self.bytes);
        for number in 1..=n_entries {
            if fields.is_empty() {
                return Err(ZipFault::EntryCount { n_entries });
            }
            let at = self.bytes.len() - fields.len();
            let entry = Entry::parse(&mut fields, number)?;
            self.unpacked_bytes = self.unpacked_bytes.saturating_add(entry.unpacked_bytes);
            self.places.push(Place {
                offset: entry.offset,
                at,
                number,
            });
        }
        if !fields.is_empty() {
            return Err(ZipFault::EntryCount { n_entries });
        }
        self.places.sort_unstable_by_key(|place| place.offset);
        let n_bytes = self.places.first().map_or(self.start, |first| first.offset);
        if n_bytes > 0 {
            return Err(ZipFault::LeadingData { n_bytes });
        }
        Ok(())
    }
}

impl Entry {
    /// The mode, where the writer was on Unix.
    pub(super) fn unix_mode(&self) -> Option<u32> {
        matches!(self.creator, UNIX | MACOS).then_some(self.attributes >> 16)
    }

    fn parse(fields: &mut Fields<'_>, number: u64) -> Result<Self, ZipFault> {
        Self::fields(fields, number).ok_or(ZipFault::MalformedEntry { number })?
    }

    /// `None` if the directory ends in it, or it starts with something else.
    fn fields(fields: &mut Fields<'_>, number: u64) -> Option<Result<Self, ZipFault>> {
        fields.signature(*b"PK\x01\x02")?;
        fields.u8()?;
        let creator = fields.u8()?;
        fields.u16()?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        let (time, date) = (fields.u16()?, fields.u16()?);
        let crc = fields.u32()?;
        let (packed, unpacked) = (fields.u32()?, fields.u32()?);
        let lengths = [fields.u16()?, fields.u16()?, fields.u16()?].map(usize::from);
        let disk = fields.u16()?;
        fields.u16()?;
        let attributes = fields.u32()?;
        let offset = fields.u32()?;
        let name = fields.take(lengths[0])?.to_vec();
        let extra = fields.take(lengths[1])?;
        fields.take(lengths[2])?;
        if disk != 0 {
            return Some(Err(ZipFault::Split));
        }
        let parse = || {
            let malformed = |_| ZipFault::MalformedEntry { number };
            let mut extra = Extra::parse(extra).map_err(malformed)?;
            let [unpacked_bytes, packed_bytes, offset] =
                extra.widen([unpacked, packed, offset]).map_err(malformed)?;
            if !extra.agrees_on(&name) {
                return Err(ZipFault::MalformedEntry { number });
            }
            Ok(Self {
                number,
                flags,
                method,
                crc,
                packed_bytes,
                unpacked_bytes,
                modified: extra.modified.unwrap_or_else(|| dos_time(date, time)),
                offset,
                creator,
                attributes,
                name,
            })
        };
        Some(parse())
    }
}

/// What the end record says, and the one for large archives.
#[derive(Debug)]
struct End {
    /// Where these records start.
    start: u64,
    n_entries: u64,
    directory_start: u64,
    directory_bytes: u64,
}

impl End {
    fn read(file: &File, n_file_bytes: u64) -> Result<Self, ArchiveFault> {
        let tail_bytes = n_file_bytes.min(MAX_END_BYTES);
        let tail_start = n_file_bytes - tail_bytes;
        let tail_bytes = usize::try_from(tail_bytes).expect("it is bounded");
        let tail = read_at(file, tail_start, tail_bytes)?;
        // The last one, as most readers have it. If a comment fakes one, the directory does not end in front of it.
        let at = tail
            .windows(END_BYTES)
            .rposition(|window| window.starts_with(b"PK\x05\x06"))
            .ok_or(ZipFault::NoEnd)?;
        let start = tail_start + at as u64;
        let narrow = NarrowEnd::parse(Fields::new(&tail[at..])).ok_or(ZipFault::NoEnd)?;
        if at + END_BYTES + narrow.comment_bytes < tail.len() {
            return Err(ZipFault::TrailingData.into());
        } else if at + END_BYTES + narrow.comment_bytes > tail.len() {
            return Err(ZipFault::NoEnd.into());
        }
        let end = match WideEnd::read(file, start)? {
            Some(wide) => narrow.agree_with(wide)?,
            None => Self {
                start,
                n_entries: narrow.n_entries.into(),
                directory_start: narrow.directory_start.into(),
                directory_bytes: narrow.directory_bytes.into(),
            },
        };
        if narrow.is_split {
            return Err(ZipFault::Split.into());
        }
        Ok(end)
    }
}

/// The end record that every archive has.
struct NarrowEnd {
    is_split: bool,
    n_entries: u16,
    directory_bytes: u32,
    directory_start: u32,
    comment_bytes: usize,
}

impl NarrowEnd {
    fn parse(mut fields: Fields<'_>) -> Option<Self> {
        fields.signature(*b"PK\x05\x06")?;
        let disks = [fields.u16()?, fields.u16()?];
        let (n_here, n_entries) = (fields.u16()?, fields.u16()?);
        // In an archive with the other record, all ones stand for "see there".
        let is_first = disks == [0; 2] || disks == [u16::MAX; 2];
        Some(Self {
            is_split: !is_first || n_here != n_entries,
            n_entries,
            directory_bytes: fields.u32()?,
            directory_start: fields.u32()?,
            comment_bytes: fields.u16()?.into(),
        })
    }

    fn agree_with(&self, wide: End) -> Result<End, ZipFault> {
        let agrees = |narrow: u64, max: u64, wide: u64| narrow == max || narrow == wide;
        let max_size = u64::from(u32::MAX);
        let field = if !agrees(self.n_entries.into(), u16::MAX.into(), wide.n_entries) {
            "number of entries"
        } else if !agrees(self.directory_bytes.into(), max_size, wide.directory_bytes) {
            "size of the directory"
        } else if !agrees(self.directory_start.into(), max_size, wide.directory_start) {
            "place of the directory"
        } else {
            return Ok(wide);
        };
        Err(ZipFault::EndRecordsDisagree { field })
    }
}

/// The end record of archives that are large, or may be.
struct WideEnd;

impl WideEnd {
    /// Looks in front of the narrow record, which starts at `narrow_start`. Some readers always do.
    fn read(file: &File, narrow_start: u64) -> Result<Option<End>, ArchiveFault> {
        let Some(locator_start) = narrow_start.checked_sub(LOCATOR_BYTES as u64) else {
            return Ok(None);
        };
        let bytes = read_at(file, locator_start, LOCATOR_BYTES)?;
        let mut locator = Fields::new(&bytes);
        if locator.signature(*b"PK\x06\x07").is_none() {
            return Ok(None);
        }
        let start = locator_start.checked_sub(WIDE_END_BYTES as u64);
        let start = start.ok_or(ZipFault::DirectoryElsewhere)?;
        let bytes = read_at(file, start, WIDE_END_BYTES)?;
        Self::parse(locator, Fields::new(&bytes), start)
            .ok_or(ZipFault::DirectoryElsewhere)?
            .map(Some)
            .map_err(ArchiveFault::from)
    }

    /// `None` if the record is not where its locator says, or holds more than it may.
    fn parse(
        mut locator: Fields<'_>,
        mut fields: Fields<'_>,
        start: u64,
    ) -> Option<Result<End, ZipFault>> {
        let (locator_disk, offset, n_disks) = (locator.u32()?, locator.u64()?, locator.u32()?);
        fields.signature(*b"PK\x06\x06")?;
        let n_bytes = fields.u64()?;
        if offset != start || n_bytes != WIDE_END_BYTES as u64 - 12 {
            return None;
        }
        // Versions.
        fields.u32()?;
        let disks = [locator_disk, fields.u32()?, fields.u32()?];
        let (n_here, n_entries) = (fields.u64()?, fields.u64()?);
        if disks != [0; 3] || n_disks > 1 || n_here != n_entries {
            return Some(Err(ZipFault::Split));
        }
        let directory_bytes = fields.u64()?;
        Some(Ok(End {
            start,
            n_entries,
            directory_bytes,
            directory_start: fields.u64()?,
        }))
    }
}

/// Such times have no zone, and an even number of seconds. Taken as UTC.
fn dos_time(date: u16, time: u16) -> i64 {
    let part = |bits: u16, shift: u32, width: u32| {
        i8::try_from((bits >> shift) & ((1 << width) - 1)).expect("7 bits at most")
    };
    let year = 1980 + i16::from(part(date, 9, 7));
    let date_time = DateTime::new(
        year,
        part(date, 5, 4),
        part(date, 0, 5),
        part(time, 11, 5),
        part(time, 5, 6),
        part(time, 0, 5) * 2,
        0,
    );
    date_time
        .and_then(|date_time| date_time.to_zoned(TimeZone::UTC))
        // Month 0 and the like: writers without a clock.
        .map_or(FIRST_SECOND, |zoned| zoned.timestamp().as_second())
}

/// Bit 0, the one of strong encryption, and the one of an encrypted directory.
pub(super) const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// The content is what to change in a file that the reader has.
pub(super) const PATCHED: u16 = 1 << 5;
/// The largest directory that is read. At 64 bytes an entry, 1,000,000 of them fit.
const MAX_BYTES: usize = 64 << 20;
const END_BYTES: usize = 22;
/// With the longest comment.
const MAX_END_BYTES: u64 = END_BYTES as u64 + 0xffff;
const LOCATOR_BYTES: usize = 20;
const WIDE_END_BYTES: usize = 56;
const UNIX: u8 = 3;
const MACOS: u8 = 19;
/// 1980-01-01.
const FIRST_SECOND: i64 = 315_532_800;
