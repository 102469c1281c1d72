//! Odd values, damaged files, crowds of processes: what a job may meet, and what becomes of it.

use std::{
    ffi::OsStr,
    fs,
    io::Write,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::Path,
    time::{Duration, Instant},
};

use optml_testkit::{Finished, OptMl, Proc, Streams};
use rustix::{fs::Mode, process::Signal};
use serde_json::{Map, Value, json};

use crate::rig::{binary, start, start_with, train};

// ---- hyperparameters ----

/// A job with these hyperparameters, keys and values as they are.
fn job(script: &str, hyperparameters: &[(&str, &str)]) -> OptMl {
    let mut all: Map<String, Value> = hyperparameters
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).into()))
        .collect();
    all.insert("sagemaker_program".to_owned(), "train.py".into());
    OptMl::new().file("code/train.py", script).file(
        "input/config/hyperparameters.json",
        Value::Object(all).to_string(),
    )
}

const SHOW: &str = "import json, os, sys\njson.dump([sys.argv[1:], {name: value for name, value in os.environ.items() if name.startswith('SM_HP_')}], sys.stdout)\n";

/// The argument words and the `SM_HP_*` variables that the script gets.
#[track_caller]
fn received(hyperparameters: &[(&str, &str)]) -> (Vec<String>, Map<String, Value>, String) {
    let finished = train(&job(SHOW, hyperparameters));
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let (words, variables) = serde_json::from_str(&finished.stdout).unwrap();
    (words, variables, finished.stderr)
}

#[test]
fn odd_values_arrive_as_they_are() {
    let odd = [
        "one\ntwo\n",
        "it's \"quoted\" `ticked`",
        "$(touch /tmp/optml-robustness) ${HOME} $1; rm x | y && z > /dev/null",
        "-leading dash",
        "--flag=value",
        "a=b=c",
        "\\n \\",
        "  white space\t",
        "\r\u{1b}[31m",
        "ünïcode \u{1f600}",
        "*",
        "",
    ];
    for value in odd {
        let (words, variables, _) = received(&[("key", value)]);
        assert_eq!(words, ["--key", value]);
        assert_eq!(variables["SM_HP_KEY"], value);
    }
    assert!(!Path::new("/tmp/optml-robustness").exists());
}

#[test]
fn odd_names_arrive_as_they_are_and_as_a_shell_can_have_them() {
    let odd = [
        (
            "new\nline",
            "--new\nline",
            "SM_HP_NEW\nLINE",
            "SM_HP_NEW_LINE",
        ),
        ("it's", "--it's", "SM_HP_IT'S", "SM_HP_IT_S"),
        ("$(x)", "--$(x)", "SM_HP_$(X)", "SM_HP___X_"),
        ("-dash", "---dash", "SM_HP_-DASH", "SM_HP__DASH"),
        (
            "two words",
            "--two words",
            "SM_HP_TWO WORDS",
            "SM_HP_TWO_WORDS",
        ),
        ("straße", "--straße", "SM_HP_STRASSE", "SM_HP_STRASSE"),
        ("", "", "SM_HP_", "SM_HP_"),
    ];
    for (key, word, name, alias) in odd {
        let (words, variables, _) = received(&[(key, "v")]);
        assert_eq!(words, [word, "v"]);
        assert_eq!(
            (&variables[name], &variables[alias]),
            (&"v".into(), &"v".into()),
            "{variables:?}"
        );
        assert_eq!(
            variables.len(),
            if name == alias { 1 } else { 2 },
            "{variables:?}"
        );
    }
    let long = "k".repeat(64 * 1024);
    let (words, variables, _) = received(&[(&long, "v")]);
    assert_eq!(words, [&*format!("--{long}"), "v"]);
    assert_eq!(variables[&format!("SM_HP_{}", long.to_uppercase())], "v");
}

#[test]
fn names_that_collide_are_warned_about_by_both_names() {
    let warned = |stderr: &str, names: [&str; 2]| {
        stderr.lines().any(|line| {
            line.contains(" WARN ") && names.iter().all(|name| line.contains(&format!("{name}`")))
        })
    };
    // Each keeps its own exact name; the alias of one would be the name of the other.
    let (words, variables, stderr) = received(&[("a-b", "1"), ("a_b", "2")]);
    assert_eq!(words, ["--a-b", "1", "--a_b", "2"]);
    assert_eq!(
        variables,
        *json!({"SM_HP_A-B": "1", "SM_HP_A_B": "2"})
            .as_object()
            .unwrap()
    );
    assert!(warned(&stderr, ["SM_HP_A-B", "SM_HP_A_B"]), "{stderr}");
    // Two aliases for one name.
    let (_, variables, stderr) = received(&[("a-b", "1"), ("a.b", "2")]);
    assert_eq!(
        variables,
        *json!({"SM_HP_A-B": "1", "SM_HP_A.B": "2", "SM_HP_A_B": "1"})
            .as_object()
            .unwrap()
    );
    assert!(
        warned(&stderr, ["SM_HP_A.B", "SM_HP_A_B"]) && warned(&stderr, ["SM_HP_A.B", "/a-b"]),
        "{stderr}"
    );
    // One exact name: the reference gives it to the later one, and says nothing.
    let (words, variables, stderr) = received(&[("lr", "1"), ("LR", "2")]);
    assert_eq!(words, ["--LR", "2", "--lr", "1"]);
    assert_eq!(variables, *json!({"SM_HP_LR": "2"}).as_object().unwrap());
    assert!(warned(&stderr, ["/LR", "/lr"]), "{stderr}");
    // No collision, no warning.
    let (_, _, stderr) = received(&[("a-b", "1"), ("c", "2")]);
    assert!(!stderr.contains("WARN"), "{stderr}");
}

#[test]
fn a_name_that_stands_twice_has_its_last_value() {
    let tree = OptMl::new().file("code/train.py", SHOW).file(
        "input/config/hyperparameters.json",
        r#"{"sagemaker_program": "train.py", "x": "1", "x": "2"}"#,
    );
    let finished = train(&tree);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), r#"[["-x", "2"], {"SM_HP_X": "2"}]"#),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_variable_that_is_not_utf8_reaches_the_script() {
    let tree = OptMl::with_script("train.py", "import os\nos.write(1, os.environb[b'ODD'])");
    let odd = OsStr::from_bytes(b"\xff\xfe=\n\x80");
    let finished = Proc::start(
        binary(),
        ["train"],
        &[
            ("SAGEMAKER_BASE_DIR", tree.base().as_os_str()),
            ("ODD", odd),
        ],
    )
    .wait();
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), &*String::from_utf8_lossy(odd.as_bytes())),
        "{}",
        finished.stderr
    );
}

// ---- files of the platform ----

/// The job fails with 3, and the first line of its report names the file and all of `wanted`.
#[track_caller]
fn misconfigured(file: &str, content: impl AsRef<[u8]>, wanted: &[&str]) {
    let file = format!("input/config/{file}");
    let tree = OptMl::with_script("train.py", "print('never')").file(&file, content);
    let finished = train(&tree);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(3), ""),
        "{}",
        finished.stderr
    );
    let report = tree.read("output/failure");
    let first = report.lines().next().unwrap();
    let file = format!("`{}`", tree.path(&file).display());
    for text in [&[&*file], wanted].concat() {
        assert!(first.contains(text), "no {text} in {report}");
    }
}

const FILES: [&str; 3] = [
    "hyperparameters.json",
    "resourceconfig.json",
    "inputdataconfig.json",
];

#[test]
fn a_damaged_file_is_named_with_the_place_of_the_damage() {
    for file in FILES {
        misconfigured(file, "", &["not JSON", "line 1 column 1"]);
        misconfigured(file, " \n ", &["not JSON", "line 2 column 2"]);
        misconfigured(file, "{\n  \"a\": \"b", &["not JSON", "line 2 column 8"]);
        misconfigured(file, "{\"a\": 1,", &["not JSON", "line 1 column 9"]);
        misconfigured(file, "\u{feff}{}", &["byte order mark"]);
        misconfigured(
            file,
            b"{\"a\": \"\xff\"}",
            &["not UTF-8", "line 1 column 8"],
        );
        misconfigured(file, "{} {}", &["line 1 column 4"]);
        misconfigured(file, "\0".repeat(100), &["not JSON"]);
        misconfigured(file, "[".repeat(1_000_000), &["not JSON"]);
    }
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_its_path() {
    for file in FILES {
        for (content, found) in [
            ("[1]", "an array"),
            ("null", "null"),
            ("\"x\"", "a string"),
            ("7", "a number"),
        ] {
            misconfigured(file, content, &["expected an object", found]);
        }
    }
    let resources = |content: Value, wanted: &[&str]| {
        misconfigured("resourceconfig.json", content.to_string(), wanted);
    };
    resources(json!({"hosts": ["h"]}), &["`/current_host`"]);
    resources(json!({"current_host": "h"}), &["`/hosts`"]);
    resources(
        json!({"current_host": 1, "hosts": ["h"]}),
        &["`/current_host`", "expected a string, found a number"],
    );
    resources(
        json!({"current_host": "h", "hosts": "h"}),
        &["`/hosts`", "expected an array of strings, found a string"],
    );
    resources(
        json!({"current_host": "h", "hosts": ["h", null]}),
        &["`/hosts/1`", "found null"],
    );
    resources(
        json!({"current_host": "h", "hosts": ["h"], "network_interface_name": {}}),
        &["`/network_interface_name`", "found an object"],
    );
    resources(
        json!({"current_host": "h", "hosts": ["h"], "instance_groups": 5}),
        &["`/instance_groups`", "found a number"],
    );
    misconfigured(
        "hyperparameters.json",
        r#"{"sagemaker_program": ["train.py"]}"#,
        &["`/sagemaker_program`", "found an array"],
    );
    misconfigured(
        "inputdataconfig.json",
        r#"{"../../etc": {}}"#,
        &["`/..~1..~1etc`", "leads out of"],
    );
}

#[test]
fn what_is_not_known_is_kept() {
    let future = json!({"deep": [1, {"deeper": null}], "ü": 1.5});
    let script = "import json, os\nfor name in 'SM_RESOURCE_CONFIG', 'SM_INPUT_DATA_CONFIG':\n    print(json.loads(os.environ[name]) == json.load(open(os.environ['SM_INPUT_CONFIG_DIR'] + '/' + name[3:].lower().replace('_', '') + '.json')))\n";
    let tree = OptMl::with_script("train.py", script)
        .file(
            "input/config/resourceconfig.json",
            json!({"current_host": "h", "hosts": ["h"], "future": future}).to_string(),
        )
        .file(
            "input/config/inputdataconfig.json",
            json!({"training": {"TrainingInputMode": "Quantum", "Future": future}}).to_string(),
        );
    let finished = train(&tree);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "True\nTrue\n"),
        "{}",
        finished.stderr
    );
}

#[test]
fn a_file_of_ten_megabytes_is_read() {
    let large = "x".repeat(10_000_000);
    let script = "import json, os\nhps = json.load(open(os.environ['SM_HPS_FILE']))\nenv = json.load(open(os.environ['SM_TRAINING_ENV_FILE']))\nprint(len(hps['large']), len(env['hyperparameters']['large']))\n";
    let finished = train(&job(script, &[("large", &large)]));
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "10000000 10000000\n"),
        "{}",
        &finished.stderr[..finished.stderr.len().min(2000)]
    );
    assert!(finished.stderr.len() < 20_000, "the log is no copy of it");
    let future = json!({ "current_host": "h", "hosts": ["h"], "future": large });
    misconfigured(
        "inputdataconfig.json",
        future.to_string().trim_end_matches('}'),
        &["not JSON", "line 1 column 1"],
    );
}

// ---- the failure file ----

const FAILS: &str = "raise SystemExit('my reason')\n";

/// The report is ours.
#[track_caller]
fn is_ours(tree: &OptMl, finished: &Finished) {
    assert_eq!(finished.code, Some(1), "{}", finished.stderr);
    assert!(
        tree.path("output/failure")
            .symlink_metadata()
            .unwrap()
            .is_file()
    );
    assert!(
        tree.read("output/failure").starts_with("my reason\n"),
        "{}",
        tree.read("output/failure")
    );
}

#[test]
fn a_failure_file_of_an_earlier_job_is_replaced_and_that_is_said() {
    let tree = OptMl::with_script("train.py", FAILS)
        .file("output/failure", "of yesterday")
        .file("output/success", "");
    let finished = train(&tree);
    is_ours(&tree, &finished);
    assert!(!tree.path("output/success").exists());
    let warning = finished
        .stderr
        .lines()
        .find(|line| line.contains(" WARN "))
        .unwrap();
    assert!(
        warning.contains(tree.path("output/failure").to_str().unwrap()),
        "{warning}"
    );
    // An empty one holds no reason.
    let script = "import os\nopen(os.environ['SM_OUTPUT_DIR'] + '/failure', 'w').close()\nraise SystemExit('my reason')\n";
    let tree = OptMl::with_script("train.py", script);
    is_ours(&tree, &train(&tree));
}

#[test]
fn what_the_script_wrote_stands_whatever_it_is() {
    for content in [
        "b'short'",
        "b'x' * 10_000_000",
        "b'\\xff\\xfe not UTF-8 \\xc3'",
        "b' '",
    ] {
        let script = format!(
            "import os, sys\nopen(os.environ['SM_OUTPUT_DIR'] + '/failure', 'wb').write({content})\nopen('copy', 'wb').write({content})\nsys.exit(4)\n"
        );
        // Also in the place of an older one of the same length.
        for older in [None, Some("older")] {
            let mut tree = OptMl::with_script("train.py", &script);
            if let Some(older) = older {
                tree = tree.file("output/failure", older);
            }
            let finished = train(&tree);
            assert_eq!(finished.code, Some(4), "{}", finished.stderr);
            assert!(
                fs::read(tree.path("output/failure")).unwrap()
                    == fs::read(tree.path("code/copy")).unwrap(),
                "{content}"
            );
        }
    }
}

#[test]
fn a_directory_in_its_place_leaves_the_reason_in_the_log() {
    let tree = OptMl::with_script("train.py", FAILS).file("output/failure/kept", "mine");
    let finished = train(&tree);
    assert_eq!(
        finished.code,
        Some(1),
        "the reference ends with 0 here: {}",
        finished.stderr
    );
    assert_eq!(tree.read("output/failure/kept"), "mine");
    for text in ["my reason", "only in this log"] {
        assert!(finished.stderr.contains(text), "{}", finished.stderr);
    }
    assert!(tree.read("output/failure.json").contains("my reason"));
    assert_eq!(leftovers(&tree), [""; 0]);
}

/// Files in `output/` that nobody asked for.
fn leftovers(tree: &OptMl) -> Vec<String> {
    let names = fs::read_dir(tree.path("output"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| !["data", "failure", "failure.json", "copy"].contains(&name.as_str()))
        .collect()
}

#[test]
fn a_link_in_its_place_is_replaced_and_not_followed() {
    let tree = OptMl::with_script("train.py", FAILS).file("elsewhere", "untouched");
    symlink(tree.path("elsewhere"), tree.path("output/failure")).unwrap();
    is_ours(&tree, &train(&tree));
    assert_eq!(tree.read("elsewhere"), "untouched");
    let tree = OptMl::with_script("train.py", FAILS);
    symlink("/nowhere/at/all", tree.path("output/failure")).unwrap();
    is_ours(&tree, &train(&tree));
}

#[test]
fn a_pipe_in_its_place_holds_nobody_up() {
    let tree = OptMl::with_script("train.py", FAILS);
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        tree.path("output/failure"),
        Mode::from_raw_mode(0o600),
    )
    .unwrap();
    is_ours(&tree, &train(&tree));
    assert_eq!(leftovers(&tree), [""; 0]);
}

#[test]
fn what_lies_where_the_report_is_prepared_is_not_written_through() {
    // The report is written beside and renamed: nothing that lies there may hold us up or be written through.
    for name in [".failure.optml", ".failure.json.optml"] {
        let tree = OptMl::with_script("train.py", FAILS).file("elsewhere", "untouched");
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            tree.path(&format!("output/{name}")),
            Mode::from_raw_mode(0o600),
        )
        .unwrap();
        is_ours(&tree, &train(&tree));
        let tree = OptMl::with_script("train.py", FAILS).file("elsewhere", "untouched");
        symlink(tree.path("elsewhere"), tree.path(&format!("output/{name}"))).unwrap();
        is_ours(&tree, &train(&tree));
        assert_eq!(tree.read("elsewhere"), "untouched");
    }
}

// ---- crowds, and those that stay behind ----

/// Processes, zombies too, that belong to a group.
fn members(group: &str) -> Vec<String> {
    let processes = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read_to_string(entry.unwrap().path().join("stat")).ok());
    let in_group = |stat: &String| {
        stat.rsplit_once(") ")
            .is_some_and(|(_, fields)| fields.split(' ').nth(2) == Some(group))
    };
    processes.filter(in_group).collect()
}

#[test]
fn ten_thousand_zombies_are_buried() {
    let script = "import os\nfor _ in range(10_000):\n    if os.fork() == 0:\n        os._exit(0)\nprint(os.getpid())\nos._exit(5)\n";
    let tree = OptMl::with_script("train.py", script);
    let finished = start(&tree, &["train"], &[("OPTML_LOG_LEVEL", "debug")]).wait();
    assert_eq!(finished.code, Some(5), "{}", finished.stderr);
    assert_eq!(members(finished.stdout.trim_end()), [""; 0]);
    // Whoever adopts what we leave would bury them too; so it is ours to count.
    assert!(
        finished.stderr.contains("n_orphans=10000"),
        "{}",
        finished.stderr
    );
}

/// A daemon as they are made: a session of its own, both parents gone, standard output still open. The script ends with 0.
fn daemon(then: &str) -> OptMl {
    let script = format!(
        "import os, signal, sys, time
ready, is_ready = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        {then}
        os.write(1, b'%d\\n' % os.getpid())
        os.write(is_ready, b'.')
        while True:
            time.sleep(1000)
    os._exit(0)
os.read(ready, 1)
"
    );
    OptMl::with_script("train.py", &script)
}

#[test]
fn a_daemon_that_the_script_leaves_is_ended_and_holds_nothing_up() {
    for (then, at_least, at_most) in [
        ("pass", 0, 10),
        ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", 2, 20),
    ] {
        let begin = Instant::now();
        let finished = train(&daemon(then));
        let took = begin.elapsed();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        assert!(
            took >= Duration::from_secs(at_least) && took < Duration::from_secs(at_most),
            "{took:?}"
        );
        let daemon = finished.stdout.trim_end();
        assert!(
            !Path::new("/proc").join(daemon).exists(),
            "{daemon} lives on"
        );
    }
}

#[test]
fn a_script_that_closes_its_streams_is_waited_for() {
    let script = "import os, sys\nos.close(1)\nos.close(2)\nopen('closed', 'w').close()\nos.read(0, 1)\nos._exit(4)\n";
    let tree = OptMl::with_script("train.py", script);
    let (stdin, go_on) = std::io::pipe().unwrap();
    let streams = Streams {
        stdin: stdin.into(),
        ..Streams::default()
    };
    let process = start_with(&tree, &["train"], &[], streams);
    let deadline = Instant::now() + Duration::from_mins(1);
    while !tree.path("code/closed").exists() {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    drop(go_on);
    let finished = process.wait();
    assert_eq!(finished.code, Some(4), "{}", finished.stderr);
}

// ---- standard input, and how we were started ----

const READS: &str = "import sys\nprint(repr(sys.stdin.read()), sys.stdin.isatty())\n";

#[test]
fn standard_input_is_inherited() {
    let tree = OptMl::with_script("train.py", READS);
    assert_eq!(train(&tree).stdout, "'' False\n");
    for words in [&["train"][..], &["exec", "--", "python3", "code/train.py"]] {
        let (stdin, mut input) = std::io::pipe().unwrap();
        input.write_all("from outside\n".as_bytes()).unwrap();
        drop(input);
        let streams = Streams {
            stdin: stdin.into(),
            ..Streams::default()
        };
        let mut command = Proc::command(
            binary(),
            words,
            &[("SAGEMAKER_BASE_DIR", tree.base().as_os_str())],
        );
        command.current_dir(tree.base());
        let finished = Proc::start_with(command, streams).wait();
        assert_eq!(
            finished.stdout, "'from outside\\n' False\n",
            "{}",
            finished.stderr
        );
    }
}

#[test]
fn a_terminal_is_not_handed_to_a_script_in_the_background() {
    // A group that is not the terminal's own would be stopped when it reads.
    let tree = OptMl::with_script("train.py", READS);
    let on_terminal = "import os, pty, sys\nsys.exit(os.WEXITSTATUS(pty.spawn(sys.argv[1:])))";
    let base = [("SAGEMAKER_BASE_DIR", tree.base().as_os_str())];
    let finished = Proc::start(
        "python3",
        [
            OsStr::new("-c"),
            OsStr::new(on_terminal),
            &binary(),
            OsStr::new("train"),
        ],
        &base,
    )
    .wait();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.contains("'' False\r\n"), "{finished:?}");
}

/// Runs the job through a shell or interpreter that prepares the process first.
#[track_caller]
fn prepared(tree: &OptMl, words: &[&OsStr]) -> Proc {
    let (program, words) = words.split_first().unwrap();
    Proc::start(
        Path::new(program),
        words,
        &[("SAGEMAKER_BASE_DIR", tree.base().as_os_str())],
    )
}

#[test]
fn closed_descriptors_and_few_of_them_are_enough() {
    let tree = OptMl::with_script("train.py", "open('ran', 'w').close()\nraise SystemExit(6)");
    for shell in [
        "exec \"$0\" train <&- >&- 2>&-",
        "exec \"$0\" train <&-",
        "ulimit -n 32; exec \"$0\" train",
    ] {
        let finished = prepared(
            &tree,
            &["sh".as_ref(), "-c".as_ref(), shell.as_ref(), &binary()],
        )
        .wait();
        assert_eq!(finished.code, Some(6), "{shell}: {}", finished.stderr);
        fs::remove_file(tree.path("code/ran")).unwrap();
    }
}

#[test]
fn inherited_masks_and_dispositions_do_not_count() {
    // Blocked signals and an ignored SIGCHLD survive `exec`: neither may cost us a child or a signal, nor the script its own.
    let begin = "import os, signal, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nsignal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\nos.execv(sys.argv[1], sys.argv[1:])";
    let script = "import os, signal, subprocess, sys, time\nprint(subprocess.call(['sh', '-c', 'exit 3']), signal.pthread_sigmask(signal.SIG_BLOCK, []) == set(), flush=True)\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(8))\nprint('up', flush=True)\nwhile True:\n    time.sleep(0.01)\n";
    let tree = OptMl::with_script("train.py", script);
    let process = prepared(
        &tree,
        &[
            "python3".as_ref(),
            "-c".as_ref(),
            begin.as_ref(),
            &binary(),
            "train".as_ref(),
        ],
    );
    assert_eq!(process.stdout_line(""), "3 True");
    process.stdout_line("up");
    process.signal(Signal::TERM);
    let finished = process.wait();
    assert_eq!(finished.code, Some(8), "{}", finished.stderr);
}
