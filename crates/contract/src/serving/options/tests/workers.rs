//! How many workers.

use super::{options, problems, shown, *};

#[test]
fn the_first_name_that_says_a_number_counts() {
    let names = [
        "OPTML_WORKERS",
        "SAGEMAKER_MODEL_SERVER_WORKERS",
        "SAGEMAKER_NUM_MODEL_WORKERS",
        "SAGEMAKER_TS_MAX_WORKERS",
        "MMS_DEFAULT_WORKERS_PER_MODEL",
        "TS_DEFAULT_WORKERS_PER_MODEL",
    ];
    for (i, name) in names.iter().enumerate() {
        let vars: Vec<_> = names[i..]
            .iter()
            .zip(["2", "3", "4", "5", "6", "7"])
            .collect();
        let vars: Vec<_> = vars.iter().map(|(name, value)| (**name, *value)).collect();
        let found = options(&vars);
        assert_eq!(shown(&found, "workers"), format!("2 ({name})"));
        assert_eq!(found.notes.len(), names.len() - i - 1);
    }
    let zero = options(&[("MMS_DEFAULT_WORKERS_PER_MODEL", "0")]);
    assert_eq!(
        shown(&zero, "workers"),
        "up to 8, one a processor, as memory allows (default)"
    );
}

#[test]
fn without_a_number_the_machine_decides() {
    let cores = Setup::default()
        .memory("8589934592")
        .options()
        .workers
        .value;
    let memory = Some(Bytes::new(8 << 30));
    assert_eq!(
        cores,
        Workers::Auto {
            gpus: 0,
            cores: 8,
            memory
        }
    );
    assert_eq!(cores.at_most(), 8);
    let setup = Setup {
        gpus: 4,
        ..Setup::default()
    };
    let options = setup.options();
    assert_eq!(shown(&options, "workers"), "4, one a GPU (default)");
    assert_eq!(options.workers.value.at_most(), 4);
}

#[test]
fn a_program_of_kind_http_runs_once() {
    let http = ("OPTML_HTTP", "srv");
    let found = options(&[http, ("OPTML_WORKERS", "3")]);
    let reason = "a program of kind `http` runs once";
    assert_eq!(shown(&found, "workers"), format!("1 ({reason})"));
    assert_eq!(
        found.notes,
        [format!("variable `OPTML_WORKERS` is not used: {reason}")]
    );
    assert!(options(&[http, ("OPTML_WORKERS", "1")]).notes.is_empty());
}

#[test]
fn threads_share_the_processors_unless_the_user_says() {
    let threads = options(&[("MKL_NUM_THREADS", "")]).threads;
    let each = |n_workers| {
        let all = threads.variables(n_workers);
        all.into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(each(3), ["OMP_NUM_THREADS=2", "OPENBLAS_NUM_THREADS=2"]);
    assert_eq!(each(0), ["OMP_NUM_THREADS=8", "OPENBLAS_NUM_THREADS=8"]);
    assert_eq!(each(64), ["OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1"]);
}

#[test]
fn slots_and_the_queue() {
    let found = options(&[("OPTML_SLOTS", "8"), ("TS_JOB_QUEUE_SIZE", "0")]);
    assert_eq!(found.slots.value, Some(8));
    assert_eq!(shown(&found, "queue"), "0 requests (TS_JOB_QUEUE_SIZE)");
    assert_eq!(
        shown(&found, "queue timeout"),
        "that of the request (default)"
    );
    let found = options(&[
        ("TS_JOB_QUEUE_SIZE", "1"),
        ("MMS_JOB_QUEUE_SIZE", "2"),
        ("SAGEMAKER_MODEL_JOB_QUEUE_SIZE", "3"),
        ("OPTML_QUEUE_TIMEOUT_S", "5"),
    ]);
    assert_eq!(
        shown(&found, "queue"),
        "3 requests (SAGEMAKER_MODEL_JOB_QUEUE_SIZE)"
    );
    assert_eq!(
        shown(&found, "queue timeout"),
        "5 s (OPTML_QUEUE_TIMEOUT_S)"
    );
    assert_eq!(shown(&options(&[]), "queue"), "100 requests (default)");
}

#[test]
fn a_bad_number_is_refused() {
    insta::assert_snapshot!(problems(&[
        ("OPTML_WORKERS", "0"),
        ("OPTML_SLOTS", "1025"),
        ("OPTML_QUEUE", "many"),
    ]), @"
    read variable `OPTML_WORKERS`: `0` is not between 1 and 1024
    read variable `OPTML_SLOTS`: `1025` is not between 1 and 1024
    read variable `OPTML_QUEUE`: `many` is not a whole number
    ");
    insta::assert_snapshot!(problems(&[("SAGEMAKER_MODEL_SERVER_WORKERS", "")]), @"read variable `SAGEMAKER_MODEL_SERVER_WORKERS`: `` is not a whole number");
}
