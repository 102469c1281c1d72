//! PAX extended headers: records `LENGTH KEY=VALUE\n`, counted by length and not by line, for a value may hold newlines.

use super::error::ArchiveFault;

/// What one extended header says about the next member. Keys that do not change what is written are dropped.
#[derive(Debug, Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link_path: Option<Vec<u8>>,
    pub(super) n_bytes: Option<u64>,
    /// Seconds and nanoseconds since 1970, the second part never negative.
    pub(super) modified: Option<(i64, u32)>,
}

impl Pax {
    pub(super) fn parse(mut data: &[u8]) -> Result<Self, ArchiveFault> {
        let mut pax = Self::default();
        while !data.is_empty() {
            let (key, value, rest) = record(data).ok_or(ArchiveFault::MalformedPax)?;
            pax.set(key, value)?;
            data = rest;
        }
        Ok(pax)
    }

    /// Whether it changes which bytes go where: accepted for one member, not for all that follow.
    pub(super) fn redirects(&self) -> bool {
        self.path.is_some() || self.link_path.is_some() || self.n_bytes.is_some()
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), ArchiveFault> {
        let is_repeated = match key {
            b"path" => self.path.replace(value.to_owned()).is_some(),
            b"linkpath" => self.link_path.replace(value.to_owned()).is_some(),
            b"size" => self.n_bytes.replace(decimal(value)?).is_some(),
            b"mtime" => self.modified.replace(timestamp(value)?).is_some(),
            b"SCHILY.realsize" => return Err(ArchiveFault::Sparse),
            _ if key.starts_with(b"GNU.sparse.") => return Err(ArchiveFault::Sparse),
            _ => false,
        };
        if is_repeated {
            return Err(ArchiveFault::MalformedPax);
        }
        Ok(())
    }
}

/// The first record: key, value, and what follows it.
fn record(data: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = data
        .iter()
        .take(MAX_LENGTH_DIGITS + 1)
        .position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(&data[..space]).ok()?).ok()?;
    if length <= space || length > data.len() {
        return None;
    }
    let (record, rest) = data.split_at(length);
    let text = record[space + 1..].strip_suffix(b"\n")?;
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let (key, value) = (&text[..equals], &text[equals + 1..]);
    // Readers that work with lines or C strings would find another key.
    let is_name = !key.is_empty() && !key.iter().any(u8::is_ascii_control);
    is_name.then_some((key, value, rest))
}

fn decimal(value: &[u8]) -> Result<u64, ArchiveFault> {
    if value.is_empty() {
        return Err(ArchiveFault::MalformedPax);
    }
    let mut number: u64 = 0;
    for byte in value {
        let digit = match byte {
            b'0'..=b'9' => u64::from(byte - b'0'),
            _ => return Err(ArchiveFault::MalformedPax),
        };
        number = number
            .checked_mul(10)
            .and_then(|number| number.checked_add(digit))
            .ok_or(ArchiveFault::MalformedPax)?;
    }
    Ok(number)
}

/// `-1.5` is half a second after the second −2.
fn timestamp(value: &[u8]) -> Result<(i64, u32), ArchiveFault> {
    let (is_negative, value) = match value.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, value),
    };
    let mut halves = value.splitn(2, |byte| *byte == b'.');
    let whole = decimal(halves.next().unwrap_or_default())?;
    let whole = i64::try_from(whole).map_err(|_| ArchiveFault::MalformedPax)?;
    let mut nanoseconds = 0;
    let fraction = halves.next().unwrap_or_default();
    for place in 0..9 {
        let digit = fraction.get(place).map_or(Ok(0), |digit| match digit {
            b'0'..=b'9' => Ok(u32::from(digit - b'0')),
            _ => Err(ArchiveFault::MalformedPax),
        })?;
        nanoseconds = nanoseconds * 10 + digit;
    }
    match (is_negative, nanoseconds) {
        (false, _) => Ok((whole, nanoseconds)),
        (true, 0) => Ok((-whole, 0)),
        (true, _) => Ok((-whole - 1, 1_000_000_000 - nanoseconds)),
    }
}

/// More digits than any length that fits the size limit of a header.
const MAX_LENGTH_DIGITS: usize = 9;
