use optml_contract::options::Launcher;

use super::*;
use crate::launcher::tests::Job;

fn custom(options: &str) -> Custom {
    let name = "sagemaker_mpi_custom_mpi_options";
    Job::of(1)
        .hp(name, options)
        .with(|site| Custom::read(site, name).unwrap())
}

#[test]
fn options_are_divided_by_white_space_alone() {
    let custom = custom(" -x  A=1\t--NCCL_DEBUG=\n-mca pml cm --NCCL_DEBUG INFO -x B 'C D'");
    let words = ["-x", "A=1", "-mca", "pml", "cm", "-x", "B", "'C", "D'"];
    assert_eq!(custom.words, words);
    assert_eq!(custom.nccl_debug.as_deref(), Some("INFO"));
    assert!(custom.has_parameter("pml") && !custom.has_parameter("cm"));
    assert!(
        custom.exports("A".as_ref())
            && custom.exports("B".as_ref())
            && !custom.exports("C".as_ref())
    );
}

#[test]
fn options_have_one_dash_or_two() {
    for given in ["-bind-to core", "--bind-to core"] {
        assert!(custom(given).has_option("-bind-to"), "{given}");
    }
    assert!(!custom("-x bind-to").has_option("-bind-to"));
}

#[test]
fn each_of_many_hosts_is_named() {
    let text = Job::of(100).shown(Launcher::Mpirun);
    let line = text.lines().find(|line| line.contains("--host")).unwrap();
    let hosts: Vec<_> = line
        .trim()
        .trim_start_matches("--host ")
        .split(',')
        .collect();
    assert_eq!(
        (hosts.len(), hosts[1], hosts[9]),
        (100, "algo-2", "algo-10")
    );
}
