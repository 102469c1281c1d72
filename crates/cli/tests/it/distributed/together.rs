//! Hosts that end together: the cause is told everywhere, whatever happens to whom.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use optml_testkit::MemoryGroup;
use rustix::process::Signal;
use serde_json::Value;

use super::{
    Ended, Job, Running,
    native::{DEAF, TRAPS, job, wait_for_all},
};
use crate::install::{PYPROJECT, Venv};

/// Between a failure and the end of all hosts, where every process ends when it is asked to.
const SOON: Duration = Duration::from_secs(25);
/// The same where a host falls silent: that is noticed after 30 s.
const SILENT: Duration = Duration::from_mins(1);

/// Says that it is there, and stays.
const WAITS: &str = "import time\nprint('up', flush=True)\ntime.sleep(1000)\n";

/// The other ranks of a report, each with the name of its exception.
#[track_caller]
fn others(ended: &Ended, host: u8) -> Vec<(u64, String)> {
    let report = ended.full_report(host);
    let others = report["other_ranks"].as_array().unwrap().iter();
    let named = others.map(|other| {
        let exception = &other["exception"];
        let name = [&exception["type"], &exception["message"]]
            .into_iter()
            .filter_map(Value::as_str)
            .find(|text| !text.is_empty());
        (
            other["rank"].as_u64().unwrap(),
            name.unwrap_or_default().to_owned(),
        )
    });
    named.collect()
}

#[track_caller]
fn check_soon(ended: &Ended, since: Instant, bound: Duration) {
    let took = since.elapsed();
    assert!(took < bound, "{took:?}\n{}", ended.log());
}

/// One process of each host, which waits; and all are up.
#[track_caller]
fn up(n_hosts: u8, script: &str) -> Running {
    let running = job(n_hosts, 1, script).start();
    wait_for_all(&running, n_hosts, 1, "up");
    running
}

#[test]
fn the_cause_is_told_and_not_what_follows_from_it() {
    // The last rank resets its connections when it goes, as a process does that ends with unread data.
    let script = "import os, socket, struct, time
rank = int(os.environ['RANK'])
if rank == 3:
    with socket.create_server(('', 5000)) as server:
        clients = [server.accept()[0] for _ in range(3)]
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    raise ValueError('no such label: 7')
for _ in range(600):
    try:
        client = socket.create_connection(('algo-2', 5000))
        break
    except ConnectionRefusedError:
        time.sleep(0.05)
client.recv(1)
";
    let ended = job(2, 2, script).train();
    let wanted = [
        "ValueError: no such label: 7",
        "train.py:8",
        "rank 3",
        "host algo-2",
    ];
    ended.check_failure(1, &wanted);
    for host in [1, 2] {
        let expected = [0, 1, 2].map(|rank| (rank, "ConnectionResetError".to_owned()));
        assert_eq!(others(&ended, host), expected, "{}", ended.log());
    }
    ended.job.check_nothing_is_left();
}

#[test]
fn of_several_causes_the_lowest_rank_is_told() {
    // All are up before two of them fail.
    let script = "import os, time
rank, shared = os.environ['RANK'], os.environ['SHARED']
open(os.path.join(shared, rank), 'w').close()
while len(os.listdir(shared)) < 4:
    time.sleep(0.01)
if rank in '12':
    raise KeyError('of rank ' + rank)
time.sleep(1000)
";
    let shared = tempfile::tempdir().unwrap();
    let job = job(2, 2, script).variable("SHARED", shared.path().to_str().unwrap());
    let ended = job.train();
    ended.check_failure(1, &["KeyError: 'of rank 1'", "rank 1", "host algo-1"]);
    for host in [1, 2] {
        let others = others(&ended, host);
        let expected = [
            (0, "ended when asked to".to_owned()),
            (2, "KeyError".to_owned()),
            (3, "ended when asked to".to_owned()),
        ];
        assert_eq!(others, expected, "{}", ended.log());
    }
    ended.job.check_nothing_is_left();
}

#[test]
fn a_rank_that_is_killed_is_the_cause() {
    let script = "import os, signal, time
if os.environ['RANK'] == '2':
    os.kill(os.getpid(), signal.SIGKILL)
time.sleep(1000)
";
    let ended = job(2, 2, script).train();
    ended.check_failure(137, &["killed by SIGKILL", "rank 2", "host algo-2"]);
    ended.job.check_nothing_is_left();
}

#[test]
fn a_rank_that_runs_out_of_memory_is_the_cause() {
    let script = "import os, time
if os.environ['RANK'] == '1':
    hog = b'x' * (400 << 20)
time.sleep(1000)
";
    let group = MemoryGroup::with_limit(200 << 20);
    let job = job(2, 1, script);
    let second = job.start_on(2, &["train"]);
    // The script waits for the first host, so that it is started in the group.
    fs::write(group.folder().join("cgroup.procs"), second.id().to_string()).unwrap();
    let first = job.start_on(1, &["train"]);
    let processes = vec![first, second];
    let ended = Running { job, processes }.wait();
    ended.check_failure(137, &["out of memory", "host algo-2; rank 1"]);
    ended.job.check_nothing_is_left();
}

#[test]
fn the_exit_code_of_the_cause_is_that_of_all_hosts() {
    let script = "import os, sys, time
if os.environ['RANK'] == '3':
    sys.exit(7)
time.sleep(1000)
";
    let before = Instant::now();
    let ended = job(2, 2, script).train();
    ended.check_failure(7, &["exit code 7; host algo-2; rank 3"]);
    check_soon(&ended, before, SOON);
}

#[test]
fn what_the_script_reports_itself_stands_on_its_host() {
    let script = "import os, time
if os.environ['RANK'] == '0':
    open(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').write('my own words')
    raise RuntimeError('the cause')
time.sleep(1000)
";
    let ended = job(2, 1, script).train();
    assert_eq!(ended.codes(), [Some(1), Some(1)], "{}", ended.log());
    assert_eq!(ended.report(1), "my own words");
    ended.check_report(2, &["RuntimeError: the cause", "rank 0", "host algo-1"]);
}

#[test]
fn one_that_has_ended_well_waits_for_the_others() {
    let script = "import os, sys, time
if os.environ['RANK'] == '0':
    sys.exit(0)
time.sleep(2)
raise ValueError('late')
";
    let ended = job(2, 1, script).train();
    ended.check_failure(1, &["ValueError: late", "rank 1", "host algo-2"]);
}

#[test]
fn a_host_that_is_cut_off_ends_and_so_do_the_others() {
    let running = up(3, WAITS);
    let before = Instant::now();
    running.job.hosts.cut(2);
    let ended = running.wait();
    check_soon(&ended, before, SILENT);
    assert_eq!(ended.codes(), [Some(1); 3], "{}", ended.log());
    for host in [1, 3] {
        ended.check_report(
            host,
            &["host `algo-2` is gone: nothing was heard of it for 30 s"],
        );
    }
    ended.check_report(
        2,
        &["the first host `algo-1` is gone: nothing was heard of it for 30 s"],
    );
    ended.job.check_nothing_is_left();
}

#[test]
fn a_host_that_crashes_ends_the_others() {
    let running = up(3, WAITS);
    let before = Instant::now();
    running.job.hosts.crash(3);
    let ended = running.wait();
    check_soon(&ended, before, SILENT);
    assert_eq!(ended.codes(), [Some(1), Some(1), None], "{}", ended.log());
    for host in [1, 2] {
        ended.check_report(host, &["host `algo-3` is gone"]);
    }
    ended.job.check_nothing_runs(1);
    ended.job.check_nothing_runs(2);
}

#[test]
fn a_host_whose_supervisor_is_killed_ends_the_others_at_once() {
    for (killed, wanted) in [
        (1, "the first host `algo-1` is gone"),
        (2, "host `algo-2` is gone"),
    ] {
        let running = up(3, WAITS);
        let before = Instant::now();
        running.on(killed).signal(Signal::KILL);
        let ended = running.wait();
        check_soon(&ended, before, SOON);
        for host in (1..=3).filter(|host| *host != killed) {
            assert_eq!(ended.on(host).code, Some(1), "{}", ended.log());
            ended.check_report(host, &[wanted]);
        }
        for host in 1..=3 {
            ended.job.check_nothing_runs(host);
        }
    }
}

#[test]
fn a_host_that_never_comes_is_named() {
    for absent in [1, 3] {
        let job = job(3, 1, WAITS).variable("OPTML_HOST_WAIT_S", "4");
        let before = Instant::now();
        let present = [1, 2, 3].into_iter().filter(|host| *host != absent);
        let processes: Vec<_> = present
            .map(|host| (host, job.start_on(host, &["train"])))
            .collect();
        for (host, process) in processes {
            let finished = process.wait();
            assert_eq!(finished.code, Some(1), "{}", finished.stderr);
            let report = job.tree(host).read("output/failure");
            let wanted = match absent {
                1 => "the first host `algo-1` could not be joined on port 7779 within 4 s",
                _ => "1 of 3 hosts did not join within 4 s: `algo-3`",
            };
            assert!(report.starts_with(wanted), "host {host}: {report}");
            assert!(!finished.stdout.contains("up"));
        }
        assert!(before.elapsed() < SOON);
        job.check_nothing_is_left();
    }
}

#[test]
fn hosts_that_disagree_say_so() {
    for (variable, value, wanted) in [
        (
            "OPTML_PROCESSES_PER_HOST",
            "3",
            "processes a host: `3` there, `1` on the first host",
        ),
        (
            "OPTML_LAUNCHER",
            "torchrun",
            "launcher: `torchrun` there, `native` on the first host",
        ),
    ] {
        let job = job(3, 1, WAITS).variable_on(2, variable, value);
        let before = Instant::now();
        let ended = job.train();
        check_soon(&ended, before, SOON);
        assert_eq!(ended.codes(), [Some(1); 3], "{}", ended.log());
        for host in [1, 2, 3] {
            let report = ended.report(host);
            assert!(
                report.contains(wanted) && report.contains("algo-2"),
                "host {host}: {report}\n{}",
                ended.log()
            );
        }
        ended.job.check_nothing_is_left();
    }
}

#[test]
fn a_host_with_another_secret_is_none_of_the_job() {
    let job = job(2, 1, WAITS)
        .variable("OPTML_HOST_WAIT_S", "4")
        .variable("OPTML_CLUSTER_SECRET", "one")
        .variable_on(2, "OPTML_CLUSTER_SECRET", "another");
    let before = Instant::now();
    let ended = job.train();
    check_soon(&ended, before, SOON);
    assert_eq!(ended.codes(), [Some(1); 2], "{}", ended.log());
    ended.check_report(1, &["1 of 2 hosts did not join within 4 s: `algo-2`"]);
    ended.check_report(
        2,
        &[
            "the first host `algo-1` could not be joined",
            "OPTML_CLUSTER_SECRET",
        ],
    );
    for host in [1, 2] {
        assert!(
            !ended.log().contains("another\n"),
            "host {host}: {}",
            ended.log()
        );
    }
    ended.job.check_nothing_is_left();
}

#[test]
fn an_installation_that_fails_on_one_host_is_told_on_all() {
    let venv = Venv::new();
    for failing in [1, 2] {
        let python = venv.python();
        let job = job(2, 1, WAITS).variable("OPTML_PYTHON", python.to_str().unwrap());
        let requirements = job.tree(failing).path("code/requirements.txt");
        fs::write(requirements, "./not-there\n").unwrap();
        let before = Instant::now();
        let ended = job.train();
        check_soon(&ended, before, SOON);
        assert_eq!(ended.codes(), [Some(4); 2], "{}", ended.log());
        for host in [1, 2] {
            let report = ended.report(host);
            let name = format!("host algo-{failing}");
            assert!(
                report.contains("not-there") && report.contains(&name),
                "host {host}: {report}"
            );
            assert!(!ended.on(host).stdout.contains("up"));
        }
        for host in [1, 2] {
            ended.job.check_nothing_runs(host);
        }
    }
}

/// A requirement that these lines of Python build. `mark` is theirs to write.
#[track_caller]
fn write_package(job: &Job, host: u8, mark: &Path, build: &str) {
    let backend = format!("import os, time\ndef build_wheel(*words, **more):\n    {build}\n");
    let backend = backend.replace("MARK", mark.to_str().unwrap());
    let code = job.tree(host).path("code");
    fs::create_dir(code.join("probe")).unwrap();
    fs::write(code.join("probe/backend.py"), backend).unwrap();
    fs::write(code.join("probe/pyproject.toml"), PYPROJECT).unwrap();
    fs::write(code.join("requirements.txt"), "./probe\n").unwrap();
}

/// An installation that does not end.
const SLOW: &str = "open(r'MARK', 'w').close()\n    time.sleep(1000)";
/// One that fails when another is at work.
const BROKEN: &str =
    "while not os.path.exists(r'MARK'):\n        time.sleep(0.02)\n    raise ValueError('no way')";

#[test]
fn an_installation_that_fails_ends_those_of_other_hosts() {
    // An installer may lock its environment.
    let (first, second) = (Venv::new(), Venv::new());
    for failing in [1, 2] {
        let job = job(2, 1, WAITS)
            .variable_on(1, "OPTML_PYTHON", first.python().to_str().unwrap())
            .variable_on(2, "OPTML_PYTHON", second.python().to_str().unwrap());
        let mark = job.tree(1).path("mark");
        for host in [1, 2] {
            let build = if host == failing { BROKEN } else { SLOW };
            write_package(&job, host, &mark, build);
        }
        let before = Instant::now();
        let ended = job.train();
        check_soon(&ended, before, SOON);
        assert_eq!(ended.codes(), [Some(4); 2], "{}", ended.log());
        for host in [1, 2] {
            ended.check_report(host, &["", "no way", &format!("host algo-{failing}")]);
            ended.job.check_nothing_runs(host);
        }
    }
}

#[test]
fn a_stop_of_one_host_while_another_installs() {
    let venv = Venv::new();
    let python = venv.python();
    let job = job(2, 1, WAITS).variable("OPTML_PYTHON", python.to_str().unwrap());
    let mark = job.tree(2).path("mark");
    write_package(&job, 2, &mark, SLOW);
    let running = job.start();
    let deadline = Instant::now() + Duration::from_mins(1);
    while !mark.exists() {
        assert!(Instant::now() < deadline, "the build has not begun");
        // A file has no channel to wait on; this only bounds how often is looked.
        thread::park_timeout(Duration::from_millis(5));
    }
    let before = Instant::now();
    running.on(1).signal(Signal::TERM);
    let ended = running.wait();
    check_soon(&ended, before, SOON);
    assert_eq!(ended.codes(), [Some(143); 2], "{}", ended.log());
    for host in [1, 2] {
        assert!(!ended.on(host).stdout.contains("up"));
        ended.job.check_nothing_runs(host);
    }
}

/// Every rank has been asked once, and had the time that it takes.
#[track_caller]
fn check_saved(ended: &Ended, n_processes: usize) {
    for host in 1..=ended.job.n_hosts() {
        for word in ["asked", "saved"] {
            let n = ended.on(host).stdout.matches(word).count();
            assert_eq!(n, n_processes, "host {host}: {word}\n{}", ended.log());
        }
    }
}

#[test]
fn a_stop_of_all_hosts_leaves_each_rank_its_grace() {
    let running = job(2, 2, TRAPS).variable("SAVES_FOR", "3").start();
    wait_for_all(&running, 2, 2, "up");
    running.signal_all(Signal::TERM);
    let ended = running.wait();
    ended.check_success();
    check_saved(&ended, 2);
}

#[test]
fn a_host_that_is_done_early_leaves_the_others_their_grace() {
    for early in [1, 2] {
        let running = job(2, 1, TRAPS)
            .variable("SAVES_FOR", "8")
            .variable_on(early, "SAVES_FOR", "0")
            .start();
        wait_for_all(&running, 2, 1, "up");
        running.signal_all(Signal::TERM);
        let ended = running.wait();
        assert_eq!(ended.codes(), [Some(0); 2], "{}", ended.log());
        check_saved(&ended, 1);
    }
}

#[test]
fn a_code_after_a_stop_is_that_of_all_hosts() {
    let running = job(2, 1, TRAPS)
        .variable("SAVES_FOR", "1")
        .variable_on(2, "ENDS_WITH", "7")
        .start();
    wait_for_all(&running, 2, 1, "up");
    running.signal_all(Signal::TERM);
    let ended = running.wait();
    assert_eq!(ended.codes(), [Some(7); 2], "{}", ended.log());
    check_saved(&ended, 1);
}

#[test]
fn a_stop_of_one_host_is_a_stop_of_all() {
    for stopped in [1, 2] {
        let running = job(2, 2, TRAPS).variable("SAVES_FOR", "2").start();
        wait_for_all(&running, 2, 2, "up");
        running.on(stopped).signal(Signal::TERM);
        let ended = running.wait();
        ended.check_success();
        check_saved(&ended, 2);
    }
}

#[test]
fn ranks_that_die_of_the_stop_are_143_everywhere() {
    let running = up(2, WAITS);
    running.on(2).signal(Signal::TERM);
    let ended = running.wait();
    assert_eq!(ended.codes(), [Some(143); 2], "{}", ended.log());
    for host in [1, 2] {
        assert!(
            ended.report(host).contains("SIGTERM"),
            "{}",
            ended.report(host)
        );
    }
}

#[test]
fn ranks_that_do_not_listen_are_killed_after_the_grace() {
    let running = job(2, 1, DEAF).variable("OPTML_STOP_GRACE_S", "2").start();
    wait_for_all(&running, 2, 1, "up");
    let before = Instant::now();
    running.on(1).signal(Signal::TERM);
    let ended = running.wait();
    check_soon(&ended, before, SOON);
    assert_eq!(ended.codes(), [Some(137); 2], "{}", ended.log());
    ended.job.check_nothing_is_left();
}

#[test]
fn a_second_signal_kills() {
    let running = job(2, 1, DEAF).start();
    wait_for_all(&running, 2, 1, "up");
    let before = Instant::now();
    running.signal_all(Signal::TERM);
    for host in [1, 2] {
        // Two that come at once may be one to the kernel.
        running.on(host).stderr_line("stopping");
    }
    running.signal_all(Signal::TERM);
    let ended = running.wait();
    check_soon(&ended, before, SOON);
    assert_eq!(ended.codes(), [Some(137); 2], "{}", ended.log());
    ended.job.check_nothing_is_left();
}

#[test]
fn a_stop_while_hosts_are_awaited() {
    let job = job(2, 1, WAITS);
    let process = job.start_on(1, &["train"]);
    process.stderr_line("many processes");
    let before = Instant::now();
    process.signal(Signal::TERM);
    let finished = process.wait();
    assert_eq!(finished.code, Some(143), "{}", finished.stderr);
    assert!(
        before.elapsed() < Duration::from_secs(10),
        "{}",
        finished.stderr
    );
    job.check_nothing_is_left();
}
