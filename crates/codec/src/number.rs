//! Reading decimal numbers: those of JSON, and what Python's `float()` takes from a CSV cell.
//!
//! Every float is the nearest one to the decimal, as Python's are. Numbers of few digits are exact in one
//! multiplication or division; the others go to the standard library.

use std::str;

/// A JSON number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    /// A whole number, without a point and an exponent.
    Int(i64),
    /// A whole number outside of int64.
    Wide,
    /// A number with a point or an exponent.
    Float(f64),
}

/// The JSON number at `start`, and where it ends.
///
/// As Python reads it: a point or an `e` without a digit after it is not part of the number.
#[inline]
pub(crate) fn json(bytes: &[u8], start: usize) -> Option<(Number, usize)> {
    let negative = bytes.get(start) == Some(&b'-');
    let first = start + usize::from(negative);
    let mut mantissa = 0;
    let int_end = match bytes.get(first)? {
        b'0' => first + 1,
        b'1'..=b'9' => digits(bytes, first, &mut mantissa),
        _ => return None,
    };
    let mut end = int_end;
    let mut n_fraction = 0;
    if bytes.get(end) == Some(&b'.') && is_digit(bytes, end + 1) {
        end = many_digits(bytes, end + 1, &mut mantissa);
        n_fraction = end - int_end - 1;
    }
    let mut exponent = 0;
    if let Some((value, exponent_end)) = exponent_at(bytes, end) {
        (exponent, end) = (value, exponent_end);
    }
    let n_digits = int_end - first + n_fraction;
    if end == int_end {
        return Some((whole(mantissa, n_digits, negative), end));
    }
    let parts = Decimal {
        mantissa,
        n_digits,
        exponent: exponent - clamped(n_fraction),
        negative,
    };
    Some((Number::Float(parts.value(bytes.get(start..end)?)), end))
}

/// The plain decimal at `start`, and where it ends: `1`, `+1.`, `-.5e3`.
#[inline]
pub(crate) fn decimal(bytes: &[u8], start: usize) -> Option<(f64, usize)> {
    let sign = bytes.get(start)?;
    let negative = *sign == b'-';
    let first = start + usize::from(negative || *sign == b'+');
    let mut mantissa = 0;
    let int_end = digits(bytes, first, &mut mantissa);
    let mut end = int_end;
    let mut n_fraction = 0;
    if bytes.get(end) == Some(&b'.') {
        end = many_digits(bytes, end + 1, &mut mantissa);
        n_fraction = end - int_end - 1;
    }
    let n_digits = int_end - first + n_fraction;
    if n_digits == 0 {
        return None;
    }
    let mut exponent = 0;
    if let Some((value, exponent_end)) = exponent_at(bytes, end) {
        (exponent, end) = (value, exponent_end);
    }
    let parts = Decimal {
        mantissa,
        n_digits,
        exponent: exponent - clamped(n_fraction),
        negative,
    };
    Some((parts.value(bytes.get(start..end)?), end))
}

/// A whole cell as Python's `float()` reads it: blanks around it, `1_000`, `nan`, `-Infinity`.
///
/// Nothing for what isn't ASCII: `float()` knows the digits of every script, that is left to Python.
///
/// **Source**: numpy 2.4, text to float64, observed cell by cell.
pub(crate) fn cell(text: &[u8]) -> Option<f64> {
    let text = trimmed(text);
    if let Some((value, end)) = decimal(text, 0)
        && end == text.len()
    {
        return Some(value);
    }
    if text.contains(&b'_') {
        return without_underscores(text).and_then(|plain| {
            let (value, end) = decimal(&plain, 0)?;
            (end == plain.len()).then_some(value)
        });
    }
    let negative = text.first() == Some(&b'-');
    let word = text
        .strip_prefix(b"-")
        .or_else(|| text.strip_prefix(b"+"))
        .unwrap_or(text);
    let value = match word.len() {
        3 if word.eq_ignore_ascii_case(b"nan") => f64::NAN,
        3 if word.eq_ignore_ascii_case(b"inf") => f64::INFINITY,
        8 if word.eq_ignore_ascii_case(b"infinity") => f64::INFINITY,
        _ => return None,
    };
    Some(if negative { -value } else { value })
}

/// How many separators there are: one less than the numbers there can be.
///
/// In steps that a byte can count, so that the processor does many at once.
pub(crate) fn n_separators(bytes: &[u8], is_separator: impl Fn(u8) -> bool) -> usize {
    bytes
        .chunks(255)
        .map(|step| {
            let n = step
                .iter()
                .fold(0u8, |n, &byte| n.wrapping_add(u8::from(is_separator(byte))));
            usize::from(n)
        })
        .sum()
}

struct Decimal {
    /// All digits, without the point; exact up to 19 of them.
    mantissa: u64,
    n_digits: usize,
    exponent: i32,
    negative: bool,
}

impl Decimal {
    /// The nearest float; `text` is the whole number again, for when the parts don't say it exactly.
    #[inline]
    fn value(&self, text: &[u8]) -> f64 {
        const EXACT: u64 = 1 << 53;
        if self.n_digits <= 19 && self.mantissa <= EXACT {
            #[expect(clippy::cast_precision_loss, reason = "at most 2^53")]
            let mantissa = self.mantissa as f64;
            let power = usize::try_from(self.exponent.unsigned_abs())
                .ok()
                .and_then(|power| POWERS_OF_TEN.get(power));
            if let Some(power) = power {
                let value = if self.exponent < 0 {
                    mantissa / power
                } else {
                    mantissa * power
                };
                return if self.negative { -value } else { value };
            }
        }
        str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .expect("a sign, digits, a point and an exponent are a float")
    }
}

fn whole(mantissa: u64, n_digits: usize, negative: bool) -> Number {
    if n_digits > 19 {
        return Number::Wide;
    }
    let value = if negative {
        0i64.checked_sub_unsigned(mantissa)
    } else {
        i64::try_from(mantissa).ok()
    };
    value.map_or(Number::Wide, Number::Int)
}

/// The same as [`digits`], eight at a time: fractions are long where numbers come from a computation.
#[inline]
fn many_digits(bytes: &[u8], mut at: usize, mantissa: &mut u64) -> usize {
    while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        let Some(value) = eight_digits(u64::from_le_bytes(*eight)) else {
            break;
        };
        *mantissa = mantissa.wrapping_mul(100_000_000).wrapping_add(value);
        at += 8;
    }
    digits(bytes, at, mantissa)
}

/// Adds the digits at `at` to the mantissa, which wraps after the 19th, and says where they end.
#[inline]
fn digits(bytes: &[u8], mut at: usize, mantissa: &mut u64) -> usize {
    while let Some(&byte) = bytes.get(at) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        *mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    at
}

/// Eight ASCII digits in one word, if they all are: pairs, then fours, then eight, each by one multiplication.
#[inline]
fn eight_digits(word: u64) -> Option<u64> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    let above_nine = word.wrapping_add(0x4646_4646_4646_4646);
    let values = word.wrapping_sub(ZEROS);
    if (above_nine | values) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let high = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    Some(low.wrapping_add(high) >> 32)
}

/// `e5`, `E-05`: its value, far enough from zero to be out of every range if it is larger, and its end.
#[inline]
fn exponent_at(bytes: &[u8], at: usize) -> Option<(i32, usize)> {
    const FAR: i32 = 1_000_000;
    if !matches!(bytes.get(at), Some(b'e' | b'E')) {
        return None;
    }
    let negative = bytes.get(at + 1) == Some(&b'-');
    let signed = negative || bytes.get(at + 1) == Some(&b'+');
    let mut end = at + 1 + usize::from(signed);
    if !is_digit(bytes, end) {
        return None;
    }
    let mut value = 0i32;
    while let Some(digit) = bytes
        .get(end)
        .map(|byte| byte.wrapping_sub(b'0'))
        .filter(|&digit| digit <= 9)
    {
        value = (value * 10 + i32::from(digit)).min(FAR);
        end += 1;
    }
    Some((if negative { -value } else { value }, end))
}

fn is_digit(bytes: &[u8], at: usize) -> bool {
    bytes.get(at).is_some_and(u8::is_ascii_digit)
}

fn clamped(n_fraction: usize) -> i32 {
    i32::try_from(n_fraction).unwrap_or(i32::MAX / 2)
}

fn trimmed(mut text: &[u8]) -> &[u8] {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    while let [first, rest @ ..] = text
        && is_blank(first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_blank(last)
    {
        text = rest;
    }
    text
}

/// Underscores are allowed between two digits, nowhere else.
fn without_underscores(text: &[u8]) -> Option<Vec<u8>> {
    let between_digits = |at: usize| {
        at.checked_sub(1)
            .is_some_and(|before| is_digit(text, before))
            && is_digit(text, at + 1)
    };
    let mut plain = Vec::with_capacity(text.len());
    for (at, &byte) in text.iter().enumerate() {
        if byte != b'_' {
            plain.push(byte);
        } else if !between_digits(at) {
            return None;
        }
    }
    Some(plain)
}

/// Those that a float holds exactly.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

#[cfg(test)]
mod tests;
