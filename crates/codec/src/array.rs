//! A typed array in C order: what every body decodes to and what is written as one.

use std::{borrow::Cow, fmt};

use crate::error::CodecError;

/// Most axes that an array can have. **Source**: numpy 2.4, `NPY_MAXDIMS`.
pub const MAX_AXES: usize = 64;

/// A little-endian array, its items one after the other, the last axis fastest.
///
/// **Shape**: logical; no axes for a scalar. The bytes are always `items × item size` long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
}

/// The type of the items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// `|b1`: one byte, false if it is zero.
    Bool,
    /// `|i1`.
    Int8,
    /// `<i2`.
    Int16,
    /// `<i4`.
    Int32,
    /// `<i8`.
    Int64,
    /// `|u1`.
    UInt8,
    /// `<u2`.
    UInt16,
    /// `<u4`.
    UInt32,
    /// `<u8`.
    UInt64,
    /// `<f4`.
    Float32,
    /// `<f8`.
    Float64,
    /// A type that is carried and written as NPY, but not looked into: `<f2`, `>f8`, `<c16`, `<U3`, `<M8[ns]`.
    Named(Descr),
}

/// The name that numpy gives a type, with the size of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descr {
    name: Box<str>,
    item_bytes: usize,
}

/// An array that can't be: its parts contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArrayError {
    /// More than [`MAX_AXES`].
    #[error("{n_axes} axes, at most {MAX_AXES} are possible")]
    Axes {
        /// As many were given.
        n_axes: usize,
    },
    /// The shape says more bytes than a machine can address.
    #[error("the shape overflows")]
    Overflow,
    /// The shape says another number of bytes than there are.
    #[error("{actual} bytes, the shape says {expected}")]
    Length {
        /// What the shape says.
        expected: usize,
        /// What there is.
        actual: usize,
    },
}

impl<'a> Array<'a> {
    /// Puts the parts together.
    ///
    /// # Errors
    /// The bytes are not exactly those of the shape, or there are more than [`MAX_AXES`] axes.
    pub fn try_new(
        dtype: Dtype,
        shape: Vec<usize>,
        bytes: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Self, ArrayError> {
        let bytes = bytes.into();
        let expected = n_bytes(&dtype, &shape)?;
        if expected != bytes.len() {
            return Err(ArrayError::Length {
                expected,
                actual: bytes.len(),
            });
        }
        Ok(Self {
            dtype,
            shape,
            bytes,
        })
    }

    /// The type of the items.
    pub fn dtype(&self) -> &Dtype {
        &self.dtype
    }

    /// The length of each axis.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The items, without gaps.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The parts, without a copy.
    pub fn into_parts(self) -> (Dtype, Vec<usize>, Cow<'a, [u8]>) {
        (self.dtype, self.shape, self.bytes)
    }

    /// The number of items.
    pub fn n_items(&self) -> usize {
        self.bytes.len() / self.dtype.item_bytes()
    }

    /// The most lists (or rows) without an item that a text may have: nothing else bounds their number.
    pub const MAX_EMPTY_LISTS: usize = 1 << 20;

    /// Refuses shapes such as `(2^60, 0)`, whose text would be endless.
    pub(crate) fn check_empty_lists(&self, content_type: &'static str) -> Result<(), CodecError> {
        let n_lists = self
            .shape
            .iter()
            .take_while(|&&length| length != 0)
            .fold(1usize, |product, &length| product.saturating_mul(length));
        if self.bytes.is_empty() && n_lists > Self::MAX_EMPTY_LISTS {
            return Err(CodecError::EmptyLists {
                content_type,
                limit: Self::MAX_EMPTY_LISTS,
            });
        }
        Ok(())
    }
}

/// The bytes that the shape says.
///
/// # Errors
/// Too many axes, or a product that overflows. A zero among the lengths makes it zero whatever the others are, as long
/// as the product of the others does not overflow.
pub(crate) fn n_bytes(dtype: &Dtype, shape: &[usize]) -> Result<usize, ArrayError> {
    if shape.len() > MAX_AXES {
        return Err(ArrayError::Axes {
            n_axes: shape.len(),
        });
    }
    let mut product = dtype.item_bytes();
    for &length in shape.iter().filter(|&&length| length != 0) {
        product = product.checked_mul(length).ok_or(ArrayError::Overflow)?;
    }
    if isize::try_from(product).is_err() {
        return Err(ArrayError::Overflow);
    }
    Ok(if shape.contains(&0) { 0 } else { product })
}

impl Dtype {
    /// Reads numpy's name of a type; nothing for those that only numpy knows (structures, `longdouble`) and for objects.
    ///
    /// **Shape**: byte order (`<`, `>`, `|`, `=` or none), kind, size, and for times a unit: `<f8`, `|S5`, `<M8[ns]`.
    pub fn parse(name: &str) -> Option<Self> {
        let (order, rest) = match name.as_bytes().first()? {
            b'<' | b'=' | b'|' => (Order::Little, name.get(1..)?),
            b'>' => (Order::Big, name.get(1..)?),
            _ => (Order::Little, name),
        };
        let kind = *rest.as_bytes().first()?;
        let size = rest.get(1..)?;
        let (digits, unit) = size.split_at(
            size.find(|digit: char| !digit.is_ascii_digit())
                .unwrap_or(size.len()),
        );
        let size: usize = digits.parse().ok().filter(|&size| size > 0)?;
        let is_time = matches!(kind, b'm' | b'M');
        let takes_unit = is_time && is_time_unit(unit);
        if !unit.is_empty() && !takes_unit {
            return None;
        }
        let known = match (kind, size) {
            (b'b', 1) => Some(Self::Bool),
            (b'i', 1) => Some(Self::Int8),
            (b'u', 1) => Some(Self::UInt8),
            _ if order == Order::Big => None,
            (b'i', 2) => Some(Self::Int16),
            (b'i', 4) => Some(Self::Int32),
            (b'i', 8) => Some(Self::Int64),
            (b'u', 2) => Some(Self::UInt16),
            (b'u', 4) => Some(Self::UInt32),
            (b'u', 8) => Some(Self::UInt64),
            (b'f', 4) => Some(Self::Float32),
            (b'f', 8) => Some(Self::Float64),
            _ => None,
        };
        if known.is_some() {
            return known;
        }
        let item_bytes = match (kind, size) {
            (b'i' | b'u' | b'f', 2 | 4 | 8)
            | (b'c', 8 | 16)
            | (b'm' | b'M', 8)
            | (b'S' | b'V', _) => size,
            (b'U', _) => size.checked_mul(4)?,
            _ => return None,
        };
        Some(Self::Named(Descr {
            name: name.into(),
            item_bytes,
        }))
    }

    /// numpy's name of the type, as NPY headers and `np.frombuffer` have it.
    pub fn name(&self) -> &str {
        match self {
            Self::Bool => "|b1",
            Self::Int8 => "|i1",
            Self::Int16 => "<i2",
            Self::Int32 => "<i4",
            Self::Int64 => "<i8",
            Self::UInt8 => "|u1",
            Self::UInt16 => "<u2",
            Self::UInt32 => "<u4",
            Self::UInt64 => "<u8",
            Self::Float32 => "<f4",
            Self::Float64 => "<f8",
            Self::Named(descr) => &descr.name,
        }
    }

    /// The size of one item, never zero.
    pub fn item_bytes(&self) -> usize {
        match self {
            Self::Bool | Self::Int8 | Self::UInt8 => 1,
            Self::Int16 | Self::UInt16 => 2,
            Self::Int32 | Self::UInt32 | Self::Float32 => 4,
            Self::Int64 | Self::UInt64 | Self::Float64 => 8,
            Self::Named(descr) => descr.item_bytes,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Little,
    Big,
}

/// `[ns]`, `[25s]`, `[D]`; the name goes to numpy, so nothing else may pass.
fn is_time_unit(unit: &str) -> bool {
    let Some(unit) = unit
        .strip_prefix('[')
        .and_then(|unit| unit.strip_suffix(']'))
    else {
        return false;
    };
    let unit = unit.trim_start_matches(|digit: char| digit.is_ascii_digit());
    [
        "Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as",
    ]
    .contains(&unit)
}

#[cfg(test)]
mod tests;
