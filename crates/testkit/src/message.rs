//! Messages of HTTP/1.1 on a blocking stream, for the servers of the tests: heads, and bodies of any framing that
//! pass through in pieces.

use std::io::{self, BufRead, Read, Write};

/// A start line and the headers below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) start: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// How the end of a body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(u64),
    Chunked,
    /// With the connection.
    Close,
}

/// A body that is being read: its bytes without their framing.
#[derive(Debug)]
pub(crate) struct Body<'a, R> {
    source: &'a mut R,
    rest: Rest,
}

#[derive(Debug)]
enum Rest {
    /// So many bytes more.
    Length(u64),
    /// So many bytes more of this chunk; without one, its size comes next.
    Chunk(Option<u64>),
    Close,
    Ended,
}

/// A head that is longer is refused.
const HEAD_LIMIT_BYTES: u64 = 256 << 10;

impl Head {
    /// Reads one head; `None`: the connection ended before it.
    pub(crate) fn read(source: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut source = source.take(HEAD_LIMIT_BYTES);
        let Some(start) = line(&mut source)? else {
            return Ok(None);
        };
        let mut headers = Vec::new();
        loop {
            let line = line(&mut source)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line.is_empty() {
                return Ok(Some(Self { start, headers }));
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| io::Error::other(format!("not a header: {line:?}")))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// The start line and headers of an answer.
    pub(crate) fn answer(status: u16, headers: &[(&str, &str)]) -> Self {
        Self {
            start: format!("HTTP/1.1 {status} {}", reason(status)),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        }
    }

    /// The first header of this name, in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Removes a header, or gives it this value and no other.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>) {
        self.headers
            .retain(|(found, _)| !found.eq_ignore_ascii_case(name));
        if let Some(value) = value {
            self.headers.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Method and target of a request.
    pub(crate) fn request(&self) -> io::Result<(&str, &str)> {
        let mut words = self.start.split(' ');
        match (words.next(), words.next(), words.next()) {
            (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0")) => Ok((method, target)),
            _ => Err(io::Error::other(format!("not a request: {:?}", self.start))),
        }
    }

    /// The status of an answer.
    pub(crate) fn status(&self) -> io::Result<u16> {
        let status = self.start.strip_prefix("HTTP/1.").and_then(|rest| {
            let (_, rest) = rest.split_once(' ')?;
            rest.get(..3)?.parse().ok()
        });
        status.ok_or_else(|| io::Error::other(format!("not an answer: {:?}", self.start)))
    }

    /// How long the body of a request is.
    pub(crate) fn request_framing(&self) -> io::Result<Framing> {
        Ok(self.framing()?.unwrap_or(Framing::Length(0)))
    }

    /// How long the body of an answer to a request of this method is.
    pub(crate) fn answer_framing(&self, method: &str) -> io::Result<Framing> {
        let status = self.status()?;
        if method == "HEAD" || status < 200 || status == 204 || status == 304 {
            return Ok(Framing::Length(0));
        }
        Ok(self.framing()?.unwrap_or(Framing::Close))
    }

    pub(crate) fn write(&self, sink: &mut impl Write) -> io::Result<()> {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            text.extend([name, ": ", value, "\r\n"]);
        }
        text.push_str("\r\n");
        // One piece, so that it is one segment.
        sink.write_all(text.as_bytes())
    }

    fn framing(&self) -> io::Result<Option<Framing>> {
        if let Some(coding) = self.header("transfer-encoding") {
            return if coding.eq_ignore_ascii_case("chunked") {
                Ok(Some(Framing::Chunked))
            } else {
                Err(io::Error::other(format!("transfer coding {coding:?}")))
            };
        }
        self.header("content-length")
            .map(|length| length.parse().map(Framing::Length))
            .transpose()
            .map_err(io::Error::other)
    }
}

/// The first header of this name, in any case.
pub(crate) fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

impl<'a, R: BufRead> Body<'a, R> {
    pub(crate) fn new(source: &'a mut R, framing: Framing) -> Self {
        let rest = match framing {
            Framing::Length(n_bytes) => Rest::Length(n_bytes),
            Framing::Chunked => Rest::Chunk(None),
            Framing::Close => Rest::Close,
        };
        Self { source, rest }
    }

    /// Reads a body to its end and forgets it.
    pub(crate) fn discard(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink()).map(drop)
    }

    fn read_some(&mut self, buf: &mut [u8], limit_bytes: u64) -> io::Result<u64> {
        let limit = usize::try_from(limit_bytes).unwrap_or(usize::MAX);
        let end = buf.len().min(limit);
        match self.source.read(&mut buf[..end])? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            n => Ok(n as u64),
        }
    }

    /// The size of the next chunk; at the last one, all that follows it is read.
    fn chunk(&mut self) -> io::Result<u64> {
        let mut source = self.source.take(HEAD_LIMIT_BYTES);
        let text = line(&mut source)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let digits = text.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(digits, 16).map_err(io::Error::other)?;
        if size == 0 {
            while !line(&mut source)?
                .ok_or(io::ErrorKind::UnexpectedEof)?
                .is_empty()
            {}
        }
        Ok(size)
    }
}

impl<R: BufRead> Read for Body<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            match self.rest {
                Rest::Ended | Rest::Length(0) => return Ok(0),
                Rest::Close => return self.source.read(buf),
                Rest::Length(left) => {
                    let n = self.read_some(buf, left)?;
                    self.rest = Rest::Length(left - n);
                    return Ok(usize::try_from(n).expect("no more than the buffer"));
                }
                Rest::Chunk(None) => {
                    self.rest = match self.chunk()? {
                        0 => Rest::Ended,
                        size => Rest::Chunk(Some(size)),
                    };
                }
                Rest::Chunk(Some(0)) => {
                    line(&mut self.source.take(2))?;
                    self.rest = Rest::Chunk(None);
                }
                Rest::Chunk(Some(left)) => {
                    let n = self.read_some(buf, left)?;
                    self.rest = Rest::Chunk(Some(left - n));
                    return Ok(usize::try_from(n).expect("no more than the buffer"));
                }
            }
        }
    }
}

/// Writes one piece of a chunked body. An empty one is its end.
pub(crate) fn write_chunk(sink: &mut impl Write, piece: &[u8]) -> io::Result<()> {
    write!(sink, "{:x}\r\n", piece.len())?;
    sink.write_all(piece)?;
    sink.write_all(b"\r\n")
}

/// Writes a whole answer with a body in memory; an answer to HEAD has none.
pub(crate) fn write_answer(
    sink: &mut impl Write,
    method: &str,
    mut head: Head,
    body: &[u8],
) -> io::Result<()> {
    if head.header("content-length").is_none() && head.status()? != 204 {
        head.set("Content-Length", Some(&body.len().to_string()));
    }
    head.write(sink)?;
    if method != "HEAD" {
        sink.write_all(body)?;
    }
    sink.flush()
}

/// An error as an S3 server reports it.
pub(crate) fn s3_error(code: &str, more: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
         <Message>This is {code}, as a test asked for.</Message>{more}\
         <RequestId>0123456789ABCDEF</RequestId><HostId>test</HostId></Error>"
    )
}

/// A line without its end; `None`: the stream ended before it.
fn line(source: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if source.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        411 => "Length Required",
        412 => "Precondition Failed",
        416 => "Range Not Satisfiable",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Slow Down",
        _ => "Scripted",
    }
}
