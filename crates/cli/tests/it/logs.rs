//! What the script prints arrives as it was printed, and what we print about it can be read by a machine.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{PipeReader, Read, Write},
    os::fd::AsFd,
    path::Path,
    time::{Duration, Instant},
};

use optml_testkit::{Finished, OptMl, Proc, Streams};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

use crate::rig::{start, start_with, train};

/// Our own lines are silent, so that standard error is the script's alone.
const QUIET: (&str, &str) = ("OPTML_LOG_LEVEL", "error");

/// Python that writes all of some bytes, whatever the pipe takes at once.
const WRITE_ALL: &str = "import os, sys
def write(fd, data):
    data = memoryview(data)
    while data:
        data = data[os.write(fd, data):]
";

/// One end of a pipe that a test reads by itself.
struct Tap(PipeReader);

impl Tap {
    /// Reads what is there, at least a byte; 0 at the end.
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> usize {
        let minute = Timespec::try_from(Duration::from_mins(1)).unwrap();
        let mut fds = [PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN)];
        assert_ne!(poll(&mut fds, Some(&minute)), Ok(0), "nothing comes");
        self.0.read(buffer).unwrap()
    }

    #[track_caller]
    fn read_to_end(mut self) -> Vec<u8> {
        let (mut all, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
        loop {
            match self.read(&mut buffer) {
                0 => return all,
                n => all.extend_from_slice(&buffer[..n]),
            }
        }
    }

    /// Reads `expected` and nothing else so far.
    #[track_caller]
    fn expect(&mut self, expected: &[u8]) {
        let mut buffer = vec![0; expected.len()];
        let mut n = 0;
        while n < expected.len() {
            match self.read(&mut buffer[n..]) {
                0 => break,
                more => n += more,
            }
        }
        assert_eq!(
            buffer[..n].escape_ascii().to_string(),
            expected.escape_ascii().to_string()
        );
    }

    /// Reads `block` again and again, `n_blocks` times.
    #[track_caller]
    fn expect_blocks(&mut self, block: &[u8], n_blocks: usize) {
        let mut buffer = vec![0; 1 << 16];
        let (mut at, mut left) = (0, block.len() * n_blocks);
        while left > 0 {
            let room = buffer.len().min(left);
            let n = self.read(&mut buffer[..room]);
            assert_ne!(n, 0, "{left} bytes are missing");
            let mut got = &buffer[..n];
            while !got.is_empty() {
                let length = got.len().min(block.len() - at);
                assert!(
                    got[..length] == block[at..at + length],
                    "{left} bytes before the end"
                );
                got = &got[length..];
                at = (at + length) % block.len();
            }
            left -= n;
        }
    }
}

fn tap() -> (Tap, std::io::PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    (Tap(reader), writer)
}

/// The peak of resident memory of a process that still runs.
#[track_caller]
fn peak_rss_kib(process: &Proc) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

/// Bytes that repeat only after a million of them, none of which ends a line.
fn noise() -> Vec<u8> {
    let mut state: u32 = 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_le_bytes()[3]
    };
    (0..1_000_003)
        .map(|_| next())
        .filter(|byte| *byte != b'\n')
        .collect()
}

/// Runs the script with its streams in two files; both contents.
#[track_caller]
fn both_streams(tree: &OptMl, variables: &[(&str, &str)]) -> (Finished, Vec<u8>, Vec<u8>) {
    let files = [tree.path("stdout"), tree.path("stderr")];
    let streams = Streams {
        stdout: File::create(&files[0]).unwrap().into(),
        stderr: File::create(&files[1]).unwrap().into(),
        ..Streams::default()
    };
    let finished = start_with(tree, &["train"], variables, streams).wait();
    let [stdout, stderr] = files.map(|file| fs::read(file).unwrap());
    (finished, stdout, stderr)
}

#[test]
fn any_bytes_arrive_as_they_are_on_their_own_descriptor() {
    let all: Vec<u8> = (0..=255).collect();
    let odd: &[&[u8]] = &[
        b"",
        b"\n",
        b"no line end",
        b"\r 10%\r 20%\r100%\nnext\r\n",
        b"  white space stays \t \n\n\n",
        b"\xff\xfe\x80 not UTF-8 \xc3\n\xc3\x28",
        b"\x1b[31mred\x1b[0m \x1b]0;title\x07",
        "half a character: \u{1f600}".as_bytes(),
        b"{\"level\":\"error\",\"msg\":\"forged\"}\n",
        b"[1,0]<stdout>: tagged\n",
        &all,
    ];
    for (number, bytes) in odd.iter().enumerate() {
        let other = odd[(number + 1) % odd.len()];
        let script = format!(
            "{WRITE_ALL}for fd, name in (1, 'one'), (2, 'two'):\n    data = open(name, 'rb').read()\n    for at in range(len(data)):\n        write(fd, data[at:at + 1])\n"
        );
        let tree = OptMl::with_script("train.py", &script)
            .file("code/one", bytes)
            .file("code/two", other);
        let (finished, stdout, stderr) = both_streams(&tree, &[QUIET]);
        assert_eq!(finished.code, Some(0));
        assert!(stdout == *bytes, "{number}: {}", stdout.escape_ascii());
        assert!(stderr == *other, "{number}: {}", stderr.escape_ascii());
    }
}

#[test]
fn half_a_character_and_half_a_line_are_not_held_back() {
    let script = "import os, sys\nfor fd in 1, 2:\n    for part in b'\\xf0\\x9f', b'\\x98\\x80\\rloading', b'...':\n        os.write(fd, part)\n        sys.stdin.buffer.raw.read(1)\n";
    let tree = OptMl::with_script("train.py", script);
    let ((mut stdout, to_stdout), (mut stderr, to_stderr)) = (tap(), tap());
    let (stdin, mut go_on) = std::io::pipe().unwrap();
    let streams = Streams {
        stdin: stdin.into(),
        stdout: to_stdout.into(),
        stderr: to_stderr.into(),
    };
    let process = start_with(&tree, &["train"], &[QUIET], streams);
    for stream in [&mut stdout, &mut stderr] {
        for part in [&b"\xf0\x9f"[..], b"\x98\x80\rloading", b"..."] {
            stream.expect(part);
            go_on.write_all(b".").unwrap();
        }
    }
    assert_eq!(process.wait().code, Some(0));
    assert_eq!(
        (stdout.read_to_end(), stderr.read_to_end()),
        (vec![], vec![])
    );
}

/// Has the script write `n_blocks` blocks to `fd`, compares them, and returns our own peak of memory.
#[track_caller]
fn flood(fd: i32, block: &[u8], n_blocks: usize) -> u64 {
    let script = format!(
        "{WRITE_ALL}block = open('block', 'rb').read()\nfor _ in range({n_blocks}):\n    write({fd}, block)\nsys.stdin.read()\n"
    );
    let tree = OptMl::with_script("train.py", &script).file("code/block", block);
    let (mut reader, writer) = tap();
    let (stdin, go_on) = std::io::pipe().unwrap();
    let mut streams = Streams {
        stdin: stdin.into(),
        ..Streams::default()
    };
    if fd == 1 {
        streams.stdout = writer.into();
    } else {
        streams.stderr = writer.into();
    }
    let process = start_with(&tree, &["train"], &[QUIET], streams);
    reader.expect_blocks(block, n_blocks);
    let peak = peak_rss_kib(&process);
    drop(go_on);
    let finished = process.wait();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(reader.read_to_end(), b"", "nothing follows");
    peak
}

#[test]
fn two_hundred_megabytes_pass_in_little_memory() {
    let mut block = noise();
    for at in (0..block.len()).step_by(97) {
        block[at] = b'\n';
    }
    let n_blocks = 200_000_000 / block.len() + 1;
    for fd in [1, 2] {
        let peak_kib = flood(fd, &block, n_blocks);
        assert!(peak_kib < 16 * 1024, "descriptor {fd}: {peak_kib} KiB");
    }
}

#[test]
fn a_line_of_fifty_megabytes_passes_in_little_memory() {
    let block = noise();
    for fd in [1, 2] {
        let peak_kib = flood(fd, &block, 50);
        assert!(peak_kib < 16 * 1024, "descriptor {fd}: {peak_kib} KiB");
    }
}

#[test]
fn a_closed_stdout_is_no_reason_to_stop() {
    let script = format!(
        "{WRITE_ALL}for _ in range(100):\n    write(1, b'x' * 99_999 + b'\\n')\nprint('went on', file=sys.stderr)\nsys.exit(7)\n"
    );
    let tree = OptMl::with_script("train.py", &script);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let streams = Streams {
        stdout: writer.into(),
        ..Streams::default()
    };
    let finished = start_with(&tree, &["train"], &[], streams).wait();
    assert_eq!(finished.code, Some(7), "{}", finished.stderr);
    let n = |text: &str| finished.stderr.matches(text).count();
    assert_eq!(
        (n("\nwent on\n"), n("nobody reads our output any more")),
        (1, 1),
        "{}",
        finished.stderr
    );
    assert_eq!(
        field(&finished.stderr, "was lost", "n_bytes"),
        [100 * 100_000]
    );
}

#[test]
fn two_closed_streams_are_no_reason_to_stop() {
    let script = format!(
        "{WRITE_ALL}for fd in 1, 2:\n    write(fd, b'x' * 1_000_000)\nopen('went-on', 'w').close()\nsys.exit(7)\n"
    );
    let tree = OptMl::with_script("train.py", &script);
    let streams = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        writer
    };
    let streams = Streams {
        stdout: streams().into(),
        stderr: streams().into(),
        ..Streams::default()
    };
    assert_eq!(
        start_with(&tree, &["train"], &[], streams).wait().code,
        Some(7)
    );
    assert!(tree.path("code/went-on").exists());
}

/// The numbers called `name` in the lines of the log that hold `text`.
fn field(log: &str, text: &str, name: &str) -> Vec<usize> {
    let start = format!(" {name}=");
    let lines = log.lines().filter(|line| line.contains(text));
    lines
        .map(|line| {
            let (_, value) = line
                .split_once(&start)
                .unwrap_or_else(|| panic!("no{start}in {line}"));
            value.split(' ').next().unwrap().parse().unwrap()
        })
        .collect()
}

const LINES: usize = 40_000;
const LINE_BYTES: usize = 100;

/// A script that writes many numbered lines, says so on the other stream, and then does `then`.
fn script_of_lines(then: &str) -> String {
    let last = LINE_BYTES - 1;
    format!(
        "{WRITE_ALL}for number in range({LINES}):\n    write(1, b'%-{last}d\\n' % number)\nprint('written', file=sys.stderr, flush=True)\n{then}\n"
    )
}

/// Whole lines of [`script_of_lines`], in order; how many.
#[track_caller]
fn whole_lines(received: &[u8]) -> usize {
    let text = std::str::from_utf8(received).unwrap();
    let numbers: Vec<usize> = text
        .split_terminator('\n')
        .map(|line| {
            assert_eq!(line.len(), LINE_BYTES - 1, "{line:?}");
            line.trim_end().parse().unwrap()
        })
        .collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "the order is kept");
    numbers.len()
}

#[test]
fn an_unread_stdout_holds_the_script_up_only_so_long() {
    let tree = OptMl::with_script("train.py", &script_of_lines("sys.exit(5)"));
    let (reader, writer) = tap();
    let streams = Streams {
        stdout: writer.into(),
        ..Streams::default()
    };
    let begin = Instant::now();
    let process = start_with(&tree, &["train"], &[("OPTML_LOG_STALL_S", "1")], streams);
    process.stderr_line("written");
    let took = begin.elapsed();
    assert!(took >= Duration::from_secs(1), "it waits first: {took:?}");
    let finished = process.wait();
    assert_eq!(finished.code, Some(5), "{}", finished.stderr);
    let dropped = field(&finished.stderr, "output was dropped", "n_bytes");
    assert_eq!(dropped.len(), 1, "one line says it: {}", finished.stderr);
    // What was on its way when we ended is counted by another.
    let lost = field(&finished.stderr, "was lost", "n_bytes");
    assert_eq!(lost.len(), 1, "{}", finished.stderr);
    let received = reader.read_to_end();
    assert_eq!(
        received.len() + dropped[0] + lost[0],
        LINES * LINE_BYTES,
        "every byte is accounted for"
    );
}

#[test]
fn a_reader_that_comes_back_finds_whole_lines_and_their_count() {
    let tree = OptMl::with_script(
        "train.py",
        &script_of_lines("sys.stdin.read()\nwrite(1, b'%-99d\\n' % 99_999)"),
    );
    let (reader, writer) = tap();
    let (stdin, go_on) = std::io::pipe().unwrap();
    let streams = Streams {
        stdin: stdin.into(),
        stdout: writer.into(),
        ..Streams::default()
    };
    let process = start_with(&tree, &["train"], &[("OPTML_LOG_STALL_S", "1")], streams);
    process.stderr_line("written");
    let (finished, received) = std::thread::scope(|scope| {
        let reading = scope.spawn(|| reader.read_to_end());
        drop(go_on);
        (process.wait(), reading.join().unwrap())
    });
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    let n_received = whole_lines(&received);
    let dropped: usize = field(&finished.stderr, "output was dropped", "n_lines")
        .iter()
        .sum();
    assert!(dropped > 0);
    assert_eq!(n_received + dropped, LINES + 1, "{}", finished.stderr);
}

#[test]
fn two_streams_into_one_file_never_mix_within_a_line() {
    // Each round leaves a line of one stream unfinished while the other writes; and two processes write at once, more
    // than a pipe takes in one piece.
    let script = format!(
        "{WRITE_ALL}for number in range(50):\n    one, two = (1, 2) if number % 2 else (2, 1)\n    write(one, b'begin-%d ' % number)\n    write(two, b'whole-%d\\n' % number)\n    write(one, b'end-%d\\n' % number)\nfd = 1 if os.fork() else 2\nwrite(fd, b''.join(b'%d-%d %s\\n' % (fd, number, b'x' * (number % 997)) for number in range(10_000)))\nif fd == 1:\n    os.wait()\n"
    );
    let check = |text: &str| {
        let lines: BTreeSet<&str> = text
            .lines()
            .filter(|line| !line.contains(" INFO "))
            .collect();
        for number in 0..50 {
            assert!(lines.contains(&*format!("whole-{number}")), "{number}");
            assert!(
                lines.contains(&*format!("begin-{number} end-{number}")),
                "{number}"
            );
        }
        for fd in [1, 2] {
            for number in 0..10_000 {
                let line = format!("{fd}-{number} {}", "x".repeat(number % 997));
                assert!(lines.contains(&*line), "{fd}-{number}");
            }
        }
        assert_eq!(lines.len(), 100 + 20_000, "nothing else is there");
    };
    // A file, as with `> log 2>&1`.
    let tree = OptMl::with_script("train.py", &script);
    let path = tree.path("log");
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .unwrap();
    let streams = Streams {
        stdout: log.try_clone().unwrap().into(),
        stderr: log.into(),
        ..Streams::default()
    };
    assert_eq!(
        start_with(&tree, &["train"], &[], streams).wait().code,
        Some(0)
    );
    check(&fs::read_to_string(path).unwrap());
    // A pipe, as a container's runtime may give.
    let (reader, writer) = tap();
    let streams = Streams {
        stdout: writer.try_clone().unwrap().into(),
        stderr: writer.into(),
        ..Streams::default()
    };
    let process = start_with(&tree, &["train"], &[], streams);
    let text = reader.read_to_end();
    assert_eq!(process.wait().code, Some(0));
    check(std::str::from_utf8(&text).unwrap());
}

#[test]
fn lines_can_be_marked_with_the_host() {
    let script = format!(
        "{WRITE_ALL}write(1, b'one\\n\\ntwo\\xff\\nno end')\nwrite(2, b'other\\n' + b'x' * 300_000 + b'\\n')\n"
    );
    let tree = OptMl::with_script("train.py", &script).hosts(&["localhost"]);
    let (finished, stdout, stderr) = both_streams(&tree, &[QUIET, ("OPTML_LOG_WRAP", "prefix")]);
    assert_eq!(finished.code, Some(0));
    assert_eq!(
        stdout.escape_ascii().to_string(),
        b"localhost | one\nlocalhost | \nlocalhost | two\xff\nlocalhost | no end\n"
            .escape_ascii()
            .to_string()
    );
    let stderr = String::from_utf8(stderr).unwrap();
    assert!(
        stderr
            .lines()
            .all(|line| line.starts_with("localhost | ") && line.len() <= 256 * 1024 + 64)
    );
    assert_eq!(stderr.lines().next(), Some("localhost | other"));
    assert!(stderr.contains(" [cut at 256 KiB]\n"));
    assert_eq!(
        stderr.matches('x').count(),
        300_000,
        "nothing is lost by a cut"
    );
}

#[test]
fn lines_can_be_made_json() {
    let script = format!(
        "{WRITE_ALL}write(1, b'one \"quoted\" \\\\ \\t\\n{{\"forged\": 1}}\\n\\x1b[31m \\xff\\n')\nwrite(2, 'ünïcode\\n'.encode() + b'x' * 300_000 + b'\\n')\n"
    );
    let tree = OptMl::with_script("train.py", &script);
    let (finished, stdout, stderr) = both_streams(&tree, &[QUIET, ("OPTML_LOG_WRAP", "json")]);
    assert_eq!(finished.code, Some(0));
    let records = |bytes: &[u8], stream: &str| -> Vec<(String, bool)> {
        assert!(!bytes.contains(&0x1b), "no escape reaches a terminal");
        let text = std::str::from_utf8(bytes).unwrap();
        let records = text.lines().map(|line| {
            let record: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert_eq!(
                (&record["src"], &record["stream"], &record["host"]),
                (&"user".into(), &stream.into(), &"algo-1".into())
            );
            assert!(record["ts"].is_string());
            (
                record["msg"].as_str().unwrap().to_owned(),
                record["cont"] == true,
            )
        });
        records.collect()
    };
    assert_eq!(
        records(&stdout, "stdout"),
        [
            ("one \"quoted\" \\ \t", false),
            ("{\"forged\": 1}", false),
            ("\u{1b}[31m \u{fffd}", false)
        ]
        .map(|(text, cut)| (text.to_owned(), cut))
    );
    let stderr = records(&stderr, "stderr");
    assert_eq!(stderr[0], ("ünïcode".to_owned(), false));
    assert_eq!(
        stderr.iter().map(|(_, cut)| *cut).collect::<Vec<_>>(),
        [false, true, false]
    );
    assert_eq!(stderr[1].0.len() + stderr[2].0.len(), 300_000);
}

/// Every line of standard error, which must be ours and JSON.
#[track_caller]
fn json_lines(stderr: &str) -> Vec<Value> {
    let lines = stderr.lines().map(|line| {
        let record: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for key in ["ts", "level", "msg"] {
            assert!(record[key].is_string(), "no {key}: {line}");
        }
        assert_eq!(record["src"], "optml", "{line}");
        let level = record["level"].as_str().unwrap();
        assert!(
            ["error", "warn", "info", "debug", "trace"].contains(&level),
            "{line}"
        );
        let time = record["ts"].as_str().unwrap();
        assert!(
            time.len() == "2026-11-23T05:00:00.000Z".len() && time.ends_with('Z'),
            "{line}"
        );
        record
    });
    lines.collect()
}

#[test]
fn our_own_lines_can_be_json_whatever_happens() {
    const JSON: (&str, &str) = ("OPTML_LOG_FORMAT", "json");
    let says = |finished: &Finished, level: &str, text: &str| {
        let records = json_lines(&finished.stderr);
        let found = records.iter().any(|record| {
            record["level"] == level && record["msg"].as_str().unwrap().contains(text)
        });
        assert!(found, "no {level} with {text:?}: {}", finished.stderr);
    };
    let run = |tree: &OptMl, words: &[&str], variables: &[(&str, &str)]| {
        start(
            tree,
            words,
            &[&[JSON, ("OPTML_LOG_LEVEL", "debug")], variables].concat(),
        )
        .wait()
    };
    let good = OptMl::with_script("train.py", "print('x')").hyperparameter("odd \"name\"\n", "v");
    says(&run(&good, &["train"], &[]), "info", "training succeeded");
    // A reason of several lines is one record.
    let failing = OptMl::with_script(
        "train.py",
        "import os, sys\nfor _ in range(9): print('say \"it\"', '\\x1b[0m\\xff')\nos._exit(3)",
    );
    says(&run(&failing, &["train"], &[]), "error", "exit code 3");
    says(
        &run(&OptMl::new(), &["train"], &[]),
        "error",
        "no entry point is named",
    );
    says(
        &run(&good, &["train"], &[("OPTML_STOP_GRACE_S", "soon")]),
        "error",
        "OPTML_STOP_GRACE_S",
    );
    let wrong = OptMl::with_script("train.py", "").file("input/config/resourceconfig.json", "{}");
    says(&run(&wrong, &["train"], &[]), "error", "/hosts");
    says(&run(&wrong, &["env"], &[]), "error", "/hosts");
    says(
        &run(&wrong, &["exec", "--", "true"], &[]),
        "error",
        "/hosts",
    );
    says(
        &run(&good, &["exec", "--", "no-such-program"], &[]),
        "error",
        "no-such-program",
    );
    let lonely = OptMl::with_script("train.py", "").hosts(&["localhost", "no-such-host.invalid"]);
    says(
        &run(&lonely, &["train"], &[("OPTML_HOST_WAIT_S", "1")]),
        "error",
        "no-such-host.invalid",
    );
    let remote =
        OptMl::with_script("train.py", "").hyperparameter("sagemaker_submit_directory", "/nowhere");
    fs::remove_file(remote.path("code/train.py")).unwrap();
    says(&run(&remote, &["train"], &[]), "error", "/nowhere");
}

#[test]
fn at_level_error_a_success_is_silent() {
    let tree = OptMl::with_script("train.py", "print('only this')")
        .hyperparameter("a-b", "1")
        .hyperparameter("a_b", "2");
    let finished = start(&tree, &["train"], &[QUIET]).wait();
    assert_eq!(
        (finished.code, &*finished.stdout, &*finished.stderr),
        (Some(0), "only this\n", "")
    );
    let finished = start(&tree, &["train"], &[("OPTML_LOG_LEVEL", "warn")]).wait();
    assert!(!finished.stderr.contains("INFO"), "{}", finished.stderr);
}

#[test]
fn secrets_are_nowhere_in_what_we_say() {
    const SECRET: &str = "hunter2XYZ";
    let url = format!("https://aws:{SECRET}@repo.invalid/simple");
    // The script prints the address in its traceback, as pip's and requests' errors do; its own lines are its own.
    let script =
        "import os, sys\nraise ConnectionError('cannot reach ' + os.environ['MY_INDEX'])\n";
    let tree = OptMl::with_script("train.py", script)
        .hyperparameter("api_token", SECRET)
        .hyperparameter("db-password", SECRET)
        .hyperparameter("index", &url);
    let check = |tree: &OptMl| {
        for file in ["output/failure", "output/failure.json"] {
            assert!(!tree.read(file).contains(SECRET), "{}", tree.read(file));
        }
    };
    for format in ["text", "json"] {
        let variables = [
            ("OPTML_LOG_LEVEL", "trace"),
            ("OPTML_LOG_FORMAT", format),
            ("MY_INDEX", &*url),
            ("HF_TOKEN", SECRET),
        ];
        let finished = start(&tree, &["train"], &variables).wait();
        assert_eq!(finished.code, Some(1));
        assert!(
            tree.read("output/failure").contains("repo.invalid"),
            "the rest of the address stays"
        );
        let n_seen = finished.stderr.matches(SECRET).count();
        assert_eq!(n_seen, 1, "the script's own line: {}", finished.stderr);
        check(&tree);
        // A command, and one that cannot be started.
        for program in ["false", "/no/such/program"] {
            let words = [
                "train",
                "--",
                program,
                "--password",
                SECRET,
                "--token=hunter2XYZ",
                &url,
            ];
            let finished = start(&tree, &words, &variables).wait();
            assert_ne!(finished.code, Some(0));
            assert!(!finished.stderr.contains(SECRET), "{}", finished.stderr);
            check(&tree);
        }
    }
    let tree = OptMl::new()
        .hyperparameter("sagemaker_program", "train.py")
        .hyperparameter("sagemaker_submit_directory", &url);
    let finished = train(&tree);
    assert_eq!(finished.code, Some(4));
    assert!(!finished.stderr.contains(SECRET), "{}", finished.stderr);
    check(&tree);
}

#[test]
fn sixty_four_processes_write_whole_lines() {
    let script = "import os
for rank in range(64):
    if os.fork() == 0:
        for number in range(100):
            line = b'rank %d line %d %s\\n' % (rank, number, b'x' * (rank + number))
            os.write(1, line)
            os.write(2, line)
        os._exit(0)
for _ in range(64):
    assert os.wait()[1] == 0
";
    let tree = OptMl::with_script("train.py", script);
    let (finished, stdout, stderr) = both_streams(&tree, &[QUIET]);
    assert_eq!(finished.code, Some(0));
    let lines = |rank: usize| {
        (0..100)
            .map(move |number| format!("rank {rank} line {number} {}", "x".repeat(rank + number)))
    };
    for bytes in [stdout, stderr] {
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.lines().count(), 6400);
        for rank in 0..64 {
            let prefix = format!("rank {rank} ");
            let received: Vec<&str> = text
                .lines()
                .filter(|line| line.starts_with(&prefix))
                .collect();
            assert!(
                received.iter().copied().eq(lines(rank)),
                "rank {rank}: all, whole, in order"
            );
        }
    }
}

#[test]
fn a_disk_that_is_full_is_no_reason_to_stop() {
    let full = Path::new("/dev/full");
    let script = format!("{WRITE_ALL}write(1, b'x' * 1_000_000)\nsys.exit(6)\n");
    let tree = OptMl::with_script("train.py", &script);
    let streams = Streams {
        stdout: OpenOptions::new().write(true).open(full).unwrap().into(),
        ..Streams::default()
    };
    let finished = start_with(&tree, &["train"], &[], streams).wait();
    assert_eq!(finished.code, Some(6), "{}", finished.stderr);
    assert_eq!(field(&finished.stderr, "was lost", "n_bytes"), [1_000_000]);
}
