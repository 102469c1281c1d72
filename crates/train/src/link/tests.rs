//! Real links over loopback.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    num::NonZeroU16,
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use optml_contract::failure::{Ended, Exception, Failure, Phase};

use super::{Event, Link, LinkError, Member, Outcome, Party, SshServer, Start, Terms};

/// Nothing here may take longer.
const LIMIT: Duration = Duration::from_secs(50);

fn free_port() -> NonZeroU16 {
    let probe = TcpListener::bind("127.0.0.1:0").unwrap();
    NonZeroU16::new(probe.local_addr().unwrap().port()).unwrap()
}

fn party(rank: u32, n_hosts: u32, port: NonZeroU16) -> Party {
    Party {
        own: Member {
            rank,
            host: format!("algo-{}", rank + 1),
            node_name: "aws".to_owned(),
            terms: Terms {
                n_hosts,
                launcher: "native".to_owned(),
                processes_per_host: 2,
                version: "1".to_owned(),
            },
        },
        names: (1..=n_hosts).map(|n| format!("algo-{n}")).collect(),
        first: "127.0.0.1".to_owned(),
        port,
        secret: String::new(),
        job: "job".to_owned(),
        join_within: Duration::from_secs(30),
        stop_grace: Duration::from_secs(30),
    }
}

struct Host {
    link: Link,
    events: Receiver<Event>,
}

impl Host {
    fn open(party: Party) -> Self {
        let (tell, events) = mpsc::channel();
        let link = Link::open(party, move |event| {
            let _ = tell.send(event);
        });
        Self {
            link: link.unwrap(),
            events,
        }
    }

    fn next(&self) -> Event {
        self.events.recv_timeout(LIMIT).expect("an event in time")
    }

    fn over(&self) -> Outcome {
        loop {
            if let Event::Over(outcome) = self.next() {
                return outcome;
            }
        }
    }
}

/// Hosts that are all ready.
fn started(n: u32) -> Vec<Host> {
    let port = free_port();
    let hosts: Vec<_> = (0..n)
        .map(|rank| Host::open(party(rank, n, port)))
        .collect();
    for host in &hosts {
        host.link.ready(None, None);
    }
    for host in &hosts {
        assert!(matches!(host.next(), Event::Start(_)));
    }
    hosts
}

fn failure(rank: u32, text: &str) -> Box<Failure> {
    let mut failure = Failure::new(Phase::Script);
    failure.exception = Some(Exception {
        type_name: "ValueError".to_owned(),
        message: text.to_owned(),
        place: None,
    });
    failure.ended = Some(Ended::Exited { code: 3 });
    failure.rank = Some(rank);
    failure.host = Some(format!("algo-{}", rank + 1));
    Box::new(failure)
}

fn message(outcome: Outcome) -> String {
    outcome.unwrap_err().exception.unwrap().headline()
}

#[test]
fn hosts_begin_together_and_end_well() {
    let port = free_port();
    // The first comes last: the others wait for it.
    let hosts: Vec<_> = [2, 1, 0]
        .map(|rank| Host::open(party(rank, 3, port)))
        .into();
    let ssh = |rank: u32| SshServer {
        port: 40_000 + u16::try_from(rank).unwrap(),
        host_key: format!("key-{rank}"),
    };
    for (host, rank) in hosts.iter().zip([2, 1, 0]) {
        let key = (rank == 0).then(|| "the first".to_owned());
        host.link.ready((rank > 0).then(|| ssh(rank)), key);
    }
    for host in &hosts[..2] {
        let Event::Start(Start {
            servers,
            key,
            share_a_name,
        }) = host.next()
        else {
            panic!("it starts")
        };
        assert_eq!((servers, key.as_deref()), (Vec::new(), Some("the first")));
        assert!(share_a_name);
        host.link.serving();
    }
    let Event::Start(Start { servers, .. }) = hosts[2].next() else {
        panic!("it starts")
    };
    assert_eq!(servers, [None, Some(ssh(1)), Some(ssh(2))]);
    assert_eq!(hosts[2].next(), Event::AllServe);
    for host in &hosts {
        host.link.ended(None);
    }
    for host in hosts {
        assert_eq!(host.next(), Event::Over(Ok(())));
        host.link.close();
    }
}

#[test]
fn one_failure_ends_all_with_its_reason() {
    let hosts = started(3);
    hosts[2].link.failing(failure(2, "no such label"));
    for host in &hosts {
        let grace = Duration::from_secs(30);
        let gently = false;
        assert_eq!(host.next(), Event::Stop { grace, gently });
        host.link.ended(None);
    }
    for host in &hosts {
        assert_eq!(message(host.over()), "ValueError: no such label");
    }
}

#[test]
fn a_host_that_goes_without_a_word_is_the_reason() {
    let mut hosts = started(3);
    let gone = hosts.remove(1);
    gone.link.close();
    for host in &hosts {
        assert!(matches!(host.next(), Event::Stop { .. }));
        host.link.ended(None);
    }
    for host in &hosts {
        let text = message(host.over());
        assert!(text.starts_with("host `algo-2` is gone: "), "{text}");
    }
}

#[test]
fn without_the_first_host_the_others_end() {
    let port = free_port();
    let mut first = party(0, 2, port);
    first.join_within = LIMIT;
    let (first, second) = (Host::open(first), Host::open(party(1, 2, port)));
    first.link.failing(failure(0, "early"));
    // It does not wait for anybody.
    first.link.close();
    assert_eq!(message(second.over()), "ValueError: early");
}

#[test]
fn a_host_that_never_comes_is_named() {
    let port = free_port();
    let mut first = party(0, 3, port);
    first.join_within = Duration::from_secs(2);
    let (first, second) = (Host::open(first), Host::open(party(1, 3, port)));
    first.link.ready(None, None);
    second.link.ready(None, None);
    for host in [first, second] {
        let failure = host.over().unwrap_err();
        assert_eq!(failure.phase, Phase::HostWait);
        assert_eq!(
            message(Err(failure)),
            "1 of 3 hosts did not join within 2 s: `algo-3`"
        );
    }
}

#[test]
fn a_first_host_that_never_comes_is_named() {
    let mut late = party(1, 2, free_port());
    late.join_within = Duration::from_secs(1);
    let text = message(Host::open(late).over());
    assert!(
        text.starts_with("the first host `127.0.0.1` could not be joined on port"),
        "{text}"
    );
    assert!(text.contains("Connection refused"), "{text}");
}

#[test]
fn hosts_that_disagree_do_not_begin() {
    let port = free_port();
    let first = Host::open(party(0, 2, port));
    let mut other = party(1, 2, port);
    other.own.terms.processes_per_host = 4;
    other.own.terms.launcher = "mpirun".to_owned();
    let text = message(Host::open(other).over());
    assert_eq!(
        text,
        "the first host `127.0.0.1` does not take this one: launcher: `mpirun` there, `native` on the first host; \
         processes a host: `4` there, `2` on the first host"
    );
    first.link.close();
}

#[test]
fn a_rank_is_given_once() {
    let port = free_port();
    let first = Host::open(party(0, 3, port));
    let second = Host::open(party(1, 3, port));
    let third = Host::open(party(1, 3, port));
    // Whoever came later is refused.
    let begin = Instant::now();
    let text = loop {
        let told = [&second, &third].map(|host| host.events.try_recv());
        let refused = told.into_iter().flatten().next();
        if let Some(Event::Over(outcome)) = refused {
            break message(outcome);
        }
        assert!(begin.elapsed() < LIMIT);
        std::thread::yield_now();
    };
    assert!(text.ends_with("rank 1 is taken by `algo-2`"), "{text}");
    first.link.close();
}

#[test]
fn strangers_do_not_disturb() {
    let port = free_port();
    let first = Host::open(party(0, 2, port));
    let mut http = TcpStream::connect(("127.0.0.1", port.get())).unwrap();
    http.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    // It greets, and closes.
    let mut answer = Vec::new();
    let _ = http.read_to_end(&mut answer);
    let mut silent = TcpStream::connect(("127.0.0.1", port.get())).unwrap();
    silent.write_all(b"optm").unwrap();
    let mut stranger = party(1, 2, port);
    stranger.secret = "another".to_owned();
    stranger.join_within = Duration::from_secs(1);
    let text = message(Host::open(stranger).over());
    assert!(text.contains("has another OPTML_CLUSTER_SECRET"), "{text}");
    let second = Host::open(party(1, 2, port));
    for host in [&first, &second] {
        host.link.ready(None, None);
    }
    for host in [first, second] {
        assert!(matches!(host.next(), Event::Start(_)));
    }
}

#[test]
fn a_host_alone_has_the_same_course() {
    let host = Host::open(party(0, 1, free_port()));
    host.link.ready(None, None);
    assert!(matches!(host.next(), Event::Start(_)));
    host.link.failing(failure(1, "second"));
    host.link.failing(failure(0, "first"));
    assert!(matches!(host.next(), Event::Stop { .. }));
    host.link.ended(None);
    assert_eq!(message(host.over()), "ValueError: first");
}

#[test]
fn a_port_that_is_taken() {
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = NonZeroU16::new(taken.local_addr().unwrap().port()).unwrap();
    let error = Link::open(party(0, 2, port), |_| {}).unwrap_err();
    assert!(matches!(error, LinkError::Listen { .. }));
    assert!(error.hint().unwrap().contains("OPTML_CONTROL_PORT"));
}
