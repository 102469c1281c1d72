//! What travels between the HTTP side and whoever runs the model: a call, its answer, and every way to have none.
//!
//! Neither side's types are in here: no status lines and no sockets, no process ids and no frames. This is where the two
//! meet.

use std::{fmt, num::NonZeroU64, rc::Rc, sync::Arc, time::Duration};

use optml_wire::{Array as WireArray, Dtype, PairBuf};
use tokio::time::Instant;

use crate::{
    arena::{RequestSlot, ResponseSlot},
    stream::ChunkStream,
};

/// A request for whoever runs the model.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) head: CallHead,
    pub(crate) body: CallBody,
    /// What the body is, when it was decoded already.
    pub(crate) array: Option<ArrayForm>,
    /// When the client is answered, with or without user code; kept across workers.
    pub(crate) deadline: Instant,
    /// The same on the clock that a worker can read.
    pub(crate) deadline_ns: Option<NonZeroU64>,
}

/// A request without its body: bytes as the client wrote them.
#[derive(Debug)]
pub(crate) struct CallHead {
    pub(crate) method: Vec<u8>,
    pub(crate) path: Vec<u8>,
    pub(crate) query: Vec<u8>,
    /// Major and minor.
    pub(crate) version: (u8, u8),
    /// The client's address, and its port.
    pub(crate) peer: Rc<str>,
    pub(crate) peer_port: u16,
    /// Resolved for functions; empty for applications.
    pub(crate) content_type: Vec<u8>,
    /// Resolved for functions; empty for applications.
    pub(crate) accept: Vec<u8>,
    pub(crate) fields: PairBuf,
}

/// The one body type: where the bytes of a request are.
#[derive(Debug)]
pub(crate) enum CallBody {
    /// On our heap, all of it.
    Heap(Vec<u8>),
    /// In shared memory, all of it.
    Slot(RequestSlot),
}

impl CallBody {
    /// Its length.
    pub(crate) fn n_bytes(&self) -> u64 {
        match self {
            Self::Heap(bytes) => bytes.len() as u64,
            Self::Slot(slot) => slot.n_bytes(),
        }
    }
}

/// The type and dimensions of a body that is the elements of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArrayForm {
    pub(crate) dtype: Dtype,
    /// As the wire has them: little-endian.
    pub(crate) dimensions: Vec<[u8; 8]>,
}

impl ArrayForm {
    pub(crate) fn as_wire(&self) -> WireArray<'_> {
        WireArray {
            dtype: self.dtype,
            dimensions: &self.dimensions,
        }
    }
}

/// What user code answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// 200 to 599.
    pub(crate) status: u16,
    pub(crate) fields: PairBuf,
    /// What the body is, when it is to be written as the negotiated type.
    pub(crate) array: Option<ArrayForm>,
    pub(crate) body: AnswerBody,
    /// How long user code ran until here.
    pub(crate) took: Duration,
}

/// Where the bytes of an answer are.
#[derive(Debug)]
pub(crate) enum AnswerBody {
    /// On our heap, all of it.
    Heap(Vec<u8>),
    /// In shared memory, all of it.
    Slot(ResponseSlot),
    /// Still to come.
    Stream {
        /// The length, where it is known beforehand.
        declared_bytes: Option<u64>,
        chunks: ChunkStream,
    },
}

/// Why a call has no answer of user code's, or no whole one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// As many wait already as may.
    QueueFull { waiting: usize },
    /// It waited until its time was over, and no worker was free.
    QueueTimeout { waited: Duration },
    /// The model is not loaded.
    NotReady { state: &'static str },
    /// The server is about to end.
    Draining,
    /// User code took too long; whoever ran it is ended or cancelled.
    Deadline,
    /// The process that ran it has ended.
    Died { how: Arc<str>, memory: MemoryCause },
    /// User code raised.
    Raised(Failure),
    /// The client left before it was answered.
    Cancelled,
}

/// Whether a process died for want of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemoryCause {
    OutOfMemory,
    Other,
}

/// What user code raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The HTTP status that fits, 400 to 599.
    pub(crate) status: u16,
    /// `ValueError`.
    pub(crate) kind: String,
    pub(crate) message: String,
    /// The traceback: for the log.
    pub(crate) detail: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}
