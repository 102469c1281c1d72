//! Models in Rust: a [`Handler`] that runs in this process, behind the same HTTP side as any worker.

use std::{num::NonZeroUsize, rc::Rc, sync::Arc, time::Duration};

use optml_wire::PairBuf;
use tokio::time::Instant;

use crate::{
    admission::{Ability, Assignment, LookAhead, SeatId},
    call::{Answer, AnswerBody, CallBody, Failure, Refusal},
    pool::{Mailbox, Pending, Pool},
};

/// A model in Rust.
///
/// It is called on threads of its own, at most as many at once as there are workers, and may take as long as the request may.
/// A call that panics is answered with 500, and the model goes on.
///
/// # Examples
///
/// ```
/// use optml_serve::{Handler, HandlerError, Invocation, Reply};
///
/// struct Double;
///
/// impl Handler for Double {
///     fn invoke(&self, invocation: &Invocation) -> Result<Reply, HandlerError> {
///         let text = str::from_utf8(invocation.body()).map_err(|_| HandlerError::bad_request("not UTF-8"))?;
///         let number: f64 = text.trim().parse().map_err(|_| HandlerError::bad_request("not a number"))?;
///         Ok(Reply::text(format!("{}\n", 2.0 * number)))
///     }
/// }
/// ```
pub trait Handler: Send + Sync + 'static {
    /// Loads the model, before the first call. `/ping` is 503 until it returns.
    ///
    /// # Errors
    /// What is written to the log: the server then ends with exit code 1.
    fn load(&mut self, model_dir: &str) -> Result<(), HandlerError> {
        // Nothing to load, unless somebody says otherwise.
        let _ = model_dir;
        Ok(())
    }

    /// Answers one request.
    ///
    /// # Errors
    /// What the client is told, with its status.
    fn invoke(&self, invocation: &Invocation) -> Result<Reply, HandlerError>;
}

/// A request for a [`Handler`].
#[derive(Debug)]
pub struct Invocation {
    body: Vec<u8>,
    fields: PairBuf,
}

impl Invocation {
    /// The whole body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.fields
            .as_pairs()
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value)
    }

    /// The body's type as the client wrote it.
    ///
    /// **Unset / empty**: both are `None`.
    pub fn content_type(&self) -> Option<&str> {
        let value = std::str::from_utf8(self.header("content-type")?).ok()?;
        (!value.is_empty()).then_some(value)
    }

    /// The types that the client accepts, as it wrote them.
    ///
    /// **Unset / empty**: both are `None`.
    pub fn accept(&self) -> Option<&str> {
        let value = std::str::from_utf8(self.header("accept")?).ok()?;
        (!value.is_empty()).then_some(value)
    }
}

/// The answer of a [`Handler`].
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    body: Vec<u8>,
    fields: PairBuf,
}

impl Reply {
    /// 200, with a body of this type.
    pub fn new(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut fields = PairBuf::new();
        // A type that is longer than a header may be is left out: the body is sent all the same.
        let _ = fields.push(b"content-type", content_type.as_bytes());
        Self {
            status: 200,
            body: body.into(),
            fields,
        }
    }

    /// 200, `text/plain`.
    pub fn text(body: impl Into<String>) -> Self {
        Self::new("text/plain", body.into())
    }

    /// 200, `application/json`. The text is not checked.
    pub fn json(body: impl Into<String>) -> Self {
        Self::new("application/json", body.into())
    }

    /// Another status: 200 to 599. Others count as 500.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = if (200..600).contains(&status) {
            status
        } else {
            500
        };
        self
    }

    /// One more header. One that HTTP forbids makes the answer a 500.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        // Longer than a whole head may be: the server would refuse it too.
        let _ = self.fields.push(name.as_bytes(), value.as_bytes());
        self
    }
}

/// Why a [`Handler`] has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HandlerError {
    status: u16,
    kind: String,
    message: String,
}

impl HandlerError {
    /// With a status of 400 to 599 (others count as 500), the name that the client finds under `type`, and a message.
    pub fn new(status: u16, kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status: if (400..600).contains(&status) {
                status
            } else {
                500
            },
            kind: kind.into(),
            message: message.into(),
        }
    }

    /// 400: the client's fault.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequestException", message)
    }

    /// 500: ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "ModelException", message)
    }
}

/// Opens seats for a model that is loaded, and runs its calls.
pub(crate) fn open(pool: &Rc<Pool>, handler: &Arc<dyn Handler>, n_threads: NonZeroUsize) {
    let ability = Ability {
        concurrency: n_threads.get(),
        look_ahead: LookAhead::Impossible,
    };
    let mailbox = Rc::new(Mailbox::default());
    let seat = pool.open(ability, Rc::clone(&mailbox));
    let (pool, handler) = (Rc::clone(pool), Arc::clone(handler));
    tokio::task::spawn_local(async move {
        loop {
            mailbox.changed().await;
            // A thread can't be stopped: calls that nobody waits for run to their end.
            mailbox.take_withdrawn();
            for assignment in mailbox.take_calls() {
                let run = run(Rc::clone(&pool), seat, Arc::clone(&handler), assignment);
                tokio::task::spawn_local(run);
            }
        }
    });
}

async fn run(
    pool: Rc<Pool>,
    seat: SeatId,
    handler: Arc<dyn Handler>,
    assignment: Assignment<Box<Pending>>,
) {
    let Assignment { ticket, call, .. } = assignment;
    let Pending { call, reply, .. } = *call;
    let began = Instant::now();
    let body = match call.body {
        CallBody::Heap(bytes) => Ok(bytes),
        CallBody::Slot(slot) => slot.copy(u64::MAX),
    };
    let result = match body {
        Ok(body) => {
            let invocation = Invocation {
                body,
                fields: call.head.fields,
            };
            tokio::task::spawn_blocking(move || handler.invoke(&invocation))
                .await
                .unwrap_or_else(|_| Err(HandlerError::internal("the model panicked")))
        }
        Err(_) => Err(HandlerError::internal("there is no memory for the body")),
    };
    let took = began.elapsed();
    let answer = match result {
        Ok(reply) => Ok(answer(reply, took)),
        Err(error) => Err(Refusal::Raised(Failure {
            status: error.status,
            kind: error.kind,
            message: error.message,
            detail: String::new(),
        })),
    };
    if let Some(reply) = reply {
        // An error: the client left.
        let _ = reply.send(answer);
    }
    pool.done(seat, ticket, took);
    pool.dispatch();
}

fn answer(reply: Reply, took: Duration) -> Answer {
    Answer {
        status: reply.status,
        fields: reply.fields,
        array: None,
        body: AnswerBody::Heap(reply.body),
        took,
    }
}
