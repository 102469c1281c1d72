use std::ffi::OsString;

use super::{Action, EnvFormat, HostWords, Invocation, LocalTrain, by_name};

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
fn serve_takes_flags_and_a_command() {
    let found = parse("optml serve --model-dir m --port 0 --reload --kind wsgi");
    assert_eq!(
        found.action,
        Action::Serve {
            command: None,
            called_serve: false
        }
    );
    let overlay: Vec<_> = found
        .overlay
        .iter()
        .map(|(k, v)| (k.to_str(), v.to_str()))
        .collect();
    assert_eq!(
        overlay,
        [
            ("OPTML_MODEL_DIR", "m"),
            ("OPTML_KIND", "wsgi"),
            ("OPTML_PORT", "0"),
            ("OPTML_RELOAD", "on"),
        ]
        .map(|(k, v)| (Some(k), Some(v)))
    );
    for (line, called_serve) in [
        ("optml serve -- srv --port {port}", false),
        ("/usr/bin/serve -- srv --port {port}", true),
        ("serve serve -- srv --port {port}", true),
    ] {
        let found = parse(line);
        assert_eq!(found.overlay, [], "{line}");
        assert_eq!(
            found.action,
            Action::Serve {
                command: Some(["srv", "--port", "{port}"].map(OsString::from).to_vec()),
                called_serve
            }
        );
    }
}

#[test]
fn each_flag_of_serve_is_a_variable_of_its_own() {
    for (flag, _, variable) in super::SERVE_FLAGS {
        let found = parse(&format!("optml serve --{flag} 1"));
        assert_eq!(found.overlay, [(variable.name.into(), "1".into())]);
    }
    let found = parse("optml serve");
    assert_eq!(found.overlay, []);
}

#[test]
fn hosts_of_a_local_run_are_variables_and_processes() {
    let found = parse("optml local train --hosts 3 --host-network loopback");
    let expected = [
        ("OPTML_LOCAL_HOSTS", "3"),
        ("OPTML_LOCAL_NETWORK", "loopback"),
    ];
    assert_eq!(
        found.overlay,
        expected.map(|(name, value)| (name.into(), value.into()))
    );
    assert_eq!(parse("optml local hub").action, Action::LocalHub);
    let found = parse("exe local host --number 2 --hosts-file /h --tree /t -- train -- sh -c");
    let command = ["train", "--", "sh", "-c"].map(OsString::from).to_vec();
    let expected = HostWords {
        number: 2,
        hosts_file: "/h".into(),
        tree: "/t".into(),
        command,
    };
    assert_eq!(found.action, Action::LocalHost(expected));
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
