//! What user code does to its own process.

use std::fs;

use optml_testkit::{MemoryGroup, Proc};

use super::{OCTETS, Served, each, error_in, is_alive, pid_in, transform, wait_until};
use crate::rig::binary;

/// What a request does, whatever it is worth.
const ODD: &[(&str, &str)] = &[
    ("stdout is nothing", "sys.stdout = sys.stderr = None"),
    ("stdout is closed", "sys.stdout.close(); sys.stderr.close()"),
    ("descriptors 1 and 2 are closed", "os.close(1); os.close(2)"),
    ("descriptors 3 to 255 are closed", "os.closerange(3, 256)"),
    (
        "binary garbage",
        "os.write(1, bytes(range(256)) * 100); os.write(2, bytes(range(256)) * 100)",
    ),
    (
        "half a character",
        "os.write(1, b'\\xe2\\x82'); print('\\ud800')",
    ),
    (
        "signals are its own",
        "import signal\n        for n in (1, 2, 3, 10, 12, 13, 15, 17): signal.signal(n, lambda *a: None)",
    ),
    (
        "a child process",
        "import subprocess; assert subprocess.run(['true']).returncode == 0",
    ),
    (
        "a fork that ends",
        "pid = os.fork() or os._exit(0); os.waitpid(pid, 0)",
    ),
    ("an orphan", "os.system('sleep 0.2 &')"),
    (
        "a thread that goes on",
        "import threading; threading.Thread(target=time.sleep, args=[600]).start()",
    ),
    (
        "multiprocessing",
        "import multiprocessing\n        with multiprocessing.get_context('fork').Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]",
    ),
    ("another directory", "os.chdir('/')"),
    ("an empty environment", "os.environ.clear()"),
    ("another umask and a new session", "os.umask(0o777)"),
    (
        "a changed import system",
        "sys.path.clear(); sys.modules.pop('json', None); sys.meta_path.clear()",
    ),
    (
        "no garbage collection, and no recursion",
        "import gc; gc.disable(); sys.setrecursionlimit(60)",
    ),
    ("a trace function", "sys.settrace(lambda *a: None)"),
    (
        "a default timeout for sockets",
        "import socket; socket.setdefaulttimeout(0.01); time.sleep(0.05)",
    ),
    (
        "an event loop",
        "import asyncio; asyncio.run(asyncio.sleep(0))",
    ),
];

/// A handler that does the *n*th of these, and answers with its process id.
fn choosing<'a>(statements: impl Iterator<Item = &'a str>) -> String {
    let statements: Vec<&str> = statements.collect();
    let choices = each(&statements, |i, statement| {
        format!("    if n == {i}:\n        {statement}\n")
    });
    format!("def transform(body):\n    n = int(body)\n{choices}    return str(os.getpid())\n")
}

#[test]
fn f16_oddities_of_a_request_concern_no_other_one() {
    let source = choosing(ODD.iter().map(|(_, statement)| *statement));
    // Each has a server of its own, and some of these run at once.
    for some in (0..ODD.len()).collect::<Vec<_>>().chunks(5) {
        std::thread::scope(|scope| {
            for &i in some {
                let source = &source;
                scope.spawn(move || {
                    let name = ODD[i].0;
                    let served = transform(source).ready();
                    let response = served.invoke(OCTETS, i.to_string().as_bytes());
                    assert_eq!(response.status, 200, "{name}: {}", response.text());
                    let next = served.invoke(OCTETS, b"-1");
                    assert_eq!(
                        next.text(),
                        response.text(),
                        "{name}: the worker is the same"
                    );
                    assert_eq!(served.ping(), 200, "{name}");
                });
            }
        });
    }
}

/// How a worker ends, and what the client is told.
const ENDS: &[(&str, &str)] = &[
    ("os._exit(0)", "exit code 0"),
    ("os._exit(7)", "exit code 7"),
    ("os.kill(os.getpid(), 9)", "signal 9"),
    ("os.abort()", "signal 6"),
    ("import ctypes; ctypes.string_at(0)", "signal 11"),
    ("os.closerange(3, 100000)", "exit code"),
];

#[test]
fn b16_a_worker_that_ends_itself_costs_one_request() {
    let source = choosing(ENDS.iter().map(|(statement, _)| *statement));
    let served = transform(&source).ready();
    for (i, (statement, how)) in ENDS.iter().enumerate() {
        let pid = pid_in(&served.invoke(OCTETS, b"-1"));
        let response = served.invoke(OCTETS, i.to_string().as_bytes());
        assert_eq!(response.status, 502, "{statement}: {}", response.text());
        assert!(
            error_in(&response).1.contains(how),
            "{statement}: {}",
            response.text()
        );
        let next = pid_in(&served.invoke(OCTETS, b"-1"));
        assert_ne!(next, pid, "{statement}");
        wait_until("the old one is gone", || !is_alive(pid));
    }
}

#[test]
fn b16_a_hundred_megabytes_without_a_line_end() {
    let served = transform(
        "def transform(body):\n\
         \x20   for _ in range(100): sys.stdout.write('x' * 1000000)\n\
         \x20   sys.stdout.write('the end\\n')\n\
         \x20   return str(os.getpid())\n",
    )
    .ready();
    pid_in(&served.invoke(OCTETS, b"x"));
    let line = served.proc.stdout_line("the end");
    assert_eq!(line.len(), 100_000_000 + "the end".len());
    let status = fs::read_to_string(format!("/proc/{}/status", served.proc.id())).unwrap();
    let peak = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let peak_kib: u64 = peak
        .split_ascii_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    assert!(peak_kib < 120 << 10, "{peak}");
}

#[test]
fn what_user_code_prints_comes_out_as_it_is() {
    let served = transform(
        "print('while importing')\n\
         def transform(body):\n\
         \x20   print('to stdout'); print('to stderr', file=sys.stderr)\n\
         \x20   os.system('echo from a child')\n\
         \x20   return ''\n",
    )
    .ready();
    assert_eq!(
        served.proc.stdout_line("while importing"),
        "while importing"
    );
    served.invoke(OCTETS, b"x");
    assert_eq!(served.proc.stdout_line("to stdout"), "to stdout");
    assert_eq!(served.proc.stdout_line("from a child"), "from a child");
    assert_eq!(served.proc.stderr_line("to stderr"), "to stderr");
}

#[test]
fn f15_processes_that_requests_leave_behind_are_reaped() {
    let served = transform(
        "def transform(body):\n\
         \x20   if os.fork() == 0:\n\
         \x20       os.setsid()\n\
         \x20       if os.fork() == 0: time.sleep(0.1)\n\
         \x20       os._exit(0)\n\
         \x20   return str(os.getpid())\n",
    )
    .variable("OPTML_MAX_REQUESTS", "5")
    .ready();
    for _ in 0..20 {
        pid_in(&served.invoke(OCTETS, b"x"));
    }
    wait_until("there is one child again", || served.workers().len() == 1);
}

#[test]
fn f16_a_child_that_comes_back_from_user_code_answers_nobody() {
    // `fork` without `exec`, and both go on: the child must not answer the same request.
    let served = transform(
        "def transform(body):\n\
         \x20   if body == b'fork': os.fork()\n\
         \x20   return str(os.getpid())\n",
    )
    .ready();
    let pid = pid_in(&served.invoke(OCTETS, b"x"));
    let mut client = served.client();
    for _ in 0..3 {
        let headers = [("Content-Type", OCTETS)];
        assert_eq!(
            pid_in(&client.request("POST", "/invocations", &headers, b"fork")),
            pid
        );
        assert_eq!(
            pid_in(&client.request("POST", "/invocations", &headers, b"x")),
            pid
        );
    }
}

#[test]
fn f16_an_import_that_hangs_is_not_ready() {
    let served = super::Serving::functions(
        "import os, time\n\
         while not os.path.exists('go'): time.sleep(0.005)\n\
         def model_fn(model_dir): return None\n\
         def transform_fn(model, body, ct, accept): return 'ok'\n",
    )
    .start();
    for _ in 0..20 {
        assert_eq!(served.ping(), 503);
    }
    let response = served.invoke(OCTETS, b"x");
    assert_eq!(
        (response.status, response.header("retry-after")),
        (503, Some("1"))
    );
    assert_eq!(error_in(&response).0, "ModelNotReadyException");
    served.touch("go");
    served.wait_ready();
    assert_eq!(served.invoke(OCTETS, b"x").text(), "ok");
}

#[test]
fn a_worker_that_the_kernel_kills_for_memory_is_named_so() {
    let folder = transform(
        "kept = []\ndef transform(body):\n\
         \x20   while body == b'eat': kept.append(b'x' * (8 << 20))\n\
         \x20   return str(os.getpid())\n",
    )
    .into_folder();
    let group = MemoryGroup::with_limit(150 << 20);
    let script = format!("{}; exec \"$@\"", group.join());
    let words = [
        "-euc".into(),
        script.into(),
        "sh".into(),
        binary(),
        "serve".into(),
    ];
    let variables = [
        ("SAGEMAKER_BASE_DIR", folder.path().as_os_str()),
        ("OPTML_PORT", "0".as_ref()),
        ("OPTML_HOST", "127.0.0.1".as_ref()),
        ("OPTML_WORKERS", "1".as_ref()),
    ];
    let served = Served::of(Proc::start("sh", words, &variables), folder);
    served.wait_ready();
    let pid = pid_in(&served.invoke(OCTETS, b"x"));
    let response = served.invoke(OCTETS, b"eat");
    assert_eq!(response.status, 507, "{}", response.text());
    assert_eq!(error_in(&response).1, "the worker ran out of memory");
    assert_ne!(pid_in(&served.invoke(OCTETS, b"x")), pid);
    served.stop();
}

#[test]
fn threads_of_libraries_are_shared_out_among_the_workers() {
    const NAMES: [&str; 3] = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"];
    let n_cores = std::thread::available_parallelism().unwrap().get();
    let printing =
        || transform("def transform(body): return os.environ.get(body.decode(), 'none')\n");
    for (n_workers, expected) in [(1, n_cores), (n_cores * 2, 1)] {
        let served = printing()
            .variable("OPTML_WORKERS", &n_workers.to_string())
            .ready();
        for name in NAMES {
            assert_eq!(
                served.invoke(OCTETS, name.as_bytes()).text(),
                expected.to_string()
            );
        }
    }
    let served = printing().variable("OMP_NUM_THREADS", "17").ready();
    assert_eq!(served.invoke(OCTETS, b"OMP_NUM_THREADS").text(), "17");
}

#[test]
fn user_code_sees_nothing_of_the_worker() {
    // Names that the worker's own parts have, or had.
    let served = transform(
        "import worker, frames, serve, boot, json\n\
         def transform(body):\n\
         \x20   import __main__\n\
         \x20   seen = [name for name in vars(__main__) if not name.startswith('__')]\n\
         \x20   seen += [name for name in os.environ if name.endswith('_FD')]\n\
         \x20   seen += [module.__name__ for module in (worker, frames, serve, boot) if module.MINE != 1]\n\
         \x20   seen += [path for path in sys.path[:1] if path != os.path.dirname(__file__)]\n\
         \x20   return repr(seen + sys.argv[1:] + [json.dumps(1)])\n",
    )
    .file("model/code/worker.py", "MINE = 1\n")
    .file("model/code/frames.py", "MINE = 1\n")
    .file("model/code/serve.py", "MINE = 1\n")
    .file("model/code/boot.py", "MINE = 1\n")
    .ready();
    assert_eq!(served.invoke(OCTETS, b"x").text(), "['1']");
}
