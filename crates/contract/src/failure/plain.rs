//! What a terminal would show of some output, as plain text.

use std::{iter::Peekable, str::Chars};

/// `output` as text without colours and other escape sequences, without control characters other than newline and tab.
///
/// Bytes that are not UTF-8 become U+FFFD. A carriage return goes back to the start of the line, so that only the last
/// state of a progress bar is left.
pub fn plain_text(output: &[u8]) -> String {
    let decoded = String::from_utf8_lossy(output);
    let mut text = String::with_capacity(decoded.len());
    let mut line_start = 0;
    let mut chars = decoded.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => {
                text.push('\n');
                line_start = text.len();
            }
            '\r' => {
                while chars.next_if_eq(&'\r').is_some() {}
                if !matches!(chars.peek(), Some('\n') | None) {
                    text.truncate(line_start);
                }
            }
            '\u{1b}' => skip_escape_sequence(&mut chars),
            c if c.is_control() && c != '\t' => {}
            c => text.push(c),
        }
    }
    text
}

/// Skips what follows an ESC. A sequence that is cut short ends at the first character that it can't contain.
fn skip_escape_sequence(chars: &mut Peekable<Chars<'_>>) {
    match chars.next_if(|c| (' '..='~').contains(c)) {
        // Control sequence: parameters, then one final character.
        Some('[') => {
            while chars.next_if(|c| (' '..='?').contains(c)).is_some() {}
            chars.next_if(|c| ('@'..='~').contains(c));
        }
        // Operating system command and its kin: a text up to BEL or ESC \.
        Some(']' | 'P' | '^' | '_' | 'X') => {
            while chars
                .next_if(|c| !matches!(c, '\u{7}' | '\u{1b}' | '\n'))
                .is_some()
            {}
            if chars.next_if_eq(&'\u{1b}').is_some() {
                chars.next_if_eq(&'\\');
            } else {
                chars.next_if_eq(&'\u{7}');
            }
        }
        // Two characters, or three such as the choice of a character set.
        Some(' '..='/') => {
            chars.next_if(|c| ('0'..='~').contains(c));
        }
        Some(_) | None => {}
    }
}

#[cfg(test)]
mod tests;
