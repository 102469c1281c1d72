//! Calls and answers.

use super::*;

#[test]
fn requests_and_answers_go_through() {
    Setup::usual().run(async |rig| {
        rig.ready().await;
        let answer = rig.call("/invocations", b"1,2").await.unwrap();
        assert_eq!(answer.status, 200);
        let seen = seen(&answer);
        assert!(seen.contains("\"/predict?q=1\""), "{seen}");
        assert!(seen.contains("[\"content-length\", \"3\"]"), "{seen}");
        assert!(
            seen.contains("[\"x-forwarded-for\", \"10.0.0.7\"]"),
            "{seen}"
        );
        assert!(seen.contains("[\"host\", \"127.0.0.1:"), "{seen}");
        assert_eq!(heap(answer), b"1,2");
        let answer = rig.call("/invocations", b"").await.unwrap();
        assert!(super::seen(&answer).contains("[\"content-length\", \"0\"]"));
        assert_eq!(heap(answer), b"");
    });
}

#[test]
fn a_unix_socket_will_do() {
    let setup = Setup {
        listens: Listens::ChosenSocket,
        ..Setup::command(&Setup::usual().words.replace("{port}", "{socket}"))
    };
    setup.run(async |rig| {
        rig.ready().await;
        let answer = rig.call("/invocations", b"abc").await.unwrap();
        assert!(seen(&answer).contains("[\"host\", \"localhost\"]"));
        assert_eq!(heap(answer), b"abc");
    });
}

#[test]
fn large_bodies_go_through_both_ways() {
    Setup::usual().run(async |rig| {
        rig.ready().await;
        let body: Vec<u8> = (0..5 << 20).map(|i: u32| (i % 251) as u8).collect();
        let (declared_bytes, mut chunks) = chunks(rig.call("/invocations", &body).await.unwrap());
        assert_eq!(declared_bytes, Some(5 << 20));
        let (received, end) = rest(&mut chunks).await;
        assert_eq!(end, StreamEnd::Complete);
        assert!(received == body, "{} bytes", received.len());
    });
}

#[test]
fn connections_are_kept() {
    Setup::usual().run(async |rig| {
        rig.ready().await;
        let mut connections = Vec::new();
        for _ in 0..3 {
            let seen = seen(&rig.call("/invocations", b"x").await.unwrap());
            let connection = seen.split("\"connection\": ").nth(1).unwrap();
            connections.push(connection.split('"').nth(1).unwrap().to_owned());
            rig.pool.idle().await;
        }
        assert_eq!(connections[0], connections[1]);
        assert_eq!(connections[0], connections[2]);
    });
}

#[test]
fn a_kept_connection_that_was_closed_meanwhile_costs_nobody_an_answer() {
    Setup::usual().run(async |rig| {
        rig.ready().await;
        for _ in 0..10 {
            let answer = rig.call("/close_after", b"x").await.unwrap();
            assert_eq!(heap(answer), b"closed");
            // Long enough to close it, and less than it is kept for.
            sleep(Duration::from_millis(50)).await;
        }
    });
}

#[test]
fn calls_run_beside_each_other_and_no_more_of_them_than_may() {
    Setup::usual().run(async |rig| {
        rig.ready().await;
        let mut streams = Vec::new();
        for _ in 0..4 {
            streams.push(chunks(rig.call("/stream", b"x").await.unwrap()).1);
        }
        assert_eq!(rig.pool.n_sent(), 4);
        let mut waiting = rig.submit("/invocations", b"x").unwrap();
        assert_eq!(rig.pool.n_waiting(), 1);
        rig.sign("go");
        for mut chunks in streams {
            assert_eq!(
                rest(&mut chunks).await,
                (b"onetwo".to_vec(), StreamEnd::Complete)
            );
        }
        assert_eq!(heap(waiting.answer().await.unwrap()), b"x");
        rig.pool.idle().await;
    });
}

#[test]
fn streams_arrive_piece_by_piece() {
    Setup::usual().run(async |rig| {
        rig.ready().await;
        let (declared_bytes, mut chunks) = chunks(rig.call("/stream", b"x").await.unwrap());
        assert_eq!(declared_bytes, None);
        assert_eq!(chunks.next().await, Piece::Bytes(b"one".to_vec()));
        let early = timeout(Duration::from_millis(100), chunks.next()).await;
        assert!(early.is_err(), "{early:?}");
        rig.sign("go");
        assert_eq!(chunks.next().await, Piece::Bytes(b"two".to_vec()));
        assert_eq!(chunks.next().await, Piece::End(StreamEnd::Complete));
    });
}

#[test]
fn the_program_waits_for_a_slow_reader() {
    const TOTAL: usize = 64 << 20;
    Setup::usual().run(async |rig| {
        rig.ready().await;
        let body = TOTAL.to_string();
        let (_, mut chunks) = chunks(rig.call("/flood", body.as_bytes()).await.unwrap());
        let written = || {
            let text = fs::read_to_string(rig.path("written")).unwrap_or_default();
            text.parse::<usize>().unwrap_or_default()
        };
        let mut before = 0;
        wait(|| written() > 0).await;
        // Until nothing moves any more: our bound, and what the kernel buffers.
        while written() > before {
            before = written();
            sleep(Duration::from_millis(300)).await;
        }
        assert!(
            before < TOTAL / 2,
            "{before} bytes were written, and none were read"
        );
        let (received, end) = rest(&mut chunks).await;
        assert_eq!((received.len(), end), (TOTAL, StreamEnd::Complete));
    });
}

#[test]
fn a_reader_that_leaves_ends_its_connection() {
    Setup::usual().run(async |rig| {
        rig.ready().await;
        let (_, mut chunks) = chunks(rig.call("/flood", b"67108864").await.unwrap());
        assert!(matches!(chunks.next().await, Piece::Bytes(_)));
        drop(chunks);
        rig.appears("stopped").await;
        rig.pool.idle().await;
    });
}

#[test]
fn a_call_that_is_given_up_ends_its_connection() {
    Setup::usual().run(async |rig| {
        rig.ready().await;
        let handle = rig.submit("/slow", b"x").unwrap();
        assert!(!handle.outlives_client());
        rig.appears("begun").await;
        drop(handle);
        rig.appears("left").await;
        rig.pool.idle().await;
        rig.take_back("left");
        let limit = Duration::from_millis(200);
        let late = rig
            .submit_within("/slow", b"x", limit)
            .unwrap()
            .answer()
            .await;
        assert_eq!(late.unwrap_err(), Refusal::Deadline);
        rig.appears("left").await;
        rig.pool.idle().await;
    });
}

#[test]
fn broken_answers_are_told() {
    Setup::usual().run(async |rig| {
        rig.ready().await;
        let how = rig.death("/hang_up").await;
        assert!(
            how.starts_with("it closed the connection before it answered"),
            "{how}"
        );
        let how = rig.death("/cut").await;
        assert!(how.starts_with("it broke off its answer"), "{how}");
        let (_, mut chunks) = chunks(rig.call("/cut_chunks", b"x").await.unwrap());
        let (received, end) = rest(&mut chunks).await;
        assert_eq!(received, b"one");
        assert!(
            matches!(end, StreamEnd::Broken(Refusal::Died { .. })),
            "{end:?}"
        );
        match rig.call("/nonsense", b"x").await {
            Err(Refusal::Raised(failure)) => {
                assert_eq!(failure.status, 502);
                assert!(
                    failure
                        .message
                        .starts_with("the program's answer can't be passed on"),
                    "{failure}"
                );
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(heap(rig.call("/invocations", b"x").await.unwrap()), b"x");
        assert_eq!(rig.health.ping_status(), 200);
    });
}
