//! Answers that come in pieces.

use std::{fs, time::Duration};

use optml_testkit::{BodyEnd, Client, Response};

use super::{OCTETS, Served, Serving, error_in, is_alive, pid_in, send, transform, wait_until};

/// One module for functions and for coroutines: what to do is the body.
fn both(generator: &str) -> [(&'static str, Serving); 2] {
    let plain = transform(&format!(
        "def transform(body):\n    return str(os.getpid()) if body == b'pid' else pieces(body)\n\
         def pieces(body):\n{generator}"
    ));
    let coroutines = Serving::functions(&format!(
        "import asyncio, os, time\n\
         def model_fn(model_dir): return None\n\
         async def transform_fn(model, body, content_type, accept):\n\
         \x20   return str(os.getpid()) if body == b'pid' else pieces(body)\n\
         async def pieces(body):\n{}",
        generator.replace("time.sleep", "await asyncio.sleep")
    ));
    [("functions", plain), ("coroutines", coroutines)]
}

fn accepting(served: &Served, accept: &str, body: &[u8]) -> Response {
    let headers = [("Content-Type", OCTETS), ("Accept", accept)];
    served.request("POST", "/invocations", &headers, body)
}

#[test]
fn b08_an_exception_before_the_first_item_has_a_status() {
    let generator = "    if body == b'teapot':\n\
        \x20       error = RuntimeError('no coffee')\n\
        \x20       error.status_code = 418\n\
        \x20       raise error\n\
        \x20   raise ValueError('too early')\n\
        \x20   yield b''\n";
    for (name, serving) in both(generator) {
        let served = serving.ready();
        let response = served.invoke(OCTETS, b"x");
        assert_eq!(response.status, 500, "{name}");
        assert_eq!(
            error_in(&response),
            ("ValueError".into(), "too early".into())
        );
        assert_eq!(served.invoke(OCTETS, b"teapot").status, 418, "{name}");
    }
}

#[test]
fn h09_a_later_exception_breaks_the_body_off() {
    let generator = "    yield 'one '\n    yield b'two'\n    raise ValueError('too late')\n";
    for (name, serving) in both(generator) {
        let served = serving.ready();
        let response = accepting(&served, "text/plain", b"x");
        assert_eq!(
            (response.status, response.text().as_str()),
            (200, "one two"),
            "{name}"
        );
        assert_eq!(
            response.end,
            BodyEnd::Broken,
            "{name}: a client must be able to tell"
        );
        served.proc.stderr_line("too late");
        pid_in(&served.invoke(OCTETS, b"pid"));
    }
}

#[test]
fn a_later_exception_is_an_event_or_a_line_where_there_are_such() {
    let generator = "    yield {'n': 1}\n    raise ValueError('too late')\n";
    for (name, serving) in both(generator) {
        let served = serving.ready();
        let events = accepting(&served, "text/event-stream", b"x");
        assert_eq!(
            events.header("content-type"),
            Some("text/event-stream"),
            "{name}"
        );
        let text = events.text();
        let (first, last) = text.split_once("\n\n").unwrap();
        assert_eq!(first, "data: {\"n\":1}", "{name}");
        assert!(
            last.starts_with("event: error\ndata: {"),
            "{name}: {last:?}"
        );
        assert!(
            last.contains("too late") && last.ends_with("\n\n"),
            "{name}: {last:?}"
        );
        assert_eq!(events.end, BodyEnd::Complete, "{name}");
        let lines = accepting(&served, "application/jsonlines", b"x");
        let text = lines.text();
        let (first, last) = text.split_once('\n').unwrap();
        assert_eq!(first, "{\"n\":1}", "{name}");
        let last: serde_json::Value = serde_json::from_str(last).unwrap();
        assert!(
            last["error"]["message"]
                .as_str()
                .unwrap()
                .contains("too late"),
            "{last}"
        );
        assert_eq!(lines.end, BodyEnd::Complete, "{name}");
    }
}

#[test]
fn each_item_goes_out_when_it_is_there() {
    let generator = "    for i in range(3):\n\
        \x20       yield 'item %d' % i\n\
        \x20       while not os.path.exists('go-%d' % i): time.sleep(0.005)\n";
    for (name, serving) in both(generator) {
        let served = serving.ready();
        let mut client = served.client();
        send(&mut client, &[], b"x");
        let (status, headers) = client.head().unwrap();
        assert_eq!(status, 200, "{name}");
        assert!(
            headers.contains(&("transfer-encoding".into(), "chunked".into())),
            "{headers:?}"
        );
        for i in 0..3 {
            let chunk = client.chunk().unwrap().unwrap();
            assert_eq!(
                String::from_utf8_lossy(&chunk),
                format!("item {i}"),
                "{name}"
            );
            served.touch(&format!("go-{i}"));
        }
        assert_eq!(client.chunk().unwrap(), Some(Vec::new()));
        // The connection goes on.
        assert_eq!(client.request("GET", "/ping", &[], b"").status, 200);
    }
}

#[test]
fn items_of_every_kind_from_every_function() {
    let stream = "    yield {'n': 1}\n    yield 'text\\n'\n    yield [2]\n    yield b'bytes'\n";
    let modules = [
        (
            "transform_fn",
            format!("def transform_fn(model, body, ct, accept):\n{stream}"),
        ),
        (
            "predict_fn",
            format!("def predict_fn(data, model):\n{stream}"),
        ),
        (
            "output_fn",
            format!(
                "def predict_fn(data, model): return data\ndef output_fn(p, accept):\n{stream}"
            ),
        ),
        (
            "an iterator",
            "def predict_fn(data, model): return iter([{'n': 1}, 'text\\n', [2], b'bytes'])\n"
                .into(),
        ),
    ];
    for (name, source) in modules {
        let served = Serving::functions(&format!("def model_fn(d): return None\n{source}")).ready();
        let ask = |accept| {
            let headers = [("Content-Type", "application/json"), ("Accept", accept)];
            served.request("POST", "/invocations", &headers, b"[1]")
        };
        let events = ask("text/event-stream");
        assert_eq!(
            events.text(),
            "data: {\"n\":1}\n\ntext\ndata: [2]\n\nbytes",
            "{name}"
        );
        let lines = ask("application/json");
        assert_eq!(lines.text(), "{\"n\":1}\ntext\n[2]\nbytes", "{name}");
        assert_eq!(lines.end, BodyEnd::Complete, "{name}");
    }
}

#[test]
fn b08_a_client_that_leaves_closes_the_generator() {
    let generator = "    try:\n\
        \x20       while True:\n\
        \x20           yield 'item'\n\
        \x20           time.sleep(0.01)\n\
        \x20   finally:\n\
        \x20       open('closed', 'w').close()\n";
    for (name, serving) in both(generator) {
        let served = serving.ready();
        let pid = pid_in(&served.invoke(OCTETS, b"pid"));
        let mut client = served.client();
        send(&mut client, &[], b"x");
        client.head().unwrap();
        client.chunk().unwrap().unwrap();
        drop(client);
        served.wait_for_file("closed");
        assert_eq!(pid_in(&served.invoke(OCTETS, b"pid")), pid, "{name}");
    }
}

#[test]
fn b08_a_client_that_leaves_while_the_worker_waits_for_it_closes_the_generator() {
    let generator = "    try:\n\
        \x20       while True: yield bytes(100000)\n\
        \x20   finally:\n\
        \x20       open('closed', 'w').close()\n";
    for (name, serving) in both(generator) {
        let served = serving.ready();
        let mut client = served.client();
        send(&mut client, &[], b"x");
        client.head().unwrap();
        drop(client);
        served.wait_for_file("closed");
        pid_in(&served.invoke(OCTETS, b"pid"));
        let _ = name;
    }
}

#[test]
fn h09_a_client_that_reads_slowly_slows_the_generator() {
    let generator = "    for i in range(1000):\n\
        \x20       with open('made', 'w') as made: made.write(str(i))\n\
        \x20       yield bytes([i % 251]) * 100000\n";
    for (name, serving) in both(generator) {
        let served = serving.ready();
        let mut client = served.client();
        send(&mut client, &[], b"x");
        client.head().unwrap();
        served.wait_for_file("made");
        let n_made = || {
            let text = fs::read_to_string(served.path("made")).unwrap_or_default();
            text.parse::<usize>().unwrap_or(0)
        };
        let (mut last, mut n_same) = (0, 0);
        wait_until("it waits", || {
            let now = n_made();
            n_same = if now == last { n_same + 1 } else { 0 };
            last = now;
            n_same > 40
        });
        // What the kernel holds for the socket, and a mebibyte.
        assert!(
            last < 200,
            "{name}: made {last} of 1000 items that nobody has read"
        );
        assert_eq!(served.ping(), 200);
        let (n_bytes, end) = read_on(&mut client, |at, byte| {
            assert_eq!(usize::from(byte), at / 100_000 % 251, "{name}");
        });
        assert_eq!((n_bytes, end), (100_000_000, BodyEnd::Complete), "{name}");
    }
}

/// Reads a chunked body to its end, and looks at a byte now and then.
fn read_on(client: &mut Client, look: impl Fn(usize, u8)) -> (usize, BodyEnd) {
    let mut n_bytes = 0;
    loop {
        match client.chunk().unwrap() {
            None => return (n_bytes, BodyEnd::Broken),
            Some(chunk) if chunk.is_empty() => return (n_bytes, BodyEnd::Complete),
            Some(chunk) => {
                for (i, byte) in chunk.iter().enumerate().step_by(4999) {
                    look(n_bytes + i, *byte);
                }
                n_bytes += chunk.len();
            }
        }
    }
}

#[test]
fn h09_very_many_tiny_items() {
    let generator = "    for i in range(100000): yield b'%06d\\n' % i\n";
    for (name, serving) in both(generator) {
        let served = serving.ready();
        let response = served.invoke(OCTETS, b"x");
        assert_eq!(response.end, BodyEnd::Complete, "{name}");
        let expected: Vec<String> = (0..100_000).map(|i| format!("{i:06}\n")).collect();
        assert!(
            response.text() == expected.concat(),
            "{name}: {} bytes",
            response.body.len()
        );
    }
}

#[test]
fn a_stream_without_items_is_an_empty_answer() {
    for (name, serving) in both("    if False: yield b''\n") {
        let response = serving.ready().invoke(OCTETS, b"x");
        assert_eq!((response.status, response.body.len()), (200, 0), "{name}");
        assert_eq!(response.end, BodyEnd::Complete, "{name}");
    }
}

#[test]
fn a_stream_that_stalls_or_never_ends_is_broken_off() {
    let generator = "    yield 'item'\n\
        \x20   while True:\n\
        \x20       time.sleep(0.05 if body == b'long' else 60)\n\
        \x20       yield 'item'\n";
    for (name, serving) in both(generator) {
        let served = serving
            .variable("OPTML_STREAM_IDLE_S", "1")
            .variable("OPTML_STREAM_S", "2")
            .variable("OPTML_KILL_GRACE_S", "1")
            .ready();
        for body in [b"stall", b"long\0".trim_ascii_end()] {
            let response = accepting(&served, "text/plain", body.trim_ascii_end());
            assert_eq!(response.end, BodyEnd::Broken, "{name}");
            // Whoever hung there is of no use to others.
            pid_in(&served.invoke(OCTETS, b"pid"));
        }
    }
}

#[test]
fn the_first_event_has_a_limit_of_its_own() {
    let served = both("    time.sleep(60)\n    yield 'late'\n")
        .into_iter()
        .next()
        .unwrap()
        .1
        .variable("OPTML_STREAM_FIRST_S", "1")
        .ready();
    let response = accepting(&served, "text/event-stream", b"x");
    assert_eq!(response.status, 504);
}

#[test]
fn a_worker_that_dies_in_the_middle_breaks_the_body_off() {
    let generator = "    yield 'item'\n    while not os.path.exists('go'): time.sleep(0.005)\n    os._exit(3)\n";
    for (name, serving) in both(generator) {
        let served = serving.ready();
        let pid = served.workers()[0];
        let mut client = served.client();
        send(&mut client, &[], b"x");
        client.head().unwrap();
        client.chunk().unwrap().unwrap();
        served.touch("go");
        assert_eq!(client.chunk().unwrap_or(None), None, "{name}");
        wait_until("it is gone", || !is_alive(pid));
        pid_in(&served.invoke(OCTETS, b"pid"));
    }
}

#[test]
fn a_generator_in_user_code_sees_a_generator_exit() {
    let generator = "    try:\n\
        \x20       yield bytes(10)\n\
        \x20       while True:\n\
        \x20           yield bytes(100000)\n\
        \x20   except Exception:\n\
        \x20       open('exception', 'w').close()\n\
        \x20   except GeneratorExit:\n\
        \x20       open('generator-exit', 'w').close()\n\
        \x20       raise\n";
    let (_, serving) = both(generator).into_iter().next().unwrap();
    let served = serving.ready();
    let mut client = served.client();
    client.set_read_timeout(Duration::from_secs(20));
    send(&mut client, &[], b"x");
    client.head().unwrap();
    drop(client);
    served.wait_for_file("generator-exit");
    assert!(!served.path("exception").exists());
}

#[test]
fn a_generator_that_hangs_after_its_client_has_left_does_not_keep_its_worker() {
    let generator = "    yield 'item'\n    open('hangs', 'w').close()\n    time.sleep(60)\n";
    let (_, serving) = both(generator).into_iter().next().unwrap();
    let served = serving
        .variable("OPTML_STREAM_IDLE_S", "1")
        .variable("OPTML_KILL_GRACE_S", "1")
        .ready();
    let pid = pid_in(&served.invoke(OCTETS, b"pid"));
    let mut client = served.client();
    send(&mut client, &[], b"x");
    client.head().unwrap();
    served.wait_for_file("hangs");
    drop(client);
    assert_ne!(pid_in(&served.invoke(OCTETS, b"pid")), pid);
}
