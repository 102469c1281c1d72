use std::time::{Duration, Instant};

use super::CaptureError;
use crate::{Command, Ended, supervisor::tests::supervisor};

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arguments = vec!["-c".into(), script.into()];
    command.environment = vec![("PATH".into(), "/usr/bin:/bin".into())];
    command
}

#[test]
fn the_answer_is_kept() {
    let own = supervisor();
    let answer = own
        .capture(
            shell("echo out; echo err >&2; exit 3"),
            Duration::from_mins(1),
        )
        .unwrap();
    assert_eq!(answer.ended, Ended::Exited { code: 3 });
    assert_eq!(
        (&answer.stdout[..], &answer.stderr[..]),
        (&b"out\n"[..], &b"err\n"[..])
    );
}

#[test]
fn a_flood_is_cut_and_does_not_block() {
    let own = supervisor();
    let answer = own
        .capture(shell("head -c 5000000 /dev/zero"), Duration::from_mins(1))
        .unwrap();
    assert!(answer.ended.is_success());
    assert_eq!(answer.stdout.len(), 1024 * 1024);
}

#[test]
fn a_hanging_program_is_killed_with_all_that_it_started() {
    let own = supervisor();
    let before = Instant::now();
    let error = own
        .capture(
            shell("trap '' TERM; sleep 1000 & sleep 1001"),
            Duration::from_millis(200),
        )
        .unwrap_err();
    assert!(matches!(error, CaptureError::TooSlow { .. }), "{error}");
    assert_eq!(error.to_string(), "`/bin/sh` did not end within 0.2 s");
    assert!(
        before.elapsed() < Duration::from_secs(30),
        "not the 60 s of the grace"
    );
}
