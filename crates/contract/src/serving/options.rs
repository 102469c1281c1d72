//! Everything that `serve` is told.
//!
//! Flags are variables by the time they get here; a project file's settings come beside them and count less. All problems
//! are found at once, and what is set and does not count is noted.

use std::{ffi::OsString, time::Duration};

use camino::Utf8PathBuf;

use super::{
    bind::{Bind, Circumstances, to_port},
    code::{self, Code, Need},
    given::{Bytes, FileSetting, Given, KIB, MIB},
    limits::{self, Limits, Queue},
    problem::ServingProblem,
    program::{Listens, Program},
    reader::{Number, Reader, to_u32},
    timeouts::Timeouts,
    workers::{self, Threads, Workers},
};
use crate::{
    config::{ConfigError, Origin},
    layout::Layout,
    machine::Machine,
    source::Source,
    vars::{self, Variable},
};

/// What the options are read from.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// Variables and files.
    pub source: &'a dyn Source,
    /// The tree of the container.
    pub layout: &'a Layout,
    /// What this machine offers.
    pub machine: &'a Machine,
    /// How we were started.
    pub circumstances: Circumstances,
    /// What a project file says.
    pub file: &'a [FileSetting],
    /// The command of an HTTP server that stood on our command line.
    pub command: Option<&'a [OsString]>,
}

/// Everything that `serve` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeOptions {
    /// Where to listen.
    pub bind: Bind,
    /// The port of the metrics on this machine alone; 0 is any, none is no metrics.
    pub metrics_port: Option<Given<u16>>,
    /// What answers.
    pub program: Given<Program>,
    /// The directory of the model.
    pub model_dir: Given<Utf8PathBuf>,
    /// The user's code.
    pub code: Code,
    /// The interpreter: a path, or a name on `PATH`.
    pub python: Option<Given<String>>,
    /// A folder of wheels to install from instead of an index.
    pub wheels: Option<Given<Utf8PathBuf>>,
    /// The worker processes.
    pub workers: Given<Workers>,
    /// Requests that a worker answers at once; none if its kind decides.
    pub slots: Given<Option<u32>>,
    /// What a worker's environment says about threads.
    pub threads: Threads,
    /// A worker is replaced after so many requests; none: never.
    pub max_requests: Given<Option<u64>>,
    /// A worker is replaced above so much memory; none: never.
    pub max_rss: Given<Option<Bytes>>,
    /// Requests that wait.
    pub queue: Queue,
    /// What is bounded.
    pub limits: Limits,
    /// How long everything may take.
    pub timeouts: Timeouts,
    /// Bodies.
    pub formats: Formats,
    /// What `/ping` says when.
    pub ping: Ping,
    /// What the body of an error tells.
    pub error_detail: Given<ErrorDetail>,
    /// Which requests have a line in the log.
    pub access_log: Given<AccessLog>,
    /// A warm-up that fails is no reason not to serve.
    pub warmup_optional: Given<bool>,
    /// Workers are replaced when the code changes: for development.
    pub reload: Given<bool>,
    /// The transform job, if this is one.
    pub batch: Batch,
    /// What is set and does not count, and what is allowed but unwise.
    pub notes: Vec<String>,
}

/// How bodies are read and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formats {
    /// The media type of an answer when the request names none.
    pub default_accept: Given<String>,
    /// An answer that the request does not accept is refused.
    pub strict_types: Given<bool>,
    /// NaN and infinity are refused in JSON.
    pub strict_json: Given<bool>,
    /// The shape of an array that comes as CSV.
    pub csv_shape: Given<CsvShape>,
    /// Bodies from this size on go through shared memory; none: never.
    pub shared_memory_from: Given<Option<Bytes>>,
}

/// The shape of an array that comes as CSV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsvShape {
    /// A single row or column has one dimension, as in the reference.
    Squeezed,
    /// Rows and columns, always.
    TwoDimensional,
}

/// What `/ping` says, and what follows a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    /// When it says 200.
    pub compat: Given<PingCompat>,
    /// How long a failed server goes on answering 503 before it ends.
    pub fail_exit: Given<Duration>,
    /// How often the user's own check runs.
    pub period: Given<Duration>,
    /// The application's own `/ping` counts.
    pub app: Given<bool>,
}

/// When `/ping` says 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PingCompat {
    /// When an invocation would be answered.
    Strict,
    /// As soon as the port is open.
    Lenient,
}

/// What the body of an error tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorDetail {
    /// Its type.
    None,
    /// Its message.
    Message,
    /// The Python traceback.
    Traceback,
}

/// Which requests have a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// None.
    Off,
    /// Those that failed.
    Errors,
    /// All but successful pings.
    All,
}

/// What the platform says about a transform job. Only for the log: it is the platform that keeps to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// This is one.
    pub is_job: Given<bool>,
    /// How records are put together.
    pub strategy: Option<Given<String>>,
    /// Requests at once.
    pub max_concurrent_transforms: Option<Given<u32>>,
}

impl ServeOptions {
    /// Reads everything.
    ///
    /// # Errors
    /// Every setting that cannot be read, and every two that contradict each other.
    pub fn load(inputs: &Inputs<'_>) -> Result<Self, Vec<ConfigError>> {
        let mut reader = Reader::new(inputs.source, inputs.file);
        let memory = limits::memory(inputs.source);
        let batch = Batch::read(&mut reader);
        let bind = Bind::read(&mut reader, inputs.circumstances);
        let metrics_port = metrics_port(&mut reader);
        let program = Program::read(&mut reader, inputs.command);
        refuse_same_ports(&mut reader, &bind, metrics_port.as_ref(), &program.value);
        let model_dir = code::model_dir(&mut reader, inputs.layout);
        let need = match program.value {
            Program::Functions => Need::Functions,
            Program::Application(_) | Program::Exec(_) | Program::Http(_) => Need::Other,
        };
        let amount = memory.as_ref().map(|memory| memory.value);
        let code = Code::read(&mut reader, inputs.layout, &model_dir.value, need);
        let python = reader.text(&[vars::OPTML_PYTHON]);
        let wheels = reader.text(&[vars::OPTML_WHEELS]);
        let mut options = Self {
            workers: Workers::read(&mut reader, inputs.machine, amount, &program),
            slots: workers::slots(&mut reader),
            threads: Threads::read(&reader, inputs.machine),
            max_requests: or_never(
                &mut reader,
                Number::new(vars::OPTML_MAX_REQUESTS, 0..=1 << 40),
            ),
            max_rss: or_never(
                &mut reader,
                Number::new(vars::OPTML_MAX_RSS_MB, 0..=1 << 20).times(MIB),
            )
            .map(|limit| limit.map(Bytes::new)),
            queue: Queue::read(&mut reader),
            limits: Limits::read(&mut reader, memory.as_ref()),
            timeouts: Timeouts::read(&mut reader, &batch.is_job),
            formats: Formats::read(&mut reader),
            ping: Ping::read(&mut reader),
            error_detail: reader.word(vars::OPTML_ERROR_DETAIL, &ErrorDetail::WORDS),
            access_log: reader.word(vars::OPTML_ACCESS_LOG, &AccessLog::WORDS),
            warmup_optional: reader.switch(vars::OPTML_WARMUP_OPTIONAL, false),
            reload: reader.switch(vars::OPTML_RELOAD, false),
            python,
            wheels: wheels.map(|given| given.map(Utf8PathBuf::from)),
            bind,
            metrics_port,
            program,
            model_dir,
            code,
            batch,
            notes: Vec::new(),
        };
        refuse_many_models(&mut reader);
        note_the_rest(&mut reader);
        options.notes = reader.notes;
        if reader.problems.is_empty() {
            Ok(options)
        } else {
            Err(reader.problems)
        }
    }
}

impl Formats {
    fn read(reader: &mut Reader<'_>) -> Self {
        let accept = vars::SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT;
        let threshold = Number::new(vars::OPTML_SHM_MIN_KB, 0..=1 << 20).times(KIB);
        let threshold = reader.number_or(threshold, 64);
        Self {
            default_accept: Given::or(reader.text(&[accept]), accept.default.to_owned())
                .map(|text| text.trim().to_owned()),
            strict_types: reader.switch(vars::OPTML_STRICT_TYPES, true),
            strict_json: reader.switch(vars::OPTML_STRICT_JSON, false),
            csv_shape: reader.word(vars::OPTML_CSV_SHAPE, &CsvShape::WORDS),
            shared_memory_from: threshold.map(|n| (n > 0).then_some(Bytes::new(n))),
        }
    }
}

impl Ping {
    fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            compat: reader.word(vars::OPTML_PING_COMPAT, &PingCompat::WORDS),
            fail_exit: reader.seconds(vars::OPTML_FAIL_EXIT_S, 0, 0),
            period: reader.seconds(vars::OPTML_PING_PERIOD_S, 1, 5),
            app: reader.switch(vars::OPTML_APP_PING, false),
        }
    }
}

impl Batch {
    fn read(reader: &mut Reader<'_>) -> Self {
        let at_once = Number::new(
            vars::SAGEMAKER_MAX_CONCURRENT_TRANSFORMS,
            0..=u64::from(u32::MAX),
        );
        Self {
            is_job: reader.switch(vars::SAGEMAKER_BATCH, false),
            strategy: reader.text(&[vars::SAGEMAKER_BATCH_STRATEGY]),
            max_concurrent_transforms: reader.number(&[at_once]).map(|n| n.map(to_u32)),
        }
    }
}

impl CsvShape {
    pub(super) const WORDS: [(&str, Self); 2] =
        [("squeezed", Self::Squeezed), ("2d", Self::TwoDimensional)];
}

impl PingCompat {
    pub(super) const WORDS: [(&str, Self); 2] =
        [("strict", Self::Strict), ("lenient", Self::Lenient)];
}

impl ErrorDetail {
    pub(super) const WORDS: [(&str, Self); 3] = [
        ("message", Self::Message),
        ("none", Self::None),
        ("traceback", Self::Traceback),
    ];
}

impl AccessLog {
    pub(super) const WORDS: [(&str, Self); 3] = [
        ("errors", Self::Errors),
        ("off", Self::Off),
        ("all", Self::All),
    ];
}

fn metrics_port(reader: &mut Reader<'_>) -> Option<Given<u16>> {
    let number = Number::new(vars::OPTML_METRICS_PORT, 0..=u64::from(u16::MAX));
    reader.number(&[number]).map(|given| given.map(to_port))
}

/// Ours, that of the metrics, and that of the user's program are three.
fn refuse_same_ports(
    reader: &mut Reader<'_>,
    bind: &Bind,
    metrics_port: Option<&Given<u16>>,
    program: &Program,
) {
    let ours = Given {
        value: bind.port.value,
        origin: match &bind.port.origin {
            // A default has no name of its own.
            Origin::Default => Origin::Derived("`/ping` and `/invocations`".to_owned()),
            other => other.clone(),
        },
    };
    let theirs = match program {
        Program::Http(program) => match program.listens.value {
            Listens::Port(port) => Some(Given::new(port, program.listens.origin.clone())),
            Listens::ChosenPort(_) | Listens::Socket(_) | Listens::ChosenSocket => None,
        },
        Program::Functions | Program::Application(_) | Program::Exec(_) => None,
    };
    let mut taken = vec![ours];
    for port in [metrics_port.cloned(), theirs].into_iter().flatten() {
        // Any that is free is none that is taken.
        let twin = taken
            .iter()
            .find(|other| other.value == port.value && port.value != 0);
        if let Some(twin) = twin {
            let problem = ServingProblem::SamePort {
                port: port.value,
                other: twin.origin.clone(),
            };
            reader.minds(port.origin.clone(), problem);
        }
        taken.push(port);
    }
}

/// A number of which 0 is "never".
fn or_never(reader: &mut Reader<'_>, number: Number) -> Given<Option<u64>> {
    reader
        .number_or(number, 0)
        .map(|n| Some(n).filter(|&n| n > 0))
}

fn refuse_many_models(reader: &mut Reader<'_>) {
    let many = reader.switch(vars::SAGEMAKER_MULTI_MODEL, false);
    if many.value {
        reader.minds(many.origin, ServingProblem::MultiModel);
    }
}

/// Variables that somebody set for other servers, and names like ours that are none.
fn note_the_rest(reader: &mut Reader<'_>) {
    for variable in WITHOUT_EFFECT {
        reader.unused(variable, "it has no effect in this version");
    }
    let ours = |name: &str| vars::ALL.iter().any(|variable| variable.name == name);
    let unknown = reader
        .source
        .vars()
        .filter_map(|(name, _)| name.to_str())
        .filter(|name| name.starts_with("OPTML_") && !ours(name))
        .map(|name| format!("variable `{name}` is not used: there is no such setting"))
        .collect::<Vec<_>>();
    reader.notes.extend(unknown);
}

/// What other servers read and we do not.
const WITHOUT_EFFECT: [Variable; 5] = [
    vars::SAGEMAKER_HANDLER,
    vars::SAGEMAKER_TS_BATCH_SIZE,
    vars::SAGEMAKER_TS_MAX_BATCH_DELAY,
    vars::SAGEMAKER_TS_MIN_WORKERS,
    vars::MMS_DEFAULT_RESPONSE_TIMEOUT,
];

#[cfg(test)]
mod tests;
