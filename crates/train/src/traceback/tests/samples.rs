//! What programs really print when they fail. Paths were shortened, nothing else.

/// Python 3.11.
pub(super) const PLAIN: &str = r#"Traceback (most recent call last):
  File "/opt/ml/code/plain.py", line 6, in <module>
    main()
  File "/opt/ml/code/plain.py", line 4, in main
    lr = float(args.lr)
         ^^^^^^^^^^^^^^
ValueError: could not convert string to float: 'oops'
"#;

/// Python 3.8, which prints the name of the script as it was given.
pub(super) const PLAIN_3_8: &str = r#"Traceback (most recent call last):
  File "plain.py", line 6, in <module>
    main()
  File "plain.py", line 4, in main
    lr = float(args.lr)
ValueError: could not convert string to float: 'x'
"#;

/// Python 3.13 at a terminal.
pub(super) const COLOURED: &str = "Traceback (most recent call last):\n\
\x20 File \x1b[35m\"/opt/ml/code/plain.py\"\x1b[0m, line \x1b[35m6\x1b[0m, in \x1b[35m<module>\x1b[0m\n\
\x20   \x1b[31mmain\x1b[0m\x1b[1;31m()\x1b[0m\n\
\x20   \x1b[31m~~~~\x1b[0m\x1b[1;31m^^\x1b[0m\n\
\x20 File \x1b[35m\"/opt/ml/code/plain.py\"\x1b[0m, line \x1b[35m4\x1b[0m, in \x1b[35mmain\x1b[0m\n\
\x20   lr = float(args.lr)\n\
\x1b[1;35mValueError\x1b[0m: \x1b[35mcould not convert string to float: 'oops'\x1b[0m\n\
";

/// Python 3.11: a cause, then an exception while handling it.
pub(super) const CHAINED: &str = r#"Traceback (most recent call last):
  File "/opt/ml/code/chained.py", line 6, in read
    return config["lr"]
           ~~~~~~^^^^^^
KeyError: 'lr'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/opt/ml/code/chained.py", line 11, in main
    read({})
  File "/opt/ml/code/chained.py", line 8, in read
    raise ConfigError("no learning rate") from err
ConfigError: no learning rate

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/opt/ml/code/chained.py", line 14, in <module>
    main()
  File "/opt/ml/code/chained.py", line 13, in main
    json.loads("{")
  File "/usr/local/lib/python3.11/json/__init__.py", line 346, in loads
    return _default_decoder.decode(s)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/json/decoder.py", line 337, in decode
    obj, end = self.raw_decode(s, idx=_w(s, 0).end())
               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/json/decoder.py", line 353, in raw_decode
    obj, end = self.scan_once(s, idx)
               ^^^^^^^^^^^^^^^^^^^^^^
json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)
"#;

/// Python 3.11: raised in the standard library.
pub(super) const LIBRARY: &str = r#"Traceback (most recent call last):
  File "/opt/ml/code/library.py", line 4, in <module>
    load("{oops")
  File "/opt/ml/code/library.py", line 3, in load
    return json.loads(text)
           ^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/json/__init__.py", line 346, in loads
    return _default_decoder.decode(s)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/json/decoder.py", line 337, in decode
    obj, end = self.raw_decode(s, idx=_w(s, 0).end())
               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/json/decoder.py", line 353, in raw_decode
    obj, end = self.scan_once(s, idx)
               ^^^^^^^^^^^^^^^^^^^^^^
json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)
"#;

/// Python 3.11.
pub(super) const GROUP: &str = r#"  + Exception Group Traceback (most recent call last):
  |   File "/opt/ml/code/group.py", line 11, in <module>
  |     main()
  |   File "/opt/ml/code/group.py", line 10, in main
  |     raise ExceptionGroup("shards failed", errors)
  | ExceptionGroup: shards failed (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/opt/ml/code/group.py", line 7, in main
    |     work(n)
    |   File "/opt/ml/code/group.py", line 2, in work
    |     raise ValueError(f"bad shard {n}")
    | ValueError: bad shard 1
    +---------------- 2 ----------------
    | Traceback (most recent call last):
    |   File "/opt/ml/code/group.py", line 7, in main
    |     work(n)
    |   File "/opt/ml/code/group.py", line 2, in work
    |     raise ValueError(f"bad shard {n}")
    | ValueError: bad shard 2
    +------------------------------------
"#;

/// Python 3.13: an asyncio task group.
pub(super) const TASK_GROUP: &str = r#"  + Exception Group Traceback (most recent call last):
  |   File "/opt/ml/code/taskgroup.py", line 7, in <module>
  |     asyncio.run(main())
  |     ~~~~~~~~~~~^^^^^^^^
  |   File "/usr/local/lib/python3.13/asyncio/runners.py", line 194, in run
  |     return runner.run(main)
  |            ~~~~~~~~~~^^^^^^
  |   File "/usr/local/lib/python3.13/asyncio/runners.py", line 118, in run
  |     return self._loop.run_until_complete(task)
  |            ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~^^^^^^
  |   File "/usr/local/lib/python3.13/asyncio/base_events.py", line 721, in run_until_complete
  |     return future.result()
  |            ~~~~~~~~~~~~~^^
  |   File "/opt/ml/code/taskgroup.py", line 5, in main
  |     async with asyncio.TaskGroup() as group:
  |                ~~~~~~~~~~~~~~~~~^^
  |   File "/usr/local/lib/python3.13/asyncio/taskgroups.py", line 154, in __aexit__
  |     raise me from None
  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/opt/ml/code/taskgroup.py", line 3, in shard
    |     raise ValueError(f"bad shard {n}")
    | ValueError: bad shard 1
    +------------------------------------
"#;

/// Python 3.11: a message of several lines and a note.
pub(super) const NOTES: &str = r#"Traceback (most recent call last):
  File "/opt/ml/code/notes.py", line 7, in <module>
    main()
  File "/opt/ml/code/notes.py", line 3, in main
    raise RuntimeError("Error(s) in loading state_dict for Net:\n\tMissing key(s): \"a\".\n\tsize mismatch for b")
RuntimeError: Error(s) in loading state_dict for Net:
	Missing key(s): "a".
	size mismatch for b
while loading /opt/ml/input/data/model.pt
"#;

/// Python 3.11.
pub(super) const RECURSION: &str = r#"Traceback (most recent call last):
  File "/opt/ml/code/recurse.py", line 3, in <module>
    f(0)
  File "/opt/ml/code/recurse.py", line 2, in f
    return f(n + 1)
           ^^^^^^^^
  File "/opt/ml/code/recurse.py", line 2, in f
    return f(n + 1)
           ^^^^^^^^
  File "/opt/ml/code/recurse.py", line 2, in f
    return f(n + 1)
           ^^^^^^^^
  [Previous line repeated 996 more times]
RecursionError: maximum recursion depth exceeded
"#;

/// Python 3.11: in the script itself.
pub(super) const SYNTAX: &str = r#"  File "/opt/ml/code/syntax.py", line 2
    lr = = 2
         ^
SyntaxError: invalid syntax
"#;

/// Python 3.11: in a module.
pub(super) const IMPORTED_SYNTAX: &str = r#"Traceback (most recent call last):
  File "/opt/ml/code/importsyntax.py", line 1, in <module>
    import syntax
  File "/opt/ml/code/syntax.py", line 2
    lr = = 2
         ^
SyntaxError: invalid syntax
"#;

/// Python 3.11: an exception of a process pool quotes its traceback.
pub(super) const POOL: &str = r#"concurrent.futures.process._RemoteTraceback: 
"""
Traceback (most recent call last):
  File "/usr/local/lib/python3.11/concurrent/futures/process.py", line 261, in _process_worker
    r = call_item.fn(*call_item.args, **call_item.kwargs)
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/concurrent/futures/process.py", line 210, in _process_chunk
    return [fn(*args) for args in chunk]
           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/concurrent/futures/process.py", line 210, in <listcomp>
    return [fn(*args) for args in chunk]
            ^^^^^^^^^
  File "/opt/ml/code/pool.py", line 3, in work
    raise ValueError(f"bad row {n}")
ValueError: bad row 7
"""

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/opt/ml/code/pool.py", line 6, in <module>
    print(list(pool.map(work, [7])))
          ^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/concurrent/futures/process.py", line 620, in _chain_from_iterable_of_lists
    for element in iterable:
  File "/usr/local/lib/python3.11/concurrent/futures/_base.py", line 619, in result_iterator
    yield _result_or_cancel(fs.pop())
          ^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/concurrent/futures/_base.py", line 317, in _result_or_cancel
    return fut.result(timeout)
           ^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/concurrent/futures/_base.py", line 456, in result
    return self.__get_result()
           ^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/concurrent/futures/_base.py", line 401, in __get_result
    raise self._exception
ValueError: bad row 7
"#;

/// Python 3.11: something more fails while the interpreter ends.
pub(super) const IGNORED: &str = r#"Traceback (most recent call last):
  File "/opt/ml/code/ignored.py", line 8, in <module>
    main()
  File "/opt/ml/code/ignored.py", line 7, in main
    raise TimeoutError("no answer from the data server")
TimeoutError: no answer from the data server
Exception ignored in: <function Session.__del__>
Traceback (most recent call last):
  File "/opt/ml/code/ignored.py", line 3, in __del__
AttributeError: closed twice
"#;

/// Python 3.11: a bad logging call at exit, after the exception.
pub(super) const LOGGED: &str = r#"Traceback (most recent call last):
  File "/opt/ml/code/logged_after.py", line 6, in <module>
    main()
  File "/opt/ml/code/logged_after.py", line 5, in main
    raise RuntimeError("diverged")
RuntimeError: diverged
--- Logging error ---
Traceback (most recent call last):
  File "/usr/local/lib/python3.11/logging/__init__.py", line 1110, in emit
    msg = self.format(record)
          ^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/logging/__init__.py", line 953, in format
    return fmt.format(record)
           ^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/logging/__init__.py", line 687, in format
    record.message = record.getMessage()
                     ^^^^^^^^^^^^^^^^^^^
  File "/usr/local/lib/python3.11/logging/__init__.py", line 377, in getMessage
    msg = msg % self.args
          ~~~~^~~~~~~~~~~
TypeError: %d format: a real number is required, not str
Call stack:
  File "/opt/ml/code/logged_after.py", line 3, in <lambda>
    atexit.register(lambda: logging.info("loss %d", "high"))
Message: 'loss %d'
Arguments: ('high',)
"#;

/// Python 3.11.
pub(super) const INTERRUPT: &str = r#"Traceback (most recent call last):
  File "/opt/ml/code/interrupt.py", line 5, in <module>
    main()
  File "/opt/ml/code/interrupt.py", line 3, in main
    os.kill(os.getpid(), signal.SIGINT)
KeyboardInterrupt
"#;

/// Python 3.11: in code without a file.
pub(super) const STRING: &str = r#"Traceback (most recent call last):
  File "/opt/ml/code/stringcode.py", line 1, in <module>
    exec("1/0")
  File "<string>", line 1, in <module>
ZeroDivisionError: division by zero
"#;

/// Python 3.11: a class made in a function, and no message.
pub(super) const LOCAL_CLASS: &str = r#"Traceback (most recent call last):
  File "/opt/ml/code/localsclass.py", line 4, in <module>
    f()
  File "/opt/ml/code/localsclass.py", line 3, in f
    raise Boom()
f.<locals>.Boom
"#;

/// Python 3.13: a call over several lines.
pub(super) const MULTI_LINE_CALL: &str = r#"Traceback (most recent call last):
  File "/opt/ml/code/multi.py", line 9, in <module>
    main()
    ~~~~^^
  File "/opt/ml/code/multi.py", line 4, in main
    load(
    ~~~~^
        1,
        ^^
        2,
        ^^
        int("7"),
        ^^^^^^^^^
    )
    ^
  File "/opt/ml/code/multi.py", line 2, in load
    raise ValueError("bad")
ValueError: bad
"#;

/// Python 3.11 after a progress bar.
pub(super) const BAR: &str = "\r  0%|#####| 0/2\r 50%|#####| 1/2\r100%|#####| 2/2Traceback (most recent call last):\n\
\x20 File \"/opt/ml/code/bar.py\", line 6, in <module>\n\
\x20   main()\n\
\x20 File \"/opt/ml/code/bar.py\", line 5, in main\n\
\x20   raise RuntimeError(\"diverged\")\n\
RuntimeError: diverged\n\
";

/// Python 3.11: `faulthandler`.
pub(super) const FAULT: &str = r#"Fatal Python error: Segmentation fault

Current thread 0x00007fc1aea86b80 (most recent call first):
  File "/usr/local/lib/python3.11/ctypes/__init__.py", line 519 in string_at
  File "/opt/ml/code/fault.py", line 4 in crash
  File "/opt/ml/code/fault.py", line 5 in <module>
"#;

/// Python 3.11: `sys.exit` with a text.
pub(super) const SYSTEM_EXIT: &str = r"no training data in /opt/ml/input/data/train
";

/// Rust 1.95.
pub(super) const RUST: &str = r#"
thread 'main' (28195) panicked at p.rs:1:107:
called `Result::unwrap()` on an `Err` value: "no rows"
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
"#;

/// Rust 1.95 with a backtrace.
pub(super) const RUST_STACK: &str = r#"
thread 'main' (28196) panicked at p.rs:1:107:
called `Result::unwrap()` on an `Err` value: "no rows"
stack backtrace:
   0: __rustc::rust_begin_unwind
             at /rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/panicking.rs:689:5
   1: core::panicking::panic_fmt
             at /rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/core/src/panicking.rs:80:14
   2: core::result::unwrap_failed
             at /rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/core/src/result.rs:1867:5
   3: p::main
   4: core::ops::function::FnOnce::call_once
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
"#;

/// Node 20.
pub(super) const NODE: &str = r#"/opt/ml/code/t.js:2
  throw new TypeError("bad row 7");
  ^

TypeError: bad row 7
    at load (/opt/ml/code/t.js:2:9)
    at Object.<anonymous> (/opt/ml/code/t.js:4:1)
    at Module._compile (node:internal/modules/cjs/loader:1521:14)
    at Module._extensions..js (node:internal/modules/cjs/loader:1623:10)
    at Module.load (node:internal/modules/cjs/loader:1266:32)
    at Module._load (node:internal/modules/cjs/loader:1091:12)
    at Function.executeUserEntryPoint [as runMain] (node:internal/modules/run_main:164:12)
    at node:internal/main/run_main_module:28:49

Node.js v20.20.2
"#;

/// GNU C++ 12.
pub(super) const CPP: &str = r"terminate called after throwing an instance of 'std::runtime_error'
  what():  no rows
";

/// bash 5.2.
pub(super) const BASH: &str = r"./train.sh: line 3: foo: command not found
";

/// dash.
pub(super) const DASH: &str = r"./train.sh: 3: foo: not found
";

/// bash 5.2, the child of which crashed.
pub(super) const BASH_CRASH: &str = r"bash: line 1: 28209 Segmentation fault      bash ./seg.sh
";
