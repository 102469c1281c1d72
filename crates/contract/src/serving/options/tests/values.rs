//! Every variable, set, empty, and wrong; and the table.

use super::{options, problems, *};
use crate::vars::Owner;

#[test]
fn the_table_of_the_defaults() {
    let rows = options(&[]).table();
    let text: Vec<_> = rows
        .iter()
        .map(|row| format!("{:29} {:47} {}", row.name, row.value, row.origin))
        .collect();
    insta::assert_snapshot!(text.join("\n"), @"
    host                          127.0.0.1                                       default
    port                          8080                                            default
    metrics port                  off                                             default
    kind                          functions                                       default
    module                        inference                                       default
    model directory               /b/model                                        default
    code directory                none                                            default
    python                        the one on PATH                                 default
    wheels                        from the package index                          default
    workers                       up to 8, one a processor, as memory allows      default
    requests at once in a worker  as its kind allows                              default
    worker replaced after         never                                           default
    worker replaced above         never                                           default
    queue                         100 requests                                    default
    queue timeout                 that of the request                             default
    largest body                  100 MiB                                         default
    all bodies at once            1 GiB                                           default
    largest head                  64 KiB                                          default
    fields in a head              100                                             default
    longest URI                   8 KiB                                           default
    connections                   4096                                            default
    request timeout               60 s, unless its header says                    default
    head timeout                  10 s                                            default
    body without progress         30 s                                            default
    idle connection               75 s                                            default
    stream: to the first item     60 s                                            default
    stream: between items         60 s                                            default
    stream: in all                480 s                                           default
    load timeout                  3600 s                                          default
    drain                         25 s                                            default
    kill grace                    2 s                                             default
    default accept                application/json                                default
    strict types                  on                                              default
    strict JSON                   off                                             default
    CSV shape                     squeezed                                        default
    shared memory from            64 KiB                                          default
    error detail                  message                                         default
    access log                    errors                                          default
    ping                          strict                                          default
    after a failure 503 for       0 s                                             default
    own health check every        5 s                                             default
    application's own ping        off                                             default
    warm-up may fail              off                                             default
    ");
}

#[test]
fn the_table_of_what_is_set() {
    let vars = [
        ("OPTML_PYTHON", "python3.12"),
        ("OPTML_WHEELS", "/wheels"),
        ("OPTML_MAX_HEADER_KB", "32"),
        ("OPTML_MAX_HEADERS", "50"),
        ("OPTML_MAX_URI_KB", "4"),
        ("OPTML_MAX_CONNECTIONS", "100"),
        ("OPTML_HEADER_TIMEOUT_S", "1"),
        ("OPTML_BODY_TIMEOUT_S", "2"),
        ("OPTML_KEEP_ALIVE_S", "0"),
        ("OPTML_STREAM_FIRST_S", "3"),
        ("OPTML_STREAM_IDLE_S", "4"),
        ("OPTML_STREAM_S", "5"),
        ("OPTML_LOAD_TIMEOUT_S", "6"),
        ("OPTML_DRAIN_S", "7"),
        ("OPTML_KILL_GRACE_S", "8"),
        ("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", " text/csv "),
        ("OPTML_STRICT_TYPES", "off"),
        ("OPTML_STRICT_JSON", " ON "),
        ("OPTML_CSV_SHAPE", "2d"),
        ("OPTML_SHM_MIN_KB", "0"),
        ("OPTML_ERROR_DETAIL", "traceback"),
        ("OPTML_ACCESS_LOG", "all"),
        ("OPTML_PING_COMPAT", "lenient"),
        ("OPTML_PING_PERIOD_S", "9"),
        ("OPTML_APP_PING", "1"),
        ("OPTML_FAIL_EXIT_S", "60"),
        ("OPTML_MAX_REQUESTS", "1000"),
        ("OPTML_MAX_RSS_MB", "2048"),
        ("OPTML_WARMUP_OPTIONAL", "yes"),
        ("OPTML_RELOAD", "on"),
        ("SAGEMAKER_BATCH", "true"),
        ("SAGEMAKER_BATCH_STRATEGY", "SINGLE_RECORD"),
        ("SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", "4"),
    ];
    let options = options(&vars);
    assert_eq!(options.notes, [""; 0]);
    let changed: Vec<_> = options
        .table()
        .into_iter()
        .filter(|row| row.origin.contains('_'))
        .map(|row| format!("{:29} {:30} {}", row.name, row.value, row.origin))
        .collect();
    // That this is a transform job is one row, and its time another.
    assert_eq!(changed.len(), vars.len() + 1);
    insta::assert_snapshot!(changed.join("\n"), @"
    python                        python3.12                     OPTML_PYTHON
    wheels                        /wheels                        OPTML_WHEELS
    worker replaced after         1000 requests                  OPTML_MAX_REQUESTS
    worker replaced above         2 GiB                          OPTML_MAX_RSS_MB
    reload                        on                             OPTML_RELOAD
    largest head                  32 KiB                         OPTML_MAX_HEADER_KB
    fields in a head              50                             OPTML_MAX_HEADERS
    longest URI                   4 KiB                          OPTML_MAX_URI_KB
    connections                   100                            OPTML_MAX_CONNECTIONS
    request timeout               3600 s, unless its header says SAGEMAKER_BATCH
    head timeout                  1 s                            OPTML_HEADER_TIMEOUT_S
    body without progress         2 s                            OPTML_BODY_TIMEOUT_S
    idle connection               0 s                            OPTML_KEEP_ALIVE_S
    stream: to the first item     3 s                            OPTML_STREAM_FIRST_S
    stream: between items         4 s                            OPTML_STREAM_IDLE_S
    stream: in all                5 s                            OPTML_STREAM_S
    load timeout                  6 s                            OPTML_LOAD_TIMEOUT_S
    drain                         7 s                            OPTML_DRAIN_S
    kill grace                    8 s                            OPTML_KILL_GRACE_S
    default accept                text/csv                       SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT
    strict types                  off                            OPTML_STRICT_TYPES
    strict JSON                   on                             OPTML_STRICT_JSON
    CSV shape                     2d                             OPTML_CSV_SHAPE
    shared memory from            never                          OPTML_SHM_MIN_KB
    error detail                  traceback                      OPTML_ERROR_DETAIL
    access log                    all                            OPTML_ACCESS_LOG
    ping                          lenient                        OPTML_PING_COMPAT
    after a failure 503 for       60 s                           OPTML_FAIL_EXIT_S
    own health check every        9 s                            OPTML_PING_PERIOD_S
    application's own ping        on                             OPTML_APP_PING
    warm-up may fail              on                             OPTML_WARMUP_OPTIONAL
    transform job                 on                             SAGEMAKER_BATCH
    batch strategy                SINGLE_RECORD                  SAGEMAKER_BATCH_STRATEGY
    concurrent transforms         4                              SAGEMAKER_MAX_CONCURRENT_TRANSFORMS
    ");
}

#[test]
fn an_empty_variable_is_what_its_page_says() {
    let plain = options(&[]);
    for variable in vars::ALL
        .iter()
        .filter(|variable| variable.owner == Owner::Serve && !UNREAD.contains(&variable.name))
    {
        let found = Setup::vars(&[(variable.name, "")]).load();
        match variable.empty {
            "An error." => {
                let problems = found.unwrap_err();
                assert_eq!(problems.len(), 1, "{problems:?}");
                assert!(problems[0].to_string().contains(variable.name));
            }
            "Like unset." => assert_eq!(found.unwrap(), plain, "{}", variable.name),
            _ => assert!(found.is_ok(), "{}", variable.name),
        }
    }
}

/// Read by [`ServingEnv`](crate::ServingEnv) alone.
const UNREAD: [&str; 1] = ["SAGEMAKER_USE_NGINX"];

#[test]
fn the_default_of_each_variable_is_what_its_page_says() {
    for variable in vars::ALL
        .iter()
        .filter(|variable| variable.owner == Owner::Serve && !variable.default.is_empty())
    {
        // Named, it is the same but for where it came from.
        let all = |options: &ServeOptions| {
            let rows = options.table();
            rows.into_iter()
                .map(|row| (row.name, row.value))
                .filter(|(name, _)| *name != "host")
                .collect::<Vec<_>>()
        };
        let plain = options(&[]);
        let named = options(&[(variable.name, variable.default)]);
        assert_eq!(all(&named), all(&plain), "{}", variable.name);
    }
}

#[test]
fn all_problems_are_reported_at_once() {
    insta::assert_snapshot!(problems(&[
        ("OPTML_STRICT_TYPES", "maybe"),
        ("OPTML_CSV_SHAPE", "3d"),
        ("OPTML_ERROR_DETAIL", "all"),
        ("OPTML_ACCESS_LOG", "on"),
        ("OPTML_PING_COMPAT", "loose"),
        ("OPTML_DRAIN_S", "86401"),
        ("OPTML_LOAD_TIMEOUT_S", "0"),
        ("OPTML_SHM_MIN_KB", "64k"),
        ("SAGEMAKER_BATCH", "si"),
        ("SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", "-1"),
        ("SAGEMAKER_MULTI_MODEL", "true"),
    ]), @"
    read variable `SAGEMAKER_BATCH`: `si` is neither true nor false
      use `true` or `false`
    read variable `SAGEMAKER_MAX_CONCURRENT_TRANSFORMS`: `-1` is not between 0 and 4294967295
    read variable `OPTML_LOAD_TIMEOUT_S`: `0` is not between 1 and 86400
    read variable `OPTML_DRAIN_S`: `86401` is not between 0 and 86400
    read variable `OPTML_SHM_MIN_KB`: `64k` is not a whole number
    read variable `OPTML_STRICT_TYPES`: `maybe` is neither true nor false
      use `true` or `false`
    read variable `OPTML_CSV_SHAPE`: `3d` is not one of `squeezed`, `2d`
    read variable `OPTML_PING_COMPAT`: `loose` is not one of `strict`, `lenient`
    read variable `OPTML_ERROR_DETAIL`: `all` is not one of `message`, `none`, `traceback`
    read variable `OPTML_ACCESS_LOG`: `on` is not one of `errors`, `off`, `all`
    read variable `SAGEMAKER_MULTI_MODEL`: many models on one endpoint are not in this version
      unset it and serve one model, or use an image that has a multi-model server
    ");
}

#[test]
fn one_model_is_no_problem() {
    assert!(
        options(&[("SAGEMAKER_MULTI_MODEL", "false")])
            .notes
            .is_empty()
    );
}

#[test]
fn what_is_not_text_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;
    let bytes = OsString::from_vec(vec![0xFF]);
    let mut setup = Setup::default();
    for name in [
        "OPTML_MODEL_DIR",
        "OPTML_PORT",
        "OPTML_KIND",
        "OPTML_RELOAD",
    ] {
        setup.source = setup.source.with_var(name, bytes.clone());
    }
    insta::assert_snapshot!(setup.problems(), @"
    read variable `OPTML_PORT`: not UTF-8
    read variable `OPTML_KIND`: `�` is not one of `auto`, `python`, `wsgi`, `asgi`, `exec`, `http`
    read variable `OPTML_MODEL_DIR`: not UTF-8
    read variable `OPTML_RELOAD`: `�` is neither true nor false
      use `true` or `false`
    ");
}

#[test]
fn what_counts_for_nothing_is_noted() {
    let notes = options(&[
        ("SAGEMAKER_HANDLER", "m:f"),
        ("SAGEMAKER_TS_BATCH_SIZE", "4"),
        ("SAGEMAKER_TS_MIN_WORKERS", ""),
        ("MMS_DEFAULT_RESPONSE_TIMEOUT", "2"),
        ("OPTML_WORKER", "2"),
    ])
    .notes;
    assert_eq!(
        notes,
        [
            "variable `SAGEMAKER_HANDLER` is not used: it has no effect in this version",
            "variable `SAGEMAKER_TS_BATCH_SIZE` is not used: it has no effect in this version",
            "variable `MMS_DEFAULT_RESPONSE_TIMEOUT` is not used: it has no effect in this version",
            "variable `OPTML_WORKER` is not used: there is no such setting",
        ]
    );
}
