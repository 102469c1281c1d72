use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::OwnedFd,
    thread,
    time::Duration,
};

use proptest::prelude::*;
use rustix::pipe::{PipeFlags, pipe_with};

use super::{Format, Output, Pump};
use crate::Console;

const LONG: Duration = Duration::from_mins(1);

/// A pump whose both ends are pipes of the test.
struct Rig {
    console: Console,
    pump: Pump,
    stdin_of_stdout: File,
    stdin_of_stderr: File,
    stdout: Option<File>,
    stderr: Option<File>,
}

impl Rig {
    fn new(format: &Format, stall: Duration) -> Self {
        let (stdout, to_stdout) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let (stderr, to_stderr) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        Self::over(
            Console::start(to_stdout, to_stderr, stall).unwrap(),
            format,
            Some(stdout),
            Some(stderr),
        )
    }

    fn merged(stall: Duration) -> Self {
        let (both, to_both) = pipe_with(PipeFlags::CLOEXEC).unwrap();
        let console = Console::start(to_both.try_clone().unwrap(), to_both, stall).unwrap();
        Self::over(console, &Format::Raw, Some(both), None)
    }

    fn over(
        console: Console,
        format: &Format,
        stdout: Option<OwnedFd>,
        stderr: Option<OwnedFd>,
    ) -> Self {
        let (pump, (child_stdout, child_stderr)) = Pump::start(&console, format).unwrap();
        Self {
            console,
            pump,
            stdin_of_stdout: child_stdout.into(),
            stdin_of_stderr: child_stderr.into(),
            stdout: stdout.map(File::from),
            stderr: stderr.map(File::from),
        }
    }

    /// Ends both streams; what came out of them, and what the pump says.
    fn end(self) -> (Vec<u8>, Vec<u8>, Output) {
        drop((self.stdin_of_stdout, self.stdin_of_stderr));
        let read =
            |file: Option<File>| thread::spawn(move || file.map_or_else(Vec::new, available));
        let (stdout, stderr) = (read(self.stdout), read(self.stderr));
        let output = self.pump.finish(LONG);
        assert_eq!(self.console.flush(LONG), output.n_dropped_bytes);
        // The console keeps its descriptors: an end is written for the readers.
        self.console.print(END);
        self.console.log(END);
        let _ = self.console.flush(LONG);
        (stdout.join().unwrap(), stderr.join().unwrap(), output)
    }
}

const END: &[u8] = b"\0the end\0";

fn available(mut file: File) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), vec![0; 65536]);
    while !all.ends_with(END) {
        let n = file.read(&mut buffer).unwrap();
        all.extend_from_slice(&buffer[..n]);
    }
    while all.ends_with(END) {
        all.truncate(all.len() - END.len());
    }
    all
}

fn until(file: &mut File, wanted: &[u8]) -> Vec<u8> {
    let (mut all, mut byte) = (Vec::new(), [0]);
    while !all.ends_with(wanted) {
        file.read_exact(&mut byte).unwrap();
        all.push(byte[0]);
    }
    all
}

#[test]
fn bytes_pass_unaltered_each_stream_on_its_own() {
    let mut rig = Rig::new(&Format::Raw, LONG);
    let stdout: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let writer = thread::spawn({
        let (mut file, bytes) = (rig.stdin_of_stdout.try_clone().unwrap(), stdout.clone());
        move || file.write_all(&bytes).unwrap()
    });
    rig.stdin_of_stderr
        .write_all(b"no end of line, \xff\xfe half a character \xe2\x82")
        .unwrap();
    let copy = rig.stdin_of_stdout.try_clone().unwrap();
    drop(copy);
    let mut ours = rig.stdout.take().unwrap();
    let mut got = vec![0; stdout.len()];
    ours.read_exact(&mut got).unwrap();
    writer.join().unwrap();
    rig.stdout = Some(ours);
    let (_, stderr, output) = rig.end();
    assert!(got == stdout);
    assert_eq!(
        stderr,
        b"no end of line, \xff\xfe half a character \xe2\x82"
    );
    assert_eq!(output.stdout, stdout[stdout.len() - 65536..]);
    assert_eq!(output.stderr, stderr);
}

#[test]
fn a_prompt_without_an_end_of_line_shows() {
    let mut rig = Rig::merged(LONG);
    rig.stdin_of_stdout.write_all(b"continue? ").unwrap();
    let seen = until(rig.stdout.as_mut().unwrap(), b"? ");
    assert_eq!(seen, b"continue? ");
    rig.end();
}

#[test]
fn merged_streams_do_not_mix_within_a_line() {
    let mut rig = Rig::merged(LONG);
    let (mut one, mut other) = (
        rig.stdin_of_stdout.try_clone().unwrap(),
        rig.stdin_of_stderr.try_clone().unwrap(),
    );
    let console = rig.console.clone();
    let out = thread::spawn(move || {
        for _ in 0..2_000 {
            // In two pieces, as a program without a buffer writes.
            one.write_all(b"aaaaaaaaaaaaaaaaaaaa").unwrap();
            one.write_all(b"aaaa\n").unwrap();
        }
    });
    let err = thread::spawn(move || {
        for _ in 0..2_000 {
            other.write_all(b"bbbbbbbbb").unwrap();
            other.write_all(b"bb\n").unwrap();
            console.log(b"our own line\n");
        }
    });
    let both = rig.stdout.take().unwrap();
    let reader = thread::spawn(move || available(both));
    out.join().unwrap();
    err.join().unwrap();
    rig.end();
    let text = String::from_utf8(reader.join().unwrap()).unwrap();
    let mut counts = [0; 3];
    for line in text.lines() {
        let kind = ["aaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbb", "our own line"]
            .iter()
            .position(|whole| *whole == line);
        counts[kind.unwrap_or_else(|| panic!("a mixed line: {line:?}"))] += 1;
    }
    assert_eq!(counts, [2_000; 3]);
}

#[test]
fn lines_of_several_children_do_not_mix() {
    const N_LINES: usize = 1_000;
    let (out, to_out) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let (err, to_err) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let console = Console::start(to_out, to_err, LONG).unwrap();
    let readers = [out, err].map(|end| thread::spawn(move || available(File::from(end))));
    let names = ["aaaaaaaaaa", "bbbbbbbbbb", "cccccccccc"];
    let children = names.map(|name| {
        let (pump, (stdout, stderr)) = Pump::start(&console, &Format::Lines).unwrap();
        let writer = thread::spawn(move || {
            let (mut stdout, mut stderr) = (File::from(stdout), File::from(stderr));
            for _ in 0..N_LINES {
                // In two pieces, as a program without a buffer writes.
                for piece in [&name[..4], &name[4..], "\n"] {
                    stdout.write_all(piece.as_bytes()).unwrap();
                    stderr.write_all(piece.as_bytes()).unwrap();
                }
            }
        });
        (pump, writer)
    });
    for (pump, writer) in children {
        writer.join().unwrap();
        pump.finish(LONG);
    }
    console.print(END);
    console.log(END);
    for reader in readers {
        let text = String::from_utf8(reader.join().unwrap()).unwrap();
        for name in names {
            let n = text.lines().filter(|line| *line == name).count();
            assert_eq!(n, N_LINES, "whole lines of {name}");
        }
        assert_eq!(text.lines().count(), 3 * N_LINES);
    }
}

#[test]
fn the_last_lines_are_there_before_the_stream_ends() {
    let mut rig = Rig::new(&Format::Lines, LONG);
    assert_eq!(rig.pump.last_lines(LONG), b"");
    rig.stdin_of_stderr
        .write_all(b"Traceback\n  File\nKeyError: 'x'")
        .unwrap();
    rig.stdin_of_stdout.write_all(b"not this\n").unwrap();
    let expected = b"Traceback\n  File\nKeyError: 'x'";
    assert_eq!(rig.pump.last_lines(LONG), expected);
    let line = |number: usize| format!("line {number:05}\n");
    for number in 0..10_000 {
        rig.stdin_of_stderr
            .write_all(line(number).as_bytes())
            .unwrap();
        // Whoever has written may ask, and finds what was written.
        if number % 1000 == 0 {
            assert!(rig.pump.last_lines(LONG).ends_with(line(number).as_bytes()));
        }
        if number % 100 == 0 {
            let waiting = rig.stderr.as_ref().unwrap();
            let n = rustix::io::ioctl_fionread(waiting).unwrap();
            let mut scrap = vec![0; usize::try_from(n).unwrap()];
            rig.stderr.as_mut().unwrap().read_exact(&mut scrap).unwrap();
        }
    }
    let last = String::from_utf8(rig.pump.last_lines(LONG)).unwrap();
    assert!(last.len() <= 65_536 && last.len() > 65_500);
    assert!(last.starts_with("line ") && last.ends_with("line 09999\n"));
}

#[test]
fn nobody_waits_for_the_last_lines_when_our_output_is_stalled() {
    let mut rig = Rig::new(&Format::Lines, LONG);
    // A little more than the buffers behind the pipe hold; the pipe takes the rest.
    rig.stdin_of_stderr
        .write_all(&b"a line\n".repeat(100_000))
        .unwrap();
    let start = std::time::Instant::now();
    let last = rig.pump.last_lines(Duration::ZERO);
    assert!(last.len() <= 65_536);
    rig.pump.last_lines(Duration::from_millis(50));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_stalled_reader_costs_whole_lines_which_are_counted() {
    let rig = Rig::new(&Format::Raw, Duration::from_millis(200));
    let (mut input, mut output) = (
        rig.stdin_of_stdout.try_clone().unwrap(),
        rig.stdout.as_ref().unwrap().try_clone().unwrap(),
    );
    // More than all buffers on the way hold: without the stall rule this would block for ever.
    let lines: Vec<String> = (0..300_000)
        .map(|number| format!("line {number:06}\n"))
        .collect();
    for part in lines.chunks(1000) {
        input.write_all(part.concat().as_bytes()).unwrap();
    }
    drop(input);
    // Now somebody reads again, and the writer goes on.
    let reader = thread::spawn(move || available_text(&mut output));
    let (_, stderr, report) = rig.end_with_reader();
    let text = reader.join().unwrap();
    assert!(report.n_dropped_bytes > 0);
    for line in text.lines() {
        assert!(
            line.len() == 11 && line.starts_with("line "),
            "not a whole line: {line:?}"
        );
    }
    let passed = text.len() as u64;
    assert_eq!(
        passed + report.n_dropped_bytes,
        300_000 * 12,
        "what is not there is counted"
    );
    assert!(stderr.is_empty());
}

fn available_text(file: &mut File) -> String {
    String::from_utf8(available(file.try_clone().unwrap())).unwrap()
}

impl Rig {
    /// As [`Rig::end`], when a test reads standard output itself.
    fn end_with_reader(mut self) -> (Vec<u8>, Vec<u8>, Output) {
        drop((self.stdin_of_stdout, self.stdin_of_stderr));
        let output = self.pump.finish(LONG);
        let _ = self.console.flush(LONG);
        self.console.print(END);
        self.console.log(END);
        let _ = self.console.flush(LONG);
        (
            Vec::new(),
            self.stderr.take().map_or_else(Vec::new, available),
            output,
        )
    }
}

#[test]
fn a_closed_reader_neither_blocks_nor_kills_the_child() {
    let mut rig = Rig::new(&Format::Raw, LONG);
    rig.stdout = None;
    for _ in 0..100 {
        rig.stdin_of_stdout.write_all(&vec![b'x'; 65_536]).unwrap();
    }
    drop((rig.stdin_of_stdout, rig.stdin_of_stderr));
    assert_eq!(rig.pump.finish(LONG).stdout, vec![b'x'; 65_536]);
}

#[test]
fn a_writing_end_that_nobody_closes_is_not_waited_for() {
    let mut rig = Rig::new(&Format::Raw, LONG);
    rig.stdin_of_stdout.write_all(b"last words\n").unwrap();
    let output = rig.pump.finish(Duration::from_millis(100));
    assert_eq!(output.stdout, b"last words\n");
    drop(rig.stdin_of_stdout);
}

#[test]
fn prefixed_lines() {
    let mut rig = Rig::new(&Format::Prefix("algo-1".into()), LONG);
    rig.stdin_of_stdout
        .write_all(b"one\ntwo\r\n\nno end")
        .unwrap();
    let (stdout, _, output) = rig.end();
    assert_eq!(
        String::from_utf8(stdout).unwrap(),
        "algo-1 | one\nalgo-1 | two\r\nalgo-1 | \nalgo-1 | no end\n"
    );
    assert_eq!(
        output.stdout, b"one\ntwo\r\n\nno end",
        "the tail is what the child wrote"
    );
}

#[test]
fn json_lines() {
    let mut rig = Rig::new(
        &Format::Json {
            host: "algo-1".into(),
        },
        LONG,
    );
    rig.stdin_of_stderr
        .write_all(b"{\"forged\":\"line\"}\n\x1b[31mred\xff\n")
        .unwrap();
    let (_, stderr, _) = rig.end();
    let text = String::from_utf8(stderr).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.split_once("Z\",").unwrap().1)
        .collect();
    assert_eq!(
        lines,
        [
            r#""src":"user","stream":"stderr","host":"algo-1","msg":"{\"forged\":\"line\"}"}"#,
            "\"src\":\"user\",\"stream\":\"stderr\",\"host\":\"algo-1\",\"msg\":\"\\u001b[31mred\u{fffd}\"}",
        ]
    );
}

#[test]
fn a_cut_is_exact_and_spares_characters() {
    const LIMIT: usize = 256 * 1024;
    let cut = |line: &[u8]| -> Vec<usize> {
        let mut rig = Rig::new(&Format::Json { host: "h".into() }, LONG);
        let output = rig.stdout.as_ref().unwrap().try_clone().unwrap();
        let reader = thread::spawn(move || available(output));
        // In writes that end nowhere in particular.
        for part in line.chunks(65_521) {
            rig.stdin_of_stdout.write_all(part).unwrap();
        }
        rig.stdin_of_stdout.write_all(b"\n").unwrap();
        rig.end_with_reader();
        let text = String::from_utf8(reader.join().unwrap()).unwrap();
        let records = text.lines().map(|record| {
            let message = record.split_once("\"msg\":\"").unwrap().1;
            message.split_once('"').unwrap().0
        });
        assert_eq!(records.clone().collect::<String>().as_bytes(), line);
        records.map(str::len).collect()
    };
    assert_eq!(cut(&vec![b'x'; LIMIT]), [LIMIT]);
    assert_eq!(cut(&vec![b'x'; LIMIT + 1]), [LIMIT, 1]);
    assert_eq!(cut(&vec![b'x'; 2 * LIMIT + 7]), [LIMIT, LIMIT, 7]);
    for n_before in 0..5 {
        let line = "y".repeat(n_before) + &"\u{1f600}".repeat(LIMIT / 4);
        let first = LIMIT - (LIMIT - n_before) % 4;
        assert_eq!(cut(line.as_bytes())[0], first, "{n_before}");
    }
}

#[test]
fn a_wrapped_line_is_cut_at_its_limit_and_marked() {
    let rig = Rig::new(&Format::Prefix("p".into()), LONG);
    let mut input = rig.stdin_of_stdout.try_clone().unwrap();
    let writer = thread::spawn(move || {
        input
            .write_all(&[vec![b'x'; 600_000], b"\n".to_vec()].concat())
            .unwrap();
    });
    let output = rig.stdout.as_ref().unwrap().try_clone().unwrap();
    let reader = thread::spawn(move || available(output));
    writer.join().unwrap();
    rig.end_with_reader();
    let text = String::from_utf8(reader.join().unwrap()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("p | xxx") && lines[0].ends_with("x [cut at 256 KiB]"));
    assert_eq!(text.matches('x').count(), 600_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// However the writes of a child are cut, what comes out is what went in.
    #[test]
    fn is_the_identity(chunks in prop::collection::vec(prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..200), 0..30)) {
        let mut rig = Rig::merged(LONG);
        for chunk in &chunks {
            rig.stdin_of_stderr.write_all(chunk).map_err(|error: io::Error| TestCaseError::fail(error.to_string()))?;
        }
        let (out, _, output) = rig.end();
        prop_assert_eq!(&out, &chunks.concat());
        prop_assert_eq!(&output.stderr, &out);
    }
}
