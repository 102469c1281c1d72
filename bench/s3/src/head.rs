//! The head of a request or an answer, read from a connection that stays open.

use std::io::{self, Read};

/// A first line and its fields, without the blank line that ends them.
pub struct Head {
    text: String,
}

/// Reads heads, and holds what came behind the last one: the beginning of its body.
#[derive(Default)]
pub struct HeadReader {
    rest: Vec<u8>,
}

impl Head {
    /// The first line's part of that number: method, target, version, or version, status, reason.
    pub fn part(&self, number: usize) -> &str {
        self.lines()
            .next()
            .and_then(|line| line.split(' ').nth(number))
            .unwrap_or_default()
    }

    /// The value of a field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .find_map(|(found, value)| found.eq_ignore_ascii_case(name).then(|| value.trim()))
    }

    /// `Content-Length`; 0 when there is none.
    ///
    /// # Errors
    /// When the field is no number.
    pub fn n_body_bytes(&self) -> io::Result<u64> {
        self.field("content-length").map_or(Ok(0), |value| {
            value
                .parse()
                .map_err(|_| io::Error::other("content-length is not a number"))
        })
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.split("\r\n")
    }
}

impl HeadReader {
    /// The next head; none when the other side has closed between two messages.
    ///
    /// # Errors
    /// When the connection ends inside a head, when the head is longer than 64 KiB, or when reading fails.
    pub fn read(&mut self, stream: &mut impl Read) -> io::Result<Option<Head>> {
        let mut buf = [0; PIECE_BYTES];
        loop {
            if let Some(end) = self
                .rest
                .windows(END.len())
                .position(|window| window == END)
            {
                let text = String::from_utf8_lossy(&self.rest[..end]).into_owned();
                self.rest.drain(..end + END.len());
                return Ok(Some(Head { text }));
            }
            if self.rest.len() > MAX_HEAD_BYTES {
                return Err(io::Error::other("the head is too long"));
            }
            match stream.read(&mut buf)? {
                0 if self.rest.is_empty() => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => self.rest.extend_from_slice(&buf[..n]),
            }
        }
    }

    /// Takes up to `limit` bytes of the body that came with the head.
    pub fn take(&mut self, limit: usize) -> Vec<u8> {
        self.rest.drain(..limit.min(self.rest.len())).collect()
    }
}

const END: &[u8] = b"\r\n\r\n";
/// Small, so that little of a body is copied with its head.
const PIECE_BYTES: usize = 4096;
const MAX_HEAD_BYTES: usize = 64 << 10;
