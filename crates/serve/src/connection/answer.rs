//! From an answer to the bytes of a response.

use std::{io, num::NonZeroU64, time::Duration};

use optml_codec::{Format, negotiate::Choice};
use tokio::{
    io::{AsyncWriteExt, Interest},
    time::{Instant, timeout, timeout_at},
};
use tracing::warn;

use super::{
    After, Connection, Ended,
    invoke::{INLINE_WORK_BYTES, Plan},
};
use crate::{
    arena::ResponseSlot,
    call::{Answer, AnswerBody, ArrayForm, Refusal},
    http::{
        BodyLength, Method, Version, put_chunk_head, put_head,
        response::{CHUNK_END, LAST_CHUNK, is_framing_field},
    },
    problem::Problem,
    record::Record,
    site::Backend,
    stream::{ChunkStream, Piece, StreamEnd},
    transcode::{self, CodecPolicy},
};

/// A body that is ready to be written.
enum Ready {
    Heap(Vec<u8>),
    /// What stands before it, and the rest.
    Slot(Vec<u8>, ResponseSlot),
}

/// A body that comes in pieces.
struct Streamed {
    length: BodyLength,
    chunks: ChunkStream,
}

impl Ready {
    fn n_bytes(&self) -> u64 {
        match self {
            Self::Heap(bytes) => bytes.len() as u64,
            Self::Slot(before, slot) => before.len() as u64 + slot.n_bytes(),
        }
    }
}

impl Connection {
    /// Writes user code's answer.
    pub(super) async fn answer(
        &mut self,
        answer: Answer,
        plan: &Plan,
        after: After,
        record: &mut Record,
    ) -> Result<After, Ended> {
        record.status = answer.status;
        let content_type = plan.choice.filter(|_| answer.array.is_some());
        let ready = match answer.body {
            AnswerBody::Stream {
                declared_bytes,
                chunks,
            } => {
                let head = Head {
                    status: answer.status,
                    fields: &answer.fields,
                    content_type: None,
                };
                let body = Streamed {
                    length: match declared_bytes {
                        Some(n_bytes) => BodyLength::Known(n_bytes),
                        None => BodyLength::of_stream(self.head.version()),
                    },
                    chunks,
                };
                return self.stream(&head, body, after, record).await;
            }
            AnswerBody::Heap(bytes) => match answer.array {
                None => Ok(Ready::Heap(bytes)),
                Some(form) => self.encode(form, bytes, plan.choice).await.map(Ready::Heap),
            },
            AnswerBody::Slot(slot) => match answer.array {
                None => Ok(Ready::Slot(Vec::new(), slot)),
                Some(form) => self.encode_slot(form, slot, plan.choice).await,
            },
        };
        let ready = match ready {
            Ok(ready) => ready,
            Err(problem) => return self.refuse_with(&problem, record, after).await,
        };
        let head = Head {
            status: answer.status,
            fields: &answer.fields,
            content_type: content_type.map(|choice| choice.content_type),
        };
        record.response_bytes = ready.n_bytes();
        let length = BodyLength::Known(ready.n_bytes());
        if let Err(problem) = self.begin(&head, length, after, record) {
            return self.refuse_with(&problem, record, after).await;
        }
        if self.head.method() == Method::Head {
            self.write_out().await?;
            return Ok(after);
        }
        match ready {
            Ready::Heap(bytes) if bytes.len() <= JOINED_BYTES => {
                self.out.extend_from_slice(&bytes);
                self.write_out().await?;
            }
            Ready::Heap(bytes) => {
                self.write_out().await?;
                self.out = bytes;
                self.write_out().await?;
            }
            Ready::Slot(before, slot) => {
                self.out.extend_from_slice(&before);
                self.write_slot(&slot).await?;
            }
        }
        Ok(after)
    }

    async fn encode(
        &self,
        form: ArrayForm,
        bytes: Vec<u8>,
        choice: Option<Choice>,
    ) -> Result<Vec<u8>, Problem> {
        let choice = choice.ok_or(UNASKED)?;
        if bytes.len() <= INLINE_WORK_BYTES {
            return transcode::encode(&form, &bytes, choice, &self.site.codecs);
        }
        let policy = CodecPolicy::clone(&self.site.codecs);
        tokio::task::spawn_blocking(move || transcode::encode(&form, &bytes, choice, &policy))
            .await
            .map_err(|_| Problem::Internal("writing the result failed"))?
    }

    /// NPY needs no more than a header before the elements, which stay where they are.
    async fn encode_slot(
        &self,
        form: ArrayForm,
        slot: ResponseSlot,
        choice: Option<Choice>,
    ) -> Result<Ready, Problem> {
        let choice = choice.ok_or(UNASKED)?;
        if choice.format == Format::Npy {
            return Ok(Ready::Slot(transcode::npy_header(&form)?, slot));
        }
        let bytes = slot
            .copy()
            .map_err(|_| Problem::Internal("there is no memory for the result"))?;
        drop(slot);
        self.encode(form, bytes, Some(choice))
            .await
            .map(Ready::Heap)
    }

    /// Puts the response's head into `out`.
    fn begin(
        &mut self,
        head: &Head<'_>,
        length: BodyLength,
        after: After,
        record: &Record,
    ) -> Result<(), Problem> {
        let start = self.start_of(head.status, length, after);
        // Applications say how their bodies are framed, and are right; how ours are is for us to say.
        let is_application = self.site.backend == Backend::Whole;
        let fields = head
            .fields
            .as_pairs()
            .iter()
            .filter(|(name, _)| !is_application || !is_framing_field(name));
        let content_type = head
            .content_type
            .map(|name| (&b"content-type"[..], name.as_bytes()));
        let request_id = [(&b"x-request-id"[..], record.id().as_bytes())];
        self.out.clear();
        put_head(
            &mut self.out,
            &start,
            fields.chain(content_type).chain(request_id),
        )
        .map_err(Problem::Answer)
    }

    /// Writes `out` and then the slot.
    async fn write_slot(&mut self, slot: &ResponseSlot) -> Result<(), Ended> {
        let total = self.out.len() as u64 + slot.n_bytes();
        let mut written = 0_u64;
        while written < total {
            let limit = self.site.bounds.body_idle;
            match timeout(limit, self.stream.writable()).await {
                Ok(Ok(())) => {}
                _ => return Err(Ended),
            }
            let (stream, out) = (&self.stream, &self.out);
            let head_left = usize::try_from(written)
                .ok()
                .and_then(|written| out.get(written..))
                .unwrap_or_default();
            let from = written.saturating_sub(out.len() as u64);
            match stream.try_io(Interest::WRITABLE, || {
                slot.write_to(stream, head_left, from)
            }) {
                Ok(n) => {
                    written += n as u64;
                    tokio::task::coop::consume_budget().await;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Ended),
            }
        }
        Ok(())
    }

    /// Writes a body as it comes.
    async fn stream(
        &mut self,
        head: &Head<'_>,
        body: Streamed,
        after: After,
        record: &mut Record,
    ) -> Result<After, Ended> {
        let Streamed { length, mut chunks } = body;
        let after = if length == BodyLength::UntilClose {
            After::Close
        } else {
            after
        };
        let kind = StreamKind::of(head);
        if let Err(problem) = self.begin(head, length, after, record) {
            return self.refuse_with(&problem, record, after).await;
        }
        if self.head.method() == Method::Head {
            self.write_out().await?;
            return Ok(after);
        }
        self.write_out().await?;
        let bounds = self.site.bounds;
        let deadline = Instant::now() + bounds.stream_total;
        loop {
            let Some(piece) = self
                .next_piece(&mut chunks, deadline, bounds.stream_idle)
                .await?
            else {
                warn!(
                    request = record.id(),
                    "a stream took too long and is broken off"
                );
                chunks.give_up();
                return Err(Ended);
            };
            match piece {
                Piece::Bytes(bytes) => {
                    record.response_bytes += bytes.len() as u64;
                    self.write_piece(&bytes, length).await?;
                }
                Piece::End(StreamEnd::Complete) => {
                    if length == BodyLength::Chunked {
                        self.out.clear();
                        self.out.extend_from_slice(LAST_CHUNK);
                        self.write_out().await?;
                    }
                    return Ok(after);
                }
                Piece::End(StreamEnd::Broken(refusal)) => {
                    return self.break_off(refusal, kind, length, record).await;
                }
            }
        }
    }

    /// The next piece. `None`: it took too long. The error: the client has left.
    async fn next_piece(
        &mut self,
        chunks: &mut ChunkStream,
        deadline: Instant,
        idle: Duration,
    ) -> Result<Option<Piece>, Ended> {
        let until = deadline.min(Instant::now() + idle);
        let mut is_watching = true;
        loop {
            let Self { stream, input, .. } = self;
            tokio::select! {
                biased;
                piece = timeout_at(until, chunks.next()) => return Ok(piece.ok()),
                read = input.fill(stream), if is_watching => match read {
                    Ok(n_bytes) if n_bytes > 0 => is_watching = !input.is_full(),
                    Ok(_) | Err(_) => return Err(Ended),
                },
            }
        }
    }

    async fn write_piece(&mut self, bytes: &[u8], length: BodyLength) -> Result<(), Ended> {
        self.out.clear();
        match NonZeroU64::new(bytes.len() as u64) {
            Some(n_bytes) if length == BodyLength::Chunked => {
                put_chunk_head(&mut self.out, n_bytes);
                self.out.extend_from_slice(bytes);
                self.out.extend_from_slice(CHUNK_END);
            }
            _ => self.out.extend_from_slice(bytes),
        }
        self.write_out().await
    }

    /// The status is gone: the failure is told inside the stream where its form allows that, else by its missing end.
    async fn break_off(
        &mut self,
        refusal: Refusal,
        kind: StreamKind,
        length: BodyLength,
        record: &mut Record,
    ) -> Result<After, Ended> {
        let problem = Problem::Refused(refusal);
        let body = problem.body(self.site.error_detail);
        record.refused(&problem, &body);
        let json = body.to_json(record.id());
        let last = match kind {
            StreamKind::Events => [b"event: error\ndata: ".as_slice(), &json, b"\n"].concat(),
            StreamKind::Lines => {
                [b"{\"error\": ".as_slice(), json.trim_ascii_end(), b"}\n"].concat()
            }
            StreamKind::Other => {
                // Without this an old client would take the end of the connection for the end of the body.
                let _ = self.stream.set_zero_linger();
                return Err(Ended);
            }
        };
        self.write_piece(&last, length).await?;
        if length == BodyLength::Chunked && self.head.version() == Version::Http11 {
            self.out.clear();
            self.out.extend_from_slice(LAST_CHUNK);
            self.write_out().await?;
        }
        // Nobody should go on with a connection whose last answer failed.
        self.stream.flush().await.map_err(|_| Ended)?;
        Ok(After::Close)
    }
}

/// What stands in a response's head.
struct Head<'a> {
    status: u16,
    fields: &'a optml_wire::PairBuf,
    /// Of an array that was written here.
    content_type: Option<&'static str>,
}

/// Whether a stream has a form of its own for failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StreamKind {
    Events,
    Lines,
    Other,
}

impl StreamKind {
    fn of(head: &Head<'_>) -> Self {
        let fields = head.fields.as_pairs();
        let content_type = fields
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(b"content-type"))
            .map(|(_, value)| String::from_utf8_lossy(value).to_ascii_lowercase())
            .unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if essence == "text/event-stream" {
            Self::Events
        } else if Format::JsonLines.names().contains(&essence) {
            Self::Lines
        } else {
            Self::Other
        }
    }
}

const UNASKED: Problem =
    Problem::Internal("the worker answered with an array, and nobody asked for one");

/// A body of this length is copied behind its head: one write instead of two.
const JOINED_BYTES: usize = 128 << 10;
