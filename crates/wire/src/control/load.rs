//! Loading: what the front asks for, and what the worker turned out to be.

use std::ops::BitOr;

use crate::{
    arena::ArenaLayout,
    fault::Fault,
    frame::{Cursor, Payload},
    kind::Kind,
    pairs::Pairs,
};

/// Names of `LOAD`'s settings. A setting that has no value is left out; a worker skips names that it doesn't know.
pub mod setting {
    /// What to host: `functions`, `wsgi`, `asgi` or `exec`.
    pub const KIND: &[u8] = b"kind";
    /// The directory of the model's files.
    pub const MODEL_DIR: &[u8] = b"model_dir";
    /// The directory of user code.
    pub const CODE_DIR: &[u8] = b"code_dir";
    /// What to import: `inference`, or `module:attribute` for applications.
    pub const ENTRY: &[u8] = b"entry";
    /// The model's name.
    pub const MODEL_NAME: &[u8] = b"model_name";
    /// The number of the accelerator that is this worker's own.
    pub const GPU_ID: &[u8] = b"gpu_id";
    /// The port that the front listens on.
    pub const SERVER_PORT: &[u8] = b"server_port";
    /// The response slots that are this worker's own, when workers share an arena: `FIRST:COUNT`, in decimal. Without it all
    /// are.
    pub const RESPONSE_SLOTS: &[u8] = b"response_slots";
    /// `1`: somebody named the entry, so that its absence is an error.
    pub const EXPLICIT: &[u8] = b"explicit";
    /// Further directories of user code, with NUL between them.
    pub const CODE_PATHS: &[u8] = b"code_paths";
    /// `1`: JSON without NaN and infinities.
    pub const STRICT_JSON: &[u8] = b"strict_json";
    /// `2d`: CSV keeps rows and columns.
    pub const CSV_SHAPE: &[u8] = b"csv_shape";
    /// `1`: the application's own `/ping` is asked.
    pub const APP_PING: &[u8] = b"app_ping";
    /// `1`: a warm-up that fails is no failure.
    pub const WARMUP_OPTIONAL: &[u8] = b"warmup_optional";
}

/// What to load, and how.
///
/// **Shape**: u16 version, u16 number of the worker, u16 request slots, u16 response slots, u32 bytes of a slot, u32
/// concurrency, u16 number of settings, settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load<'a> {
    /// The version that both sides speak.
    pub version: u16,
    /// Which of the model's workers this is, from 0.
    pub worker: u16,
    /// How the arena is divided. `None`: there is none.
    pub arena: Option<ArenaLayout>,
    /// Requests to run at once. `None`: as the worker thinks best.
    pub concurrency: Option<u32>,
    /// Names and values, see [`setting`]. Bytes, since paths are.
    pub settings: Pairs<'a>,
}

impl<'a> Load<'a> {
    pub(crate) fn take(cursor: &mut Cursor<'a>) -> Result<Self, Fault> {
        let (version, worker) = (cursor.u16()?, cursor.u16()?);
        let arena = match (cursor.u16()?, cursor.u16()?, cursor.u32()?) {
            (0, 0, 0) => None,
            (requests, responses, slot_bytes) => {
                Some(ArenaLayout::try_new(requests, responses, slot_bytes)?)
            }
        };
        let concurrency = cursor.u32()?;
        let n_settings = cursor.u16()?;
        Ok(Self {
            version,
            worker,
            arena,
            concurrency: (concurrency != 0).then_some(concurrency),
            settings: Pairs::take(cursor, n_settings, "settings")?,
        })
    }

    pub(crate) fn put(&self, payload: &mut Payload<'_>) {
        payload.u16(self.version);
        payload.u16(self.worker);
        payload.u16(self.arena.map_or(0, ArenaLayout::request_slots));
        payload.u16(self.arena.map_or(0, ArenaLayout::response_slots));
        payload.u32(self.arena.map_or(0, ArenaLayout::slot_bytes));
        payload.u32(self.concurrency.unwrap_or(0));
        payload.u16(self.settings.n_pairs());
        payload.bytes(self.settings.bytes());
    }
}

/// How far loading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Before and while user code is imported.
    Import = 1,
    /// The model is loaded.
    Model = 2,
    /// The model is tried out.
    WarmUp = 3,
}

impl Phase {
    /// The number on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Self, Fault> {
        match cursor.u8()? {
            1 => Ok(Self::Import),
            2 => Ok(Self::Model),
            3 => Ok(Self::WarmUp),
            code => Err(Fault::UnknownCode {
                kind: cursor.kind(),
                part: "phase",
                code,
            }),
        }
    }
}

/// Whether a load that failed may succeed the next time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Recovery {
    /// The same again would fail the same way.
    Hopeless = 0,
    /// A file or a connection was not there.
    Possible = 1,
}

impl Recovery {
    /// The number on the wire.
    pub const fn code(self) -> u8 {
        self as u8
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Self, Fault> {
        match cursor.u8()? {
            0 => Ok(Self::Hopeless),
            1 => Ok(Self::Possible),
            code => Err(Fault::UnknownCode {
                kind: Kind::LoadFail,
                part: "recovery",
                code,
            }),
        }
    }
}

/// A worker that takes requests, and what it can do.
///
/// **Shape**: u32 concurrency, u32 capabilities, u32 functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loaded {
    /// Requests that it runs at once, at least 1. More than these wait in the worker, not in the front.
    pub concurrency: u32,
    /// What it can do beyond the least that a worker must.
    pub capabilities: Capabilities,
    /// Functions that are the user's own, not a default.
    pub functions: Functions,
}

impl Loaded {
    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Self, Fault> {
        let concurrency = cursor.u32()?;
        if concurrency == 0 {
            return Err(Fault::NoConcurrency);
        }
        Ok(Self {
            concurrency,
            capabilities: Capabilities(cursor.u32()? & Capabilities::ALL.0),
            functions: Functions(cursor.u32()? & Functions::ALL.0),
        })
    }

    pub(crate) fn put(&self, payload: &mut Payload<'_>) -> Result<(), Fault> {
        if self.concurrency == 0 {
            return Err(Fault::NoConcurrency);
        }
        payload.u32(self.concurrency);
        payload.u32(self.capabilities.0);
        payload.u32(self.functions.0);
        Ok(())
    }
}

/// A set of things that a worker can do. Bits that this version doesn't know are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capabilities(u32);

impl Capabilities {
    /// It has mapped the arena: bodies may come in slots.
    pub const ARENA: Self = Self(1);
    /// It takes decoded arrays as bodies, and may give some: in Python, numpy is there.
    pub const ARRAYS: Self = Self(1 << 1);
    /// A `CANCEL` ends a request that runs: it is a coroutine.
    pub const ASYNC: Self = Self(1 << 2);
    /// It may answer in chunks whose number is not known beforehand: user code has generators or is an application.
    pub const STREAMING: Self = Self(1 << 3);
    /// It announces starts: more requests than it runs at once may be sent.
    pub const LOOK_AHEAD: Self = Self(1 << 4);
    const ALL: Self = Self((1 << 5) - 1);

    /// Whether all of `other` is in it.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Capabilities {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A set of user functions. Bits that this version doesn't know are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Functions(u32);

impl Functions {
    /// `model_fn`.
    pub const MODEL: Self = Self(1);
    /// `input_fn`.
    pub const INPUT: Self = Self(1 << 1);
    /// `predict_fn`.
    pub const PREDICT: Self = Self(1 << 2);
    /// `output_fn`.
    pub const OUTPUT: Self = Self(1 << 3);
    /// `transform_fn`.
    pub const TRANSFORM: Self = Self(1 << 4);
    /// `pre_model_fn`.
    pub const PRE_MODEL: Self = Self(1 << 5);
    /// `model_warmup_fn`.
    pub const MODEL_WARMUP: Self = Self(1 << 6);
    /// `execution_parameters_fn`.
    pub const EXECUTION_PARAMETERS: Self = Self(1 << 7);
    /// `ping_fn` or `healthcheck_fn`.
    pub const PING: Self = Self(1 << 8);
    /// `shutdown_fn`.
    pub const SHUTDOWN: Self = Self(1 << 9);
    const ALL: Self = Self((1 << 10) - 1);

    /// Whether all of `other` is in it.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Functions {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
