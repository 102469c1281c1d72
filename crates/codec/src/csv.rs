//! CSV bodies: rows of numbers.
//!
//! Read by RFC 4180: quoted cells, doubled quotes, line feeds with or without a carriage return before them. A byte
//! order mark is skipped, and so are blank lines; there are no comments. An empty cell is NaN. Rows with other text
//! are left to Python.

mod decode;
mod encode;

pub use self::{
    decode::{Header, Options, Shape, decode},
    encode::encode,
};

#[cfg(test)]
mod tests;
