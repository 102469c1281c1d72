//! Heads and bodies of one connection, one after the other.

use super::{
    BodyFraming, ChunkDecoder, ChunkStep, Fault, HeadLimits, HeadParser, Progress, RequestHead,
};

/// What a handler would see of a connection: path and body of each request, and why the rest was refused.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    requests: Vec<(String, String)>,
    /// Status of the refusal that ended it; 0 where more bytes could have come.
    status: u16,
}

/// Reads a connection in pieces of this size, as its owner would.
fn serve(bytes: &[u8], piece_bytes: usize) -> Seen {
    let mut seen = Seen {
        requests: Vec::new(),
        status: 0,
    };
    let mut connection = Connection {
        pieces: bytes.chunks(piece_bytes),
        buf: Vec::new(),
    };
    let mut parser = HeadParser::new(HeadLimits::default());
    let mut head = RequestHead::default();
    loop {
        match connection.request(&mut parser, &mut head) {
            Ok(Some(request)) => seen.requests.push(request),
            Ok(None) => return seen,
            Err(fault) => {
                seen.status = fault.status();
                return seen;
            }
        }
    }
}

struct Connection<'a> {
    pieces: std::slice::Chunks<'a, u8>,
    buf: Vec<u8>,
}

impl Connection<'_> {
    fn request(
        &mut self,
        parser: &mut HeadParser,
        head: &mut RequestHead,
    ) -> Result<Option<(String, String)>, Fault> {
        while parser.parse(&self.buf, head)? == Progress::Incomplete {
            if !self.read() {
                return Ok(None);
            }
        }
        let path = head.path(&self.buf).escape_ascii().to_string();
        self.buf.drain(..head.n_bytes());
        let body = match head.framing() {
            BodyFraming::Empty => Some(Vec::new()),
            BodyFraming::Length(n_bytes) => self.body(usize::try_from(n_bytes).unwrap()),
            BodyFraming::Chunked => self.chunks()?,
        };
        Ok(body.map(|body| (path, body.escape_ascii().to_string())))
    }

    fn body(&mut self, n_bytes: usize) -> Option<Vec<u8>> {
        while self.buf.len() < n_bytes {
            if !self.read() {
                return None;
            }
        }
        Some(self.buf.drain(..n_bytes).collect())
    }

    fn chunks(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let mut decoder = ChunkDecoder::new();
        let mut body = Vec::new();
        loop {
            let step = decoder.next(&self.buf)?;
            if let ChunkStep::Data { range } = &step {
                body.extend(&self.buf[range.clone()]);
            }
            self.buf.drain(..step.consumed());
            match step {
                ChunkStep::Data { .. } => {}
                ChunkStep::Done { .. } => return Ok(Some(body)),
                ChunkStep::NeedMore { .. } => {
                    if !self.read() {
                        return Ok(None);
                    }
                }
            }
        }
    }

    fn read(&mut self) -> bool {
        match self.pieces.next() {
            Some(piece) => {
                self.buf.extend(piece);
                true
            }
            None => false,
        }
    }
}

#[track_caller]
fn check(bytes: &str, requests: &[(&str, &str)], status: u16) {
    let expected = Seen {
        requests: requests
            .iter()
            .map(|(path, body)| ((*path).to_owned(), (*body).to_owned()))
            .collect(),
        status,
    };
    for piece_bytes in 1..=bytes.len() {
        let seen = serve(bytes.as_bytes(), piece_bytes);
        assert_eq!(
            seen, expected,
            "in pieces of {piece_bytes} bytes: {bytes:?}"
        );
    }
}

/// A POST with these lines and this body, and a request behind it that must not be taken for another.
fn smuggled(lines: &str, body: &str) -> String {
    format!("POST /a HTTP/1.1\r\nHost: h\r\n{lines}\r\n{body}GET /b HTTP/1.1\r\nHost: h\r\n\r\n")
}

#[test]
fn requests_that_follow_one_another() {
    check(&smuggled("", ""), &[("/a", ""), ("/b", "")], 0);
    check(
        &smuggled("Content-Length: 3\r\n", "GET"),
        &[("/a", "GET"), ("/b", "")],
        0,
    );
    check(
        &smuggled("Content-Length: 0\r\n", "\r\n"),
        &[("/a", ""), ("/b", "")],
        0,
    );
    check(
        &smuggled(
            "Transfer-Encoding: chunked\r\n",
            "3\r\nGET\r\n1;a=b\r\n \r\n0\r\nx: y\r\n\r\n",
        ),
        &[("/a", "GET "), ("/b", "")],
        0,
    );
    check(
        &smuggled("Content-Length: 5\r\n", "0\r\n\r\n"),
        &[("/a", "0\\r\\n\\r\\n"), ("/b", "")],
        0,
    );
    // A body that is a request is a body.
    let inner = "GET /c HTTP/1.1\r\nHost: h\r\n\r\n";
    let escaped = inner.escape_default().to_string();
    check(
        &smuggled(&format!("Content-Length: {}\r\n", inner.len()), inner),
        &[("/a", &escaped), ("/b", "")],
        0,
    );
    check(
        &smuggled(
            "transfer-encoding: chunked\r\n",
            &format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len()),
        ),
        &[("/a", &escaped), ("/b", "")],
        0,
    );
    // A body that has not all come is no request.
    check("POST /a HTTP/1.0\r\nContent-Length: 9\r\n\r\nabc", &[], 0);
}

/// Two readers could see two boundaries in each of these: none is let through, and nothing behind it is seen.
#[test]
fn ambiguous_requests_are_the_end_of_a_connection() {
    for lines in [
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 30\r\n",
        "Content-Length: 0\r\nContent-Length: 30\r\n",
        "Content-Length: 0\r\nContent-Length: 0\r\n",
        "Content-Length: 0, 30\r\n",
        "Content-Length : 30\r\n",
        "Content-Length: +30\r\n",
        "Content-Length:\r\n 30\r\n",
        "Content-Length: 3\0\r\n",
        "X: y\nContent-Length: 30\r\n",
        "X: y\rContent-Length: 30\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
        "Transfer-Encoding:\u{b}chunked\r\n",
        "Transfer-Encoding: chunked\u{c}\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        " Transfer-Encoding: chunked\r\n",
        "X: y\r\n\r\r\n",
        "Host: i\r\n",
        "Foo\r\n",
    ] {
        check(&smuggled(lines, "0\r\n\r\n"), &[], 400);
        // Nor does it help to come second.
        let first = "GET /first HTTP/1.1\r\nHost: h\r\n\r\n";
        let both = format!("{first}{}", smuggled(lines, "0\r\n\r\n"));
        check(&both, &[("/first", "")], 400);
    }
    for body in [
        "0\n\n",
        "0 \r\n\r\n",
        "0x0\r\n\r\n",
        "-0\r\n\r\n",
        "0\r\n\n",
        "0\r\nContent-Length: 30\r\n\r\n",
        "0\r\n x\r\n\r\n",
        "0;a\nb\r\n\r\n",
        "1\r\naa\r\n0\r\n\r\n",
        "1\r\na0\r\n\r\n",
        "10000000000000000\r\n\r\n",
        "ffffffffffffffff\r\n\r\n",
        "\r\n0\r\n\r\n",
    ] {
        check(&smuggled("Transfer-Encoding: chunked\r\n", body), &[], 400);
    }
    let old = smuggled("Transfer-Encoding: chunked\r\n", "0\r\n\r\n")
        .replace("/a HTTP/1.1", "/a HTTP/1.0");
    check(&old, &[], 400);
}
