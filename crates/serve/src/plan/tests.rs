use optml_contract::{
    Layout,
    machine::{Count, Machine},
    serving::{Circumstances, Inputs, PingCompat},
    source::Memory,
};

use super::*;
use crate::native::{Handler, HandlerError, Invocation, Reply};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

fn options(vars: &[(&str, &str)]) -> ServeOptions {
    with_files(vars, &["/b/model/code/inference.py"])
}

fn with_files(vars: &[(&str, &str)], files: &[&str]) -> ServeOptions {
    let mut source = Memory::new();
    for (name, value) in vars {
        source = source.with_var(*name, *value);
    }
    for path in files {
        source = source.with_file(*path, "");
    }
    let count = |n| Count::new(n, "given");
    ServeOptions::load(&Inputs {
        source: &source,
        layout: &Layout::at("/b"),
        machine: &Machine {
            cpus: count(4),
            gpus: count(0),
            neurons: count(0),
        },
        circumstances: Circumstances::default(),
        file: &[],
        command: None,
    })
    .unwrap()
}

fn program() -> Model {
    Model::Program {
        python: None,
        prepare: None,
    }
}

struct Nothing;

impl Handler for Nothing {
    fn invoke(&self, _invocation: &Invocation) -> Result<Reply, HandlerError> {
        Ok(Reply::text(""))
    }
}

fn native() -> Model {
    Model::Native(Box::new(Nothing))
}

fn site_of(options: &ServeOptions, model: &Model) -> Site {
    let health = Health::new(PingCompat::Strict);
    let pool = Pool::new(1, None, Rc::clone(&health));
    site(options, model, &pool, &health, None)
}

#[test]
fn workers_are_as_many_as_memory_holds() {
    let auto = |gpus, cores, memory: Option<u64>| Workers::Auto {
        gpus,
        cores,
        memory: memory.map(Bytes::new),
    };
    for (workers, rss_bytes, expected) in [
        (Workers::Fixed(3), Some(GIB << 10), 3),
        (Workers::Fixed(3), None, 3),
        (auto(0, 8, None), Some(GIB), 8),
        (auto(0, 8, Some(16 * GIB)), None, 8),
        (auto(0, 8, Some(16 * GIB)), Some(0), 8),
        (auto(0, 8, Some(16 * GIB)), Some(GIB), 8),
        // Seven tenths of it are theirs.
        (auto(0, 8, Some(10 * GIB)), Some(GIB), 7),
        (auto(0, 8, Some(10 * GIB)), Some(GIB + 64 * MIB), 6),
        (auto(0, 8, Some(10 * GIB)), Some(8 * GIB), 1),
        (auto(0, 8, Some(0)), Some(GIB), 1),
        (auto(0, 0, Some(GIB)), Some(MIB), 1),
        // One for each accelerator, whatever the memory.
        (auto(2, 8, Some(GIB)), Some(GIB), 2),
    ] {
        assert_eq!(
            n_workers(workers, rss_bytes),
            expected,
            "{workers:?} {rss_bytes:?}"
        );
    }
}

#[test]
fn accelerators_are_shared_out_unless_somebody_counts_the_workers() {
    let auto = Workers::Auto {
        gpus: 2,
        cores: 8,
        memory: None,
    };
    assert_eq!((n_gpus(auto), n_gpus(Workers::Fixed(2))), (2, 0));
}

#[test]
fn shared_memory_is_for_processes_of_our_protocol() {
    let layout = |vars: &[_], model| arena(&options(vars), &model).map(|arena| arena.layout());
    let functions = layout(&[("OPTML_WORKERS", "3")], program()).unwrap();
    assert_eq!(functions.request_slots(), MAX_REQUEST_SLOTS);
    // Two ranges of four for each, and two more.
    assert_eq!(functions.response_slots(), 8 * 4);
    assert_eq!(u64::from(functions.slot_bytes()), 100 * MIB);
    assert!(layout(&[("SAGEMAKER_SERVING_MODULE", "a:b")], program()).is_some());
    assert!(layout(&[("OPTML_EXEC", "./worker")], program()).is_some());
    assert_eq!(
        layout(&[("OPTML_HTTP", "srv --port {port}")], program()),
        None
    );
    assert_eq!(layout(&[], native()), None);
    assert_eq!(layout(&[("OPTML_SHM_MIN_KB", "0")], program()), None);
    let small = [("OPTML_MAX_BODY_MB", "1"), ("OPTML_SHM_MIN_KB", "2048")];
    assert_eq!(
        u64::from(layout(&small, program()).unwrap().slot_bytes()),
        2 * MIB
    );
    let many = layout(
        &[("OPTML_WORKERS", "1024"), ("OPTML_MAX_BODY_MB", "1")],
        program(),
    );
    assert_eq!(many.unwrap().response_slots(), MAX_RANGES * 4);
}

#[test]
fn bodies_are_looked_into_for_functions_alone() {
    let of = |vars: &[_], model| {
        let site = site_of(&options(vars), &model);
        (site.backend, site.asks_execution_parameters)
    };
    let application = ("SAGEMAKER_SERVING_MODULE", "a:b");
    assert_eq!(of(&[], program()), (Backend::Functions, false));
    assert_eq!(of(&[application], program()), (Backend::Whole, true));
    assert_eq!(
        of(&[("OPTML_EXEC", "./worker")], program()),
        (Backend::Whole, true)
    );
    assert_eq!(
        of(&[("OPTML_HTTP", "srv --port {port}")], program()),
        (Backend::Whole, true)
    );
    assert_eq!(of(&[], native()), (Backend::Whole, false));
}

#[test]
fn bounds_are_those_that_were_decided() {
    let site = site_of(&options(&[]), &program());
    let bounds = site.bounds;
    assert_eq!(
        (
            bounds.head.head_bytes,
            bounds.head.n_fields,
            bounds.head.target_bytes
        ),
        (64 << 10, 100, 8 << 10)
    );
    assert_eq!(
        (bounds.body_bytes, bounds.slot_from_bytes),
        (100 * MIB, 64 << 10)
    );
    let seconds = [
        bounds.head_time,
        bounds.body_idle,
        bounds.keep_alive,
        bounds.stream_first,
        bounds.stream_idle,
        bounds.stream_total,
        site.request_time.fallback,
    ]
    .map(|time| time.as_secs());
    assert_eq!(seconds, [10, 30, 75, 60, 60, 480, 60]);
    assert_eq!(site.request_time.fixed, None);
    assert_eq!(
        (site.execution.n_concurrent, site.execution.payload_mib),
        (4, 100)
    );
    let limits = worker_limits(&options(&[]));
    assert_eq!(
        (limits.load.as_secs(), limits.n_calls, limits.rss_bytes),
        (3600, None, None)
    );
}

#[test]
fn settings_reach_their_places() {
    let vars = [
        ("OPTML_TIMEOUT_S", "7"),
        ("OPTML_SHM_MIN_KB", "0"),
        ("OPTML_STRICT_TYPES", "off"),
        ("OPTML_STRICT_JSON", "on"),
        ("OPTML_CSV_SHAPE", "2d"),
        ("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/csv"),
        ("OPTML_WORKERS", "2"),
        ("OPTML_SLOTS", "3"),
        ("OPTML_MAX_REQUESTS", "9"),
        ("OPTML_MAX_RSS_MB", "1"),
    ];
    let options = options(&vars);
    let site = site_of(&options, &program());
    assert_eq!(site.request_time.fixed.map(|time| time.as_secs()), Some(7));
    assert_eq!(site.bounds.slot_from_bytes, u64::MAX);
    assert_eq!(site.execution.n_concurrent, 6);
    assert_eq!(site.codecs.default_accept, "text/csv");
    assert_eq!(site.codecs.mismatch, Mismatch::UseDefault);
    assert_eq!(site.codecs.non_finite, NonFinite::Refuse);
    assert_eq!(site.codecs.csv_shape, csv::Shape::TwoD);
    let limits = worker_limits(&options);
    assert_eq!((limits.n_calls, limits.rss_bytes), (Some(9), Some(MIB)));
    let launch = launch(&options, Vec::new(), Some("/py".into()), 1).unwrap();
    assert_eq!(launch.concurrency, Some(3));
}

/// What a worker is told, as text.
fn settings_of(launch: &Launch) -> Vec<(&str, String)> {
    let texts = launch.settings.iter().map(|(name, value)| {
        let name = std::str::from_utf8(name).unwrap();
        (name, String::from_utf8_lossy(value).into_owned())
    });
    texts.collect()
}

fn owned<'n>(pairs: &[(&'n str, &str)]) -> Vec<(&'n str, String)> {
    pairs
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect()
}

#[test]
fn a_python_worker_is_an_interpreter_with_our_source() {
    let launch = launch(&options(&[]), Vec::new(), Some("/py".into()), 8080).unwrap();
    assert_eq!(launch.program, PathBuf::from("/py"));
    assert_eq!(launch.arguments, ["-u", "-B", "-c", python::BOOT]);
    assert_eq!(launch.source, Some(python::SOURCE));
    // What is off or empty is not there.
    assert_eq!(
        settings_of(&launch),
        owned(&[
            ("kind", "functions"),
            ("model_dir", "/b/model"),
            ("code_dir", "/b/model/code"),
            ("entry", "inference"),
            ("model_name", "model"),
            ("server_port", "8080"),
        ])
    );
}

#[test]
fn an_application_is_told_what_it_is() {
    for (kind, expected) in [("auto", "application"), ("wsgi", "wsgi"), ("asgi", "asgi")] {
        let vars = [
            ("SAGEMAKER_SERVING_MODULE", "pkg.app:main"),
            ("OPTML_KIND", kind),
            ("OPTML_APP_PING", "on"),
        ];
        let launch = launch(&options(&vars), Vec::new(), Some("/py".into()), 1).unwrap();
        let settings = settings_of(&launch);
        for setting in [
            ("kind", expected),
            ("entry", "pkg.app:main"),
            ("app_ping", "1"),
        ] {
            assert!(
                settings.contains(&(setting.0, setting.1.to_owned())),
                "{settings:?}"
            );
        }
    }
}

#[test]
fn another_program_is_found_on_the_path_of_workers() {
    let path = |path: &str| vec![(OsString::from("PATH"), OsString::from(path))];
    let exec = options(&[("OPTML_EXEC", "sh -c 'a b'")]);
    let launch_it = |environment| launch(&exec, environment, None, 1);
    let launch = launch_it(path("/nowhere:/bin")).unwrap();
    assert_eq!(launch.program, PathBuf::from("/bin/sh"));
    assert_eq!(launch.arguments, ["-c", "a b"]);
    assert_eq!(launch.source, None);
    assert_eq!(settings_of(&launch)[0], ("kind", "exec".to_owned()));
    assert!(
        !launch
            .environment
            .iter()
            .any(|(name, _)| name == "MALLOC_TRIM_THRESHOLD_")
    );
    let error = launch_it(path("/nowhere")).unwrap_err();
    assert_eq!(error.to_string(), "no program `sh` is on PATH");
    assert!(error.hint().is_some());
}

#[test]
fn without_python_or_code_there_are_no_functions() {
    let error = launch(&options(&[]), Vec::new(), None, 1).unwrap_err();
    assert_eq!(error.to_string(), "no Python interpreter is on PATH");
    assert!(error.hint().unwrap().contains("OPTML_PYTHON"));
    let error = launch(&with_files(&[], &[]), Vec::new(), Some("/py".into()), 1).unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("there is no code: none of these is there: `/b/"),
        "{text}"
    );
    assert!(!text.contains('\n') && error.hint().is_some());
}

#[test]
fn the_environment_has_what_the_user_said_and_what_nobody_did() {
    let user = [("OMP_NUM_THREADS", "7"), ("MALLOC_TRIM_THRESHOLD_", "1")];
    let options = options(&[("OPTML_WORKERS", "2"), user[0]]);
    let environment = user
        .map(|(name, value)| (name.into(), value.into()))
        .to_vec();
    let launch = launch(&options, environment, Some("/py".into()), 1).unwrap();
    let mut names: Vec<(String, String)> = launch
        .environment
        .iter()
        .map(|(name, value)| {
            (
                name.to_string_lossy().into(),
                value.to_string_lossy().into(),
            )
        })
        .collect();
    names.sort();
    let expected = [
        ("MALLOC_MMAP_THRESHOLD_", "33554432"),
        ("MALLOC_TRIM_THRESHOLD_", "1"),
        ("MKL_NUM_THREADS", "2"),
        ("OMP_NUM_THREADS", "7"),
        ("OPENBLAS_NUM_THREADS", "2"),
    ];
    assert_eq!(
        names,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[test]
fn the_folder_of_the_code_is_watched() {
    assert_eq!(
        code_folders(&options(&[])),
        [PathBuf::from("/b/model/code")]
    );
    assert!(code_folders(&with_files(&[], &[])).is_empty());
}
