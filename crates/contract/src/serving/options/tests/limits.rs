//! What is bounded, and how long everything may take.

use super::{options, problems, shown, *};

#[test]
fn the_largest_body_is_ours_then_the_jobs_then_the_toolkits() {
    let body = |vars: &[_]| shown(&options(vars), "largest body");
    let names = [
        ("OPTML_MAX_BODY_MB", "7 MiB"),
        ("SAGEMAKER_MAX_PAYLOAD_IN_MB", "7 MiB"),
        ("SAGEMAKER_MAX_REQUEST_SIZE", "7 B"),
        ("MAX_CONTENT_LENGTH", "7 B"),
        ("MMS_MAX_REQUEST_SIZE", "7 B"),
        ("TS_MAX_REQUEST_SIZE", "7 B"),
    ];
    for (i, (name, value)) in names.iter().enumerate() {
        let vars: Vec<_> = names[i..].iter().map(|(name, _)| (*name, "7")).collect();
        assert_eq!(body(&vars), format!("{value} ({name})"));
    }
    assert_eq!(body(&[]), "100 MiB (default)");
    let zero = [
        ("SAGEMAKER_MAX_PAYLOAD_IN_MB", "0"),
        ("TS_MAX_REQUEST_SIZE", "9"),
    ];
    assert_eq!(body(&zero), "9 B (TS_MAX_REQUEST_SIZE)");
}

#[test]
fn bodies_in_flight_are_bounded_by_memory() {
    let rows = |setup: Setup| {
        let options = setup.options();
        ["largest body", "all bodies at once"].map(|name| shown(&options, name))
    };
    let default = "100 MiB (default)";
    assert_eq!(rows(Setup::default()), [default, "1 GiB (default)"]);
    assert_eq!(
        rows(Setup::default().memory("8589934592")),
        [default, "2 GiB (a quarter of the control group's limit)"]
    );
    assert_eq!(
        rows(Setup::default().memory("134217728")),
        [default, "100 MiB (one body of the largest size)"]
    );
    let mut machine = Setup::default();
    machine.source = machine.source.with_file(
        "/proc/meminfo",
        "MemTotal:       16777216 kB\nMemFree: 1 kB\n",
    );
    assert_eq!(
        rows(machine),
        [default, "4 GiB (a quarter of the machine's memory)"]
    );
    assert_eq!(
        rows(Setup::vars(&[("OPTML_MAX_IN_FLIGHT_MB", "50")])),
        [
            "50 MiB (OPTML_MAX_IN_FLIGHT_MB)",
            "50 MiB (OPTML_MAX_IN_FLIGHT_MB)"
        ]
    );
    assert_eq!(
        rows(Setup::vars(&[("OPTML_MAX_BODY_MB", "0")]).memory("134217728")),
        [
            "32 MiB (OPTML_MAX_BODY_MB)",
            "32 MiB (a quarter of the control group's limit)"
        ]
    );
}

#[test]
fn limits_that_make_no_sense_together_are_refused() {
    insta::assert_snapshot!(problems(&[
        ("OPTML_MAX_BODY_MB", "200"),
        ("OPTML_MAX_IN_FLIGHT_MB", "100"),
        ("OPTML_MAX_HEADER_KB", "4"),
        ("OPTML_MAX_URI_KB", "8"),
    ]), @"
    read variable `OPTML_MAX_BODY_MB`: 200 MiB is more than the 100 MiB of variable `OPTML_MAX_IN_FLIGHT_MB`
      raise the one or lower the other
    read variable `OPTML_MAX_URI_KB`: 8 KiB is more than the 4 KiB of variable `OPTML_MAX_HEADER_KB`
      raise the one or lower the other
    ");
    insta::assert_snapshot!(problems(&[
        ("OPTML_MAX_BODY_MB", "1.5"),
        ("OPTML_MAX_IN_FLIGHT_MB", "0"),
        ("OPTML_MAX_HEADERS", "0"),
        ("OPTML_MAX_CONNECTIONS", "1000001"),
    ]), @"
    read variable `OPTML_MAX_BODY_MB`: `1.5` is not a whole number
    read variable `OPTML_MAX_IN_FLIGHT_MB`: `0` is not between 1 and 1048576
    read variable `OPTML_MAX_HEADERS`: `0` is not between 1 and 10000
    read variable `OPTML_MAX_CONNECTIONS`: `1000001` is not between 1 and 1000000
    ");
}

#[test]
fn a_small_head_has_a_small_target() {
    let found = options(&[("OPTML_MAX_HEADER_KB", "4")]);
    assert_eq!(shown(&found, "longest URI"), "4 KiB (OPTML_MAX_HEADER_KB)");
}

#[test]
fn a_request_has_the_time_that_somebody_gives_it() {
    let rows = [
        ("OPTML_TIMEOUT_S", "7 s (OPTML_TIMEOUT_S)"),
        (
            "SAGEMAKER_BATCH",
            "3600 s, unless its header says (SAGEMAKER_BATCH)",
        ),
        (
            "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS",
            "7 s, unless its header says (SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS)",
        ),
        (
            "SAGEMAKER_MODEL_SERVER_TIMEOUT",
            "7 s, unless its header says (SAGEMAKER_MODEL_SERVER_TIMEOUT)",
        ),
        (
            "SAGEMAKER_TS_RESPONSE_TIMEOUT",
            "7 s, unless its header says (SAGEMAKER_TS_RESPONSE_TIMEOUT)",
        ),
        (
            "MMS_DEFAULT_RESPONSE_TIMEOUT_SECONDS",
            "7 s, unless its header says (MMS_DEFAULT_RESPONSE_TIMEOUT_SECONDS)",
        ),
        (
            "TS_DEFAULT_RESPONSE_TIMEOUT",
            "7 s, unless its header says (TS_DEFAULT_RESPONSE_TIMEOUT)",
        ),
    ];
    let value = |name: &str| if name == "SAGEMAKER_BATCH" { "1" } else { "7" };
    for (i, (_, expected)) in rows.iter().enumerate() {
        let vars: Vec<_> = rows[i..]
            .iter()
            .map(|(name, _)| (*name, value(name)))
            .collect();
        assert_eq!(shown(&options(&vars), "request timeout"), *expected);
    }
    let nothing = [
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS", "0"),
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "0"),
        ("MMS_DEFAULT_RESPONSE_TIMEOUT_SECONDS", "-1"),
    ];
    assert_eq!(
        shown(&options(&nothing), "request timeout"),
        "60 s, unless its header says (default)"
    );
}

#[test]
fn the_header_counts_unless_the_time_is_fixed() {
    let seconds = |n| Some(Duration::from_secs(n));
    let free = options(&[("SAGEMAKER_MODEL_SERVER_TIMEOUT", "30")]);
    let request = free.timeouts.request;
    assert_eq!(Some(request.of(None)), seconds(30));
    assert_eq!(Some(request.of(seconds(5))), seconds(5));
    let fixed = options(&[
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "30"),
        ("OPTML_TIMEOUT_S", "9"),
    ]);
    assert_eq!(
        fixed.notes,
        [
            "variable `SAGEMAKER_MODEL_SERVER_TIMEOUT` is not used: variable `OPTML_TIMEOUT_S` counts"
        ]
    );
    assert_eq!(Some(fixed.timeouts.request.of(seconds(5))), seconds(9));
}

#[test]
fn a_stop_that_takes_too_long_is_noted() {
    assert_eq!(
        options(&[("OPTML_DRAIN_S", "28")]).notes,
        ["stopping may take 30 s, and the platform kills a container 30 s after its stop signal"]
    );
    assert!(options(&[]).notes.is_empty());
}
