//! CSV bodies: rows of numbers.
//!
//! Read by RFC 4180: quoted cells, doubled quotes, line feeds with or without a carriage return before them. A byte
//! order mark is skipped, and so are blank lines; there are no comments. An empty cell is NaN. Rows with other text
//! are left to Python.
//!
//! [`decode_plain`] is for who must read as the reference does, to the byte: it takes what there is no doubt about.

mod decode;
mod encode;
mod table;

pub use self::{
    decode::{Header, Options, Shape, decode},
    encode::encode,
    table::{Types, decode_plain},
};

#[cfg(test)]
mod tests;
