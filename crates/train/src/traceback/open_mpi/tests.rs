use super::{End, Notice, notice};

const RULE: &str = "--------------------------------------------------------------------------\n";
const FIRST: &str = "Primary job  terminated normally, but 1 process returned
a non-zero exit code. Per user-direction, the job has been aborted.
";

#[track_caller]
fn check(tail: &str, rank: Option<u32>, host: Option<&str>, end: End, last_words: Option<&str>) {
    let wanted = Notice {
        rank,
        host: host.map(str::to_owned),
        end,
        last_words: last_words.map(str::to_owned),
    };
    assert_eq!(notice(tail.as_bytes()), Some(wanted));
}

#[test]
fn a_signal() {
    let tail = format!(
        "[1,3]<stderr>:first\n[1,3]<stderr>:last\n[1,1]<stderr>:of another\n{RULE}{FIRST}{RULE}{RULE}\
         mpirun noticed that process rank 3 with PID 15166 on node algo-2 exited on signal 9 (Killed).\n{RULE}"
    );
    check(
        &tail,
        Some(3),
        Some("algo-2"),
        End::Signaled(9),
        Some("last"),
    );
    let unnamed =
        "prterun noticed that process rank 0 with PID 0 on node vm exited on signal 64.\n";
    check(unnamed, Some(0), Some("vm"), End::Signaled(64), None);
}

#[test]
fn an_exit_code() {
    let tail = format!(
        "{RULE}{FIRST}{RULE}{RULE}mpirun detected that one or more processes exited with non-zero status, thus causing
the job to be terminated. The first process to do so was:

  Process name: [[40813,1],13]
  Exit code:    7
{RULE}"
    );
    check(&tail, Some(13), None, End::Exited(7), None);
}

#[test]
fn a_program_that_is_not_there() {
    let tail = "mpirun was unable to launch the specified application as it could not access
or execute an executable:

Executable: ./a tool
Node: algo-2

while attempting to start process rank 2.
";
    let end = End::NotStarted("./a tool".to_owned());
    check(tail, Some(2), Some("algo-2"), end, None);
}

#[test]
fn a_daemon_that_is_gone() {
    let tail = "ORTE has lost communication with a remote daemon.

  HNP daemon   : [[1,0],0] on node algo-1
  Remote daemon: [[1,0],1] on node algo-2

This is usually due to either a failure of the TCP network
";
    check(tail, None, Some("algo-2"), End::HostLost, None);
}

#[test]
fn what_is_no_notice() {
    for tail in [
        "",
        RULE,
        FIRST,
        "[1,0]<stderr>:mpirun noticed that process rank 3 with PID 1 on node a exited on signal 9 (Killed).\n",
        "mpirun noticed that process rank x with PID 1 on node a exited on signal 9 (Killed).\n",
        "Process name: [[1,1],3]\n",
        "Process name: \nExit code: 7\n",
        "Executable: x\n",
        "ORTE has lost communication with a remote daemon.\n",
    ] {
        assert_eq!(notice(tail.as_bytes()), None, "{tail}");
    }
}
