//! From what the server is told to what it does: pure, but for the memory that it asks for.

use std::{cell::RefCell, ffi::OsString, fmt::Write, path::PathBuf, rc::Rc};

use camino::Utf8PathBuf;
use optml_codec::{csv, json::NonFinite, negotiate::Mismatch};
use optml_contract::serving::{Bytes, CsvShape, Interface, Program, ServeOptions, Workers};
use optml_supervise::command::find_program;
use optml_wire::control::setting;
use tracing::info;

use crate::{
    arena::{Arena, Dimensions},
    health::Health,
    http::HeadLimits,
    latch::Latch,
    metrics::Metrics,
    pool::Pool,
    python,
    registry::Registry,
    server::Model,
    site::{Backend, Bounds, Budget, Clock, ExecutionParameters, RequestIds, RequestTime, Site},
    transcode::CodecPolicy,
    worker::{
        self,
        launch::{Launch, Setting},
    },
};

#[cfg(test)]
mod tests;

/// What the server is told can't be done.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Python code, and no Python.
    #[error("no Python interpreter is on PATH")]
    NoPython,
    /// A program that isn't there.
    #[error("no program `{0}` is on PATH")]
    NoProgram(String),
    /// There is no directory with code.
    #[error("there is no code: {0}")]
    NoCode(String),
    /// No port is free for the program.
    #[error("choose a port for the program: {0}")]
    NoPort(#[source] std::io::Error),
}

impl PlanError {
    /// What may help.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoPython => "install python3, or name an interpreter by OPTML_PYTHON".to_owned(),
            Self::NoProgram(_) => "check the spelling, or give its path".to_owned(),
            Self::NoCode(_) => {
                "put inference.py into `code` beside the model, or name it by --handler".to_owned()
            }
            Self::NoPort(_) => {
                "widen SAGEMAKER_SAFE_PORT_RANGE, or name one by OPTML_HTTP_PORT".to_owned()
            }
        })
    }
}

/// The shared memory, where bodies can use it.
pub(crate) fn arena(options: &ServeOptions, model: &Model) -> Option<Arena> {
    let threshold = options.formats.shared_memory_from.value?;
    let is_process = match (model, &options.program.value) {
        (Model::Native(_), _) | (_, Program::Http(_)) => false,
        (
            Model::Program { .. },
            Program::Functions | Program::Application(_) | Program::Exec(_),
        ) => true,
    };
    if !is_process {
        return None;
    }
    let n_workers = options.workers.value.at_most();
    let dimensions = Dimensions {
        n_request_slots: MAX_REQUEST_SLOTS,
        // One more for each worker that is replaced while clients still read what it answered.
        n_ranges: u16::try_from(2 * n_workers + 2)
            .unwrap_or(MAX_RANGES)
            .min(MAX_RANGES),
        slot_bytes: options.limits.body.value.as_u64().max(threshold.as_u64()),
    };
    Arena::create(dimensions)
        .inspect_err(|error| info!(%error, "no shared memory: large bodies go over sockets"))
        .ok()
}

/// Bodies that are received, wait or are worked on at once; more of them go to the heap.
const MAX_REQUEST_SLOTS: u16 = 64;
const MAX_RANGES: u16 = 1024;

/// What all connections share.
pub(crate) fn site(
    options: &ServeOptions,
    model: &Model,
    pool: &Rc<Pool>,
    health: &Rc<Health>,
    arena: Option<Arena>,
) -> Site {
    let limits = &options.limits;
    let timeouts = &options.timeouts;
    let body_bytes = limits.body.value.as_u64();
    let backend = match (model, &options.program.value) {
        (Model::Program { .. }, Program::Functions) => Backend::Functions,
        _ => Backend::Whole,
    };
    let threshold = options.formats.shared_memory_from.value;
    Site {
        pool: Rc::clone(pool),
        health: Rc::clone(health),
        arena,
        backend,
        profile: Rc::new(RefCell::new(None)),
        bounds: Bounds {
            head: HeadLimits {
                head_bytes: usize::try_from(limits.head.value.as_u64()).unwrap_or(usize::MAX),
                n_fields: limits.n_fields.value as usize,
                target_bytes: usize::try_from(limits.uri.value.as_u64()).unwrap_or(usize::MAX),
            },
            body_bytes,
            slot_from_bytes: threshold.map_or(u64::MAX, |bytes| bytes.as_u64().max(1)),
            head_time: timeouts.head.value,
            body_idle: timeouts.body_idle.value,
            keep_alive: timeouts.keep_alive.value,
            stream_first: timeouts.stream.first.value,
            stream_idle: timeouts.stream.idle.value,
            stream_total: timeouts.stream.total.value,
        },
        request_time: RequestTime {
            fixed: timeouts.request.fixed.as_ref().map(|given| given.value),
            fallback: timeouts.request.fallback.value,
        },
        codecs: Rc::new(codecs(options)),
        error_detail: options.error_detail.value,
        access_log: options.access_log.value,
        execution: ExecutionParameters {
            n_concurrent: options.workers.value.at_most() * options.slots.value.unwrap_or(1),
            payload_mib: body_bytes >> 20,
        },
        asks_execution_parameters: matches!(
            (model, &options.program.value),
            (
                Model::Program { .. },
                Program::Application(_) | Program::Http(_) | Program::Exec(_)
            )
        ),
        metrics: Metrics::default(),
        registry: Registry::new(limits.n_connections.value as usize),
        budget: Budget::new(limits.in_flight.value.as_u64()),
        clock: Clock::new(),
        request_ids: RequestIds::new(),
        closing: Latch::default(),
    }
}

fn codecs(options: &ServeOptions) -> CodecPolicy {
    let formats = &options.formats;
    CodecPolicy {
        default_accept: formats.default_accept.value.clone(),
        mismatch: if formats.strict_types.value {
            Mismatch::Refuse
        } else {
            Mismatch::UseDefault
        },
        non_finite: if formats.strict_json.value {
            NonFinite::Refuse
        } else {
            NonFinite::Keep
        },
        csv_shape: match formats.csv_shape.value {
            CsvShape::Squeezed => csv::Shape::Squeezed,
            CsvShape::TwoDimensional => csv::Shape::TwoD,
        },
    }
}

/// How workers are started, and what they are told.
///
/// # Errors
/// Without an interpreter, a program, or code.
pub(crate) fn launch(
    options: &ServeOptions,
    environment: Vec<(OsString, OsString)>,
    python: Option<PathBuf>,
    port: u16,
) -> Result<Launch, PlanError> {
    let mut settings = settings(options, port)?;
    let path = environment
        .iter()
        .find(|(name, _)| name == "PATH")
        .map(|(_, value)| value.clone());
    let (program, arguments, source) = match &options.program.value {
        Program::Exec(command) => {
            let program = find_program(&command.program, path.as_deref()).ok_or_else(|| {
                PlanError::NoProgram(command.program.to_string_lossy().into_owned())
            })?;
            (program, command.arguments.clone(), None)
        }
        Program::Functions | Program::Application(_) | Program::Http(_) => {
            let words = ["-u", "-B", "-c", python::BOOT].map(OsString::from);
            (
                python.ok_or(PlanError::NoPython)?,
                words.to_vec(),
                Some(python::SOURCE),
            )
        }
    };
    let mut environment = environment;
    let n_workers = options.workers.value.at_most();
    for (name, value) in options.threads.variables(n_workers) {
        environment.push((name.into(), value.into()));
    }
    settings.retain(|(_, value)| !value.is_empty());
    if source.is_some() {
        keep_memory(&mut environment);
    }
    Ok(Launch {
        program,
        arguments,
        environment,
        settings,
        concurrency: options.slots.value,
        source,
        n_gpus: n_gpus(options.workers.value),
        memory_events: Vec::new(),
    })
}

/// Arrays of megabytes come and go with every request: a C library that gives their pages back each time spends more on that
/// than the request takes. Whoever has set one of these has thought about it.
fn keep_memory(environment: &mut Vec<(OsString, OsString)>) {
    // The largest threshold that the library takes is 32 MiB.
    for (name, value) in [
        ("MALLOC_MMAP_THRESHOLD_", "33554432"),
        ("MALLOC_TRIM_THRESHOLD_", "67108864"),
    ] {
        if !environment.iter().any(|(found, _)| found == name) {
            environment.push((name.into(), value.into()));
        }
    }
}

fn settings(options: &ServeOptions, port: u16) -> Result<Vec<Setting>, PlanError> {
    let code = &options.code;
    let is_on = |on: bool| if on { b"1".to_vec() } else { Vec::new() };
    let folder = code.directory.as_ref().map(|given| given.value.clone());
    let (kind, entry) = match &options.program.value {
        Program::Functions => {
            if folder.is_none() {
                return Err(PlanError::NoCode(looked_at(options)));
            }
            ("functions", code.entry.value.module.clone())
        }
        Program::Application(application) => {
            let kind = match application.interface {
                Some(Interface::Wsgi) => "wsgi",
                Some(Interface::Asgi) => "asgi",
                None => "application",
            };
            let entry = format!("{}:{}", application.module, application.attribute);
            (kind, entry)
        }
        Program::Exec(_) | Program::Http(_) => ("exec", code.entry.value.module.clone()),
    };
    let folder = folder.map(Utf8PathBuf::into_string).unwrap_or_default();
    Ok(vec![
        (setting::KIND, kind.into()),
        (
            setting::MODEL_DIR,
            options.model_dir.value.to_string().into_bytes(),
        ),
        (setting::CODE_DIR, folder.into_bytes()),
        (setting::ENTRY, entry.into_bytes()),
        (setting::MODEL_NAME, b"model".to_vec()),
        (setting::SERVER_PORT, port.to_string().into_bytes()),
        (setting::EXPLICIT, is_on(code.entry.value.explicit)),
        (
            setting::STRICT_JSON,
            is_on(options.formats.strict_json.value),
        ),
        (
            setting::CSV_SHAPE,
            match options.formats.csv_shape.value {
                CsvShape::Squeezed => Vec::new(),
                CsvShape::TwoDimensional => b"2d".to_vec(),
            },
        ),
        (setting::APP_PING, is_on(options.ping.app.value)),
        (
            setting::WARMUP_OPTIONAL,
            is_on(options.warmup_optional.value),
        ),
    ])
}

/// The folders that could have held code, for a message.
fn looked_at(options: &ServeOptions) -> String {
    let mut text = String::from("none of these is there:");
    for candidate in &options.code.candidates {
        write!(text, " `{}` ({})", candidate.path, candidate.origin)
            .expect("a String takes all that is written to it");
    }
    text
}

/// The folders whose changes call for new workers.
pub(crate) fn code_folders(options: &ServeOptions) -> Vec<PathBuf> {
    let code = options.code.directory.as_ref();
    code.map(|given| given.value.clone().into_std_path_buf())
        .into_iter()
        .collect()
}

/// How many workers there are to be, once the first one shows what it needs.
pub(crate) fn n_workers(workers: Workers, rss_bytes: Option<u64>) -> u32 {
    let most = workers.at_most().max(1);
    let Workers::Auto {
        gpus: 0,
        memory: Some(memory),
        ..
    } = workers
    else {
        return most;
    };
    // The rest is for bodies, for what grows with time, and for us.
    let usable_bytes = memory.as_u64() / 10 * 7;
    let fit = usable_bytes / rss_bytes.unwrap_or(0).max(1);
    u32::try_from(fit).unwrap_or(u32::MAX).clamp(1, most)
}

/// Accelerators to share out among the workers.
fn n_gpus(workers: Workers) -> u32 {
    match workers {
        Workers::Auto { gpus, .. } => gpus,
        // Whoever says how many workers there are, says what they see as well.
        Workers::Fixed(_) => 0,
    }
}

/// Bounds on the life of a worker.
pub(crate) fn worker_limits(options: &ServeOptions) -> worker::Limits {
    worker::Limits {
        load: options.timeouts.load.value,
        kill_grace: options.timeouts.kill_grace.value,
        stream_idle: options.timeouts.stream.idle.value,
        n_calls: options.max_requests.value,
        rss_bytes: options.max_rss.value.map(Bytes::as_u64),
    }
}
