//! Functions beside those of a request: warm-up, check, parameters, end.

use std::fs;

use super::{OCTETS, Serving, send, wait_until};

/// Whatever else a module has.
fn with(source: &str) -> Serving {
    Serving::functions(&format!(
        "import os, sys, time\n\
         def model_fn(model_dir): return {{'seen': []}}\n\
         def transform_fn(model, body, content_type, accept):\n\
         \x20   if body == b'wait':\n\
         \x20       open('began', 'w').close()\n\
         \x20       while not os.path.exists('go'): time.sleep(0.005)\n\
         \x20   model['seen'].append('%s %s %s' % (len(body), content_type, accept))\n\
         \x20   return '\\n'.join(model['seen'])\n{source}"
    ))
}

#[test]
fn execution_parameters_are_the_users_or_ours() {
    let cases = [
        (
            "",
            "{\"MaxConcurrentTransforms\": 2, \"BatchStrategy\": \"MULTI_RECORD\", \"MaxPayloadInMB\": 50}",
        ),
        (
            "def execution_parameters_fn(): return {'MaxPayloadInMB': 7}\n",
            "{\"MaxPayloadInMB\":7}",
        ),
        (
            "def execution_parameters_fn(): return '{\"BatchStrategy\": \"SINGLE_RECORD\"}'\n",
            "{\"BatchStrategy\": \"SINGLE_RECORD\"}",
        ),
    ];
    for (source, expected) in cases {
        let served = with(source).variable("OPTML_WORKERS", "2").ready();
        let response = served.request("GET", "/execution-parameters", &[], b"");
        assert_eq!((response.status, response.text().as_str()), (200, expected));
        assert_eq!(response.header("content-type"), Some("application/json"));
    }
}

#[test]
fn a_check_of_the_users_decides_on_ping() {
    for name in ["ping_fn", "healthcheck_fn"] {
        let served = with(&format!(
            "def {name}():\n\
             \x20   if os.path.exists('broken'): raise RuntimeError('no connection')\n\
             \x20   return not os.path.exists('ill')\n"
        ))
        .variable("OPTML_PING_PERIOD_S", "1")
        .ready();
        served.touch("ill");
        served.wait_for_ping(503);
        // Invocations are not concerned.
        assert_eq!(served.invoke(OCTETS, b"x").status, 200);
        fs::remove_file(served.path("ill")).unwrap();
        served.wait_for_ping(200);
        served.touch("broken");
        served.wait_for_ping(503);
        let ping = served.request("GET", "/ping", &[], b"");
        assert!(ping.text().contains("no connection"), "{}", ping.text());
    }
}

#[test]
fn a_busy_worker_is_no_reason_to_be_ill() {
    let served = with("def ping_fn(): return True\n")
        .variable("OPTML_PING_PERIOD_S", "1")
        .ready();
    let mut client = served.client();
    send(&mut client, &[], b"wait");
    served.wait_for_file("began");
    // Longer than the period and the check's own limit.
    let until = std::time::Instant::now() + std::time::Duration::from_millis(3500);
    while std::time::Instant::now() < until {
        assert_eq!(served.ping(), 200);
        std::thread::park_timeout(std::time::Duration::from_millis(50));
    }
    served.touch("go");
    assert_eq!(client.response("POST").status, 200);
}

#[test]
fn hooks_run_at_the_end() {
    let served = with(
        "import atexit\n\
         atexit.register(lambda: open('atexit', 'w').close())\n\
         def shutdown_fn(): open('shutdown', 'w').close()\n",
    )
    .ready();
    let (shutdown, atexit) = (served.path("shutdown"), served.path("atexit"));
    served.proc.signal(rustix::process::Signal::TERM);
    wait_until("shutdown_fn has run", || shutdown.exists());
    wait_until("the exit hook has run", || atexit.exists());
    let finished = served.stop();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
}

#[test]
fn hooks_that_hang_are_left_behind() {
    let served = with("def shutdown_fn(): time.sleep(60)\n").ready();
    let started = std::time::Instant::now();
    let finished = served.stop();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(started.elapsed().as_secs() < 8, "{:?}", started.elapsed());
}

#[test]
fn hooks_run_when_a_worker_is_replaced() {
    let served = with("def shutdown_fn(): open('shutdown', 'w').close()\n")
        .variable("OPTML_MAX_REQUESTS", "1")
        .ready();
    assert_eq!(served.invoke(OCTETS, b"x").status, 200);
    served.wait_for_file("shutdown");
}

#[test]
fn a_warm_up_function_gets_the_model() {
    let served = with(
        "def model_warmup_fn(model_dir, model):\n\
         \x20   assert model_dir.endswith('model')\n\
         \x20   model['seen'].append('warm')\n\
         def pre_model_fn(model_dir): open('before', 'w').write(model_dir)\n",
    )
    .ready();
    assert_eq!(
        served.invoke(OCTETS, b"xyz").text(),
        format!("warm\n3 {OCTETS} application/json")
    );
    assert!(
        fs::read_to_string(served.path("before"))
            .unwrap()
            .ends_with("model")
    );
}

#[test]
fn warm_up_files_are_requests() {
    let served = with("")
        .file("model/code/warmup/02.csv", "1,2\n")
        .file("model/code/warmup/01.json", "[1]")
        .file("model/code/warmup/03.bin", "12345")
        .file(
            "model/code/warmup/03.meta.json",
            "{\"content_type\": \"image/png\", \"accept\": \"text/csv\"}",
        )
        .ready();
    let text = served.invoke(OCTETS, b"xyz").text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "3 application/json application/json",
            "4 text/csv application/json",
            "5 image/png text/csv",
            "3 application/octet-stream application/json",
        ]
    );
}

#[test]
fn a_warm_up_that_fails_is_a_failed_load_unless_it_is_optional() {
    let failing: [fn() -> Serving; 2] = [
        || with("def model_warmup_fn(model_dir, model): raise ValueError('cold')\n"),
        || {
            Serving::functions(
                "def model_fn(d): return None\n\
                 def transform_fn(model, body, ct, accept):\n\
                 \x20   if body == '[1]': raise ValueError('cold')\n\
                 \x20   return 'ok'\n",
            )
            .file("model/code/warmup/01.json", "[1]")
        },
    ];
    for serving in failing {
        let finished = serving().fails();
        assert_eq!(finished.code, Some(1));
        assert!(finished.stderr.contains("cold"), "{}", finished.stderr);
        assert!(finished.stderr.contains("warm"), "{}", finished.stderr);
        let served = serving().variable("OPTML_WARMUP_OPTIONAL", "on").ready();
        assert_eq!(served.invoke(OCTETS, b"x").status, 200);
        served.proc.stderr_line("cold");
    }
}
