//! Value to text for people. The compact form that scripts see is `python::dumps`.

use std::fmt::Write as _;

use super::Json;
use crate::{python, text::Text};

impl Json {
    /// The value over several lines, four spaces a level, members in their order, characters as they are.
    pub fn to_pretty(&self) -> String {
        let mut out = String::new();
        pretty(self, 0, &mut out);
        out
    }
}

fn pretty(value: &Json, level: usize, out: &mut String) {
    match value {
        Json::Array(values) if !values.is_empty() => {
            for (i, value) in values.iter().enumerate() {
                out.push_str(if i == 0 { "[" } else { "," });
                new_line(level + 1, out);
                pretty(value, level + 1, out);
            }
            new_line(level, out);
            out.push(']');
        }
        Json::Object(object) if !object.is_empty() => {
            for (i, (key, value)) in object.iter().enumerate() {
                out.push_str(if i == 0 { "{" } else { "," });
                new_line(level + 1, out);
                quote(key, out);
                out.push_str(": ");
                pretty(value, level + 1, out);
            }
            new_line(level, out);
            out.push('}');
        }
        Json::Text(text) => quote(text, out),
        other => out.push_str(&python::dumps(other)),
    }
}

fn new_line(level: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n("    ", level));
}

fn quote(text: &Text, out: &mut String) {
    out.push('"');
    for code_point in text.code_points() {
        match char::from_u32(code_point) {
            Some(character @ ('"' | '\\')) => out.extend(['\\', character]),
            Some(character) if !character.is_control() => out.push(character),
            _ => {
                let _ = write!(out, "\\u{code_point:04x}"); // A String takes everything.
            }
        }
    }
    out.push('"');
}
