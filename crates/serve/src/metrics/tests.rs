//! Everything is tested through the text that a scraper gets.

#![expect(clippy::float_cmp, reason = "whole numbers, which floats hold exactly")]

use std::collections::BTreeSet;

use super::*;

#[test]
fn switched_off_there_is_nothing() {
    let metrics = Metrics::default();
    metrics.request_began();
    metrics.request_ended(&PING);
    metrics.connection_refused();
    assert!(metrics.counts.get().is_none());
    assert!(metrics.page_with(Numbers::default()).is_none());
}

#[test]
fn a_request_is_in_its_buckets() {
    let metrics = on();
    for ms in [5, 6, 60, 20_000] {
        metrics.request_began();
        metrics.request_ended(&Ended {
            elapsed: Duration::from_millis(ms),
            request_bytes: 1000,
            response_bytes: 300 << 20,
            ..INVOCATION
        });
    }
    let page = Samples::now(&metrics);
    let of = |name: &str, le: &str| page.value(&format!("{name}_bucket{{{OK},le=\"{le}\"}}"));
    let duration = "http_server_request_duration_seconds";
    // The bound belongs to its bucket, and each bucket holds those below it.
    for (le, n) in [
        ("0.005", 1),
        ("0.01", 2),
        ("0.05", 2),
        ("0.075", 3),
        ("10", 3),
        ("+Inf", 4),
    ] {
        assert_eq!(of(duration, le), f64::from(n), "{le}");
    }
    assert_eq!(page.value(&format!("{duration}_count{{{OK}}}")), 4.0);
    let sum = page.value(&format!("{duration}_sum{{{OK}}}"));
    assert!((sum - 20.071).abs() < 1e-9, "{sum}");
    assert_eq!(of("http_server_request_body_size_bytes", "256"), 0.0);
    assert_eq!(of("http_server_request_body_size_bytes", "1024"), 4.0);
    let response = "http_server_response_body_size_bytes";
    assert_eq!(of(response, "2.68435456e+08"), 0.0);
    assert_eq!(of(response, "+Inf"), 4.0);
    assert_eq!(
        page.value(&format!("{response}_sum{{{OK}}}")),
        4.0 * f64::from(300 << 20)
    );
}

#[test]
fn requests_differ_by_method_route_and_status() {
    let metrics = on();
    let methods = ["GET", "POST", "_OTHER"];
    for (method, route, status) in [
        (methods[0], "/ping", 200),
        (methods[0], "/ping", 503),
        (methods[1], "/invocations", 200),
        (methods[2], "other", 404),
        (methods[1], "/invocations", 0),
    ] {
        metrics.request_ended(&Ended {
            route,
            method,
            status,
            ..PING
        });
    }
    let page = Samples::now(&metrics);
    for labels in [
        r#"method="GET",route="/ping",status="200""#,
        r#"method="GET",route="/ping",status="503""#,
        r#"method="POST",route="/invocations",status="200""#,
        r#"method="_OTHER",route="other",status="404""#,
        r#"method="POST",route="/invocations",status="none""#,
    ] {
        let name = format!("http_server_request_duration_seconds_count{{{labels}}}");
        assert_eq!(page.value(&name), 1.0);
    }
    // What was never sent has no size.
    let none = r#"method="POST",route="/invocations",status="none""#;
    assert_eq!(
        page.value(&format!(
            "http_server_request_body_size_bytes_count{{{none}}}"
        )),
        1.0
    );
    assert_eq!(
        page.value(&format!(
            "http_server_response_body_size_bytes_count{{{none}}}"
        )),
        0.0
    );
}

#[test]
fn statuses_without_end_are_bounded() {
    let metrics = on();
    for status in 100..=999 {
        metrics.request_ended(&Ended {
            status,
            ..INVOCATION
        });
    }
    // One that was there before is still told apart.
    metrics.request_ended(&Ended {
        status: 100,
        ..INVOCATION
    });
    let page = Samples::now(&metrics);
    let count = "http_server_request_duration_seconds_count";
    let n_series = page
        .samples
        .iter()
        .filter(|(name, _)| name.starts_with(count))
        .count();
    assert_eq!(n_series, 257);
    let of = |status: &str| {
        page.value(&format!(
            "{count}{{method=\"POST\",route=\"/invocations\",status=\"{status}\"}}"
        ))
    };
    assert_eq!(of("100"), 2.0);
    assert_eq!(of("other"), f64::from(900 - 256));
}

#[test]
fn user_code_has_a_stage_of_its_own() {
    let metrics = on();
    metrics.request_ended(&Ended {
        elapsed: Duration::from_millis(30),
        took: Duration::from_millis(10),
        ..INVOCATION
    });
    // Not user code's, no invocation, and a clock that the two sides see differently.
    metrics.request_ended(&INVOCATION);
    metrics.request_ended(&Ended {
        took: Duration::from_millis(10),
        ..PING
    });
    metrics.request_ended(&Ended {
        elapsed: Duration::from_millis(10),
        took: Duration::from_millis(11),
        ..INVOCATION
    });
    let page = Samples::now(&metrics);
    let stage = "optml_invocation_stage_seconds";
    for (name, sum) in [("queue", 0.020), ("predict", 0.021)] {
        assert_eq!(
            page.value(&format!("{stage}_count{{stage=\"{name}\"}}")),
            2.0
        );
        let found = page.value(&format!("{stage}_sum{{stage=\"{name}\"}}"));
        assert!((found - sum).abs() < 1e-9, "{name} {found}");
    }
    assert_eq!(
        page.value(&format!("{stage}_bucket{{stage=\"queue\",le=\"0.0001\"}}")),
        1.0
    );
}

#[test]
fn reasons_are_there_before_they_are_needed() {
    let metrics = on();
    let page = Samples::now(&metrics);
    for reason in ["full", "malformed", "not_ready", "timeout", "too_large"] {
        assert_eq!(
            page.value(&format!("optml_rejected_total{{reason=\"{reason}\"}}")),
            0.0
        );
    }
    metrics.request_ended(&Ended {
        rejection: Some("full"),
        ..INVOCATION
    });
    let page = Samples::now(&metrics);
    assert_eq!(page.value("optml_rejected_total{reason=\"full\"}"), 1.0);
    assert_eq!(page.value("optml_rejected_total{reason=\"timeout\"}"), 0.0);
}

#[test]
fn what_goes_on_is_shown() {
    let metrics = on();
    metrics.request_began();
    metrics.request_began();
    metrics.request_ended(&PING);
    metrics.connection_refused();
    let page = Samples::of(
        &metrics,
        Numbers {
            n_waiting: 3,
            n_ready: 4,
            n_connections: 5,
            ..Numbers::default()
        },
    );
    for (name, value) in [
        ("http_server_active_requests", 1.0),
        ("optml_connections", 5.0),
        ("optml_connections_refused_total", 1.0),
        ("optml_queue_depth", 3.0),
        ("optml_worker_state{state=\"ready\"}", 4.0),
    ] {
        assert_eq!(page.value(name), value, "{name}");
    }
    // A model that is no process of ours says nothing of them.
    assert_eq!(page.find("optml_worker_state{state=\"wanted\"}"), None);
    assert_eq!(page.find("optml_model_load_seconds"), None);
}

#[test]
fn switching_on_again_forgets_nothing() {
    let metrics = on();
    metrics.connection_refused();
    metrics.switch_on();
    assert_eq!(
        Samples::now(&metrics).value("optml_connections_refused_total"),
        1.0
    );
}

#[test]
fn workers_are_shown_while_they_live() {
    let metrics = on();
    let own_pid = rustix::process::getpid().as_raw_nonzero().get();
    let with_crew = |n_restarts, pids: &[(u16, i32)]| {
        let mut page = metrics.page_with(Numbers::default()).unwrap();
        page.numbers.crew = Some(CrewNumbers {
            n_wanted: 2,
            n_restarts,
            last_load: Some(Duration::from_millis(1500)),
            pids: pids.iter().copied().collect(),
        });
        Samples::parse(&page.render().unwrap())
    };
    let page = with_crew(3, &[(0, own_pid), (1, own_pid)]);
    assert_eq!(page.value("optml_worker_state{state=\"wanted\"}"), 2.0);
    assert_eq!(page.value("optml_worker_restarts_total"), 3.0);
    assert_eq!(page.value("optml_model_load_seconds"), 1.5);
    let memory = |worker| format!("optml_worker_resident_memory_bytes{{worker=\"{worker}\"}}");
    assert!(page.value(&memory(0)) > 100_000.0);
    assert!(page.value(&memory(1)) > 100_000.0);
    // No process has this number; and an older page, written later, takes nothing back.
    let page = with_crew(2, &[(0, own_pid), (1, i32::MAX)]);
    assert!(page.find(&memory(0)).is_some());
    assert_eq!(page.find(&memory(1)), None);
    assert_eq!(page.value("optml_worker_restarts_total"), 3.0);
}

/// What dashboards are built on.
#[test]
fn names_and_types_stay() {
    let metrics = on();
    metrics.request_ended(&PING);
    let mut page = metrics.page_with(Numbers::default()).unwrap();
    page.numbers.crew = Some(CrewNumbers {
        n_wanted: 1,
        n_restarts: 0,
        last_load: Some(Duration::from_secs(1)),
        pids: [(0, rustix::process::getpid().as_raw_nonzero().get())].into(),
    });
    let text = page.render().unwrap();
    let types: BTreeSet<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .collect();
    let expected = BTreeSet::from(TYPES);
    assert_eq!(types, expected);
    let documented = include_str!("../../../../docs/metrics.md");
    for line in TYPES {
        let (name, kind) = line.split_once(' ').unwrap();
        let row = documented
            .lines()
            .find(|row| row.starts_with(&format!("| `{name}` ")));
        assert!(row.is_some_and(|row| row.contains(kind)), "{line}");
    }
    // Each sample belongs to the family that was announced last.
    let mut family = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().unwrap();
        } else if !line.starts_with('#') {
            assert!(line.starts_with(family), "{line} in {family}");
        }
    }
}

const TYPES: [&str; 17] = [
    "http_server_request_duration_seconds histogram",
    "http_server_request_body_size_bytes histogram",
    "http_server_response_body_size_bytes histogram",
    "http_server_active_requests gauge",
    "optml_invocation_stage_seconds histogram",
    "optml_rejected_total counter",
    "optml_connections gauge",
    "optml_connections_refused_total counter",
    "optml_queue_depth gauge",
    "optml_worker_state gauge",
    "optml_worker_resident_memory_bytes gauge",
    "optml_worker_restarts_total counter",
    "optml_model_load_seconds gauge",
    "process_resident_memory_bytes gauge",
    "process_open_fds gauge",
    "process_cpu_seconds_total counter",
    "process_start_time_seconds gauge",
];

const OK: &str = r#"method="POST",route="/invocations",status="200""#;

const INVOCATION: Ended = Ended {
    route: "/invocations",
    method: "POST",
    status: 200,
    elapsed: Duration::from_millis(1),
    took: Duration::ZERO,
    request_bytes: 0,
    response_bytes: 0,
    rejection: None,
};

const PING: Ended = Ended {
    route: "/ping",
    method: "GET",
    ..INVOCATION
};

fn on() -> Metrics {
    let metrics = Metrics::default();
    metrics.switch_on();
    metrics
}

/// The samples of a text.
struct Samples {
    samples: Vec<(String, f64)>,
}

impl Samples {
    fn now(metrics: &Metrics) -> Self {
        Self::of(metrics, Numbers::default())
    }

    fn of(metrics: &Metrics, numbers: Numbers) -> Self {
        Self::parse(&metrics.page_with(numbers).unwrap().render().unwrap())
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        });
        Self {
            samples: samples.collect(),
        }
    }

    fn find(&self, name: &str) -> Option<f64> {
        let sample = self.samples.iter().find(|(found, _)| found == name);
        sample.map(|(_, value)| *value)
    }

    #[track_caller]
    fn value(&self, name: &str) -> f64 {
        match self.find(name) {
            Some(value) => value,
            None => panic!("no {name} in {:#?}", self.samples),
        }
    }
}
