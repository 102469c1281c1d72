//! A proxy in front of a real server that makes the faults which a test asks for.
//!
//! Requests go on as they came, `Host` and signatures included, and bodies pass through in pieces. Every request goes
//! through the rules in order: the first whose pattern fits and whose turn it is decides. A rule counts the requests
//! that reached it and fit, so those that an earlier rule took do not count.

mod exchange;

use std::{
    net::SocketAddr,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{listener::Listener, message, s3};

/// The proxy. Dropped, it closes every connection and ends all its threads.
#[derive(Debug)]
pub struct FaultProxy {
    listener: Listener,
    script: Arc<Script>,
}

/// Which requests are to meet which fault.
#[derive(Debug, Clone)]
pub struct Rule {
    method: Option<String>,
    path_contains: Option<String>,
    query_contains: Option<String>,
    n_skipped: u64,
    n_times: u64,
    action: Action,
}

/// What happens to a request that fits a rule.
///
/// The first five answer by themselves: the server behind never hears of the request. The others pass it on, so what
/// it asked for has happened there.
#[derive(Debug, Clone)]
pub enum Action {
    /// This answer.
    Status {
        /// Its status.
        status: u16,
        /// Its body.
        body: Vec<u8>,
        /// Headers beside `Content-Length`.
        headers: Vec<(String, String)>,
    },
    /// An error of S3: its XML document with this code.
    Error {
        /// The status it comes with.
        status: u16,
        /// Such as `SlowDown`.
        code: String,
    },
    /// An error document with this code under status 200, as the calls that complete or copy have it.
    OkWithError(String),
    /// The answer of another region's endpoint: 301 and `PermanentRedirect`.
    Redirect {
        /// Where the bucket is.
        region: String,
        /// The `Location` header; S3 sends none.
        location: Option<String>,
    },
    /// No answer, until the client leaves or the proxy is dropped. The body is not read.
    Stall,
    /// The connection is reset where the answer would begin.
    ResetBeforeAnswer,
    /// The connection is reset after so many bytes of the answer's body.
    ResetAfter(u64),
    /// The connection is closed after so many bytes of a longer body.
    ShortBody(u64),
    /// The head says this length; the body is what it is, and then the connection closes.
    WrongLength(u64),
    /// So many bytes of the answer's body each second.
    Slow(u64),
    /// One bit in the middle of the answer's body is another (of its first byte, if its length is unknown).
    CorruptBody,
    /// A header of the answer has another value, or is missing.
    ChangeHeader {
        /// Its name.
        name: String,
        /// `None`: missing.
        value: Option<String>,
    },
    /// After so many bytes of the request's body nothing more is read of it until [`FaultProxy::release`]. A shorter
    /// one is not held.
    HoldRequestBody(u64),
}

/// A request that came, and how far it got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `GET`, …
    pub method: String,
    /// Path and query as they came.
    pub target: String,
    /// Names and values as they came.
    pub headers: Vec<(String, String)>,
    /// How much of its body has been read so far.
    pub n_body_bytes: u64,
    /// The status that the client was sent, once it was.
    pub status: Option<u16>,
}

impl Rule {
    /// Every request, always.
    pub fn new(action: Action) -> Self {
        Self {
            method: None,
            path_contains: None,
            query_contains: None,
            n_skipped: 0,
            n_times: u64::MAX,
            action,
        }
    }

    /// Only requests with this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only requests whose path contains this.
    #[must_use]
    pub fn path(mut self, text: &str) -> Self {
        self.path_contains = Some(text.to_owned());
        self
    }

    /// Only requests whose query contains this.
    #[must_use]
    pub fn query(mut self, text: &str) -> Self {
        self.query_contains = Some(text.to_owned());
        self
    }

    /// Not the first `n` of them.
    #[must_use]
    pub fn skip(mut self, n: u64) -> Self {
        self.n_skipped = n;
        self
    }

    /// Only `n` of them, after those that are skipped.
    #[must_use]
    pub fn times(mut self, n: u64) -> Self {
        self.n_times = n;
        self
    }

    /// Only one of them.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    fn fits(&self, method: &str, target: &str) -> bool {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let contains = |text: &str, part: &Option<String>| {
            part.as_ref()
                .is_none_or(|part| text.contains(part.as_str()))
        };
        self.method.as_ref().is_none_or(|own| own == method)
            && contains(path, &self.path_contains)
            && contains(query, &self.query_contains)
    }
}

impl Action {
    /// The proverbial 503.
    pub fn slow_down() -> Self {
        Self::error(503, "SlowDown")
    }

    /// An error of S3.
    pub fn error(status: u16, code: &str) -> Self {
        Self::Error {
            status,
            code: code.to_owned(),
        }
    }

    /// A header of the answer has another value; `None`: it is missing.
    pub fn header(name: &str, value: Option<&str>) -> Self {
        Self::ChangeHeader {
            name: name.to_owned(),
            value: value.map(str::to_owned),
        }
    }
}

impl Seen {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        message::find(&self.headers, name)
    }
}

impl FaultProxy {
    /// Starts it in front of `http://ADDRESS:PORT` (or without the scheme).
    #[track_caller]
    pub fn start(upstream: &str, rules: Vec<Rule>) -> Self {
        let address = upstream.strip_prefix("http://").unwrap_or(upstream);
        let upstream = address
            .trim_end_matches('/')
            .parse()
            .unwrap_or_else(|error| panic!("not an address and port: {upstream:?}: {error}"));
        let script = Arc::new(Script {
            upstream,
            rules: Mutex::new(rules.into_iter().map(|rule| (rule, 0)).collect()),
            log: Log::default(),
            n_releases: AtomicU64::new(0),
        });
        let own = Arc::clone(&script);
        Self {
            listener: Listener::start(move |peer| exchange::serve(&own, peer)),
            script,
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        self.listener.endpoint()
    }

    /// What the environment of a client of S3 says about it: credentials, region, endpoint.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        s3::client_variables(&self.endpoint())
    }

    /// Adds a rule behind the others.
    pub fn add(&self, rule: Rule) {
        let mut rules = self.script.rules.lock().expect("no panic while it is held");
        rules.push((rule, 0));
    }

    /// All requests so far, in the order in which they began.
    pub fn requests(&self) -> Vec<Seen> {
        self.script.log.all()
    }

    /// Waits for a request of which this holds, and returns it as it is then.
    #[track_caller]
    pub fn wait_for(&self, holds: impl Fn(&Seen) -> bool, limit: Duration) -> Seen {
        self.script
            .log
            .wait_for(holds, limit)
            .unwrap_or_else(|seen| panic!("no such request within {limit:?} among {seen:#?}"))
    }

    /// How many clients are connected.
    pub fn n_open_connections(&self) -> usize {
        self.listener.n_clients()
    }

    /// Waits until so many clients are connected.
    #[track_caller]
    pub fn wait_for_open_connections(&self, n: usize, limit: Duration) {
        if let Err(found) = self.listener.wait_for_clients(n, limit) {
            panic!("{found} connections instead of {n} after {limit:?}");
        }
    }

    /// Lets every request go on whose body is held now.
    pub fn release(&self) {
        self.script.n_releases.fetch_add(1, Ordering::SeqCst);
        self.listener.connections().notify();
    }
}

/// What the connections share.
#[derive(Debug)]
struct Script {
    upstream: SocketAddr,
    /// With how often each was reached.
    rules: Mutex<Vec<(Rule, u64)>>,
    log: Log,
    n_releases: AtomicU64,
}

impl Script {
    fn action(&self, method: &str, target: &str) -> Option<Action> {
        let mut rules = self.rules.lock().expect("no panic while it is held");
        for (rule, n_reached) in rules.iter_mut() {
            if !rule.fits(method, target) {
                continue;
            }
            *n_reached += 1;
            if *n_reached > rule.n_skipped && *n_reached - rule.n_skipped <= rule.n_times {
                return Some(rule.action.clone());
            }
        }
        None
    }
}

/// The requests of a server, as they come and go on.
#[derive(Debug, Default)]
pub(crate) struct Log {
    seen: Mutex<Vec<Seen>>,
    changed: Condvar,
}

impl Log {
    /// The place of the new entry.
    pub(crate) fn add(&self, seen: Seen) -> usize {
        let mut all = self.seen.lock().expect("no panic while it is held");
        all.push(seen);
        self.changed.notify_all();
        all.len() - 1
    }

    pub(crate) fn update(&self, place: usize, change: impl FnOnce(&mut Seen)) {
        let mut all = self.seen.lock().expect("no panic while it is held");
        change(&mut all[place]);
        self.changed.notify_all();
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic while it is held").clone()
    }

    fn wait_for(&self, holds: impl Fn(&Seen) -> bool, limit: Duration) -> Result<Seen, Vec<Seen>> {
        let end = Instant::now() + limit;
        let mut all = self.seen.lock().expect("no panic while it is held");
        loop {
            if let Some(found) = all.iter().find(|seen| holds(seen)) {
                return Ok(found.clone());
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(all.clone());
            }
            let waited = self.changed.wait_timeout(all, left);
            all = waited.expect("no panic while it is held").0;
        }
    }
}
