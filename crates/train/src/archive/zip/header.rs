//! The header in front of a member, and the descriptor behind it: both must say what the directory says.

use std::fs::File;

use super::{
    directory::{ENCRYPTED, Entry, PATCHED},
    extra::Extra,
    fault::ZipFault,
    fields::Fields,
    read_at,
};
use crate::archive::error::ArchiveFault;

/// Where the packed bytes of a member start, which must end at `end` with all that belongs to them.
pub(super) fn locate(file: &File, entry: &Entry, end: u64) -> Result<u64, ArchiveFault> {
    let fixed_end = within(entry.offset, HEADER_BYTES as u64, end)?;
    let fixed = read_at(file, entry.offset, HEADER_BYTES)?;
    let header = Header::parse(Fields::new(&fixed)).ok_or(ZipFault::NoHeader)?;
    if usize::from(header.name_bytes) != entry.name.len() {
        return Err(ZipFault::HeadersDisagree { field: "name" }.into());
    }
    let variable_bytes = usize::from(header.name_bytes) + usize::from(header.extra_bytes);
    let start = within(fixed_end, variable_bytes as u64, end)?;
    let variable = read_at(file, fixed_end, variable_bytes)?;
    let (name, extra) = variable.split_at(entry.name.len());
    header.compare(entry, name, Extra::parse(extra)?)?;

    let packed_end = within(start, entry.packed_bytes, end)?;
    let rest = end - packed_end;
    if entry.flags & STREAMED == 0 && rest > 0 {
        return Err(ZipFault::Gap { n_bytes: rest }.into());
    } else if entry.flags & STREAMED != 0 {
        let rest = usize::try_from(rest)
            .ok()
            .filter(|n| *n <= MAX_DESCRIPTOR_BYTES);
        let rest = rest.ok_or(ZipFault::Gap {
            n_bytes: end - packed_end,
        })?;
        let descriptor = read_at(file, packed_end, rest)?;
        compare_descriptor(&descriptor, entry)?;
    }
    Ok(start)
}

/// The end of `n_bytes` from `start` on, which must not lie after `end`.
fn within(start: u64, n_bytes: u64, end: u64) -> Result<u64, ZipFault> {
    start
        .checked_add(n_bytes)
        .filter(|sum| *sum <= end)
        .ok_or(ZipFault::Overlap)
}

struct Header {
    flags: u16,
    method: u16,
    crc: u32,
    packed: u32,
    unpacked: u32,
    name_bytes: u16,
    extra_bytes: u16,
}

impl Header {
    fn parse(mut fields: Fields<'_>) -> Option<Self> {
        fields.signature(*b"PK\x03\x04")?;
        fields.u16()?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        // The time.
        fields.u32()?;
        Some(Self {
            flags,
            method,
            crc: fields.u32()?,
            packed: fields.u32()?,
            unpacked: fields.u32()?,
            name_bytes: fields.u16()?,
            extra_bytes: fields.u16()?,
        })
    }

    fn compare(&self, entry: &Entry, name: &[u8], mut extra: Extra<'_>) -> Result<(), ZipFault> {
        let [unpacked_bytes, packed_bytes] = if self.is_wide() {
            extra.widen([self.unpacked, self.packed])?
        } else {
            // What else stands there is for nobody.
            [self.unpacked.into(), self.packed.into()]
        };
        // Who writes a stream may not know yet.
        let is_streamed = entry.flags & STREAMED != 0;
        let agrees = |here: u64, there: u64| here == there || (is_streamed && here == 0);
        let field = if (self.flags ^ entry.flags) & COMPARED_FLAGS != 0 {
            "flags"
        } else if self.method != entry.method {
            "method"
        } else if name != entry.name || !extra.agrees_on(name) {
            "name"
        } else if !agrees(self.crc.into(), entry.crc.into()) {
            "checksum"
        } else if !agrees(packed_bytes, entry.packed_bytes)
            || !agrees(unpacked_bytes, entry.unpacked_bytes)
        {
            "size"
        } else {
            return Ok(());
        };
        Err(ZipFault::HeadersDisagree { field })
    }

    fn is_wide(&self) -> bool {
        self.packed == u32::MAX || self.unpacked == u32::MAX
    }
}

/// It comes with or without a signature, and with short or long sizes; its length tells.
fn compare_descriptor(bytes: &[u8], entry: &Entry) -> Result<(), ZipFault> {
    let crc = &entry.crc.to_le_bytes()[..];
    let sizes = [entry.packed_bytes, entry.unpacked_bytes];
    let long = sizes.map(u64::to_le_bytes).concat();
    let short: Vec<u8> = sizes
        .iter()
        .flat_map(|size| size.to_le_bytes()[..4].to_vec())
        .collect();
    let is_small = sizes.iter().all(|size| u32::try_from(*size).is_ok());
    let forms = [
        [&b""[..], crc, &long],
        [b"PK\x07\x08", crc, &long],
        [b"", crc, &short],
        [b"PK\x07\x08", crc, &short],
    ];
    let n_forms = if is_small { forms.len() } else { 2 };
    if forms[..n_forms].iter().any(|form| form.concat() == bytes) {
        return Ok(());
    }
    let field = "data descriptor";
    Err(ZipFault::HeadersDisagree { field })
}

/// Sizes and checksum follow the content.
const STREAMED: u16 = 1 << 3;
const UTF8: u16 = 1 << 11;
const COMPARED_FLAGS: u16 = STREAMED | UTF8 | PATCHED | ENCRYPTED;
const HEADER_BYTES: usize = 30;
const MAX_DESCRIPTOR_BYTES: usize = 24;
