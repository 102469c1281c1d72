//! What is not counted, but looked up when somebody asks.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use optml_supervise::resident_bytes;
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::process::{self, ProcessNumbers};

/// The series of it; all copies are the same series.
#[derive(Debug, Clone)]
pub(super) struct Lookup {
    active: Gauge<u64, AtomicU64>,
    connections: Gauge<u64, AtomicU64>,
    queue_depth: Gauge<u64, AtomicU64>,
    worker_state: Family<[(&'static str, &'static str); 1], Gauge<u64, AtomicU64>>,
    worker_memory: Family<[(&'static str, u16); 1], Gauge<u64, AtomicU64>>,
    restarts: Counter,
    load: Known,
    own_memory: Known,
    own_descriptors: Known,
    own_cpu: Counter<f64, AtomicU64>,
    own_start: Known,
}

/// What the front knows.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) n_active: u64,
    pub(super) n_waiting: usize,
    pub(super) n_ready: usize,
    pub(super) n_connections: usize,
    /// `None`: the model is no process of ours, or there is none yet.
    pub(super) crew: Option<CrewNumbers>,
}

/// What the crew knows.
#[derive(Debug)]
pub(super) struct CrewNumbers {
    pub(super) n_wanted: usize,
    pub(super) n_restarts: u64,
    pub(super) last_load: Option<Duration>,
    pub(super) pids: BTreeMap<u16, i32>,
}

impl Lookup {
    /// Nothing has been looked up yet.
    pub(super) fn new(registry: &mut Registry) -> Self {
        let lookup = Self {
            active: Gauge::default(),
            connections: Gauge::default(),
            queue_depth: Gauge::default(),
            worker_state: Family::default(),
            worker_memory: Family::default(),
            restarts: Counter::default(),
            load: Known::default(),
            own_memory: Known::default(),
            own_descriptors: Known::default(),
            own_cpu: Counter::default(),
            own_start: Known::default(),
        };
        lookup.register_serving(registry);
        lookup.register_process(registry);
        lookup
    }

    fn register_serving(&self, registry: &mut Registry) {
        registry.register(
            "http_server_active_requests",
            "Requests that have begun and are not over",
            self.active.clone(),
        );
        registry.register(
            "optml_connections",
            "Connections that are open",
            self.connections.clone(),
        );
        registry.register(
            "optml_queue_depth",
            "Invocations that wait for a worker",
            self.queue_depth.clone(),
        );
        registry.register(
            "optml_worker_state",
            "Workers that take calls, and workers that there should be",
            self.worker_state.clone(),
        );
        registry.register(
            "optml_worker_resident_memory_bytes",
            "Memory of a worker, pages that it shares with others included",
            self.worker_memory.clone(),
        );
        registry.register(
            "optml_worker_restarts",
            "Workers that ended without being asked to",
            self.restarts.clone(),
        );
        registry.register(
            "optml_model_load_seconds",
            "From the start of the worker that was loaded last until it was ready",
            self.load.0.clone(),
        );
    }

    fn register_process(&self, registry: &mut Registry) {
        registry.register(
            "process_resident_memory_bytes",
            "Memory of the server, without its workers",
            self.own_memory.0.clone(),
        );
        registry.register(
            "process_open_fds",
            "Open descriptors of the server",
            self.own_descriptors.0.clone(),
        );
        registry.register(
            "process_cpu_seconds",
            "Processor time of the server, without its workers",
            self.own_cpu.clone(),
        );
        registry.register(
            "process_start_time_seconds",
            "When the server was started, in seconds since 1970",
            self.own_start.0.clone(),
        );
    }

    /// Looks up what the kernel knows, and shows that and `numbers`. Reads `/proc`: not for the front's thread.
    pub(super) fn show(&self, numbers: &Numbers) {
        self.active.set(numbers.n_active);
        self.connections.set(numbers.n_connections as u64);
        self.queue_depth.set(numbers.n_waiting as u64);
        self.show_workers("ready", numbers.n_ready);
        if let Some(crew) = &numbers.crew {
            self.show_crew(crew);
        }
        self.show_process(&process::read());
    }

    fn show_crew(&self, crew: &CrewNumbers) {
        self.show_workers("wanted", crew.n_wanted);
        show_total(&self.restarts, crew.n_restarts);
        self.load
            .show(crew.last_load.map(|load| load.as_secs_f64()));
        for (&worker, &pid) in &crew.pids {
            let labels = [("worker", worker)];
            match resident_bytes(pid) {
                Some(n_bytes) => {
                    self.worker_memory.get_or_create(&labels).set(n_bytes);
                }
                // It has ended, and its successor is not ready.
                None => {
                    self.worker_memory.remove(&labels);
                }
            }
        }
    }

    fn show_workers(&self, state: &'static str, n_workers: usize) {
        self.worker_state
            .get_or_create(&[("state", state)])
            .set(n_workers as u64);
    }

    fn show_process(&self, process: &ProcessNumbers) {
        self.own_memory.show(process.resident_bytes);
        self.own_descriptors.show(process.n_descriptors);
        self.own_start.show(process.start_seconds);
        if let Some(seconds) = process.cpu_seconds {
            show_total(&self.own_cpu, seconds.to_bits());
        }
    }
}

/// A gauge that is there when its value is known.
#[derive(Debug, Clone, Default)]
struct Known(Family<[(&'static str, &'static str); 0], Gauge<f64, AtomicU64>>);

impl Known {
    fn show(&self, value: Option<f64>) {
        match value {
            Some(value) => {
                self.0.get_or_create(&[]).set(value);
            }
            None => {
                self.0.remove(&[]);
            }
        }
    }
}

/// A total that somebody else counts. It never goes back, even if an older page is written after a newer one; the bits of
/// floats that are not negative are in the order of the floats.
fn show_total<N>(counter: &Counter<N, AtomicU64>, bits: u64)
where
    AtomicU64: prometheus_client::metrics::counter::Atomic<N>,
{
    counter.inner().fetch_max(bits, Ordering::Relaxed);
}
