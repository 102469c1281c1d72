//! The native launcher: processes that we start ourselves, on one host and on several.

use std::time::{Duration, Instant};

use optml_testkit::OptMl;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Ended, Job, Running};

/// The machine's own: `torch` is a package of it, and it starts faster than a shim.
pub(super) const PYTHON: &str = "/usr/bin/python3";

/// A job of the native launcher.
#[track_caller]
pub(super) fn job(n_hosts: u8, n_processes: u8, script: &str) -> Job {
    Job::new(n_hosts, |tree| with_script(tree, script))
        .variable("OPTML_LAUNCHER", "native")
        .variable("OPTML_PROCESSES_PER_HOST", &n_processes.to_string())
        .variable("OPTML_PYTHON", PYTHON)
}

pub(super) fn with_script(tree: OptMl, script: &str) -> OptMl {
    tree.file("code/train.py", script)
        .hyperparameter("sagemaker_program", "train.py")
}

/// What a host has printed, in some order: processes print when they like.
pub(super) fn lines(ended: &Ended, host: u8) -> Vec<&str> {
    let mut lines: Vec<_> = ended.on(host).stdout.lines().collect();
    lines.sort_unstable();
    lines
}

/// Waits until so many processes of each host have printed a line with `text`.
#[track_caller]
pub(super) fn wait_for_all(running: &Running, n_hosts: u8, n_processes: u8, text: &str) {
    for host in 1..=n_hosts {
        for _ in 0..n_processes {
            running.on(host).stdout_line(text);
        }
    }
}

const VARIABLES: &str = "import json, os
names = ['RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'LOCAL_WORLD_SIZE', 'GROUP_RANK', 'GROUP_WORLD_SIZE', 'NODE_RANK',
         'ROLE_RANK', 'ROLE_WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT', 'OMP_NUM_THREADS', 'TORCHELASTIC_RUN_ID',
         'SM_CURRENT_HOST']
print(json.dumps({name: os.environ.get(name) for name in names}), flush=True)
";

#[test]
fn each_process_knows_its_place() {
    let ended = job(2, 2, VARIABLES).train();
    ended.check_success();
    for host in [1, 2] {
        for local in [0, 1] {
            let group = u32::from(host) - 1;
            let rank = 2 * group + local;
            let prefix = format!("rank {rank} | ");
            let line = lines(&ended, host)[local as usize].strip_prefix(&prefix);
            let said: Value = serde_json::from_str(line.unwrap_or_default()).unwrap();
            let expected = json!({
                "RANK": rank.to_string(),
                "LOCAL_RANK": local.to_string(),
                "WORLD_SIZE": "4",
                "LOCAL_WORLD_SIZE": "2",
                "GROUP_RANK": group.to_string(),
                "GROUP_WORLD_SIZE": "2",
                "NODE_RANK": group.to_string(),
                "ROLE_RANK": rank.to_string(),
                "ROLE_WORLD_SIZE": "4",
                "MASTER_ADDR": "algo-1",
                "MASTER_PORT": "7777",
                "OMP_NUM_THREADS": "1",
                "TORCHELASTIC_RUN_ID": null,
                "SM_CURRENT_HOST": format!("algo-{host}"),
            });
            assert_eq!(said, expected);
        }
    }
}

#[test]
fn lines_of_many_processes_stay_whole() {
    const N_LINES: usize = 300;
    let script = "import os
rank = os.environ['RANK']
for n in range(300):
    for part in [rank + ':', f'{n}:', 'x' * 50, '\\n']:
        os.write(1, part.encode())
os.write(1, b'no end of line')
";
    let ended = job(1, 3, script).train();
    ended.check_success();
    for rank in 0..3 {
        let prefix = format!("rank {rank} | ");
        let own = ended.on(1).stdout.lines();
        let own: Vec<_> = own.filter_map(|line| line.strip_prefix(&prefix)).collect();
        let expected = (0..N_LINES).map(|n| format!("{rank}:{n}:{}", "x".repeat(50)));
        let expected: Vec<_> = expected.chain(["no end of line".to_owned()]).collect();
        assert_eq!(own, expected);
    }
    assert_eq!(ended.on(1).stdout.lines().count(), 3 * (N_LINES + 1));
}

/// torch finds the other ranks by its variables alone.
pub(super) const SUM: &str = "import os, torch, torch.distributed as dist
dist.init_process_group('gloo')
tensor = torch.ones(1) * (dist.get_rank() + 1)
dist.all_reduce(tensor)
print('sum', int(tensor.item()), 'of', dist.get_world_size(), 'in', os.environ['SM_CURRENT_HOST'], flush=True)
";

#[test]
fn torch_adds_up_over_hosts() {
    let ended = job(2, 1, SUM).train();
    ended.check_success();
    for host in [1, 2] {
        assert_eq!(lines(&ended, host), [format!("sum 3 of 2 in algo-{host}")]);
    }
}

#[test]
fn torch_adds_up_on_one_host() {
    let ended = job(1, 2, SUM).train();
    ended.check_success();
    let expected = [0, 1].map(|rank| format!("rank {rank} | sum 3 of 2 in algo-1"));
    assert_eq!(lines(&ended, 1), expected);
}

#[test]
fn any_program_is_a_rank() {
    let script = "#!/bin/sh\necho \"$RANK of $WORLD_SIZE\" \"$@\"\n";
    let job = Job::new(2, |tree| {
        tree.file("code/train.sh", script)
            .hyperparameter("sagemaker_program", "train.sh")
            .hyperparameter("lr", "0.1")
    });
    let ended = job
        .variable("OPTML_LAUNCHER", "native")
        .variable("OPTML_PROCESSES_PER_HOST", "1")
        .train();
    ended.check_success();
    for host in [1, 2] {
        let line = format!("{} of 2 --lr 0.1", host - 1);
        assert_eq!(lines(&ended, host), [line]);
    }
}

#[test]
fn a_command_is_launched_when_that_is_asked_for() {
    let job = Job::new(2, |tree| tree);
    let words = [
        "train",
        "--launcher",
        "native",
        "--processes-per-host",
        "2",
        "--",
    ];
    let command = ["/bin/sh", "-c", "echo \"$RANK of $WORLD_SIZE\""];
    let ended = job.start_with(&[&words[..], &command].concat()).wait();
    ended.check_success();
    for host in [1, 2] {
        let ranks = [2 * host - 2, 2 * host - 1];
        let expected = ranks.map(|rank| format!("rank {rank} | {rank} of 4"));
        assert_eq!(lines(&ended, host), expected, "{}", ended.log());
    }
}

#[test]
fn one_that_fails_ends_all() {
    let script = "import os, sys, time
print('up', flush=True)
if os.environ['RANK'] == '1':
    sys.exit(7)
time.sleep(1000)
";
    let before = Instant::now();
    let ended = job(1, 3, script).train();
    ended.check_failure(7, &["exit code 7; host algo-1; rank 1"]);
    assert!(
        before.elapsed() < Duration::from_secs(20),
        "{}",
        ended.log()
    );
    let others = &ended.full_report(1)["other_ranks"];
    let others: Vec<_> = others
        .as_array()
        .unwrap()
        .iter()
        .map(|other| (other["rank"].to_string(), &other["exception"]["message"]))
        .collect();
    let expected = json!("ended when asked to");
    assert_eq!(
        others,
        [("0".to_owned(), &expected), ("2".to_owned(), &expected)]
    );
    ended.job.check_nothing_is_left();
}

#[test]
fn a_program_that_cannot_start_is_the_cause() {
    let job = job(2, 2, "import time\ntime.sleep(1000)");
    let job = job.variable_on(2, "OPTML_PYTHON", "/nowhere/python3");
    let ended = job.train();
    for host in [1, 2] {
        let report = ended.report(host);
        assert_ne!(ended.on(host).code, Some(0));
        assert!(
            report.contains("/nowhere/python3") && report.contains("algo-2"),
            "{report}"
        );
    }
    ended.job.check_nothing_is_left();
}

/// Ranks that end with a code of their own when they are asked to.
pub(super) const TRAPS: &str = "import os, signal, sys, time
def stop(number, frame):
    # No print: the handler may run inside one.
    os.write(1, b'asked\\n')
    time.sleep(float(os.environ.get('SAVES_FOR', '0')))
    os.write(1, b'saved\\n')
    sys.exit(int(os.environ.get('ENDS_WITH', '0')))
signal.signal(signal.SIGTERM, stop)
print('up', flush=True)
while True:
    time.sleep(0.05)
";

/// Ranks that do not listen.
pub(super) const DEAF: &str = "import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('up', flush=True)
time.sleep(1000)
";

#[test]
fn all_hear_the_signal_and_their_code_counts() {
    for code in [0, 7] {
        let running = job(1, 3, TRAPS)
            .variable("ENDS_WITH", &code.to_string())
            .start();
        wait_for_all(&running, 1, 3, "up");
        running.signal_all(Signal::TERM);
        let ended = running.wait();
        assert_eq!(ended.codes(), [Some(code)], "{}", ended.log());
        for word in ["asked", "saved"] {
            assert_eq!(ended.on(1).stdout.matches(word).count(), 3);
        }
        assert_eq!(ended.job.tree(1).path("output/success").exists(), code == 0);
        ended.job.check_nothing_is_left();
    }
}

#[test]
fn those_that_do_not_listen_are_killed_after_the_grace() {
    let running = job(1, 3, DEAF).variable("OPTML_STOP_GRACE_S", "1").start();
    wait_for_all(&running, 1, 3, "up");
    running.signal_all(Signal::TERM);
    let ended = running.wait();
    assert_eq!(ended.codes(), [Some(137)], "{}", ended.log());
    assert!(ended.report(1).contains("killed"), "{}", ended.report(1));
    ended.job.check_nothing_is_left();
}

#[test]
fn a_second_signal_skips_the_grace() {
    let running = job(1, 3, DEAF).start();
    wait_for_all(&running, 1, 3, "up");
    running.signal_all(Signal::TERM);
    // Two that come at once may be one to the kernel.
    running.on(1).stderr_line("stopping");
    running.signal_all(Signal::TERM);
    let ended = running.wait();
    assert_eq!(ended.codes(), [Some(137)], "{}", ended.log());
    ended.job.check_nothing_is_left();
}

#[test]
fn silence_is_taken_for_a_hang_on_all_hosts() {
    let script = "import os, time
print('up', flush=True)
while os.environ['RANK'] == '0':
    print('still there', flush=True)
    time.sleep(0.2)
time.sleep(1000)
";
    let ended = job(2, 1, script)
        .start_with(&["train", "--silence-limit", "2"])
        .wait();
    let reason = "nothing was printed for 2 s: the job is taken to hang";
    ended.check_failure(1, &[reason, "algo-2", "OPTML_SILENCE_LIMIT_S"]);
    ended.job.check_nothing_is_left();
}
