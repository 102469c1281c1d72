use std::ffi::OsString;

use super::{Ssh, decode, encode, quoted};
use crate::link::SshServer;

fn ssh(folder: &camino::Utf8Path) -> Ssh {
    Ssh {
        folder: folder.to_owned(),
        keygen: "ssh-keygen".into(),
    }
}

#[test]
fn an_environment_comes_back() {
    let environment: Vec<(OsString, OsString)> = [
        ("A", "one"),
        ("SM_HP_A-B", "two = three"),
        ("EMPTY", ""),
        ("LINES", "a\nb'\"$(x)"),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .to_vec();
    assert_eq!(decode(&encode(&environment)), environment);
}

#[test]
fn words_for_a_shell() {
    assert_eq!(quoted("/a b/c"), "'/a b/c'");
    assert_eq!(quoted("it's"), r"'it'\''s'");
}

#[test]
fn what_the_client_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = camino::Utf8Path::from_path(folder.path()).unwrap();
    let hosts = ["algo-1", "algo-2"].map(str::to_owned);
    let server = SshServer {
        port: 40_001,
        host_key: "ecdsa-sha2-nistp256 AAAA".to_owned(),
    };
    let ssh = ssh(folder);
    ssh.client_config(&hosts, &[None, Some(server)]).unwrap();
    let config = std::fs::read_to_string(ssh.client_file()).unwrap();
    assert!(
        config.starts_with("Host algo-2\n  Port 40001\n  HostKeyAlias algo-2\nHost *\n"),
        "{config}"
    );
    assert!(config.contains("StrictHostKeyChecking yes"));
    let known = std::fs::read_to_string(folder.join("known_hosts")).unwrap();
    assert_eq!(known, "algo-2 ecdsa-sha2-nistp256 AAAA\n");
}

#[test]
fn a_key_adds_one_line_and_no_options() {
    let folder = tempfile::tempdir().unwrap();
    let folder = camino::Utf8Path::from_path(folder.path()).unwrap();
    ssh(folder)
        .admit("ecdsa-sha2-nistp256 AAAA optml\nssh-rsa EVIL", &[])
        .unwrap();
    let keys = std::fs::read_to_string(folder.join("authorized_keys")).unwrap();
    assert_eq!(keys, "restrict ecdsa-sha2-nistp256 AAAA optml\n");
}
