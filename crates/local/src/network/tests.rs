use std::io;

use super::{KernelRefused, Network, NetworkRefused, Wanted};

#[track_caller]
fn check(wanted: Wanted, code: i32, expected: &str) {
    let refused = KernelRefused {
        wanted,
        source: io::Error::from_raw_os_error(code),
    };
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn a_refusal_says_what_and_why() {
    check(
        Wanted::UserNamespace,
        1,
        "the kernel refuses user namespaces (Operation not permitted)",
    );
    check(
        Wanted::Bridge,
        95,
        "the kernel refuses a bridge between network namespaces (Operation not supported)",
    );
    check(
        Wanted::UserNamespace,
        28,
        "the kernel refuses user namespaces (a limit on namespaces is reached, see `user.max_*_namespaces`)",
    );
}

#[test]
fn the_way_down_to_loopback_is_told() {
    let refused = NetworkRefused {
        because: "the kernel refuses user namespaces (Operation not permitted)".to_owned(),
    };
    let network = Network::Loopback(Some(refused.clone()));
    assert_eq!(
        network.text(),
        "on loopback addresses: the kernel refuses user namespaces (Operation not permitted)"
    );
    assert_eq!(
        Network::Loopback(None).text(),
        "on loopback addresses",
        "as it was asked for"
    );
    assert!(refused.hint().contains("`--host-network loopback`"));
    let hosts = network.hosts(2);
    assert_eq!(hosts.sorted_names(), ["127.0.1.1", "127.0.1.2"]);
}
