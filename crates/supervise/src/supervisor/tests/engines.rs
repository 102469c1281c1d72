//! Programs that start processes for somebody else, and are left alone while these are asked to stop.

use super::*;
use crate::{OnStop, stop_marked};

#[test]
fn a_program_is_called_as_it_should_be() {
    let own = supervisor();
    let (mut command, mut output) = shell("echo $0");
    command.name = Some("engine".into());
    let child = own.spawn(command).unwrap();
    assert_eq!(line(&mut output), "engine");
    assert!(child.wait().ended.is_success());
}

#[test]
fn one_that_is_left_alone_hears_nothing_of_a_stop() {
    let own = supervisor();
    let stops = stop_of(&own);
    let (mut command, mut output) = shell(
        "trap 'echo heard' TERM HUP USR1; trap 'echo asked; exit 5' INT; echo up; while :; do sleep 0.01; done",
    );
    command.on_stop = OnStop::Leave;
    let child = own.spawn(command).unwrap();
    assert_eq!(line(&mut output), "up");
    signal_ourselves(Signal::USR1);
    signal_ourselves(Signal::HUP);
    signal_ourselves(Signal::TERM);
    stops.recv().unwrap();
    // Asked for by whoever started it, and after all that.
    child.as_ref().signal(crate::ProcessSignal::Int);
    assert_eq!(line(&mut output), "asked");
    assert_eq!(child.wait().ended, Ended::Exited { code: 5 });
}

#[test]
fn what_it_has_started_is_asked_and_not_what_that_has_started() {
    let own = supervisor();
    let inner = "trap \"echo inner heard\" TERM; echo inner up; while [ ! -e \"$END\" ]; do sleep 0.01; done";
    let outer = format!("trap 'echo heard; exit 0' TERM; setsid sh -c '{inner}' & echo up; wait");
    let folder = tempfile::tempdir().unwrap();
    let end = folder.path().join("end");
    let (mut command, mut output) = shell("MARK=1 setsid sh -c \"$OUTER\"; echo engine ends");
    command.environment.push(("OUTER".into(), outer.into()));
    command.environment.push(("END".into(), end.clone().into()));
    let child = own.spawn(command).unwrap();
    let mut ups = [line(&mut output), line(&mut output)];
    ups.sort();
    assert_eq!(ups, ["inner up", "up"]);
    assert_eq!(stop_marked("MARK"), 1);
    assert_eq!(line(&mut output), "heard");
    fs::write(end, "").unwrap();
    assert_eq!(line(&mut output), "engine ends");
    assert!(child.wait().ended.is_success());
    assert_eq!(stop_marked("MARK"), 0);
}
