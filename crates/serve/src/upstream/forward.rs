//! One call on its way to the program, and the answer on its way back.

use std::{cell::Cell, fmt, future::poll_fn, pin::Pin, rc::Rc};

use hyper::{
    Response,
    body::{Body, Bytes, Incoming},
};
use tokio::{sync::Notify, time::Instant};

use super::{
    desk::Occupied,
    head::{self, Address},
    link::{Link, Upload},
    target::Target,
};
use crate::{
    call::{Answer, AnswerBody, CallBody, CallHead, Failure, Refusal},
    pool::Pending,
    stream::{StreamEnd, StreamWriter, stream},
};

/// One call on its way to the program.
#[derive(Debug)]
pub(super) struct Forwarding {
    pub(super) target: Rc<Target>,
    pub(super) pending: Box<Pending>,
    pub(super) place: Occupied,
}

impl Forwarding {
    /// Has it answered. Aborted, it closes its connection.
    pub(super) async fn run(self) {
        let Self {
            target,
            pending,
            place,
        } = self;
        let Pending { call, reply, .. } = *pending;
        let Some(reply) = reply else { return };
        let permit = target.permits.acquire().await;
        let began = Instant::now();
        let exchanged = tokio::select! {
            biased;
            exchanged = Box::pin(exchange(&target, &call.head, call.body)) => exchanged,
            refusal = target.fate.fulfilled() => Err(refusal),
        };
        let received = match exchanged {
            Ok(received) => received,
            Err(refusal) => {
                // An error: the client left.
                let _ = reply.send(Err(refusal));
                return;
            }
        };
        target.answered();
        let Received {
            status,
            fields,
            body,
            link,
        } = received;
        let answer = |body| Answer {
            status,
            fields,
            array: None,
            body,
            took: began.elapsed(),
        };
        let is_read = match body {
            ReceivedBody::Whole(bytes) => {
                let _ = reply.send(Ok(answer(AnswerBody::Heap(bytes))));
                true
            }
            ReceivedBody::Pieces(incoming) => {
                let declared_bytes = incoming.size_hint().exact();
                let unread = Rc::new(Unread::default());
                let taken = Rc::clone(&unread);
                let (writer, chunks) = stream(move |n_bytes| taken.taken(n_bytes), place.on_left());
                let body = AnswerBody::Stream {
                    declared_bytes,
                    chunks,
                };
                // An error: nobody is there to read it, and this task is about to be aborted.
                let _ = reply.send(Ok(answer(body)));
                pour(incoming, writer, &unread, &target).await
            }
        };
        if is_read {
            target.kept.put(link).await;
        }
        drop(permit);
        drop(place);
    }
}

/// The program's answer.
struct Received {
    status: u16,
    fields: optml_wire::PairBuf,
    body: ReceivedBody,
    link: Link,
}

enum ReceivedBody {
    Whole(Vec<u8>),
    /// Still to come.
    Pieces(Incoming),
}

/// Sends the request, and receives the answer up to where its body comes in pieces.
async fn exchange(target: &Target, head: &CallHead, body: CallBody) -> Result<Received, Refusal> {
    let bytes = match body {
        CallBody::Heap(bytes) => bytes,
        CallBody::Slot(slot) => slot.copy(u64::MAX).map_err(|_| {
            fault(
                500,
                "InternalServerException",
                &"there is no memory for the body",
            )
        })?,
    };
    let (response, link) = send(target, head, &Bytes::from(bytes)).await?;
    let status = response.status().as_u16();
    if !(200..600).contains(&status) {
        return Err(bad_answer(&format_args!("the status {status}")));
    }
    let fields = head::answer_fields(response.headers()).map_err(|error| bad_answer(&error))?;
    let incoming = response.into_body();
    let body = match incoming.size_hint().exact() {
        Some(n_bytes) if n_bytes <= MAX_WHOLE_BYTES => {
            ReceivedBody::Whole(collect(incoming, n_bytes, target).await?)
        }
        _ => ReceivedBody::Pieces(incoming),
    };
    Ok(Received {
        status,
        fields,
        body,
        link,
    })
}

/// Sends the request over a connection that was kept, else over a fresh one.
async fn send(
    target: &Target,
    head: &CallHead,
    bytes: &Bytes,
) -> Result<(Response<Incoming>, Link), Refusal> {
    let is_used = Rc::new(Cell::new(false));
    let request = || {
        let upload = Upload::new(bytes.clone(), Rc::clone(&is_used));
        let address = Address {
            host: &target.host,
            invocations: &target.invocations,
        };
        head::request(head, address, bytes.len() as u64, upload)
            .map_err(|error| fault(400, "BadRequestException", &error))
    };
    if let Some(mut link) = target.kept.take() {
        let mut error = match link.send(request()?).await {
            Ok(response) => return Ok((response, link)),
            Err(error) => error,
        };
        // Of a body that was not begun nothing can have been acted on. Where there is no body, the whole request may have
        // been read, unless we still have it.
        let is_unsent = error.take_message().is_some() || (!bytes.is_empty() && !is_used.get());
        if !is_unsent {
            return Err(unanswered(target, error.error()).await);
        }
    }
    let mut link = match Link::open(&target.place).await {
        Ok(link) => link,
        Err(error) => return Err(target.lost(format!("it can't be reached: {error}")).await),
    };
    match link.send(request()?).await {
        Ok(response) => Ok((response, link)),
        Err(error) => Err(unanswered(target, error.error()).await),
    }
}

/// What the client is told when the head of an answer did not come.
async fn unanswered(target: &Target, error: &hyper::Error) -> Refusal {
    if error.is_parse() {
        return bad_answer(error);
    }
    let seen = format!("it closed the connection before it answered ({error})");
    target.lost(seen).await
}

/// The body of an answer whose length is known.
async fn collect(
    mut incoming: Incoming,
    n_bytes: u64,
    target: &Target,
) -> Result<Vec<u8>, Refusal> {
    let mut whole = Vec::with_capacity(usize::try_from(n_bytes).unwrap_or_default());
    while let Some(piece) = next_piece(&mut incoming).await {
        match piece {
            Ok(bytes) => whole.extend_from_slice(&bytes),
            Err(error) => return Err(target.lost(broken_off(&error)).await),
        }
    }
    Ok(whole)
}

/// Passes a body on as it comes, and never more than its reader keeps up with. `false`: it did not come to its end.
async fn pour(
    mut incoming: Incoming,
    writer: StreamWriter,
    unread: &Unread,
    target: &Target,
) -> bool {
    loop {
        unread.has_room().await;
        let piece = tokio::select! {
            biased;
            piece = next_piece(&mut incoming) => piece,
            refusal = target.fate.fulfilled() => {
                writer.end(StreamEnd::Broken(refusal));
                return false;
            }
        };
        match piece {
            Some(Ok(bytes)) => {
                unread.added(bytes.len());
                writer.push(&bytes);
            }
            Some(Err(error)) => {
                let refusal = target.lost(broken_off(&error)).await;
                writer.end(StreamEnd::Broken(refusal));
                return false;
            }
            None => {
                writer.end(StreamEnd::Complete);
                return true;
            }
        }
    }
}

/// The next bytes of a body; what follows a body in chunks is left out.
pub(super) async fn next_piece(incoming: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
    loop {
        let frame = poll_fn(|cx| Pin::new(&mut *incoming).poll_frame(cx)).await?;
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(bytes)) => return Some(Ok(bytes)),
            Ok(Err(_trailers)) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

/// How much of a body waits for its reader.
#[derive(Debug, Default)]
struct Unread {
    n_bytes: Cell<u64>,
    changed: Notify,
}

impl Unread {
    fn added(&self, n_bytes: usize) {
        self.n_bytes.set(self.n_bytes.get() + n_bytes as u64);
    }

    fn taken(&self, n_bytes: u32) {
        let left = self.n_bytes.get().saturating_sub(n_bytes.into());
        self.n_bytes.set(left);
        self.changed.notify_one();
    }

    async fn has_room(&self) {
        while self.n_bytes.get() > MAX_UNREAD_BYTES {
            self.changed.notified().await;
        }
    }
}

fn broken_off(error: &hyper::Error) -> String {
    format!("it broke off its answer ({error})")
}

fn bad_answer(why: &dyn fmt::Display) -> Refusal {
    let why = format_args!("the program's answer can't be passed on: {why}").to_string();
    fault(502, "BadGatewayException", &why)
}

fn fault(status: u16, kind: &str, message: &dyn fmt::Display) -> Refusal {
    Refusal::Raised(Failure {
        status,
        kind: kind.to_owned(),
        message: message.to_string(),
        detail: String::new(),
    })
}

/// Longer answers are passed on while they come.
const MAX_WHOLE_BYTES: u64 = 256 << 10;
/// Beyond this the program waits until the client has read some.
const MAX_UNREAD_BYTES: u64 = 1 << 20;
