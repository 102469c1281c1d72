//! A host is gone, or never comes: all others end in time and name it, and nothing goes on running on either side.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{
    super::{Ended, Running, command_line},
    job,
};

/// As `docs/distributed.md` has it: 30 s of silence, 1 s to settle, 30 s of grace, 10 s beyond it.
const BOUND: Duration = Duration::from_secs(75);

const WAIT: &str = "import time
from mpi4py import MPI
MPI.COMM_WORLD.Barrier()
if MPI.COMM_WORLD.rank == 0:
    print('all up', flush=True)
time.sleep(1000)
";

/// A job of three hosts whose ranks have come together.
#[track_caller]
fn up() -> Running {
    let running = job(3, WAIT).start();
    running.on(1).stdout_line("all up");
    running
}

#[track_caller]
fn wait(running: Running, bound: Duration) -> Ended {
    let before = Instant::now();
    let ended = running.wait();
    assert!(
        before.elapsed() < bound,
        "{:?}\n{}",
        before.elapsed(),
        ended.log()
    );
    for host in 1..=3 {
        ended.job.check_nothing_runs(host);
    }
    ended
}

#[track_caller]
fn check_ended_badly(ended: &Ended, hosts: &[u8]) {
    for host in hosts {
        let code = ended.on(*host).code;
        assert!(
            code.is_some_and(|code| code != 0),
            "host {host}: {code:?}\n{}",
            ended.log()
        );
    }
}

#[test]
fn a_host_that_is_cut_off_is_named_and_ends_as_well() {
    let running = up();
    running.job.hosts.cut(2);
    let ended = wait(running, BOUND);
    check_ended_badly(&ended, &[1, 2, 3]);
    for host in [1, 3] {
        // Open MPI may notice it before we do.
        ended.check_report(host, &["", "host `algo-2` is gone"]);
    }
    ended.check_report(2, &["the first host `algo-1` is gone: ", "30 s"]);
}

#[test]
fn a_host_that_crashes_is_named() {
    let running = up();
    running.job.hosts.crash(3);
    let ended = wait(running, BOUND);
    assert_eq!(ended.on(3).signal, Some(9));
    check_ended_badly(&ended, &[1, 2]);
    for host in [1, 2] {
        // Open MPI may notice it before we do.
        ended.check_report(host, &["", "host `algo-3` is gone"]);
    }
}

#[test]
fn a_host_whose_container_ends_is_named_at_once() {
    let running = up();
    running.on(2).signal(Signal::KILL);
    let ended = wait(running, Duration::from_secs(25));
    check_ended_badly(&ended, &[1, 3]);
    for host in [1, 3] {
        ended.check_report(host, &["host `algo-2` is gone: "]);
    }
}

#[test]
fn a_first_host_whose_container_ends_is_named_at_once() {
    let running = up();
    running.on(1).signal(Signal::KILL);
    let ended = wait(running, Duration::from_secs(25));
    check_ended_badly(&ended, &[2, 3]);
    for host in [2, 3] {
        ended.check_report(host, &["the first host `algo-1` is gone: "]);
    }
}

#[test]
fn a_host_that_stands_still_is_named_and_ends_when_it_goes_on() {
    let running = up();
    let members = running.job.hosts.members(2);
    signal(&members, Signal::STOP);
    running.on(1).stderr_line("host `algo-2` is gone");
    signal(&members, Signal::CONT);
    let ended = wait(running, BOUND);
    check_ended_badly(&ended, &[1, 2, 3]);
    for host in [1, 3] {
        ended.check_report(host, &["", "host `algo-2` is gone"]);
    }
}

#[test]
fn a_daemon_of_open_mpi_that_is_killed_is_named_with_its_host() {
    let running = up();
    signal(&running_as(&running, 3, "orted"), Signal::KILL);
    let ended = wait(running, Duration::from_secs(25));
    ended.check_failure(
        1,
        &["Open MPI's daemon on host `algo-3` is gone", "host algo-3"],
    );
}

#[test]
fn open_mpi_that_is_killed_ends_all() {
    let running = up();
    signal(&running_as(&running, 1, "mpirun"), Signal::KILL);
    let ended = wait(running, Duration::from_secs(25));
    ended.check_failure(137, &["killed by SIGKILL", "host algo-1"]);
}

/// The processes of a host whose first word is this program.
#[track_caller]
fn running_as(running: &Running, host: u8, program: &str) -> Vec<i32> {
    let mut members = running.job.hosts.members(host);
    members.retain(|pid| {
        let words = command_line(*pid);
        let first = words.split_whitespace().next().unwrap_or_default();
        first.rsplit('/').next() == Some(program)
    });
    assert_eq!(members.len(), 1, "{program} on host {host}");
    members
}

fn signal(pids: &[i32], signal: Signal) {
    for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // One that has ended meanwhile needs none.
        let _ = kill_process(pid, signal);
    }
}

#[test]
fn a_host_that_never_comes_is_named_in_time() {
    let job = job(3, WAIT).variable("OPTML_HOST_WAIT_S", "5");
    let before = Instant::now();
    let processes = [1, 2].map(|host| job.start_on(host, &["train"]));
    let finished: Vec<_> = processes
        .into_iter()
        .map(optml_testkit::Proc::wait)
        .collect();
    assert!(
        before.elapsed() < Duration::from_secs(25),
        "{:?}",
        before.elapsed()
    );
    let ended = Ended { job, finished };
    ended.check_failure(1, &["1 of 3 hosts did not join within 5 s: `algo-3`"]);
    ended.job.check_nothing_is_left();
}

#[test]
fn a_first_host_that_never_comes_is_named_in_time() {
    let job = job(3, WAIT).variable("OPTML_HOST_WAIT_S", "5");
    let before = Instant::now();
    let processes = [2, 3].map(|host| job.start_on(host, &["train"]));
    for (host, process) in [2, 3].into_iter().zip(processes) {
        let finished = process.wait();
        assert_eq!(finished.code, Some(1), "{}", finished.stderr);
        let report = job.tree(host).read("output/failure");
        assert!(
            report.contains("the first host `algo-1` could not be joined"),
            "{report}"
        );
    }
    assert!(
        before.elapsed() < Duration::from_secs(25),
        "{:?}",
        before.elapsed()
    );
    job.check_nothing_is_left();
}
