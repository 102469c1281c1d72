use super::{LocalNetwork, LocalOptions};
use crate::source::Memory;

fn read(hosts: &str, network: &str) -> (LocalOptions, Vec<String>) {
    let source = Memory::new()
        .with_var("OPTML_LOCAL_HOSTS", hosts)
        .with_var("OPTML_LOCAL_NETWORK", network);
    let (options, problems) = LocalOptions::read(&source);
    (options, problems.iter().map(ToString::to_string).collect())
}

#[test]
fn one_host_unless_told() {
    assert_eq!(
        LocalOptions::read(&Memory::new()).0,
        LocalOptions::default()
    );
    assert_eq!(read("", ""), (LocalOptions::default(), vec![]));
    let wanted = LocalOptions {
        n_hosts: 64,
        network: LocalNetwork::Loopback,
    };
    assert_eq!(read("64", "loopback"), (wanted, vec![]));
}

#[test]
fn what_cannot_be_read_is_told() {
    for hosts in ["0", "65", "-1", "two"] {
        let (options, problems) = read(hosts, "bridge");
        assert_eq!(options, LocalOptions::default());
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("OPTML_LOCAL_HOSTS"), "{problems:?}");
        assert!(
            problems[1].ends_with("`bridge` is not one of `auto`, `namespaces`, `loopback`"),
            "{problems:?}"
        );
    }
}
