//! HTTP/1.0 and HTTP/1.1 as bytes, strictly: requests in, response heads out.
//!
//! No sockets, no clock, no tasks: the owner of a connection reads into a buffer, asks [`head`] whether a request head is
//! whole, takes the body's bytes off by what the head says of its framing (a length, or [`framing`] for chunks), and writes
//! what [`response`] appended. Routes, time limits and body limits are the owner's.
//!
//! A request that two readers could understand differently is refused, never repaired: only CRLF ends a line, a body has one
//! framing, a header that decides something stands once. [`fault`] is every way in which a request can be refused here, and
//! [`error`] is what a client sees of that, and of everything else that goes wrong behind this module.
//!
//! Whatever the bytes: no panic, time linear in their number however they are cut, and no memory but the spans of the fields.

pub mod date;
pub mod error;
pub mod fault;
pub mod framing;
pub mod head;
mod octets;
pub mod response;

pub use self::{
    date::HttpDate,
    error::{ErrorBody, ErrorType, error_json},
    fault::Fault,
    framing::{ChunkDecoder, ChunkStep},
    head::{
        BodyFraming, Expectation, HeadLimits, HeadParser, Method, Persistence, Progress,
        RequestHead, Version,
    },
    response::{BodyLength, ResponseFault, ResponseStart, put_chunk_head, put_head},
};

#[cfg(test)]
mod tests;
