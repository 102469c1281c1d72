//! Ordered pairs of bytes: header fields, settings, statistics.

use crate::{
    fault::Fault,
    frame::Cursor,
    limits::{MAX_HEAD_BYTES, MAX_PAIRS},
};

/// Ordered pairs of names and values, as they are on the wire.
///
/// **Shape**: each pair is u16 length of the name, u16 length of the value, name, value. The number of pairs stands
/// elsewhere. Names and values are bytes: whether they are good HTTP is for the receiver to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pairs<'a> {
    n_pairs: u16,
    /// Checked: exactly `n_pairs` of them.
    bytes: &'a [u8],
}

impl<'a> Pairs<'a> {
    /// How many there are.
    pub const fn len(&self) -> usize {
        self.n_pairs as usize
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.n_pairs == 0
    }

    /// Names and values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (pair, after) = split_pair(rest)?;
            rest = after;
            Some(pair)
        })
    }

    /// The value of the first pair of this name, which is compared byte for byte.
    pub fn value(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.iter()
            .find_map(|(found, value)| (found == name).then_some(value))
    }

    pub(crate) const fn n_pairs(&self) -> u16 {
        self.n_pairs
    }

    pub(crate) const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Takes `n_pairs` off the front.
    pub(crate) fn take(
        cursor: &mut Cursor<'a>,
        n_pairs: u16,
        part: &'static str,
    ) -> Result<Self, Fault> {
        if n_pairs > MAX_PAIRS {
            return Err(Fault::TooManyPairs { n_pairs });
        }
        let all = cursor.rest();
        let mut rest = all;
        for _ in 0..n_pairs {
            (_, rest) = split_pair(rest).ok_or(Fault::PartOverruns {
                kind: cursor.kind(),
                part,
            })?;
        }
        let bytes = cursor.take(all.len() - rest.len(), part)?;
        Ok(Self { n_pairs, bytes })
    }
}

/// Pairs in the making. Kept and cleared, it allocates nothing after its first uses.
#[derive(Debug, Clone, Default)]
pub struct PairBuf {
    n_pairs: u16,
    bytes: Vec<u8>,
}

impl PairBuf {
    /// No pairs.
    pub const fn new() -> Self {
        Self {
            n_pairs: 0,
            bytes: Vec::new(),
        }
    }

    /// Forgets the pairs, and keeps the memory.
    pub fn clear(&mut self) {
        self.n_pairs = 0;
        self.bytes.clear();
    }

    /// Adds a pair behind the others.
    ///
    /// # Errors
    /// [`Fault::PairTooLong`] past 65,535 bytes of either, or when all pairs together outgrow a head;
    /// [`Fault::TooManyPairs`]. The pair is left out.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), Fault> {
        let too_long = Fault::PairTooLong {
            name_bytes: name.len(),
            value_bytes: value.len(),
        };
        let (Ok(name_length), Ok(value_length)) =
            (u16::try_from(name.len()), u16::try_from(value.len()))
        else {
            return Err(too_long);
        };
        if self.bytes.len() + name.len() + value.len() > MAX_HEAD_BYTES {
            return Err(too_long);
        }
        if self.n_pairs >= MAX_PAIRS {
            return Err(Fault::TooManyPairs {
                n_pairs: self.n_pairs + 1,
            });
        }
        self.n_pairs += 1;
        self.bytes.extend_from_slice(&name_length.to_le_bytes());
        self.bytes.extend_from_slice(&value_length.to_le_bytes());
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(value);
        Ok(())
    }

    /// The pairs, ready to be sent.
    pub fn as_pairs(&self) -> Pairs<'_> {
        Pairs {
            n_pairs: self.n_pairs,
            bytes: &self.bytes,
        }
    }
}

/// A name and its value.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// The first pair, and what follows it.
fn split_pair(bytes: &[u8]) -> Option<(Pair<'_>, &[u8])> {
    let (name_length, rest) = bytes.split_first_chunk()?;
    let (value_length, rest) = rest.split_first_chunk()?;
    let (name, rest) = rest.split_at_checked(u16::from_le_bytes(*name_length).into())?;
    let (value, rest) = rest.split_at_checked(u16::from_le_bytes(*value_length).into())?;
    Some(((name, value), rest))
}
