//! The program from its start to its end.

use super::*;

#[test]
fn calls_wait_for_no_program_that_was_never_ready() {
    Setup::usual().run(async |rig| {
        sleep(Duration::from_millis(300)).await;
        assert_eq!(rig.health.ping_status(), 503);
        let refused = rig.submit("/invocations", b"x").err();
        assert!(
            matches!(refused, Some(Refusal::NotReady { state: "loading" })),
            "{refused:?}"
        );
        rig.ready().await;
        assert_eq!(heap(rig.call("/invocations", b"x").await.unwrap()), b"x");
    });
}

#[test]
fn one_that_is_never_ready_is_given_up_in_time() {
    let mut setup = Setup::usual();
    setup.limits.load = Duration::from_secs(1);
    setup.run(async |rig| {
        let started = Instant::now();
        let error = rig.keeping.await.unwrap().to_string();
        assert!(
            started.elapsed() < Duration::from_secs(4),
            "{:?}",
            started.elapsed()
        );
        assert!(
            error.starts_with(
                "load the model: the program was not ready within 1 s: GET /health at 127.0.0.1:"
            ),
            "{error}"
        );
        assert!(error.contains("refused"), "{error}");
    });
}

#[test]
fn one_that_ends_at_once_is_tried_a_few_times() {
    Setup::command("sh -c 'exit 3'").run(async |rig| {
        let started = Instant::now();
        let error = rig.keeping.await.unwrap().to_string();
        assert!(started.elapsed() >= Duration::from_millis(3500));
        assert!(error.contains("ends again and again"), "{error}");
        assert!(error.contains("before it was ready"), "{error}");
        assert!(error.contains('3'), "{error}");
    });
}

#[test]
fn one_that_cannot_be_started_is_given_up_at_once() {
    Setup::command("/etc/passwd").run(async |rig| {
        let error = rig.keeping.await.unwrap().to_string();
        assert!(
            error.starts_with("load the model: start the program: "),
            "{error}"
        );
    });
}

#[test]
fn when_it_dies_its_calls_are_refused_and_later_ones_wait() {
    Setup::usual().run(async |rig| {
        rig.ready().await;
        let before = seen(&rig.call("/invocations", b"x").await.unwrap());
        let (_, mut chunks) = chunks(rig.call("/stream", b"x").await.unwrap());
        let mut slow = rig.submit("/slow", b"x").unwrap();
        rig.appears("begun").await;
        let how = rig.death("/die").await;
        assert!(how.contains('7'), "{how}");
        assert!(matches!(slow.answer().await, Err(Refusal::Died { .. })));
        let (received, end) = rest(&mut chunks).await;
        assert_eq!(received, b"one");
        assert!(
            matches!(end, StreamEnd::Broken(Refusal::Died { .. })),
            "{end:?}"
        );
        wait(|| rig.health.ping_status() == 503).await;
        // Taken in, and answered by its successor.
        let after = seen(&rig.call("/invocations", b"x").await.unwrap());
        assert_ne!(before, after);
        assert_eq!(rig.health.ping_status(), 200);
    });
}

#[test]
fn one_that_dies_inside_an_answer_breaks_it_off() {
    Setup::usual().run(async |rig| {
        rig.ready().await;
        let (_, mut chunks) = chunks(rig.call("/die_inside", b"x").await.unwrap());
        let (received, end) = rest(&mut chunks).await;
        assert_eq!(received, b"one");
        match end {
            StreamEnd::Broken(Refusal::Died { how, .. }) => assert!(how.contains('7'), "{how}"),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn one_that_says_it_is_sick_gets_no_calls_until_it_is_well() {
    Setup::usual().run(async |rig| {
        rig.ready().await;
        let (_, mut chunks) = chunks(rig.call("/stream", b"x").await.unwrap());
        rig.sign("sick");
        rig.ping(503).await;
        assert!(
            rig.health.reason().contains("it says 500"),
            "{}",
            rig.health.reason()
        );
        let mut waiting = rig.submit("/invocations", b"x").unwrap();
        assert_eq!(rig.pool.n_waiting(), 1);
        rig.take_back("sick");
        rig.ping(200).await;
        assert_eq!(heap(waiting.answer().await.unwrap()), b"x");
        // What had begun before has gone on.
        rig.sign("go");
        assert_eq!(
            rest(&mut chunks).await,
            (b"onetwo".to_vec(), StreamEnd::Complete)
        );
        rig.pool.idle().await;
    });
}

#[test]
fn one_that_is_silent_three_times_gets_no_calls() {
    Setup::usual().run(async |rig| {
        rig.ready().await;
        let started = Instant::now();
        rig.sign("hang");
        rig.ping(503).await;
        assert!(
            started.elapsed() >= Duration::from_secs(6),
            "{:?}",
            started.elapsed()
        );
        assert!(
            rig.health.reason().contains("nothing within 2 s"),
            "{}",
            rig.health.reason()
        );
        rig.take_back("hang");
        rig.ping(200).await;
    });
}

#[test]
fn one_that_listens_no_more_is_found_out_by_the_next_call() {
    let mut setup = Setup::usual();
    setup.limits.ping_period = Duration::from_mins(10);
    setup.run(async |rig| {
        rig.ready().await;
        assert_eq!(
            heap(rig.call("/stop_listening", b"x").await.unwrap()),
            b"deaf"
        );
        rig.pool.idle().await;
        // The connection that was kept still works; after a moment it is kept no more.
        sleep(Duration::from_millis(1200)).await;
        let how = rig.death("/invocations").await;
        assert!(how.starts_with("it can't be reached: "), "{how}");
        rig.ping(503).await;
    });
}

#[test]
fn nothing_is_started_when_everything_is_being_stopped() {
    Setup::usual().run(async |rig| {
        rig.ready().await;
        rig.health.start_draining();
        rig.supervisor.stop_all(Duration::ZERO);
        wait(|| rig.pool.n_open() == 0).await;
        sleep(Duration::from_millis(300)).await;
        assert!(!rig.keeping.is_finished());
    });
}
