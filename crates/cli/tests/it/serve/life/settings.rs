//! What the server is told, and how it says what it has understood.

use super::held_at;
use crate::serve::rig::Serving;

#[test]
fn the_table_at_the_start_says_each_value_and_its_origin_once() {
    let served = held_at(&[])
        .variable("SAGEMAKER_MODEL_SERVER_TIMEOUT", "7")
        .words(&["--workers", "2"])
        .ready();
    let folder = served.folder.path().display().to_string();
    let text = served.stop().stderr;
    let rows: Vec<(&str, Vec<&str>)> = text
        .lines()
        .filter(|line| line.starts_with("  ") && line.contains("  "))
        .filter_map(|line| {
            let mut columns = line
                .split("  ")
                .map(str::trim)
                .filter(|text| !text.is_empty());
            Some((columns.next()?, columns.collect()))
        })
        .collect();
    let row = |name: &str| {
        let found: Vec<&Vec<&str>> = rows
            .iter()
            .filter(|(found, _)| *found == name)
            .map(|(_, columns)| columns)
            .collect();
        assert_eq!(found.len(), 1, "{name} in {text}");
        found[0].join(" | ")
    };
    for (name, wanted) in [
        ("host", "127.0.0.1 | OPTML_HOST"),
        ("workers", "2 | OPTML_WORKERS"),
        ("kind", "functions | default"),
        ("idle connection", "75 s | default"),
        ("largest body", "100 MiB | default"),
    ] {
        assert_eq!(row(name), wanted);
    }
    assert!(row("port").ends_with("OPTML_PORT"), "{}", row("port"));
    assert!(row("model directory").starts_with(&format!("{folder}/model")));
    assert!(text.contains("SAGEMAKER_MODEL_SERVER_TIMEOUT"), "{text}");
}

#[test]
fn every_bad_variable_is_told_at_once() {
    let finished = held_at(&[])
        .variable("OPTML_PORT", "99999")
        .variable("OPTML_WORKERS", "many")
        .variable("OPTML_QUEUE", "-1")
        .variable("OPTML_TIMEOUT_S", "soon")
        .variable("OPTML_ACCESS_LOG", "some")
        .variable("SAGEMAKER_BATCH", "perhaps")
        .fails();
    assert_eq!(finished.code, Some(3));
    for name in [
        "OPTML_PORT",
        "OPTML_WORKERS",
        "OPTML_QUEUE",
        "OPTML_TIMEOUT_S",
        "OPTML_ACCESS_LOG",
        "SAGEMAKER_BATCH",
    ] {
        let lines = finished
            .stderr
            .lines()
            .filter(|line| line.starts_with("error: ") && line.contains(name));
        assert_eq!(lines.count(), 1, "{name}: {}", finished.stderr);
    }
    assert!(!finished.stderr.contains("serving on"));
}

#[test]
fn many_models_at_one_endpoint_are_refused() {
    for yes in ["true", "1", "YES"] {
        let finished = held_at(&[]).variable("SAGEMAKER_MULTI_MODEL", yes).fails();
        assert_eq!(finished.code, Some(3), "{}", finished.stderr);
        assert!(
            finished.stderr.contains("SAGEMAKER_MULTI_MODEL"),
            "{}",
            finished.stderr
        );
    }
    assert_eq!(
        held_at(&[])
            .variable("SAGEMAKER_MULTI_MODEL", "false")
            .ready()
            .ping(),
        200
    );
}

/// Variables of other servers that mean nothing here are not passed over in silence.
#[test]
fn variables_without_effect_are_named() {
    let served = held_at(&[])
        .variable("MMS_DEFAULT_RESPONSE_TIMEOUT", "5")
        .ready();
    let text = served.stop().stderr;
    let line = text
        .lines()
        .find(|line| line.contains("MMS_DEFAULT_RESPONSE_TIMEOUT"));
    assert!(line.unwrap_or_default().contains("WARN"), "{text}");
}

#[test]
fn the_environment_reaches_the_model() {
    let served = Serving::functions(
        "
import os
def model_fn(model_dir): pass
def transform_fn(model, body, content_type, accept):
    return os.environ.get(body.decode(), 'unset'), 'text/plain'
",
    )
    .variable("MY_SETTING", "of mine")
    .ready();
    assert_eq!(served.invoke("a/b", b"MY_SETTING").text(), "of mine");
    assert_eq!(served.invoke("a/b", b"OPTML_DATA_FD").text(), "unset");
}
