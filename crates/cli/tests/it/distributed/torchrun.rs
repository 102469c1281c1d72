//! torchrun, as Debian's torch has it, over hosts and on one.
//!
//! torch 1.13 on Python 3.11 needs `PET_REDIRECTS` and `PET_TEE`: it reads its own defaults as nothing there. It then
//! writes `[default0]:` before each line of standard output.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use optml_testkit::{Hosts, OptMl, Proc};
use rustix::process::Signal;

use super::{
    Ended, Job,
    native::{DEAF, PYTHON, SUM, TRAPS, lines, wait_for_all, with_script},
    schedulers::{WHO, outside_the_platform},
};
use crate::install::{BACKEND, PYPROJECT};

#[track_caller]
fn job(n_hosts: u8, prepare: impl Fn(OptMl) -> OptMl) -> Job {
    let with_flag =
        |tree| prepare(tree).hyperparameter("sagemaker_torch_distributed_enabled", "true");
    with_words(Job::new(n_hosts, with_flag))
}

/// What this torchrun needs to run at all, and to pass lines on as they come.
fn with_words(job: Job) -> Job {
    job.variable("PET_REDIRECTS", "1")
        .variable("PET_TEE", "1")
        .variable("PYTHONUNBUFFERED", "1")
        .variable("OPTML_PYTHON", PYTHON)
}

/// All hosts have ended well. torchrun itself leaves what it has redirected in its temporary folder.
#[track_caller]
fn check_success(ended: &Ended) {
    let n_hosts = ended.job.n_hosts();
    assert_eq!(
        ended.codes(),
        vec![Some(0); n_hosts.into()],
        "{}",
        ended.log()
    );
    for host in 1..=n_hosts {
        assert!(ended.job.tree(host).path("output/success").exists());
        ended.job.check_nothing_runs(host);
    }
}

#[test]
fn torch_adds_up_over_hosts_that_call_themselves_the_same() {
    let hosts = Hosts::all_called("aws", 2);
    let job = Job::on(hosts, 2, |tree| {
        with_script(tree, SUM).hyperparameter("sagemaker_torch_distributed_enabled", "true")
    });
    let ended = with_words(job).train();
    check_success(&ended);
    for host in [1, 2] {
        let line = format!("[default0]:sum 3 of 2 in algo-{host}");
        assert_eq!(lines(&ended, host), [line], "{}", ended.log());
    }
}

#[test]
fn a_shell_script_is_launched() {
    let script = "#!/bin/sh\necho \"$RANK of $WORLD_SIZE by $MASTER_ADDR:\" \"$@\"\n";
    let ended = job(2, |tree| {
        tree.file("code/train.sh", script)
            .hyperparameter("sagemaker_program", "train.sh")
            .hyperparameter("lr", "0.1")
    });
    let ended = ended.train();
    check_success(&ended);
    for host in [1, 2] {
        let line = format!("[default0]:{} of 2 by algo-1: --lr 0.1", host - 1);
        assert_eq!(lines(&ended, host), [line], "{}", ended.log());
    }
}

/// An environment for packages, with all that the machine's own interpreter has.
struct Venv {
    folder: tempfile::TempDir,
}

impl Venv {
    #[track_caller]
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let words = ["-m", "venv", "--without-pip", "--system-site-packages"];
        let words = words
            .map(AsRef::as_ref)
            .into_iter()
            .chain([folder.path().as_os_str()]);
        let made = Proc::start(PYTHON, words, &[]).wait();
        assert_eq!(made.code, Some(0), "{made:?}");
        Self { folder }
    }

    fn python(&self) -> PathBuf {
        self.folder.path().join("bin/python")
    }
}

#[test]
fn a_package_is_launched() {
    let module = "import os, sys
if __name__ == '__main__':
    print(os.environ['RANK'], 'of', os.environ['WORLD_SIZE'], sys.argv[1:])
";
    let (first, second) = (Venv::new(), Venv::new());
    let job = job(2, |tree| {
        tree.file("code/pyproject.toml", PYPROJECT)
            .file("code/backend.py", BACKEND)
            .file("code/optml_probe.py", module)
            .hyperparameter("sagemaker_program", "optml_probe")
            .hyperparameter("lr", "0.1")
    });
    let ended = job
        .variable_on(1, "OPTML_PYTHON", first.python().to_str().unwrap())
        .variable_on(2, "OPTML_PYTHON", second.python().to_str().unwrap())
        .train();
    check_success(&ended);
    for host in [1, 2] {
        let line = format!("[default0]:{} of 2 ['--lr', '0.1']", host - 1);
        let last = ended.on(host).stdout.lines().last();
        assert_eq!(last, Some(&*line), "{}", ended.log());
    }
}

#[test]
fn a_rank_that_fails_is_told_on_all_hosts_within_seconds() {
    // torchrun of the first host would wait for its own script, and then end well.
    let script = "import os, time
print('up', flush=True)
if os.environ['RANK'] == '3':
    def load(n):
        raise ValueError('no such label: %d' % n)
    load(7)
time.sleep(1000)
";
    let job = job(2, |tree| {
        with_script(tree, script).hyperparameter("sagemaker_mpi_num_of_processes_per_host", "2")
    });
    let running = job.start();
    for host in [1, 2] {
        running.on(host).stdout_line("up");
    }
    let before = Instant::now();
    let ended = running.wait();
    let wanted = [
        "ValueError: no such label: 7",
        "train.py:5 in load",
        "host algo-2",
    ];
    ended.check_failure(1, &wanted);
    // torchrun itself takes some seconds to end its ranks.
    assert!(
        before.elapsed() < Duration::from_secs(45),
        "{}",
        ended.log()
    );
    for host in 1..=ended.job.n_hosts() {
        ended.job.check_nothing_runs(host);
    }
}

#[test]
fn a_rank_on_a_single_host_that_fails_is_the_cause() {
    let script = "import os, time
if os.environ['RANK'] == '1':
    raise ValueError('no such label')
time.sleep(1000)
";
    let job = job(1, |tree| {
        with_script(tree, script).hyperparameter("sagemaker_mpi_num_of_processes_per_host", "2")
    });
    let ended = job.train();
    ended.check_failure(
        1,
        &["ValueError: no such label", "train.py:3", "host algo-1"],
    );
    for host in 1..=ended.job.n_hosts() {
        ended.job.check_nothing_runs(host);
    }
}

#[test]
fn a_stop_leaves_ranks_their_grace_and_their_end_counts() {
    // Of one host: the other is stopped with it.
    for signalled in [&[1, 2][..], &[2]] {
        let job = job(2, |tree| with_script(tree, TRAPS)).variable("SAVES_FOR", "3");
        let running = job.start();
        wait_for_all(&running, 2, 1, "up");
        for host in signalled {
            running.on(*host).signal(Signal::TERM);
        }
        let ended = running.wait();
        assert_eq!(ended.codes(), [Some(0); 2], "{}", ended.log());
        for host in [1, 2] {
            for word in ["asked", "saved"] {
                assert_eq!(
                    ended.on(host).stdout.matches(word).count(),
                    1,
                    "{}",
                    ended.log()
                );
            }
            ended.job.check_nothing_runs(host);
        }
    }
}

#[test]
fn ranks_that_do_not_listen_are_killed_with_torchrun() {
    let job = job(2, |tree| with_script(tree, DEAF)).variable("OPTML_STOP_GRACE_S", "2");
    let running = job.start();
    wait_for_all(&running, 2, 1, "up");
    let before = Instant::now();
    running.signal_all(Signal::TERM);
    let ended = running.wait();
    assert!(
        before.elapsed() < Duration::from_secs(30),
        "{}",
        ended.log()
    );
    for host in [1, 2] {
        assert_ne!(ended.on(host).code, Some(0), "{}", ended.log());
        assert!(ended.report(host).contains("SIGTERM"), "{}", ended.log());
        ended.job.check_nothing_runs(host);
    }
}

#[test]
fn ranks_are_started_again_when_that_is_asked_for() {
    // The second rank fails once, when both are up. Those of the other host are started again with it.
    let script = "import os, time
shared = os.environ['SHARED'] + '/'
failed = os.path.exists(shared + 'failed')
if not failed and os.environ['RANK'] == '0':
    open(shared + 'up', 'w').close()
    time.sleep(1000)
if not failed:
    while not os.path.exists(shared + 'up'):
        time.sleep(0.02)
    open(shared + 'failed', 'w').close()
    raise ValueError('for once')
print('again', os.environ['WORLD_SIZE'], flush=True)
";
    let shared = tempfile::tempdir().unwrap();
    let job = job(2, |tree| with_script(tree, script))
        .variable("SHARED", shared.path().to_str().unwrap())
        .variable(
            "OPTML_TORCHRUN_OPTIONS",
            "--rdzv_backend c10d --max_restarts 1 --monitor_interval 1",
        );
    let ended = job.train();
    check_success(&ended);
    for host in [1, 2] {
        assert_eq!(
            lines(&ended, host),
            ["[default0]:again 2"],
            "{}",
            ended.log()
        );
    }
}

#[test]
fn what_kubeflow_sets_is_understood() {
    let job = Job::new(2, |tree| with_script(tree, WHO));
    let mut job = with_words(job).variable("OPTML_LAUNCHER", "torchrun");
    for (name, value) in [
        ("PET_NNODES", "2"),
        ("PET_NPROC_PER_NODE", "1"),
        ("PET_MASTER_ADDR", "algo-1"),
        ("PET_MASTER_PORT", "29400"),
    ] {
        job = job.variable(name, value);
    }
    for host in [1, 2] {
        job = job.variable_on(host, "PET_NODE_RANK", &(host - 1).to_string());
        outside_the_platform(job.tree(host));
    }
    let ended = job.train();
    check_success(&ended);
    for host in [1, 2] {
        let line = format!("[default0]:{} 2 algo-1 29400", host - 1);
        assert_eq!(lines(&ended, host), [line], "{}", ended.log());
        assert!(
            ended.on(host).stderr.contains("PET_NNODES"),
            "{}",
            ended.log()
        );
    }
}
