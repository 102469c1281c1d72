//! Children that nobody waits for.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    sync::{Arc, mpsc::TryRecvError},
};

use super::*;
use crate::{ChildEvent, ChildRef, ProcessSignal};

const LONG: Duration = Duration::from_mins(1);
const KILLED: Ended = Ended::Signaled {
    signal: 9,
    core_dumped: false,
};

fn watch(own: &Supervisor, command: Command) -> (ChildRef, Receiver<ChildEvent>) {
    let (sender, events) = mpsc::channel();
    let child = own.watch(command, move |event| sender.send(event).unwrap());
    (child, events)
}

fn watch_script(
    own: &Supervisor,
    script: &str,
) -> (ChildRef, Receiver<ChildEvent>, BufReader<fs::File>) {
    let (command, output) = shell(script);
    let (child, events) = watch(own, command);
    (child, events, output)
}

fn telling() -> Supervisor {
    let grace = Grace {
        stop: LONG,
        leftovers: Duration::from_millis(200),
        second: Second::Kill,
    };
    Supervisor::start(grace, StopPolicy::Tell).unwrap()
}

/// How it ended, once it is gone.
fn end_of(events: &Receiver<ChildEvent>) -> crate::Exit {
    loop {
        match events.recv().unwrap() {
            ChildEvent::Gone(exit) => return exit,
            ChildEvent::Failed(error) => panic!("{error}"),
            ChildEvent::Started { .. } | ChildEvent::Died { .. } => {}
        }
    }
}

#[test]
fn start_death_and_disappearance_are_told_in_order() {
    let own = supervisor();
    let (_child, events, mut output) =
        watch_script(&own, "trap '' TERM; sleep 1004 & echo $$ $!; exit 3");
    let pids = line(&mut output);
    let (leader, stray) = pids.split_once(' ').unwrap();
    let ChildEvent::Started { pid } = events.recv().unwrap() else {
        panic!("it has started");
    };
    assert_eq!(pid.to_string(), leader);
    let ChildEvent::Died {
        ended,
        peak_rss_bytes,
    } = events.recv().unwrap()
    else {
        panic!("it has died");
    };
    assert_eq!(ended, Ended::Exited { code: 3 });
    assert!(peak_rss_bytes > 100_000);
    let ChildEvent::Gone(exit) = events.recv().unwrap() else {
        panic!("it is gone");
    };
    assert_eq!((exit.ended, exit.leftovers.n_killed), (ended, 1));
    assert!(!is_alive(stray.parse().unwrap()));
    assert!(events.recv().is_err(), "nothing follows");
}

#[test]
fn a_death_is_told_at_once() {
    let own = supervisor();
    // What it leaves behind ignores SIGTERM, and so lives for the grace of leftovers.
    let (_child, events, mut output) =
        watch_script(&own, "trap '' TERM; sleep 1006 & echo up; exit 3");
    assert_eq!(line(&mut output), "up");
    let mut died = None;
    loop {
        match events.recv().unwrap() {
            ChildEvent::Started { .. } => {}
            ChildEvent::Died { .. } => died = Some(Instant::now()),
            ChildEvent::Gone(exit) => {
                assert_eq!(exit.leftovers.n_killed, 1);
                assert!(died.unwrap().elapsed() >= Duration::from_millis(150));
                return;
            }
            ChildEvent::Failed(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_failure_is_all_that_is_told() {
    let own = supervisor();
    let (child, events) = watch(&own, Command::new("/no/such/program"));
    let ChildEvent::Failed(error) = events.recv().unwrap() else {
        panic!("it can't have started");
    };
    assert!(matches!(error.kind, SpawnErrorKind::Missing), "{error}");
    assert!(events.recv().is_err());
    child.kill();
    child.stop(Duration::ZERO);
    child.signal(ProcessSignal::Usr1);
    assert!(start(&own, "exit 0").0.wait().ended.is_success());
}

#[test]
fn a_listener_may_start_the_next_child() {
    let own = Arc::new(supervisor());
    let (sender, ends) = mpsc::channel();
    let (again, first) = (Arc::clone(&own), shell("exit 1").0);
    own.watch(first, move |event| {
        if let ChildEvent::Died { .. } = event {
            let sender = sender.clone();
            again.watch(shell("exit 2").0, move |event| {
                if let ChildEvent::Gone(exit) = event {
                    sender.send(exit.ended).unwrap();
                }
            });
        }
    });
    assert_eq!(ends.recv().unwrap(), Ended::Exited { code: 2 });
}

#[test]
fn a_signal_goes_to_the_process_and_not_to_its_group() {
    let own = supervisor();
    let (child, events, mut output) = watch_script(
        &own,
        "trap 'echo outer' USR1; sh -c 'trap \"echo inner\" USR1; echo up; while :; do sleep 0.01; done' & while :; do sleep 0.01; done",
    );
    assert_eq!(line(&mut output), "up");
    for _ in 0..3 {
        child.signal(ProcessSignal::Usr1);
        assert_eq!(line(&mut output), "outer");
    }
    child.kill();
    assert_eq!(end_of(&events).ended, KILLED);
    assert_eq!(line(&mut output), "", "nothing from the inner one");
}

#[test]
fn a_stop_asks_the_group_and_has_a_grace_of_its_own() {
    let own = supervisor();
    let (polite, polite_events, mut one) = watch_script(
        &own,
        "trap 'wait; exit 5' TERM; sh -c 'trap \"echo inner; exit 0\" TERM; echo up; while :; do sleep 0.01; done' & wait",
    );
    let (deaf, deaf_events, mut two) =
        watch_script(&own, "trap '' TERM; echo up; while :; do sleep 0.01; done");
    assert_eq!((line(&mut one), line(&mut two)), ("up".into(), "up".into()));
    polite.stop(LONG);
    assert_eq!(line(&mut one), "inner");
    assert_eq!(end_of(&polite_events).ended, Ended::Exited { code: 5 });
    deaf.stop(Duration::from_millis(300));
    let exit = end_of(&deaf_events);
    assert_eq!(exit.ended, KILLED);
    let stop = exit.stop.unwrap();
    assert!(stop.killed && stop.took >= Duration::from_millis(300));
    assert!(stop.took < LONG);
}

#[test]
fn a_shorter_grace_shortens_and_a_longer_one_does_not_lengthen() {
    let own = supervisor();
    let (child, events, mut output) = watch_script(
        &own,
        "trap 'echo asked' TERM; echo up; while :; do sleep 0.01; done",
    );
    assert_eq!(line(&mut output), "up");
    child.stop(Duration::MAX);
    assert_eq!(line(&mut output), "asked");
    assert!(matches!(events.recv().unwrap(), ChildEvent::Started { .. }));
    assert!(events.recv_timeout(Duration::from_millis(300)).is_err());
    child.stop(Duration::from_millis(200));
    child.stop(LONG);
    let exit = end_of(&events);
    assert!(exit.stop.unwrap().killed);
    assert_eq!(line(&mut output), "", "asked only once");
}

#[test]
fn leftovers_are_killed_when_somebody_is_in_a_hurry() {
    let grace = Grace {
        stop: LONG,
        leftovers: LONG,
        second: Second::Kill,
    };
    let own = Supervisor::start(grace, StopPolicy::PassOn).unwrap();
    for hurry in [(|child| child.kill()) as fn(&ChildRef), |child| {
        child.stop(Duration::from_millis(50));
    }] {
        let (child, events, mut output) =
            watch_script(&own, "trap '' TERM; sleep 1006 & echo up; exit 3");
        assert_eq!(line(&mut output), "up");
        while !matches!(events.recv().unwrap(), ChildEvent::Died { .. }) {}
        assert!(matches!(events.try_recv(), Err(TryRecvError::Empty)));
        hurry(&child);
        assert_eq!(end_of(&events).leftovers.n_killed, 1);
    }
}

#[test]
fn under_tell_children_live_on_and_listeners_hear_of_every_signal() {
    let own = telling();
    let (child, events, mut output) = watch_script(
        &own,
        "for s in TERM INT HUP USR1 USR2 QUIT; do trap \"echo $s\" $s; done; echo up; while :; do sleep 0.01; done",
    );
    assert_eq!(line(&mut output), "up");
    let (sender, stops) = mpsc::channel();
    let early = sender.clone();
    own.on_each_stop(move |signal| early.send(signal).unwrap());
    for _ in 0..3 {
        signal_ourselves(Signal::TERM);
        assert_eq!(stops.recv().unwrap(), StopSignal::Term);
    }
    signal_ourselves(Signal::INT);
    assert_eq!(stops.recv().unwrap(), StopSignal::Int);
    for other in [
        Signal::HUP,
        Signal::QUIT,
        Signal::USR1,
        Signal::USR2,
        Signal::WINCH,
    ] {
        signal_ourselves(other);
    }
    own.on_each_stop(move |signal| sender.send(signal).unwrap());
    assert_eq!(
        stops.recv().unwrap(),
        StopSignal::Term,
        "the first, at once"
    );
    assert_eq!(own.stopping(), Some(StopSignal::Term));
    assert!(
        start(&own, "exit 0").0.wait().ended.is_success(),
        "spawning goes on"
    );
    child.signal(ProcessSignal::Hup);
    assert_eq!(line(&mut output), "HUP", "the first that it hears of");
    child.kill();
    end_of(&events);
}

#[test]
fn all_are_stopped_and_the_last_is_told() {
    let own = telling();
    let children: Vec<_> = (0..3)
        .map(|_| {
            let (_, events, mut output) =
                watch_script(&own, "trap '' TERM; echo up; while :; do sleep 0.01; done");
            assert_eq!(line(&mut output), "up");
            (events, output)
        })
        .collect();
    let (sender, none_left) = mpsc::channel();
    own.on_none_left(move || sender.send(()).unwrap());
    own.stop_all(LONG);
    let error = own.spawn(Command::new("/bin/true")).unwrap_err();
    assert!(matches!(error.kind, SpawnErrorKind::StoppingAll), "{error}");
    assert!(none_left.try_recv().is_err());
    own.stop_all(Duration::from_millis(100));
    none_left.recv().unwrap();
    for (events, _output) in &children {
        let told: Vec<_> = events.try_iter().collect();
        assert!(matches!(told.last(), Some(ChildEvent::Gone(exit)) if exit.ended == KILLED));
    }
    let (sender, none_left) = mpsc::channel();
    own.on_none_left(move || sender.send(()).unwrap());
    none_left.recv().unwrap();
}

#[test]
fn a_descriptor_reaches_the_one_child_and_nobody_keeps_it() {
    let own = supervisor();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&theirs);
    // A shell can't name a descriptor of two digits.
    let (mut command, mut output) = shell("exec python3 -c \"$SCRIPT\"");
    let script = "import os, socket
fd = int(os.environ['DATA'])
print(fd, flush=True)
s = socket.socket(fileno=fd)
s.sendall(b'answer ' + s.recv(100))";
    command.environment.push(("SCRIPT".into(), script.into()));
    command.environment.push(("DATA".into(), "999".into()));
    command.descriptors = vec![("DATA".into(), theirs.into())];
    let (_child, events) = watch(&own, command);
    assert!(matches!(events.recv().unwrap(), ChildEvent::Started { .. }));
    // Started while the other holds it: had it been inherited here, the stream would not end below.
    let (mut other, _) = shell("exec sleep 1005");
    other.output = None;
    let (bystander, bystander_events) = watch(&own, other);
    assert!(matches!(
        bystander_events.recv().unwrap(),
        ChildEvent::Started { .. }
    ));
    ours.write_all(b"word\n").unwrap();
    let mut answer = String::new();
    ours.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "answer word\n");
    assert_eq!(line(&mut output), number.to_string());
    bystander.kill();
    end_of(&bystander_events);
}

#[test]
fn a_descriptor_is_closed_when_the_child_can_not_start() {
    let own = supervisor();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let mut command = Command::new("/no/such/program");
    command.descriptors = vec![("DATA".into(), theirs.into())];
    own.spawn(command).unwrap_err();
    assert_eq!(ours.read(&mut [0; 8]).unwrap(), 0);
}
