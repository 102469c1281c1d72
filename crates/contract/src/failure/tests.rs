use proptest::prelude::*;

use super::{
    Ended, Exception, Failure, Phase, Place, RankException, TEXT_LIMIT_BYTES, signal_name,
    signal_text,
};
use crate::{
    exit::{Code, ExitStyle},
    json::Json,
};

fn exception(type_name: &str, message: &str) -> Exception {
    Exception {
        type_name: type_name.to_owned(),
        message: message.to_owned(),
        place: None,
    }
}

fn place(file: &str, line: u32, function: &str, source: &str) -> Place {
    Place {
        file: file.to_owned(),
        line: Some(line),
        function: Some(function.to_owned()),
        source: Some(source.to_owned()),
    }
}

fn value_error() -> Failure {
    Failure {
        exception: Some(Exception {
            place: Some(place("train.py", 21, "main", "lr = float(args.lr)")),
            ..exception("ValueError", "could not convert string to float: 'oops'")
        }),
        ended: Some(Ended::Exited { code: 1 }),
        host: Some("algo-1".to_owned()),
        command: ["python3", "--", "train.py", "--lr", "oops"].map(str::to_owned).to_vec(),
        stderr_tail: b"epoch 1\n\x1b[31mwarning: slow\x1b[0m\nTraceback (most recent call last):\n  File \"/c/train.py\", line 21, in main\n    lr = float(args.lr)\nValueError: could not convert string to float: 'oops'\n".to_vec(),
        ..Failure::new(Phase::Script)
    }
}

fn ended(ended: Ended) -> Failure {
    Failure {
        ended: Some(ended),
        ..Failure::new(Phase::Script)
    }
}

#[test]
fn a_python_exception() {
    insta::assert_snapshot!(value_error().text(), @r#"
ValueError: could not convert string to float: 'oops'
train.py:21 in main: lr = float(args.lr)
exit code 1; host algo-1
command: python3 -- train.py --lr oops
stderr:
epoch 1
warning: slow
Traceback (most recent call last):
  File "/c/train.py", line 21, in main
"#);
    insta::assert_snapshot!(value_error().full_text(), @r#"
failed: exit code 1; host algo-1
  ValueError: could not convert string to float: 'oops'
    at train.py:21 in main: lr = float(args.lr)
  command: python3 -- train.py --lr oops
  last lines of stderr:
    epoch 1
    warning: slow
    Traceback (most recent call last):
      File "/c/train.py", line 21, in main
        lr = float(args.lr)
    ValueError: could not convert string to float: 'oops'
"#);
    insta::assert_snapshot!(value_error().to_json(), @r#"
{
    "version": 1,
    "phase": "script",
    "exit_code": 1,
    "exception": {
        "type": "ValueError",
        "message": "could not convert string to float: 'oops'",
        "place": {
            "file": "train.py",
            "line": 21,
            "function": "main",
            "source": "lr = float(args.lr)"
        }
    },
    "causes": [],
    "other_ranks": [],
    "ended": {
        "how": "exited",
        "code": 1
    },
    "hint": null,
    "host": "algo-1",
    "rank": null,
    "command": [
        "python3",
        "--",
        "train.py",
        "--lr",
        "oops"
    ],
    "stdout_tail": "",
    "stderr_tail": "epoch 1\u000a\u001b[31mwarning: slow\u001b[0m\u000aTraceback (most recent call last):\u000a  File \"/c/train.py\", line 21, in main\u000a    lr = float(args.lr)\u000aValueError: could not convert string to float: 'oops'\u000a"
}
"#);
}

#[test]
fn a_chain_on_many_ranks() {
    let rank = |rank, message| RankException {
        rank,
        exception: exception("RuntimeError", message),
    };
    let failure = Failure {
        causes: vec![Exception {
            place: Some(place("load.py", 3, "read", "return config['lr']")),
            ..exception("KeyError", "'lr'")
        }],
        rank: Some(0),
        other_ranks: vec![
            rank(1, "reset"),
            rank(2, "reset"),
            rank(3, "reset"),
            rank(9, "reset"),
        ],
        ..value_error()
    };
    insta::assert_snapshot!(failure.text(), @r#"
ValueError: could not convert string to float: 'oops'
train.py:21 in main: lr = float(args.lr)
exit code 1; host algo-1; rank 0
caused by KeyError: 'lr' (load.py:3 in read)
rank 1: RuntimeError: reset
rank 2: RuntimeError: reset
rank 3: RuntimeError: reset
and 1 more
command: python3 -- train.py --lr oops
stderr:
epoch 1
warning: slow
Traceback (most recent call last):
  File "/c/train.py", line 21, in main
"#);
    insta::assert_snapshot!(failure.full_text(), @r#"
failed: exit code 1; host algo-1; rank 0
  ValueError: could not convert string to float: 'oops'
    at train.py:21 in main: lr = float(args.lr)
  caused by KeyError: 'lr'
    at load.py:3 in read: return config['lr']
  rank 1: RuntimeError: reset
  rank 2: RuntimeError: reset
  rank 3: RuntimeError: reset
  rank 9: RuntimeError: reset
  command: python3 -- train.py --lr oops
  last lines of stderr:
    epoch 1
    warning: slow
    Traceback (most recent call last):
      File "/c/train.py", line 21, in main
        lr = float(args.lr)
    ValueError: could not convert string to float: 'oops'
"#);
}

#[track_caller]
fn check_ending(how: Ended, expected: &str, code: u8) {
    let failure = ended(how);
    assert_eq!(failure.text(), expected);
    assert_eq!(failure.exit_code(ExitStyle::Native), code);
    assert_eq!(failure.exit_code(ExitStyle::Reference), 1);
}

#[test]
fn endings() {
    check_ending(Ended::Exited { code: 3 }, "exit code 3", 3);
    check_ending(
        Ended::Exited { code: 139 },
        "exit code 139 (128 + 11: SIGSEGV)",
        139,
    );
    check_ending(Ended::Exited { code: 255 }, "exit code 255", 255);
    // The script is fine and what came after it is not.
    check_ending(Ended::Exited { code: 0 }, "exit code 0", 1);
    let signaled = |signal, core_dumped, peak_rss_bytes| Ended::Signaled {
        signal,
        core_dumped,
        peak_rss_bytes,
    };
    check_ending(
        signaled(11, true, None),
        "killed by SIGSEGV (signal 11), core dumped",
        139,
    );
    check_ending(
        signaled(9, false, Some(3 << 29)),
        "killed by SIGKILL (signal 9), peak memory 1.5 GiB",
        137,
    );
    check_ending(
        signaled(40, false, Some(900)),
        "killed by signal 40, peak memory 0 KiB",
        168,
    );
    check_ending(
        Ended::OutOfMemory {
            limit_bytes: Some(512 << 20),
            peak_rss_bytes: Some(535_000_000),
        },
        "out of memory: killed by the kernel with SIGKILL (signal 9), limit 512 MiB, peak memory 510.2 MiB",
        137,
    );
    check_ending(
        Ended::OutOfMemory {
            limit_bytes: None,
            peak_rss_bytes: None,
        },
        "out of memory: killed by the kernel with SIGKILL (signal 9)",
        137,
    );
    let stopped = |code, killed| Ended::Stopped {
        signal: 15,
        code,
        killed,
    };
    check_ending(
        stopped(143, false),
        "stopped by SIGTERM (signal 15), exit code 143",
        143,
    );
    check_ending(
        stopped(137, true),
        "stopped by SIGTERM (signal 15), still running after the grace period and killed by SIGKILL (signal 9)",
        137,
    );
    check_ending(
        Ended::NotStarted {
            reason: "`train.py` is not there".to_owned(),
        },
        "could not start: `train.py` is not there",
        1,
    );
}

#[test]
fn exit_codes_before_the_script() {
    for (phase, code) in [
        (Phase::Configuration, Code::CONFIGURATION),
        (Phase::CodeFetch, Code::INSTALL),
        (Phase::Install, Code::INSTALL),
        (Phase::HostWait, Code::FAILURE),
        (Phase::Start, Code::FAILURE),
        (Phase::Stop, Code::FAILURE),
        (Phase::Internal, Code::INTERNAL),
    ] {
        assert_eq!(
            Failure::new(phase).exit_code(ExitStyle::Native),
            code,
            "{phase:?}"
        );
    }
    let mut pip = ended(Ended::Exited { code: 1 });
    pip.phase = Phase::Install;
    assert_eq!(pip.exit_code(ExitStyle::Native), Code::INSTALL);
    pip.ended = Some(Ended::Stopped {
        signal: 15,
        code: 143,
        killed: false,
    });
    assert_eq!(pip.exit_code(ExitStyle::Native), 143);
}

#[test]
fn an_installer() {
    let failure = Failure {
        exception: Some(exception("", "No matching distribution found for nosuch==9")),
        ended: Some(Ended::Exited { code: 1 }),
        command: ["pip", "install", "-i", "https://aws:TOKEN@h/simple", "-r", "requirements.txt"]
            .map(str::to_owned)
            .to_vec(),
        stderr_tail: b"Looking in indexes: https://aws:TOKEN@h/simple\nERROR: No matching distribution found for nosuch==9\n"
            .to_vec(),
        ..Failure::new(Phase::Install)
    };
    insta::assert_snapshot!(failure.text(), @r#"
No matching distribution found for nosuch==9
while installing requirements: exit code 1
command: pip install -i https://***@h/simple -r requirements.txt
stderr:
Looking in indexes: https://***@h/simple
"#);
}

#[test]
fn a_hint_stands_below_the_ending() {
    let failure = Failure {
        exception: Some(exception("", "resolve `algo-2` within 900 s")),
        hint: Some("look at the log of `algo-2`".to_owned()),
        host: Some("algo-1".to_owned()),
        ..Failure::new(Phase::HostWait)
    };
    insta::assert_snapshot!(failure.text(), @r"
    resolve `algo-2` within 900 s
    while waiting for hosts; host algo-1
    hint: look at the log of `algo-2`
    ");
    insta::assert_snapshot!(failure.full_text(), @r"
    failed: while waiting for hosts; host algo-1
      resolve `algo-2` within 900 s
      hint: look at the log of `algo-2`
    ");
    assert!(
        failure
            .to_json()
            .contains("\"hint\": \"look at the log of `algo-2`\"")
    );
}

#[test]
fn a_signal_comes_before_what_was_printed_earlier() {
    let mut failure = value_error();
    failure.ended = Some(Ended::Signaled {
        signal: 11,
        core_dumped: false,
        peak_rss_bytes: None,
    });
    assert!(
        failure
            .text()
            .starts_with("killed by SIGSEGV (signal 11); host algo-1\nValueError: ")
    );
    // abort() is called by the one that printed the message.
    failure.ended = Some(Ended::Signaled {
        signal: 6,
        core_dumped: false,
        peak_rss_bytes: None,
    });
    assert!(failure.text().starts_with("ValueError: "));
}

#[test]
fn a_long_message_leaves_room_for_place_and_ending() {
    let mut failure = value_error();
    failure.exception.as_mut().unwrap().message = format!("begin {} end", "µ".repeat(5000));
    let text = failure.text();
    assert!(text.len() <= TEXT_LIMIT_BYTES, "{}", text.len());
    assert!(text.len() > TEXT_LIMIT_BYTES - 8, "{}", text.len());
    assert!(text.starts_with("ValueError: begin µ"));
    assert!(text.contains(" … "));
    assert!(
        text.ends_with(" end\ntrain.py:21 in main: lr = float(args.lr)\nexit code 1; host algo-1")
    );
}

#[test]
fn a_long_path_keeps_its_end() {
    let mut failure = value_error();
    failure
        .exception
        .as_mut()
        .unwrap()
        .place
        .as_mut()
        .unwrap()
        .file = format!("{}/train.py", "ü".repeat(500));
    assert!(
        failure
            .text()
            .contains("ü/train.py:21 in main: lr = float(args.lr)\n")
    );
}

#[test]
fn stdout_is_shown_where_stderr_is_empty() {
    let mut failure = ended(Ended::Exited { code: 1 });
    failure.stdout_tail = b"1%\r2%\rno data\n\n".to_vec();
    failure.stderr_tail = b" \n".to_vec();
    assert_eq!(failure.text(), "exit code 1\nstdout:\nno data");
}

#[test]
fn no_secret_in_any_form() {
    let mut failure = value_error();
    failure.command = ["train.py", "--hf-token", "hunter2", "--db-password=hunter2"]
        .map(str::to_owned)
        .to_vec();
    failure.host = Some("https://u:hunter2@h".to_owned());
    failure.stdout_tail = b"password=hunter2".to_vec();
    failure.stderr_tail = b"{'API_KEY': 'hunter2'}\n".to_vec();
    let exception = failure.exception.as_mut().unwrap();
    exception.message = "GET https://u:hunter2@h failed".to_owned();
    exception.place.as_mut().unwrap().source = Some("login(password='hunter2')".to_owned());
    failure.causes = vec![exception.clone()];
    for text in [failure.text(), failure.full_text(), failure.to_json()] {
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("***"));
    }
}

#[test]
fn json_escapes_control_characters() {
    let mut failure = Failure::new(Phase::Script);
    failure.stdout_tail = b"\x1b]0;x\x07\"\\\r\n\xff\xc2\x9b".to_vec();
    let json = failure.to_json();
    assert!(
        json.contains(r#""stdout_tail": "\u001b]0;x\u0007\"\\\u000d\u000a�\u009b""#),
        "{json}"
    );
}

#[test]
fn signals_have_names() {
    for (number, name) in [
        (1, "SIGHUP"),
        (9, "SIGKILL"),
        (11, "SIGSEGV"),
        (15, "SIGTERM"),
        (31, "SIGSYS"),
    ] {
        assert_eq!(signal_name(number), Some(name));
    }
    assert_eq!(signal_name(0), None);
    assert_eq!(signal_name(32), None);
    assert_eq!(signal_text(15), "SIGTERM (signal 15)");
    assert_eq!(signal_text(64), "signal 64");
}

proptest! {
    #[test]
    fn the_text_is_short_and_names_the_ending(
        message in "\\PC{0,1500}",
        type_name in "\\PC{0,60}",
        file in "\\PC{0,300}",
        source in "\\PC{0,600}",
        host in "[a-z0-9-]{0,400}",
        code in 1..=127_u8,
        stderr in prop::collection::vec(any::<u8>(), 0..2000),
    ) {
        let failure = Failure {
            exception: Some(Exception { place: Some(place(&file, 7, "f", &source)), ..exception(&type_name, &message) }),
            causes: vec![exception("KeyError", &message)],
            ended: Some(Ended::Exited { code }),
            host: Some(host),
            stderr_tail: stderr,
            ..Failure::new(Phase::Script)
        };
        let text = failure.text();
        prop_assert!(text.len() <= TEXT_LIMIT_BYTES, "{} bytes", text.len());
        let ending = format!("exit code {code}");
        prop_assert!(text.contains(&ending), "{}", text);
        prop_assert!(text.contains(":7 in f"), "{}", text);
        prop_assert!(text.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
    }
}

#[test]
fn another_host_reads_what_one_wrote() {
    let mut full = value_error();
    full.rank = Some(3);
    full.hint = Some("look".to_owned());
    full.causes = vec![exception("KeyError", "'x'")];
    full.other_ranks = vec![RankException {
        rank: 5,
        exception: exception("OSError", "gone"),
    }];
    // Escapes of a terminal don't survive the report, and are not part of it.
    full.stderr_tail = b"last words\n".to_vec();
    let ends = [
        Ended::Exited { code: 3 },
        Ended::Signaled {
            signal: 9,
            core_dumped: false,
            peak_rss_bytes: None,
        },
        Ended::OutOfMemory {
            limit_bytes: None,
            peak_rss_bytes: None,
        },
        Ended::Stopped {
            signal: 15,
            code: 143,
            killed: true,
        },
        Ended::NotStarted {
            reason: "`x` is not there".to_owned(),
        },
    ];
    for phase in Phase::ALL {
        for ended in &ends {
            let failure = Failure {
                phase,
                ended: Some(ended.clone()),
                ..full.clone()
            };
            let read = Failure::from_json(&Json::parse(failure.to_json().as_bytes()).unwrap());
            assert_eq!(read, Some(failure));
        }
    }
    assert_eq!(Failure::from_json(&Json::parse(b"{}").unwrap()), None);
}
