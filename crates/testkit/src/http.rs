//! An HTTP client that shows exactly what came, and can send what no good client would.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

/// Nothing in a test may take longer.
const DEADLINE: Duration = Duration::from_secs(40);

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// 100 to 999.
    pub status: u16,
    /// Names and values as they came.
    pub headers: Vec<(String, String)>,
    /// Without its framing.
    pub body: Vec<u8>,
    /// How the body ended.
    pub end: BodyEnd,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// Where its head or its last chunk said.
    Complete,
    /// With the connection, and the head said nothing else.
    Closed,
    /// With the connection, before it was complete.
    Broken,
}

impl Response {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    /// Connects.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).unwrap_or_else(|error| panic!("connect to {address}: {error}"))
    }

    /// The same, where it may fail.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, DEADLINE)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.try_send(bytes).expect("the server takes the bytes");
    }

    /// The same, where the server may have left.
    ///
    /// # Errors
    /// The socket's.
    pub fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Sends a request with a body of known length, and reads its answer.
    #[track_caller]
    pub fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n");
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        if !body.is_empty() || method == "POST" {
            head.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
        }
        head.push_str("\r\n");
        let bytes = [head.as_bytes(), body].concat();
        // A server that refuses early may not read all of it: its answer counts.
        let _ = self.try_send(&bytes);
        self.response(method)
    }

    /// Reads one response; `method` is that of the request, since `HEAD` has no body.
    #[track_caller]
    pub fn response(&mut self, method: &str) -> Response {
        self.try_response(method)
            .unwrap_or_else(|error| panic!("no response: {error}"))
    }

    /// The same, where there may be none.
    ///
    /// # Errors
    /// The connection ended, or what came is not HTTP.
    pub fn try_response(&mut self, method: &str) -> io::Result<Response> {
        let (status, headers) = self.head()?;
        let mut response = Response {
            status,
            headers,
            body: Vec::new(),
            end: BodyEnd::Complete,
        };
        if method == "HEAD" || status < 200 || status == 204 || status == 304 {
            return Ok(response);
        }
        if let Some(length) = response.header("content-length") {
            let length: usize = length.parse().map_err(io::Error::other)?;
            response.body.resize(length, 0);
            let mut filled = 0;
            while filled < length {
                match self.stream.read(&mut response.body[filled..]) {
                    Ok(n) if n > 0 => filled += n,
                    Ok(_) => {
                        response.body.truncate(filled);
                        response.end = BodyEnd::Broken;
                        break;
                    }
                    Err(error) => return Err(error),
                }
            }
        } else if response.header("transfer-encoding") == Some("chunked") {
            response.end = BodyEnd::Broken;
            while let Some(chunk) = self.chunk()? {
                if chunk.is_empty() {
                    response.end = BodyEnd::Complete;
                    break;
                }
                response.body.extend(chunk);
            }
        } else {
            response.end = BodyEnd::Closed;
            self.stream.read_to_end(&mut response.body)?;
        }
        Ok(response)
    }

    /// Reads a response's head: status and headers.
    ///
    /// # Errors
    /// The connection ended, or what came is not HTTP.
    pub fn head(&mut self) -> io::Result<(u16, Vec<(String, String)>)> {
        let line = self.line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3)?.parse().ok())
            .ok_or_else(|| io::Error::other(format!("not a status line: {line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line.is_empty() {
                return Ok((status, headers));
            }
            let (name, value) = line
                .split_once(": ")
                .ok_or_else(|| io::Error::other(format!("not a header: {line:?}")))?;
            headers.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Reads one chunk. Empty: the last one. `None`: the connection ended instead.
    ///
    /// # Errors
    /// What came is not a chunk.
    pub fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(size) = self.line()? else {
            return Ok(None);
        };
        let size = usize::from_str_radix(&size, 16).map_err(io::Error::other)?;
        let mut chunk = vec![0; size + 2];
        if self.stream.read_exact(&mut chunk).is_err() {
            return Ok(None);
        }
        if !chunk.ends_with(b"\r\n") {
            return Err(io::Error::other("a chunk that does not end"));
        }
        chunk.truncate(size);
        Ok(Some(chunk))
    }

    /// Whether the server closes the connection, and sends nothing before that.
    pub fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(n) => n == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    /// Says that no more will be sent.
    pub fn finish_sending(&mut self) {
        // It may have ended already.
        let _ = self.stream.get_ref().shutdown(Shutdown::Write);
    }

    /// How long a read may take from now on.
    pub fn set_read_timeout(&mut self, limit: Duration) {
        self.stream
            .get_ref()
            .set_read_timeout(Some(limit))
            .expect("a timeout above zero");
    }

    /// All that still comes before the connection ends, in whatever way.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A reset is an end too.
        let _ = self.stream.read_to_end(&mut bytes);
        bytes
    }

    /// A line without its end; `None`: the connection ended.
    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            Err(error) => return Err(error),
        }
        let Some(text) = line.strip_suffix(b"\r\n") else {
            return Ok(None);
        };
        Ok(Some(String::from_utf8_lossy(text).into_owned()))
    }

    /// Takes over a connection that was made elsewhere, and may be written to there.
    #[track_caller]
    pub fn from_stream(stream: TcpStream) -> Self {
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a timeout above zero");
        Self {
            stream: BufReader::new(stream),
        }
    }
}
