//! JSON bodies: arrays of numbers, as `np.array(json.loads(body))` and `json.dumps(array.tolist())` have them.
//!
//! Only rectangular arrays of int64, float64 and bool are decoded; objects, text, `null`, ragged lists and larger whole
//! numbers are left to Python at the first one met. `NaN`, `Infinity` and `-Infinity` are numbers, both ways.

mod decode;
mod encode;

pub(crate) use self::encode::{Separator, WriteItem, Writer, exact, writer_of};
pub use self::{
    decode::{MAX_DEPTH, decode},
    encode::{Finiteness, NonFinite, encode},
};

#[cfg(test)]
mod tests;
