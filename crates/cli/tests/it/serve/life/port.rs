//! The port, and that there is no other.

use std::{
    ffi::{OsStr, OsString},
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
};

use optml_testkit::Proc;
use rustix::net::{AddressFamily, SocketType, sockopt};

use super::held_at;
use crate::{
    rig::binary,
    serve::rig::{Served, Serving},
};

/// A port that was free a moment ago.
fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

#[test]
fn the_platforms_port_counts_and_ours_comes_first() {
    let (platform, ours) = (free_port(), free_port());
    let served = held_at(&[])
        .without("OPTML_PORT")
        .variable("SAGEMAKER_BIND_TO_PORT", &platform)
        .start();
    assert_eq!(served.address.port().to_string(), platform);
    drop(served);
    let served = held_at(&[])
        .variable("OPTML_PORT", &ours)
        .variable("SAGEMAKER_BIND_TO_PORT", &platform)
        .start();
    assert_eq!(served.address.port().to_string(), ours);
}

#[test]
fn the_port_is_open_before_anything_else_happens() {
    let served = held_at(&["import"]).start();
    assert_eq!(served.ping(), 503);
}

#[track_caller]
fn is_refused(serving: Serving, pieces: &[&str]) {
    let finished = serving.fails();
    assert_eq!(finished.code, Some(20), "{}", finished.stderr);
    let start = finished.stderr.rfind("error: ").expect(&finished.stderr);
    for piece in pieces {
        assert!(
            finished.stderr[start..].contains(piece),
            "no {piece:?} in {}",
            finished.stderr
        );
    }
    assert!(!finished.stderr.contains("serving on"));
}

#[test]
fn h14_a_port_that_is_taken_names_its_holder() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let holder = format!("(pid {})", std::process::id());
    is_refused(
        held_at(&[]).variable("OPTML_PORT", &address.port().to_string()),
        &[&address.to_string(), &holder, "hint: ", "--port"],
    );
}

/// One address of the machine is enough to be in the way of all of them.
#[test]
fn h14_all_interfaces_are_refused_when_one_has_the_port() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let holder = format!("(pid {})", std::process::id());
    for host in ["0.0.0.0", "::"] {
        is_refused(
            held_at(&[])
                .variable("OPTML_PORT", &port)
                .variable("OPTML_HOST", host),
            &[&holder],
        );
    }
    // The platform's variable stands for all interfaces.
    let serving = held_at(&[])
        .without("OPTML_HOST")
        .without("OPTML_PORT")
        .variable("SAGEMAKER_BIND_TO_PORT", &port);
    is_refused(serving, &[&format!("0.0.0.0:{port}")]);
}

/// Two servers on one port would each get half of the requests.
#[test]
fn h14_a_port_is_not_shared_even_with_one_who_would() {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    sockopt::set_socket_reuseport(&socket, true).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    rustix::net::bind(&socket, &any).unwrap();
    rustix::net::listen(&socket, 1).unwrap();
    let listener = TcpListener::from(socket);
    let port = listener.local_addr().unwrap().port().to_string();
    is_refused(held_at(&[]).variable("OPTML_PORT", &port), &["held by"]);
}

#[test]
fn h14_an_address_that_no_interface_has_is_told_so() {
    is_refused(
        held_at(&[]).variable("OPTML_HOST", "203.0.113.7"),
        &["203.0.113.7", "hint: no interface has this address"],
    );
}

#[test]
fn h14_the_other_family_of_addresses_is_served_too() {
    let served = held_at(&[]).variable("OPTML_HOST", "::1").start();
    assert!(served.address.is_ipv6());
    served.wait_ready();
    assert_eq!(served.invoke("a/b", b"x").text(), "x");
}

/// Root without the right to it, in a network of its own, where the limit is the usual one.
#[test]
fn h14_a_port_below_1024_needs_a_right() {
    let folder = tempfile::tempdir().unwrap();
    let words = ["-n", "setpriv", "--bounding-set=-net_bind_service"].map(OsString::from);
    let server = [binary(), "serve".into()];
    let finished = Proc::start(
        "unshare",
        words.into_iter().chain(server),
        &[
            ("SAGEMAKER_BASE_DIR", folder.path().as_os_str()),
            ("OPTML_HOST", OsStr::new("127.0.0.1")),
            ("OPTML_PORT", OsStr::new("80")),
        ],
    )
    .wait();
    assert_eq!(finished.code, Some(20), "{}", finished.stderr);
    assert!(
        finished
            .stderr
            .contains("hint: ports below 1024 are for root"),
        "{}",
        finished.stderr
    );
}

/// A server that ended a moment ago is no holder: its connections are still being forgotten.
#[test]
fn h14_a_port_can_be_had_again_at_once() {
    let port = free_port();
    for _ in 0..2 {
        let served = held_at(&[]).variable("OPTML_PORT", &port).ready();
        let mut client = served.client();
        assert_eq!(client.request("GET", "/ping", &[], b"").status, 200);
        assert_eq!(served.stop().code, Some(0));
    }
}

/// The addresses at which this server and its workers listen.
fn listens_at(served: &Served) -> Vec<String> {
    let mut pids = served.workers();
    pids.push(served.proc.id());
    let inodes: Vec<String> = pids
        .iter()
        .flat_map(|pid| fs::read_dir(format!("/proc/{pid}/fd")).unwrap())
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|target| {
            Some(
                target
                    .to_str()?
                    .strip_prefix("socket:[")?
                    .trim_end_matches(']')
                    .to_owned(),
            )
        })
        .collect();
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        if !Path::new(table).exists() {
            continue;
        }
        for line in fs::read_to_string(table).unwrap().lines().skip(1) {
            let columns: Vec<&str> = line.split_ascii_whitespace().collect();
            if columns[3] == "0A" && inodes.iter().any(|inode| inode == columns[9]) {
                let port = columns[1].rsplit(':').next().unwrap();
                let port = u16::from_str_radix(port, 16).unwrap();
                found.push(format!("{}:{port}", &columns[1][..8]));
            }
        }
    }
    found.sort_unstable();
    found
}

const LOOPBACK: &str = "0100007F";

#[test]
fn no_other_port_is_opened() {
    let served = held_at(&[])
        .variable("OPTML_WORKERS", "2")
        .variable("SAGEMAKER_SAFE_PORT_RANGE", "25000-25999")
        .ready();
    served.wait_until("both are there", || served.workers().len() == 2);
    let port = served.address.port();
    assert_eq!(listens_at(&served), [format!("{LOOPBACK}:{port}")]);
}

#[test]
fn the_port_of_metrics_is_opened_on_demand_and_on_loopback() {
    let serving = held_at(&[]).variable("OPTML_METRICS_PORT", "0");
    let served = serving.start();
    let line = served.proc.stderr_line("metrics on http://127.0.0.1:");
    let metrics = line
        .rsplit("127.0.0.1:")
        .next()
        .and_then(|rest| rest.split('/').next())
        .unwrap()
        .to_owned();
    let mut wanted = [
        format!("{LOOPBACK}:{}", served.address.port()),
        format!("{LOOPBACK}:{metrics}"),
    ];
    wanted.sort_unstable();
    assert_eq!(listens_at(&served), wanted);
}
