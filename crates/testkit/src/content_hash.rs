//! A hash of what an object holds, which can be put together from those of its parts.
//!
//! It is a polynomial over the bytes, modulo 2^64: it tells bytes that moved, changed or are missing, and is no match
//! for anybody's malice. Zeros cost next to nothing, so that a sparse file of gigabytes is soon done.

use std::io::{self, Read};

/// The hash of a run of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContentHash {
    value: u64,
    n_bytes: u64,
}

/// Odd, so that no power of it is zero.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

const PIECE_BYTES: usize = 64 << 10;

static ZEROS: [u8; PIECE_BYTES] = [0; PIECE_BYTES];

impl ContentHash {
    /// That of all that a reader has.
    ///
    /// # Errors
    /// The reader's.
    pub fn of(mut source: impl Read) -> io::Result<Self> {
        let mut hash = Self::default();
        let mut buf = vec![0; PIECE_BYTES];
        loop {
            match source.read(&mut buf)? {
                0 => return Ok(hash),
                n => hash.update(&buf[..n]),
            }
        }
    }

    /// Adds bytes behind those that are in it.
    pub fn update(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE_BYTES) {
            let is_zero = piece == &ZEROS[..piece.len()];
            let value = if is_zero {
                0
            } else {
                piece.iter().fold(0, |value: u64, byte| {
                    value.wrapping_mul(BASE).wrapping_add(u64::from(*byte))
                })
            };
            self.append(Self {
                value,
                n_bytes: piece.len() as u64,
            });
        }
    }

    /// Adds the bytes of another one behind those that are in it.
    pub fn append(&mut self, next: Self) {
        self.value = self
            .value
            .wrapping_mul(power(next.n_bytes))
            .wrapping_add(next.value);
        self.n_bytes += next.n_bytes;
    }

    /// The hash.
    pub fn value(&self) -> u64 {
        self.value
    }

    /// Of how many bytes it is.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }
}

fn power(mut exponent: u64) -> u64 {
    let (mut power, mut square) = (1_u64, BASE);
    while exponent > 0 {
        if exponent & 1 == 1 {
            power = power.wrapping_mul(square);
        }
        square = square.wrapping_mul(square);
        exponent >>= 1;
    }
    power
}
