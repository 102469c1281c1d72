//! How Python spells values: `str()`, `repr()` and `json.dumps`.
//!
//! Scripts parse these spellings, so each is exact: the shortest digits of a float in Python's layout, the quotes that
//! `repr` chooses, the escapes of characters that do not print.

use std::fmt::Write as _;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

use crate::{
    json::{Json, Object},
    text::Text,
};

/// `json.dumps(value, sort_keys=True, separators=(",", ":"))`: compact, sorted, ASCII.
pub fn dumps(value: &Json) -> String {
    let mut out = String::new();
    dump(value, &mut out);
    out
}

/// The value of an environment variable: empty for null, a text as it is, everything else as [`dumps`] has it.
///
/// **Source**: sagemaker-training 5.1.4.
pub fn variable(value: &Json) -> Text {
    match value {
        Json::Null => Text::new(),
        Json::Text(text) => text.clone(),
        other => dumps(other).into(),
    }
}

/// `str(value)`.
pub fn str(value: &Json) -> Text {
    match value {
        Json::Text(text) => text.clone(),
        other => repr(other),
    }
}

/// `repr(value)`.
pub fn repr(value: &Json) -> Text {
    let mut out = Text::new();
    write_repr(value, &mut out);
    out
}

/// `repr` of a text: quoted, with what does not print as an escape.
pub fn repr_text(text: &Text) -> Text {
    let mut out = Text::new();
    write_repr_text(text, &mut out);
    out
}

/// `repr` of a float: the shortest digits that read back as the same number.
///
/// Exponent form if the exponent is below −4 or at least 16; then with a sign and at least two digits.
pub fn repr_float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    // Not the standard library's: of two shortest spellings that are equally near it takes the upper, Python the even.
    let mut buffer = zmij::Buffer::new();
    let shortest = buffer.format_finite(value);
    let (sign, magnitude) = match shortest.strip_prefix('-') {
        Some(magnitude) => ("-", magnitude),
        None => ("", shortest),
    };
    let (mantissa, exponent) = magnitude.split_once('e').unwrap_or((magnitude, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    let digits = all.trim_start_matches('0');
    // The number is `0.digits × 10^point`.
    let point = count(whole.len()) - count(all.len() - digits.len())
        + exponent
            .parse::<i32>()
            .expect("an exponent is a small number");
    match digits.trim_end_matches('0') {
        "" => format!("{sign}0.0"),
        digits if (-3..=16).contains(&point) => sign.to_owned() + &fixed(digits, point),
        digits => {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            let exponent = point - 1;
            let direction = if exponent < 0 { '-' } else { '+' };
            format!("{sign}{first}{dot}{rest}e{direction}{:02}", exponent.abs())
        }
    }
}

/// `0.digits × 10^point` without an exponent.
fn fixed(digits: &str, point: i32) -> String {
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    match usize::try_from(point) {
        Ok(point) if point > 0 && point < digits.len() => {
            format!("{}.{}", &digits[..point], &digits[point..])
        }
        Ok(1..) => format!("{digits}{}.0", zeros(point - count(digits.len()))),
        _ => format!("0.{}{digits}", zeros(-point)),
    }
}

fn count(n_digits: usize) -> i32 {
    i32::try_from(n_digits).expect("a float has few digits")
}

/// The entries of an object, by code points of their keys.
pub(crate) fn sorted(object: &Object) -> Vec<(&Text, &Json)> {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_by_key(|&(key, _)| key);
    entries
}

fn dump(value: &Json, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Int(value) => out.push_str(value.as_str()),
        Json::Float(value) if value.is_nan() => out.push_str("NaN"),
        Json::Float(value) if value.is_infinite() => {
            out.push_str(if *value > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            });
        }
        Json::Float(value) => out.push_str(&repr_float(*value)),
        Json::Text(text) => dump_text(text, out),
        Json::Array(values) => {
            out.push('[');
            for (i, value) in values.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                dump(value, out);
            }
            out.push(']');
        }
        Json::Object(object) => {
            out.push('{');
            for (i, (key, value)) in sorted(object).into_iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                dump_text(key, out);
                out.push(':');
                dump(value, out);
            }
            out.push('}');
        }
    }
}

fn dump_text(text: &Text, out: &mut String) {
    out.push('"');
    for code_point in text.code_points() {
        match char::from_u32(code_point) {
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{C}') => out.push_str("\\f"),
            Some(character @ ('"' | '\\')) => out.extend(['\\', character]),
            Some(character @ ' '..='~') => out.push(character),
            Some(character) => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}"); // A String takes everything.
                }
            }
            None => {
                let _ = write!(out, "\\u{code_point:04x}"); // A String takes everything.
            }
        }
    }
    out.push('"');
}

fn write_repr(value: &Json, out: &mut Text) {
    match value {
        Json::Null => out.push_str("None"),
        Json::Bool(value) => out.push_str(if *value { "True" } else { "False" }),
        Json::Int(value) => out.push_str(value.as_str()),
        Json::Float(value) => out.push_str(&repr_float(*value)),
        Json::Text(text) => write_repr_text(text, out),
        Json::Array(values) => {
            out.push_str("[");
            for (i, value) in values.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                write_repr(value, out);
            }
            out.push_str("]");
        }
        Json::Object(object) => {
            out.push_str("{");
            for (i, (key, value)) in object.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                write_repr_text(key, out);
                out.push_str(": ");
                write_repr(value, out);
            }
            out.push_str("}");
        }
    }
}

fn write_repr_text(text: &Text, out: &mut Text) {
    let bytes = text.as_bytes();
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    out.push(u32::from(quote));
    for code_point in text.code_points() {
        match char::from_u32(code_point) {
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(character) if character == quote || character == '\\' => {
                out.push_str("\\");
                out.push(code_point);
            }
            Some(character) if prints(character) => out.push(code_point),
            _ if code_point <= 0xFF => out.push_str(&format!("\\x{code_point:02x}")),
            _ if code_point <= 0xFFFF => out.push_str(&format!("\\u{code_point:04x}")),
            _ => out.push_str(&format!("\\U{code_point:08x}")),
        }
    }
    out.push(u32::from(quote));
}

/// `str.isprintable` of one character: no control, no separator but the blank, assigned and not private.
fn prints(character: char) -> bool {
    character.is_ascii_graphic()
        || character == ' '
        || !matches!(
            character.general_category(),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::Surrogate
                | GeneralCategory::PrivateUse
                | GeneralCategory::Unassigned
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
                | GeneralCategory::SpaceSeparator
        )
}

#[cfg(test)]
mod tests;
