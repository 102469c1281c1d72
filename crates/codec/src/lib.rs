//! Bodies: bytes to arrays and back, and which media type is meant.
//!
//! Pure: bytes in, values out. No decoder panics, whatever the bytes, and none allocates more than its page says it
//! may for a body of that length. What the reference's Python code would make of a body and no numeric array holds
//! (text, objects, ragged lists) is not decoded here but left to Python: [`DecodeError::Undecodable`].
//!
//! Reading order: [`mod@array`] is the value. [`json`], [`csv`], [`npy`], [`npz`], [`jsonlines`], [`recordio`] and [`text`]
//! are the bodies, [`mod@format`] names them and chooses one. [`media_type`] reads `Content-Type`, [`mod@negotiate`] answers
//! `Accept`. [`error`] is the one table of what a client is told.

pub mod array;
pub mod csv;
mod digits;
pub mod error;
pub mod format;
pub mod json;
pub mod jsonlines;
pub mod media_type;
pub mod negotiate;
pub mod npy;
pub mod npz;
mod number;
pub mod recordio;
pub mod text;

pub use self::{
    array::{Array, Dtype},
    error::{CodecError, DecodeError, EncodeError, Kind, Undecodable},
    format::{Decoded, Format},
    media_type::MediaType,
    negotiate::negotiate,
};
