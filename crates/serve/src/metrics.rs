//! Counts and times of requests and workers, for Prometheus.
//!
//! Off until [`crate::metrics_port`] switches them on: until then there is no registry, and each event costs one look at an empty cell.
//!
//! What happens often is counted when it happens ([`requests`]), on the front's thread. What can be looked up is looked up when
//! somebody asks ([`lookup`]): the front copies its own numbers into a [`Page`], and another thread reads `/proc` and writes the
//! text. docs/metrics.md says what each name means.

mod lookup;
mod process;
mod requests;

use std::{
    cell::{Cell, OnceCell},
    fmt,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use prometheus_client::{encoding::prometheus_text, metrics::counter::Counter, registry::Registry};

use self::{
    lookup::{CrewNumbers, Lookup, Numbers},
    requests::Requests,
};
use crate::{site::Site, worker::Crew};

#[cfg(test)]
mod tests;

/// What is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Empty: they are off.
    counts: OnceCell<Counts>,
    crew: OnceCell<Rc<Crew>>,
}

/// A request that is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    pub(crate) route: &'static str,
    pub(crate) method: &'static str,
    /// 0: nothing was answered.
    pub(crate) status: u16,
    pub(crate) elapsed: Duration,
    /// User code's part of it; zero when there was none.
    pub(crate) took: Duration,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    /// Why it was turned away.
    pub(crate) rejection: Option<&'static str>,
}

impl Metrics {
    /// From now on all is counted. A second call changes nothing.
    pub(crate) fn switch_on(&self) {
        self.counts.get_or_init(Counts::new);
    }

    /// A request has begun.
    pub(crate) fn request_began(&self) {
        if let Some(counts) = self.counts.get() {
            counts.n_active.set(counts.n_active.get() + 1);
        }
    }

    /// A request is over.
    pub(crate) fn request_ended(&self, ended: &Ended) {
        if let Some(counts) = self.counts.get() {
            counts.n_active.set(counts.n_active.get().saturating_sub(1));
            counts.requests.count(ended);
        }
    }

    /// A connection was closed at once, since every other one was busy.
    pub(crate) fn connection_refused(&self) {
        if let Some(counts) = self.counts.get() {
            counts.connections_refused.inc();
        }
    }

    /// From now on these workers are shown.
    pub(crate) fn watch(&self, crew: &Rc<Crew>) {
        self.crew.get_or_init(|| Rc::clone(crew));
    }

    /// Everything, as it is now. `None`: they are off.
    pub(crate) fn page(&self, site: &Site) -> Option<Page> {
        self.page_with(Numbers {
            n_waiting: site.pool.n_waiting(),
            n_ready: site.pool.n_open(),
            n_connections: site.registry.len(),
            ..Numbers::default()
        })
    }

    /// Adds what is known here to what the site knows.
    fn page_with(&self, mut numbers: Numbers) -> Option<Page> {
        let counts = self.counts.get()?;
        numbers.n_active = counts.n_active.get();
        numbers.crew = self.crew.get().map(|crew| CrewNumbers {
            n_wanted: crew.n_wanted.get(),
            n_restarts: crew.n_restarts.get(),
            last_load: crew.last_load.get(),
            pids: crew.pids.borrow().clone(),
        });
        Some(Page {
            registry: Arc::clone(&counts.registry),
            lookup: counts.lookup.clone(),
            numbers,
        })
    }
}

/// Everything at one moment, to be written by a thread that has time.
#[derive(Debug)]
pub(crate) struct Page {
    registry: Arc<Registry>,
    lookup: Lookup,
    numbers: Numbers,
}

impl Page {
    /// What the text is.
    pub(crate) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

    /// Reads `/proc`, and writes the text: up to some milliseconds.
    pub(crate) fn render(self) -> Result<String, fmt::Error> {
        self.lookup.show(&self.numbers);
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// All that there is once they are on.
#[derive(Debug)]
struct Counts {
    registry: Arc<Registry>,
    requests: Requests,
    lookup: Lookup,
    connections_refused: Counter,
    n_active: Cell<u64>,
}

impl Counts {
    fn new() -> Self {
        let mut registry = Registry::default();
        let requests = Requests::new(&mut registry);
        let lookup = Lookup::new(&mut registry);
        let connections_refused = Counter::default();
        registry.register(
            "optml_connections_refused",
            "Connections closed at once because every other one was busy",
            connections_refused.clone(),
        );
        Self {
            registry: Arc::new(registry),
            requests,
            lookup,
            connections_refused,
            n_active: Cell::new(0),
        }
    }
}
