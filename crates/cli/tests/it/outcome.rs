//! Which exit code and which files each outcome gives. No path ends with 0 after a failure.

use std::fs;

use optml_testkit::OptMl;

use crate::rig::{start, train};

#[track_caller]
fn check_failure(tree: &OptMl, code: i32, first_line: &str) {
    let finished = train(tree);
    assert_eq!(finished.code, Some(code), "{}", finished.stderr);
    let report = tree.read("output/failure");
    assert_eq!(
        report.lines().next().unwrap_or_default(),
        first_line,
        "{report}"
    );
    assert!(tree.path("output/failure.json").exists());
    assert!(!tree.path("output/success").exists());
}

#[test]
fn a_good_script_leaves_success_and_ends_with_0() {
    let tree = OptMl::with_script(
        "train.py",
        "import sys, os\nprint(sys.argv[1:], os.environ['SM_HP_LR'], os.getcwd())\n",
    )
    .hyperparameter("lr", "0.1");
    let finished = train(&tree);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        finished.stdout,
        format!("['--lr', '0.1'] 0.1 {}\n", tree.path("code").display())
    );
    assert_eq!(fs::read(tree.path("output/success")).unwrap(), b"");
    assert!(!tree.path("output/failure").exists());
}

#[test]
fn the_exit_code_is_the_scripts() {
    for code in [1, 2, 3, 126, 127, 137, 255] {
        let tree = OptMl::with_script("train.py", &format!("raise SystemExit({code})"));
        let finished = train(&tree);
        assert_eq!(finished.code, Some(code), "{}", finished.stderr);
        assert!(
            tree.read("output/failure")
                .contains(&format!("exit code {code}")),
            "{}",
            tree.read("output/failure")
        );
    }
}

#[test]
fn a_signal_is_128_and_its_number() {
    for (signal, name) in [
        (11, "SIGSEGV"),
        (6, "SIGABRT"),
        (9, "SIGKILL"),
        (15, "SIGTERM"),
    ] {
        let script = format!(
            "import os, resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\nos.kill(os.getpid(), {signal})"
        );
        let tree = OptMl::with_script("train.py", &script);
        let finished = train(&tree);
        assert_eq!(finished.code, Some(128 + signal), "{}", finished.stderr);
        let report = tree.read("output/failure");
        assert!(report.contains(name), "{report}");
    }
}

#[test]
fn the_reference_style_is_always_1() {
    let tree = OptMl::with_script("train.py", "raise SystemExit(3)");
    assert_eq!(
        start(&tree, &["train"], &[("OPTML_EXIT_CODE", "reference")])
            .wait()
            .code,
        Some(1)
    );
    assert!(tree.read("output/failure").contains("exit code 3"));
    let tree = OptMl::with_script("train.py", "raise SystemExit(0)");
    assert_eq!(
        start(&tree, &["train"], &[("OPTML_EXIT_CODE", "reference")])
            .wait()
            .code,
        Some(0)
    );
}

#[test]
fn a_missing_script_is_named_with_what_there_is() {
    let tree = OptMl::new()
        .file("code/trian.py", "")
        .hyperparameter("sagemaker_program", "train.py");
    let code = tree.path("code");
    check_failure(
        &tree,
        3,
        &format!(
            "the entry point `train.py` is not in `{}`, which holds `trian.py`",
            code.display()
        ),
    );
    let tree = OptMl::new().hyperparameter("sagemaker_program", "train.sh");
    let code = tree.path("code");
    check_failure(
        &tree,
        3,
        &format!(
            "the entry point `train.sh` is not in `{}`, which holds nothing",
            code.display()
        ),
    );
}

#[test]
fn no_entry_point_at_all() {
    check_failure(&OptMl::new(), 3, "no entry point is named");
}

#[test]
fn a_missing_configuration_file_is_named() {
    let tree = OptMl::with_script("train.py", "");
    fs::remove_file(tree.path("input/config/hyperparameters.json")).unwrap();
    let file = tree.path("input/config/hyperparameters.json");
    check_failure(
        &tree,
        3,
        &format!("read `{}`: no such file", file.display()),
    );
}

#[test]
fn every_mistake_is_told_at_once() {
    let tree = OptMl::with_script("train.py", "")
        .file("input/config/resourceconfig.json", r#"{"hosts": []}"#)
        .file("input/config/inputdataconfig.json", "[1, 2");
    let finished = start(&tree, &["train"], &[("OPTML_STOP_GRACE_S", "soon")]).wait();
    assert_eq!(finished.code, Some(3));
    for wanted in [
        "OPTML_STOP_GRACE_S",
        "/current_host",
        "/hosts",
        "inputdataconfig.json",
    ] {
        let n = finished
            .stderr
            .lines()
            .filter(|line| line.contains("ERROR") && line.contains(wanted))
            .count();
        assert_eq!(n, 1, "{wanted}: {}", finished.stderr);
    }
}

#[test]
fn a_hyperparameter_that_no_process_can_be_given_is_named() {
    let tree = OptMl::with_script("train.py", "").hyperparameter("a=b", "1");
    let finished = train(&tree);
    assert_eq!(finished.code, Some(3));
    assert!(
        tree.read("output/failure").contains("a=b"),
        "{}",
        tree.read("output/failure")
    );
    let tree = OptMl::with_script("train.py", "").hyperparameter("text", "\"a\\u0000b\"");
    let finished = train(&tree);
    assert_eq!(finished.code, Some(3));
    assert!(
        tree.read("output/failure").contains("text"),
        "{}",
        tree.read("output/failure")
    );
}

#[test]
fn no_interpreter() {
    let tree = OptMl::with_script("train.py", "");
    let finished = start(&tree, &["train"], &[("PATH", "/nowhere")]).wait();
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    let report = tree.read("output/failure");
    assert!(
        report.starts_with("no Python interpreter `python3` or `python` is on PATH"),
        "{report}"
    );
}

#[test]
fn output_that_cannot_be_written_is_no_success() {
    // A file where the folder should be: nobody can write a report there, root neither.
    let tree = OptMl::with_script("train.py", "raise SystemExit(3)");
    fs::remove_dir_all(tree.path("output")).unwrap();
    fs::write(tree.path("output"), "").unwrap();
    let finished = train(&tree);
    assert_eq!(finished.code, Some(3));
    assert!(
        finished.stderr.contains("the reason is only in this log"),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stderr.contains("exit code 3"),
        "{}",
        finished.stderr
    );
}

#[test]
fn the_users_own_reason_stands() {
    let script = "import os\nopen(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('my own words')\nraise SystemExit(4)";
    let tree = OptMl::with_script("train.py", script);
    assert_eq!(train(&tree).code, Some(4));
    assert_eq!(tree.read("output/failure"), "my own words");
    assert!(tree.read("output/failure.json").contains("\"exit_code\""));
}

#[test]
fn a_hook_is_imported_and_called() {
    let package = "import sys, os\ndef main():\n    print('called', sys.argv, os.environ['SM_HP_LR'])\n    sys.exit(int(os.environ['SM_HP_CODE']))\n";
    for code in [0, 5] {
        let tree = OptMl::new()
            .file("code/my_framework/__init__.py", "")
            .file("code/my_framework/training.py", package)
            .hyperparameter("lr", "0.1")
            .hyperparameter("code", &code.to_string());
        let finished = start(
            &tree,
            &["train"],
            &[("SAGEMAKER_TRAINING_MODULE", "my_framework.training:main")],
        )
        .wait();
        assert_eq!(finished.code, Some(code), "{}", finished.stderr);
        assert_eq!(finished.stdout, "called ['train'] 0.1\n");
    }
    let tree = OptMl::new();
    let finished = start(
        &tree,
        &["train"],
        &[("SAGEMAKER_TRAINING_MODULE", "nonsense")],
    )
    .wait();
    assert_eq!(finished.code, Some(3));
}

#[test]
fn a_hook_that_raises_an_error_without_a_number_is_a_failure() {
    let tree = OptMl::new().file(
        "code/hook.py",
        "def main():\n    raise OSError('text only')\n",
    );
    let finished = start(
        &tree,
        &["train"],
        &[("SAGEMAKER_TRAINING_MODULE", "hook:main")],
    )
    .wait();
    assert_eq!(finished.code, Some(1), "the reference ends with 0 here");
    assert!(
        tree.read("output/failure")
            .starts_with("OSError: text only"),
        "{}",
        tree.read("output/failure")
    );
}

#[test]
fn a_shell_script_gets_its_words_and_every_variable() {
    let script = "#!/bin/sh\nprintf '%s|' \"$@\"; echo \"$SM_HP_LEARNING_RATE $SM_CHANNEL_MY_TRAIN\"; tr '\\0' '\\n' </proc/$$/environ | grep -c SM_HP_LEARNING-RATE=\n";
    let tree = OptMl::with_script("train.sh", script)
        .hyperparameter("learning-rate", "0.1")
        .hyperparameter("evil", "$(touch /tmp/optml-evil); `x` 'q' \"d\"")
        .channel("my-train", "a.csv", "1,2\n");
    let finished = train(&tree);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let mut lines = finished.stdout.lines();
    let channel = tree.path("input/data/my-train");
    assert_eq!(
        lines.next().unwrap(),
        format!(
            "--evil|$(touch /tmp/optml-evil); `x` 'q' \"d\"|--learning-rate|0.1|0.1 {}",
            channel.display()
        )
    );
    assert_eq!(lines.next(), Some("1"), "the exact name is there too");
}

#[test]
fn a_shell_script_without_a_first_line_or_an_execute_bit_runs() {
    let tree = OptMl::with_script("train.sh", "echo ran; exit 6\n");
    let finished = train(&tree);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(6), "ran\n"),
        "{}",
        finished.stderr
    );
}

#[test]
fn what_cannot_be_executed_says_why() {
    let tree = OptMl::with_script("train", "#!/bin/sh\r\necho hi\r\n");
    let finished = train(&tree);
    assert_eq!(finished.code, Some(1));
    let report = tree.read("output/failure");
    assert!(
        report.contains("Windows line end") && report.contains("sed -i"),
        "{report}"
    );
}

#[test]
fn a_command_runs_instead_with_the_same_environment() {
    let tree = OptMl::new().hyperparameter("lr", "0.1");
    let finished = start(
        &tree,
        &["train", "--", "sh", "-c", "echo \"$SM_HP_LR $#\"; exit 9"],
        &[],
    )
    .wait();
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(9), "0.1 0\n"),
        "{}",
        finished.stderr
    );
    assert!(tree.read("output/failure").contains("exit code 9"));
    let finished = start(
        &tree,
        &["exec", "--", "sh", "-c", "echo $SM_HP_LR; kill -9 $$"],
        &[],
    )
    .wait();
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(137), "0.1\n"),
        "{}",
        finished.stderr
    );
}

#[test]
fn no_word_at_all_trains_where_a_job_is() {
    let tree = OptMl::with_script("train.py", "print('trained')");
    let finished = start(&tree, &[], &[]).wait();
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(0), "trained\n"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_hundred_long_hyperparameters_and_a_hundred_thousand_short_ones_start() {
    let script = "import os, json\nprint(len(json.load(open(os.environ['SM_HPS_FILE']))), len(json.load(open(os.environ['SM_USER_ARGS_FILE']))), 'SM_HPS' in os.environ)";
    let mut tree = OptMl::with_script("train.py", script);
    let long: serde_json::Map<_, _> = (0..100)
        .map(|number| (format!("key-{number}"), "x".repeat(2500).into()))
        .chain([("sagemaker_program".to_owned(), "train.py".into())])
        .collect();
    tree = tree.file(
        "input/config/hyperparameters.json",
        serde_json::Value::Object(long).to_string(),
    );
    let finished = train(&tree);
    assert_eq!(
        (finished.code, finished.stdout.lines().count()),
        (Some(0), 1),
        "{}",
        finished.stderr
    );

    let many: serde_json::Map<_, _> = (0..100_000)
        .map(|number| (format!("key-{number}"), number.to_string().into()))
        .chain([("sagemaker_program".to_owned(), "train.py".into())])
        .collect();
    let tree = tree.file(
        "input/config/hyperparameters.json",
        serde_json::Value::Object(many).to_string(),
    );
    let finished = train(&tree);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(0), "100000 200000 False\n"),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stderr.contains("WARN"),
        "and it is said: {}",
        finished.stderr
    );
    assert_eq!(
        fs::read_dir(tree.path("output")).unwrap().count(),
        2,
        "the files are gone again: data and success stay"
    );
}
