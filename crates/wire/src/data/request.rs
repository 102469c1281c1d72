//! A request.

use std::num::NonZeroU64;

use crate::{
    body::{Array, Body, BodyNumbers},
    fault::Fault,
    frame::{Frame, Label, put},
    id::RequestId,
    kind::Kind,
    limits::MAX_HEAD_BYTES,
    pairs::Pairs,
};

/// An HTTP request as the front took it, for functions and applications alike.
///
/// **Shape**, 48 bytes and then the parts: u64 id, u64 deadline, u64 length of the body, u32 offset of the body, u32 length
/// of the head, u16 lengths of path, query, content type and accept, u16 number of headers, u16 port, u8 lengths of
/// method and peer, u8 major and u8 minor HTTP version. The array if there is one, method, path, query, peer, content
/// type, accept, headers. The rest of the head is skipped; after it comes an inline body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// Its number.
    pub id: RequestId,
    /// How its start is made known.
    pub start: Start,
    /// When the front will have answered without the worker: nanoseconds of `CLOCK_MONOTONIC`. `None`: never.
    pub deadline_ns: Option<NonZeroU64>,
    /// `POST`.
    pub method: &'a [u8],
    /// As the client wrote it, without the query.
    pub path: &'a [u8],
    /// What follows the first `?`, without it.
    pub query: &'a [u8],
    /// As the client wrote it.
    pub version: HttpVersion,
    /// The client's address without a port: `127.0.0.1`, `::1`. Empty: not known.
    pub peer: &'a [u8],
    /// The client's port. 0: not known.
    pub peer_port: u16,
    /// The content type that an `input_fn` is given: the header's, or the default. Empty for applications.
    pub content_type: &'a [u8],
    /// The accept that an `output_fn` is given: the header's for a user's function, one negotiated type for the default
    /// one. Empty for applications.
    pub accept: &'a [u8],
    /// All header fields, in order. The case of their names means nothing.
    pub headers: Pairs<'a>,
    /// What the body is, when the front has decoded it already.
    pub array: Option<Array<'a>>,
    /// The body.
    pub body: Body<'a>,
}

/// How the front learns that a request's execution has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// It counts as begun as soon as it is sent: the worker has nothing else to do.
    Implied,
    /// It was sent ahead: the worker says `STARTED` before it executes anything of it.
    Announced,
}

/// The version in a request line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpVersion {
    /// The first number.
    pub major: u8,
    /// The second number.
    pub minor: u8,
}

impl<'a> Request<'a> {
    pub(crate) fn from_frame(frame: &Frame<'a>) -> Result<Self, Fault> {
        frame.only_flags(Body::FORM_FLAGS | Array::FLAG | ANNOUNCE)?;
        let mut fixed = frame.cursor();
        let id = RequestId::new(fixed.u64()?);
        let deadline_ns = NonZeroU64::new(fixed.u64()?);
        let numbers = BodyNumbers {
            n_bytes: fixed.u64()?,
            offset_bytes: fixed.u32()?,
        };
        let head_bytes = fixed.u32()?;
        let (path, query) = (fixed.u16()?, fixed.u16()?);
        let (content_type, accept) = (fixed.u16()?, fixed.u16()?);
        let (n_headers, peer_port) = (fixed.u16()?, fixed.u16()?);
        let (method, peer) = (fixed.u8()?, fixed.u8()?);
        let version = HttpVersion {
            major: fixed.u8()?,
            minor: fixed.u8()?,
        };
        let (mut parts, rest) = frame.split_head(head_bytes, FIXED_BYTES, MAX_HEAD_BYTES)?;
        Ok(Self {
            id,
            start: if frame.flags & ANNOUNCE == 0 {
                Start::Implied
            } else {
                Start::Announced
            },
            deadline_ns,
            version,
            peer_port,
            // In the order of the wire from here on.
            array: Array::take_if_flagged(frame.flags, &mut parts, numbers)?,
            method: parts.take(method.into(), "method")?,
            path: parts.take(path.into(), "path")?,
            query: parts.take(query.into(), "query")?,
            peer: parts.take(peer.into(), "peer")?,
            content_type: parts.take(content_type.into(), "content_type")?,
            accept: parts.take(accept.into(), "accept")?,
            headers: Pairs::take(&mut parts, n_headers, "headers")?,
            body: Body::parse(frame, numbers, rest)?,
        })
    }

    pub(crate) fn encode_head(&self, out: &mut Vec<u8>) -> Result<&'a [u8], Fault> {
        let numbers = self.body.numbers()?;
        let announce = match self.start {
            Start::Implied => 0,
            Start::Announced => ANNOUNCE,
        };
        let label = Label {
            kind: Kind::Req,
            flags: self.body.form() | Array::flag(self.array) | announce,
            slot: self.body.slot(),
        };
        put(out, label, self.body.tail(), |payload| {
            payload.u64(self.id.number());
            payload.u64(self.deadline_ns.map_or(0, NonZeroU64::get));
            payload.u64(numbers.n_bytes);
            payload.u32(numbers.offset_bytes);
            let head_length = payload.begin_head();
            payload.length_u16(self.path, "path")?;
            payload.length_u16(self.query, "query")?;
            payload.length_u16(self.content_type, "content_type")?;
            payload.length_u16(self.accept, "accept")?;
            payload.u16(self.headers.n_pairs());
            payload.u16(self.peer_port);
            payload.length_u8(self.method, "method")?;
            payload.length_u8(self.peer, "peer")?;
            payload.u8(self.version.major);
            payload.u8(self.version.minor);
            Array::put_if_any(self.array, payload, numbers)?;
            let texts = [
                self.method,
                self.path,
                self.query,
                self.peer,
                self.content_type,
                self.accept,
            ];
            for text in texts {
                payload.bytes(text);
            }
            payload.bytes(self.headers.bytes());
            payload.end_head(&head_length, MAX_HEAD_BYTES)
        })
    }
}

const FIXED_BYTES: usize = 48;
const ANNOUNCE: u8 = 0x08;
