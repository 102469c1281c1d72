//! One TCP connection: requests in, responses out, one after the other.
//!
//! The task owns the socket and a buffer for what has been read and not used. A connection that rests keeps a small one. Bodies are
//! read where they are needed: small ones and those that are decoded here to the heap, others straight into shared memory.
//!
//! Order: head, route, body, call, answer; then the next head. What a client sends ahead waits in the buffer and, when that is
//! full, in the kernel.

mod answer;
mod body;
mod invoke;

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use crate::{
    http::{
        BodyFraming, BodyLength, HeadParser, Method, Persistence, Progress, RequestHead,
        ResponseStart, put_head,
    },
    problem::Problem,
    record::Record,
    registry::Place,
    site::Site,
};

#[cfg(test)]
mod tests;

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    site: Rc<Site>,
    stream: TcpStream,
    peer: Peer,
    place: Place,
    input: Input,
    parser: HeadParser,
    head: RequestHead,
    /// A response on its way; kept for the next one.
    out: Vec<u8>,
}

/// The other end.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) address: Rc<str>,
    pub(crate) port: u16,
}

/// The connection has ended, or has to.
#[derive(Debug)]
pub(crate) struct Ended;

/// What follows a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// The next request.
    Next,
    /// The end.
    Close,
}

/// The paths that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Ping,
    Invocations,
    ExecutionParameters,
    Unknown,
}

impl Route {
    fn of(path: &[u8]) -> Self {
        match path {
            b"/ping" => Self::Ping,
            b"/invocations" => Self::Invocations,
            b"/execution-parameters" => Self::ExecutionParameters,
            _ => Self::Unknown,
        }
    }

    /// For metrics and the log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ping => "/ping",
            Self::Invocations => "/invocations",
            Self::ExecutionParameters => "/execution-parameters",
            Self::Unknown => "other",
        }
    }

    fn allows(self, method: Method) -> Result<(), Problem> {
        let (allowed, allow): (&[Method], _) = match self {
            Self::Ping => (
                &[Method::Get, Method::Head, Method::Post],
                "GET, HEAD, POST",
            ),
            Self::Invocations => (&[Method::Post], "POST"),
            Self::ExecutionParameters => (&[Method::Get, Method::Head], "GET, HEAD"),
            Self::Unknown => return Err(Problem::NoRoute),
        };
        if allowed.contains(&method) {
            Ok(())
        } else {
            Err(Problem::Method { allow })
        }
    }
}

impl Connection {
    /// Takes over a connection that was accepted.
    pub(crate) fn new(site: Rc<Site>, stream: TcpStream, peer: SocketAddr, place: Place) -> Self {
        // Pieces of a stream are not held back; an error costs time, and nothing else.
        let _ = stream.set_nodelay(true);
        let parser = HeadParser::new(site.bounds.head);
        Self {
            site,
            stream,
            peer: Peer {
                // An IPv4 client of an IPv6 socket is an IPv4 client.
                address: peer.ip().to_canonical().to_string().into(),
                port: peer.port(),
            },
            place,
            input: Input::default(),
            parser,
            head: RequestHead::default(),
            out: Vec::new(),
        }
    }

    /// Serves it to its end.
    pub(crate) async fn run(mut self) {
        loop {
            match self.next_request().await {
                Ok(After::Next) => {}
                Ok(After::Close) => {
                    self.linger().await;
                    return;
                }
                // There is nobody to tell.
                Err(Ended) => return,
            }
        }
    }

    async fn next_request(&mut self) -> Result<After, Ended> {
        if self.input.is_empty() {
            self.rest().await?;
        }
        let started = Instant::now();
        if let Err(problem) = self.read_head().await? {
            let mut record = Record::new(&self.site, Route::Unknown, started);
            let refused = self.refuse_with(&problem, &mut record, After::Close).await;
            record.finish(&self.site, &self.peer, self.head.method());
            return refused;
        }
        let route = Route::of(self.head.path(self.input.bytes()));
        let mut record = Record::new(&self.site, route, started);
        let served = self.serve(route, &mut record).await;
        record.finish(&self.site, &self.peer, self.head.method());
        served
    }

    async fn serve(&mut self, route: Route, record: &mut Record) -> Result<After, Ended> {
        if let Err(problem) = route.allows(self.head.method()) {
            return self.refuse_and_go_on(&problem, record).await;
        }
        match route {
            Route::Ping => self.ping(record).await,
            Route::Invocations => self.invoke(record).await,
            Route::ExecutionParameters => self.execution_parameters(record).await,
            Route::Unknown => Err(Ended),
        }
    }

    /// Answers from memory.
    async fn ping(&mut self, record: &mut Record) -> Result<After, Ended> {
        let after = self.pass_over_body().await?;
        let health = &self.site.health;
        let status = health.ping_status();
        let body = if status == 200 {
            Vec::new()
        } else {
            let breaks_text = |c: char| c.is_control() || matches!(c, '"' | '\\');
            let text = |text: &str| text.replace(breaks_text, " ");
            format!(
                "{{\"status\": \"{}\", \"reason\": \"{}\"}}\n",
                health.state(),
                text(&health.reason())
            )
            .into_bytes()
        };
        record.status = status;
        record.response_bytes = body.len() as u64;
        self.answer_with(
            status,
            &[(b"content-type", b"application/json")],
            &body,
            after,
        )
        .await
    }

    /// Waits for the first byte of a request.
    async fn rest(&mut self) -> Result<(), Ended> {
        self.input.give_up_buffer();
        self.out.shrink_to(KEPT_OUTPUT_BYTES);
        self.place.rest();
        let limit = self.site.bounds.keep_alive;
        // Not `readable`: of a socket that nobody has read from yet it says so before anything has come.
        let has_begun = tokio::select! {
            biased;
            read = timeout(limit, self.input.fill(&mut self.stream)) => matches!(read, Ok(Ok(1..))),
            () = self.place.evicted() => false,
            () = self.site.closing.wait() => false,
        };
        self.place.work();
        if has_begun { Ok(()) } else { Err(Ended) }
    }

    /// Reads until the head is whole. The outer error: there was none, and nobody to tell.
    async fn read_head(&mut self) -> Result<Result<(), Problem>, Ended> {
        let limit = self.site.bounds.head_time;
        let deadline = Instant::now() + limit;
        loop {
            match self.parser.parse(self.input.bytes(), &mut self.head) {
                Ok(Progress::Complete) => return Ok(Ok(())),
                Ok(Progress::Incomplete) => {}
                Err(fault) => return Ok(Err(Problem::Http(fault))),
            }
            match timeout_at(deadline, self.input.fill(&mut self.stream)).await {
                Ok(Ok(0) | Err(_)) => return Err(Ended),
                Ok(Ok(_)) => {}
                Err(_) if self.input.is_empty() => return Err(Ended),
                Err(_) => return Ok(Err(Problem::SlowHead { limit })),
            }
        }
    }

    /// A body that nobody wants: read over when it is short, else the connection ends after the response.
    async fn pass_over_body(&mut self) -> Result<After, Ended> {
        /// What a client may have sent along without need.
        const SHORT_BYTES: u64 = 64 << 10;
        let after = self.after();
        // It comes when it is asked for, or after a while, or never: the answer doesn't wait for that.
        let is_held_back = self.holds_body_back();
        self.input.consume(self.head.n_bytes());
        match self.head.framing() {
            BodyFraming::Empty | BodyFraming::Length(0) => Ok(after),
            BodyFraming::Length(n_bytes) if n_bytes <= SHORT_BYTES && !is_held_back => {
                let mut left = usize::try_from(n_bytes).unwrap_or(usize::MAX);
                loop {
                    left -= self.input.discard(left);
                    if left == 0 {
                        return Ok(after);
                    }
                    let limit = self.site.bounds.body_idle;
                    match timeout(limit, self.input.fill(&mut self.stream)).await {
                        Ok(Ok(n)) if n > 0 => {}
                        _ => return Err(Ended),
                    }
                }
            }
            BodyFraming::Length(_) | BodyFraming::Chunked => Ok(After::Close),
        }
    }

    /// What the client wants to follow, and what we want.
    fn after(&self) -> After {
        if self.head.persistence() == Persistence::Close || self.site.health.is_draining() {
            After::Close
        } else {
            After::Next
        }
    }

    /// The same, after a wait: the server may have begun to end meanwhile.
    fn after_all(&self, after: After) -> After {
        if self.site.health.is_draining() {
            After::Close
        } else {
            after
        }
    }

    /// Says why not, before anything of the body was read; then goes on if the body can be passed over.
    async fn refuse_and_go_on(
        &mut self,
        problem: &Problem,
        record: &mut Record,
    ) -> Result<After, Ended> {
        let after = if problem.ends_connection() {
            After::Close
        } else {
            self.pass_over_body().await?
        };
        self.refuse_with(problem, record, after).await
    }

    /// Writes the answer to a request that has none of user code's.
    async fn refuse_with(
        &mut self,
        problem: &Problem,
        record: &mut Record,
        after: After,
    ) -> Result<After, Ended> {
        let body = problem.body(self.site.error_detail);
        let json = body.to_json(record.id());
        record.status = body.code;
        record.response_bytes = json.len() as u64;
        record.refused(problem, &body);
        let content_type: (&[u8], &[u8]) = (b"content-type", b"application/json");
        let id = record.id().to_owned();
        let request_id: (&[u8], &[u8]) = (b"x-request-id", id.as_bytes());
        match problem.fields() {
            Some(field) => {
                self.answer_with(body.code, &[content_type, request_id, field], &json, after)
                    .await
            }
            None => {
                self.answer_with(body.code, &[content_type, request_id], &json, after)
                    .await
            }
        }
    }

    /// Writes a whole response of ours.
    async fn answer_with(
        &mut self,
        status: u16,
        fields: &[(&[u8], &[u8])],
        body: &[u8],
        after: After,
    ) -> Result<After, Ended> {
        let start = self.start_of(status, BodyLength::Known(body.len() as u64), after);
        self.out.clear();
        put_head(&mut self.out, &start, fields.iter().copied()).map_err(|_| Ended)?;
        if self.head.method() != Method::Head {
            self.out.extend_from_slice(body);
        }
        self.write_out().await?;
        Ok(after)
    }

    fn start_of(&self, status: u16, length: BodyLength, after: After) -> ResponseStart {
        ResponseStart {
            status,
            version: self.head.version(),
            length,
            persistence: match after {
                After::Next => Persistence::KeepAlive,
                After::Close => Persistence::Close,
            },
            date: self.site.clock.date(),
        }
    }

    /// Writes what is in `out`. A client that takes nothing for too long is left.
    async fn write_out(&mut self) -> Result<(), Ended> {
        let mut written = 0;
        while written < self.out.len() {
            let write = self.stream.write(&self.out[written..]);
            match timeout(self.site.bounds.body_idle, write).await {
                Ok(Ok(n)) if n > 0 => written += n,
                _ => return Err(Ended),
            }
        }
        Ok(())
    }

    /// Says that no more comes, and takes what the client still sends for a moment: closed at once, the kernel would throw away
    /// the response with it.
    async fn linger(&mut self) {
        const TIME: Duration = Duration::from_secs(2);
        /// The server ends when the last connection has.
        const TIME_AT_THE_END: Duration = Duration::from_millis(250);
        const BYTES: usize = 16 << 20;
        if self.stream.shutdown().await.is_err() {
            return;
        }
        let is_ending = self.site.health.is_draining();
        let deadline = Instant::now() + if is_ending { TIME_AT_THE_END } else { TIME };
        let mut n_bytes = 0;
        while n_bytes < BYTES {
            self.input.clear();
            match timeout_at(deadline, self.input.fill(&mut self.stream)).await {
                Ok(Ok(n)) if n > 0 => n_bytes += n,
                _ => return,
            }
        }
    }
}

/// What has been read and not used.
#[derive(Debug, Default)]
pub(crate) struct Input {
    /// All of it can be read into; what counts is in `start..end`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    /// What is there.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Takes bytes off the front.
    pub(crate) fn consume(&mut self, n_bytes: usize) {
        self.start = (self.start + n_bytes).min(self.end);
        if self.is_empty() {
            self.clear();
        }
    }

    /// Takes at most so many bytes off the front; how many these were.
    pub(crate) fn discard(&mut self, n_bytes: usize) -> usize {
        let n_bytes = n_bytes.min(self.end - self.start);
        self.consume(n_bytes);
        n_bytes
    }

    fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    fn give_up_buffer(&mut self) {
        if self.is_empty() && self.buffer.len() > KEPT_INPUT_BYTES {
            self.buffer = Vec::new();
        }
    }

    /// Reads once. 0: the client sends no more.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub(crate) async fn fill(&mut self, stream: &mut TcpStream) -> io::Result<usize> {
        poll_fn(|cx| self.poll_fill(stream, cx)).await
    }

    pub(crate) fn poll_fill(
        &mut self,
        stream: &mut TcpStream,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        self.make_room();
        let mut space = ReadBuf::new(self.buffer.get_mut(self.end..).unwrap_or_default());
        ready!(Pin::new(stream).poll_read(cx, &mut space))?;
        let n_bytes = space.filled().len();
        self.end += n_bytes;
        Poll::Ready(Ok(n_bytes))
    }

    /// How much can be read before the buffer has to grow beyond a usual one.
    pub(crate) fn is_full(&self) -> bool {
        self.end - self.start >= USUAL_INPUT_BYTES
    }

    fn make_room(&mut self) {
        if self.buffer.len() - self.end >= MIN_ROOM_BYTES {
            return;
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.buffer.len() - self.end < MIN_ROOM_BYTES {
            let n_bytes = (self.end + MIN_ROOM_BYTES).next_power_of_two();
            self.buffer.resize(n_bytes.max(FIRST_INPUT_BYTES), 0);
        }
    }
}

/// A head with a small body.
const FIRST_INPUT_BYTES: usize = 8 << 10;
/// What a resting connection keeps: with 4,096 of them, 32 MiB.
const KEPT_INPUT_BYTES: usize = 8 << 10;
const KEPT_OUTPUT_BYTES: usize = 8 << 10;
/// Less than this is not worth a read.
const MIN_ROOM_BYTES: usize = 2 << 10;
/// What a client may send ahead while it waits for an answer.
const USUAL_INPUT_BYTES: usize = 64 << 10;
