//! What a person types, and what comes back.

use crate::rig::optml;

#[test]
fn alone_outside_a_container_it_prints_its_help() {
    let finished = optml(&["--base-dir-is-no-flag"]);
    assert_eq!(finished.code, Some(2));
    let nowhere = optml_testkit::OptMl::new();
    std::fs::remove_dir_all(nowhere.path("input")).unwrap();
    let finished = crate::rig::start(&nowhere, &[], &[]).wait();
    assert_eq!(finished.code, Some(0));
    assert!(finished.stdout.contains("Usage: optml"), "{finished:?}");
    assert_eq!(finished.stderr, "");
}

#[test]
fn help_tells_commands_exit_codes_and_variables() {
    let help = optml(&["--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    for word in ["train", "exec", "env", "local", "Exit codes:", "128+n"] {
        assert!(help.stdout.contains(word), "{}", help.stdout);
    }
    let help = optml(&["train", "--help"]);
    for variable in [
        "OPTML_STOP_GRACE_S",
        "OPTML_PYTHON",
        "OPTML_EXIT_CODE",
        "SAGEMAKER_BASE_DIR",
        "OPTML_LOG_FORMAT",
    ] {
        let unwrapped = help.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            unwrapped.contains(&format!("[env: {variable}]")),
            "{variable}: {}",
            help.stdout
        );
    }
}

#[test]
fn help_of_serve_tells_its_variables() {
    let help = optml(&["serve", "--help"]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
    let unwrapped = help.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in [
        "--model-dir <DIR> The directory of the model. [env: OPTML_MODEL_DIR]",
        "[env: OPTML_HANDLER]",
        "[env: OPTML_KIND] [default: auto]",
        "[env: OPTML_PORT] [default: 8080]",
        "--reload y yes t true on 1 or n no f false off 0",
        "[env: SAGEMAKER_BASE_DIR]",
        "[COMMAND]... A program with an HTTP server of its own",
    ] {
        assert!(unwrapped.contains(text), "{text}: {unwrapped}");
    }
}

#[test]
fn an_unknown_word_gets_a_remedy() {
    let finished = optml(&["python", "train.py"]);
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.stderr.contains("optml exec -- python"),
        "{}",
        finished.stderr
    );
    let finished = optml(&["trian"]);
    assert!(finished.stderr.contains("'train'"), "{}", finished.stderr);
}

#[test]
fn the_name_that_it_is_called_by_is_the_command() {
    let folder = tempfile::tempdir().unwrap();
    for (name, words) in [("train", &[][..]), ("train", &["train"][..])] {
        let link = folder.path().join(name);
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(crate::rig::binary(), &link).unwrap();
        let tree = optml_testkit::OptMl::with_script("train.py", "print('trained')");
        let base = [("SAGEMAKER_BASE_DIR", tree.base().as_os_str())];
        let finished = optml_testkit::Proc::start(&link, words, &base).wait();
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (Some(0), "trained\n"),
            "{}",
            finished.stderr
        );
    }
}

#[test]
fn a_flag_is_the_variable() {
    let tree = optml_testkit::OptMl::with_script("train.py", "raise SystemExit(5)");
    let base = tree.base().to_str().unwrap();
    let finished = optml(&["train", "--base-dir", base, "--exit-code", "reference"]);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let finished = optml(&["train", "--base-dir", base, "--stop-grace", "soon"]);
    assert_eq!(finished.code, Some(3));
    assert!(
        finished.stderr.contains("OPTML_STOP_GRACE_S"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_project_file_in_a_container_is_read_when_it_is_named() {
    let tree = optml_testkit::OptMl::new()
        .file("code/other.py", "raise SystemExit(6)")
        .file("code/optml.toml", "[train]\nentry_point = \"other.py\"\n");
    let file = tree.path("code/optml.toml");
    let file = file.to_str().unwrap();
    assert_eq!(
        crate::rig::start(&tree, &["train"], &[]).wait().code,
        Some(3),
        "it is not looked for"
    );
    let finished = crate::rig::start(&tree, &["train"], &[("OPTML_CONFIG", file)]).wait();
    assert_eq!(finished.code, Some(6), "{}", finished.stderr);
    let tree = tree.file("code/optml.toml", "[train]\nentry = 1\n");
    let finished = crate::rig::start(&tree, &["train"], &[("OPTML_CONFIG", file)]).wait();
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    let report = tree.read("output/failure");
    assert!(
        report.contains("OPTML_CONFIG") && report.contains("line 2") && report.contains("`entry`"),
        "{report}"
    );
}
