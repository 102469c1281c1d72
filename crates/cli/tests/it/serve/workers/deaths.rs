//! Workers that are killed, idle and busy: what is lost, and what is not.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{OCTETS, Served, adler32, error_in, is_alive, pid_in, send, transform, wait_until};

/// Answers with a sum of the whole body and with its beginning.
const FINGERPRINT: &str = "import zlib\n\
    def transform(body): return b'%d %s' % (zlib.adler32(body), body[:12]), 'application/octet-stream'\n";

#[test]
fn b04_killed_workers_lose_only_what_they_ran() {
    let served = transform(FINGERPRINT)
        .variable("OPTML_WORKERS", "2")
        .variable("OPTML_QUEUE", "1000")
        .ready();
    let storm = Storm {
        n_clients: 500,
        n_kills: 10,
        n_answers_between: 400,
        traffic: Traffic::Octets(&[12, 700, 40]),
    };
    let tally = storm.run(&served);
    // One request at a time is executed; what was sent ahead is not lost.
    assert!(tally.n_lost <= storm.n_kills, "{tally:?}");
    assert!(
        tally.n_answered > storm.n_kills * storm.n_answers_between,
        "{tally:?}"
    );
    served.wait_ready();
}

#[test]
fn p03_every_answer_is_that_of_its_request() {
    let served = transform(FINGERPRINT)
        .variable("OPTML_WORKERS", "2")
        .variable("OPTML_SLOTS", "3")
        .ready();
    let storm = Storm {
        n_clients: 24,
        n_kills: 5,
        n_answers_between: 80,
        // In its frame, in chunks or in shared memory, more than once around.
        traffic: Traffic::Octets(&[12, 70_000, 300, 400_000, 5_000, 1_500_000, 64, 270_000]),
    };
    let tally = storm.run(&served);
    assert!(tally.n_lost <= 3 * storm.n_kills, "{tally:?}");
}

#[test]
fn p03_arrays_are_those_of_their_requests() {
    let served = super::Serving::functions(
        "def model_fn(model_dir): return 1\ndef predict_fn(data, model): return data + model\n",
    )
    .variable("OPTML_WORKERS", "2")
    .variable("OPTML_QUEUE", "1000")
    .ready();
    let storm = Storm {
        n_clients: 50,
        n_kills: 4,
        n_answers_between: 300,
        traffic: Traffic::Arrays,
    };
    let tally = storm.run(&served);
    assert!(tally.n_lost <= storm.n_kills, "{tally:?}");
}

#[test]
fn p03_coroutines_answer_their_own_requests() {
    let source = "import asyncio, zlib, os\n\
        def model_fn(model_dir): return None\n\
        async def transform_fn(model, body, content_type, accept):\n\
        \x20   await asyncio.sleep(body[0] % 3 / 1000)\n\
        \x20   return b'%d %s' % (zlib.adler32(body), body[:12]), 'application/octet-stream'\n";
    let served = super::Serving::functions(source).ready();
    let storm = Storm {
        n_clients: 32,
        n_kills: 2,
        n_answers_between: 300,
        traffic: Traffic::Octets(&[12, 70_000, 300, 400_000, 5_000]),
    };
    let tally = storm.run(&served);
    assert!(tally.n_lost <= 64 * storm.n_kills, "{tally:?}");
}

#[test]
fn an_idle_worker_that_is_killed_is_replaced_and_nobody_notices() {
    let served = transform("def transform(body): return str(os.getpid())\n")
        .variable("OPTML_WORKERS", "2")
        .ready();
    wait_until("both workers answer", || {
        workers_that_answer(&served).len() == 2
    });
    let before = served.workers();
    kill(before[0]);
    for _ in 0..20 {
        assert_eq!(served.ping(), 200);
        pid_in(&served.invoke(OCTETS, b"x"));
    }
    wait_until("there is another one", || {
        let answering = workers_that_answer(&served);
        answering.len() == 2 && !answering.contains(&before[0])
    });
}

#[test]
fn while_the_only_worker_is_replaced_requests_wait() {
    let served = transform("def transform(body): return str(os.getpid())\n").ready();
    let first = pid_in(&served.invoke(OCTETS, b"x"));
    kill(first);
    wait_until("it is gone", || !is_alive(first));
    let second = pid_in(&served.invoke(OCTETS, b"x"));
    assert_ne!(first, second);
    served.wait_ready();
}

/// The server may send a request to a worker that is dead and that it has not heard of yet: nobody has read that request, so it
/// goes to the next worker.
#[test]
fn requests_that_a_dying_worker_has_not_read_are_not_lost() {
    let served = transform("def transform(body): return str(os.getpid())\n").ready();
    let mut client = served.client();
    for _ in 0..10 {
        let first =
            pid_in(&client.request("POST", "/invocations", &[("Content-Type", OCTETS)], b"x"));
        // It can neither read nor die while it is stopped: the request is in its socket when it is killed.
        signal(first, Signal::STOP);
        send(&mut client, &[], b"x");
        client.set_read_timeout(Duration::from_millis(30));
        assert!(client.try_response("POST").is_err(), "it is stopped");
        client.set_read_timeout(Duration::from_secs(20));
        kill(first);
        assert_ne!(pid_in(&client.response("POST")), first);
    }
}

#[test]
fn a_killed_request_is_answered_502_with_the_signal() {
    let served =
        transform("def transform(body):\n    open('began', 'w').close()\n    time.sleep(30)\n")
            .ready();
    let mut client = served.client();
    send(&mut client, &[], b"x");
    served.wait_for_file("began");
    kill(served.workers()[0]);
    let response = client.response("POST");
    assert_eq!(response.status, 502);
    let (kind, message) = error_in(&response);
    assert_eq!(kind, "BadGatewayException");
    assert!(message.contains("signal 9"), "{message}");
    // The connection is as good as before.
    assert_eq!(
        client
            .request("GET", "/ping", &[], b"")
            .header("connection"),
        None
    );
}

/// Answers fast until it is told to wait; says which requests it has executed.
const GATE: &str = "def transform(body):\n\
    \x20   with open('executed', 'ab') as log: log.write(body + b'\\n')\n\
    \x20   if body == b'wait':\n\
    \x20       open('began', 'w').close()\n\
    \x20       while not os.path.exists('go'): time.sleep(0.005)\n\
    \x20   return body\n";

/// Has a worker believed to be fast: from then on it is sent more than it executes. What comes back within a millisecond took user code less than that, also on a machine
/// that does other things as well.
fn believe_fast(served: &Served) {
    const IN_A_ROW: u32 = 8;
    let mut client = served.client();
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut n_fast = 0;
    while n_fast < IN_A_ROW {
        assert!(Instant::now() < deadline, "no calls are fast here");
        let sent = Instant::now();
        let answer = client.request("POST", "/invocations", &[("Content-Type", OCTETS)], b"fast");
        assert_eq!(answer.status, 200);
        let is_fast = sent.elapsed() < Duration::from_millis(1);
        n_fast = if is_fast { n_fast + 1 } else { 0 };
    }
}

#[test]
fn of_requests_sent_ahead_only_the_started_one_is_lost() {
    let served = transform(GATE).variable("OPTML_QUEUE", "1").ready();
    believe_fast(&served);
    let mut started = served.client();
    send(&mut started, &[], b"wait");
    served.wait_for_file("began");
    // 15 are sent ahead and one waits. The first that gets 503 says that all others are in.
    let mut others: Vec<_> = (0..17).map(|_| served.client()).collect();
    let mut n_admitted = 0;
    for (i, client) in others.iter_mut().enumerate() {
        send(client, &[], format!("{i}").as_bytes());
        client.set_read_timeout(Duration::from_millis(if i < 16 { 10 } else { 5000 }));
        match client.try_response("POST") {
            Ok(response) => assert_eq!((response.status, i), (503, 16)),
            Err(_) => n_admitted += 1,
        }
    }
    assert_eq!(n_admitted, 16);
    kill(served.workers()[0]);
    assert_eq!(started.response("POST").status, 502);
    for (i, mut client) in others.into_iter().take(16).enumerate() {
        client.set_read_timeout(Duration::from_secs(20));
        let response = client.response("POST");
        assert_eq!((response.status, response.text()), (200, i.to_string()));
    }
    let executed = std::fs::read_to_string(served.path("executed")).unwrap();
    let numbers: Vec<&str> = executed
        .lines()
        .filter(|line| line.parse::<u32>().is_ok())
        .collect();
    let expected: Vec<String> = (0..16).map(|i| i.to_string()).collect();
    assert_eq!(numbers, expected, "each once, and in their order");
}

#[test]
fn what_a_dead_worker_has_answered_is_neither_lost_nor_done_again() {
    let served = transform(&GATE.replace(
        "    return body",
        "    if body == b'exit': os._exit(3)\n    return body",
    ))
    .ready();
    believe_fast(&served);
    let mut clients: Vec<_> = ["wait", "1", "2", "3", "exit", "5", "6"]
        .into_iter()
        .map(|body| {
            let mut client = served.client();
            send(&mut client, &[], body.as_bytes());
            if body == "wait" {
                served.wait_for_file("began");
            }
            client.set_read_timeout(Duration::from_millis(10));
            assert!(client.try_response("POST").is_err(), "it waits");
            client.set_read_timeout(Duration::from_secs(20));
            (body, client)
        })
        .collect();
    let worker = served.workers()[0];
    // While the front sees nothing, its worker answers some and dies.
    served.proc.signal(Signal::STOP);
    served.touch("go");
    wait_until("it is dead", || !is_alive(worker));
    served.proc.signal(Signal::CONT);
    for (body, client) in &mut clients {
        let response = client.response("POST");
        let expected = if *body == "exit" { 502 } else { 200 };
        assert_eq!(response.status, expected, "{body}: {}", response.text());
        assert!(
            expected != 200 || response.text() == *body,
            "{body}: {}",
            response.text()
        );
    }
    let executed = std::fs::read_to_string(served.path("executed")).unwrap();
    let executed: Vec<&str> = executed.lines().filter(|line| *line != "fast").collect();
    assert_eq!(executed, ["wait", "1", "2", "3", "exit", "5", "6"]);
}

#[test]
fn requests_sent_ahead_of_a_hung_one_are_answered_by_its_successor() {
    let served = transform(GATE).variable("OPTML_KILL_GRACE_S", "1").ready();
    believe_fast(&served);
    let mut hung = served.client();
    send(
        &mut hung,
        &[("X-Amzn-SageMaker-InvocationTimeoutSeconds", "1")],
        b"wait",
    );
    served.wait_for_file("began");
    let mut others: Vec<_> = (0..5).map(|_| served.client()).collect();
    for client in &mut others {
        send(client, &[], b"ahead");
    }
    assert_eq!(hung.response("POST").status, 504);
    for mut client in others {
        let response = client.response("POST");
        assert_eq!((response.status, response.text().as_str()), (200, "ahead"));
    }
}

#[test]
fn a_request_that_waits_is_dropped_when_its_client_leaves() {
    let served = transform(GATE).variable("OPTML_QUEUE", "1").ready();
    let mut running = served.client();
    send(&mut running, &[], b"wait");
    served.wait_for_file("began");
    let mut leaving = served.client();
    send(&mut leaving, &[], b"gone");
    wait_until("the queue is full", || {
        // Whoever gets in takes the place of the one before, which left.
        let mut probe = served.client();
        send(&mut probe, &[], b"probe");
        probe.set_read_timeout(Duration::from_millis(50));
        probe
            .try_response("POST")
            .is_ok_and(|response| response.status == 503)
    });
    drop(leaving);
    let mut next = served.client();
    wait_until("there is room again", || {
        next = served.client();
        send(&mut next, &[], b"next");
        next.set_read_timeout(Duration::from_millis(50));
        next.try_response("POST").is_err()
    });
    served.touch("go");
    next.set_read_timeout(Duration::from_secs(20));
    assert_eq!(next.response("POST").text(), "next");
    assert_eq!(running.response("POST").text(), "wait");
    let executed = std::fs::read_to_string(served.path("executed")).unwrap();
    assert!(!executed.contains("gone"), "{executed}");
}

#[test]
fn f10_workers_do_not_outlive_a_killed_front() {
    let served = transform(
        "def transform(body):\n    open('began', 'w').close()\n    while True: time.sleep(1)\n",
    )
    .variable("OPTML_WORKERS", "2")
    .ready();
    wait_until("there are two workers", || served.workers().len() == 2);
    let mut client = served.client();
    send(&mut client, &[], b"x");
    served.wait_for_file("began");
    let workers = served.workers();
    kill(served.proc.id());
    for pid in workers {
        wait_until("a worker is gone", || !is_alive(pid));
    }
    assert!(client.is_closed());
}

/// Clients that never stop asking, and somebody who kills workers.
struct Storm {
    n_clients: usize,
    n_kills: usize,
    /// So many answers come from one kill to the next.
    n_answers_between: usize,
    traffic: Traffic,
}

/// What clients send, and expect.
#[derive(Clone, Copy)]
enum Traffic {
    /// Bodies of these sizes, one after the other; back comes what [`FINGERPRINT`] says of them.
    Octets(&'static [usize]),
    /// Arrays, which are read and written by the front; back comes each element, and one more.
    Arrays,
}

#[derive(Debug, Default)]
struct Tally {
    n_answered: usize,
    n_lost: usize,
}

impl Storm {
    /// Checks every answer, and counts those that were lost.
    #[track_caller]
    fn run(&self, served: &Served) -> Tally {
        let (n_answered, n_lost) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            // Also when this thread panics.
            let _over = SetOnDrop(&is_over);
            for number in 0..self.n_clients {
                let (n_answered, n_lost, is_over) = (&n_answered, &n_lost, &is_over);
                scope.spawn(move || {
                    let mut client = served.client();
                    let mut turn = number;
                    while !is_over.load(Ordering::Relaxed) {
                        let (content_type, body, expected) = self.traffic.exchange(number, turn);
                        let headers = [("Content-Type", content_type)];
                        let response = client.request("POST", "/invocations", &headers, &body);
                        match response.status {
                            200 => assert_eq!(response.text(), expected),
                            502 => _ = n_lost.fetch_add(1, Ordering::Relaxed),
                            status => panic!("{status}: {}", response.text()),
                        }
                        n_answered.fetch_add(1, Ordering::Relaxed);
                        turn += 1;
                    }
                });
            }
            let mut killed = BTreeSet::new();
            for _ in 0..self.n_kills {
                let goal = n_answered.load(Ordering::Relaxed) + self.n_answers_between;
                wait_until("more is answered", || {
                    n_answered.load(Ordering::Relaxed) >= goal
                });
                let mut victim = None;
                wait_until("there is a worker", || {
                    victim = served
                        .workers()
                        .into_iter()
                        .find(|pid| !killed.contains(pid));
                    victim.is_some()
                });
                kill(victim.unwrap());
                killed.extend(victim);
            }
            let goal = n_answered.load(Ordering::Relaxed) + self.n_clients;
            wait_until("more is answered", || {
                n_answered.load(Ordering::Relaxed) >= goal
            });
        });
        Tally {
            n_answered: n_answered.into_inner(),
            n_lost: n_lost.into_inner(),
        }
    }
}

impl Traffic {
    /// The type and the body of a request, and the body of its answer. No two are alike.
    fn exchange(self, client: usize, turn: usize) -> (&'static str, Vec<u8>, String) {
        match self {
            Self::Octets(sizes) => {
                let n_bytes = sizes[turn % sizes.len()];
                let mut body = format!("{client:04}.{turn:06}|").into_bytes();
                let rest: Vec<u8> = (0..n_bytes.saturating_sub(body.len()))
                    .map(|i| body[i % body.len()].wrapping_add(u8::try_from(i % 251).unwrap()))
                    .collect();
                body.extend(rest);
                let head = String::from_utf8_lossy(&body[..12]).into_owned();
                let answer = format!("{} {head}", adler32(&body));
                (OCTETS, body, answer)
            }
            Self::Arrays => {
                let body = format!("[[{client}, {turn}], [-1, {}]]", client * turn);
                let answer = format!(
                    "[[{}, {}], [0, {}]]",
                    client + 1,
                    turn + 1,
                    client * turn + 1
                );
                ("application/json", body.into_bytes(), answer)
            }
        }
    }
}

/// Those that have answered one of some requests at once.
fn workers_that_answer(served: &Served) -> BTreeSet<i32> {
    (0..6)
        .map(|_| pid_in(&served.invoke(OCTETS, b"x")))
        .collect()
}

#[track_caller]
fn kill(pid: i32) {
    signal(pid, Signal::KILL);
}

fn signal(pid: i32, signal: Signal) {
    // It may have ended by itself.
    let _ = kill_process(Pid::from_raw(pid).unwrap(), signal);
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
