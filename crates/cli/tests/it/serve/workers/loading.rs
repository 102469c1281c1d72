//! Models that can't be loaded, now or ever.

use std::{fs, time::Instant};

use super::Serving;

/// Counts the loads, and says what to do at the *n*th.
fn loading(at_load: &str) -> Serving {
    Serving::functions(&format!(
        "import os, time, threading\n\
         def model_fn(model_dir):\n\
         \x20   with open('loads', 'a') as log: log.write('x')\n\
         \x20   n = os.path.getsize('loads')\n\
         \x20   {at_load}\n\
         def transform_fn(model, body, ct, accept): return 'ok'\n"
    ))
}

#[test]
fn a_load_that_fails_for_want_of_a_connection_is_tried_again() {
    let started = Instant::now();
    let served = loading("if n < 3: raise ConnectionError('store is away')").ready();
    // 1 s, then 2 s.
    let took = started.elapsed().as_secs_f64();
    assert!((2.9..8.0).contains(&took), "{took}");
    assert_eq!(fs::read_to_string(served.path("loads")).unwrap(), "xxx");
    served.proc.stderr_line("store is away");
}

#[test]
fn a_load_that_fails_always_is_given_up_after_three_more_tries() {
    let serving = loading("raise FileNotFoundError('weights.bin')");
    let loads = serving.path().join("loads");
    let served = serving.start();
    let mut seen = String::new();
    super::wait_until("it has tried four times", || {
        seen = fs::read_to_string(&loads).unwrap_or_default();
        seen.len() >= 4
    });
    let finished = served.proc.wait();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert_eq!(seen.len(), 4);
    let last = finished.stderr.rsplit("error:").next().unwrap();
    assert!(last.contains("weights.bin"), "{}", finished.stderr);
}

#[test]
fn b03_a_load_that_fails_for_a_reason_that_stays_is_not_tried_again() {
    for reason in [
        "raise ValueError('bad weights')",
        "import no_such_package",
        "raise MemoryError('bad weights')",
    ] {
        let started = Instant::now();
        let serving = loading(reason);
        let loads = serving.path().join("loads");
        let served = serving.start();
        super::wait_until("it has tried", || loads.exists());
        let finished = served.proc.wait();
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        assert!(started.elapsed().as_secs() < 3, "{:?}", started.elapsed());
        let last = finished.stderr.rsplit("error:").next().unwrap();
        assert!(
            last.contains("bad weights") || last.contains("no_such_package"),
            "{}",
            finished.stderr
        );
        assert_eq!(
            finished.stderr.matches("Traceback").count(),
            1,
            "{}",
            finished.stderr
        );
    }
}

#[test]
fn a_load_that_takes_too_long_is_a_failure() {
    let started = Instant::now();
    let finished = loading("time.sleep(60)")
        .variable("OPTML_LOAD_TIMEOUT_S", "1")
        .variable("OPTML_KILL_GRACE_S", "1")
        .fails();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("loading took longer than 1 s"),
        "{}",
        finished.stderr
    );
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

#[test]
fn a_worker_that_says_nothing_is_a_failure() {
    let started = Instant::now();
    let finished = Serving::empty()
        .variable("OPTML_EXEC", "sleep 60")
        .variable("OPTML_LOAD_TIMEOUT_S", "1")
        .variable("OPTML_KILL_GRACE_S", "1")
        .fails();
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(
        finished.stderr.contains("said nothing within 1 s"),
        "{}",
        finished.stderr
    );
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}

#[test]
fn workers_that_end_again_and_again_end_the_server() {
    let cases = [
        // In the middle of loading, and after it.
        ("os._exit(9)", "exit code 9"),
        (
            "threading.Timer(0.02, os._exit, [9]).start()",
            "exit code 9",
        ),
        ("os.kill(os.getpid(), 11)", "signal 11"),
    ];
    std::thread::scope(|scope| {
        for (end, how) in cases {
            scope.spawn(move || {
                let started = Instant::now();
                let finished = loading(end).fails();
                assert_eq!(finished.code, Some(1), "{end}: {}", finished.stderr);
                let last = finished.stderr.rsplit("error:").next().unwrap();
                assert!(last.contains(how), "{end}: {}", finished.stderr);
                // At once, 0.5 s, 1 s, 2 s.
                let took = started.elapsed().as_secs_f64();
                assert!((3.0..15.0).contains(&took), "{end}: {took}");
            });
        }
    });
}

#[test]
fn a_worker_that_serves_between_its_crashes_is_started_on() {
    let served = super::transform(
        "def transform(body):\n    if body == b'end': os._exit(3)\n    return str(os.getpid())\n",
    )
    .ready();
    for _ in 0..7 {
        super::pid_in(&served.invoke(super::OCTETS, b"x"));
        assert_eq!(served.invoke(super::OCTETS, b"end").status, 502);
    }
    super::pid_in(&served.invoke(super::OCTETS, b"x"));
}
