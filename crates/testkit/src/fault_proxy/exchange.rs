//! One connection through the proxy: requests go on, answers come back, and a fault is made on the way.

use std::{
    io::{self, BufReader, Read, Write},
    sync::atomic::Ordering,
    time::Duration,
};

use super::{Action, Script, Seen};
use crate::{
    listener::{Peer, Reader},
    message::{Body, Framing, Head, s3_error, write_answer, write_chunk},
};

/// Of a body, at once in memory.
const PIECE_BYTES: usize = 64 << 10;

/// How many pieces a second a slow body comes in.
const SLOW_PIECES: u32 = 20;

/// What becomes of the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Next,
    Close,
    Reset,
}

/// Serves one client until either side is done.
pub(super) fn serve(script: &Script, mut peer: Peer) {
    let mut source = BufReader::with_capacity(PIECE_BYTES, peer.reader());
    loop {
        match next(script, &mut source, &mut peer) {
            Ok(After::Next) => {}
            Ok(After::Reset) => {
                peer.reset_at_close();
                break;
            }
            // With an error: the client or the server behind left in the middle.
            Ok(After::Close) | Err(_) => break,
        }
    }
}

/// A request that is under way.
struct Request<'a> {
    script: &'a Script,
    head: Head,
    method: String,
    /// Its place in the log.
    place: usize,
    action: Option<Action>,
    /// The count of releases when it came.
    n_releases: u64,
}

fn next(script: &Script, source: &mut BufReader<Reader>, peer: &mut Peer) -> io::Result<After> {
    let Some(head) = Head::read(source)? else {
        return Ok(After::Close);
    };
    let (method, target) = head.request()?;
    let request = Request {
        script,
        method: method.to_owned(),
        n_releases: script.n_releases.load(Ordering::SeqCst),
        action: script.action(method, target),
        place: script.log.add(Seen {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: head.headers.clone(),
            n_body_bytes: 0,
            status: None,
        }),
        head,
    };
    if matches!(request.action, Some(Action::Stall)) {
        peer.wait_until(|| false)?;
    }
    let expects = request.head.header("expect");
    if expects.is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        Head::answer(100, &[]).write(peer)?;
    }
    let after = match request.own_answer() {
        Some((head, body)) => {
            request.forget_body(source)?;
            request.sends(head.status()?);
            write_answer(peer, &request.method, head, &body)?;
            After::Next
        }
        None => request.pass_on(source, peer)?,
    };
    let closes = request.head.header("connection");
    if after == After::Next && closes.is_some_and(|value| value.eq_ignore_ascii_case("close")) {
        return Ok(After::Close);
    }
    Ok(after)
}

impl Request<'_> {
    /// The answer of an action that needs nobody else.
    fn own_answer(&self) -> Option<(Head, Vec<u8>)> {
        let xml = [
            ("Content-Type", "application/xml"),
            ("x-amz-request-id", "0123456789ABCDEF"),
        ];
        match self.action.as_ref()? {
            Action::Status {
                status,
                body,
                headers,
            } => {
                let mut head = Head::answer(*status, &[]);
                head.headers.clone_from(headers);
                Some((head, body.clone()))
            }
            Action::Error { status, code } => {
                Some((Head::answer(*status, &xml), s3_error(code, "").into_bytes()))
            }
            Action::OkWithError(code) => {
                Some((Head::answer(200, &xml), s3_error(code, "").into_bytes()))
            }
            Action::Redirect { region, location } => {
                let mut head = Head::answer(301, &xml);
                head.set("x-amz-bucket-region", Some(region));
                head.set("Location", location.as_deref());
                let more = format!("<Endpoint>bucket.s3.{region}.test</Endpoint>");
                Some((head, s3_error("PermanentRedirect", &more).into_bytes()))
            }
            _ => None,
        }
    }

    fn forget_body(&self, source: &mut BufReader<Reader>) -> io::Result<()> {
        let mut body = Body::new(source, self.head.request_framing()?);
        self.copy_body(&mut body, |_| Ok(()))
    }

    fn pass_on(&self, source: &mut BufReader<Reader>, peer: &mut Peer) -> io::Result<After> {
        let Ok(mut upstream) = peer.connect(self.script.upstream) else {
            self.forget_body(source)?;
            return self.has_no_answer(peer);
        };
        let framing = self.head.request_framing()?;
        let mut head = self.head.clone();
        head.set("Expect", None);
        // A connection for every request: nothing of one can get into another.
        head.set("Connection", Some("close"));
        head.write(&mut upstream)?;
        let mut body = Body::new(source, framing);
        if let Some(Action::HoldRequestBody(n_bytes)) = self.action {
            let mut start = (&mut body).take(n_bytes);
            self.copy_body(&mut start, |piece| send(&mut upstream, framing, piece))?;
            // A body that is shorter has ended, and is not held.
            if start.limit() == 0 {
                let count = &self.script.n_releases;
                peer.wait_until(|| count.load(Ordering::SeqCst) > self.n_releases)?;
            }
        }
        // A server that has seen enough may stop reading: then its answer counts, and the rest goes nowhere.
        let mut takes_more = true;
        self.copy_body(&mut body, |piece| {
            takes_more = takes_more && send(&mut upstream, framing, piece).is_ok();
            Ok(())
        })?;
        if framing == Framing::Chunked {
            // The same.
            let _ = write_chunk(&mut upstream, &[]);
        }
        self.pass_back(&upstream, peer)
    }

    fn pass_back(&self, upstream: &Peer, peer: &mut Peer) -> io::Result<After> {
        let mut source = BufReader::with_capacity(PIECE_BYTES, upstream.reader());
        let mut head = loop {
            match Head::read(&mut source) {
                Ok(Some(head)) if head.status()? < 200 => {}
                Ok(Some(head)) => break head,
                Ok(None) | Err(_) => return self.has_no_answer(peer),
            }
        };
        if matches!(self.action, Some(Action::ResetBeforeAnswer)) {
            // It is read all the same, so that the server behind is done with it.
            Body::new(&mut source, head.answer_framing(&self.method)?).discard()?;
            return Ok(After::Reset);
        }
        let framing = head.answer_framing(&self.method)?;
        let mut delivery = Delivery::new(self.action.as_ref(), framing);
        self.change(&mut head, delivery.framing);
        self.sends(head.status()?);
        head.write(peer)?;
        let mut body = Body::new(&mut source, framing);
        delivery.copy(&mut body, peer)
    }

    fn has_no_answer(&self, peer: &mut Peer) -> io::Result<After> {
        self.sends(502);
        let text = b"the server behind the proxy gave no answer";
        write_answer(peer, &self.method, Head::answer(502, &[]), text)?;
        Ok(After::Close)
    }

    /// The head as the client is to see it.
    fn change(&self, head: &mut Head, framing: Framing) {
        // Between the client and us it is this version, whatever the server behind speaks.
        if let Some(rest) = head.start.strip_prefix("HTTP/1.0") {
            head.start = format!("HTTP/1.1{rest}");
        }
        head.set("Connection", None);
        head.set("Keep-Alive", None);
        let coding = (framing == Framing::Chunked).then_some("chunked");
        head.set("Transfer-Encoding", coding);
        match &self.action {
            Some(Action::WrongLength(declared_bytes)) => {
                head.set("Content-Length", Some(&declared_bytes.to_string()));
            }
            Some(Action::ChangeHeader { name, value }) => head.set(name, value.as_deref()),
            _ => {}
        }
    }

    fn copy_body(
        &self,
        body: &mut impl Read,
        mut send: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut buf = vec![0; PIECE_BYTES];
        loop {
            let n = body.read(&mut buf)?;
            if n == 0 {
                return Ok(());
            }
            send(&buf[..n])?;
            self.script
                .log
                .update(self.place, |seen| seen.n_body_bytes += n as u64);
        }
    }

    fn sends(&self, status: u16) {
        self.script
            .log
            .update(self.place, |seen| seen.status = Some(status));
    }
}

fn send(sink: &mut impl Write, framing: Framing, piece: &[u8]) -> io::Result<()> {
    match framing {
        Framing::Chunked => write_chunk(sink, piece),
        Framing::Length(_) | Framing::Close => sink.write_all(piece),
    }
}

/// How the body of an answer reaches the client.
#[derive(Debug)]
struct Delivery {
    framing: Framing,
    after: After,
    /// The rest is withheld.
    limit_bytes: u64,
    piece_bytes: usize,
    pause: Option<Duration>,
    /// The offset of the byte that gets another value.
    corrupt_at: Option<u64>,
}

impl Delivery {
    fn new(action: Option<&Action>, framing: Framing) -> Self {
        let mut delivery = Self {
            framing: match framing {
                Framing::Length(_) => framing,
                // The client's connection stays open.
                Framing::Chunked | Framing::Close => Framing::Chunked,
            },
            after: After::Next,
            limit_bytes: u64::MAX,
            piece_bytes: PIECE_BYTES,
            pause: None,
            corrupt_at: None,
        };
        match action {
            Some(Action::ResetAfter(n_bytes)) => {
                delivery.limit_bytes = *n_bytes;
                delivery.after = After::Reset;
            }
            Some(Action::ShortBody(n_bytes)) => {
                delivery.limit_bytes = *n_bytes;
                delivery.after = After::Close;
            }
            Some(Action::WrongLength(_)) => {
                delivery.framing = Framing::Close;
                delivery.after = After::Close;
            }
            Some(Action::Slow(bytes_per_second)) => {
                let piece = (bytes_per_second / u64::from(SLOW_PIECES)).max(1);
                delivery.piece_bytes =
                    usize::try_from(piece).map_or(PIECE_BYTES, |n| n.min(PIECE_BYTES));
                delivery.pause = Some(Duration::from_secs(1) / SLOW_PIECES);
            }
            Some(Action::CorruptBody) => {
                delivery.corrupt_at = Some(match framing {
                    Framing::Length(n_bytes) => n_bytes / 2,
                    Framing::Chunked | Framing::Close => 0,
                });
            }
            _ => {}
        }
        delivery
    }

    fn copy(&mut self, body: &mut impl Read, peer: &mut Peer) -> io::Result<After> {
        let mut buf = vec![0; self.piece_bytes];
        let mut offset = 0;
        let mut body = body.take(self.limit_bytes);
        loop {
            let n = body.read(&mut buf)?;
            if n == 0 {
                break;
            }
            self.corrupt(&mut buf[..n], offset);
            send(peer, self.framing, &buf[..n])?;
            offset += n as u64;
            if let Some(pause) = self.pause {
                peer.pause(pause)?;
            }
        }
        if self.framing == Framing::Chunked && self.after == After::Next {
            write_chunk(peer, &[])?;
        }
        Ok(self.after)
    }

    fn corrupt(&self, piece: &mut [u8], offset: u64) {
        let place = self.corrupt_at.and_then(|at| at.checked_sub(offset));
        let place = place.and_then(|at| usize::try_from(at).ok());
        if let Some(byte) = place.and_then(|at| piece.get_mut(at)) {
            *byte ^= 1;
        }
    }
}
