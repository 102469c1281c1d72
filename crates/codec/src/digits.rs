//! Writing numbers as Python does: `repr` of a float, `str` of numpy's float32.

/// A whole number.
pub(crate) fn push_int(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    push_uint(value.unsigned_abs(), out);
}

/// A whole number that is not negative.
pub(crate) fn push_uint(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; MAX_UINT_DIGITS];
    let mut start = digits.len();
    while value >= 100 {
        start -= 2;
        digits[start..start + 2].copy_from_slice(pair(value % 100));
        value /= 100;
    }
    if value >= 10 {
        start -= 2;
        digits[start..start + 2].copy_from_slice(pair(value));
    } else {
        start -= 1;
        digits[start] = pair(value)[1];
    }
    out.extend_from_slice(&digits[start..]);
}

/// The two digits of a number below 100.
fn pair(value: u64) -> &'static [u8; 2] {
    &PAIRS[usize::try_from(value).unwrap_or(0) % PAIRS.len()]
}

/// A finite float64 as `repr` has it: the shortest digits that read back as the same number.
///
/// Exponent form below 1e-4 and from 1e16 on.
#[inline]
pub(crate) fn push_float(value: f64, out: &mut Vec<u8>) {
    let mut buffer = zmij::Buffer::new();
    let shortest = buffer.format_finite(value);
    let magnitude = value.abs();
    // The same as Python's but for these: one power of ten that it writes without an exponent, and exponents that
    // Python gives two digits.
    if (1e-5..1e-4).contains(&magnitude) {
        push_laid_out(shortest, Layout::Exponent, out);
    } else if (1e-9..1e-5).contains(&magnitude)
        && let Some((last, digits)) = shortest.as_bytes().split_last()
    {
        out.extend_from_slice(digits);
        out.extend_from_slice(&[b'0', *last]);
    } else {
        out.extend_from_slice(shortest.as_bytes());
    }
}

/// A finite float32 as numpy's `str` has it.
///
/// Exponent form below 1e-4 and from 1e6 on.
///
/// **Source**: numpy 2.4.6, observed at the neighbours of both bounds; older ones go on to 1e16.
pub(crate) fn push_float32(value: f32, out: &mut Vec<u8>) {
    let mut buffer = zmij::Buffer::new();
    let shortest = buffer.format_finite(value);
    let magnitude = f64::from(value.abs());
    let layout = if magnitude == 0.0 || (1e-4..1e6).contains(&magnitude) {
        Layout::Fixed
    } else {
        Layout::Exponent
    };
    push_laid_out(shortest, layout, out);
}

/// Most digits of a `u64`.
const MAX_UINT_DIGITS: usize = 20;

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut i = 0;
    while i < 100 {
        #[expect(clippy::cast_possible_truncation, reason = "below 100")]
        let value = i as u8;
        pairs[i] = [b'0' + value / 10, b'0' + value % 10];
        i += 1;
    }
    pairs
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Fixed,
    Exponent,
}

/// Takes a number apart, whatever its layout is, and writes the same digits in the one asked for.
fn push_laid_out(number: &str, layout: Layout, out: &mut Vec<u8>) {
    let (mantissa, exponent) = number.split_once('e').unwrap_or((number, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let magnitude = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
    let joined = [whole, fraction].concat();
    let leading_zeros = joined.len() - joined.trim_start_matches('0').len();
    let digits = joined.trim_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    // The number is `0.digits × 10^point`.
    let point = i32::try_from(whole.len()).unwrap_or(0) - i32::try_from(leading_zeros).unwrap_or(0)
        + exponent;
    if magnitude.len() < mantissa.len() {
        out.push(b'-');
    }
    match layout {
        _ if digits == "0" => out.extend_from_slice(b"0.0"),
        Layout::Exponent => push_exponent_form(digits, point - 1, out),
        Layout::Fixed => push_fixed(digits, point, out),
    }
}

fn push_exponent_form(digits: &str, exponent: i32, out: &mut Vec<u8>) {
    let (first, rest) = digits.as_bytes().split_at(1);
    out.extend_from_slice(first);
    if !rest.is_empty() {
        out.push(b'.');
        out.extend_from_slice(rest);
    }
    out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
    if exponent.unsigned_abs() < 10 {
        out.push(b'0');
    }
    push_uint(u64::from(exponent.unsigned_abs()), out);
}

fn push_fixed(digits: &str, point: i32, out: &mut Vec<u8>) {
    let zeros = |n: usize| std::iter::repeat_n(b'0', n);
    match usize::try_from(point) {
        Ok(point) if point > 0 => {
            let (whole, fraction) = digits.split_at(point.min(digits.len()));
            out.extend_from_slice(whole.as_bytes());
            out.extend(zeros(point - whole.len()));
            out.push(b'.');
            out.extend_from_slice(if fraction.is_empty() {
                b"0"
            } else {
                fraction.as_bytes()
            });
        }
        _ => {
            out.extend_from_slice(b"0.");
            out.extend(zeros(point.unsigned_abs() as usize));
            out.extend_from_slice(digits.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
