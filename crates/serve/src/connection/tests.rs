//! Over real sockets, with seats that the test plays itself.

use std::{cell::Cell, future::Future};

use optml_contract::{
    Layout,
    machine::{Count, Machine},
    serving::{Circumstances, Inputs, PingCompat, ServeOptions},
    source::Memory,
};
use optml_wire::{
    Dtype, PairBuf,
    control::{Capabilities, Functions},
};
use tokio::{
    io::AsyncReadExt,
    net::TcpListener,
    task::{LocalSet, spawn_local},
};

use super::*;
use crate::{
    admission::{Ability, LookAhead, Ticket},
    arena::{Arena, Dimensions},
    call::{Answer, AnswerBody, Call, CallBody},
    health::{Health, Phase},
    listener, plan,
    pool::{Mailbox, Pool, Reply, Withdrawal},
    server::Model,
    worker::handshake::Profile,
};

const MS: Duration = Duration::from_millis(1);

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let limited = async { timeout(Duration::from_secs(20), test).await.unwrap() };
    LocalSet::new().block_on(&runtime, limited);
}

/// What connections share, with one seat that the test plays.
fn site() -> (Site, Rc<Mailbox>) {
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
    let mailbox = Rc::new(Mailbox::default());
    let ability = Ability {
        concurrency: 1,
        look_ahead: LookAhead::Impossible,
    };
    pool.open(ability, Rc::clone(&mailbox));
    let arena = Arena::create(Dimensions {
        n_request_slots: 4,
        n_ranges: 1,
        slot_bytes: 1 << 20,
    });
    let model = Model::Program {
        python: None,
        prepare: None,
    };
    let site = plan::site(&options, &model, &pool, &health, arena.ok());
    *site.profile.borrow_mut() = Some(Profile {
        concurrency: 1,
        capabilities: Capabilities::ARENA | Capabilities::ARRAYS,
        functions: Functions::default(),
    });
    (site, mailbox)
}

async fn serve(site: Site) -> (Rc<Site>, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let site = Rc::new(site);
    spawn_local(listener::accept(listener, Rc::clone(&site)));
    (site, address)
}

/// The one call that has come.
async fn next_call(mailbox: &Mailbox) -> (Ticket, Call, Reply) {
    loop {
        if let Some(assignment) = mailbox.take_calls().pop() {
            let pending = *assignment.call;
            return (assignment.ticket, pending.call, pending.reply.unwrap());
        }
        mailbox.changed().await;
    }
}

/// Answers each call with its body, until the test is over.
fn echo(site: &Rc<Site>, mailbox: Rc<Mailbox>) {
    let pool = Rc::clone(&site.pool);
    spawn_local(async move {
        loop {
            let (ticket, call, reply) = next_call(&mailbox).await;
            // An error: the client left.
            let _ = reply.send(Ok(answer(bytes_of(&call.body))));
            pool.done(crate::admission::SeatId(0), ticket, MS);
            pool.dispatch();
        }
    });
}

fn answer(body: Vec<u8>) -> Answer {
    Answer {
        status: 200,
        fields: PairBuf::new(),
        array: None,
        body: AnswerBody::Heap(body),
        took: MS,
    }
}

fn bytes_of(body: &CallBody) -> Vec<u8> {
    match body {
        CallBody::Heap(bytes) => bytes.clone(),
        CallBody::Slot(slot) => slot.copy(u64::MAX).unwrap(),
    }
}

async fn send(address: SocketAddr, request: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    stream
}

/// All that the server sends until it closes.
async fn read_all(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn ask(address: SocketAddr, request: &[u8]) -> String {
    read_all(send(address, request).await).await
}

fn post(fields: &str, body: &[u8]) -> Vec<u8> {
    let mut request = format!("POST /invocations HTTP/1.1\r\nhost: x\r\n{fields}\r\n").into_bytes();
    request.extend_from_slice(body);
    request
}

fn sized(fields: &str, body: &[u8]) -> Vec<u8> {
    post(&format!("content-length: {}\r\n{fields}", body.len()), body)
}

fn chunked(chunks: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for chunk in chunks {
        body.extend(format!("{:x}\r\n", chunk.len()).bytes());
        body.extend_from_slice(chunk);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    post(
        "transfer-encoding: chunked\r\ncontent-type: text/plain\r\n",
        &body,
    )
}

#[track_caller]
fn check_statuses(answers: &str, expected: &[u16]) {
    let statuses: Vec<u16> = answers
        .split("HTTP/1.1 ")
        .filter_map(|answer| answer.get(..3)?.parse().ok())
        .collect();
    assert_eq!(statuses, expected, "{answers}");
}

const LAST_PING: &[u8] = b"GET /ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[test]
fn ping_is_answered_from_memory_and_says_why_not() {
    run(async {
        let (site, _mailbox) = site();
        let (site, address) = serve(site).await;
        let good = ask(address, LAST_PING).await;
        check_statuses(&good, &[200]);
        assert!(good.ends_with("\r\n\r\n"), "{good}");
        site.health
            .set_phase(Phase::Failed, "no \"model\":\n\ta\u{1b}b\\");
        let bad = ask(address, LAST_PING).await;
        check_statuses(&bad, &[503]);
        let body = bad.rsplit("\r\n\r\n").next().unwrap();
        assert_eq!(
            body,
            "{\"status\": \"failed\", \"reason\": \"no  model :  a b \"}\n"
        );
    });
}

#[test]
fn what_is_not_served_does_not_end_the_connection() {
    run(async {
        let (site, _mailbox) = site();
        let (_site, address) = serve(site).await;
        let mut requests = b"GET /pingx HTTP/1.1\r\nhost: x\r\n\r\n".to_vec();
        requests.extend(b"DELETE /ping HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc");
        requests.extend(b"HEAD /ping HTTP/1.1\r\nhost: x\r\n\r\n");
        requests.extend(sized("content-type: image/png\r\n", b"abc"));
        requests.extend(sized("content-encoding: gzip\r\n", b"abc"));
        requests.extend(sized("accept: image/png\r\n", b"abc"));
        requests.extend(sized("", b"[1,"));
        requests.extend(LAST_PING);
        let answers = ask(address, &requests).await;
        check_statuses(&answers, &[404, 405, 200, 415, 415, 406, 400, 200]);
        assert!(
            answers.contains("\r\nallow: GET, HEAD, POST\r\n"),
            "{answers}"
        );
    });
}

#[test]
fn requests_that_come_together_are_answered_in_their_order() {
    run(async {
        let (site, mailbox) = site();
        let (site, address) = serve(site).await;
        echo(&site, mailbox);
        let text = "content-type: text/plain\r\n";
        let mut requests = Vec::new();
        requests.extend(sized(text, b"first"));
        requests.extend(chunked(&[b"sec", b"ond"]));
        requests.extend(sized(
            &format!("{text}x-request-id: mine\r\nconnection: close\r\n"),
            b"third",
        ));
        let answers = ask(address, &requests).await;
        check_statuses(&answers, &[200, 200, 200]);
        let bodies: Vec<&str> = answers
            .split("\r\n\r\n")
            .skip(1)
            .map(|rest| rest.split("HTTP/1.1").next().unwrap())
            .collect();
        assert_eq!(bodies, ["first", "second", "third"]);
        assert!(answers.contains("x-request-id: mine\r\n"), "{answers}");
    });
}

#[test]
fn a_body_goes_where_it_is_needed() {
    run(async {
        let (site, mailbox) = site();
        let (site, address) = serve(site).await;
        let large = vec![b'x'; 100 << 10];
        for (request, is_in_slot, bytes) in [
            (
                sized("content-type: text/plain\r\n", b"abc"),
                false,
                b"abc".to_vec(),
            ),
            (
                sized("content-type: text/plain\r\n", &large),
                true,
                large.clone(),
            ),
            // As large as that only in the end; and cut at places that mean nothing.
            (
                chunked(&[&large[..70_000], &large[..10], &large[70_010..]]),
                true,
                large.clone(),
            ),
            (chunked(&[b"a", b"bc"]), false, b"abc".to_vec()),
            (
                post("content-length: 0\r\ncontent-type: text/plain\r\n", b""),
                false,
                Vec::new(),
            ),
        ] {
            let client = spawn_local(async move { send(address, &request).await });
            let (ticket, call, _reply) = next_call(&mailbox).await;
            assert_eq!(matches!(call.body, CallBody::Slot(_)), is_in_slot);
            assert!(bytes_of(&call.body) == bytes);
            assert_eq!(call.array, None);
            site.pool.done(crate::admission::SeatId(0), ticket, MS);
            drop(client.await.unwrap());
        }
    });
}

#[test]
fn arrays_are_found_before_user_code_is_asked() {
    run(async {
        let (site, mailbox) = site();
        let (site, address) = serve(site).await;
        let mut npy =
            b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f8', 'fortran_order': False, 'shape': (10000,), }".to_vec();
        npy.resize(127, b' ');
        npy.push(b'\n');
        npy.resize(128 + 80_000, 7);
        let ones: Vec<u8> = [1_i64; 3]
            .iter()
            .flat_map(|one| one.to_le_bytes())
            .collect();
        for (request, dtype, bytes) in [
            (
                sized("content-type: application/x-npy\r\n", &npy),
                Dtype::F64,
                vec![7; 80_000],
            ),
            (sized("", b"[1, 1, 1]"), Dtype::I64, ones),
        ] {
            let client = spawn_local(async move { send(address, &request).await });
            let (ticket, call, _reply) = next_call(&mailbox).await;
            assert_eq!(call.array.unwrap().dtype, dtype);
            assert!(bytes_of(&call.body) == bytes);
            site.pool.done(crate::admission::SeatId(0), ticket, MS);
            drop(client.await.unwrap());
        }
    });
}

#[test]
fn a_body_that_is_too_large_is_refused_as_soon_as_that_is_known() {
    run(async {
        let (mut site, _mailbox) = site();
        site.bounds.body_bytes = 1000;
        let (_site, address) = serve(site).await;
        let announced = ask(address, &post("content-length: 1001\r\n", b"")).await;
        check_statuses(&announced, &[413]);
        assert!(announced.contains("connection: close\r\n"), "{announced}");
        assert!(announced.contains("1001 bytes"), "{announced}");
        let chunk = [b'x'; 600];
        let grown = ask(address, &chunked(&[&chunk, &chunk])).await;
        check_statuses(&grown, &[413]);
        let one = post("transfer-encoding: chunked\r\n", b"7fffffffffffffff\r\nx");
        check_statuses(&ask(address, &one).await, &[413]);
    });
}

#[test]
fn slow_clients_are_told_and_left() {
    run(async {
        let (mut site, _mailbox) = site();
        site.bounds.head_time = 50 * MS;
        site.bounds.body_idle = 50 * MS;
        let (site, address) = serve(site).await;
        check_statuses(&ask(address, b"GET /pi").await, &[408]);
        check_statuses(
            &ask(address, &post("content-length: 3\r\n", b"ab")).await,
            &[408],
        );
        check_statuses(
            &ask(address, &post("transfer-encoding: chunked\r\n", b"5\r\nab")).await,
            &[408],
        );
        site.registry.empty().await;
    });
}

#[test]
fn who_asks_for_nothing_may_stay_for_a_while_and_is_told_nothing() {
    run(async {
        let (mut site, _mailbox) = site();
        site.bounds.head_time = 10 * MS;
        site.bounds.keep_alive = 150 * MS;
        let (_site, address) = serve(site).await;
        let started = Instant::now();
        assert_eq!(ask(address, b"").await, "");
        assert!(started.elapsed() >= 100 * MS, "{:?}", started.elapsed());
        let started = Instant::now();
        let used = ask(address, b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n").await;
        check_statuses(&used, &[200]);
        assert!(started.elapsed() >= 100 * MS, "{:?}", started.elapsed());
    });
}

#[test]
fn half_a_body_is_no_body() {
    run(async {
        let (site, _mailbox) = site();
        let (site, address) = serve(site).await;
        for request in [
            post("content-length: 3\r\n", b"ab"),
            post("content-length: 100000\r\n", b"ab"),
            post(
                "content-length: 100000\r\ncontent-type: text/plain\r\n",
                b"ab",
            ),
            post("transfer-encoding: chunked\r\n", b"5\r\nab"),
        ] {
            let mut stream = send(address, &request).await;
            stream.shutdown().await.unwrap();
            let text = read_all(stream).await;
            check_statuses(&text, &[400]);
            assert!(text.contains("ended inside"), "{text}");
        }
        site.registry.empty().await;
        assert_eq!(site.pool.n_sent(), 0);
    });
}

#[test]
fn after_what_is_not_http_nothing_is_read() {
    run(async {
        let (site, _mailbox) = site();
        let (_site, address) = serve(site).await;
        let mut requests = b"HEAD /ping HTTP/1.1\r\nhost: x\r\n\r\nGET /ping HTTP/1.1\n\n".to_vec();
        requests.extend(LAST_PING);
        let answers = ask(address, &requests).await;
        check_statuses(&answers, &[200, 400]);
        assert!(answers.ends_with("}\n"), "{answers}");
    });
}

#[test]
fn a_client_that_waits_for_permission_to_send_gets_an_answer_either_way() {
    run(async {
        let (site, mailbox) = site();
        let (site, address) = serve(site).await;
        echo(&site, mailbox);
        let expect = "expect: 100-continue\r\nconnection: close\r\n";
        let fields = format!("content-type: text/plain\r\ncontent-length: 3\r\n{expect}");
        let mut stream = send(address, &post(&fields, b"")).await;
        let mut invitation = [0; 25];
        stream.read_exact(&mut invitation).await.unwrap();
        assert_eq!(&invitation, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(b"abc").await.unwrap();
        let text = read_all(stream).await;
        check_statuses(&text, &[200]);
        assert!(text.ends_with("\r\n\r\nabc"), "{text}");
        // It sends nothing before it has an answer: waiting for the body would be waiting for each other.
        let fields = "content-type: image/png\r\ncontent-length: 3\r\nexpect: 100-continue\r\n";
        let refused = timeout(Duration::from_secs(5), ask(address, &post(fields, b""))).await;
        let refused = refused.unwrap();
        check_statuses(&refused, &[415]);
        assert!(refused.contains("connection: close\r\n"), "{refused}");
    });
}

#[test]
fn a_client_that_leaves_takes_its_call_along() {
    run(async {
        let (site, mailbox) = site();
        mailbox.can_cancel.set(true);
        let (_site, address) = serve(site).await;
        let stream = send(address, &sized("", b"[1]")).await;
        let (ticket, _call, _reply) = next_call(&mailbox).await;
        drop(stream);
        let withdrawn = loop {
            mailbox.changed().await;
            let withdrawn = mailbox.take_withdrawn();
            if !withdrawn.is_empty() {
                break withdrawn;
            }
        };
        assert_eq!(withdrawn, [(ticket, Withdrawal::ClientGone)]);
    });
}

#[test]
fn without_a_free_worker_a_client_is_told_when_its_time_is_over() {
    run(async {
        let (mut site, mailbox) = site();
        site.request_time.fixed = Some(50 * MS);
        let (_site, address) = serve(site).await;
        let mut first = send(address, &sized("", b"[1]")).await;
        let (_ticket, _call, _reply) = next_call(&mailbox).await;
        let waiting = send(address, &sized("connection: close\r\n", b"[2]")).await;
        let mut status = [0; 12];
        first.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 504");
        let text = read_all(waiting).await;
        check_statuses(&text, &[503]);
        assert!(text.contains("\r\nretry-after: 1\r\n"), "{text}");
    });
}

#[test]
fn before_the_end_connections_are_closed_one_by_one() {
    run(async {
        let (site, _mailbox) = site();
        let (site, address) = serve(site).await;
        let idle = send(address, b"").await;
        let mut used = send(address, b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let mut status = [0; 12];
        used.read_exact(&mut status).await.unwrap();
        site.health.start_draining();
        used.write_all(b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let text = read_all(used).await;
        assert!(text.contains("HTTP/1.1 503 "), "{text}");
        assert!(text.contains("connection: close\r\n"), "{text}");
        let is_closed = Rc::new(Cell::new(false));
        let told = Rc::clone(&is_closed);
        let reader = spawn_local(async move {
            assert_eq!(read_all(idle).await, "");
            told.set(true);
        });
        tokio::task::yield_now().await;
        assert!(!is_closed.get());
        // Far sooner than when its first request would be overdue.
        let soon = Instant::now() + Duration::from_secs(5);
        site.closing.set();
        timeout_at(soon, reader).await.unwrap().unwrap();
        timeout_at(soon, site.registry.empty()).await.unwrap();
    });
}

#[test]
fn one_connection_too_many_costs_the_one_that_is_idle() {
    run(async {
        let (mut site, mailbox) = site();
        site.registry = crate::registry::Registry::new(2);
        let (_site, address) = serve(site).await;
        let _busy = send(address, &sized("", b"[1]")).await;
        let _call = next_call(&mailbox).await;
        let mut idle = send(address, b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let mut status = [0; 12];
        idle.read_exact(&mut status).await.unwrap();
        let mut third = send(address, b"GET /ping HTTP/1.1\r\nhost: x\r\n\r\n").await;
        third.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
        // Nothing more comes.
        read_all(idle).await;
    });
}

#[test]
fn one_that_has_never_asked_for_anything_is_idle_too() {
    run(async {
        let (mut site, _mailbox) = site();
        site.registry = crate::registry::Registry::new(1);
        let (site, address) = serve(site).await;
        let silent = send(address, b"").await;
        while site.registry.len() == 0 {
            tokio::task::yield_now().await;
        }
        // Its task has a turn of its own.
        tokio::task::yield_now().await;
        check_statuses(&ask(address, LAST_PING).await, &[200]);
        assert_eq!(read_all(silent).await, "");
    });
}
