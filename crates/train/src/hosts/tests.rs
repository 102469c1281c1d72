use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use super::{
    Canceller, HostWait, HostWaitError, Inbox, Resolver, SystemResolver, names, wait_for_hosts,
};

/// What a name does when it is asked for.
#[derive(Debug, Clone)]
enum Behaviour {
    /// It resolves after so many failures.
    Late(usize),
    /// It fails.
    Never,
    /// The look-up never returns.
    Hang,
    /// The first look-up never returns, the next ones succeed.
    HangOnce,
    /// The first look-up succeeds when the second begins, and the second never returns.
    LateAnswer,
    /// It fails, and stops the wait.
    Cancel(Canceller),
}

#[derive(Debug, Default)]
struct FakeResolver {
    behaviours: HashMap<String, Behaviour>,
    n_asked: Mutex<HashMap<String, usize>>,
    second_began: Mutex<bool>,
    second_begins: Condvar,
    n_running: AtomicUsize,
    n_running_max: AtomicUsize,
}

impl Resolver for FakeResolver {
    fn resolve(&self, host: &str) -> io::Result<()> {
        let n_running = self.n_running.fetch_add(1, Ordering::SeqCst) + 1;
        self.n_running_max.fetch_max(n_running, Ordering::SeqCst);
        let answer = self.answer(host);
        self.n_running.fetch_sub(1, Ordering::SeqCst);
        if answer {
            Ok(())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }
}

impl FakeResolver {
    fn answer(&self, host: &str) -> bool {
        let nth = {
            let mut n_asked = self.n_asked.lock().unwrap();
            let nth = n_asked.entry(host.to_owned()).or_default();
            *nth += 1;
            *nth
        };
        match (&self.behaviours[host], nth) {
            (Behaviour::Late(failures), _) => nth > *failures,
            (Behaviour::Never, _) => false,
            (Behaviour::HangOnce, 2..) => true,
            (Behaviour::LateAnswer, 1) => {
                let began = self.second_began.lock().unwrap();
                drop(
                    self.second_begins
                        .wait_while(began, |began| !*began)
                        .unwrap(),
                );
                true
            }
            (Behaviour::LateAnswer, 2) => {
                *self.second_began.lock().unwrap() = true;
                self.second_begins.notify_all();
                hang()
            }
            (Behaviour::Cancel(canceller), _) => {
                canceller.cancel();
                false
            }
            (Behaviour::Hang | Behaviour::HangOnce | Behaviour::LateAnswer, _) => hang(),
        }
    }
}

fn hang() -> ! {
    loop {
        thread::park();
    }
}

fn wait(
    behaviours: &[Behaviour],
    policy: &HostWait,
    inbox: Inbox,
) -> (Arc<FakeResolver>, Result<(), HostWaitError>) {
    let hosts: Vec<String> = (1..=behaviours.len())
        .map(|n| format!("algo-{n}"))
        .collect();
    let resolver = Arc::new(FakeResolver {
        behaviours: hosts
            .iter()
            .cloned()
            .zip(behaviours.iter().cloned())
            .collect(),
        ..FakeResolver::default()
    });
    let result = wait_for_hosts(&hosts, policy, resolver.clone(), inbox);
    (resolver, result)
}

fn policy(total: Duration, probe: Duration) -> HostWait {
    HostWait {
        total,
        probe,
        ..HostWait::default()
    }
}

const LONG: Duration = Duration::from_mins(15);
const SHORT: Duration = Duration::from_millis(300);
const PROBE: Duration = Duration::from_millis(50);

#[track_caller]
fn check_timed_out(result: Result<(), HostWaitError>, expected: &[&str]) {
    let Err(HostWaitError::TimedOut { missing, waited }) = result else {
        panic!("{result:?}");
    };
    assert_eq!(missing, expected);
    assert!(waited >= SHORT && waited < SHORT * 20, "{waited:?}");
}

#[test]
fn hosts_that_come_late_are_waited_for() {
    let behaviours = [Behaviour::Late(0), Behaviour::Late(3), Behaviour::Late(1)];
    let (resolver, result) = wait(&behaviours, &policy(LONG, LONG), Inbox::new());
    assert_eq!(result, Ok(()));
    let n_asked = resolver.n_asked.lock().unwrap();
    assert_eq!(
        (n_asked["algo-1"], n_asked["algo-2"], n_asked["algo-3"]),
        (1, 4, 2)
    );
}

#[test]
fn a_host_that_never_comes_is_named() {
    let behaviours = [
        Behaviour::Late(0),
        Behaviour::Never,
        Behaviour::Late(1),
        Behaviour::Never,
    ];
    let (_, result) = wait(&behaviours, &policy(SHORT, LONG), Inbox::new());
    check_timed_out(result, &["algo-2", "algo-4"]);
}

#[test]
fn a_look_up_that_hangs_does_not_hold_the_deadline() {
    let (_, result) = wait(
        &[Behaviour::Hang, Behaviour::Late(0)],
        &policy(SHORT, PROBE),
        Inbox::new(),
    );
    check_timed_out(result, &["algo-1"]);
    let (_, result) = wait(
        &[Behaviour::Hang, Behaviour::Late(0)],
        &policy(SHORT, LONG),
        Inbox::new(),
    );
    check_timed_out(result, &["algo-1"]);
}

#[test]
fn a_look_up_that_hangs_is_tried_again() {
    let (_, result) = wait(
        &[Behaviour::HangOnce, Behaviour::Late(0)],
        &policy(LONG, PROBE),
        Inbox::new(),
    );
    assert_eq!(result, Ok(()));
}

#[test]
fn a_late_answer_counts() {
    let (_, result) = wait(
        &[Behaviour::LateAnswer, Behaviour::Late(0)],
        &policy(LONG, PROBE),
        Inbox::new(),
    );
    assert_eq!(result, Ok(()));
}

#[test]
fn a_stop_ends_the_wait_at_once() {
    let start = Instant::now();
    let inbox = Inbox::new();
    let behaviours = [
        Behaviour::Late(0),
        Behaviour::Hang,
        Behaviour::Cancel(inbox.canceller()),
    ];
    let (_, result) = wait(&behaviours, &policy(LONG, LONG), inbox);
    let Err(HostWaitError::Cancelled { missing, .. }) = result else {
        panic!("{result:?}");
    };
    assert!(missing.contains(&"algo-2".to_owned()), "{missing:?}");

    // Before it began.
    let inbox = Inbox::new();
    inbox.canceller().cancel();
    let (_, result) = wait(
        &[Behaviour::Hang, Behaviour::Hang],
        &policy(LONG, LONG),
        inbox,
    );
    assert!(
        matches!(result, Err(HostWaitError::Cancelled { .. })),
        "{result:?}"
    );
    assert!(start.elapsed() < LONG / 10);
}

#[test]
fn a_cancel_after_the_end_is_nothing() {
    let inbox = Inbox::new();
    let canceller = inbox.canceller();
    let (_, result) = wait(
        &[Behaviour::Late(0), Behaviour::Late(0)],
        &policy(LONG, LONG),
        inbox,
    );
    assert_eq!(result, Ok(()));
    canceller.cancel();
}

#[test]
fn threads_are_bounded() {
    let (resolver, result) = wait(
        &vec![Behaviour::Late(1); 200],
        &policy(LONG, LONG),
        Inbox::new(),
    );
    assert_eq!(result, Ok(()));
    let n_max = resolver.n_running_max.load(Ordering::SeqCst);
    assert!(n_max <= super::BUSY_THREADS_MAX, "{n_max}");

    let (resolver, result) = wait(
        &vec![Behaviour::Hang; 200],
        &policy(SHORT, PROBE),
        Inbox::new(),
    );
    assert!(matches!(result, Err(HostWaitError::TimedOut { missing, .. }) if missing.len() == 200));
    let n_max = resolver.n_running_max.load(Ordering::SeqCst);
    assert!(
        n_max > super::BUSY_THREADS_MAX && n_max <= super::THREADS_MAX,
        "{n_max}"
    );
}

#[test]
fn a_single_host_does_not_wait() {
    let (resolver, result) = wait(&[Behaviour::Never], &policy(LONG, LONG), Inbox::new());
    assert_eq!(result, Ok(()));
    assert!(resolver.n_asked.lock().unwrap().is_empty());
    assert_eq!(wait(&[], &policy(LONG, LONG), Inbox::new()).1, Ok(()));
}

#[test]
fn an_endless_wait_is_no_overflow() {
    let behaviours = [Behaviour::Late(1), Behaviour::Late(0)];
    let (_, result) = wait(&behaviours, &policy(Duration::MAX, PROBE), Inbox::new());
    assert_eq!(result, Ok(()));
}

#[test]
fn the_system_knows_localhost() {
    let hosts = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    assert_eq!(
        wait_for_hosts(
            &hosts,
            &policy(LONG, LONG),
            Arc::new(SystemResolver),
            Inbox::new()
        ),
        Ok(())
    );
}

/// Keeps the text of every event.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0.lock().unwrap().push(format!("{value:?}"));
        }
    }
}

#[test]
fn a_line_says_who_is_missing() {
    let log = Log::default();
    let policy = HostWait {
        report_every: PROBE,
        ..policy(SHORT, LONG)
    };
    let behaviours = [Behaviour::Late(0), Behaviour::Never];
    let (_, result) =
        tracing::subscriber::with_default(log.clone(), || wait(&behaviours, &policy, Inbox::new()));
    check_timed_out(result, &["algo-2"]);
    let lines = log.0.lock().unwrap();
    assert!(lines.len() > 1, "{lines:?}");
    assert!(
        lines
            .iter()
            .all(|line| line == "waiting for the names of `algo-2`"),
        "{lines:?}"
    );
}

#[test]
fn messages_name_ten_hosts() {
    let hosts: Vec<String> = (1..=12).map(|n| format!("algo-{n}")).collect();
    assert_eq!(names(&hosts[1..3]), "`algo-2`, `algo-3`");
    assert!(names(&hosts[..10]).ends_with("`algo-10`"));
    assert!(names(&hosts).ends_with("`algo-10` and 2 more"));
    let waited = Duration::from_mins(15);
    let missing = hosts[..1].to_vec();
    let timed_out = HostWaitError::TimedOut {
        missing: missing.clone(),
        waited,
    };
    assert_eq!(timed_out.to_string(), "resolve `algo-1` within 900 s");
    assert!(timed_out.hint().unwrap().contains("OPTML_HOST_WAIT_S"));
    let cancelled = HostWaitError::Cancelled { missing, waited };
    assert_eq!(
        cancelled.to_string(),
        "resolve `algo-1`: stopped after 900 s"
    );
    assert_eq!(cancelled.hint(), None);
}
