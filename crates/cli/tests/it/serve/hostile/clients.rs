//! One client that is slow, hasty, or leaves: H-01, H-07.

use std::{
    io::Write,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use optml_testkit::{BodyEnd, Client};
use rustix::net::sockopt;

use super::{assert_cut, echo, memory_kib, n_descriptors, post, reached};
use crate::serve::rig::{Served, Serving};

/// Sends `whole` at once, and then `dripping` byte by byte, until the server has had enough of it.
fn send_slowly(
    served: &Served,
    whole: Vec<u8>,
    dripping: Vec<u8>,
) -> (Client, thread::JoinHandle<()>) {
    let stream = TcpStream::connect(served.address).unwrap();
    let mut own = stream.try_clone().unwrap();
    let sender = thread::spawn(move || {
        own.write_all(&whole).unwrap();
        for byte in dripping {
            if own.write_all(&[byte]).is_err() {
                return;
            }
            // This is how slow the client is.
            thread::park_timeout(Duration::from_millis(50));
        }
    });
    (Client::from_stream(stream), sender)
}

#[test]
fn h01_a_head_that_drips_is_cut_at_its_deadline() {
    let served = echo().variable("OPTML_HEADER_TIMEOUT_S", "1").ready();
    let begun = Instant::now();
    let head = format!("GET /ping HTTP/1.1\r\nHost: test\r\nX: {}", "y".repeat(200));
    let (mut client, sender) = send_slowly(&served, Vec::new(), head.into_bytes());
    assert_cut(&mut client, "slow head", 408, "RequestTimeoutException");
    let took = begun.elapsed();
    assert!(
        (Duration::from_millis(900)..Duration::from_secs(4)).contains(&took),
        "{took:?}"
    );
    drop(client);
    sender.join().unwrap();
}

#[test]
fn h01_a_body_that_stands_still_is_cut() {
    let served = echo().variable("OPTML_BODY_TIMEOUT_S", "1").ready();
    for (framing, beginning) in [
        ("Content-Length: 10", "hello"),
        ("Content-Length: 10000000", "hello"),
        ("Transfer-Encoding: chunked", "5\r\nhel"),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n"),
        ("Transfer-Encoding: chunked", "500000\r\nhello"),
    ] {
        let mut client = served.client();
        client.send(
            format!("POST /invocations HTTP/1.1\r\nHost: test\r\nContent-Type: a/b\r\n{framing}\r\n\r\n{beginning}")
                .as_bytes(),
        );
        let begun = Instant::now();
        assert_cut(&mut client, framing, 408, "RequestTimeoutException");
        assert!(begun.elapsed() < Duration::from_secs(4));
    }
    assert_eq!(reached(&served), [""; 0]);
}

/// As long as something comes it is not cut, however long the whole takes.
#[test]
fn h01_a_body_that_drips_is_read() {
    let served = echo().variable("OPTML_BODY_TIMEOUT_S", "1").ready();
    let body = b"a slow body of 31 bytes to read";
    let mut head = post(body);
    head.truncate(head.len() - body.len());
    let (mut client, sender) = send_slowly(&served, head, body.to_vec());
    let begun = Instant::now();
    assert_eq!(client.response("POST").body, body);
    assert!(begun.elapsed() > Duration::from_secs(1));
    sender.join().unwrap();
}

const LARGE: &str = "
def model_fn(model_dir):
    return bytes(32 << 20)
def transform_fn(model, body, content_type, accept):
    return (model, 'a/b') if body == b'large' else (body, 'a/b')
";

/// Eight clients that ask for 32 MiB each, and take nothing.
#[test]
fn h01_clients_that_read_nothing_cost_little_and_are_left() {
    let served = Serving::functions(LARGE)
        .variable("OPTML_BODY_TIMEOUT_S", "1")
        .ready();
    assert_eq!(served.invoke("a/b", b"small").text(), "small");
    let before = n_descriptors(&served);
    let mut clients: Vec<Client> = (0..8)
        .map(|_| {
            let mut client = served.client();
            client.send(&post(b"large"));
            client
        })
        .collect();
    // The model is free for others meanwhile.
    assert_eq!(served.invoke("a/b", b"small").text(), "small");
    assert_eq!(served.ping(), 200);
    served.wait_until("they are left", || n_descriptors(&served) <= before);
    for client in &mut clients {
        let end = client.try_response("POST").map(|response| response.end);
        assert!(!matches!(end, Ok(BodyEnd::Complete)));
    }
    let kib = memory_kib(&served, "VmHWM");
    assert!(kib < 200 << 10, "{kib} KiB");
}

#[test]
fn h01_a_connection_that_rests_is_closed_after_its_time() {
    let served = echo().variable("OPTML_KEEP_ALIVE_S", "1").ready();
    let mut fresh = served.client();
    let mut used = served.client();
    used.request("GET", "/ping", &[], b"");
    let begun = Instant::now();
    assert!(fresh.is_closed());
    assert!(used.is_closed());
    let took = begun.elapsed();
    assert!(
        (Duration::from_millis(700)..Duration::from_secs(3)).contains(&took),
        "{took:?}"
    );
}

#[test]
fn h01_a_connection_that_has_rested_goes_on() {
    let served = echo().variable("OPTML_KEEP_ALIVE_S", "3").ready();
    let mut client = served.client();
    client.request("GET", "/ping", &[], b"");
    client.set_read_timeout(Duration::from_millis(1500));
    assert!(!client.is_closed());
    client.set_read_timeout(Duration::from_secs(40));
    assert_eq!(client.request("GET", "/ping", &[], b"").status, 200);
}

#[test]
fn h07_ten_thousand_requests_at_once_are_answered_in_their_order() {
    let served = echo().ready();
    let stream = TcpStream::connect(served.address).unwrap();
    let mut own = stream.try_clone().unwrap();
    let mut client = Client::from_stream(stream);
    let sender = thread::spawn(move || {
        for n in 0..10_000 {
            let request = match n % 20 {
                0 => post(format!("body {n}").as_bytes()),
                1 => b"GET /nowhere HTTP/1.1\r\nHost: test\r\n\r\n".to_vec(),
                _ => b"GET /ping HTTP/1.1\r\nHost: test\r\n\r\n".to_vec(),
            };
            own.write_all(&request).unwrap();
        }
    });
    for n in 0..10_000 {
        let answer = client.response("GET");
        match n % 20 {
            0 => assert_eq!(answer.text(), format!("body {n}")),
            1 => assert_eq!(answer.status, 404),
            _ => assert_eq!((answer.status, answer.body.len()), (200, 0)),
        }
    }
    sender.join().unwrap();
}

#[test]
fn h07_a_client_that_sends_no_more_still_gets_its_answer() {
    let served = echo().ready();
    for n in 0..100 {
        let mut client = served.client();
        client.send(&post(format!("body {n}").as_bytes()));
        client.finish_sending();
        let answer = client.response("POST");
        assert_eq!(answer.text(), format!("body {n}"));
        assert!(client.is_closed());
    }
}

/// Ends the connection so that the other side gets an error, and not an end.
fn reset(stream: TcpStream) {
    sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
}

#[test]
fn h07_a_reset_in_the_middle_of_a_body_is_no_request() {
    let served = echo().ready();
    let before = n_descriptors(&served);
    let whole = post(&vec![b'x'; 200 << 10]);
    for n_bytes in [10, 100, 1000, 100 << 10] {
        let mut stream = TcpStream::connect(served.address).unwrap();
        stream.write_all(&whole[..n_bytes]).unwrap();
        reset(stream);
    }
    served.wait_until("they are gone", || n_descriptors(&served) <= before);
    assert_eq!(reached(&served), [""; 0]);
}

#[test]
fn h07_a_reset_in_the_middle_of_an_answer_hurts_nobody() {
    let served = Serving::functions(LARGE).ready();
    assert_eq!(served.invoke("a/b", b"small").text(), "small");
    let before = n_descriptors(&served);
    for n_bytes in [0, 1, 1000, 1 << 20] {
        let mut stream = TcpStream::connect(served.address).unwrap();
        stream.write_all(&post(b"large")).unwrap();
        let mut taken = vec![0; n_bytes];
        std::io::Read::read_exact(&mut stream, &mut taken).unwrap();
        reset(stream);
        assert_eq!(served.invoke("a/b", b"small").text(), "small");
    }
    served.wait_until("they are gone", || n_descriptors(&served) <= before);
    assert_eq!(served.ping(), 200);
}

/// What it asked for runs to its end, and its answer goes to nobody.
#[test]
fn h07_a_client_that_leaves_while_the_model_works_hurts_nobody() {
    let served = echo().ready();
    let mut stream = TcpStream::connect(served.address).unwrap();
    stream.write_all(&post(b"wait go")).unwrap();
    served.wait_for_file("seen");
    reset(stream);
    let mut next = served.client();
    next.send(&post(b"next"));
    served.touch("go");
    assert_eq!(next.response("POST").text(), "next");
    assert_eq!(reached(&served), ["wait go", "next"]);
}

/// Who waits in the queue and leaves is never run.
#[test]
fn h07_a_client_that_leaves_the_queue_is_not_served() {
    let served = echo().ready();
    let mut first = served.client();
    first.send(&post(b"wait go"));
    served.wait_for_file("seen");
    let before = n_descriptors(&served);
    let mut stream = TcpStream::connect(served.address).unwrap();
    stream.write_all(&post(b"never")).unwrap();
    // It is in before it goes: a later one on the same thread is refused by then.
    assert_eq!(served.request("GET", "/nowhere", &[], b"").status, 404);
    reset(stream);
    served.wait_until("it is gone", || n_descriptors(&served) <= before);
    served.touch("go");
    assert_eq!(first.response("POST").text(), "wait go");
    assert_eq!(reached(&served), ["wait go"]);
}

/// Half of the clients leave at some moment; the others get their own answers, and nobody else's.
#[test]
fn h07_no_answer_ever_goes_to_another_client() {
    let served = echo().variable("OPTML_WORKERS", "2").ready();
    let address = served.address;
    let clients: Vec<thread::JoinHandle<()>> = (0..16)
        .map(|number| {
            thread::spawn(move || {
                for n in 0..40_usize {
                    let size = [10, 3000, 70_000][n % 3];
                    let body = format!("{number}.{n}.").repeat(size / 5).into_bytes();
                    let request = post(&body);
                    if n % 2 == 0 {
                        let mut client = Client::connect(address);
                        client.send(&request);
                        let answer = client.response("POST");
                        assert!(answer.body == body, "{number}.{n}: {}", answer.text());
                    } else {
                        let mut stream = TcpStream::connect(address).unwrap();
                        let n_bytes = request.len() * (n % 5) / 4;
                        // It may be refused: it is only a nuisance.
                        let _ = stream.write_all(&request[..n_bytes.min(request.len())]);
                        if n % 4 == 1 {
                            reset(stream);
                        }
                    }
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
}
