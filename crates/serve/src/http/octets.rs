//! Which bytes may stand where, and how they are found and shown.

use std::fmt;

/// The beginning of something that came from a client, short enough for a message, and escaped when shown.
///
/// **Units and limits**: 32 bytes; what was longer is shown with `...` behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Excerpt {
    bytes: [u8; MAX_EXCERPT_BYTES],
    /// How long the whole was.
    n_bytes: usize,
}

impl Excerpt {
    /// The beginning of `whole`.
    pub fn of(whole: &[u8]) -> Self {
        let mut bytes = [0; MAX_EXCERPT_BYTES];
        for (kept, byte) in bytes.iter_mut().zip(whole) {
            *kept = *byte;
        }
        Self {
            bytes,
            n_bytes: whole.len(),
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.bytes.get(..self.n_bytes).unwrap_or(&self.bytes);
        let cut = if kept.len() < self.n_bytes { "..." } else { "" };
        write!(out, "{}{cut}", kept.escape_ascii())
    }
}

/// Where the first byte is that has no place in a line: a control other than the tabulator. Ends of lines are such bytes.
pub(super) fn find_control(bytes: &[u8]) -> Option<usize> {
    // Sixteen at a time without a branch among them, which compilers turn into a few vector instructions.
    let (blocks, _) = bytes.as_chunks::<16>();
    let n_clean_blocks = blocks
        .iter()
        .take_while(|block| {
            !block
                .iter()
                .fold(false, |any, byte| any | is_control(*byte))
        })
        .count();
    let clean_bytes = n_clean_blocks * 16;
    let rest = bytes.get(clean_bytes..).unwrap_or_default();
    let offset = rest.iter().position(|byte| is_control(*byte))?;
    Some(clean_bytes + offset)
}

/// Whether a byte may stand nowhere inside a line.
pub(super) const fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t') || byte == 0x7f
}

/// Whether a byte may stand in the name of a method or field.
pub(super) const fn is_token_byte(byte: u8) -> bool {
    TOKEN[byte as usize]
}

/// Whether this is the name of a method or field.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_byte(*byte))
}

/// Whether a byte may stand in a path or query: visible ASCII, but for the mark of a fragment.
pub(super) const fn is_target_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b'#'
}

/// Whether a byte may stand in a host with its port.
pub(super) const fn is_host_byte(byte: u8) -> bool {
    HOST[byte as usize]
}

/// The bytes without the blanks and tabulators around them.
pub(super) fn trim_blanks(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

const MAX_EXCERPT_BYTES: usize = 32;

/// RFC 9110, 5.6.2.
static TOKEN: [bool; 256] = alphanumeric_and(b"!#$%&'*+-.^_`|~");

/// RFC 3986, 3.2.2 and 3.2.3: names, addresses, a port; no user.
static HOST: [bool; 256] = alphanumeric_and(b"-._~%!$&'()*+,;=:[]");

const fn alphanumeric_and(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let mut i = 0;
    while i < others.len() {
        table[others[i] as usize] = true;
        i += 1;
    }
    table
}
