use std::{fs, time::Duration};

use camino::Utf8Path;
use insta::assert_snapshot;

use super::{ConfigError, ProjectFile};

fn parse(text: &str) -> Result<ProjectFile, ConfigError> {
    ProjectFile::parse(Utf8Path::new("/p/optml.toml"), text)
}

fn error(text: &str) -> String {
    let error = parse(text).unwrap_err();
    match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

#[test]
fn every_key_is_read() {
    let file = parse(
        r#"
[train]
entry_point = "src/train.py"
python = ".venv/bin/python"
stop = { grace = "2m" }

[train.hyperparameters]
lr = 0.1
name = "adam"

[train.channels.training]
path = "data/training"
content_type = "text/csv"
[train.channels.far]
path = "/far"
"#,
    )
    .unwrap();
    assert_eq!(file.entry_point.as_deref(), Some("src/train.py"));
    assert_eq!(file.python.as_deref(), Some("/p/.venv/bin/python"));
    assert_eq!(file.stop_grace, Some(Duration::from_mins(2)));
    let lines: Vec<_> = file
        .hyperparameters
        .iter()
        .map(|(key, value)| (key.as_str(), value.line))
        .collect();
    assert_eq!(lines, [("lr", 8), ("name", 9)]);
    assert_eq!(file.hyperparameters["name"].value.as_str(), Some("adam"));
    assert_eq!(file.channels["training"].path, "/p/data/training");
    assert_eq!(
        file.channels["training"].content_type.as_deref(),
        Some("text/csv")
    );
    assert_eq!(file.channels["far"].path, "/far");
}

/// Each setting as `variable=value at the place`.
fn served(file: &ProjectFile) -> Vec<String> {
    let settings = file.serve.iter();
    settings
        .map(|setting| {
            let name = setting.variable.name;
            format!("{name}={} {}", setting.value, setting.origin)
        })
        .collect()
}

#[test]
fn what_serve_is_told_becomes_variables() {
    let file = parse(
        "[serve]\nhandler = 'src/inference.py'\nmodel_dir = '/m'\nport = 0\nworkers = 2\nslots = 3\n",
    );
    assert_eq!(
        served(&file.unwrap()),
        [
            "OPTML_HANDLER=/p/src/inference.py `/p/optml.toml` at `/serve/handler`",
            "OPTML_MODEL_DIR=/m `/p/optml.toml` at `/serve/model_dir`",
            "OPTML_PORT=0 `/p/optml.toml` at `/serve/port`",
            "OPTML_WORKERS=2 `/p/optml.toml` at `/serve/workers`",
            "OPTML_SLOTS=3 `/p/optml.toml` at `/serve/slots`",
        ]
    );
    let text = "[tool.optml.serve]\nworkers = 2\n";
    let file = ProjectFile::parse_pyproject(Utf8Path::new("/p/pyproject.toml"), text);
    assert_eq!(
        served(&file.unwrap().unwrap()),
        ["OPTML_WORKERS=2 `/p/pyproject.toml` at `/tool/optml/serve/workers`"]
    );
    assert_snapshot!(error("[serve]\nworker = 2\n"), @"
    `/p/optml.toml` line 2: unknown field `worker`, expected one of `handler`, `model_dir`, `port`, `workers`, `slots`: `worker = 2`
    hint: the keys are listed in docs/local.md
    ");
    assert_snapshot!(error("[serve]\nworkers = -2\n"), @"`/p/optml.toml` line 2: invalid value: integer `-2`, expected u64: `workers = -2`");
    assert_snapshot!(error("[serve]\nport = '80'\n"), @r#"`/p/optml.toml` line 2: invalid type: string "80", expected u64: `port = '80'`"#);
}

#[test]
fn an_empty_file_says_nothing() {
    assert_eq!(
        parse("").unwrap(),
        ProjectFile {
            path: "/p/optml.toml".into(),
            ..ProjectFile::default()
        }
    );
}

#[test]
fn a_bare_interpreter_is_left_to_path() {
    assert_eq!(
        parse("[train]\npython = 'python3.12'")
            .unwrap()
            .python
            .as_deref(),
        Some("python3.12")
    );
}

#[test]
fn mistakes_name_their_line_and_key() {
    assert_snapshot!(error("[train]\n\nentry_piont = 'train.py'\n"), @r"
    `/p/optml.toml` line 3: unknown field `entry_piont`, expected one of `entry_point`, `python`, `hyperparameters`, `channels`, `stop`: `entry_piont = 'train.py'`
    hint: the keys are listed in docs/local.md
    ");
    assert_snapshot!(error("[train]\nentry_point = 3\n"), @"`/p/optml.toml` line 2: invalid type: integer `3`, expected a string: `entry_point = 3`");
    assert_snapshot!(error("[train.channels.a]\ncontent_type = 'x'\n"), @"`/p/optml.toml` line 1: missing field `path`: `[train.channels.a]`");
    assert_snapshot!(error("[train]\nstop = { grace = 'soon' }\n"), @"`/p/optml.toml` line 2: expected whole seconds such as `90s` or minutes such as `2m`, at most a day: `stop = { grace = 'soon' }`");
    assert_snapshot!(error("[train]\nhyperparameters = 'lr=1'\n"), @r#"`/p/optml.toml` line 2: invalid type: string "lr=1", expected a map: `hyperparameters = 'lr=1'`"#);
    assert_snapshot!(error("[srve]\nhandler = 'x'\n"), @r"
    `/p/optml.toml` line 1: unknown field `srve`, expected `train` or `serve`: `[srve]`
    hint: the keys are listed in docs/local.md
    ");
    assert_snapshot!(error("[train\n"), @"`/p/optml.toml` line 1: unclosed table, expected `]`: `[train`");
}

#[test]
fn a_grace_is_seconds_or_minutes_of_a_day() {
    let grace = |text: &str| {
        parse(&format!("[train]\nstop = {{ grace = '{text}' }}"))
            .ok()
            .map(|file| file.stop_grace)
    };
    assert_eq!(grace("0s"), Some(Some(Duration::ZERO)));
    assert_eq!(grace("1440m"), Some(Some(Duration::from_hours(24))));
    for text in [
        "",
        "s",
        "5",
        "-1s",
        "1.5s",
        "1h",
        "86401s",
        "18446744073709551615m",
    ] {
        assert_eq!(grace(text), None, "{text}");
    }
}

#[test]
fn pyproject_counts_only_by_its_own_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(folder.path()).unwrap();
    assert_eq!(ProjectFile::load(path).unwrap(), None);

    fs::write(
        path.join("pyproject.toml"),
        "[project]\nname = 'x'\n[tool.ruff]\nline-length = 9\n",
    )
    .unwrap();
    assert_eq!(ProjectFile::load(path).unwrap(), None);

    fs::write(
        path.join("pyproject.toml"),
        "[tool.optml.train.hyperparameters]\nlr = 1\n",
    )
    .unwrap();
    let file = ProjectFile::load(path).unwrap().unwrap();
    assert_eq!(
        (file.path, file.hyperparameters["lr"].line),
        (path.join("pyproject.toml"), 2)
    );

    fs::write(path.join("pyproject.toml"), "[tool.optml]\ntrian = 1\n").unwrap();
    let wrong = ProjectFile::load(path).unwrap_err().to_string();
    assert!(wrong.contains("line 2: unknown field `trian`"), "{wrong}");

    fs::write(path.join("pyproject.toml"), "[tool.optml.train]\n").unwrap();
    fs::write(path.join("optml.toml"), "[train]\n").unwrap();
    let both = ProjectFile::load(path).unwrap_err();
    assert!(
        matches!(both, ConfigError::Both { .. }) && both.hint().is_some(),
        "{both}"
    );

    fs::write(path.join("pyproject.toml"), "[project]\nname = 'x'\n").unwrap();
    assert_eq!(
        ProjectFile::load(path).unwrap().unwrap().path,
        path.join("optml.toml")
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(folder.path()).unwrap();
    fs::create_dir(path.join("optml.toml")).unwrap();
    let error = ProjectFile::load(path).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("read `{path}/optml.toml`: ")),
        "{error}"
    );
}
