//! `/invocations`: from a request to a call, and from its answer to a response.

use std::{num::NonZeroU64, rc::Rc, time::Duration};

use optml_codec::{Format, MediaType, negotiate::Choice};
use optml_wire::{
    PairBuf,
    control::{Capabilities, Functions},
};
use tokio::{io::AsyncWriteExt, time::Instant};

use super::{After, Connection, Ended, body::Destination};
use crate::{
    arena::RequestSlot,
    call::{Answer, ArrayForm, Call, CallBody, CallHead, Refusal},
    http::{BodyFraming, Expectation, Version, response::CONTINUE},
    pool::CallHandle,
    problem::Problem,
    record::Record,
    site::{Backend, BudgetShare},
    transcode::{self, CodecPolicy, Input as Decoded},
};

/// What is to be done with a body and its answer, as far as the head tells.
#[derive(Debug)]
pub(super) struct Plan {
    /// As the functions are told.
    content_type: Vec<u8>,
    accept: Vec<u8>,
    /// Its format, when it may become an array here.
    decode: Option<(Format, MediaType)>,
    /// What an array that comes back is written as.
    pub(super) choice: Option<Choice>,
}

impl Connection {
    pub(super) async fn invoke(&mut self, record: &mut Record) -> Result<After, Ended> {
        let plan = match self.plan() {
            Ok(plan) => plan,
            Err(problem) => return self.refuse_and_go_on(&problem, record).await,
        };
        self.invite_body().await?;
        // Before the head's bytes are gone.
        record.adopt_id(self.head.field(self.input.bytes(), b"x-request-id"));
        let head = self.call_head(&plan, record);
        let limit = if plan.accept == EVENT_STREAM.as_bytes() {
            // All that has to come in this time is the first event.
            self.site.bounds.stream_first
        } else {
            self.time_limit()
        };
        let after = self.after();
        self.input.consume(self.head.n_bytes());
        // Held until the answer is out: so long there may be bytes of this request in memory.
        let mut share = self.site.budget.share(self.announced_bytes()).await;
        let body = match self.take_body(&plan, &mut share).await {
            Ok(taken) => taken,
            Err(problem) if problem.ends_connection() => {
                return self.refuse_with(&problem, record, After::Close).await;
            }
            Err(problem) => return self.refuse_with(&problem, record, after).await,
        };
        record.request_bytes = body.body.n_bytes();
        let called = self.call(head, body, limit, record).await?;
        let after = self.after_all(after);
        match called {
            Ok(answer) => self.answer(answer, &plan, after, record).await,
            Err(problem) => self.refuse_with(&problem, record, after).await,
        }
    }

    /// `/execution-parameters`: the user's function, or what we know.
    pub(super) async fn execution_parameters(
        &mut self,
        record: &mut Record,
    ) -> Result<After, Ended> {
        let profile = *self.site.profile.borrow();
        let is_users = match self.site.backend {
            Backend::Functions => profile
                .is_some_and(|profile| profile.functions.contains(Functions::EXECUTION_PARAMETERS)),
            Backend::Whole => self.site.asks_execution_parameters,
        };
        if !is_users {
            let after = self.pass_over_body().await?;
            let json = self.site.execution.to_json();
            record.status = 200;
            record.response_bytes = json.len() as u64;
            return self
                .answer_with(
                    200,
                    &[(b"content-type", b"application/json")],
                    json.as_bytes(),
                    after,
                )
                .await;
        }
        let plan = Plan::empty();
        let head = self.call_head(&plan, record);
        let limit = self.time_limit();
        let after = self.pass_over_body().await?;
        let body = TakenBody::raw(CallBody::Heap(Vec::new()));
        let called = self.call(head, body, limit, record).await?;
        let after = self.after_all(after);
        match called {
            Ok(answer) => self.answer(answer, &plan, after, record).await,
            Err(problem) => self.refuse_with(&problem, record, after).await,
        }
    }

    /// What the head tells, before any of the body is read.
    fn plan(&self) -> Result<Plan, Problem> {
        let site = &self.site;
        if site.pool.n_open() == 0 {
            site.health.refusal_of_calls().map_err(Problem::Refused)?;
        }
        let buf = self.input.bytes();
        if let BodyFraming::Length(n_bytes) = self.head.framing()
            && n_bytes > site.bounds.body_bytes
        {
            return Err(Problem::TooLarge {
                n_bytes: Some(n_bytes),
                limit_bytes: site.bounds.body_bytes,
            });
        }
        if site.backend == Backend::Whole {
            return Ok(Plan::empty());
        }
        let encoding = self.head.field(buf, b"content-encoding");
        if encoding
            .is_some_and(|value| !value.is_empty() && !value.eq_ignore_ascii_case(b"identity"))
        {
            return Err(Problem::ContentEncoding);
        }
        let profile = *site.profile.borrow();
        let (functions, capabilities) = profile
            .map_or((Functions::default(), Capabilities::default()), |profile| {
                (profile.functions, profile.capabilities)
            });
        let has_own =
            |function| functions.contains(function) || functions.contains(Functions::TRANSFORM);
        let content_type = text_of(self.head.field(buf, b"content-type"), MediaType::DEFAULT);
        let decode = if has_own(Functions::INPUT) {
            None
        } else {
            let media_type = MediaType::parse(&content_type);
            let format = Format::of(&media_type).map_err(Problem::Codec)?;
            let is_decoded = transcode::is_decoded_here(format)
                && (capabilities.contains(Capabilities::ARRAYS) || format == Format::Npz);
            is_decoded.then_some((format, media_type))
        };
        let accept = self.accept();
        let default = &site.codecs.default_accept;
        if has_own(Functions::OUTPUT) {
            let accept = match accept.trim() {
                "" | "*/*" => default.clone(),
                _ => accept,
            };
            return Ok(Plan {
                content_type: content_type.into_bytes(),
                accept: accept.into_bytes(),
                decode,
                choice: None,
            });
        }
        if accepts_events(&accept) {
            // A stream of events: no codec writes it, but the worker does when user code yields.
            return Ok(Plan {
                content_type: content_type.into_bytes(),
                accept: EVENT_STREAM.into(),
                decode,
                choice: None,
            });
        }
        let choice = transcode::choose(Some(&accept), &site.codecs).map_err(Problem::Codec)?;
        Ok(Plan {
            content_type: content_type.into_bytes(),
            accept: choice.content_type.into(),
            decode,
            choice: Some(choice),
        })
    }

    /// All `Accept` fields, with commas between them.
    fn accept(&self) -> String {
        let mut values = self.head.values(self.input.bytes(), b"accept");
        let mut accept = text_of(values.next(), "");
        for value in values {
            accept.push_str(", ");
            accept.push_str(&String::from_utf8_lossy(value));
        }
        accept
    }

    /// Tells a client that waits for it to send the body.
    async fn invite_body(&mut self) -> Result<(), Ended> {
        if self.holds_body_back() {
            self.stream.write_all(CONTINUE).await.map_err(|_| Ended)?;
        }
        Ok(())
    }

    /// Whether the client waits until it is told to send the body. The head must still be in the buffer.
    pub(super) fn holds_body_back(&self) -> bool {
        self.head.expectation() == Expectation::Continue
            && self.input.bytes().len() <= self.head.n_bytes()
    }

    /// The length of the body, or a guess where nobody says it.
    fn announced_bytes(&self) -> u64 {
        match self.head.framing() {
            BodyFraming::Empty => 0,
            BodyFraming::Length(n_bytes) => n_bytes,
            BodyFraming::Chunked => GUESSED_BYTES.min(self.site.bounds.body_bytes),
        }
    }

    fn call_head(&self, plan: &Plan, record: &Record) -> CallHead {
        let buf = self.input.bytes();
        let mut fields = PairBuf::new();
        for (name, value) in self.head.fields(buf) {
            // The bounds on heads are below those of the protocol.
            let _ = fields.push(name, value);
        }
        if record.is_own_id() {
            let _ = fields.push(b"x-request-id", record.id().as_bytes());
        }
        CallHead {
            method: self.head.method_bytes(buf).to_vec(),
            path: self.head.path(buf).to_vec(),
            query: self.head.query(buf).unwrap_or_default().to_vec(),
            version: match self.head.version() {
                Version::Http10 => (1, 0),
                Version::Http11 => (1, 1),
            },
            peer: Rc::clone(&self.peer.address),
            peer_port: self.peer.port,
            content_type: plan.content_type.clone(),
            accept: plan.accept.clone(),
            fields,
        }
    }

    /// How long this request may take.
    fn time_limit(&self) -> Duration {
        const NAME: &[u8] = b"x-amzn-sagemaker-invocationtimeoutseconds";
        /// The platform's own bound.
        const MAX: u64 = 3600;
        let time = self.site.request_time;
        let asked = || {
            let value = self.head.field(self.input.bytes(), NAME)?;
            let seconds: u64 = std::str::from_utf8(value).ok()?.parse().ok()?;
            (1..=MAX)
                .contains(&seconds)
                .then(|| Duration::from_secs(seconds))
        };
        time.fixed.or_else(asked).unwrap_or(time.fallback)
    }

    /// Reads the body, and decodes it when that is done here.
    async fn take_body(
        &mut self,
        plan: &Plan,
        share: &mut BudgetShare,
    ) -> Result<TakenBody, Problem> {
        let to = match &plan.decode {
            Some((Format::Npy, _)) | None => Destination::Slot,
            Some(_) => Destination::Heap,
        };
        let body = self.read_body(to, share).await?;
        match (&plan.decode, body) {
            (None, body) => Ok(TakenBody::raw(body)),
            (Some(_), CallBody::Slot(slot)) => find_elements(slot),
            (Some((format, media_type)), CallBody::Heap(heap)) => {
                self.decode(*format, media_type, heap).await
            }
        }
    }

    async fn decode(
        &self,
        format: Format,
        media_type: &MediaType,
        heap: Vec<u8>,
    ) -> Result<TakenBody, Problem> {
        let site = &self.site;
        let (heap, decoded) = if heap.len() <= INLINE_WORK_BYTES {
            let decoded = transcode::decode(format, media_type, &heap, &site.codecs);
            (heap, decoded)
        } else {
            let (media_type, policy) = (media_type.clone(), CodecPolicy::clone(&site.codecs));
            tokio::task::spawn_blocking(move || {
                let decoded = transcode::decode(format, &media_type, &heap, &policy);
                (heap, decoded)
            })
            .await
            .map_err(|_| Problem::Internal("decoding the body failed"))?
        };
        Ok(match decoded.map_err(Problem::Codec)? {
            Decoded::AsItCame => TakenBody::raw(self.place(heap)),
            Decoded::Elements(elements) => TakenBody {
                body: self.place(elements.bytes),
                array: Some(elements.form),
            },
        })
    }

    /// Elements that were made here: to shared memory when they are many.
    fn place(&self, bytes: Vec<u8>) -> CallBody {
        let n_bytes = bytes.len() as u64;
        let arena = self.site.shared_memory();
        let slot = arena
            .filter(|_| n_bytes >= self.site.bounds.slot_from_bytes)
            .and_then(|arena| arena.request_slot(n_bytes));
        if let Some(mut slot) = slot
            && slot.append(&bytes).is_ok()
        {
            return CallBody::Slot(slot);
        }
        CallBody::Heap(bytes)
    }

    /// Has it answered. The outer error: the client has left.
    async fn call(
        &mut self,
        head: CallHead,
        taken: TakenBody,
        limit: Duration,
        record: &mut Record,
    ) -> Result<Result<Answer, Problem>, Ended> {
        let call = Call {
            head,
            body: taken.body,
            array: taken.array,
            deadline: Instant::now() + limit,
            deadline_ns: monotonic_ns_after(limit),
        };
        let submitted = self.site.pool.submit(call);
        let mut handle = match submitted {
            Ok(handle) => handle,
            Err(refusal) => return Ok(Err(Problem::Refused(refusal))),
        };
        let answer = self.wait(&mut handle).await?;
        if let Ok(answer) = &answer {
            record.took = answer.took;
        }
        Ok(answer.map_err(Problem::Refused))
    }

    /// Waits for an answer, and sees when the client leaves before it comes.
    async fn wait(&mut self, handle: &mut CallHandle) -> Result<Result<Answer, Refusal>, Ended> {
        let mut is_watching = true;
        loop {
            let Self { stream, input, .. } = self;
            tokio::select! {
                biased;
                answer = handle.answer() => return Ok(answer),
                read = input.fill(stream), if is_watching => match read {
                    Ok(n_bytes) if n_bytes > 0 => is_watching = !input.is_full(),
                    Ok(_) if handle.outlives_client() => is_watching = false,
                    Ok(_) | Err(_) => return Err(Ended),
                },
            }
        }
    }
}

impl Plan {
    /// Nothing is resolved, decoded or written.
    pub(super) const fn empty() -> Self {
        Self {
            content_type: Vec::new(),
            accept: Vec::new(),
            decode: None,
            choice: None,
        }
    }
}

/// A body on its way to a call.
#[derive(Debug)]
struct TakenBody {
    body: CallBody,
    /// What it is, when it was decoded.
    array: Option<ArrayForm>,
}

impl TakenBody {
    const fn raw(body: CallBody) -> Self {
        Self { body, array: None }
    }
}

/// An NPY file in shared memory: its elements stay where they are.
fn find_elements(mut slot: RequestSlot) -> Result<TakenBody, Problem> {
    let beginning = slot
        .copy(transcode::NPY_BEGINNING_BYTES)
        .map_err(|_| Problem::Internal("there is no memory for the body"))?;
    let found = transcode::find_npy_elements(&beginning, slot.n_bytes()).map_err(Problem::Codec)?;
    let array = found.map(|(form, elements)| {
        slot.cut(&elements);
        form
    });
    Ok(TakenBody {
        body: CallBody::Slot(slot),
        array,
    })
}

fn accepts_events(accept: &str) -> bool {
    accept.split(',').any(|range| {
        let essence = range.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case(EVENT_STREAM)
    })
}

/// A header as text. Other bytes than UTF-8 are no media type, and are refused as an unknown one.
fn text_of(value: Option<&[u8]>, default: &str) -> String {
    let text = String::from_utf8_lossy(value.unwrap_or_default());
    if text.trim().is_empty() {
        default.to_owned()
    } else {
        text.into_owned()
    }
}

/// A moment on the clock that other processes read too.
fn monotonic_ns_after(limit: Duration) -> Option<NonZeroU64> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).ok()?;
    let since_start = Duration::new(seconds, u32::try_from(now.tv_nsec).ok()?);
    NonZeroU64::new(u64::try_from((since_start + limit).as_nanos()).ok()?)
}

const EVENT_STREAM: &str = "text/event-stream";

/// Codec work on more than this goes to another thread: it would take more than some hundred microseconds.
pub(super) const INLINE_WORK_BYTES: usize = 64 << 10;

/// Room that is set aside for a body whose length nobody says.
const GUESSED_BYTES: u64 = 1 << 20;
