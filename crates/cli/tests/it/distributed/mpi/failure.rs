//! A rank or a host fails: all hosts end with the one cause.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    super::{BASE, Ended},
    Job, job,
};

/// From a failure until all hosts have ended; Open MPI takes 4 s for it.
const BOUND: Duration = Duration::from_secs(25);

/// The ranks come together, then one line of the job's own follows, and those that go on do so for long.
fn script(line: &str) -> String {
    format!(
        "import os, signal, sys, time, traceback
from mpi4py import MPI
rank = MPI.COMM_WORLD.rank
MPI.COMM_WORLD.Barrier()
print('up', rank, flush=True)
{line}
time.sleep(1000)
"
    )
}

/// Runs a job of two hosts with two ranks each to its failure, which must come soon.
#[track_caller]
fn fail(line: &str) -> Ended {
    let running = job(2, &script(line)).start();
    running.on(1).stdout_line("up");
    let before = Instant::now();
    let ended = running.wait();
    assert!(
        before.elapsed() < BOUND,
        "{:?}\n{}",
        before.elapsed(),
        ended.log()
    );
    ended.job.check_nothing_is_left();
    ended
}

#[test]
fn the_exception_of_a_rank_on_another_host_is_the_reason_on_all() {
    let ended = fail("if rank == 3: raise ValueError('no such layer')");
    ended.check_failure(
        1,
        &[
            "ValueError: no such layer\ntrain.py:6",
            "rank 3",
            "host algo-2",
        ],
    );
    for host in 1..=2 {
        let report = ended.full_report(host);
        assert_eq!(
            (&report["rank"], &report["host"]),
            (&json!(3), &json!("algo-2")),
            "{report}"
        );
    }
}

#[test]
fn of_many_exceptions_the_lowest_rank_is_the_reason_and_all_are_kept() {
    // Open MPI ends the others as soon as one is gone: each of them says what it has to say before that.
    let ended = fail(
        "try: raise ValueError('layer %d' % rank)
except ValueError: traceback.print_exc()
MPI.COMM_WORLD.Barrier(); sys.exit(1)",
    );
    ended.check_failure(
        1,
        &["ValueError: layer 0\ntrain.py:6", "rank 0", "host algo-1"],
    );
    for host in 1..=2 {
        let others = ended.full_report(host)["other_ranks"].clone();
        let ranks: Vec<_> = others
            .as_array()
            .unwrap()
            .iter()
            .map(|other| (other["rank"].clone(), other["exception"]["message"].clone()))
            .collect();
        let wanted = [1, 2, 3].map(|rank| (json!(rank), json!(format!("layer {rank}"))));
        assert_eq!(ranks, wanted, "{others}");
    }
}

#[test]
fn ranks_that_miss_another_are_not_the_reason() {
    let ended = fail(
        "try: raise ValueError('no such layer') if rank == 3 else ConnectionResetError('of rank %d' % rank)
except Exception: traceback.print_exc()
MPI.COMM_WORLD.Barrier(); sys.exit(1)",
    );
    ended.check_failure(
        1,
        &[
            "ValueError: no such layer\ntrain.py:6",
            "rank 3",
            "host algo-2",
        ],
    );
}

#[test]
fn ranks_that_miss_one_that_was_killed_are_not_the_reason() {
    let ended = fail(
        "if rank == 3: os.kill(os.getpid(), signal.SIGKILL)
time.sleep(0.3)
raise RuntimeError('something is wrong')",
    );
    ended.check_failure(137, &["killed by SIGKILL", "rank 3", "host algo-2"]);
}

#[test]
fn a_rank_that_is_killed_is_named_on_all_hosts() {
    let ended = fail("if rank == 3: os.kill(os.getpid(), signal.SIGKILL)");
    ended.check_failure(137, &["killed by SIGKILL", "rank 3", "host algo-2"]);
}

#[test]
fn the_exit_code_of_a_rank_is_that_of_all_hosts() {
    let ended = fail("if rank == 3: sys.stdout.flush(); os._exit(7)");
    ended.check_failure(7, &["exit code 7", "rank 3", "host algo-2"]);
}

#[test]
fn ranks_that_hang_are_ended_where_silence_has_a_limit() {
    let job = job(2, &script("")).variable("OPTML_SILENCE_LIMIT_S", "4");
    let before = Instant::now();
    let ended = job.train();
    assert!(before.elapsed() < BOUND, "{:?}", before.elapsed());
    ended.check_failure(1, &["nothing was printed for 4 s"]);
    ended.job.check_nothing_is_left();
}

#[test]
fn an_entry_point_that_one_host_lacks_is_named_with_it() {
    let job = job(2, "");
    std::fs::remove_file(job.tree(2).path("code/train.py")).unwrap();
    let ended = job.train();
    assert!(
        ended
            .codes()
            .iter()
            .all(|code| !matches!(code, Some(0) | None)),
        "{}",
        ended.log()
    );
    for host in 1..=2 {
        ended.check_report(host, &["the entry point `train.py`", "host algo-2"]);
    }
    ended.job.check_nothing_is_left();
}

#[test]
fn a_program_that_one_host_lacks_is_named_with_it() {
    let job = Job::new(2, |tree| tree.file("code/tool", "#!/bin/sh\nsleep 1000\n"));
    std::fs::remove_file(job.tree(2).path("code/tool")).unwrap();
    let ended = job
        .start_with(&["train", "--launcher", "mpirun", "--", "./tool"])
        .wait();
    assert!(
        ended
            .codes()
            .iter()
            .all(|code| !matches!(code, Some(0) | None)),
        "{}",
        ended.log()
    );
    for host in 1..=2 {
        ended.check_report(
            host,
            &[
                "while starting the script: could not start: `./tool` is not there",
                "rank 1",
                "host algo-2",
            ],
        );
    }
    ended.job.check_nothing_is_left();
}

#[test]
fn a_host_without_an_ssh_server_says_so() {
    let job = job(2, "");
    // Where the server is, next to nothing is now.
    job.run_on(2, "mount", &["-t", "tmpfs", "tmpfs", "/usr/sbin"]);
    let ended = job.variable_on(2, "PATH", "/usr/bin:/bin").train();
    ended.check_failure(
        1,
        &["`sshd` is not installed", "openssh-server", "host algo-2"],
    );
    ended.job.check_nothing_is_left();
}

#[test]
fn a_first_host_without_open_mpi_says_so() {
    let job = job(2, "");
    // What can't be executed is as good as not there.
    let file = format!("{BASE}/input/config/hyperparameters.json");
    job.run_on(1, "mount", &["--bind", &file, "/usr/bin/mpirun"]);
    let ended = job.train();
    ended.check_failure(3, &["`mpirun` needs the program `mpirun`", "host algo-1"]);
    ended.job.check_nothing_is_left();
}
