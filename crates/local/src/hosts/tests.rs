use std::fs;

use camino::Utf8Path;
use insta::assert_snapshot;

use super::{Hosts, network_interface};

#[test]
fn names_are_sorted_as_text() {
    let hosts = Hosts::named(11);
    assert_eq!(
        hosts.sorted_names()[..4],
        ["algo-1", "algo-10", "algo-11", "algo-2"]
    );
    let numbers: Vec<u8> = hosts.iter().map(|host| host.number).collect();
    assert_eq!(numbers, (1..=11).collect::<Vec<_>>());
    assert_eq!(hosts.network_interface(), "eth0");
}

#[test]
fn on_loopback_the_address_is_the_name() {
    let hosts = Hosts::on_loopback(2);
    let names: Vec<_> = hosts
        .iter()
        .map(|host| (host.label.as_str(), host.name.as_str()))
        .collect();
    assert_eq!(names, [("algo-1", "127.0.1.1"), ("algo-2", "127.0.1.2")]);
    assert_eq!(hosts.network_interface(), "lo");
    assert_eq!(
        Hosts::on_loopback(64).sorted_names()[0],
        "127.0.1.1",
        "the first host is the first"
    );
}

#[test]
fn every_name_has_an_address() {
    assert_snapshot!(Hosts::named(3).to_hosts_file(), @r"
    127.0.0.1 localhost
    ::1 localhost
    10.0.0.1 algo-1
    10.0.0.2 algo-2
    10.0.0.3 algo-3
    ");
}

#[test]
fn the_interface_of_a_single_host_is_one_that_exists() {
    let keep = tempfile::tempdir().unwrap();
    let interfaces = Utf8Path::from_path(keep.path()).unwrap();
    assert_eq!(network_interface(interfaces), "lo");
    fs::create_dir(interfaces.join("eth0")).unwrap();
    assert_eq!(network_interface(interfaces), "eth0");
}
