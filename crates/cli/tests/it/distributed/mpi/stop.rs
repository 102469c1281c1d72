//! Stop signals: every rank hears of them, with its grace intact, on whichever host they come.

use std::time::{Duration, Instant};

use optml_testkit::Proc;
use rustix::process::Signal;

use super::{
    super::{Ended, Job, Running},
    job,
};

/// Takes longer to save than Open MPI would give it.
const SAVES: &str = "import os, signal, sys, time
from mpi4py import MPI
rank = MPI.COMM_WORLD.rank
def save(number, frame):
    time.sleep(4)
    with open('/srv/model/saved-%d' % rank, 'w') as file:
        file.write(str(number))
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
MPI.COMM_WORLD.Barrier()
if rank == 0:
    print('all up', flush=True)
while True:
    time.sleep(0.1)
";

const IGNORES: &str = "import signal, time
from mpi4py import MPI
signal.signal(signal.SIGTERM, signal.SIG_IGN)
MPI.COMM_WORLD.Barrier()
if MPI.COMM_WORLD.rank == 0:
    print('all up', flush=True)
time.sleep(1000)
";

#[track_caller]
fn up(job: Job) -> Running {
    let running = job.start();
    running.on(1).stdout_line("all up");
    running
}

/// All ranks have saved their work, and the job has ended well.
#[track_caller]
fn check_saved(running: Running) {
    let before = Instant::now();
    let ended = running.wait();
    assert!(
        before.elapsed() < Duration::from_secs(30),
        "{:?}\n{}",
        before.elapsed(),
        ended.log()
    );
    ended.check_success();
    for rank in 0..4 {
        let tree = ended.job.tree(1 + rank / 2);
        assert_eq!(
            tree.read(&format!("model/saved-{rank}")),
            "15",
            "rank {rank}\n{}",
            ended.log()
        );
    }
}

#[test]
fn a_stop_of_all_hosts_lets_all_ranks_save() {
    let running = up(job(2, SAVES));
    running.signal_all(Signal::TERM);
    check_saved(running);
}

#[test]
fn a_stop_of_the_first_host_stops_the_job_gently() {
    let running = up(job(2, SAVES));
    running.on(1).signal(Signal::TERM);
    check_saved(running);
}

#[test]
fn a_stop_of_another_host_stops_the_job_gently() {
    let running = up(job(2, SAVES));
    running.on(2).signal(Signal::TERM);
    check_saved(running);
}

#[test]
fn ranks_that_go_on_are_killed_after_the_grace() {
    let running = up(job(2, IGNORES).variable("OPTML_STOP_GRACE_S", "2"));
    let before = Instant::now();
    running.signal_all(Signal::TERM);
    let ended = running.wait();
    assert!(
        before.elapsed() < Duration::from_secs(20),
        "{:?}\n{}",
        before.elapsed(),
        ended.log()
    );
    ended.check_failure(
        137,
        &["stopped by SIGTERM (signal 15), still running after the grace period"],
    );
    ended.job.check_nothing_is_left();
}

#[test]
fn the_exit_code_of_a_rank_that_was_asked_counts() {
    let script = SAVES
        .replace("time.sleep(4)", "pass")
        .replace("sys.exit(0)", "sys.exit(5)");
    let running = up(job(2, &script));
    running.signal_all(Signal::TERM);
    let ended = running.wait();
    ended.check_failure(5, &["stopped by SIGTERM"]);
    ended.job.check_nothing_is_left();
}

#[test]
fn ranks_that_die_of_the_signal_are_143_on_all_hosts() {
    let running = up(job(2, &IGNORES.replace("signal.SIG_IGN", "signal.SIG_DFL")));
    let before = Instant::now();
    running.signal_all(Signal::TERM);
    let ended = running.wait();
    assert!(
        before.elapsed() < Duration::from_secs(20),
        "{:?}\n{}",
        before.elapsed(),
        ended.log()
    );
    ended.check_failure(143, &["stopped by SIGTERM"]);
    ended.job.check_nothing_is_left();
}

#[test]
fn a_second_stop_skips_the_grace() {
    let running = up(job(2, IGNORES));
    let before = Instant::now();
    running.signal_all(Signal::TERM);
    for process in &running.processes {
        process.stderr_line("SIGTERM");
    }
    running.signal_all(Signal::TERM);
    let ended = running.wait();
    assert!(
        before.elapsed() < Duration::from_secs(25),
        "{:?}\n{}",
        before.elapsed(),
        ended.log()
    );
    ended.check_failure(137, &["stopped by SIGTERM"]);
    ended.job.check_nothing_is_left();
}

#[test]
fn a_stop_while_a_host_is_awaited_ends_all() {
    let job = job(3, IGNORES);
    let processes = [1, 2].map(|host| job.start_on(host, &["train"]));
    for process in &processes {
        process.stderr_line("all hosts resolve");
    }
    let before = Instant::now();
    processes[0].signal(Signal::TERM);
    let finished = processes.into_iter().map(Proc::wait).collect();
    let ended = Ended { job, finished };
    assert!(
        before.elapsed() < Duration::from_secs(25),
        "{:?}\n{}",
        before.elapsed(),
        ended.log()
    );
    ended.check_failure(143, &["while ", ": stopped by SIGTERM", "host algo-1"]);
    ended.job.check_nothing_is_left();
}
