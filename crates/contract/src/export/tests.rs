use std::{
    os::unix::ffi::OsStrExt as _,
    time::{Duration, Instant},
};

use super::*;
use crate::{
    json::Json,
    layout::Layout,
    machine::{Count, Machine},
    source::Memory,
    training::Facts,
};

const ROOMY: ExecLimits = ExecLimits {
    total_bytes: 2 << 20,
    string_bytes: 128 << 10,
};

fn load(hyperparameters: &str, channels: &str) -> TrainingEnv {
    let layout = Layout::at("/b");
    let source = Memory::new()
        .with_var("SAGEMAKER_PROGRAM", "train.py")
        .with_file(layout.hyperparameters_file(), hyperparameters)
        .with_file(
            layout.resources_file(),
            r#"{"current_host": "algo-10", "hosts": ["algo-1", "algo-10", "algo-2"]}"#,
        )
        .with_file(layout.channels_file(), channels);
    let count = |n| Count::new(n, "given");
    let machine = Machine {
        cpus: count(4),
        gpus: count(0),
        neurons: count(0),
    };
    let facts = Facts {
        machine,
        smddprun_installed: false,
        smddpmprun_installed: false,
    };
    TrainingEnv::load(&source, &layout, &facts).unwrap()
}

fn render(
    hyperparameters: &str,
    channels: &str,
    inherited: &Memory,
    limits: ExecLimits,
) -> Exported {
    Exported::render(&load(hyperparameters, channels), inherited, limits).unwrap()
}

fn var<'a>(exported: &'a Exported, name: &str) -> Option<&'a str> {
    exported.var(name).map(|value| value.to_str().unwrap())
}

fn notes(exported: &Exported) -> String {
    let lines: Vec<_> = exported.notes.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn a_small_job_looks_like_this() {
    let inherited = Memory::new()
        .with_var("HOME", "/root")
        .with_var("PYTHONPATH", "/lib")
        .with_var("CURRENT_HOST", "other")
        .with_var("SM_HOSTS", "stale");
    let exported = render(
        r#"{"learning-rate": "0.1", "name": "x y"}"#,
        r#"{"my-data": {}}"#,
        &inherited,
        ROOMY,
    );
    let long = ["SM_TRAINING_ENV", "SM_RESOURCE_CONFIG"];
    let vars = exported
        .vars
        .iter()
        .filter(|(name, _)| !long.contains(&name.to_str().unwrap()));
    let lines: Vec<_> = vars
        .map(|(name, value)| format!("{}={}", name.display(), value.display()))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
    assert_eq!(exported.args, ["--learning-rate", "0.1", "--name", "x y"]);
    assert!(exported.notes.is_empty() && exported.spills.is_empty());
}

#[test]
fn names_of_the_newer_sdk_yield_to_what_is_set() {
    let inherited = Memory::new()
        .with_var("SM_MASTER_PORT", "9999")
        .with_var("SM_HP_A_B", "mine");
    let exported = render(r#"{"a-b": "1"}"#, "{}", &inherited, ROOMY);
    assert_eq!(var(&exported, "SM_MASTER_PORT"), Some("9999"));
    assert_eq!(var(&exported, "SM_HP_A_B"), Some("mine"));
    assert_eq!(
        notes(&exported),
        "variable `SM_HP_A-B` has no name for shells: `SM_HP_A_B` has the value of the inherited environment"
    );
}

#[test]
fn an_exact_name_wins_over_a_spelling_for_shells() {
    let exported = render(
        r#"{"a-b": "1", "a_b": "2", "a.c": "3", "a c": "4", "é": "5", "x.y": "6", "x-y": "6"}"#,
        "{}",
        &Memory::new(),
        ROOMY,
    );
    let values = [
        "SM_HP_A-B",
        "SM_HP_A_B",
        "SM_HP_A_C",
        "SM_HP__",
        "SM_HP_X_Y",
    ]
    .map(|name| var(&exported, name).unwrap());
    assert_eq!(values, ["1", "2", "3", "5", "6"]);
    insta::assert_snapshot!(notes(&exported), @"
    variable `SM_HP_A-B` has no name for shells: `SM_HP_A_B` has the value of `/b/input/config/hyperparameters.json` at `/a_b`
    variable `SM_HP_A C` has no name for shells: `SM_HP_A_C` has the value of `/b/input/config/hyperparameters.json` at `/a.c`
    ");
}

#[test]
fn two_values_of_one_name_are_told() {
    let exported = render(
        r#"{"lr": "1", "LR": "2"}"#,
        r#"{"train": {}, "TRAIN": {}}"#,
        &Memory::new(),
        ROOMY,
    );
    assert_eq!(
        (
            var(&exported, "SM_HP_LR"),
            var(&exported, "SM_CHANNEL_TRAIN")
        ),
        (Some("2"), Some("/b/input/data/TRAIN"))
    );
    insta::assert_snapshot!(notes(&exported), @"
    variable `SM_CHANNEL_TRAIN` has the value of `/b/input/config/inputdataconfig.json` at `/TRAIN`; `/b/input/config/inputdataconfig.json` at `/train` has the same name in upper case
    variable `SM_HP_LR` has the value of `/b/input/config/hyperparameters.json` at `/LR`; `/b/input/config/hyperparameters.json` at `/lr` has the same name in upper case
    ");
}

#[test]
fn what_no_process_can_have_is_refused_by_name() {
    let env = load(
        r#"{"a=b": "1", "nul": "\u0000", "k\u0000": "1", "half": "\"\\ud83d\"", "map": {"a": "\u0000"}, "ok": ["\ud83d\u0000"]}"#,
        r#"{"x=y": {}, "\ud800": {}}"#,
    );
    let errors = Exported::render(&env, &Memory::new(), ROOMY).unwrap_err();
    let messages: Vec<_> = errors.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(messages.join("\n"), @r"
    export `/b/input/config/inputdataconfig.json` at `/x=y`: the variable name `SM_CHANNEL_X=Y` would hold `=`
    export `/b/input/config/inputdataconfig.json` at `/�`: cannot be handed to a process: it holds the single surrogate U+D800, which has no encoding
    export `/b/input/config/hyperparameters.json` at `/a=b`: the variable name `SM_HP_A=B` would hold `=`
    export `/b/input/config/hyperparameters.json` at `/nul`: cannot be handed to a process: it holds a NUL character
    export `/b/input/config/hyperparameters.json` at `/k\u{0}`: cannot be handed to a process: it holds a NUL character
    export `/b/input/config/hyperparameters.json` at `/half`: cannot be handed to a process: it holds the single surrogate U+D83D, which has no encoding
    export `/b/input/config/hyperparameters.json` at `/map`: cannot be handed to a process: it holds a NUL character
    ");
    assert!(errors[0].hint().unwrap().contains("rename"));
}

#[test]
fn bytes_that_are_not_utf8_reach_the_script() {
    let exported = render(r#"{"raw": "\"\\udcff\""}"#, "{}", &Memory::new(), ROOMY);
    assert_eq!(exported.var("SM_HP_RAW").unwrap().as_bytes(), b"\xFF");
    assert_eq!(exported.args[1].as_bytes(), b"\xFF");
}

fn hyperparameters(n: usize, value: &str) -> String {
    let entries: Vec<_> = (0..n)
        .map(|i| format!("\"key-{i}\": \"{value}\""))
        .collect();
    format!("{{{}}}", entries.join(","))
}

#[test]
fn a_hundred_long_values_keep_their_variables_and_words() {
    let inherited = Memory::new().with_var("SM_HPS", "stale");
    let mut exported = render(
        &hyperparameters(100, &"x".repeat(2500)),
        "{}",
        &inherited,
        ROOMY,
    );
    assert_eq!(
        (
            var(&exported, "SM_HPS"),
            var(&exported, "SM_TRAINING_ENV"),
            var(&exported, "SM_USER_ARGS")
        ),
        (None, None, None)
    );
    assert_eq!(exported.args.len(), 200);
    assert_eq!(var(&exported, "SM_HP_KEY-7").unwrap().len(), 2500);
    assert_eq!(var(&exported, "SM_HP_KEY_7").unwrap().len(), 2500);
    let files: Vec<_> = exported
        .spills
        .iter()
        .map(|spill| spill.file_name.as_str())
        .collect();
    assert_eq!(
        files,
        ["sm-hps.json", "sm-training-env.json", "sm-user-args.json"]
    );
    let hps = Json::parse(&exported.spills[0].contents).unwrap();
    assert_eq!(hps.as_object().unwrap().len(), 100);
    exported.place_spills("/tmp/job".into());
    assert_eq!(var(&exported, "SM_HPS_FILE"), Some("/tmp/job/sm-hps.json"));
    assert_eq!(
        var(&exported, "SM_TRAINING_ENV_FILE"),
        Some("/tmp/job/sm-training-env.json")
    );
    insta::assert_snapshot!(notes(&exported), @"
    variable `SM_HPS` is left out: 251199 bytes, and a process takes 131072; its value is in a file
    variable `SM_TRAINING_ENV` is left out: 252271 bytes, and a process takes 131072; its value is in a file
    variable `SM_USER_ARGS` is left out: 251405 bytes, and a process takes 131072; its value is in a file
    ");
}

#[test]
fn one_huge_value_takes_the_words_with_it() {
    let exported = render(
        &format!(r#"{{"big": "{}", "small": "1"}}"#, "x".repeat(200_000)),
        "{}",
        &Memory::new(),
        ROOMY,
    );
    assert_eq!(
        (var(&exported, "SM_HP_BIG"), var(&exported, "SM_HP_SMALL")),
        (None, Some("1"))
    );
    assert!(exported.args.is_empty());
    assert_eq!(exported.spills.len(), 3);
    assert!(notes(&exported).contains("4 argument words are left out"));
}

#[test]
fn a_string_just_as_long_as_allowed_stays() {
    let value = "x".repeat((128 << 10) - "SM_HP_K=".len() - 1);
    let at_limit = render(
        &format!(r#"{{"k": "{value}"}}"#),
        "{}",
        &Memory::new(),
        ROOMY,
    );
    assert_eq!(var(&at_limit, "SM_HP_K").unwrap().len(), value.len());
    assert_eq!(at_limit.args.len(), 2);
    let above = render(
        &format!(r#"{{"k": "{value}x"}}"#),
        "{}",
        &Memory::new(),
        ROOMY,
    );
    assert_eq!(var(&above, "SM_HP_K"), None);
    assert_eq!(above.args.len(), 2);
}

#[test]
fn too_much_in_all_leaves_out_what_files_can_hold() {
    let inherited = Memory::new()
        .with_var("HOME", "/root")
        .with_var("SM_HP_KEY-1", "stale")
        .with_var("SM_HP_OTHER", "kept");
    let exported = render(&hyperparameters(20_000, "12345"), "{}", &inherited, ROOMY);
    let hyperparameters: Vec<_> = exported
        .vars
        .iter()
        .filter(|(name, _)| name.as_bytes().starts_with(b"SM_HP_"))
        .collect();
    assert_eq!(hyperparameters.len(), 1);
    assert!(exported.args.is_empty());
    assert_eq!(
        (
            var(&exported, "HOME"),
            var(&exported, "SM_USER_ENTRY_POINT")
        ),
        (Some("/root"), Some("train.py"))
    );
    assert_eq!(exported.spills.len(), 3);
    let bytes: usize = exported
        .vars
        .iter()
        .map(|(name, value)| name.len() + value.len() + 10)
        .sum();
    assert!(bytes < 8192, "{bytes} bytes are left");
    insta::assert_snapshot!(notes(&exported).lines().skip(3).collect::<Vec<_>>().join("\n"), @"
    40000 hyperparameter variables are left out: environment and arguments would have 1848104 bytes, and 1572864 are safe; `SM_HPS_FILE` names a file with all of them
    40000 argument words are left out: they are in the file that `SM_USER_ARGS_FILE` names
    ");
}

#[test]
fn a_hundred_thousand_hyperparameters_take_linear_time() {
    let time = |n: usize| {
        let json = hyperparameters(n, "0.5");
        let start = Instant::now();
        assert_eq!(render(&json, "{}", &Memory::new(), ROOMY).spills.len(), 3);
        start.elapsed()
    };
    let (small, large) = (time(25_000), time(100_000));
    // A quadratic step would take sixteen times as long; the rest is room for a busy machine.
    assert!(
        large < small * 10 + Duration::from_millis(500),
        "{small:?}, then {large:?}"
    );
}

#[test]
fn limits_are_those_of_linux() {
    let total = |stack| ExecLimits::linux(stack, 4096).total_bytes;
    assert_eq!(total(Some(8 << 20)), 2 << 20);
    assert_eq!(total(Some(0)), 128 << 10);
    assert_eq!((total(Some(1 << 40)), total(None)), (6 << 20, 6 << 20));
    assert_eq!(ExecLimits::linux(None, 4096).string_bytes, 131_072);
}
