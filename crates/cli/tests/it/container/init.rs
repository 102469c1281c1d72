//! As process 1: signals, orphans, and what an engine or a careless parent may leave it with.

use std::{fs, time::Instant};

use optml_testkit::Container;
use rustix::process::Signal;

use super::{SOMEBODY, line_job, script, shell_image};

const CARELESS_PARENT: &[&str] = &[
    "env",
    "--block-signal",
    "--ignore-signal=CHLD,TERM,INT,HUP,QUIT,USR1,USR2,PIPE",
];

#[test]
fn a_stop_signal_reaches_the_script_and_its_code_is_the_containers() {
    let image = shell_image();
    for (signal, name) in [(Signal::TERM, "TERM"), (Signal::INT, "INT")] {
        for code in [0, 7] {
            let tree = script(&format!(
                "trap 'echo asked; exit {code}' {name}\necho up\nwhile :; do sleep 0.01; done"
            ));
            let container = Container {
                user: SOMEBODY,
                ..Container::with_job(&image, &tree)
            };
            let running = container.start(&["/optml", "train"]);
            running.stdout_line("up");
            running.signal(signal);
            let finished = running.wait();
            assert_eq!(
                (finished.code, finished.stdout.as_str()),
                (Some(code), "up\nasked\n"),
                "{}",
                finished.stderr
            );
            assert_eq!(tree.path("output/success").exists(), code == 0);
        }
    }
}

#[test]
fn a_script_that_dies_of_the_signal_is_143() {
    let (image, tree) = (shell_image(), script("echo up; exec sleep 1000"));
    let running = Container::with_job(&image, &tree).start(&["/optml", "train"]);
    running.stdout_line("up");
    running.signal(Signal::TERM);
    assert_eq!(running.wait().code, Some(143));
    let report = tree.read("output/failure");
    assert!(report.contains("SIGTERM"), "{report}");
}

#[test]
fn after_the_grace_the_script_is_killed() {
    let (image, tree) = (
        shell_image(),
        script("trap '' TERM\necho up\nwhile :; do sleep 1; done"),
    );
    let container = Container {
        variables: &[("OPTML_STOP_GRACE_S", "1")],
        ..Container::with_job(&image, &tree)
    };
    let running = container.start(&["/optml", "train"]);
    running.stdout_line("up");
    let asked = Instant::now();
    running.signal(Signal::TERM);
    assert_eq!(running.wait().code, Some(137));
    assert!(asked.elapsed().as_secs() >= 1);
    let report = tree.read("output/failure");
    assert!(report.contains("killed"), "{report}");
}

#[test]
fn a_thousand_orphans_are_adopted_and_buried() {
    // Each `true` loses its parent, the brackets' shell; process 1 is the next of kin.
    let lines = r#"for n in $(seq 1000); do (true &); done
until set -- /proc/[0-9]*; [ $# = 2 ]; do :; done
echo "only process 1 and the script are left""#;
    let (image, tree) = (shell_image(), script(lines));
    let container = Container {
        user: SOMEBODY,
        variables: &[("OPTML_LOG_LEVEL", "debug")],
        ..Container::with_job(&image, &tree)
    };
    let finished = container.run(&["/optml", "train"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(finished.stdout, "only process 1 and the script are left\n");
    assert!(
        finished.stderr.contains("n_orphans=1000"),
        "{}",
        finished.stderr
    );
}

#[test]
fn what_outlives_the_script_is_ended_before_the_container() {
    // In sessions of their own: no group leads to them. The second takes no hint.
    let lines = r#"setsid sh -c 'trap "echo one asked; exit" TERM; echo one >&2; while :; do sleep 0.01; done' &
setsid sh -c 'trap "" TERM; echo two >&2; while :; do sleep 0.01; done' &
until grep -q one "$SM_MODEL_DIR/up" && grep -q two "$SM_MODEL_DIR/up"; do sleep 0.01; done
echo done"#;
    let lines = format!(": >$SM_MODEL_DIR/up\n{lines}").replace(">&2;", ">>$SM_MODEL_DIR/up;");
    let (image, tree) = (shell_image(), script(&lines));
    let finished = Container::with_job(&image, &tree).run(&["/optml", "train"]);
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(0), "done\none asked\n"),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stderr.contains("processes outlived the program"),
        "{}",
        finished.stderr
    );
}

#[test]
fn killed_it_takes_everything_along() {
    let (image, tree) = (
        shell_image(),
        script("setsid sleep 1000 &\necho up\nsleep 1000"),
    );
    let running = Container::with_job(&image, &tree).start(&["/optml", "train"]);
    running.stdout_line("up");
    let members = running.members();
    assert!(members.len() >= 3, "{members:?}");
    running.signal(Signal::KILL);
    assert_ne!(running.wait().code, Some(0));
    for pid in members {
        assert!(
            !fs::exists(format!("/proc/{pid}")).unwrap(),
            "{pid} is still there"
        );
    }
}

#[test]
fn signals_that_the_parent_ignores_or_blocks_still_work() {
    let (image, tree) = (
        shell_image(),
        script("trap 'echo asked; exit 6' TERM\necho up\nwhile :; do sleep 0.01; done"),
    );
    let container = Container {
        wrapper: CARELESS_PARENT,
        ..Container::with_job(&image, &tree)
    };
    let running = container.start(&["/optml", "train"]);
    running.stdout_line("up");
    running.signal(Signal::TERM);
    let finished = running.wait();
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(6), "up\nasked\n"),
        "{}",
        finished.stderr
    );
}

#[test]
fn the_script_inherits_no_blocked_or_ignored_signal() {
    let (image, tree) = (shell_image(), line_job());
    let container = Container {
        wrapper: CARELESS_PARENT,
        ..Container::with_job(&image, &tree)
    };
    let words = ["/optml", "train", "--", "/bin/cat", "/proc/self/status"];
    let finished = container.run(&words);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    for set in ["SigBlk:", "SigIgn:"] {
        let hex = finished
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix(set));
        let signals = u64::from_str_radix(hex.unwrap_or_default().trim(), 16).unwrap();
        // Beyond the 31 classic ones are those that C libraries keep for themselves.
        assert_eq!(signals & 0x7fff_ffff, 0, "{}", finished.stdout);
    }
}

#[test]
fn all_three_standard_streams_closed() {
    let lines = "readlink /proc/$$/fd/0 >$SM_MODEL_DIR/stdin
echo to nobody; echo to nobody >&2
exit 8";
    let (image, tree) = (shell_image(), script(lines));
    let container = Container {
        prelude: "exec <&- >&- 2>&-",
        ..Container::with_job(&image, &tree)
    };
    let finished = container.run(&["/optml", "train"]);
    assert_eq!(finished.code, Some(8));
    assert_eq!((finished.stdout, finished.stderr), Default::default());
    assert_eq!(tree.read("model/stdin"), "/dev/null\n");
    let report = tree.read("output/failure");
    assert!(report.contains("exit code 8"), "{report}");
    assert!(report.contains("to nobody"), "{report}");
}

#[test]
fn thirty_two_descriptors_are_enough() {
    let (image, tree) = (shell_image(), line_job());
    let container = Container {
        prelude: "ulimit -n 32",
        ..Container::with_job(&image, &tree)
    };
    let finished = container.run(&["/optml", "train"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(tree.read("model/line"), "2 1\n");
}

#[test]
fn a_thousand_inherited_descriptors_do_no_harm() {
    let (image, tree) = (shell_image(), line_job());
    let open = "import os, sys\nfor number in range(3, 1003): os.dup2(0, number)\nos.execvp(sys.argv[1], sys.argv[1:])";
    let container = Container {
        wrapper: &["python3", "-c", open],
        ..Container::with_job(&image, &tree)
    };
    let finished = container.run(&["/optml", "train"]);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(tree.read("model/line"), "2 1\n");
}
