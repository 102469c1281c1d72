mod samples;

use std::path::Path;

use optml_contract::failure::Exception;
use proptest::prelude::*;

use super::{Traceback, parse};

/// The exception, then its causes and other ranks, a line each.
fn describe(traceback: &Traceback) -> String {
    let rank = traceback
        .rank
        .map(|rank| format!("rank {rank}: "))
        .unwrap_or_default();
    let mut lines = vec![format!("{rank}{}", exception(&traceback.exception))];
    lines.extend(
        traceback
            .causes
            .iter()
            .map(|cause| format!("< {}", exception(cause))),
    );
    let others = traceback.other_ranks.iter();
    lines.extend(
        others.map(|other| format!("rank {}: {}", other.rank, exception(&other.exception))),
    );
    lines.join("\n")
}

fn exception(exception: &Exception) -> String {
    let place = exception.place.as_ref().map(|place| {
        let function = place
            .function
            .as_ref()
            .map(|function| format!(" in {function}"));
        let source = place.source.as_ref().map(|source| format!(": {source}"));
        format!(
            " @ {}:{}{}{}",
            place.file,
            place.line.unwrap_or_default(),
            function.unwrap_or_default(),
            source.unwrap_or_default()
        )
    });
    format!("{}{}", exception.headline(), place.unwrap_or_default())
}

fn parse_here(tail: &[u8]) -> Option<Traceback> {
    parse(tail, Path::new("/opt/ml/code"))
}

#[track_caller]
fn check(tail: impl AsRef<[u8]>, expected: &str) {
    let found = parse_here(tail.as_ref());
    assert_eq!(found.as_ref().map(describe).as_deref(), Some(expected));
}

#[track_caller]
fn check_none(tail: &str) {
    assert_eq!(parse_here(tail.as_bytes()), None);
}

const PLAIN: &str = "ValueError: could not convert string to float: 'oops' @ plain.py:4 in main: lr = float(args.lr)";

#[test]
fn a_plain_exception() {
    check(samples::PLAIN, PLAIN);
    check(
        samples::PLAIN_3_8,
        "ValueError: could not convert string to float: 'x' @ plain.py:4 in main: lr = float(args.lr)",
    );
    check(
        samples::INTERRUPT,
        "KeyboardInterrupt @ interrupt.py:3 in main: os.kill(os.getpid(), signal.SIGINT)",
    );
    check(
        samples::LOCAL_CLASS,
        "f.<locals>.Boom @ localsclass.py:3 in f: raise Boom()",
    );
    check(
        samples::RECURSION,
        "RecursionError: maximum recursion depth exceeded @ recurse.py:2 in f: return f(n + 1)",
    );
    check(
        samples::MULTI_LINE_CALL,
        "ValueError: bad @ multi.py:2 in load: raise ValueError(\"bad\")",
    );
}

#[test]
fn frames_are_kept() {
    let frames = parse_here(samples::MULTI_LINE_CALL.as_bytes())
        .unwrap()
        .frames;
    let frames: Vec<_> = frames
        .iter()
        .map(|frame| {
            (
                frame.line.unwrap(),
                frame.function.as_deref().unwrap(),
                frame.source.as_deref().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        frames,
        [
            (9, "<module>", "main()"),
            (4, "main", "load("),
            (2, "load", "raise ValueError(\"bad\")")
        ]
    );
}

#[test]
fn what_a_terminal_adds() {
    check(samples::COLOURED, PLAIN);
    check(
        samples::BAR,
        "RuntimeError: diverged @ bar.py:5 in main: raise RuntimeError(\"diverged\")",
    );
    check(samples::PLAIN.replace('\n', "\r\n"), PLAIN);
}

#[test]
fn a_chain_begins_with_its_last() {
    check(
        samples::CHAINED,
        "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1) \
         @ chained.py:13 in main: json.loads(\"{\")\n\
         < ConfigError: no learning rate @ chained.py:8 in read: raise ConfigError(\"no learning rate\") from err\n\
         < KeyError: 'lr' @ chained.py:6 in read: return config[\"lr\"]",
    );
    check(
        samples::POOL,
        "ValueError: bad row 7 @ pool.py:6 in <module>: print(list(pool.map(work, [7])))\n\
         < ValueError: bad row 7 @ pool.py:3 in work: raise ValueError(f\"bad row {n}\")",
    );
}

#[test]
fn a_data_loader_quotes_its_worker() {
    check(
        "Traceback (most recent call last):\n  File \"/opt/ml/code/train.py\", line 9, in main\n    for row in loader:\n\
         ValueError: Caught ValueError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n\
         \x20 File \"/usr/lib/python3/dist-packages/torch/utils/data/_utils/worker.py\", line 308, in _worker_loop\n\
         \x20   data = fetcher.fetch(index)\n  File \"/opt/ml/code/rows.py\", line 3, in __getitem__\n    raise e\n\
         ValueError: bad row 7\n\n",
        "ValueError: bad row 7 @ rows.py:3 in __getitem__: raise e\n\
         < ValueError: Caught ValueError in DataLoader worker process 0. @ train.py:9 in main: for row in loader:",
    );
}

#[test]
fn the_last_block_counts_unless_python_went_on() {
    let earlier = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'retried'\n\nretry 2\n";
    check(format!("{earlier}{}", samples::PLAIN), PLAIN);
    check(
        samples::IGNORED,
        "TimeoutError: no answer from the data server @ ignored.py:7 in main: \
         raise TimeoutError(\"no answer from the data server\")",
    );
    check(
        samples::LOGGED,
        "RuntimeError: diverged @ logged_after.py:5 in main: raise RuntimeError(\"diverged\")",
    );
    check_none(
        "Exception ignored in: <x>\nTraceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 1\n",
    );
}

#[test]
fn groups_name_their_members() {
    check(
        samples::GROUP,
        "ExceptionGroup: shards failed (2 sub-exceptions) @ group.py:10 in main: \
         raise ExceptionGroup(\"shards failed\", errors)\n\
         < ValueError: bad shard 1 @ group.py:2 in work: raise ValueError(f\"bad shard {n}\")\n\
         < ValueError: bad shard 2 @ group.py:2 in work: raise ValueError(f\"bad shard {n}\")",
    );
    check(
        samples::TASK_GROUP,
        "ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception) @ taskgroup.py:5 in main: \
         async with asyncio.TaskGroup() as group:\n\
         < ValueError: bad shard 1 @ taskgroup.py:3 in shard: raise ValueError(f\"bad shard {n}\")",
    );
    check(format!("{}{}", samples::GROUP, samples::PLAIN), PLAIN);
}

#[test]
fn messages_of_several_lines() {
    check(
        samples::NOTES,
        "RuntimeError: Error(s) in loading state_dict for Net:\n\tMissing key(s): \"a\".\n\tsize mismatch for b\n\
         while loading /opt/ml/input/data/model.pt @ notes.py:3 in main: raise RuntimeError(\"Error(s) in loading \
         state_dict for Net:\\n\\tMissing key(s): \\\"a\\\".\\n\\tsize mismatch for b\")",
    );
    check(format!("{}\nother output\n", samples::PLAIN), PLAIN);
    let head = "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n";
    check(
        format!("{head}ValueError: \n\nempty first line\n"),
        "ValueError: empty first line @ a.py:1 in f",
    );
}

#[test]
fn syntax_errors() {
    let place = "@ syntax.py:2: lr = = 2";
    check(
        samples::SYNTAX,
        &format!("SyntaxError: invalid syntax {place}"),
    );
    check(
        samples::IMPORTED_SYNTAX,
        &format!("SyntaxError: invalid syntax {place}"),
    );
}

#[test]
fn the_place_is_in_the_users_code() {
    check(
        samples::LIBRARY,
        "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1) \
         @ library.py:3 in load: return json.loads(text)",
    );
    check(
        samples::STRING,
        "ZeroDivisionError: division by zero @ stringcode.py:1 in <module>: exec(\"1/0\")",
    );
    let frame = |file: &str| format!("  File \"{file}\", line 1, in f\n");
    let check_place = |files: &[&str], expected: &str| {
        let frames: String = files.iter().map(|file| frame(file)).collect();
        check(
            format!("Traceback (most recent call last):\n{frames}KeyError: 1\n"),
            &format!("KeyError: 1 @ {expected}:1 in f"),
        );
    };
    let library = "/usr/lib/python3.11/site-packages/torch/nn.py";
    check_place(&["/app/run.py", library], "/app/run.py");
    check_place(&["/opt/ml/code/a.py", "/app/run.py"], "a.py");
    check_place(
        &[
            "/opt/ml/code/a.py",
            "/opt/ml/code/venv/lib/python3.11/site-packages/x.py",
        ],
        "a.py",
    );
    check_place(&["./pkg/a.py", library], "pkg/a.py");
    check_place(&["<frozen runpy>", library], library);
    check_place(&["<frozen runpy>", "<string>"], "<string>");
}

#[test]
fn a_tail_that_begins_inside_a_traceback() {
    let (_, cut) = samples::PLAIN.split_at(samples::PLAIN.find("()\n").unwrap());
    check(cut, PLAIN);
    check(
        b"\x9f\xff garbage\n  File \"/opt/ml/code/a.py\", line 1, in f\nKeyError: \xff\n",
        "KeyError: \u{fffd} @ a.py:1 in f",
    );
    // What comes before the exception is not enough.
    check_none("Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    x()\n");
}

fn tagged(tag: &str, text: &str) -> String {
    text.lines().flat_map(|line| [tag, line, "\n"]).collect()
}

#[test]
fn tags_are_taken_off() {
    for (tag, rank) in [
        ("[1,0]<stderr>:", 0),
        ("[1,12]<stderr>: ", 12),
        ("[1,mpirank:3,algo-1]<stderr>:", 3),
        ("[prterun-algo-1-42@1,5]<stderr>: ", 5),
        ("[rank7]: ", 7),
        ("[default1]:", 1),
        ("[default1]:[rank9]: ", 9),
        ("[trainer0]:", 0),
    ] {
        check(
            tagged(tag, samples::PLAIN),
            &format!("rank {rank}: {PLAIN}"),
        );
        let group = parse_here(tagged(tag, samples::GROUP).as_bytes()).unwrap();
        assert_eq!((group.rank, group.causes.len()), (Some(rank), 2), "{tag}");
    }
}

#[test]
fn the_lowest_rank_is_reported_and_the_others_listed() {
    let error = |message: &str| {
        format!(
            "Traceback (most recent call last):\n  File \"t.py\", line 1, in f\nRuntimeError: {message}\n"
        )
    };
    let ranks = [
        tagged("[rank2]: ", &error("two")),
        tagged("[rank1]: ", &error("one")),
    ];
    // The launcher's own end, without a tag.
    let launcher = "Traceback (most recent call last):\n  File \"/usr/bin/torchrun\", line 8, in <module>\n    main()\n\
                    torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n====\ntrain.py FAILED\n";
    let interleaved: String = ranks[0]
        .lines()
        .zip(ranks[1].lines())
        .flat_map(|(a, b)| [a, "\n", b, "\n"])
        .collect();
    let expected =
        "rank 1: RuntimeError: one @ t.py:1 in f\nrank 2: RuntimeError: two @ t.py:1 in f";
    check(format!("{}{}{launcher}", ranks[0], ranks[1]), expected);
    check(
        format!("{interleaved}{launcher}[rank0]: all fine\n"),
        expected,
    );
    // Older versions don't tag: then the last before the launcher's counts.
    check(format!("{}{launcher}", samples::PLAIN), PLAIN);
    assert!(
        parse_here(launcher.as_bytes())
            .unwrap()
            .exception
            .type_name
            .ends_with("ChildFailedError")
    );
}

#[test]
fn other_languages() {
    check(
        samples::RUST,
        "panic: called `Result::unwrap()` on an `Err` value: \"no rows\" @ p.rs:1",
    );
    check(
        samples::RUST_STACK,
        "panic: called `Result::unwrap()` on an `Err` value: \"no rows\" @ p.rs:1",
    );
    check(
        "thread 'main' panicked at 'no rows', src/main.rs:4:5\nnote: run\n",
        "panic: no rows @ src/main.rs:4",
    );
    check(samples::NODE, "TypeError: bad row 7 @ t.js:2 in load");
    check(samples::CPP, "std::runtime_error: no rows");
    check(
        samples::FAULT,
        "Fatal Python error: Segmentation fault @ fault.py:4 in crash",
    );
    check(samples::BASH, "foo: command not found @ train.sh:3");
    check(samples::DASH, "foo: not found @ train.sh:3");
    check(
        samples::BASH_CRASH,
        "28209 Segmentation fault      bash ./seg.sh @ bash:1",
    );
    check(
        "Segmentation fault (core dumped)\n",
        "Segmentation fault (core dumped)",
    );
    check(
        format!("{}{}", samples::FAULT, samples::BASH_CRASH),
        "Fatal Python error: Segmentation fault @ fault.py:4 in crash",
    );
    check(
        "Error in load(path) : no rows\nCalls: main -> load\nExecution halted\n",
        "Error in load(path): no rows",
    );
    check(
        "Error in load(path) : \n  no rows\nExecution halted\n",
        "Error in load(path): no rows",
    );
    check("Error: no rows\nExecution halted\n", "Error: no rows");
    check(
        "ERROR: LoadError: ArgumentError: no rows\nStacktrace:\n [1] load()\n   @ Main ./none:1\n\
         in expression starting at /opt/ml/code/train.jl:7\n",
        "ArgumentError: no rows @ train.jl:7",
    );
    check(
        "ERROR: LoadError: no rows\nStacktrace:\n [1] error\n",
        "ERROR: no rows",
    );
}

#[test]
fn ordinary_output_is_nothing() {
    check_none("");
    check_none(samples::SYSTEM_EXIT);
    check_none(
        "epoch 1: loss: 0.5\nINFO:root: 3: done\nERROR: No matching distribution found for x\n",
    );
    check_none("Error: something\nand on it goes\n");
    check_none("train.py:3: UserWarning: slow\n  warnings.warn('slow')\n");
}

proptest! {
    #[test]
    fn never_panics(tail in prop::collection::vec(any::<u8>(), 0..400)) {
        parse_here(&tail);
    }

    #[test]
    fn never_panics_on_parts_of_tracebacks(
        parts in prop::collection::vec(prop::sample::select(vec![
            "Traceback (most recent call last):", "\n", "\n\n", "  File \"a.py\", line 1", ", in f", "  ", "ValueError", ": ", "x",
            "  | ", "    | ", "  +-+---- 1 ----\n", "  + Exception Group Traceback (most recent call last):\n", "[1,0]<stderr>:",
            "[rank1]: ", "The above exception was the direct cause of the following exception:\n", "\"\"\"\n", "\r", "\x1b[1m",
            "Error in f : ", "Execution halted", "thread 'x' panicked at ", "ERROR: ", "Stacktrace:\n", "    at f (a.js:1:2)", "é",
            "Exception ignored in: ", "Call stack:\n", "Fatal Python error: ", ": line 3: ",
        ]), 0..60),
    ) {
        parse_here(parts.concat().as_bytes());
    }

    #[test]
    fn a_traceback_is_found_wherever_the_tail_is_cut(cut in 0..1000_usize) {
        let before = "epoch 1 loss 0.5 µ\n".repeat(50);
        let tail = format!("{before}{}", samples::PLAIN);
        let found = parse_here(&tail.as_bytes()[cut..]).expect("the whole traceback is there");
        prop_assert_eq!(describe(&found), PLAIN);
    }
}

#[test]
fn a_rank_that_misses_another_is_not_the_reason() {
    let of = |rank: u32, line: &str| {
        format!(
            "[1,{rank}]<stderr>:Traceback (most recent call last):\n[1,{rank}]<stderr>:  File \"train.py\", line {rank}, in f\n\
             [1,{rank}]<stderr>:    step()\n[1,{rank}]<stderr>:{line}\n"
        )
    };
    let reset = "ConnectionResetError: [Errno 104] Connection reset by peer";
    let tail = [
        of(1, reset),
        of(4, "ValueError: of 4"),
        of(2, "ValueError: of 2"),
    ];
    check(
        tail.concat(),
        &format!(
            "rank 2: ValueError: of 2 @ train.py:2 in f: step()\nrank 1: {reset} @ train.py:1 in f: step()\n\
             rank 4: ValueError: of 4 @ train.py:4 in f: step()"
        ),
    );
    let tail = [of(3, reset), of(2, reset)].concat();
    check(
        tail,
        &format!(
            "rank 2: {reset} @ train.py:2 in f: step()\nrank 3: {reset} @ train.py:3 in f: step()"
        ),
    );
}
