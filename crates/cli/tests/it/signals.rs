//! Stop signals, at every moment of a job.

use std::time::{Duration, Instant};

use optml_testkit::OptMl;
use rustix::process::{Pid, Signal, test_kill_process};

use crate::rig::start;

const TRAPS: &str = "import os, signal, sys, time
def stop(number, frame):
    # No print: the handler may run inside one.
    os.write(1, b'asked %d\\n' % number)
    sys.exit(CODE)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
print('up', flush=True)
while True:
    time.sleep(0.01)
";

fn script_that_ends_with(code: &str) -> OptMl {
    OptMl::with_script("train.py", &TRAPS.replace("CODE", code))
}

#[test]
fn the_script_hears_the_signal_and_its_code_counts() {
    for (signal, number) in [(Signal::TERM, 15), (Signal::INT, 2)] {
        for code in [0, 7] {
            let tree = script_that_ends_with(&code.to_string());
            let process = start(&tree, &["train"], &[]);
            process.stdout_line("up");
            process.signal(signal);
            process.stdout_line(&format!("asked {number}"));
            let finished = process.wait();
            assert_eq!(finished.code, Some(code), "{}", finished.stderr);
            assert_eq!(tree.path("output/success").exists(), code == 0);
        }
    }
}

#[test]
fn a_script_that_dies_of_the_signal_is_143() {
    let tree = OptMl::with_script(
        "train.py",
        "import time\nprint('up', flush=True)\ntime.sleep(1000)",
    );
    let process = start(&tree, &["train"], &[]);
    process.stdout_line("up");
    process.signal(Signal::TERM);
    assert_eq!(process.wait().code, Some(143));
    assert!(
        tree.read("output/failure").contains("SIGTERM"),
        "{}",
        tree.read("output/failure")
    );
}

#[test]
fn after_the_grace_everything_is_killed_and_it_is_137() {
    let script = "#!/bin/sh\ntrap '' TERM\nsh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' &\nwhile :; do sleep 1; done\n";
    let tree = OptMl::with_script("train.sh", script);
    let process = start(&tree, &["train"], &[("OPTML_STOP_GRACE_S", "1")]);
    let inner: i32 = process.stdout_line("").parse().unwrap();
    let before = Instant::now();
    process.signal(Signal::TERM);
    let finished = process.wait();
    assert_eq!(finished.code, Some(137), "{}", finished.stderr);
    assert!(before.elapsed() >= Duration::from_secs(1));
    assert!(
        test_kill_process(Pid::from_raw(inner).unwrap()).is_err(),
        "the grandchild is gone"
    );
    assert!(
        tree.read("output/failure").contains("killed"),
        "{}",
        tree.read("output/failure")
    );
}

#[test]
fn a_second_signal_skips_the_grace() {
    let tree = OptMl::with_script(
        "train.sh",
        "#!/bin/sh\ntrap 'echo asked' TERM\necho up\nwhile :; do sleep 0.01; done\n",
    );
    let process = start(&tree, &["train"], &[]);
    process.stdout_line("up");
    process.signal(Signal::TERM);
    process.stdout_line("asked");
    process.signal(Signal::TERM);
    assert_eq!(process.wait().code, Some(137));
}

#[test]
fn a_signal_while_requirements_are_installed() {
    // A requirement that is built, and whose build waits.
    let setup = "import time, sys\nsys.stderr.write('building\\n')\nopen(r'MARK', 'w').close()\ntime.sleep(1000)\n";
    let tree =
        OptMl::with_script("train.py", "print('never')").file("code/requirements.txt", "./slow\n");
    let mark = tree.path("mark");
    let tree = tree.file(
        "code/slow/setup.py",
        setup.replace("MARK", mark.to_str().unwrap()),
    );
    let wheels = tree.path("code");
    let process = start(
        &tree,
        &["train"],
        &[("OPTML_WHEELS", wheels.to_str().unwrap())],
    );
    process.stderr_line("installing");
    let deadline = Instant::now() + Duration::from_mins(1);
    while !mark.exists() {
        assert!(Instant::now() < deadline, "the build has not begun");
        std::thread::yield_now();
    }
    process.signal(Signal::TERM);
    let finished = process.wait();
    assert_eq!(finished.code, Some(143), "{}", finished.stderr);
    assert!(!finished.stdout.contains("never"));
    assert!(
        tree.read("output/failure").contains("SIGTERM"),
        "{}",
        tree.read("output/failure")
    );
}

#[test]
fn a_signal_while_hosts_are_awaited() {
    let tree = OptMl::with_script("train.py", "print('never')")
        .hosts(&["localhost", "no-such-host.invalid"]);
    let process = start(&tree, &["train"], &[]);
    process.stderr_line("no-such-host.invalid");
    process.signal(Signal::TERM);
    let finished = process.wait();
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(143), ""),
        "{}",
        finished.stderr
    );
}

#[test]
fn hosts_that_never_come_are_named() {
    let tree = OptMl::with_script("train.py", "print('never')")
        .hosts(&["localhost", "no-such-host.invalid"]);
    let finished = start(&tree, &["train"], &[("OPTML_HOST_WAIT_S", "1")]).wait();
    assert_eq!(
        (finished.code, finished.stdout.as_str()),
        (Some(1), ""),
        "{}",
        finished.stderr
    );
    let report = tree.read("output/failure");
    assert!(
        report.contains("no-such-host.invalid") && !report.contains("localhost,"),
        "{report}"
    );
}

#[test]
fn a_signal_at_any_early_moment_ends_it() {
    // From before the handlers to the running script: whenever it comes, nothing is left and the code says so.
    for delay_ms in [0, 1, 2, 4, 8, 16, 32, 64] {
        let tree = OptMl::with_script("train.py", "import time\ntime.sleep(1000)");
        let process = start(&tree, &["train"], &[]);
        std::thread::park_timeout(Duration::from_millis(delay_ms));
        process.signal(Signal::TERM);
        let finished = process.wait();
        // Killed by the signal itself only where no handler was there yet.
        let early = finished.signal == Some(15);
        assert!(
            early || finished.code == Some(143),
            "{delay_ms} ms: {finished:?}"
        );
    }
}

#[test]
fn our_own_death_takes_the_script_along() {
    let tree = OptMl::with_script(
        "train.py",
        "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(1000)",
    );
    let process = start(&tree, &["train"], &[]);
    let script: i32 = process.stdout_line("").parse().unwrap();
    process.signal(Signal::KILL);
    assert_eq!(process.wait().signal, Some(9));
    // The kernel kills the script in the same moment, but its dying takes one, and whoever adopts the dead may be slow
    // to bury them.
    let state = || std::fs::read_to_string(format!("/proc/{script}/stat")).unwrap_or_default();
    let deadline = Instant::now() + Duration::from_mins(1);
    while !state().is_empty() && !state().contains(") Z ") {
        assert!(Instant::now() < deadline, "still there: {}", state());
        std::thread::yield_now();
    }
}

#[test]
fn a_stop_during_exec_is_the_commands_business() {
    let tree = OptMl::new();
    let process = start(
        &tree,
        &[
            "exec",
            "--",
            "sh",
            "-c",
            "trap 'exit 11' TERM; echo up; while :; do sleep 0.01; done",
        ],
        &[],
    );
    process.stdout_line("up");
    process.signal(Signal::TERM);
    assert_eq!(process.wait().code, Some(11));
}

#[test]
fn a_signal_while_what_the_script_left_behind_is_ended() {
    // The script is gone; what it left has been asked to end, and doesn't. A stop now is no reason to wait for it.
    let script = "#!/bin/sh
sh -c 'trap \"echo asked\" TERM; echo >up; echo up; while :; do sleep 0.01; done' &
until [ -e up ]; do sleep 0.01; done
exit 4
";
    let tree = OptMl::with_script("train.sh", script);
    let process = start(&tree, &["train"], &[]);
    process.stdout_line("up");
    process.stdout_line("asked");
    process.signal(Signal::TERM);
    let finished = process.wait();
    assert_eq!(finished.code, Some(4), "{}", finished.stderr);
    assert!(finished.stderr.contains("outlived"), "{}", finished.stderr);
    assert!(tree.read("output/failure").contains("exit code 4"));
}
