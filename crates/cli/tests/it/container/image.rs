//! What an image needs to hold, and what may be written to: next to nothing.

use std::fs;

use optml_testkit::{Container, Finished, OptMl, Writable, busybox};

use super::{SOMEBODY, bare_image, line_job, script, shell_image};

#[track_caller]
fn check_trained(tree: &OptMl, finished: &Finished) {
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(tree.read("model/line"), "2 1\n");
    assert!(tree.path("output/success").exists());
    assert!(!tree.path("output/failure").exists());
}

#[test]
fn trains_from_nothing_but_itself_and_an_interpreter() {
    let (image, tree) = (shell_image(), line_job());
    let finished = Container::with_job(&image, &tree).run(&["/optml", "train"]);
    check_trained(&tree, &finished);
    assert_eq!(
        finished.stdout,
        "parent 1, user 0:0, home none, in /opt/ml/code\n"
    );
}

#[test]
fn as_a_user_that_nobody_knows() {
    let (image, tree) = (shell_image(), line_job());
    let container = Container {
        user: SOMEBODY,
        ..Container::with_job(&image, &tree)
    };
    let finished = container.run(&["/optml", "train"]);
    check_trained(&tree, &finished);
    assert_eq!(
        finished.stdout,
        "parent 1, user 12345:54321, home none, in /opt/ml/code\n"
    );
}

#[test]
fn wherever_it_can_write_as_long_as_it_can_write_its_results() {
    let image = shell_image();
    for user in [(0, 0), SOMEBODY] {
        for writable in [
            Writable::Everything,
            Writable::Tree,
            Writable::ModelAndOutput,
        ] {
            let tree = line_job();
            let container = Container {
                user,
                writable,
                ..Container::with_job(&image, &tree)
            };
            let finished = container.run(&["/optml", "train"]);
            check_trained(&tree, &finished);
            assert!(!finished.stderr.contains("WARN"), "{}", finished.stderr);
        }
    }
}

#[test]
fn a_failure_is_reported_from_a_read_only_root() {
    let (image, tree) = (shell_image(), script("echo no such column >&2; exit 4"));
    let container = Container {
        user: SOMEBODY,
        writable: Writable::ModelAndOutput,
        ..Container::with_job(&image, &tree)
    };
    let finished = container.run(&["/optml", "train"]);
    assert_eq!(finished.code, Some(4), "{}", finished.stderr);
    let report = tree.read("output/failure");
    assert!(
        report.starts_with("no such column\nexit code 4"),
        "{report}"
    );
}

#[test]
fn a_python_script_that_trains_a_real_model() {
    let iris = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/iris");
    let read = |file: &str| fs::read_to_string(format!("{iris}/{file}")).unwrap();
    let tree = OptMl::with_script("train.py", &read("train.py"))
        .hyperparameter("epochs", "50")
        .channel("training", "iris.csv", &read("data/training/iris.csv"));
    let image = bare_image().python();
    let container = Container {
        user: SOMEBODY,
        ..Container::with_job(&image, &tree)
    };
    let finished = container.run(&["/optml", "train"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stdout.contains("loss"), "{}", finished.stdout);
    assert!(tree.read("model/model.json").starts_with('{'));
}

#[test]
fn a_program_in_an_image_without_a_shell() {
    // Busybox does what its name says: here it is no shell, and there is none.
    let tree = OptMl::new()
        .file("code/echo", fs::read(busybox()).unwrap())
        .hyperparameter("sagemaker_program", "echo")
        .hyperparameter("lr", "0.1");
    let image = bare_image();
    let container = Container {
        user: SOMEBODY,
        ..Container::with_job(&image, &tree)
    };
    let finished = container.run(&["/optml", "train"]);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(0), "--lr 0.1\n"),
        "{}",
        finished.stderr
    );
    let finished = container.run(&["/optml", "train", "--", "/optml", "--version"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stdout.starts_with("optml "), "{}", finished.stdout);
}

#[test]
fn no_word_at_all_or_the_name_train() {
    let (image, tree) = (
        shell_image().link("/bin/train", "../optml"),
        script("echo trained $PPID"),
    );
    for words in [["/optml"], ["train"]] {
        let finished = Container::with_job(&image, &tree).run(&words);
        assert_eq!(
            (finished.code, finished.stdout.as_str()),
            (Some(0), "trained 1\n"),
            "{}",
            finished.stderr
        );
    }
}

#[test]
fn hosts_are_found_in_an_image_that_has_only_a_hosts_file() {
    let image = shell_image().file("/etc/hosts", "127.0.0.1 algo-1 algo-2 algo-3\n");
    let tree = line_job().hosts(&["algo-1", "algo-2", "algo-3"]);
    let container = Container {
        user: SOMEBODY,
        variables: &[("OPTML_HOST_WAIT_S", "20")],
        ..Container::with_job(&image, &tree)
    };
    check_trained(&tree, &container.run(&["/optml", "train"]));
}

#[test]
fn values_too_large_for_a_process_need_no_folder_for_temporary_files() {
    let lines = r#"wc -c <"$SM_HPS_FILE"; cat "$SM_USER_ARGS_FILE" | tr ',' '\n' | wc -l"#;
    let values: serde_json::Map<_, _> = (0..100_000)
        .map(|number| (format!("key-{number}"), number.to_string().into()))
        .chain([("sagemaker_program".to_owned(), "train.sh".into())])
        .collect();
    let tree = script(lines).file(
        "input/config/hyperparameters.json",
        serde_json::Value::Object(values).to_string(),
    );
    let image = shell_image();
    let container = Container {
        user: SOMEBODY,
        writable: Writable::ModelAndOutput,
        ..Container::with_job(&image, &tree)
    };
    let finished = container.run(&["/optml", "train"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let numbers: Vec<u32> = finished
        .stdout
        .lines()
        .map(|line| line.trim().parse().unwrap())
        .collect();
    assert!(numbers[0] > 1_000_000, "{numbers:?}");
    assert!(numbers[1] >= 199_999, "{numbers:?}");
}

#[test]
fn without_a_job_it_says_what_is_missing() {
    let image = shell_image();
    for user in [(0, 0), SOMEBODY] {
        let container = Container {
            user,
            ..Container::of(&image)
        };
        let finished = container.run(&["/optml", "train"]);
        assert_eq!(finished.code, Some(3), "{}", finished.stderr);
        assert!(
            finished
                .stderr
                .contains("`/opt/ml/input/config/resourceconfig.json`: no such file"),
            "{}",
            finished.stderr
        );
        assert!(
            finished.stderr.contains("the reason is only in this log"),
            "{}",
            finished.stderr
        );
        let finished = container.run(&["/optml"]);
        assert_eq!(finished.code, Some(0), "help: {}", finished.stderr);
        assert!(
            finished.stdout.contains("Usage: optml"),
            "{}",
            finished.stdout
        );
    }
}

#[test]
fn without_proc() {
    let (image, tree) = (shell_image(), line_job());
    let container = Container {
        user: SOMEBODY,
        prelude: r#"umount "$IMAGE/proc""#,
        ..Container::with_job(&image, &tree)
    };
    check_trained(&tree, &container.run(&["/optml", "train"]));
}

#[test]
fn without_proc_what_a_script_leaves_in_its_group_is_ended() {
    let image = shell_image();
    let tree = script("sleep 1000 & echo $! >$SM_MODEL_DIR/sleeper; exit 5");
    let container = Container {
        prelude: r#"umount "$IMAGE/proc""#,
        ..Container::with_job(&image, &tree)
    };
    // Not as process 1, whose end would end everything.
    let words = "/optml train; echo $?; kill -0 $(cat /opt/ml/model/sleeper) && echo left";
    let finished = container.run(&["/bin/sh", "-c", words]);
    assert_eq!(finished.stdout, "5\n", "{}", finished.stderr);
}

#[test]
fn an_image_without_the_interpreter_says_so() {
    let (image, tree) = (bare_image(), script("true"));
    let finished = Container::with_job(&image, &tree).run(&["/optml", "train"]);
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    let report = tree.read("output/failure");
    assert!(
        report.contains("its first line names the interpreter `/bin/sh`, which does not exist"),
        "{report}"
    );
}
