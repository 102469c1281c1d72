//! Requests that take too long, wait too long, or have nobody left who waits for them.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{OCTETS, Served, Serving, error_in, is_alive, pid_in, send, transform, wait_until};

/// What user code does that never ends.
const ENDLESS: &[(&str, &str)] = &[
    ("sleeps", "while True: time.sleep(1)"),
    // In C, and without letting go of the interpreter.
    ("holds_the_gil", "sum(range(10 ** 12))"),
];

#[test]
fn b05_a_worker_that_ignores_sigterm_is_killed() {
    for (name, endless) in ENDLESS {
        let served = transform(&format!(
            "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
             def transform(body):\n    if body == b'hang':\n        {endless}\n    return str(os.getpid())\n"
        ))
        .variable("OPTML_TIMEOUT_S", "1")
        .variable("OPTML_KILL_GRACE_S", "1")
        .ready();
        let pid = pid_in(&served.invoke(OCTETS, b"x"));
        let started = Instant::now();
        let response = served.invoke(OCTETS, b"hang");
        let answered = started.elapsed();
        assert_eq!(response.status, 504, "{name}");
        assert_eq!(error_in(&response).0, "GatewayTimeoutException");
        assert!(
            (0.95..1.6).contains(&answered.as_secs_f64()),
            "{name}: {answered:?}"
        );
        // `/ping` never waits for it.
        let before = Instant::now();
        served.ping();
        assert!(before.elapsed() < Duration::from_millis(500));
        // Its stack, as far as user code.
        served.proc.stderr_line("inference.py\", line");
        wait_until("it is gone", || !is_alive(pid));
        let gone = started.elapsed();
        assert!((1.9..3.0).contains(&gone.as_secs_f64()), "{name}: {gone:?}");
        let next = pid_in(&served.invoke(OCTETS, b"x"));
        assert_ne!(next, pid, "{name}");
    }
}

#[test]
fn the_limit_comes_from_the_first_who_says_one() {
    type Row = (
        &'static [(&'static str, &'static str)],
        Option<&'static str>,
        u16,
    );
    const HEADER: &str = "X-Amzn-SageMaker-InvocationTimeoutSeconds";
    // The variables, the header, the status of a request that takes 1.7 s.
    let table: &[Row] = &[
        (&[("SAGEMAKER_MODEL_SERVER_TIMEOUT", "1")], None, 504),
        (&[("SAGEMAKER_MODEL_SERVER_TIMEOUT", "1")], Some("60"), 200),
        (
            &[("SAGEMAKER_MODEL_SERVER_TIMEOUT", "1")],
            Some("soon"),
            504,
        ),
        (&[("SAGEMAKER_MODEL_SERVER_TIMEOUT", "1")], Some("0"), 504),
        (
            &[
                ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "60"),
                ("SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS", "1"),
            ],
            None,
            504,
        ),
        (
            &[
                ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "1"),
                ("SAGEMAKER_BATCH", "true"),
            ],
            None,
            200,
        ),
        (&[], Some("1"), 504),
        (&[("OPTML_TIMEOUT_S", "1")], Some("60"), 504),
        (&[("OPTML_TIMEOUT_S", "60")], Some("1"), 200),
    ];
    thread::scope(|scope| {
        for (variables, header, status) in table {
            scope.spawn(move || {
                let mut serving = transform("def transform(body): time.sleep(1.7); return ''\n");
                for (name, value) in *variables {
                    serving = serving.variable(name, value);
                }
                let served = serving.ready();
                let mut headers = vec![("Content-Type", OCTETS)];
                headers.extend(header.map(|value| (HEADER, value)));
                let response = served.request("POST", "/invocations", &headers, b"x");
                assert_eq!(response.status, *status, "{variables:?} {header:?}");
            });
        }
    });
}

/// Answers when it is told to.
const GATE: &str = "def transform(body):\n\
    \x20   open('began', 'w').close()\n\
    \x20   while not os.path.exists('go'): time.sleep(0.005)\n\
    \x20   open('finished', 'w').close()\n\
    \x20   return str(os.getpid())\n";

#[test]
fn h13_a_full_queue_is_refused_at_once() {
    let served = transform(GATE).variable("OPTML_QUEUE", "2").ready();
    let mut running = served.client();
    send(&mut running, &[], b"x");
    served.wait_for_file("began");
    let waiting: Vec<_> = (0..40)
        .map(|_| {
            let mut client = served.client();
            send(&mut client, &[], b"x");
            client
        })
        .collect();
    // Of those that come at once two may wait.
    let mut refused = Vec::new();
    let mut patient = Vec::new();
    for mut client in waiting {
        client.set_read_timeout(Duration::from_millis(200));
        match client.try_response("POST") {
            Ok(response) => refused.push(response),
            Err(_) => patient.push(client),
        }
    }
    assert_eq!((refused.len(), patient.len()), (38, 2));
    for response in &refused {
        assert_eq!(
            (response.status, response.header("retry-after")),
            (503, Some("1"))
        );
        assert_eq!(error_in(response).0, "ServiceUnavailableException");
        assert_eq!(
            response.header("connection"),
            None,
            "the connection is kept"
        );
    }
    let before = Instant::now();
    assert_eq!(served.invoke(OCTETS, b"x").status, 503);
    assert_eq!(served.ping(), 200);
    assert!(
        before.elapsed() < Duration::from_millis(100),
        "{:?}",
        before.elapsed()
    );
    served.touch("go");
    for mut client in patient {
        client.set_read_timeout(Duration::from_secs(20));
        pid_in(&client.response("POST"));
    }
    pid_in(&running.response("POST"));
}

#[test]
fn a_request_waits_no_longer_than_it_may() {
    let served = transform(GATE)
        .variable("OPTML_QUEUE_TIMEOUT_S", "1")
        .ready();
    let mut running = served.client();
    send(&mut running, &[], b"x");
    served.wait_for_file("began");
    let started = Instant::now();
    let response = served.invoke(OCTETS, b"x");
    let waited = started.elapsed().as_secs_f64();
    assert_eq!(
        (response.status, response.header("retry-after")),
        (503, Some("1"))
    );
    assert!(
        error_in(&response)
            .1
            .starts_with("no worker was free within 1"),
        "{}",
        response.text()
    );
    assert!((0.95..1.6).contains(&waited), "{waited}");
    // The one that runs is not concerned.
    served.touch("go");
    pid_in(&running.response("POST"));
}

#[test]
fn the_time_in_the_queue_counts() {
    let served = transform(GATE).ready();
    let mut running = served.client();
    send(&mut running, &[], b"x");
    served.wait_for_file("began");
    let headers = [
        ("Content-Type", OCTETS),
        ("X-Amzn-SageMaker-InvocationTimeoutSeconds", "1"),
    ];
    let response = served.request("POST", "/invocations", &headers, b"x");
    assert_eq!(response.status, 503);
    served.touch("go");
    pid_in(&running.response("POST"));
}

#[test]
fn h07_a_request_that_runs_goes_on_without_its_client() {
    let served = transform(GATE).ready();
    let mut client = served.client();
    send(&mut client, &[], b"x");
    served.wait_for_file("began");
    let pid = served.workers()[0];
    drop(client);
    served.ping();
    served.touch("go");
    served.wait_for_file("finished");
    assert_eq!(pid_in(&served.invoke(OCTETS, b"x")), pid);
}

/// A coroutine that waits, and says when it is cancelled.
const COROUTINE: &str = "import asyncio, os, time\n\
    def model_fn(model_dir): return None\n\
    async def transform_fn(model, body, content_type, accept):\n\
    \x20   if body == b'pid': return str(os.getpid())\n\
    \x20   open('began', 'w').close()\n\
    \x20   while True:\n\
    \x20       try:\n\
    \x20           await asyncio.sleep(30)\n\
    \x20       except asyncio.CancelledError:\n\
    \x20           open('cancelled', 'w').close()\n\
    \x20           if body != b'stubborn': raise\n";

fn coroutine() -> Serving {
    Serving::functions(COROUTINE)
        .variable("OPTML_TIMEOUT_S", "1")
        .variable("OPTML_KILL_GRACE_S", "1")
}

#[test]
fn a_coroutine_is_cancelled_at_its_deadline_and_its_worker_lives() {
    let served = coroutine().ready();
    let pid = pid_in(&served.invoke(OCTETS, b"pid"));
    let started = Instant::now();
    assert_eq!(served.invoke(OCTETS, b"x").status, 504);
    let took = started.elapsed().as_secs_f64();
    assert!((0.95..1.6).contains(&took), "{took}");
    served.wait_for_file("cancelled");
    survives(&served, pid);
}

/// It is the same worker, and stays so beyond the grace.
fn survives(served: &Served, pid: i32) {
    let until = Instant::now() + Duration::from_millis(1200);
    while Instant::now() < until {
        assert_eq!(pid_in(&served.invoke(OCTETS, b"pid")), pid);
    }
}

#[test]
fn a_coroutine_is_cancelled_when_its_client_leaves() {
    let served = coroutine().variable("OPTML_TIMEOUT_S", "60").ready();
    let pid = pid_in(&served.invoke(OCTETS, b"pid"));
    let mut client = served.client();
    send(&mut client, &[], b"x");
    served.wait_for_file("began");
    drop(client);
    served.wait_for_file("cancelled");
    assert_eq!(pid_in(&served.invoke(OCTETS, b"pid")), pid);
}

#[test]
fn a_coroutine_that_does_not_heed_its_cancellation_is_ended_with_its_worker() {
    let served = coroutine().ready();
    let pid = pid_in(&served.invoke(OCTETS, b"pid"));
    let started = Instant::now();
    assert_eq!(served.invoke(OCTETS, b"stubborn").status, 504);
    served.wait_for_file("cancelled");
    wait_until("it is gone", || !is_alive(pid));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_ne!(pid_in(&served.invoke(OCTETS, b"pid")), pid);
}
