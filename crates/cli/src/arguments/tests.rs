use std::ffi::OsString;

use super::{Action, EnvFormat, Invocation, LocalTrain, by_name};

fn parse(line: &str) -> Invocation {
    Invocation::parse(&line.split(' ').map(OsString::from).collect::<Vec<_>>()).unwrap()
}

#[test]
fn commands_and_flags() {
    assert_eq!(parse("optml").action, Action::Bare);
    assert_eq!(parse("optml train").action, Action::Train { command: None });
    let found = parse("/usr/bin/train --stop-grace 5 -- python -x");
    assert_eq!(
        found.action,
        Action::Train {
            command: Some(["python", "-x"].map(OsString::from).to_vec())
        }
    );
    assert_eq!(found.overlay, [("OPTML_STOP_GRACE_S".into(), "5".into())]);
    assert_eq!(
        parse("optml env --format json").action,
        Action::Env {
            format: EnvFormat::Json
        }
    );
    assert_eq!(
        parse("optml local train dir --channel a=b --set x=1 --channel c=d --log-level debug")
            .action,
        Action::LocalTrain(LocalTrain {
            path: Some("dir".into()),
            channels: vec!["a=b".into(), "c=d".into()],
            settings: vec!["x=1".into()],
            command: vec![],
        })
    );
}

#[test]
fn exec_needs_a_command() {
    let error = Invocation::parse(&["optml", "exec"].map(OsString::from)).unwrap_err();
    assert_eq!(error.exit_code(), 2);
}

#[test]
fn the_platforms_word_is_not_taken_twice() {
    let words = |line: &str| by_name(line.split(' ').map(OsString::from).collect());
    assert_eq!(words("/opt/train train"), ["optml", "train"]);
    assert_eq!(words("serve --port 1"), ["optml", "serve", "--port", "1"]);
    assert_eq!(words("optml train"), ["optml", "train"]);
}

#[test]
fn the_command_line_is_well_formed() {
    super::command().debug_assert();
}
