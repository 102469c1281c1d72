//! What is counted of each request that is over.
//!
//! The series of a label set are made once and then found again by their labels, all of them static words and a number: a request
//! allocates nothing, and hashes nothing.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt::{self, Write},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabel, EncodeLabelSet, EncodeLabelValue, LabelSetEncoder, LabelValueEncoder},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};

use super::Ended;
use crate::connection::Route;

/// Requests that are over.
#[derive(Debug)]
pub(super) struct Requests {
    durations: Family<Labels, Histogram>,
    request_sizes: Family<Labels, Histogram>,
    response_sizes: Family<Labels, Histogram>,
    queue: Histogram,
    predict: Histogram,
    rejected: Family<[(&'static str, &'static str); 1], Counter>,
    known: RefCell<BTreeMap<Labels, Series>>,
}

impl Requests {
    /// Nothing has been counted yet.
    pub(super) fn new(registry: &mut Registry) -> Self {
        let durations = Family::<Labels, Histogram>::new_with_constructor(duration_histogram);
        let request_sizes = Family::<Labels, Histogram>::new_with_constructor(size_histogram);
        let response_sizes = Family::<Labels, Histogram>::new_with_constructor(size_histogram);
        let stages = Family::<[(&str, &str); 1], Histogram>::new_with_constructor(stage_histogram);
        let rejected = Family::<[(&str, &str); 1], Counter>::default();
        registry.register(
            "http_server_request_duration_seconds",
            "From the first byte of a request to the last of its answer",
            durations.clone(),
        );
        registry.register(
            "http_server_request_body_size_bytes",
            "Bodies of requests",
            request_sizes.clone(),
        );
        registry.register(
            "http_server_response_body_size_bytes",
            "Bodies of answers",
            response_sizes.clone(),
        );
        registry.register(
            "optml_invocation_stage_seconds",
            "Invocations that reached user code: its own time, and all the rest",
            stages.clone(),
        );
        registry.register(
            "optml_rejected",
            "Requests turned away, by the reason",
            rejected.clone(),
        );
        for reason in REASONS {
            // A series that is there from the start shows its first event as a change.
            drop(rejected.get_or_create(&[("reason", reason)]));
        }
        Self {
            durations,
            request_sizes,
            response_sizes,
            queue: stages.get_or_create_owned(&[("stage", "queue")]),
            predict: stages.get_or_create_owned(&[("stage", "predict")]),
            rejected,
            known: RefCell::default(),
        }
    }

    /// Counts one.
    pub(super) fn count(&self, ended: &Ended) {
        self.count_series(ended);
        if ended.route == Route::Invocations.name() && ended.took > Duration::ZERO {
            // How long it waited in the queue is not known here: arriving, decoding, encoding and sending are in it as well.
            let rest = ended.elapsed.saturating_sub(ended.took);
            self.queue.observe(rest.as_secs_f64());
            self.predict.observe(ended.took.as_secs_f64());
        }
        if let Some(reason) = ended.rejection {
            self.rejected.get_or_create(&[("reason", reason)]).inc();
        }
    }

    fn count_series(&self, ended: &Ended) {
        let mut labels = Labels {
            status: Status::of(ended.status),
            route: ended.route,
            method: ended.method,
        };
        let mut known = self.known.borrow_mut();
        if known.len() >= MAX_SERIES && !known.contains_key(&labels) {
            labels.status = Status::Other;
        }
        let series = known.entry(labels).or_insert_with_key(|labels| Series {
            duration: self.durations.get_or_create_owned(labels),
            request_size: self.request_sizes.get_or_create_owned(labels),
            response_size: self.response_sizes.get_or_create_owned(labels),
        });
        series.duration.observe(ended.elapsed.as_secs_f64());
        series.request_size.observe(size(ended.request_bytes));
        if ended.status != 0 {
            series.response_size.observe(size(ended.response_bytes));
        }
    }
}

/// What tells requests apart. In this order, since statuses differ most often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Labels {
    status: Status,
    route: &'static str,
    method: &'static str,
}

impl EncodeLabelSet for Labels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        ("method", self.method).encode(encoder.encode_label())?;
        ("route", self.route).encode(encoder.encode_label())?;
        ("status", self.status).encode(encoder.encode_label())
    }
}

/// The status of an answer, as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Status {
    Code(u16),
    /// Nothing was answered: the client had left.
    None,
    /// One of too many different ones.
    Other,
}

impl Status {
    const fn of(status: u16) -> Self {
        match status {
            0 => Self::None,
            code => Self::Code(code),
        }
    }
}

impl EncodeLabelValue for Status {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => EncodeLabelValue::encode(code, encoder),
            Self::None => encoder.write_str("none"),
            Self::Other => encoder.write_str("other"),
        }
    }
}

/// The histograms of one label set.
#[derive(Debug)]
struct Series {
    duration: Histogram,
    request_size: Histogram,
    response_size: Histogram,
}

fn duration_histogram() -> Histogram {
    Histogram::new(DURATION_BUCKETS)
}

fn stage_histogram() -> Histogram {
    Histogram::new(STAGE_BUCKETS)
}

fn size_histogram() -> Histogram {
    Histogram::new(SIZE_BUCKETS)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "exact up to 2^53, which no body is larger than"
)]
fn size(n_bytes: u64) -> f64 {
    n_bytes as f64
}

/// Label sets of their own; what comes beyond them counts under the status `other`. User code can answer with any status.
const MAX_SERIES: usize = 256;

/// The words of [`crate::problem::Problem::rejection`].
const REASONS: [&str; 5] = ["full", "malformed", "not_ready", "timeout", "too_large"];

/// **Source**: OpenTelemetry's semantic conventions, `http.server.request.duration`.
const DURATION_BUCKETS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// Those, and finer ones below: small models answer in less than a millisecond.
const STAGE_BUCKETS: [f64; 18] = [
    0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5,
    5.0, 7.5, 10.0,
];

/// 256 B to 256 MiB, by factors of four: the conventions name none. The default limit of a body is 100 MiB.
const SIZE_BUCKETS: [f64; 11] = [
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
];
