//! A value and its origin, and the unit of sizes.

use std::fmt;

use crate::{config::Origin, vars::Variable};

/// A value, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

/// What a project file says, as the variable that would say the same. It counts when no variable does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSetting {
    /// The variable.
    pub variable: Variable,
    /// Its value, as a variable would have it.
    pub value: String,
    /// The file and the key.
    pub origin: Origin,
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(u64);

impl<T> Given<T> {
    pub(super) fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    pub(super) fn default(value: T) -> Self {
        Self::new(value, Origin::Default)
    }

    pub(super) fn or(given: Option<Self>, default: T) -> Self {
        given.unwrap_or_else(|| Self::default(default))
    }

    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Given<U> {
        Given::new(change(self.value), self.origin)
    }
}

impl Bytes {
    /// So many bytes.
    pub const fn new(n_bytes: u64) -> Self {
        Self(n_bytes)
    }

    /// The number.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// In the largest unit that divides it: `100 MiB`, `6553500 B`.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")];
        let found = units
            .into_iter()
            .find(|(unit, _)| self.0 >= *unit && self.0.is_multiple_of(*unit));
        let (unit, name) = found.unwrap_or((1, "B"));
        write!(f, "{} {name}", self.0 / unit)
    }
}

pub(super) const KIB: u64 = 1 << 10;
pub(super) const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
