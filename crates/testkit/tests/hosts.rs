//! Hosts made of namespaces are as separate as hosts are, and nothing of them is left.

use std::{
    fs,
    time::{Duration, Instant},
};

use optml_testkit::{Hosts, OptMl, Proc};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Says that it listens, then what each of two peers tells it.
const LISTEN: &str = "\
import socket
server = socket.create_server(('', 7777))
print('listening', flush=True)
for _ in range(2):
    peer, address = server.accept()
    print(peer.makefile().readline().strip(), 'from', address[0], flush=True)
";

/// Tells a host, found by its name, who speaks.
const TELL: &str = "\
import socket, sys
with socket.create_connection((sys.argv[1], 7777), 20) as peer:
    peer.sendall((socket.gethostname() + '\\n').encode())
";

/// Stays connected to a host; prints what it says, and how the connection ends.
const FOLLOW: &str = "\
import socket, sys
with socket.create_connection((sys.argv[1], 7777), 20) as peer:
    print('connected', flush=True)
    try:
        print('heard', peer.makefile().readline().strip(), flush=True)
    except TimeoutError:
        print('silence', flush=True)
";

/// Sends one line to each who connects, when it is told to by a signal.
const SPEAK: &str = "\
import signal, socket
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
server = socket.create_server(('', 7777))
print('listening', flush=True)
peer, _ = server.accept()
print('accepted', flush=True)
signal.sigwait([signal.SIGUSR1])
peer.sendall(b'hello\\n')
print('said', flush=True)
signal.pause()
";

#[test]
fn three_hosts_find_each_other_by_name() {
    let hosts = Hosts::new(3);
    let listeners = [1, 2, 3].map(|host| python(&hosts, host, LISTEN, &[]));
    for listener in &listeners {
        listener.stdout_line("listening");
    }
    for (from, to) in [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)] {
        let told = python(&hosts, from, TELL, &[&hosts.name(to)]).wait();
        assert_eq!(told.code, Some(0), "{from} to {to}: {}", told.stderr);
    }
    for (host, listener) in (1..).zip(listeners) {
        let heard = listener.wait();
        assert_eq!(heard.code, Some(0), "{}", heard.stderr);
        for other in (1..=3).filter(|&other| other != host) {
            let line = format!("{} from {}\n", hosts.name(other), hosts.address(other));
            assert!(heard.stdout.contains(&line), "{line}: {}", heard.stdout);
        }
    }
}

#[test]
fn a_host_that_is_cut_off_is_silent_until_it_is_healed() {
    let hosts = Hosts::new(2);
    let speaker = python(&hosts, 1, SPEAK, &[]);
    speaker.stdout_line("listening");
    let follower = python(&hosts, 2, FOLLOW, &["algo-1"]);
    follower.stdout_line("connected");
    speaker.stdout_line("accepted");

    hosts.cut(2);
    speaker.signal(Signal::USR1);
    speaker.stdout_line("said");
    let unheard = python(&hosts, 1, "import socket, sys\ntry:\n    socket.create_connection(('algo-2', 7777), 1)\nexcept TimeoutError:\n    print('silence')", &[]).wait();
    assert_eq!(unheard.stdout, "silence\n", "{}", unheard.stderr);

    // What was said in the meantime was not lost: the connection has never ended.
    hosts.heal(2);
    assert_eq!(follower.stdout_line("hear"), "heard hello");
}

#[test]
fn a_host_that_crashes_ends_without_a_word() {
    let hosts = Hosts::new(2);
    let speaker = python(&hosts, 1, SPEAK, &[]);
    speaker.stdout_line("listening");
    let follower = python(&hosts, 2, &FOLLOW.replace("20) as", "2) as"), &["algo-1"]);
    speaker.stdout_line("accepted");

    hosts.crash(1);
    assert_eq!(speaker.wait().signal, Some(9));
    assert_eq!(follower.wait().stdout, "connected\nsilence\n");
}

#[test]
fn hosts_can_have_one_name_for_themselves() {
    let hosts = Hosts::all_called("aws", 2);
    for host in [1, 2] {
        let own = hosts.start(host, "hostname", [""; 0], &[]).wait();
        assert_eq!(own.stdout, "aws\n");
        let found = hosts.start(host, "getent", ["hosts", "algo-2"], &[]).wait();
        assert!(found.stdout.starts_with("10.77.0.2 "), "{}", found.stdout);
    }
}

#[test]
fn a_name_can_come_late() {
    let hosts = Hosts::new(2);
    let resolves = || {
        hosts
            .start(1, "getent", ["hosts", "algo-2"], &[])
            .wait()
            .code
    };
    assert_eq!(resolves(), Some(0));
    hosts.hide_name(1, "algo-2");
    assert_eq!(resolves(), Some(2));
    hosts.show_name(1, "algo-2", 2);
    assert_eq!(resolves(), Some(0));
}

#[test]
fn a_host_sees_its_own_interfaces_and_memory() {
    let hosts = Hosts::new(2);
    let seen = |host, line: &str| hosts.start(host, "sh", ["-euc", line], &[]).wait();
    assert_eq!(
        seen(
            1,
            "ls /sys/class/net; test -e /sys/class/net/eth0/operstate"
        )
        .stdout,
        "eth0\nlo\n"
    );
    assert_eq!(
        seen(1, "touch /dev/shm/segment; ls /dev/shm").stdout,
        "segment\n"
    );
    // Another process on the same host sees it, and no other host.
    assert_eq!(seen(1, "ls /dev/shm").stdout, "segment\n");
    assert_eq!(seen(2, "ls /dev/shm").stdout, "");
}

#[test]
fn a_program_on_a_host_is_the_process_that_was_started() {
    let hosts = Hosts::new(1);
    let program = hosts.start(
        1,
        "sh",
        [
            "-euc",
            "trap 'echo $$ got it; exit 3' TERM; echo ready; while :; do sleep 0.01; done",
        ],
        &[],
    );
    program.stdout_line("ready");
    let id = program.id();
    program.signal(Signal::TERM);
    let finished = program.wait();
    assert_eq!(finished.code, Some(3));
    assert!(
        finished.stdout.ends_with(&format!("{id} got it\n")),
        "{}",
        finished.stdout
    );
}

#[test]
fn nothing_is_left() {
    let hosts = Hosts::new(2);
    // It has left its group and its session, as daemons do.
    let started = hosts
        .start(
            2,
            "sh",
            ["-c", "setsid sleep 1000 >/dev/null 2>&1 & echo started $!"],
            &[],
        )
        .wait();
    assert_eq!(started.code, Some(0), "{}", started.stderr);
    let members = hosts.members(2);
    assert_eq!(members.len(), 1, "{members:?}");
    drop(hosts);
    wait_until_gone(members[0]);
}

#[test]
fn nothing_is_left_after_a_panic() {
    let left = std::thread::spawn(|| {
        let hosts = Hosts::new(1);
        let sleeper = hosts.start(1, "sleep", ["1000"], &[]);
        std::panic::panic_any(sleeper.id());
    })
    .join()
    .expect_err("it panics");
    wait_until_gone(*left.downcast::<i32>().expect("the id"));
}

#[test]
fn each_host_has_a_tree_of_its_own() {
    let tree = OptMl::new()
        .hosts(&["algo-1", "algo-2", "algo-3"])
        .current_host("algo-3")
        .network_interface("eth0")
        .instance_groups(&[
            ("first", "ml.c5.xlarge", &["algo-2"]),
            ("second", "ml.g5.xlarge", &["algo-3", "algo-1"]),
        ]);
    let written = tree.read("input/config/resourceconfig.json");
    let written: Value = serde_json::from_str(&written).expect("JSON");
    let expected = json!({
        "current_host": "algo-3",
        "network_interface_name": "eth0",
        "current_group_name": "second",
        "current_instance_type": "ml.g5.xlarge",
        "instance_groups": [
            {"instance_group_name": "first", "instance_type": "ml.c5.xlarge", "hosts": ["algo-2"]},
            {"instance_group_name": "second", "instance_type": "ml.g5.xlarge", "hosts": ["algo-3", "algo-1"]},
        ],
        "hosts": ["algo-1", "algo-2", "algo-3"],
    });
    assert_eq!(written, expected);
}

fn python(hosts: &Hosts, host: u8, script: &str, words: &[&str]) -> Proc {
    let words = [&["-c", script], words].concat();
    hosts.start(host, "python3", words, &[])
}

#[track_caller]
fn wait_until_gone(pid: i32) {
    let deadline = Instant::now() + Duration::from_secs(10);
    // A process that has ended and was not collected yet runs no more.
    let runs =
        || fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while runs() {
        assert!(Instant::now() < deadline, "process {pid} is left");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
