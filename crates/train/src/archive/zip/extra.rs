//! Extra fields: what did not fit into a header.

use super::{fault::ZipFault, fields::Fields};

/// The extra fields that matter.
#[derive(Debug, Default)]
pub(super) struct Extra<'a> {
    zip64: Option<Fields<'a>>,
    unicode_path: Option<Fields<'a>>,
    /// Seconds since 1970.
    pub(super) modified: Option<i64>,
}

impl<'a> Extra<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, ZipFault> {
        let mut extra = Self::default();
        let mut fields = Fields::new(bytes);
        while !fields.is_empty() {
            let (id, payload) = record(&mut fields).ok_or(ZipFault::MalformedExtra)?;
            let is_doubled = match id {
                ZIP64 => extra.zip64.replace(payload).is_some(),
                UNICODE_PATH => extra.unicode_path.replace(payload).is_some(),
                TIMESTAMP => {
                    extra.modified = extra.modified.or(modified(payload));
                    false
                }
                _ => false,
            };
            if is_doubled {
                return Err(ZipFault::MalformedExtra);
            }
        }
        Ok(extra)
    }

    /// Replaces each value that says "see there" by what stands there. Nothing may be left over.
    pub(super) fn widen<const N: usize>(&mut self, narrow: [u32; N]) -> Result<[u64; N], ZipFault> {
        let mut values = narrow.map(u64::from);
        let Some(wide) = &mut self.zip64 else {
            return Ok(values);
        };
        for value in &mut values {
            if *value == u64::from(u32::MAX) {
                *value = wide.u64().ok_or(ZipFault::MalformedExtra)?;
            }
        }
        if !wide.is_empty() {
            return Err(ZipFault::MalformedExtra);
        }
        Ok(values)
    }

    /// Whether the name that is only for some readers is the one for all of them.
    pub(super) fn agrees_on(&self, name: &[u8]) -> bool {
        let Some(mut path) = self.unicode_path else {
            return true;
        };
        // A version and a checksum come first.
        path.take(5).is_some() && path.take(name.len()) == Some(name) && path.is_empty()
    }
}

fn record<'a>(fields: &mut Fields<'a>) -> Option<(u16, Fields<'a>)> {
    let id = fields.u16()?;
    let n_bytes = fields.u16()?;
    let payload = fields.take(n_bytes.into())?;
    Some((id, Fields::new(payload)))
}

fn modified(mut payload: Fields<'_>) -> Option<i64> {
    let has_modified = payload.u8()? & 1 != 0;
    let seconds = payload.u32()?.cast_signed();
    has_modified.then_some(seconds.into())
}

const ZIP64: u16 = 0x0001;
const TIMESTAMP: u16 = 0x5455;
const UNICODE_PATH: u16 = 0x7075;
