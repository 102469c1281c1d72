//! What `output/failure` says: the cause and the place within 1,024 bytes.

use optml_testkit::OptMl;

use crate::rig::train;

/// Runs the job to its failure; the report, which is always short enough.
#[track_caller]
fn report(tree: &OptMl) -> String {
    let finished = train(tree);
    assert_ne!(finished.code, Some(0), "{}", finished.stderr);
    let report = tree.read("output/failure");
    assert!(report.len() <= 1024, "{} bytes", report.len());
    report
}

#[track_caller]
fn check(tree: &OptMl, wanted: &[&str]) {
    let report = report(tree);
    for text in wanted {
        assert!(report.contains(text), "no {text:?} in:\n{report}");
    }
}

#[test]
fn a_plain_error_names_type_message_file_and_line() {
    let tree = OptMl::with_script(
        "train.py",
        "def load(x):\n    return float(x)\n\nload('oops')\n",
    );
    let report = report(&tree);
    let mut lines = report.lines();
    assert_eq!(
        lines.next(),
        Some("ValueError: could not convert string to float: 'oops'")
    );
    assert_eq!(lines.next(), Some("train.py:2 in load: return float(x)"));
    assert_eq!(lines.next(), Some("exit code 1; host algo-1"));
}

#[test]
fn the_last_of_a_chain_comes_first() {
    let script = "def a():\n    return {}['key']\ntry:\n    a()\nexcept KeyError as error:\n    raise RuntimeError('cannot load') from error\n";
    let report = report(&OptMl::with_script("train.py", script));
    assert!(
        report.starts_with("RuntimeError: cannot load\ntrain.py:6"),
        "{report}"
    );
    let (first, cause) = (
        report.find("RuntimeError").unwrap(),
        report.find("KeyError").unwrap(),
    );
    assert!(first < cause, "{report}");
}

#[test]
fn a_long_message_leaves_room_for_the_place() {
    let script = "raise ValueError('x' * 50_000)";
    check(
        &OptMl::with_script("train.py", script),
        &["ValueError: xxx", "train.py:1", "exit code 1", "algo-1"],
    );
}

#[test]
fn a_flood_before_the_error_does_not_hide_it() {
    let script = "import sys\nfor n in range(20_000):\n    print('Warning: harmless Exception', n, file=sys.stderr)\nraise KeyError('the real one')";
    assert!(
        report(&OptMl::with_script("train.py", script))
            .starts_with("KeyError: 'the real one'\ntrain.py:4")
    );
}

#[test]
fn exit_with_a_text() {
    let tree = OptMl::with_script("train.py", "import sys\nsys.exit('no data in the channel')");
    assert!(
        report(&tree).starts_with("no data in the channel\n"),
        "{}",
        tree.read("output/failure")
    );
}

#[test]
fn a_crash_names_the_signal() {
    let script = "import os, signal, resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))\nos.kill(os.getpid(), signal.SIGSEGV)";
    check(
        &OptMl::with_script("train.py", script),
        &["SIGSEGV", "11", "algo-1", "train.py"],
    );
}

#[test]
fn ranks_under_torchrun_report_the_lowest() {
    let script = r#"
import sys
for rank, message in [(3, "connection closed by peer"), (1, "CUDA out of memory")]:
    print(f"[rank{rank}]: Traceback (most recent call last):", file=sys.stderr)
    print(f'[rank{rank}]:   File "{__file__}", line {rank}, in step', file=sys.stderr)
    print(f"[rank{rank}]:     loss.backward()", file=sys.stderr)
    print(f"[rank{rank}]: RuntimeError: {message}", file=sys.stderr)
sys.exit(1)
"#;
    let tree = OptMl::with_script("train.py", script);
    let report = report(&tree);
    assert!(
        report.starts_with("RuntimeError: CUDA out of memory\ntrain.py:1 in step"),
        "{report}"
    );
    assert!(report.contains("rank 1"), "{report}");
    assert!(
        tree.read("output/failure.json")
            .contains("connection closed by peer")
    );
}

#[test]
fn ranks_under_open_mpi_report_the_lowest() {
    let script = r#"
import sys
lines = ["Traceback (most recent call last):", f'  File "{__file__}", line 7, in main', "    x = 1 / 0", "ZeroDivisionError: division by zero"]
for line in lines:
    for rank in (12, 2):
        print(f"[1,{rank}]<stderr>:{line}", file=sys.stderr)
print("mpirun.real noticed that the job aborted", file=sys.stderr)
sys.exit(1)
"#;
    let report = report(&OptMl::with_script("train.py", script));
    assert!(
        report.starts_with("ZeroDivisionError: division by zero\ntrain.py:7 in main"),
        "{report}"
    );
    assert!(report.contains("rank 2"), "{report}");
}

#[test]
fn a_failed_install_gives_the_installers_last_word() {
    let tree = OptMl::with_script("train.py", "")
        .file("code/requirements.txt", "no-such-package-for-optml==9\n")
        .file("wheels/.keep", "");
    let wheels = tree.path("wheels");
    let finished = crate::rig::start(
        &tree,
        &["train"],
        &[("OPTML_WHEELS", wheels.to_str().unwrap())],
    )
    .wait();
    assert_eq!(finished.code, Some(4), "{}", finished.stderr);
    let report = tree.read("output/failure");
    let first = report.lines().next().unwrap_or_default();
    assert!(first.contains("no-such-package-for-optml"), "{report}");
}

#[test]
fn a_secret_in_the_command_is_not_told() {
    let tree = OptMl::with_script("train.py", "raise SystemExit(1)")
        .hyperparameter("api_token", "hunter2-hunter2");
    let finished = train(&tree);
    for text in [
        tree.read("output/failure"),
        tree.read("output/failure.json"),
        finished.stderr,
    ] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn out_of_memory_is_said() {
    // A script that cannot have more than 400 MB says so itself; the kernel's own kill is in `container`.
    let script = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (400_000_000, 400_000_000))\nbytearray(10**9)";
    check(
        &OptMl::with_script("train.py", script),
        &["MemoryError", "train.py:3"],
    );
}
