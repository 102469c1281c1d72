//! Many clients at once, and a machine with no time left: H-01, H-13, 1.8.

use std::{
    net::TcpStream,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use optml_testkit::Client;

use super::{echo, error, memory_kib, post};
use crate::serve::rig::{Served, Serving};

/// How long so many pings took, the fastest first.
fn pings(served: &Served, n: usize) -> Vec<Duration> {
    let mut client = served.client();
    let mut took: Vec<Duration> = (0..n)
        .map(|_| {
            let begun = Instant::now();
            assert_eq!(client.request("GET", "/ping", &[], b"").status, 200);
            begun.elapsed()
        })
        .collect();
    took.sort_unstable();
    took
}

#[track_caller]
fn assert_fast(took: &[Duration]) {
    let p99 = took[took.len() * 99 / 100];
    assert!(p99 < Duration::from_millis(50), "{took:?}");
}

/// More connections than there may be: those that have rested longest make room.
#[test]
fn h01_thousands_of_idle_connections_cost_little_and_hold_up_nobody() {
    let served = echo().ready();
    let connections: Vec<TcpStream> = (0..5000)
        .map(|_| TcpStream::connect(served.address).unwrap())
        .collect();
    assert_fast(&pings(&served, 200));
    served.wait_until("the surplus is closed", || {
        super::n_descriptors(&served) < 4096 + 100
    });
    let mut first = Client::from_stream(connections[0].try_clone().unwrap());
    assert!(first.is_closed());
    let mut last = Client::from_stream(connections[4999].try_clone().unwrap());
    assert_eq!(last.request("GET", "/ping", &[], b"").status, 200);
    let kib = memory_kib(&served, "VmHWM");
    assert!(kib < 100 << 10, "{kib} KiB");
}

/// The limit on descriptors may be below that on connections: then it is idle ones that are given up, and not `/ping`.
#[test]
fn f14_when_descriptors_run_out_idle_connections_make_room() {
    let served = echo().ready();
    let pid = rustix::process::Pid::from_raw(served.proc.id());
    let few = super::n_descriptors(&served) as u64 + 50;
    let limit = rustix::process::Rlimit {
        current: Some(few),
        maximum: Some(few),
    };
    rustix::process::prlimit(pid, rustix::process::Resource::Nofile, limit).unwrap();
    let connections: Vec<TcpStream> = (0..300)
        .map(|_| TcpStream::connect(served.address).unwrap())
        .collect();
    for _ in 0..20 {
        assert_eq!(served.ping(), 200);
    }
    let mut first = Client::from_stream(connections[0].try_clone().unwrap());
    assert!(first.is_closed());
    let mut last = Client::from_stream(connections[299].try_clone().unwrap());
    assert_eq!(last.request("GET", "/ping", &[], b"").status, 200);
    assert_eq!(served.invoke("a/b", b"x").text(), "x");
}

/// With no connection idle there is nobody to make room: the new one is closed at once, and no one waits.
#[test]
fn h01_busy_connections_are_not_closed_for_new_ones() {
    let served = echo().variable("OPTML_MAX_CONNECTIONS", "2").ready();
    let mut first = served.client();
    first.send(&post(b"wait go"));
    served.wait_for_file("seen");
    let mut second = served.client();
    second.send(b"GET /ping HTTP/1.1\r\nX: ");
    served.wait_until("one more is closed", || {
        Client::connect(served.address).is_closed()
    });
    served.touch("go");
    assert_eq!(first.response("POST").text(), "wait go");
    second.send(b"y\r\nHost: test\r\n\r\n");
    assert_eq!(second.response("GET").status, 200);
}

/// One request runs, ten wait, and 989 are told so.
#[test]
fn h13_a_thousand_clients_each_get_one_answer() {
    let served = echo()
        .variable("OPTML_QUEUE", "10")
        .variable("OPTML_ACCESS_LOG", "off")
        .ready();
    let mut clients: Vec<Client> = (0..1000).map(|_| served.client()).collect();
    for client in &mut clients {
        client.send(&post(b"wait go"));
    }
    let (tell, told) = mpsc::channel();
    for mut client in clients {
        let tell = tell.clone();
        thread::Builder::new()
            .stack_size(128 << 10)
            .spawn(move || {
                let answer = client.response("POST");
                tell.send(answer).unwrap();
            })
            .unwrap();
    }
    for _ in 0..989 {
        let answer = told.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(error(&answer)["type"], "ServiceUnavailableException");
    }
    assert_fast(&pings(&served, 100));
    served.touch("go");
    for _ in 0..11 {
        let answer = told.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!((answer.status, answer.text().as_str()), (200, "wait go"));
    }
}

#[test]
fn h13_a_full_queue_is_said_at_once() {
    let served = echo()
        .variable("OPTML_QUEUE", "1")
        .variable("OPTML_ACCESS_LOG", "off")
        .ready();
    let mut first = served.client();
    first.send(&post(b"wait go"));
    served.wait_for_file("seen");
    let mut second = served.client();
    second.send(&post(b"second"));
    let mut client = served.client();
    served.wait_until("the queue is full", || {
        client.set_read_timeout(Duration::from_millis(200));
        client.send(&post(b"third"));
        client
            .try_response("POST")
            .is_ok_and(|answer| answer.status == 503)
    });
    let mut took: Vec<Duration> = (0..100)
        .map(|_| {
            let begun = Instant::now();
            let answer = client.request("POST", "/invocations", &[("Content-Type", "a/b")], b"x");
            assert_eq!(answer.status, 503);
            begun.elapsed()
        })
        .collect();
    took.sort_unstable();
    assert!(took[50] < Duration::from_millis(5), "{took:?}");
    served.touch("go");
    assert_eq!(first.response("POST").text(), "wait go");
    assert_eq!(second.response("POST").text(), "second");
}

#[test]
fn h13_who_has_waited_too_long_is_told_so() {
    let served = echo().variable("OPTML_QUEUE_TIMEOUT_S", "1").ready();
    let mut first = served.client();
    first.send(&post(b"wait go"));
    served.wait_for_file("seen");
    let begun = Instant::now();
    let answer = served.invoke("a/b", b"second");
    assert!(begun.elapsed() >= Duration::from_millis(950));
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    served.touch("go");
    // Its own time had begun: it is not cut.
    assert_eq!(first.response("POST").text(), "wait go");
    assert_eq!(super::reached(&served), ["wait go"]);
}

/// Bodies fill the memory that they may: others are not read until there is room, and no memory is taken.
#[test]
fn h13_bodies_beyond_the_memory_for_them_wait_outside() {
    let served = echo()
        .variable("OPTML_MAX_BODY_MB", "8")
        .variable("OPTML_MAX_IN_FLIGHT_MB", "8")
        .ready();
    let body = vec![b'x'; 8 << 20];
    let whole = post(&body);
    let mut half = served.client();
    half.send(&whole[..whole.len() / 2]);
    let address = served.address;
    let (request, n_bytes) = (whole.clone(), body.len());
    let other = thread::spawn(move || {
        let mut client = Client::connect(address);
        client.send(&request);
        let answer = client.response("POST");
        assert_eq!((answer.status, answer.body.len()), (200, n_bytes));
    });
    // Small ones need no room.
    assert_eq!(served.invoke("a/b", b"small").text(), "small");
    half.send(&whole[whole.len() / 2..]);
    assert_eq!(half.response("POST").body.len(), n_bytes);
    other.join().unwrap();
}

const BUSY: &str = "
import os
def model_fn(model_dir):
    return os.path.dirname(model_dir)
def transform_fn(folder, body, content_type, accept):
    open(folder + '/busy' + body.decode(), 'w').close()
    # One call in C that keeps the interpreter's lock.
    sum(range(10 ** 12))
";

#[test]
fn ping_is_on_time_while_the_workers_take_all_processors() {
    let served = Serving::functions(BUSY)
        .variable("OPTML_WORKERS", "2")
        .ready();
    let mut clients = [served.client(), served.client()];
    for (client, name) in clients.iter_mut().zip(["1", "2"]) {
        served.wait_until("both workers are ready", || served.workers().len() == 2);
        client.send(&post(name.as_bytes()));
        served.wait_for_file(&format!("busy{name}"));
    }
    assert_fast(&pings(&served, 500));
}
