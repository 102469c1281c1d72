use optml_contract::failure::{Ended, Exception, Failure, Phase, RankException};

use super::{Told, first};

fn exception(text: &str) -> Exception {
    let (type_name, message) = text.split_once(": ").unwrap_or(("", text));
    Exception {
        type_name: type_name.to_owned(),
        message: message.to_owned(),
        place: None,
    }
}

/// A rank of a host of its own that raised something.
fn raised(rank: u32, text: &str) -> Told {
    let mut failure = Failure::new(Phase::Script);
    failure.exception = Some(exception(text));
    failure.ended = Some(Ended::Exited { code: 1 });
    failure.rank = Some(rank);
    Told {
        host: rank,
        is_late: false,
        failure: Box::new(failure),
    }
}

fn late(mut told: Told) -> Told {
    told.is_late = true;
    told
}

fn with_end(mut told: Told, ended: Ended) -> Told {
    told.failure.ended = Some(ended);
    told
}

fn gone(host: u32) -> Told {
    let mut failure = Failure::new(Phase::Cluster);
    failure.exception = Some(exception("host `algo-3` is gone: it closed the connection"));
    Told {
        host,
        is_late: false,
        failure: Box::new(failure),
    }
}

fn headline(told: Vec<Told>) -> String {
    first(told).unwrap().exception.unwrap().headline()
}

#[test]
fn nobody_failed() {
    assert_eq!(first(Vec::new()), None);
}

#[test]
fn of_equals_the_lowest_rank() {
    let told = vec![
        raised(3, "ValueError: c"),
        raised(1, "ValueError: a"),
        raised(2, "ValueError: b"),
    ];
    assert_eq!(headline(told), "ValueError: a");
}

#[test]
fn what_follows_from_a_failure_is_not_its_cause() {
    for consequence in [
        "ConnectionResetError: [Errno 104] gone",
        "RuntimeError: [../third_party/gloo/gloo/transport/tcp/pair.cc:598] Connection closed by peer [10.0.0.2]:9",
        "torch.distributed.DistBackendError: NCCL error, ncclRemoteError: A call failed possibly due to a network error",
        "RuntimeError: Socket Timeout",
        "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: train.py FAILED",
        "mpi4py.MPI.Exception: MPI_ERR_PROC_FAILED: Process Failure",
    ] {
        let told = vec![raised(0, consequence), raised(5, "ValueError: the cause")];
        assert_eq!(headline(told), "ValueError: the cause", "{consequence}");
    }
}

#[test]
fn a_consequence_alone_is_still_told() {
    assert_eq!(
        headline(vec![
            raised(2, "ConnectionResetError: x"),
            raised(1, "BrokenPipeError: y")
        ]),
        "BrokenPipeError: y"
    );
}

#[test]
fn a_lost_host_stands_before_those_that_miss_it() {
    let told = vec![raised(0, "RuntimeError: Connection reset by peer"), gone(2)];
    assert!(headline(told).starts_with("host `algo-3` is gone"));
    let told = vec![gone(2), raised(1, "ValueError: the cause")];
    assert_eq!(headline(told), "ValueError: the cause");
}

#[test]
fn what_was_ended_is_no_cause() {
    let stopped = with_end(
        raised(0, "KeyboardInterrupt: "),
        Ended::Stopped {
            signal: 15,
            code: 143,
            killed: false,
        },
    );
    assert_eq!(
        headline(vec![stopped, raised(4, "KeyError: 'x'")]),
        "KeyError: 'x'"
    );
    let told = vec![
        late(raised(0, "ValueError: late")),
        raised(4, "KeyError: 'x'"),
    ];
    assert_eq!(headline(told), "KeyError: 'x'");
}

#[test]
fn a_kill_is_a_cause_and_an_abort_what_it_says() {
    let killed = |signal| Ended::Signaled {
        signal,
        core_dumped: false,
        peak_rss_bytes: None,
    };
    let text = "RuntimeError: NCCL communicator was aborted";
    let told = vec![
        with_end(raised(0, text), killed(6)),
        raised(3, "ValueError: v"),
    ];
    assert_eq!(headline(told), "ValueError: v");
    let told = vec![
        raised(0, text),
        with_end(raised(3, "last words"), killed(9)),
    ];
    assert_eq!(headline(told), "last words");
}

#[test]
fn the_report_has_all_ranks() {
    let mut master = raised(0, "ValueError: a");
    master.failure.other_ranks = vec![RankException {
        rank: 1,
        exception: exception("KeyError: b"),
    }];
    let mut silent = with_end(
        raised(2, ""),
        Ended::Stopped {
            signal: 15,
            code: 143,
            killed: false,
        },
    );
    silent.failure.exception = None;
    let report = first(vec![
        late(silent),
        raised(3, "ConnectionResetError: c"),
        master,
    ])
    .unwrap();
    assert_eq!(report.rank, Some(0));
    let others: Vec<_> = report
        .other_ranks
        .iter()
        .map(|other| format!("{} {}", other.rank, other.exception.headline()))
        .collect();
    assert_eq!(
        others,
        [
            "1 KeyError: b",
            "2 ended when asked to",
            "3 ConnectionResetError: c"
        ]
    );
}
