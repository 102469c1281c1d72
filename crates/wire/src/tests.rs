//! Frames as bytes, in pieces, and bent.

mod document;
mod golden;
mod lies;
mod pieces;
mod random;

use crate::{ArenaLayout, Decoder};

/// Hexadecimal digits to bytes; the rest of a line after `#` is for people.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .lines()
        .flat_map(|line| line.split('#').next().unwrap_or_default().chars())
        .filter(|character| !character.is_whitespace())
        .map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap())
        .collect();
    let (bytes, odd) = digits.as_chunks::<2>();
    assert!(odd.is_empty(), "half a byte in {text}");
    bytes.iter().map(|[high, low]| high << 4 | low).collect()
}

/// Gives all of `bytes` to the decoder, which must have room for them.
fn feed(decoder: &mut Decoder, bytes: &[u8]) {
    let space = decoder.space();
    space[..bytes.len()].copy_from_slice(bytes);
    decoder.advance(bytes.len());
}

/// Two request slots (0, 1) and one response slot (2), of 4 KiB.
fn arena() -> ArenaLayout {
    ArenaLayout::try_new(2, 1, 4096).unwrap()
}

fn with_arena() -> Decoder {
    let mut decoder = Decoder::new();
    decoder.set_arena(arena());
    decoder
}
