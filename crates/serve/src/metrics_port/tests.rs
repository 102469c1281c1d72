//! Over real sockets.

use std::future::Future;

use optml_contract::{
    Layout,
    machine::{Count, Machine},
    serving::{Circumstances, Inputs, PingCompat, ServeOptions},
    source::Memory,
};
use tokio::{io::AsyncReadExt, task::LocalSet, time::Instant};

use super::*;
use crate::{
    health::Health,
    metrics::Ended,
    native::{Handler, HandlerError, Invocation, Reply as NativeReply},
    plan,
    pool::Pool,
    server::Model,
};

#[test]
fn the_text_is_served() {
    on_local_set(async {
        let (site, address) = served();
        site.metrics.request_began();
        site.metrics.request_ended(&Ended {
            route: "/ping",
            method: "GET",
            status: 200,
            elapsed: Duration::from_millis(1),
            took: Duration::ZERO,
            request_bytes: 0,
            response_bytes: 0,
            rejection: None,
        });
        let answer = ask(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let head = head.to_ascii_lowercase();
        assert!(
            head.contains("\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8"),
            "{head}"
        );
        assert!(head.contains("\r\nconnection: close"), "{head}");
        assert!(
            head.contains(&format!("\r\ncontent-length: {}", body.len())),
            "{head}"
        );
        let line = "http_server_request_duration_seconds_count{method=\"GET\",route=\"/ping\",status=\"200\"} 1\n";
        assert!(body.contains(line), "{body}");
        assert!(body.contains("\nhttp_server_active_requests 0\n"), "{body}");
        assert!(body.contains("\noptml_queue_depth 0\n"), "{body}");
    });
}

#[test]
fn a_head_is_served_without_the_text() {
    on_local_set(async {
        let (_site, address) = served();
        let answer = ask(address, b"HEAD /metrics HTTP/1.0\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        assert!(
            !answer.to_ascii_lowercase().contains("content-length: 0"),
            "{answer}"
        );
    });
}

#[test]
fn all_else_is_not_there() {
    on_local_set(async {
        let (_site, address) = served();
        for (request, status) in [
            (&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], "404"),
            (b"GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
            (b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n", "404"),
            // What follows the head is not looked at, and doesn't keep the answer from arriving.
            (
                b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
                "404",
            ),
            (b"GET /metrics?name=x HTTP/1.1\r\nHost: x\r\n\r\n", "200"),
            (b"GET /metrics HTTP/1.1\n\n", "400"),
            (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "400"),
            (b"GET /metrics HTTP/2.0\r\nHost: x\r\n\r\n", "505"),
        ] {
            let answer = ask(address, request).await;
            let text = String::from_utf8_lossy(request);
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{text}: {answer}"
            );
        }
        let long = [
            b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ".as_slice(),
            &vec![b'a'; 20 << 10],
        ]
        .concat();
        let answer = ask(address, &long).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    });
}

#[test]
fn a_request_may_come_in_pieces() {
    on_local_set(async {
        let (_site, address) = served();
        let mut stream = TcpStream::connect(address).await.unwrap();
        for piece in [
            &b"GET /met"[..],
            b"rics HTTP/1.1\r\nHost",
            b": x\r\n\r",
            b"\n",
        ] {
            stream.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    });
}

#[test]
fn a_client_that_leaves_early_harms_nobody() {
    on_local_set(async {
        let (_site, address) = served();
        drop(TcpStream::connect(address).await.unwrap());
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /met").await.unwrap();
        drop(stream);
        let answer = ask(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    });
}

#[test]
fn silent_clients_keep_their_places_for_a_while() {
    on_local_set(async {
        let (_site, address) = served();
        let started = Instant::now();
        let mut silent = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let answer = ask(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let waited = started.elapsed();
        assert!(waited + Duration::from_millis(100) > TIME, "{waited:?}");
        for mut stream in silent {
            assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
        }
    });
}

#[test]
fn a_port_that_is_taken_is_an_error_and_leaves_them_off() {
    on_local_set(async {
        let (_site, address) = served();
        let site = site();
        let error = serve(address.port(), Rc::clone(&site)).unwrap_err();
        assert_eq!(error.address, address);
        assert!(site.metrics.page(&site).is_none());
    });
}

#[test]
fn only_this_machine_is_served() {
    on_local_set(async {
        let (_site, address) = served();
        assert!(address.ip().is_loopback());
        // Another address of loopback is another address.
        let other = SocketAddr::from(([127, 0, 0, 2], address.port()));
        assert!(TcpStream::connect(other).await.is_err());
    });
}

struct Nothing;

impl Handler for Nothing {
    fn invoke(&self, _invocation: &Invocation) -> Result<NativeReply, HandlerError> {
        Ok(NativeReply::text(""))
    }
}

fn served() -> (Rc<Site>, SocketAddr) {
    let site = site();
    let address = serve(0, Rc::clone(&site)).unwrap();
    (site, address)
}

fn site() -> Rc<Site> {
    let count = |n| Count::new(n, "given");
    let options = ServeOptions::load(&Inputs {
        source: &Memory::new(),
        layout: &Layout::at("/b"),
        machine: &Machine {
            cpus: count(1),
            gpus: count(0),
            neurons: count(0),
        },
        circumstances: Circumstances::default(),
        file: &[],
        command: None,
    })
    .unwrap();
    let health = Health::new(PingCompat::Strict);
    let pool = Pool::new(1, None, Rc::clone(&health));
    let model = Model::Native(Box::new(Nothing));
    Rc::new(plan::site(&options, &model, &pool, &health, None))
}

/// Sends a request, and reads until the connection is closed.
async fn ask(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[track_caller]
fn on_local_set(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    // Made inside: a timer needs the runtime.
    let limited = async { timeout(Duration::from_secs(30), test).await };
    LocalSet::new()
        .block_on(&runtime, limited)
        .expect("it is over in time");
}
