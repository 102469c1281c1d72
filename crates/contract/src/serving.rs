//! What `serve` is told by its container, in two views.
//!
//! [`ServingEnv`] is the view of the reference: its properties, its defaults. [`ServeOptions`] is everything that our own
//! server does, each value with its origin. Either way a value that cannot be read is an error that names it, never ignored.

mod bind;
mod code;
mod command_line;
mod given;
mod limits;
mod options;
mod problem;
mod program;
mod reader;
mod table;
mod timeouts;
mod workers;

use std::{ffi::OsStr, ops::RangeInclusive, time::Duration};

pub use self::{
    bind::{Bind, Circumstances},
    code::{Candidate, Code, Entry},
    command_line::CommandLine,
    given::{Bytes, FileSetting, Given},
    limits::{Limits, Queue},
    options::{
        AccessLog, Batch, CsvShape, ErrorDetail, Formats, Inputs, Ping, PingCompat, ServeOptions,
    },
    problem::ServingProblem,
    program::{
        Application, HttpProgram, Interface, Listens, PORT_PLACEHOLDER, Program, SOCKET_PLACEHOLDER,
    },
    table::Row,
    timeouts::{RequestTimeout, StreamTimeouts, Timeouts},
    workers::{Threads, Workers},
};
use crate::{
    config::{ConfigError, ConfigErrorKind, Origin, parse_int},
    layout::Layout,
    machine::Machine,
    source::Source,
    text::Text,
    training::module_of,
    vars::{self, Variable},
};

/// The environment of a serving container.
///
/// **Source**: sagemaker-containers 2.8.6; where toolkits disagree, what `vars` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServingEnv {
    /// Whether the image asks for nginx in front. There is none; programs may ask.
    pub use_nginx: bool,
    /// What one request may take. In seconds, also where an older toolkit meant minutes.
    pub model_server_timeout: Duration,
    /// Worker processes of a model; one for each processor if nobody says.
    pub model_server_workers: u32,
    /// `module:function` that answers requests.
    pub framework_module: Option<Text>,
    /// The media type of an answer when the request names none.
    pub default_accept: Text,
    /// The port of `/ping` and `/invocations`.
    pub http_port: u16,
    /// The ports that may be used inside the container, if they are limited.
    pub safe_port_range: Option<RangeInclusive<u16>>,
    /// One endpoint, many models.
    pub multi_model: bool,
    /// This is a transform job.
    pub batch: bool,
    /// The largest body of a request, if the job limits it.
    pub max_payload_bytes: Option<u64>,
    /// The user's file.
    pub user_entry_point: Option<Text>,
    /// Where the user's code is.
    pub module_dir: Text,
    /// The log level, as Python counts them.
    pub log_level: i64,
    /// The name of this host, if it has one.
    pub current_host: Option<Text>,
    /// What this machine offers.
    pub machine: Machine,
}

const MIB: u64 = 1 << 20;

impl ServingEnv {
    /// Reads the environment of a serving container.
    ///
    /// # Errors
    /// Every variable that cannot be read.
    pub fn load(
        source: &dyn Source,
        layout: &Layout,
        machine: &Machine,
    ) -> Result<Self, Vec<ConfigError>> {
        let mut reader = Reader {
            source,
            problems: Vec::new(),
        };
        let timeout_s = reader.within(vars::SAGEMAKER_MODEL_SERVER_TIMEOUT, 0, u32::MAX.into());
        let newer_timeout_s = reader.within(
            vars::SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS,
            0,
            u32::MAX.into(),
        );
        let timeout_s = newer_timeout_s
            .filter(|&seconds| seconds > 0)
            .or(timeout_s)
            .unwrap_or(60);
        let workers = reader.within(vars::SAGEMAKER_MODEL_SERVER_WORKERS, 1, 65_535);
        let payload_mib = reader.within(vars::SAGEMAKER_MAX_PAYLOAD_IN_MB, 0, u32::MAX.into());
        let port = reader.within(vars::SAGEMAKER_BIND_TO_PORT, 0, u16::MAX.into());
        let env = Self {
            use_nginx: reader.bool(vars::SAGEMAKER_USE_NGINX).unwrap_or(true),
            model_server_timeout: Duration::from_secs(timeout_s),
            model_server_workers: workers
                .and_then(|n| n.try_into().ok())
                .unwrap_or(machine.cpus.value),
            framework_module: reader.text(vars::SAGEMAKER_SERVING_MODULE),
            default_accept: reader
                .text(vars::SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT)
                .unwrap_or_else(|| vars::SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT.default.into()),
            http_port: port.and_then(|port| port.try_into().ok()).unwrap_or(8080),
            safe_port_range: reader.port_range(vars::SAGEMAKER_SAFE_PORT_RANGE),
            multi_model: reader.bool(vars::SAGEMAKER_MULTI_MODEL).unwrap_or(false),
            batch: reader.bool(vars::SAGEMAKER_BATCH).unwrap_or(false),
            max_payload_bytes: payload_mib.filter(|&mib| mib > 0).map(|mib| mib * MIB),
            user_entry_point: reader.text(vars::SAGEMAKER_PROGRAM),
            module_dir: reader
                .text(vars::SAGEMAKER_SUBMIT_DIRECTORY)
                .unwrap_or_else(|| layout.code().as_str().into()),
            log_level: reader
                .int(vars::SAGEMAKER_CONTAINER_LOG_LEVEL)
                .unwrap_or(20),
            current_host: reader.text(vars::CURRENT_HOST),
            machine: machine.clone(),
        };
        if reader.problems.is_empty() {
            Ok(env)
        } else {
            Err(reader.problems)
        }
    }

    /// The user's file without one trailing `.py`.
    pub fn module_name(&self) -> Option<Text> {
        self.user_entry_point.as_ref().map(module_of)
    }
}

struct Reader<'a> {
    source: &'a dyn Source,
    problems: Vec<ConfigError>,
}

impl Reader<'_> {
    /// A text; empty is like unset.
    fn text(&self, variable: Variable) -> Option<Text> {
        self.source
            .var(variable.name)
            .map(Text::from_os)
            .filter(|text| !text.is_empty())
    }

    fn int(&mut self, variable: Variable) -> Option<i64> {
        self.read(variable, parse_int)
    }

    fn within(&mut self, variable: Variable, min: u64, max: u64) -> Option<u64> {
        self.read(variable, |value| {
            let number = u64::try_from(parse_int(value)?)
                .ok()
                .filter(|number| (min..=max).contains(number));
            number.ok_or_else(|| ConfigErrorKind::OutOfRange {
                value: Text::from_os(value),
                min,
                max,
            })
        })
    }

    fn bool(&mut self, variable: Variable) -> Option<bool> {
        self.read(variable, parse_bool)
    }

    /// A range of ports; empty is like unset.
    fn port_range(&mut self, variable: Variable) -> Option<RangeInclusive<u16>> {
        self.text(variable)?;
        self.read(variable, parse_port_range)
    }

    fn read<T>(
        &mut self,
        variable: Variable,
        parse: impl FnOnce(&OsStr) -> Result<T, ConfigErrorKind>,
    ) -> Option<T> {
        match parse(self.source.var(variable.name)?) {
            Ok(value) => Some(value),
            Err(kind) => {
                self.problems
                    .push(Origin::variable(variable.name).error(kind));
                None
            }
        }
    }
}

fn parse_bool(value: &OsStr) -> Result<bool, ConfigErrorKind> {
    match value.to_ascii_lowercase().to_str() {
        Some("y" | "yes" | "t" | "true" | "on" | "1") => Ok(true),
        Some("n" | "no" | "f" | "false" | "off" | "0") => Ok(false),
        _ => Err(ConfigErrorKind::NotBool {
            value: Text::from_os(value),
        }),
    }
}

fn parse_port_range(value: &OsStr) -> Result<RangeInclusive<u16>, ConfigErrorKind> {
    let range = value
        .to_str()
        .and_then(|text| text.split_once('-'))
        .and_then(|(low, high)| {
            let (low, high): (u16, u16) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
            (low <= high).then_some(low..=high)
        });
    range.ok_or_else(|| ConfigErrorKind::NotPortRange {
        value: Text::from_os(value),
    })
}

#[cfg(test)]
mod tests;
