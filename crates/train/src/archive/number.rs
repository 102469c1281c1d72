//! Number fields of a tar header, read strictly: readers that guess here disagree with each other.

use thiserror::Error;

/// A field that holds no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a number that fits")]
pub(super) struct NotANumber;

/// Reads octal digits between spaces and NULs, or a big-endian two's complement number after a byte 0x80 (positive) or 0xff
/// (negative).
///
/// A field of blanks only is `None`.
pub(super) fn parse(field: &[u8]) -> Result<Option<i64>, NotANumber> {
    match field.first() {
        Some(0x80 | 0xff) => binary(field).map(Some),
        _ => octal(field),
    }
}

fn octal(field: &[u8]) -> Result<Option<i64>, NotANumber> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\0');
    let start = field
        .iter()
        .position(|byte| *byte != b' ')
        .unwrap_or(field.len());
    let field = &field[start..];
    let n_digits = field
        .iter()
        .take_while(|byte| matches!(byte, b'0'..=b'7'))
        .count();
    let (digits, rest) = field.split_at(n_digits);
    if !rest.iter().all(is_blank) {
        return Err(NotANumber);
    }
    let mut value: i64 = 0;
    for digit in digits {
        value = value.checked_mul(8).ok_or(NotANumber)? + i64::from(digit - b'0');
    }
    Ok((!digits.is_empty()).then_some(value))
}

fn binary(field: &[u8]) -> Result<i64, NotANumber> {
    let mut value: i128 = if field[0] == 0xff { -1 } else { 0 };
    for byte in &field[1..] {
        // 12 bytes at most, which an i128 holds.
        value = (value << 8) | i128::from(*byte);
    }
    i64::try_from(value).map_err(|_| NotANumber)
}
