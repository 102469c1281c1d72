//! What is bounded, and by how much: bodies, heads, connections, the queue.

use std::time::Duration;

use super::{
    given::{Bytes, Given, KIB, MIB},
    problem::ServingProblem,
    reader::{Number, Reader, seconds},
};
use crate::{cgroup::Cgroup, config::Origin, source::Source, vars};

/// What a request may have, and how much of it all at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest body of a request. Where nobody wants such a limit it is that of all bytes in flight.
    pub body: Given<Bytes>,
    /// All bodies at once; beyond it no socket is read.
    pub in_flight: Given<Bytes>,
    /// The head of a request.
    pub head: Given<Bytes>,
    /// The fields in a head.
    pub n_fields: Given<u32>,
    /// The target in a request line.
    pub uri: Given<Bytes>,
    /// Connections; beyond it the oldest idle one is closed.
    pub n_connections: Given<u32>,
}

/// Requests that wait for a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// How many; beyond it a request gets 503.
    pub n_waiting: Given<u32>,
    /// How long one may wait; none: as long as the request may take.
    pub timeout: Option<Given<Duration>>,
}

/// The largest body when nobody says: 100 MiB, the most that a transform job sends.
const DEFAULT_BODY: u64 = 100 * MIB;

/// All bodies at once when nobody knows how much memory there is.
const DEFAULT_IN_FLIGHT: u64 = 1024 * MIB;

/// The longest target of a request when nobody says: what most servers allow.
const DEFAULT_URI: u64 = 8 * KIB;

/// 1 TiB: more than any machine, and far from what a `u64` cannot hold.
const MOST_MIB: u64 = 1 << 20;

impl Limits {
    pub(super) fn read(reader: &mut Reader<'_>, memory: Option<&Given<Bytes>>) -> Self {
        let asked = body(reader);
        let number = Number::new(vars::OPTML_MAX_IN_FLIGHT_MB, 1..=MOST_MIB).times(MIB);
        let in_flight = reader.number(&[number]).map(|given| given.map(Bytes::new));
        let (body, in_flight) = together(reader, asked, in_flight, memory);
        let head = Number::new(vars::OPTML_MAX_HEADER_KB, 1..=1024).times(KIB);
        let head = reader.number_or(head, 64).map(Bytes::new);
        let uri = Number::new(vars::OPTML_MAX_URI_KB, 1..=1024).times(KIB);
        let uri = uri_within(reader, uri, &head);
        Self {
            body,
            in_flight,
            head,
            n_fields: reader.count_or(Number::new(vars::OPTML_MAX_HEADERS, 1..=10_000), 100),
            uri,
            n_connections: reader.count_or(
                Number::new(vars::OPTML_MAX_CONNECTIONS, 1..=1_000_000),
                4096,
            ),
        }
    }
}

impl Queue {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let number = |variable| Number::new(variable, 0..=1_000_000);
        let n_waiting = reader.number(&[
            number(vars::OPTML_QUEUE),
            number(vars::SAGEMAKER_MODEL_JOB_QUEUE_SIZE),
            number(vars::MMS_JOB_QUEUE_SIZE),
            number(vars::TS_JOB_QUEUE_SIZE),
        ]);
        let timeout = reader.number(&[seconds(vars::OPTML_QUEUE_TIMEOUT_S, 0)]);
        Self {
            n_waiting: n_waiting
                .map_or_else(|| Given::default(100), |n| n.map(super::reader::to_u32)),
            timeout: timeout.map(|given| given.map(Duration::from_secs)),
        }
    }
}

/// The memory that there is for us: what the control group allows, or all that the machine has.
pub(super) fn memory(source: &dyn Source) -> Option<Given<Bytes>> {
    let allowed = Cgroup::find(source)
        .memory_limit(source)
        .map(|n_bytes| (n_bytes, "the control group's limit"));
    let all = machine_memory(source).map(|n_bytes| (n_bytes, "the machine's memory"));
    let (n_bytes, how) = [allowed, all]
        .into_iter()
        .flatten()
        .min_by_key(|(n_bytes, _)| *n_bytes)?;
    Some(Given::new(
        Bytes::new(n_bytes),
        Origin::Probe(how.to_owned()),
    ))
}

/// What is asked for: 0 is no limit but the other one.
fn body(reader: &mut Reader<'_>) -> Option<Given<Bytes>> {
    let in_bytes = |variable| Number::new(variable, 1..=MOST_MIB * MIB);
    let asked = reader.number(&[
        Number::new(vars::OPTML_MAX_BODY_MB, 0..=MOST_MIB).times(MIB),
        Number::new(vars::SAGEMAKER_MAX_PAYLOAD_IN_MB, 1..=MOST_MIB)
            .times(MIB)
            .like_unset(&[0]),
        in_bytes(vars::SAGEMAKER_MAX_REQUEST_SIZE),
        in_bytes(vars::MAX_CONTENT_LENGTH),
        in_bytes(vars::MMS_MAX_REQUEST_SIZE),
        in_bytes(vars::TS_MAX_REQUEST_SIZE),
    ]);
    asked.map(|given| given.map(Bytes::new))
}

/// One body of the largest size must fit into all that is allowed at once.
fn together(
    reader: &mut Reader<'_>,
    asked: Option<Given<Bytes>>,
    in_flight: Option<Given<Bytes>>,
    memory: Option<&Given<Bytes>>,
) -> (Given<Bytes>, Given<Bytes>) {
    let in_flight_is_given = in_flight.is_some();
    let in_flight = in_flight.unwrap_or_else(|| {
        let largest = match &asked {
            Some(asked) => asked.value,
            None => Bytes::new(DEFAULT_BODY),
        };
        share_of(memory, largest)
    });
    let body = match asked {
        Some(asked) if asked.value == Bytes::new(0) => Given::new(in_flight.value, asked.origin),
        Some(asked) => {
            if in_flight_is_given && asked.value > in_flight.value {
                let problem = ServingProblem::MoreThan {
                    value: asked.value,
                    limit: in_flight.value,
                    other: in_flight.origin.clone(),
                };
                reader.minds(asked.origin.clone(), problem);
            }
            asked
        }
        None if in_flight.value < Bytes::new(DEFAULT_BODY) => in_flight.clone(),
        None => Given::default(Bytes::new(DEFAULT_BODY)),
    };
    (body, in_flight)
}

fn share_of(memory: Option<&Given<Bytes>>, largest: Bytes) -> Given<Bytes> {
    let share = match memory {
        Some(memory) => Given::new(
            Bytes::new(memory.value.as_u64() / 4),
            Origin::Derived(format!("a quarter of {}", memory.origin)),
        ),
        None => Given::default(Bytes::new(DEFAULT_IN_FLIGHT)),
    };
    if share.value >= largest {
        return share;
    }
    let why = "one body of the largest size".to_owned();
    Given::new(largest, Origin::Derived(why))
}

/// A request line is a part of the head.
fn uri_within(reader: &mut Reader<'_>, number: Number, head: &Given<Bytes>) -> Given<Bytes> {
    let default = Bytes::new(DEFAULT_URI);
    let Some(asked) = reader.number(&[number]) else {
        return if default > head.value {
            head.clone()
        } else {
            Given::default(default)
        };
    };
    let asked = asked.map(Bytes::new);
    if asked.value > head.value {
        let problem = ServingProblem::MoreThan {
            value: asked.value,
            limit: head.value,
            // A default has no name of its own.
            other: Origin::variable(vars::OPTML_MAX_HEADER_KB.name),
        };
        reader.minds(asked.origin.clone(), problem);
    }
    asked
}

/// The line `MemTotal:  16384 kB`.
fn machine_memory(source: &dyn Source) -> Option<u64> {
    let contents = source.read("/proc/meminfo".into()).ok()?;
    let text = String::from_utf8_lossy(&contents);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    kibibytes.checked_mul(KIB)
}
