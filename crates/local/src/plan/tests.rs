use camino::Utf8Path;
use insta::assert_snapshot;

use super::{
    ChannelFlag, FilePlace, FlagError, LocalJob, PlanError, Program, Request, SetFlag,
    SettingOrigin, plan,
};
use crate::{
    config::ProjectFile,
    project::{FileKind, Project, ProjectEntry},
};

const CONFIG: &str = r#"
[train]
entry_point = "fit.py"
hyperparameters = { lr = 0.1, epochs = 3, name = "1e5", flags = [1, "é"], on = true, day = 2026-01-31, big = 9007199254740993 }
[train.channels.training]
path = "data/training"
content_type = "text/csv"
"#;

fn project(files: &[&str], config: &str) -> Project {
    let entry = |name: &&str| match name.strip_prefix('*') {
        Some(name) => ProjectEntry {
            name: name.to_owned(),
            kind: FileKind::Executable,
        },
        None => ProjectEntry {
            name: (*name).to_owned(),
            kind: FileKind::Plain,
        },
    };
    Project {
        folder: "/p".into(),
        file: (!config.is_empty())
            .then(|| ProjectFile::parse(Utf8Path::new("/p/optml.toml"), config).unwrap()),
        files: files.iter().map(entry).collect(),
        data: None,
    }
}

fn request(channels: &[&str], settings: &[&str]) -> Request {
    Request {
        current_directory: "/here".into(),
        channels: channels.iter().map(|text| text.parse().unwrap()).collect(),
        settings: settings.iter().map(|text| text.parse().unwrap()).collect(),
        ..Request::default()
    }
}

fn texts(job: &LocalJob) -> Vec<(&str, &str)> {
    job.hyperparameters
        .iter()
        .map(|(key, setting)| (key.as_str(), setting.text.as_str()))
        .collect()
}

#[track_caller]
fn check_script(request: &Request, project: &Project, expected: &str) {
    assert_eq!(
        plan(request, project).unwrap().program,
        Program::Script(expected.to_owned())
    );
}

#[track_caller]
fn problems(request: &Request, project: &Project) -> String {
    let problems = plan(request, project).unwrap_err();
    let lines = problems.iter().map(|problem| match problem.hint() {
        Some(hint) => format!("{problem}\n  hint: {hint}"),
        None => problem.to_string(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_first_that_names_a_script_wins() {
    let project = project(&["fit.py", "other.py", "third.py", "train.py"], CONFIG);
    let mut asked = Request::default();
    check_script(&asked, &project, "fit.py");
    asked.program = Some("third.py".to_owned());
    check_script(&asked, &project, "third.py");
    asked.script = Some("other.py".to_owned());
    check_script(&asked, &project, "other.py");
}

#[test]
fn an_obvious_script_is_found() {
    check_script(
        &Request::default(),
        &project(&["*run", "train.py", "train.sh"], ""),
        "train.py",
    );
    check_script(
        &Request::default(),
        &project(&["*run", "train.sh"], ""),
        "train.sh",
    );
    check_script(
        &Request::default(),
        &project(&["*run", "README"], ""),
        "run",
    );
    let named = "[train]\nentry_point = './src/fit.py'";
    check_script(
        &Request::default(),
        &project(&["train.py"], named),
        "./src/fit.py",
    );
}

#[test]
fn a_missing_script_is_an_error_that_says_what_is_there() {
    assert_snapshot!(problems(&Request::default(), &project(&["*a", "*b", "fit.py"], "")), @r"
    choose a script in `/p`: there is no `train.py`, no `train.sh`, and several files are executable: `a`, `b`
      hint: name it: `optml local train FILE`, `entry_point` in the `[train]` table of optml.toml, or `-- CMD...`
    ");
    assert_snapshot!(problems(&Request::default(), &project(&[], "")), @r"
    choose a script in `/p`: there is no `train.py`, no `train.sh`, and nothing is executable
      hint: name it: `optml local train FILE`, `entry_point` in the `[train]` table of optml.toml, or `-- CMD...`
    ");
    assert_snapshot!(problems(&Request::default(), &project(&["train.py"], CONFIG)), @"find the script `fit.py` (from `entry_point`) in `/p`");
}

#[test]
fn a_command_or_a_module_needs_no_script() {
    let mut asked = Request {
        module: Some("pkg.train:main".to_owned()),
        ..Request::default()
    };
    assert_eq!(
        plan(&asked, &project(&[], "")).unwrap().program,
        Program::Module("pkg.train:main".to_owned())
    );
    asked.command = vec!["R".into(), "-f".into(), "x.R".into()];
    assert_eq!(
        plan(&asked, &project(&[], "")).unwrap().program,
        Program::Command(asked.command.clone())
    );
    asked.script = Some("train.py".to_owned());
    assert_snapshot!(problems(&asked, &project(&["train.py"], "")), @r"
    run both the script `train.py` and the command after `--`
      hint: leave out one of the two
    ");
}

#[test]
fn file_values_are_json_and_flags_are_as_typed() {
    let job = plan(
        &request(&[], &["lr=oops", "url=a=b", "empty="]),
        &project(&["fit.py"], CONFIG),
    )
    .unwrap();
    assert_eq!(
        texts(&job),
        [
            ("big", "9007199254740993"),
            ("day", r#""2026-01-31""#),
            ("empty", ""),
            ("epochs", "3"),
            ("flags", r#"[1,"\u00e9"]"#),
            ("lr", "oops"),
            ("name", r#""1e5""#),
            ("on", "true"),
            ("url", "a=b"),
        ]
    );
    let place = FilePlace {
        path: "/p/optml.toml".into(),
        line: 4,
    };
    assert_eq!(
        job.hyperparameters["epochs"].origin,
        SettingOrigin::File(place.clone())
    );
    assert_eq!(
        job.hyperparameters["url"].origin,
        SettingOrigin::Flag { replaced: None }
    );
    let replaced = Some((place, "0.1".to_owned()));
    assert_eq!(
        job.hyperparameters["lr"].origin,
        SettingOrigin::Flag { replaced }
    );
}

#[test]
fn channels_of_the_command_line_come_before_those_of_the_file() {
    let project = project(&["fit.py"], CONFIG);
    let job = plan(&request(&["training=big.csv", "val.2=/abs"], &[]), &project).unwrap();
    let channels: Vec<_> = job
        .channels
        .iter()
        .map(|(name, channel)| (name.as_str(), channel.path.as_str()))
        .collect();
    assert_eq!(channels, [("training", "/here/big.csv"), ("val.2", "/abs")]);
    assert_eq!(
        job.channels["training"].content_type.as_deref(),
        Some("text/csv")
    );
    let job = plan(&request(&[], &[]), &project).unwrap();
    assert_eq!(job.channels["training"].path, "/p/data/training");
    assert_eq!(job.notes, Vec::<String>::new());
}

#[test]
fn without_channels_the_subfolders_of_data_are_channels() {
    let mut project = project(&["train.py"], "");
    project.data = Some(vec![
        "odd name".to_owned(),
        "test".to_owned(),
        "training".to_owned(),
    ]);
    let job = plan(&request(&[], &[]), &project).unwrap();
    let channels: Vec<_> = job
        .channels
        .iter()
        .map(|(name, channel)| (name.as_str(), channel.path.as_str()))
        .collect();
    assert_eq!(
        channels,
        [("test", "/p/data/test"), ("training", "/p/data/training")]
    );
    assert_eq!(
        job.notes,
        [
            "no channel from data/: `odd name` (not a channel name)",
            "channels are the subfolders of data/, because none is configured",
        ]
    );
    let job = plan(&request(&["a=b"], &[]), &project).unwrap();
    assert_eq!(job.channels.keys().collect::<Vec<_>>(), ["a"]);
    project.data = Some(Vec::new());
    assert_eq!(
        plan(&request(&[], &[]), &project).unwrap().notes,
        ["no channel: data/ has no subfolder"]
    );
}

#[test]
fn every_mistake_is_reported() {
    let asked = request(
        &["a=1", "a=2", "../up=x", "..=x", "ü=x"],
        &[
            "k=1",
            "k=2",
            "sagemaker_program=x.py",
            "sagemaker_submit_directory=s3://b/k",
        ],
    );
    assert_snapshot!(problems(&asked, &project(&[], "")), @r"
    choose a script in `/p`: there is no `train.py`, no `train.sh`, and nothing is executable
      hint: name it: `optml local train FILE`, `entry_point` in the `[train]` table of optml.toml, or `-- CMD...`
    set the hyperparameter `k` twice
    set the hyperparameter `sagemaker_program`: here it follows from the project
      hint: name the script on the command line: `optml local train FILE`
    set the hyperparameter `sagemaker_submit_directory`: here it follows from the project
      hint: name the script on the command line: `optml local train FILE`
    give the channel `a` twice
    name a channel `..`: letters, digits, `.`, `-` and `_` are accepted
    name a channel `../up`: letters, digits, `.`, `-` and `_` are accepted
    name a channel `ü`: letters, digits, `.`, `-` and `_` are accepted
    ");
}

#[test]
fn flags_are_a_name_and_a_value() {
    assert_eq!(
        "a=b=c".parse(),
        Ok(ChannelFlag {
            name: "a".to_owned(),
            path: "b=c".into()
        })
    );
    assert_eq!(
        "a=".parse(),
        Ok(SetFlag {
            key: "a".to_owned(),
            value: String::new()
        })
    );
    assert_eq!(
        "a=".parse::<ChannelFlag>(),
        Err(FlagError::NoPath("a=".to_owned()))
    );
    assert_eq!(
        "=a".parse::<SetFlag>(),
        Err(FlagError::NoName("=a".to_owned()))
    );
    assert_eq!(
        "a".parse::<SetFlag>(),
        Err(FlagError::NoEquals("a".to_owned()))
    );
}

#[test]
fn a_channel_that_is_not_there_is_named() {
    let job = plan(
        &request(&["a=/nowhere/1", "b=/", "c=/nowhere/2"], &[]),
        &project(&["train.py"], ""),
    )
    .unwrap();
    let missing = |name: &str, path: &str| PlanError::ChannelMissing {
        name: name.to_owned(),
        path: path.into(),
    };
    assert_eq!(
        job.check_channels(),
        Err(vec![missing("a", "/nowhere/1"), missing("c", "/nowhere/2")])
    );
}
