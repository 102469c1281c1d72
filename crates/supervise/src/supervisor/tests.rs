//! Real children, real signals. Each test is a process of its own under nextest, so each may own a supervisor.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::fd::OwnedFd,
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use rustix::{
    pipe::{PipeFlags, pipe_with},
    process::{Pid, Signal, getpid, kill_process, test_kill_process},
};

use super::{Child, Supervisor, reaper::count_memory_kills};
use crate::{Command, Ended, Grace, Second, SpawnErrorKind, StopPolicy, StopSignal};

mod engines;
mod watching;

pub(crate) fn supervisor() -> Supervisor {
    with_grace(Duration::from_mins(1))
}

fn with_grace(stop: Duration) -> Supervisor {
    let grace = Grace {
        stop,
        leftovers: Duration::from_millis(200),
        second: Second::Kill,
    };
    Supervisor::start(grace, StopPolicy::PassOn).unwrap()
}

/// `/bin/sh -c SCRIPT`, and its standard output.
fn shell(script: &str) -> (Command, BufReader<fs::File>) {
    let (output, child_end) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let stderr: OwnedFd = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3).unwrap();
    let mut command = Command::new("/bin/sh");
    command.arguments = vec!["-c".into(), script.into()];
    command.environment = vec![("PATH".into(), "/usr/bin:/bin".into())];
    command.output = Some((child_end, stderr));
    (command, BufReader::new(fs::File::from(output)))
}

fn start(supervisor: &Supervisor, script: &str) -> (Child, BufReader<fs::File>) {
    let (command, output) = shell(script);
    (supervisor.spawn(command).unwrap(), output)
}

fn line(output: &mut impl BufRead) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn signal_ourselves(signal: Signal) {
    kill_process(getpid(), signal).unwrap();
}

fn stop_of(supervisor: &Supervisor) -> Receiver<StopSignal> {
    let (listener, stops) = mpsc::channel();
    supervisor.on_stop(move |signal| listener.send(signal).unwrap());
    stops
}

fn is_alive(pid: i32) -> bool {
    test_kill_process(Pid::from_raw(pid).unwrap()).is_ok()
}

#[test]
fn exit_codes_are_the_childs() {
    let own = supervisor();
    for code in [0_u8, 1, 3, 126, 127, 137, 255] {
        let exit = start(&own, &format!("exit {code}")).0.wait();
        assert_eq!(exit.ended, Ended::Exited { code });
        assert_eq!(exit.ended.is_success(), code == 0);
    }
}

#[test]
fn signals_are_named() {
    let own = supervisor();
    for (name, signal) in [
        ("SEGV", 11),
        ("KILL", 9),
        ("ABRT", 6),
        ("FPE", 8),
        ("BUS", 7),
        ("ILL", 4),
    ] {
        let exit = start(&own, &format!("ulimit -c 0; kill -{name} $$"))
            .0
            .wait();
        let expected = Ended::Signaled {
            signal,
            core_dumped: false,
        };
        assert_eq!(exit.ended, expected);
    }
}

#[test]
fn a_kill_while_the_group_counted_one_is_out_of_memory() {
    let folder = tempfile::tempdir().unwrap();
    let events = folder.path().join("memory.events");
    fs::write(&events, "low 0\noom 3\noom_kill 1\noom_group_kill 0\n").unwrap();
    let own = supervisor();
    for (script, expected) in [
        ("kill -9 $$", Ended::OutOfMemory { n_kills: 1 }),
        ("exit 137", Ended::OutOfMemory { n_kills: 1 }),
        ("exit 1", Ended::Exited { code: 1 }),
    ] {
        let (mut command, _output) = shell(&format!(
            "sed -i 's/^oom_kill.*/oom_kill 2/' {}; {script}",
            events.display()
        ));
        command.memory_events = vec![events.clone()];
        assert_eq!(own.spawn(command).unwrap().wait().ended, expected);
        fs::write(&events, "oom_kill 1\n").unwrap();
    }
    assert_eq!(
        start(&own, "kill -9 $$").0.wait().ended,
        Ended::Signaled {
            signal: 9,
            core_dumped: false
        }
    );
}

#[test]
fn environment_and_words_are_exactly_what_was_given() {
    let own = supervisor();
    let (mut command, mut output) = shell("printf '%s|' \"$A\" \"$HOME\" \"$@\"; echo");
    command
        .environment
        .push(("A".into(), "$(touch /tmp/no) `x` \"quoted\"".into()));
    command
        .arguments
        .extend(["sh", "two words", ";", ""].map(Into::into));
    let child = own.spawn(command).unwrap();
    assert_eq!(
        line(&mut output),
        "$(touch /tmp/no) `x` \"quoted\"||two words|;||"
    );
    assert!(child.wait().ended.is_success());
}

#[test]
fn sigterm_reaches_the_whole_group_and_the_exit_code_is_kept() {
    let own = supervisor();
    let (child, mut output) = start(
        &own,
        "trap 'wait; exit 5' TERM; sh -c 'trap \"echo inner; exit 0\" TERM; echo up; while :; do sleep 0.01; done' & wait",
    );
    assert_eq!(line(&mut output), "up");
    let stops = stop_of(&own);
    signal_ourselves(Signal::TERM);
    assert_eq!(stops.recv().unwrap(), StopSignal::Term);
    assert_eq!(line(&mut output), "inner");
    let exit = child.wait();
    assert_eq!(exit.ended, Ended::Exited { code: 5 });
    let stop = exit.stop.unwrap();
    assert_eq!((stop.signal, stop.killed), (StopSignal::Term, false));
    assert_eq!(own.stopping(), Some(StopSignal::Term));
}

#[test]
fn a_child_that_ignores_the_signal_is_killed_after_the_grace() {
    let own = with_grace(Duration::from_millis(300));
    let (child, mut output) = start(&own, "trap '' TERM; echo up; while :; do sleep 0.01; done");
    assert_eq!(line(&mut output), "up");
    signal_ourselves(Signal::TERM);
    let exit = child.wait();
    assert_eq!(
        exit.ended,
        Ended::Signaled {
            signal: 9,
            core_dumped: false
        }
    );
    let stop = exit.stop.unwrap();
    assert!(stop.killed);
    assert!(stop.took >= Duration::from_millis(300), "{stop:?}");
}

#[test]
fn a_second_signal_skips_the_grace() {
    let own = supervisor();
    let (child, mut output) = start(
        &own,
        "trap 'echo asked' TERM INT; echo up; while :; do sleep 0.01; done",
    );
    assert_eq!(line(&mut output), "up");
    signal_ourselves(Signal::INT);
    assert_eq!(line(&mut output), "asked");
    let before = Instant::now();
    signal_ourselves(Signal::TERM);
    let exit = child.wait();
    assert_eq!(
        exit.ended,
        Ended::Signaled {
            signal: 9,
            core_dumped: false
        }
    );
    assert!(exit.stop.unwrap().killed);
    assert!(
        before.elapsed() < Duration::from_secs(30),
        "not the 60 s of the grace"
    );
}

#[test]
fn a_stopped_child_hears_the_signal() {
    let own = supervisor();
    let (child, mut output) = start(
        &own,
        "trap 'echo asked; exit 0' TERM; echo up; kill -STOP $$; while :; do sleep 0.01; done",
    );
    assert_eq!(line(&mut output), "up");
    own.stop(&child);
    assert_eq!(line(&mut output), "asked");
    assert!(child.wait().ended.is_success());
}

#[test]
fn other_signals_are_passed_on_and_change_nothing() {
    let own = supervisor();
    let (child, mut output) = start(
        &own,
        "for s in HUP USR1 USR2 QUIT; do trap \"echo $s\" $s; done; echo up; while :; do sleep 0.01; done",
    );
    assert_eq!(line(&mut output), "up");
    for (signal, name) in [
        (Signal::HUP, "HUP"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
        (Signal::QUIT, "QUIT"),
    ] {
        signal_ourselves(signal);
        assert_eq!(line(&mut output), name);
    }
    own.stop(&child);
    assert_eq!(
        child.wait().ended,
        Ended::Signaled {
            signal: 15,
            core_dumped: false
        }
    );
}

#[test]
fn a_storm_of_signals_loses_no_child() {
    let own = supervisor();
    let (child, mut output) = start(&own, "trap '' USR1 WINCH; echo up; sleep 0.3; exit 7");
    assert_eq!(line(&mut output), "up");
    for _ in 0..100_000 {
        signal_ourselves(Signal::USR1);
        signal_ourselves(Signal::WINCH);
        signal_ourselves(Signal::CHILD);
    }
    assert_eq!(child.wait().ended, Ended::Exited { code: 7 });
}

#[test]
fn nothing_starts_after_a_stop_signal() {
    let own = supervisor();
    let stops = stop_of(&own);
    signal_ourselves(Signal::TERM);
    stops.recv().unwrap();
    let error = own.spawn(Command::new("/bin/true")).unwrap_err();
    assert!(
        matches!(error.kind, SpawnErrorKind::Stopping(StopSignal::Term)),
        "{error}"
    );
    assert_eq!(
        stop_of(&own).recv().unwrap(),
        StopSignal::Term,
        "who asks late hears at once"
    );
}

#[test]
fn grandchildren_that_outlive_the_child_are_ended() {
    let own = supervisor();
    let folder = tempfile::tempdir().unwrap();
    let go = folder.path().join("go");
    // One in the group, one in a session of its own, one that ignores SIGTERM and has left its parent.
    let script = format!(
        "sh -c 'echo $$; exec sleep 1000' &
         setsid sh -c 'echo $$; exec sleep 1001' &
         (setsid sh -c \"trap '' TERM; echo \\$\\$; while :; do sleep 1002; done\" &)
         until [ -e {} ]; do sleep 0.01; done; exit 4",
        go.display()
    );
    let (child, mut output) = start(&own, &script);
    let pids: Vec<i32> = (0..3).map(|_| line(&mut output).parse().unwrap()).collect();
    fs::write(&go, "").unwrap();
    let exit = child.wait();
    assert_eq!(exit.ended, Ended::Exited { code: 4 });
    assert!(exit.leftovers.n_found >= 3, "{exit:?}");
    assert!(exit.leftovers.n_killed >= 1, "{exit:?}");
    assert_eq!(exit.leftovers.n_stuck, 0);
    for pid in pids {
        assert!(!is_alive(pid), "{pid} still lives");
    }
}

#[test]
fn orphans_are_reaped() {
    let own = supervisor();
    let (child, mut output) = start(
        &own,
        "for i in 1 2 3 4 5 6 7 8 9; do (sleep 0.05 &) ; done; echo up; sleep 0.3",
    );
    assert_eq!(line(&mut output), "up");
    assert!(child.wait().ended.is_success());
    assert!(
        zombies_of(getpid()).is_empty(),
        "{:?}",
        zombies_of(getpid())
    );
}

fn zombies_of(parent: Pid) -> Vec<String> {
    let parent = format!(" Z {} ", parent.as_raw_nonzero());
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path().join("stat")).ok())
        .filter(|line| line.contains(&parent))
        .collect()
}

#[test]
fn the_peak_of_memory_is_known() {
    let exit = start(&supervisor(), "exit 0").0.wait();
    assert!(
        (100_000..1_000_000_000).contains(&exit.peak_rss_bytes),
        "{exit:?}"
    );
}

#[test]
fn several_children_live_and_end_by_themselves() {
    let own = supervisor();
    let (slow, _one) = start(&own, "sleep 0.4; exit 1");
    let (fast, _two) = start(&own, "exit 2");
    let (left, mut three) = start(&own, "sleep 1003 & echo $!; exit 3");
    let stray: i32 = line(&mut three).parse().unwrap();
    assert_eq!(left.wait().ended, Ended::Exited { code: 3 });
    assert!(!is_alive(stray), "a member of the ended child's group");
    assert_eq!(fast.wait().ended, Ended::Exited { code: 2 });
    assert_eq!(slow.wait().ended, Ended::Exited { code: 1 });
}

#[test]
fn a_child_gets_no_input_and_no_descriptors_of_ours() {
    // What the runner of the tests left open is passed on; what we opened is not.
    let inherited = fs::read_dir("/proc/self/fdinfo")
        .unwrap()
        .filter(|entry| {
            let info = fs::read_to_string(entry.as_ref().unwrap().path()).unwrap_or_default();
            let flags = info
                .lines()
                .find_map(|line| line.strip_prefix("flags:"))
                .unwrap_or("02000000")
                .trim();
            i64::from_str_radix(flags, 8).unwrap() & 0o2_000_000 == 0
        })
        .count();
    let own = supervisor();
    let (child, mut output) = start(&own, "set -- /proc/$$/fd/*; echo $#; cat; echo end");
    assert!(
        line(&mut output).parse::<usize>().unwrap() <= inherited + 1,
        "one is the listing's own"
    );
    assert_eq!(line(&mut output), "end", "standard input is empty");
    assert!(child.wait().ended.is_success());
}

#[test]
fn kills_are_counted_in_both_versions_of_control_groups() {
    let folder = tempfile::tempdir().unwrap();
    for (content, expected) in [
        (
            &b"low 0\nhigh 0\nmax 3\noom 1\noom_kill 12\noom_group_kill 1\n"[..],
            12,
        ),
        (b"oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", 2),
        (b"oom_kill_disable 0\nunder_oom 0\n", 0),
        (b"oom_kill x\n\xFF", 0),
    ] {
        let file = folder.path().join("events");
        fs::write(&file, content).unwrap();
        assert_eq!(count_memory_kills(&[file]), expected);
    }
    assert_eq!(count_memory_kills(&["/no/such/file".into()]), 0);
}
